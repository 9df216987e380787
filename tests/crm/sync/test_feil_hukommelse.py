"""What a machine remembers of a base, lost or damaged: nothing is made twice, and what cannot be known is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tasks.errors import StoreError
from tests.crm.onde_servere import lose_answer, writes
from tests.crm.proevebase import Verden, fasit, saker, without
from tests.crm.stordata import change_lots, tomt_id
from tests.crm.sync_prosess import TOMTEVIK

pytestmark = pytest.mark.long
TOMT = tomt_id(TOMTEVIK, 0)


def folder(verden: Verden) -> Path:
    return verden.geodata.root / "crm" / verden.person.base.id


@pytest.mark.parametrize("lost", ["all of it", "hukommelse.sqlite", "schema.json", "0099-sendt.parquet"])
def test_a_memory_that_is_lost_costs_nothing(verden, lost):
    verden.person.change("Tomter", TOMT, {"Fase": "Dialog", "Notat": "Ringte"})
    before = verden.stand()
    if lost == "all of it":
        shutil.rmtree(folder(verden))
    else:
        for path in folder(verden).glob(f"{lost}*"):
            path.unlink()
    assert verden.sync().failure is None
    assert verden.stand() == before
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    assert verden.sync().failure is None
    now = verden.stand()
    assert {key: row["Areal m²"] - 111 for key, row in now["Tomter"].items()} == {
        key: row["Areal m²"] for key, row in fasit()["Tomter"].items()
    }
    assert (now["Tomter"][TOMT]["Fase"], now["Tomter"][TOMT]["Notat"]) == ("Dialog", "Ringte")
    assert saker(now, "endret") == saker(now, "slettet") == {}


def test_a_memory_that_is_lost_between_a_killed_run_and_the_next(tom_verden, pauser):
    tom_verden.proxy.when(writes("Tomter"), lose_answer, nth=2, times=100)
    assert tom_verden.sync().failure is not None
    tom_verden.proxy.behave()
    shutil.rmtree(folder(tom_verden))
    assert tom_verden.sync().failure is None
    assert without(tom_verden.stand(), "Kontroll") == without(fasit(), "Kontroll")


@pytest.mark.parametrize("name", ["hukommelse.sqlite", "schema.json"])
def test_a_damaged_memory_stops_before_anything_is_written(verden, name):
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    for path in folder(verden).glob(f"{name}-*"):
        path.unlink()
    (folder(verden) / name).write_bytes(b"\x00 damaged " * 100)
    with pytest.raises(StoreError, match=name):
        verden.sync()
    assert [asked for asked in verden.proxy.seen if asked.is_write] == []
