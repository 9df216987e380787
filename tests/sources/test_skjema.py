"""Columns from one answer to the next: what decides must not vanish without a word."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest

from config.kilder import kilder
from tasks.sources.skjema import columns_in_use, lost


def test_only_columns_with_a_value_are_in_use(tmp_path: Path) -> None:
    frame = gpd.GeoDataFrame(
        {"a": ["x", None], "b": pd.Series([None, None], dtype="str"), "c": [["1"], []]},
        geometry=gpd.points_from_xy([0, 1], [0, 1]),
        crs=25833,
    )
    frame.to_parquet(tmp_path / "x.parquet")
    assert columns_in_use(tmp_path / "x.parquet") == {"a", "c", "geometry"}


@pytest.mark.parametrize(
    ("kilde", "before", "now", "gone"),
    [
        ("kartverket_teig", {"teig_id", "kommunenummer"}, {"kommunenummer"}, ["teig_id"]),
        ("kartverket_teig", {"teig_id"}, {"teig_id", "ny"}, []),
        ("nap_kommuneplan", {"arealformål", "arealbruk"}, {"arealformål"}, []),  # the last plan of 1985 may go
        ("nap_kommuneplan", {"arealformål"}, {"formaalskode2"}, ["arealformål eller arealbruk"]),
        ("nap_kommuneplan", {"planstatus"}, {"PLANSTAT"}, []),
        ("nap_reguleringsplan", {"VERTNIV"}, {"niva"}, ["vertikalnivå"]),
        ("kartverket_grense", {"kommunenavn"}, set(), []),
    ],
)
def test_what_decides_and_is_gone(kilde: str, before: set[str], now: set[str], gone: list[str]) -> None:
    assert lost(before, now, kilder()[kilde]) == gone


def test_a_column_that_the_registry_names_is_the_one_that_must_stay() -> None:
    kilde = kilder()["nap_reguleringsplan"].model_copy(update={"kolonner": {"planstatus": "stat"}})
    assert lost({"stat"}, {"planstatus"}, kilde) == ["planstatus"]
    assert lost({"stat"}, {"stat"}, kilde) == []
