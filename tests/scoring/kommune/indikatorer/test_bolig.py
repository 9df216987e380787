"""What a dwelling costs: weighted price, growth with fixed weights, years of income, yearly cost."""

from __future__ import annotations

import pandas as pd
import pytest

from tasks.scoring.kommune.indikatorer.bolig import boligpris_aarsinntekter, boutgift_prosent, kvadratmeterpris_kr

from .tallbase import KOSTNAD, grupper, regnet, tall


def priser(verdier, salg):
    return grupper("kvadratmeterpris_kr", verdier) + grupper("boligomsetninger", salg)


def test_types_are_weighted_by_their_sales():
    # (20,000 × 30 + 40,000 × 10) / 40 = 25,000; the type whose price is hidden has no weight
    rader = priser(
        {"01": {"3207": {2024: 20_000}}, "02": {"3207": {2024: ":"}}, "03": {"3207": {2024: 40_000}}},
        {"01": {"3207": {2024: 30}}, "02": {"3207": {2024: 3}}, "03": {"3207": {2024: 10}}},
    )
    rad = regnet(rader).loc["3207", "kvadratmeterpris_kr"]
    assert rad["verdi"] == 25_000
    assert rad["kilde"] == "SSB 06035 KvPris 2024; SSB 06035 Omsetninger 2024"


def test_with_too_few_sales_the_year_before_stands_until_it_is_too_old():
    salg = {"01": {n: dict.fromkeys(range(2020, 2025), 5) for n in ("3207", "0301")}}
    pris = {"01": {"3207": {2022: 20_000, 2023: ":", 2024: ":"}, "0301": {2021: 30_000, 2022: "..", 2024: ":"}}}
    pris["01"]["5001"], salg["01"]["5001"] = {2024: 1}, {2024: 1}
    inntekt = tall("medianinntekt_kr", {"0301": {2024: 5e5}})
    rader = regnet(priser(pris, salg) + inntekt, kommuner=["3207", "0301", "5001"])
    assert rader.loc[("3207", "kvadratmeterpris_kr"), ["verdi", "aar"]].tolist() == [20_000, 2022]
    for navn in ("kvadratmeterpris_kr", "prisindeks", "boutgift_prosent"):
        assert rader.loc[("0301", navn), "mangler"] == "for få omsetninger"
    assert rader.loc[("5001", "boutgift_prosent"), "mangler"] == "SSB 06944 InntSkatt: ingen tall for 2024"


def test_only_a_hidden_price_is_one_of_too_few_sales():
    rader = priser({"01": {"3207": {2024: ".."}, "0301": {2024: 1}}}, {"01": {n: {2024: 5} for n in ("3207", "0301")}})
    rad = regnet(rader, kommuner=["3207", "0301"]).loc["3207", "kvadratmeterpris_kr"]
    assert rad["mangler"] == "SSB 06035 KvPris 2024: tallet mangler hos SSB"


def test_the_countrys_price_is_weighted_by_sales_over_all_and_is_100():
    # country: (20,000 × 30 + 60,000 × 10) / 40 = 30,000; the invented kommune counts in nothing
    rader = priser(
        {"01": {"3207": {2024: 20_000}, "0301": {2024: 60_000}, "7001": {2024: 1_000_000}}},
        {"01": {"3207": {2024: 30}, "0301": {2024: 10}, "7001": {2024: 500}}},
    )
    ut = regnet(rader, kommuner=["3207", "0301", "7001"], oppdiktede=["7001"])
    assert ut.loc[("3207", "kvadratmeterpris_kr"), "landstall"] == 30_000
    assert ut["verdi"].xs("prisindeks", level="indikator").round(6).tolist() == [66.666667, 200.0, 3333.333333]
    assert ut["landstall"].xs("prisindeks", level="indikator").tolist() == [100.0] * 3


def test_the_tables_own_country_stands_where_it_has_one():
    rader = priser({"01": {"3207": {2024: 20_000}, "0000": {2024: 25_000}}}, {"01": {"3207": {2024: 30}}})
    ut = regnet(rader)
    assert ut.loc[("3207", "prisindeks"), "verdi"] == 80.0


