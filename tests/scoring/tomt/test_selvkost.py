"""The price that a lot can carry, worked by hand."""

from __future__ import annotations

import doctest
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.registers import load_model
from config.selvkost import Selvkost
from tasks.kommunekontrakter import INDIKATORER
from tasks.scoring.tomt import selvkost as module
from tasks.scoring.tomt.selvkost import Kvadratmeterpris, kvadratmeterpris, med_selvkost
from tasks.tomtekontrakter import SCORER, TOMTEFAKTA

FIGURES = {
    "pristak": {
        "andel": {"lav": 0.9, "hoy": 1.1, "kilde": "antagelse"},
        "uten_tall_kr_per_m2": {"lav": 20_000, "hoy": 30_000, "kilde": "antagelse"},
    },
    "areal": {"bra_per_bolig_m2": {"lav": 70, "hoy": 70, "kilde": "papers §1"}},
    "kostnad": {
        "byggekost_kr_per_m2": {"lav": 32_000, "hoy": 42_000, "kilde": "antagelse"},
        "opparbeiding_kr_per_m2_tomt": {"lav": 300, "hoy": 800, "kilde": "antagelse"},
        "gebyrer_kr_per_bolig": {"lav": 80_000, "hoy": 250_000, "kilde": "kommunens gebyrregulativ"},
        "felleskost_andel": {"lav": 0.12, "hoy": 0.20, "kilde": "antagelse"},
        "dokumentavgift_andel": {"lav": 0.025, "hoy": 0.025, "kilde": "Stortingets vedtak"},
    },
}


def rates(**pristak: object) -> Selvkost:
    return load_model(Selvkost, {**FIGURES, "pristak": {**FIGURES["pristak"], **pristak}}, "selvkost.toml")


def price(kr: float, **more: object) -> Kvadratmeterpris:
    return Kvadratmeterpris(kr, 2024, "SSB 06035 Pris per m² 2024", "", **more)


def estimate(
    *, kr: float = 40_000.0, few: float = 16.0, many: float = 20.0, land: float = 4000.0, stopped: bool = False, **more
) -> pd.Series:
    scorer = pd.DataFrame([{"tomt_id": "t", "er_stoppet": stopped, "boliger_lav": few, "boliger_hoy": many}])
    fakta = pd.DataFrame([{"tomt_id": "t", "areal_m2": 5000.0, "byggbar_m2": land}])
    pris = more.pop("pris", price(kr))
    return med_selvkost(scorer, fakta, pris=pris, satser=more.pop("satser", rates())).iloc[0]


def test_both_ends_by_hand():
    # low: 0.9 × 70,000 = 63,000; 42,000 × 1.2 = 50,400; 70 × 12,600 − 250,000 = 632,000 a dwelling;
    # 16 × 632,000 − 800 × 1.2 × 4,000 = 6,272,000; / 1.025
    # high: 77,000 − 32,000 × 1.12 = 41,160; 70 × 41,160 − 80,000 = 2,801,200; × 20 − 336 × 4,000 = 54,680,000; / 1.025
    row = estimate(kr=70_000)
    assert row["selvkost_lav_kr"] == pytest.approx(6_272_000 / 1.025)
    assert row["selvkost_hoy_kr"] == pytest.approx(54_680_000 / 1.025)
    text = row["selvkost"].replace("\u00a0", " ")
    assert text == (
        "Maskinelt anslag, ikke en verdivurdering: tomten bærer høyst 6,1–53,3 mill. kr "
        "(0,4–2,7 mill. kr per bolig ved 16–20 boliger) om boligene selges til selvkost. "
        "Regnet med 70 m² per bolig, salgspris 63 000–77 000 kr/m² "
        "(90–110 % av kommunens 70 000 kr, SSB 06035 Pris per m² 2024) og byggekost med felleskost "
        "35 800–50 400 kr/m²; antatt er pristak, byggekost, opparbeiding og felleskost."  # fees and size have a source
    )


def test_a_low_end_that_does_not_pay_is_nothing_and_said():
    row = estimate()
    assert row["selvkost_lav_kr"] == 0
    assert row["selvkost_hoy_kr"] == pytest.approx(8_480_000 / 1.025)
    assert "tomten bærer mellom ingenting og 8,3 mill. kr (0,4 mill. kr per bolig ved 20 boliger) om" in row["selvkost"]


def test_a_lot_that_cannot_pay_is_nought_and_never_less():
    row = estimate(kr=20_000)
    assert (row["selvkost_lav_kr"], row["selvkost_hoy_kr"]) == (0, 0)
    assert "bærer ingen tomtepris om boligene selges til selvkost, heller ikke i beste fall. Regnet" in row["selvkost"]


