"""Confidence: coverage × freshness × geometry, each as its formula says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from tasks.scoring.tomt.opphav import Opphav
from tasks.scoring.tomt.sikkerhet import ferskhet, sikkerhet
from tests.scoring.tomt.poenggrunn import NAN, dekning, fakta, poengsatt, regler

SATSER = regler().faktorer.sikkerhet
GOOD = {"kjerne_m2": 500.0, "kjerne_grunnlag": "bygninger", "har_tvist": False}


def land(**karakter):
    rows = [
        {"tema": tema, "svar": "rader", "reserve": None, "karakter": grade, "kilde": tema, "lisens": "Kartverket, x",
         "hentet_tid": "2026-10-01T00:00:00Z", "sett_tid": "2026-11-20T00:00:00Z", "alder_dager": 0.0}
        for tema, grade in karakter.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def of(ukjent, parts, tomt=None, **grades):
    opphav = Opphav(dekning(), SATSER.ferskhet, land(**grades) if grades else None)
    return sikkerhet(
        np.array([ukjent]), parts, tomter=pd.DataFrame([{**GOOD, **(tomt or {})}]), opphav=opphav,
        faktorer=regler().faktorer, register=regler().konflikter,
    )  # fmt: skip


def test_everything_known_fresh_and_good_is_sure():
    sure = of(0.0, [("sentralitet", "holdeplass", 4.0)], kommuneplan="A", teig="A")
    assert sure.samlet[0] == 1


@pytest.mark.parametrize(
    ("tomt", "grades", "factor"),
    [
        ({}, {"kommuneplan": "B", "teig": "A"}, 0.9),  # the worst of the two
        ({}, {"kommuneplan": "A", "teig": "D"}, 0.5),
        ({}, {}, 0.5),  # nobody has graded
        ({"kjerne_grunnlag": "form"}, {"kommuneplan": "A"}, 0.85),
        ({"kjerne_m2": NAN}, {"kommuneplan": "A"}, 0.75),
        ({"kjerne_grunnlag": None}, {"kommuneplan": "A"}, 0.75),
        ({"har_tvist": True}, {"kommuneplan": "A"}, 0.7),
        ({"har_tvist": True, "kjerne_grunnlag": "form"}, {"teig": "C"}, 0.75 * 0.85 * 0.7),
    ],
)
def test_geometry(tomt, grades, factor):
    sure = of(20.0, [("konflikt", "marka", 1.0)], tomt, **grades)
    assert sure.dekning[0] == 0.8
    assert sure.geometri[0] == pytest.approx(factor)
    assert sure.samlet[0] == pytest.approx(0.8 * factor)


def fresh(parts, **layers):
    opphav = Opphav(dekning(**layers), SATSER.ferskhet)
    return ferskhet(parts, opphav=opphav, register=regler().konflikter, satser=SATSER)


def test_freshness_is_weighted_by_points_and_moves_in_steps():
    parts = [("sentralitet", "holdeplass", 3.0), ("infrastruktur", "veg", 1.0)]
    assert fresh(parts) == 1.0  # three days are none
    assert fresh(parts, veg={"alder_dager": 7.0}) == 1.0
    assert fresh(parts, veg={"alder_dager": 29.0}) == 1.0
    # veg 1 − 30 / 730 = 0.9589
    assert fresh(parts, veg={"alder_dager": 31.0}) == pytest.approx((3 + 1 - 30 / 730) / 4)
    # holdeplass: nine whole steps, 1 − 270 / 730 = 0.63
    assert fresh(parts, holdeplass={"alder_dager": 292.0}) == pytest.approx((3 * (1 - 270 / 730) + 1) / 4)
    assert fresh(parts, holdeplass={"alder_dager": 9000.0}, veg={"alder_dager": 9000.0}) == 0.5
    assert fresh(parts, holdeplass={"alder_dager": None}, veg={"alder_dager": None}) == 0.5


def test_what_is_not_known_lowers_coverage_and_not_freshness():
    parts = [("sentralitet", "holdeplass", 3.0), ("infrastruktur", "veg", 1.0)]
    dark = {"er_kjent": False, "alder_dager": 9000.0}
    assert fresh(parts, veg=dark) == 1.0
    assert fresh(parts, veg=dark, holdeplass=dark) == 0.5


def test_the_oldest_layer_of_a_theme_counts():
    assert fresh([("konflikt", "flom", 1.0)], flom_faresone={"alder_dager": 365.0}) == pytest.approx(1 - 360 / 730)


def test_what_serves_in_reserve_is_less_sure_than_what_was_said_now():
    assert fresh([("infrastruktur", "veg", 1.0)], veg={"er_reserve": True}) == 0.8
    assert fresh([("infrastruktur", "veg", 1.0)], veg={"er_reserve": True, "alder_dager": 9000.0}) == 0.4
    worst = [("konflikt", "verste", 1.0)]  # rests on every theme
    assert [fresh(worst, **{lag: {"er_reserve": True}}) for lag in ("marka", "stoy_bane", "hensyn")] == [0.8] * 3


def test_a_stopped_lot_is_no_surer_for_being_stopped():
    facts = fakta({"areal_m2": 5000.0}, {"areal_m2": 5000.0, "er_stoppet": True})
    kort, scores = poengsatt(facts, tomter=pd.DataFrame([{"tomt_id": t, **GOOD} for t in facts["tomt_id"]]))
    dark = kort[(kort["tomt_id"] == "3207-000002") & kort["verdi_tekst"].str.contains("ikke kjent")]
    assert scores["sikkerhet"][1] == pytest.approx((1 - dark["maks"].sum() / 100) * 0.5)  # × geometry, not graded
    assert scores["sikkerhet"][1] == pytest.approx(scores["sikkerhet"][0])


def test_a_source_that_fails_lowers_the_confidence_of_a_lot():
    facts = fakta({"areal_m2": 5000.0}, {"areal_m2": 5000.0, "ukjente_tema": ["flom"]})
    tomter = pd.DataFrame([{"tomt_id": t, **GOOD} for t in facts["tomt_id"]])
    _, scores = poengsatt(facts, tomter=tomter, land=land(kommuneplan="A", teig="A"))
    assert scores["sikkerhet"][1] < scores["sikkerhet"][0]