def test_a_turn_from_houses_to_flats_is_no_growth():
    # both types cost what they did: the mean price rises from 22,000 to 38,000, growth is 0
    rader = priser(
        {"01": {"3207": {2019: 20_000, 2024: 20_000}}, "03": {"3207": {2019: 40_000, 2024: 40_000}}},
        {"01": {"3207": {2019: 90, 2024: 10}}, "03": {"3207": {2019: 10, 2024: 90}}},
    )
    ut = regnet(rader).loc["3207"]
    assert ut.loc["kvadratmeterpris_kr", "verdi"] == 38_000
    assert ut.loc["prisvekst_5aar_prosent", "verdi"] == 0.0


def test_growth_counts_types_with_a_price_at_both_ends():
    # 01: 22,000 × 40 against 20,000 × 40 = + 10 %; 03 has no price in 2019
    rader = priser(
        {"01": {"3207": {2019: 20_000, 2024: 22_000}}, "03": {"3207": {2019: ":", 2024: 90_000}}},
        {"01": {"3207": {2019: 1, 2024: 40}}, "03": {"3207": {2019: 2, 2024: 40}}},
    )
    ut = regnet(rader).loc["3207"]
    assert ut.loc["prisvekst_5aar_prosent", "verdi"] == pytest.approx(10.0)
    assert ut.loc["prisvekst_5aar_prosent", "kilde"] == "SSB 06035 KvPris 2019 og 2024; SSB 06035 Omsetninger 2024"


def test_price_and_income_are_of_the_same_year():
    # 70 × 30,000 = 2,100,000: 3.5 years of 600,000. Annuity of 5 % in 25 years: 0.07095 × 2,100,000 = 149,000: 24.8 %
    rader = priser({"01": {"3207": {2023: 30_000, 2024: 50_000}}}, {"01": {"3207": {2023: 9, 2024: 9}}})
    ut = regnet(rader + tall("medianinntekt_kr", {"3207": {2023: 600_000}})).loc["3207"]
    assert ut.loc["boligpris_aarsinntekter", ["verdi", "aar"]].tolist() == [3.5, 2023]
    assert ut.loc["boutgift_prosent", "verdi"] == pytest.approx(0.0709524573 * 2_100_000 / 600_000 * 100)
    assert ut.loc["boutgift_prosent", "kilde"] == "SSB 06035 KvPris 2023; SSB 06944 InntSkatt 2023"
    assert ut.loc["kvadratmeterpris_kr", "aar"] == 2024


def test_only_what_is_borrowed_costs():
    # 70 × 30,000 × 0.8 / 25 = 67,200 a year without interest: 11.2 % of 600,000
    kostnad = KOSTNAD.model_copy(update={"rente_prosent": 0, "belaaning": 0.8})
    assert boutgift_prosent(pd.Series([30_000.0]), pd.Series([600_000.0]), kostnad=kostnad).iloc[0] == pytest.approx(
        11.2
    )


def test_sales_that_are_not_finite_do_not_spoil_the_countrys_price():
    rader = priser(
        {"01": {"3207": {2024: 20_000}, "0301": {2024: 60_000}}},
        {"01": {"3207": {2024: 30}, "0301": {2024: float("inf")}}},
    )
    assert regnet(rader, kommuner=["3207", "0301"]).loc[("3207", "prisindeks"), "verdi"] == 100.0


def test_zero_income_and_zero_sales_are_missing():
    null, pris = pd.Series([0.0]), pd.Series([30_000.0])
    assert boligpris_aarsinntekter(pris, null, areal_m2=70).isna().all()
    assert boutgift_prosent(pris, null, kostnad=KOSTNAD).isna().all()
    assert kvadratmeterpris_kr(pd.DataFrame({"01": [30_000.0]}), pd.DataFrame({"01": [0.0]})).isna().all()
    rader = priser({"01": {"3207": {2024: 30_000}}}, {"01": {"3207": {2024: 9}}})
    ut = regnet(rader + tall("medianinntekt_kr", {"3207": {2024: 0}})).loc["3207"]
    assert ut.loc["boutgift_prosent", "mangler"] == "medianinntekten er 0"


def test_renters_are_as_the_source_has_them():
    ut = regnet(tall("leieandel_prosent", {"3207": {2021: 20.0, 2024: 23.4}, "0000": {2024: 24.0}}))
    assert ut.loc[("3207", "leieandel_prosent"), ["verdi", "landstall", "trend"]].tolist() == [23.4, 24.0, "opp"]
