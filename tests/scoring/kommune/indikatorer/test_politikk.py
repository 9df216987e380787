"""The council: shares of parties and blocks, local lists, votes under names of their own."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.scoring.kommune.indikatorer.politikk import effektive_partier

from .tallbase import grupper, kilder_av, regnet, tall


def raad(aar, **mandater):
    """Return rows of seats: 3207_A=12 written as n3207={"A": 12}."""
    return [
        rad
        for nummer, lister in mandater.items()
        for liste, antall in lister.items()
        for rad in tall("mandater", {nummer[1:]: {aar: antall}}, liste)
    ]


def test_shares_are_of_all_seats_and_every_list_counts_for_fragmentation():
    # 25 seats: Ap 10, SV 2, Sp 5, H 3, a local list 5. Σp² = (100 + 4 + 25 + 9 + 25) / 625
    ut = regnet(raad(2023, n3207={"A": 10, "SV": 2, "SP": 5, "H": 3, "LOKAL:BYGD": 5})).loc["3207"]
    assert ut.loc["ap_mandatandel_prosent", "verdi"] == 40.0
    assert ut.loc["hoeyre_mandatandel_prosent", "verdi"] == 12.0
    assert ut.loc["venstreblokk_mandatandel_prosent", "verdi"] == 48.0
    assert ut.loc["borgerlig_mandatandel_prosent", "verdi"] == 12.0  # FrP has none
    assert ut.loc["effektive_partier", "verdi"] == pytest.approx(625 / 163)
    assert ut.loc["effektive_partier", "kilde"] == "valgresultat.no 2023"


def test_with_local_lists_only_shares_are_unknown_and_fragmentation_is_not():
    lister = {"LOKAL:A": 10, "LOKAL:B": 10, "A": 0}
    ut = regnet(raad(2023, n3207=lister, n0301={"A": 20, "H": 20}), kommuner=["3207", "0301"])
    for navn in ("ap_mandatandel_prosent", "venstreblokk_mandatandel_prosent", "borgerlig_mandatandel_prosent"):
        assert ut.loc[("3207", navn), "mangler"] == "bare lokale lister"
    assert ut.loc[("3207", "effektive_partier"), "verdi"] == pytest.approx(2.0)


def test_local_lists_of_many_names_count_each_in_its_own_council():
    # 3207: four lists of 5 seats; 0301: two local lists of 10 and Ap 20, Σp² = 1/16 + 1/16 + 1/4
    ut = regnet(
        raad(
            2023,
            n3207={"LOKAL:A": 5, "LOKAL:B": 5, "LOKAL:Å": 5, "A": 5},
            n0301={"LOKAL:X": 10, "LOKAL:Y": 10, "A": 20},
            n5001={f"LOKAL:{i}": 1 for i in range(20)} | {"H": 20},
        ),
        kommuner=["3207", "0301", "5001"],
    )
    assert ut["verdi"].xs("effektive_partier", level="indikator").round(6).tolist() == [
        pytest.approx(v, abs=1e-6) for v in (4.0, 1 / 0.375, 1 / (0.25 + 20 / 1600))
    ]
    assert ut.loc[("3207", "ap_mandatandel_prosent"), "landstall"] == 25.0  # 25 of 100 seats


def test_the_country_has_all_seats_and_the_median_of_fragmentation():
    # Ap 30 of 60 seats; effective numbers 1, 2 and 2: median 2, while the country's own seats would give 2.67
    ut = regnet(
        raad(2023, n3207={"A": 20}, n0301={"A": 10, "H": 10}, n5001={"SV": 10, "H": 10}),
        kommuner=["3207", "0301", "5001"],
    )
    assert ut.loc[("3207", "ap_mandatandel_prosent"), "landstall"] == 50.0
    assert ut.loc[("3207", "effektive_partier"), "landstall"] == pytest.approx(2.0)


def test_votes_never_pass_as_seats():
    # 40 + 30 of 100: the other 30 % went to lists without a name here
    stemmer = grupper("stemmer_prosent", {"A": {"0301": {2023: 40.0}}, "H": {"0301": {2023: 30.0}}})
    ut = regnet(raad(2023, n3207={"A": 10, "H": 10}) + stemmer, kommuner=["3207", "0301"])
    for navn in (n for n in ut.loc["0301"].index if n.endswith("_mandatandel_prosent")):
        assert ut.loc[("0301", navn), "mangler"] == "valgresultat.no: ingen tall for 2023"
    assert ut.loc[("0301", "effektive_partier"), "mangler"] == "valgresultat.no: ingen tall for 2023"
    assert ut.loc[("0301", "ap_stemmeandel_prosent"), ["verdi", "kilde"]].tolist() == [
        40.0,
        "SSB 01180 GodkjenteProsent 2023",
    ]
    assert ut.loc[("0301", "venstreblokk_stemmeandel_prosent"), "verdi"] == 40.0
    assert ut.loc[("3207", "ap_stemmeandel_prosent"), "mangler"] == "SSB 01180 GodkjenteProsent: ingen tall for 2023"


@pytest.mark.parametrize(("oevrige", "antall"), [(5.0, 1 / (0.5**2 + 0.45**2 + 0.05**2)), (5.1, None)])
def test_the_number_of_parties_is_told_by_votes_while_nearly_all_have_a_list_by_name(oevrige, antall):
    stemmer = {"A": {"3207": {2023: 50.0}}, "H": {"3207": {2023: 50 - oevrige}}}
    rad = regnet(grupper("stemmer_prosent", stemmer)).loc["3207", "effektive_partier_stemmer"]
    if antall is None:
        assert rad["mangler"] == "for mange stemmer uten navngitt liste"
    else:
        assert rad["verdi"] == pytest.approx(antall)


def test_the_council_before_is_not_the_council():
    rader = raad(2023, n3207={"A": 10}) + raad(2019, n3207={"A": 5, "H": 5}, n0301={"A": 10})
    for per_aar in (2023, 2025):
        ut = regnet(rader, kommuner=["3207", "0301"], per_aar=per_aar)
        assert ut.loc[("0301", "ap_mandatandel_prosent"), "mangler"] == "valgresultat.no: ingen tall for 2023"
    assert ut.loc[("3207", "ap_mandatandel_prosent"), ["verdi", "trend"]].tolist() == [100.0, "opp"]
    as_of = regnet(rader, kommuner=["3207", "0301"], per_aar=2022)
    assert as_of.loc[("0301", "ap_mandatandel_prosent"), ["verdi", "aar"]].tolist() == [100.0, 2019]


def test_an_election_that_nothing_came_of_is_named():
    kilder = kilder_av(("valgresultat.no", "2023", "mangler", "503  Service\nUnavailable", ["mandater"]))
    rad = regnet(raad(2019, n3207={"A": 10}), kilder=kilder).loc["3207", "ap_mandatandel_prosent"]
    assert rad["mangler"] == "valgresultat.no 2023 svarte ikke: 503 Service Unavailable"
    rad = regnet(raad(2019, n3207={"A": 10})).loc["3207", "ap_mandatandel_prosent"]
    assert rad["mangler"] == "valgresultat.no: nyeste tall er fra 2019"


def test_an_election_without_any_result_is_none_yet_and_is_warned_of(caplog):
    rader = raad(2019, n3207={"A": 10})
    rad = regnet(rader, per_aar=2022).loc["3207", "ap_mandatandel_prosent"]
    assert (rad["verdi"], caplog.text) == (100, "")
    rad = regnet(rader, per_aar=2023).loc["3207", "ap_mandatandel_prosent"]
    assert (rad["verdi"], rad["aar"]) == (100, 2019)
    assert "that of 2023 is not there" in caplog.text


def test_the_newest_election_with_a_result_counts_whatever_is_expected():
    # one kommune has been counted: it is that election that the others lack
    rader = raad(2023, n3207={"A": 10}, n0301={"A": 10}) + raad(2027, n0301={"A": 5, "H": 5})
    ut = regnet(rader, kommuner=["3207", "0301"], per_aar=2027)["mangler"]
    assert ut["0301", "ap_mandatandel_prosent"] is None
    assert ut["3207", "ap_mandatandel_prosent"] == "valgresultat.no: ingen tall for 2027"


def test_before_the_oldest_election_among_the_figures_it_says_so():
    rad = regnet(raad(2019, n3207={"A": 10}), per_aar=2018).loc["3207", "ap_mandatandel_prosent"]
    assert rad["mangler"] == "det eldste valget i tallene er fra 2019"


def test_after_four_years_an_election_no_longer_says_who_governs():
    assert regnet(raad(2023, n3207={"A": 10}), per_aar=2027).loc[("3207", "ap_mandatandel_prosent"), "verdi"] == 100
    rad = regnet(raad(2023, n3207={"A": 10}), per_aar=2028).loc["3207", "ap_mandatandel_prosent"]
    assert rad["mangler"] == "valgresultat.no: nyeste tall er fra 2023"


def test_turnout_is_as_the_source_has_it():
    rader = tall("valgdeltakelse_prosent", {"3207": {2019: 64.0, 2023: 62.4}, "0000": {2023: 62.0}})
    ut = regnet(rader).loc["3207"]
    assert ut.loc["valgdeltakelse_prosent", ["verdi", "landstall", "trend"]].tolist() == [62.4, 62.0, "ned"]


def test_votes_for_local_lists_only_are_unknown_too():
    stemmer = grupper("stemmer_prosent", {p: {"3207": {2023: 0.0}} for p in ("A", "H")})
    assert regnet(stemmer).loc[("3207", "ap_stemmeandel_prosent"), "mangler"] == "bare lokale lister"


@settings(max_examples=5, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=12).filter(any))
def test_the_effective_number_lies_between_one_and_the_number_of_lists(mandater):
    lister = pd.DataFrame([mandater], columns=[f"LOKAL:{i}" for i in range(len(mandater))], dtype=float)
    antall = effektive_partier(lister).iloc[0]
    assert 1 - 1e-9 <= antall <= sum(m > 0 for m in mandater) + 1e-9
    assert effektive_partier(lister * 3).iloc[0] == pytest.approx(antall)
