"""Owners: number and kind of each lot, and what tells or hints that land is municipal."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from tasks.scoring.tomt.eier import maal_eier
from tests.scoring.tomt.plasser import box, frame, lots, services, surroundings

A, B = "7001-1/1/0/0", "7001-1/2/0/0"
LOT, ELSEWHERE = box(0, 0, 50, 50), box(500, 0, 600, 100)


def owners(**of_unit: tuple[str, float]) -> pd.DataFrame:
    units = {"a": A, "b": B}
    return pd.DataFrame(
        {
            "matrikkelenhet": [units[u] for u in of_unit],
            "antall_eiere": pd.array([n for _, n in of_unit.values()], dtype="Int64"),
            "eierslag": [kind for kind, _ in of_unit.values()],
            "hentet_tid": "2026-01-01T00:00:00+00:00",
        }
    )


def measured(units: list[str], **known) -> pd.Series:
    return maal_eier(surroundings(lots(LOT, units=[units]), **known)).iloc[0]


@pytest.mark.parametrize(
    ("units", "of_unit", "number", "kind", "kommunal"),
    [
        ([A], {"a": ("kommune", 1)}, 1, "kommune", "eier"),
        ([A, B], {"a": ("kommune", 1), "b": ("kommune", 1)}, 2, "kommune", "eier"),
        ([A, B], {"a": ("kommune", 1), "b": ("privat", 2)}, 3, "blandet", "tegn"),
        ([A], {"a": ("interkommunal", 1)}, 1, "interkommunal", "tegn"),
        ([A], {"a": ("privat", 3)}, 3, "privat", "nei"),
        ([A, B], {"a": ("privat", 3), "b": ("selskap", 1)}, 4, "blandet", "nei"),
        ([A], {"a": ("blandet", 2)}, 2, "blandet", "ukjent"),
        ([A], {"a": ("privat", None)}, math.nan, "privat", "nei"),
        ([A, B], {"a": ("kommune", 1)}, math.nan, None, "ukjent"),  # of one property nobody knows
        ([], {"a": ("kommune", 1)}, math.nan, None, "ukjent"),
    ],
)
def test_owners_of_all_properties_of_the_teig(units, of_unit, number, kind, kommunal):
    facts = measured(units, eierstruktur=owners(**of_unit))
    assert facts["antall_eiere"] == pytest.approx(number, nan_ok=True)
    assert facts["eierslag"] == kind if kind else facts["eierslag"] is None
    assert facts["kommunal"] == kommunal
    assert facts["kommunal_grunn"]


def test_not_looked_up_is_not_known():
    facts = measured([A])
    assert facts["kommunal"] == "ukjent"
    assert math.isnan(facts["antall_eiere"])


def teiger(*rows: tuple[str, list[str], object]):
    return frame([g for _, _, g in rows], teig_id=[t for t, _, _ in rows], matrikkelenheter=[u for _, u, _ in rows])


HERE, OTHER = ("t0", [A], box(0, 0, 100, 100)), ("t9", [A, B], ELSEWHERE)


@pytest.mark.parametrize(
    ("rows", "place", "kind", "hint"),
    [
        ([HERE], (90, 90), "721", "Sykehjem på samme eiendom"),  # beside the lot, on its teig
        ([HERE, OTHER], (550, 50), "613", "Barneskole på samme eiendom"),  # on another teig of the same property
        ([HERE, ("t9", [B], ELSEWHERE)], (550, 50), "613", None),  # on another property
        ([HERE], (90, 90), "321", None),  # a shop
        ([HERE], (150, 90), "613", None),  # on no teig
    ],
)
def test_a_municipal_building_on_the_same_property_is_a_hint(rows, place, kind, hint):
    facts = measured([A], teiger=teiger(*rows), tjenester=services(("offentlig", kind, *place)))
    assert facts["kommunal"] == ("tegn" if hint else "ukjent")
    assert facts["kommunal_grunn"].startswith(hint or "Eierne er ikke slått opp")


def test_owners_that_are_known_outweigh_a_hint():
    known = {"teiger": teiger(HERE), "tjenester": services(("skole", "613", 90, 90))}
    assert measured([A], **known, eierstruktur=owners(a=("privat", 1)))["kommunal"] == "nei"
    assert measured([A], **known, eierstruktur=owners(a=("blandet", 2)))["kommunal"] == "tegn"


def test_several_hints_are_told_once_each():
    rows = [("skole", "613", 60, 60), ("skole", "613", 70, 70), ("barnehage", "612", 80, 80), ("skole", None, 85, 85)]
    facts = measured([A], teiger=teiger(HERE), tjenester=services(*rows))
    assert facts["kommunal_grunn"].startswith("Barnehage, Barneskole på samme eiendom")
