"""Buildings of services by their type."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from config.kontekst import Tjenester
from tasks.sources.bygning import nothing
from tasks.sources.bygningstjenester import tjenester
from tasks.tomtekontrakter import TJENESTER

SLAG = Tjenester(dagligvare=("322",), skole=("613",), barnehage=("612",), offentlig=("613", "651"))


def raw(*rows: tuple[Any, Any, Any]) -> gpd.GeoDataFrame:
    columns = ("bygning_id", "bygningstype", "status")
    data = {c: pd.Series([row[i] for row in rows], dtype=object) for i, c in enumerate(columns)}
    points = [shapely.Point(n, n) for n in range(len(rows))]
    return gpd.GeoDataFrame(data, geometry=points, crs=25833)


def test_each_kind_that_a_type_stands_for():
    frame, account = tjenester(raw(("1", "613", "TB"), ("2", "111", "TB"), ("3", "322.0", None)), SLAG)
    TJENESTER.check(frame)
    assert frame["tjeneste_id"].tolist() == ["dagligvare-3", "skole-1", "offentlig-1"]
    assert frame["bygningstype"].tolist() == ["322", "613", "613"]
    assert account.utelatt["annen bygningstype"].antall == 1


def test_what_no_longer_stands_or_comes_twice_goes():
    rows = raw(("1", "612", "BR"), ("2", "612", "TB"), ("2", "612", "TB"), (None, "612", "TB"))
    frame, account = tjenester(rows, SLAG, utelat=("BR",))
    assert frame["tjeneste_id"].tolist() == ["barnehage-2"]
    assert {r: d.antall for r, d in account.utelatt.items()} == {
        "står ikke": 1,
        "uten punkt eller id": 1,
        "samme bygningsId": 1,
    }


@pytest.mark.parametrize("rows", [nothing(), gpd.GeoDataFrame(geometry=gpd.GeoSeries([], crs=25833), crs=25833)])
def test_nothing_is_nothing(rows: gpd.GeoDataFrame):
    frame, _ = tjenester(rows, SLAG)
    TJENESTER.check(frame)
    assert not len(frame)
