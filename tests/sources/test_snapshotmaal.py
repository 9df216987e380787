"""What a raw snapshot shows by itself."""

from __future__ import annotations

from pathlib import Path

import pytest
import shapely

from tasks.errors import StoreError
from tasks.sources import snapshotmaal
from tasks.sources.snapshotmaal import measure_snapshot
from tasks.store import Geodata

from .dekning_data import BOW, SQUARE, rows


def test_missing_empty_and_crossing_geometries_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    geodata = Geodata(tmp_path)
    answer = rows(geodata, "nap_kommuneplan", shapes=[SQUARE, BOW, None, shapely.Polygon(), SQUARE])
    for batch in (1, 2, 20_000):
        monkeypatch.setattr(snapshotmaal, "BATCH", batch)
        assert measure_snapshot(answer, geodata).andel_ugyldig == 0.6
    assert measure_snapshot(rows(geodata, "nap_reguleringsplan", shapes=[]), geodata).andel_ugyldig is None


def test_the_snapshot_before_is_the_last_good_one(tmp_path: Path) -> None:
    geodata = Geodata(tmp_path)
    rows(geodata, "nap_kommuneplan", count=9, days_ago=20)
    before = rows(geodata, "nap_kommuneplan", count=5, days_ago=10)
    now = rows(geodata, "nap_kommuneplan", count=4)
    aside = now.path.parent / "holdt" / before.path.name.replace("2026", "2027")
    aside.parent.mkdir()
    aside.write_bytes(now.path.read_bytes())
    found = measure_snapshot(now, geodata)
    assert (found.kilde, found.navn, found.forrige) == ("nap_kommuneplan", now.path.name, before.provenance)
    assert measure_snapshot(rows(geodata, "nap_reguleringsplan"), geodata).forrige is None


def test_a_damaged_snapshot_is_named(tmp_path: Path) -> None:
    geodata = Geodata(tmp_path)
    answer = rows(geodata, "nap_kommuneplan")
    answer.path.write_bytes(answer.path.read_bytes()[:-40])
    with pytest.raises(StoreError, match=answer.path.name):
        measure_snapshot(answer, geodata)