def test_a_kommune_without_a_price_is_reckoned_with_the_assumed_range_by_name():
    row = estimate(pris=Kvadratmeterpris(mangler="for få omsetninger"))
    text = row["selvkost"].replace("\u00a0", " ")
    assert "90–110 % av 20 000–30 000 kr; kommunens egen kvadratmeterpris mangler: for få omsetninger" in text
    assert "antatt er pristak, kvadratmeterpris, byggekost" in text


def test_without_a_range_either_there_is_no_estimate():
    row = estimate(pris=Kvadratmeterpris(), satser=rates(uten_tall_kr_per_m2=None))
    assert np.isnan(row["selvkost_hoy_kr"])
    why = "Ikke regnet ut: kvadratmeterprisen i kommunen er ikke kjent (kommunene er ikke rangert ennå)."
    assert row["selvkost"] == why


def test_stopped_lots_and_unknown_dwellings_have_no_price():
    stopped, unknown = estimate(stopped=True), estimate(few=float("nan"), many=float("nan"))
    assert np.isnan([stopped["selvkost_lav_kr"], unknown["selvkost_hoy_kr"]]).all()
    assert stopped["selvkost"] == "Ikke regnet ut: tomten er stoppet."
    assert unknown["selvkost"] == "Ikke regnet ut: antall boliger er ikke kjent."


def test_a_small_lot_is_told_as_what_it_is():
    none, one, some = estimate(few=0, many=0), estimate(few=1, many=1, land=300.0), estimate(few=0, many=2, land=300.0)
    assert (none["selvkost"], none["selvkost_hoy_kr"]) == ("Ikke regnet ut: tomten har ikke rom for en bolig.", 0)
    assert "bærer mellom ingenting og 0,4 mill. kr (ved 1 bolig) om" in one["selvkost"]
    assert "bærer mellom ingenting og 0,9 mill. kr (0,4 mill. kr per bolig ved 2 boliger) om" in some["selvkost"]
    assert "bærer under 0,1 mill. kr (ved 1 bolig)" in estimate(few=1, many=1, land=1400.0)["selvkost"]


def test_where_nothing_is_known_of_the_core_the_whole_lot_is_made_ready():
    assert estimate(land=float("nan"))["selvkost_hoy_kr"] == estimate(land=5000.0)["selvkost_hoy_kr"]


def test_invented_figures_are_called_so():
    assert "2024, oppdiktet tall)" in estimate(pris=price(70_000, er_oppdiktet=True))["selvkost"]


@given(st.floats(1_000, 150_000), st.floats(0, 500), st.floats(0, 500), st.floats(0, 1e6))
def test_the_low_end_never_passes_the_high_one_and_none_is_negative(kr, few, more, land):
    row = estimate(kr=kr, few=few, many=few + more, land=land)
    assert 0 <= row["selvkost_lav_kr"] <= row["selvkost_hoy_kr"]
    sentences = re.split(r"\.(?:$| (?=[A-ZÆØÅ]))", row["selvkost"])
    assert len(sentences) - 1 <= 2
    assert " 0 mill" not in row["selvkost"]
    if row["selvkost_hoy_kr"] >= 50_000:  # as the fields of the lot have it
        whole = round(row["selvkost_hoy_kr"] / 100_000) / 10
        assert f"{whole:,.1f}".replace(",", "\u00a0").replace(".", ",") + " mill. kr (" in row["selvkost"]


def test_the_price_of_a_kommune_is_that_of_the_ranking():
    rows = [
        {"kommunenummer": "3207", "indikator": "folketall", "verdi": 62_000.0, "mangler": None},
        {"kommunenummer": "3207", "indikator": "kvadratmeterpris_kr", "verdi": 61_000.0, "mangler": None},
        {"kommunenummer": "3212", "indikator": "kvadratmeterpris_kr", "mangler": "for få omsetninger"},
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(INDIKATORER.columns))
    frame = frame.assign(aar=2024.0, kilde="SSB 06035", er_oppdiktet=False)
    assert kvadratmeterpris(frame, "3207").kr == 61_000
    missing = kvadratmeterpris(frame, "3212")
    assert (missing.er_kjent, missing.mangler) == (False, "for få omsetninger")
    assert kvadratmeterpris(frame, "0301").mangler == "kommunen er ikke med i rangeringen"
    assert not kvadratmeterpris(None, "3207").er_kjent


def test_no_lots_give_no_estimates():
    empty = med_selvkost(SCORER.empty(), TOMTEFAKTA.empty(), pris=price(40_000), satser=rates())
    SCORER.check(empty[list(SCORER.columns)])


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(module).failed == 0
