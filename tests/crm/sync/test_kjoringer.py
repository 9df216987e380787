"""Kjøringer: so many rows of a kommune, the newest in the place of the oldest, nobody else's touched."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from config.registers import find_kommune
from tasks.crm.sync import kjoringer
from tasks.crm.sync.connection import open_connection
from tests.crm.proevebase import Verden

MOST = 2


def row(n: int, nummer: str, **more: Any) -> dict[str, Any]:
    start = f"2026-11-{n:02d}T02:00:00.000Z"
    return {"Kjøring": f"{start} {nummer}", "Kommunenummer": nummer, "Start": start, "Resultat": "Fullført", **more}


@pytest.fixture
def record(tom_verden: Verden):
    """Return a function that records a run of a kommune, two rows of which are kept."""
    connection = open_connection(tom_verden.geodata, tom_verden.oppdrag.settings(), dry_run=False)
    grenser = connection.register.grenser.model_copy(update={"kjoringer_per_kommune": MOST})
    few = replace(connection, register=connection.register.model_copy(update={"grenser": grenser}))
    yield lambda nummer, row: kjoringer.record_run(find_kommune(nummer, sandbox=True), few, row)
    connection.close()


def rows(verden: Verden) -> dict[str, dict[str, Any]]:
    records = verden.person.base.table("Kjøringer").all(use_field_ids=False)
    return {str(r["fields"].get("Kjøring", r["id"])): r["fields"] for r in records}


def test_the_newest_run_takes_the_place_of_the_oldest(tom_verden, record):
    made = [record("7001", row(n, "7001", Avvist=n if n == 1 else None)) for n in (1, 2, 3)]
    assert made == [{"created": 1, "updated": 0}] * 2 + [{"created": 0, "updated": 1}]
    there = rows(tom_verden)
    assert [key[:10] for key in sorted(there)] == ["2026-11-02", "2026-11-03"]
    assert all("Avvist" not in fields for fields in there.values())  # nothing of the older run is left


def test_other_kommuner_and_rows_of_people_stay(tom_verden, record):
    table = tom_verden.person.base.table("Kjøringer")
    own = table.create({"Kommunenummer": "7001", "Sammendrag": "Ringte kommunen"}, use_field_ids=False)
    record("7002", row(1, "7002"))
    for n in range(2, 6):
        record("7001", row(n, "7001"))
    there = rows(tom_verden)
    assert there[own["id"]]["Sammendrag"] == "Ringte kommunen"
    assert sorted(k for k in there if k.endswith("7002")) == ["2026-11-01T02:00:00.000Z 7002"]
    assert len(there) == 2 + MOST


def test_the_same_run_told_twice_has_one_row(tom_verden, record):
    record("7001", row(1, "7001"))
    assert record("7001", row(1, "7001", Kall=7)) == {"created": 0, "updated": 1}
    (only,) = rows(tom_verden).values()
    assert only["Kall"] == 7
