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
    assert fresh(parts) == 1.0  # three days: 0.996
    assert fresh(parts, veg={"alder_dager": 7.0}) == 1.0
    # holdeplass 1 − 292 / 730 = 0.6, veg 1 − 3 / 730 = 0.996: (3 × 0.6 + 0.996) / 4 = 0.699
    assert fresh(parts, holdeplass={"alder_dager": 292.0}) == pytest.approx(0.7)
    assert fresh(parts, holdeplass={"alder_dager": 9000.0}, veg={"alder_dager": 9000.0}) == 0.5
    assert fresh(parts, holdeplass={"alder_dager": None}, veg={"alder_dager": None}) == 0.5


def test_what_is_not_known_lowers_coverage_and_not_freshness():
    parts = [("sentralitet", "holdeplass", 3.0), ("infrastruktur", "veg", 1.0)]
    dark = {"er_kjent": False, "alder_dager": 9000.0}
    assert fresh(parts, veg=dark) == 1.0
    assert fresh(parts, veg=dark, holdeplass=dark) == 0.5


def test_the_oldest_layer_of_a_theme_counts():
    assert fresh([("konflikt", "flom", 1.0)], stormflo={"alder_dager": 365.0}) == 0.5


def test_a_source_that_fails_lowers_the_confidence_of_a_lot():
    facts = fakta({"areal_m2": 5000.0}, {"areal_m2": 5000.0, "ukjente_tema": ["flom"]})
    tomter = pd.DataFrame([{"tomt_id": t, **GOOD} for t in facts["tomt_id"]])
    _, scores = poengsatt(facts, tomter=tomter, land=land(kommuneplan="A", teig="A"))
    assert scores["sikkerhet"][1] < scores["sikkerhet"][0]
