"""Income, and its ratio to the country's own median."""

from __future__ import annotations

from .tallbase import regnet, tall


def test_the_ratio_is_to_the_countrys_median_of_the_same_year():
    inntekt = {"3207": {2023: 540_000}, "0301": {2024: 700_000}, "0000": {2023: 600_000, 2024: 700_000}}
    ut = regnet(tall("medianinntekt_kr", inntekt), kommuner=["3207", "0301"])
    assert ut["verdi"].xs("medianinntekt_forhold", level="indikator").tolist() == [0.9, 1.0]
    assert ut["landstall"].xs("medianinntekt_kr", level="indikator").tolist() == [600_000, 700_000]
    assert ut.loc[("3207", "medianinntekt_forhold"), "kilde"] == "SSB 06944 InntSkatt 2023"


def test_income_that_rises_with_prices_is_flat():
    inntekt = {"3207": {2021: 500_000, 2024: 530_000}, "0301": {2021: 500_000, 2024: 531_000}}  # + 6.0 and + 6.2 %
    ut = regnet(tall("medianinntekt_kr", inntekt), kommuner=["3207", "0301"])
    assert ut["trend"].xs("medianinntekt_kr", level="indikator").tolist() == ["flat", "opp"]


def test_medians_are_not_added_up_to_a_country():
    ut = regnet(tall("medianinntekt_kr", {"3207": {2024: 540_000}, "0301": {2024: ":"}}), kommuner=["3207", "0301"])
    assert ut.loc[("3207", "medianinntekt_kr"), "verdi"] == 540_000
    assert ut.loc[("3207", "medianinntekt_kr"), ["landstall"]].isna().all()
    assert ut.loc[("3207", "medianinntekt_forhold"), "mangler"] == "landstallet mangler"


def test_a_kommune_says_its_own_reason_before_the_countrys():
    inntekt = {"3207": {2024: ":"}, "0301": {2024: 1}, "0000": {2024: 600_000}}
    ut = regnet(tall("medianinntekt_kr", inntekt), kommuner=["3207", "0301"])
    hvorfor = "SSB 06944 InntSkatt 2024: vises ikke, av hensyn til personvernet"
    assert ut.loc[("3207", "medianinntekt_forhold"), "mangler"] == hvorfor
