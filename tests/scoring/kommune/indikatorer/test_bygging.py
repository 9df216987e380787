"""Building: the mean of three years per 1,000, and the rate against the country."""

from __future__ import annotations

import pytest

from .tallbase import regnet, tall

FOLK = {"3207": dict.fromkeys(range(2022, 2026), 4000.0), "0301": dict.fromkeys(range(2022, 2026), 10_000.0)}


def test_three_years_are_averaged_and_set_against_the_country():
    # 3207: (12 + 8 + 4) / 4,000 × 1,000 / 3 = 2. Country, both added up: (72 + 48 + 24) / 14,000 × 1,000 / 3 = 3.428571
    boliger = {"3207": {2022: 12, 2023: 8, 2024: 4}, "0301": {2022: 60, 2023: 40, 2024: 20}}
    ut = regnet(tall("folkemengde", FOLK) + tall("boliger_igangsatt", boliger), kommuner=list(FOLK))
    rad = ut.loc[("3207", "igangsatte_per_1000")]
    assert (rad["verdi"], rad["landstall"]) == pytest.approx((2.0, 144 / 14 / 3))
    assert rad["kilde"] == "SSB 05940 Igangsatte 2022–2024; SSB 06913 Folkemengde 2022–2024"
    assert ut.loc[("3207", "byggetakt_forhold"), "verdi"] == pytest.approx(2 / (144 / 14 / 3))
    assert ut.loc[("3207", "byggetakt_forhold"), "landstall"] == 1.0
    assert ut.loc[("3207", "fullfoerte_per_1000"), "mangler"] == "SSB 05940 Fullforte er ikke hentet"


def test_no_dwelling_is_a_figure_and_a_missing_year_is_none():
    boliger = {"3207": dict.fromkeys((2022, 2023, 2024), 0), "0301": {2022: 60, 2023: "..", 2024: 20}}
    ut = regnet(tall("folkemengde", FOLK) + tall("boliger_fullfoert", boliger), kommuner=list(FOLK))
    assert ut.loc[("3207", "fullfoerte_per_1000"), "verdi"] == 0.0
    assert ut.loc[("0301", "fullfoerte_per_1000"), "mangler"] == "SSB 05940 Fullforte 2023: tallet mangler hos SSB"


def test_a_country_that_builds_nothing_has_no_rate():
    boliger = {"3207": dict.fromkeys((2022, 2023, 2024), 0), "0000": dict.fromkeys((2022, 2023, 2024), 0)}
    folk = FOLK | {"0000": dict.fromkeys(range(2022, 2026), 5e6)}
    ut = regnet(tall("folkemengde", folk) + tall("boliger_igangsatt", boliger))
    assert ut.loc[("3207", "byggetakt_forhold"), "mangler"] == "landstallet mangler"


def test_quarters_are_added_up_and_a_year_that_is_not_over_is_none():
    kvartaler = [(2022, 4), (2023, 4), (2024, 4), (2025, 2)]
    rader = [
        tall("boliger_igangsatt", {"3207": {aar: 1}}, periode=f"{aar}K{k}")[0] for aar, n in kvartaler for k in range(n)
    ]
    ut = regnet(tall("folkemengde", FOLK) + rader, per_aar=2026)
    assert ut.loc[("3207", "igangsatte_per_1000"), ["verdi", "aar"]].tolist() == [1.0, 2024]  # 4 a year of 4,000


def test_the_stock_is_as_the_source_has_it():
    ut = regnet(tall("boligmasse", {"3207": {2025: 2100}, "0301": {2025: 900}}), kommuner=["3207", "0301"])
    assert ut.loc[("3207", "boligmasse"), ["verdi", "landstall"]].tolist() == [2100, 3000]


def test_a_country_that_lacks_a_kommune_has_no_bare_count():
    ut = regnet(tall("boligmasse", {"3207": {2025: 2100}, "0301": {2025: ":"}}), kommuner=["3207", "0301"])
    assert ut.loc[("3207", "boligmasse"), ["landstall"]].isna().all()
