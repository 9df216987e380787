"""Population: changes, ages, the cohort of the young, projections, worked by hand."""

from __future__ import annotations

import pytest

from .tallbase import grupper, regnet, tall

FOLK = {"3207": {2015: 4000, 2020: 5000, 2024: 4900, 2025: 4850}, "0000": {2015: 5e6, 2020: 5.2e6, 2025: 5.5e6}}


@pytest.mark.parametrize(
    ("aar", "verdi", "kilde"),
    [
        (1, (4850 - 4900) / 4900 * 100, "SSB 06913 Folkemengde 2024 og 2025"),  # -1.0204
        (5, -3.0, "SSB 06913 Folkemengde 2020 og 2025"),  # 150 of 5,000
        (10, 21.25, "SSB 06913 Folkemengde 2015 og 2025"),  # 850 of 4,000
    ],
)
def test_the_change_is_in_per_cent_of_what_it_was(aar, verdi, kilde):
    rad = regnet(tall("folkemengde", FOLK)).loc["3207", f"befolkningsendring_{aar}aar_prosent"]
    assert rad["verdi"] == pytest.approx(verdi)
    assert (rad["kilde"], rad["enhet"], rad["aar"]) == (kilde, "prosent", 2025)


def test_the_country_is_measured_the_same_way():
    rader = regnet(tall("folkemengde", FOLK))
    assert rader.loc[("3207", "befolkningsendring_5aar_prosent"), "landstall"] == pytest.approx(0.3 / 5.2 * 100)
    assert rader.loc[("3207", "folketall"), "landstall"] == 5.5e6


def test_without_the_country_in_the_table_only_kommuner_with_both_years_are_added_up():
    # 1508 was split and has no 2020: its 60,000 must not look like growth. (900 + 2,200) / (1,000 + 2,000) = + 3.33 %
    folk = {"0301": {2020: 1000, 2025: 900}, "3207": {2020: 2000, 2025: 2200}, "1508": {2020: "delt 2024", 2025: 60000}}
    rader = regnet(tall("folkemengde", folk), kommuner=list(folk))
    rad = rader.loc[("0301", "befolkningsendring_5aar_prosent")]
    assert rad["landstall"] == pytest.approx(100 / 3000 * 100)
    assert rader.loc[("0301", "folketall"), "landstall"] == 63100


def test_a_split_and_a_merger_are_told():
    folk = {"1508": {2020: "delt 2024", 2025: 60000}, "3207": {2020: "sammenslått 2020", 2025: 10}, "0301": {2025: 3}}
    rader = regnet(tall("folkemengde", folk | {"5001": {2020: 1, 2025: 1}}), kommuner=[*folk, "5001"])
    mangler = rader["mangler"].xs("befolkningsendring_5aar_prosent", level="indikator")
    assert mangler.to_dict() == {
        "1508": "kommunen er delt i 2024: serien kan ikke føres tilbake",
        "3207": "kommunen er slått sammen i 2020: serien kan ikke føres tilbake",
        "0301": "SSB 06913 Folkemengde: ingen tall for 2020",
        "5001": None,
    }
    assert rader.loc[("1508", "folketall"), "verdi"] == 60000


def test_a_kommune_where_nobody_lived_has_no_change():
    rad = regnet(tall("folkemengde", {"3207": {2020: 0, 2025: 10}})).loc["3207", "befolkningsendring_5aar_prosent"]
    assert rad["mangler"] == "folkemengden var 0"


def test_the_share_of_the_old_and_the_cohort_of_the_young():
    alder = {
        "i alt": {"3207": {2025: 5000}},
        "65+": {"3207": {2025: 1300}},
        "15-24": {"3207": {2020: 600, 2025: 550}},
        "20-29": {"3207": {2020: 700, 2025: 480}},
    }
    rader = regnet(grupper("folkemengde_alder", alder)).loc["3207"]
    assert rader.loc["andel_over_65_prosent", "verdi"] == pytest.approx(26.0)  # 1,300 of 5,000
    assert rader.loc["ungdomsflytting_prosent", "verdi"] == pytest.approx(-20.0)  # 480 of the 600 of five years before
    assert rader.loc["ungdomsflytting_prosent", "kilde"] == "SSB 07459 Personer1 2020 og 2025"


def test_the_reason_is_that_of_the_group_that_is_missing():
    alder = {
        "15-24": {"3207": {2025: ".."}},
        "65+": {"3207": {2025: ":"}, "0301": {2025: 5}},
        "i alt": {"3207": {2025: "."}, "0301": {2025: 50}},
    }
    rad = regnet(grupper("folkemengde_alder", alder), kommuner=["3207", "0301"]).loc["3207", "andel_over_65_prosent"]
    assert rad["mangler"] == "SSB 07459 Personer1 2025: vises ikke, av hensyn til personvernet"


def test_projections_are_set_against_their_own_first_year():
    fram = {"3207": {2025: 5000, 2035: 5250, 2050: 4500}}
    rader = regnet(tall("framskriving", fram)).loc["3207"]
    assert rader.loc["framskriving_2035_prosent", "verdi"] == pytest.approx(5.0)
    assert rader.loc["framskriving_2050_prosent", "verdi"] == pytest.approx(-10.0)
    assert rader.loc["framskriving_2050_prosent", "kilde"] == "SSB 14746 Personer 2025 og 2050"
    assert rader.loc["framskriving_2050_prosent", "aar"] == 2025


def test_a_projection_of_later_was_not_known_then():
    fram = {"3207": {2025: 5000, 2035: 5250}}
    rad = regnet(tall("framskriving", fram), per_aar=2024).loc["3207", "framskriving_2035_prosent"]
    assert rad["mangler"] == "SSB 14746 Personer: ingen tall til og med 2024"


def test_trends_compare_with_three_years_before_and_leave_noise_flat():
    # + 2.5 % in three years is up, + 0.5 % is within the threshold of one per cent
    folk = {"3207": {2022: 4000, 2025: 4100}, "0301": {2022: 4000, 2025: 4020}, "5001": {2022: 4000, 2025: 3900}}
    rader = regnet(tall("folkemengde", folk | {"1508": {2025: 5}}), kommuner=[*folk, "1508"])
    assert rader["trend"].xs("folketall", level="indikator").tolist() == ["opp", "flat", "ned", None]
