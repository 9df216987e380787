"""The memory of a run: what is kept comes back whole or not at all, and says what has changed since."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely import box

from tasks.land.lag import Lag
from tasks.land.minne import Husket, changes_since, keep, recall
from tasks.land.motor import Biter, Deler, Flater, Inndata, Minne, Valg, beregn

EPSG = 25832
SIDE = 100.0
RULES = {"areal.minste_tomt_m2": "1000.0"}


def squares(column: str, places: list[tuple[float, float, float, float]]) -> gpd.GeoDataFrame:
    """Return a layer of rectangles, in squares of 100 m, with ids and what a zone has."""
    rows = [box(*(np.array(p) * SIDE + 500_000)) for p in places]
    ids = {column: np.array([f"{column[0]}{k}" for k in range(len(rows))], dtype=object)}
    texts = {c: np.full(len(rows), "x", dtype=object) for c in ("klasse", "arealstatus")} if column == "sone_id" else {}
    if column == "sone_id":
        texts["plan_id"] = np.full(len(rows), "P", dtype=object)
    return gpd.GeoDataFrame({**ids, **texts}, geometry=rows, crs=EPSG)


def given(*, plans: int = 3) -> Inndata:
    soner = squares("sone_id", [(0, 0, 4, 2), (4, 0, 6, 2), (8, 0, 9, 1)])
    planer = squares("plan_id", [(1, 0, 1.5, 1), (3, 1, 5, 3), (8.5, 0, 9, 1)][:plans])
    return Inndata(soner, planer, squares("teig_id", [(x, 0, x + 1, 2) for x in range(9)]))


def purposes(kode: str = "3040") -> Lag:
    geometry = np.array([box(500_000, 500_000, 500_100, 500_100)], dtype=object)
    return Lag(np.array(["F1"], dtype=object), geometry, [np.array([kode], dtype=object)])


@pytest.fixture(scope="module")
def minne() -> Minne:
    return beregn(given(), Valg()).minne


def kept(minne: Minne, folder: Path, formaal: Lag | None = None) -> Path:
    path = folder / "minne.parquet"
    keep(minne, path, regler=RULES, epsg=EPSG, formaal=formaal)
    return path


def content(husket: Husket) -> list[object]:
    """Return everything that is remembered, so that it can be compared."""
    assert husket.minne is not None
    found = husket.minne
    return [
        {name: (lag.ider.tolist(), lag.noekler.tolist()) for name, lag in husket.lag.items()},
        [shapely.to_wkb(lag.geometri).tolist() for lag in husket.lag.values()],
        [shapely.to_wkb(part.geometri).tolist() for part in (found.deler, found.flater, found.biter)],
        [found.deler.sone.tolist(), found.flater.av_del.tolist(), found.flater.klynge.tolist()],
        [found.biter.flate.tolist(), found.biter.teig.tolist()],
        [found.soner.noekler.tolist(), found.planer.noekler.tolist(), found.teiger.noekler.tolist()],
        [found.valg, husket.regler, husket.versjon, husket.epsg],
    ]


def test_what_is_kept_comes_back_and_the_next_run_goes_on_from_it(minne, tmp_path):
    husket = recall(kept(minne, tmp_path, purposes()))
    assert husket is not None
    assert set(husket.lag) == {"soner", "planer", "teiger", "formaal"}
    assert (husket.epsg, husket.regler) == (EPSG, RULES)
    now, anew = (beregn(given(plans=2), Valg(), forrige=f).minne for f in (husket.minne, None))
    assert shapely.equals_exact(now.biter.geometri, anew.biter.geometri).all()
    assert gpd.read_parquet(tmp_path / "minne.parquet").crs.to_epsg() == EPSG  # it opens in a GIS


def test_a_flipped_bit_leaves_the_same_memory_or_none(minne, tmp_path):
    path = kept(minne, tmp_path, purposes())
    whole, wanted = path.read_bytes(), content(recall(path))
    random = np.random.default_rng(20261122)
    lost = 0
    for bit in random.choice(len(whole) * 8, size=150, replace=False):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(damaged)
        found = recall(path)
        lost += found is None
        assert found is None or content(found) == wanted, f"bit {bit}"
    assert lost > 20  # the others fell on what nobody reads: statistics, names of a CRS


@pytest.mark.parametrize("column", ["tabell", "id", "noekkel", "a", "geometry"])
def test_content_that_is_another_is_refused_though_the_file_is_whole(minne, tmp_path, column):
    path = kept(minne, tmp_path)
    frame = gpd.read_parquet(path)
    frame.to_parquet(path)
    assert recall(path) is not None
    frame[column] = frame[column].iloc[::-1].reset_index(drop=True)
    frame.to_parquet(path)
    assert recall(path) is None


def test_rules_that_are_others_are_refused(minne, tmp_path):
    path = kept(minne, tmp_path)
    frame = gpd.read_parquet(path)
    frame.attrs = {**frame.attrs, "minne": frame.attrs["minne"].replace("1000.0", "1001.0")}
    frame.to_parquet(path)
    assert recall(path) is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"deler": lambda m: Deler(m.deler.geometri, m.deler.sone + len(m.soner))},
        {"flater": lambda m: Flater(m.flater.geometri, m.flater.av_del + len(m.flater.geometri), m.flater.klynge)},
        {"flater": lambda m: Flater(m.flater.geometri, m.flater.av_del, m.flater.klynge - 1)},
        {"biter": lambda m: Biter(m.biter.geometri, m.biter.flate + 99, m.biter.teig)},
        {"biter": lambda m: Biter(m.biter.geometri, m.biter.flate, m.biter.teig - 99)},
    ],
)
def test_a_memory_whose_rows_point_nowhere_is_none(minne, tmp_path, wrong):
    ((name, change),) = wrong.items()
    assert recall(kept(replace(minne, **{name: change(minne)}), tmp_path)) is None


def test_the_memory_of_a_kommune_with_nothing_is_recalled(tmp_path):
    empty = Inndata(*(f.iloc[:0] for f in (given().soner, given().planer, given().teiger)))
    nothing = beregn(empty, Valg()).minne
    husket = recall(kept(nothing, tmp_path))
    assert husket is not None
    now = beregn(given(), Valg(), forrige=husket.minne).minne
    changes = changes_since(husket, now, RULES, epsg=EPSG)
    assert changes.kjent
    assert changes.soner.nye["id"].tolist() == ["s0", "s1", "s2"]
    assert not len(changes.soner.borte)


# --- what has changed since ---


def test_changes_are_told_by_layer_and_rule(minne, tmp_path):
    husket = recall(kept(minne, tmp_path, purposes()))
    now = beregn(given(plans=2), Valg()).minne
    changes = changes_since(husket, now, {"areal.minste_tomt_m2": "900.0"}, epsg=EPSG, formaal=purposes("1110"))
    assert changes.planer.borte["id"].tolist() == ["p2"]
    assert not len(changes.planer.nye)
    assert changes.regler == ("areal.minste_tomt_m2: 1000.0 → 900.0",)
    assert changes.formaal.borte["id"].tolist() == changes.formaal.nye["id"].tolist() == ["F1"]
    assert not len(changes_since(husket, now, RULES, formaal=purposes()).formaal.nye)


def test_purposes_that_one_of_the_runs_has_not_read_explain_nothing(minne, tmp_path):
    assert changes_since(recall(kept(minne, tmp_path, purposes())), minne, RULES).formaal is None
    assert changes_since(recall(kept(minne, tmp_path)), minne, RULES, formaal=purposes()).formaal is None


def test_of_a_kommune_that_has_another_utm_zone_now_nothing_is_known(minne, tmp_path):
    husket = recall(kept(minne, tmp_path))
    changes = changes_since(husket, minne, RULES, epsg=25833)
    assert not changes.kjent
    assert changes_since(husket, minne, RULES, epsg=EPSG).kjent
    assert not changes_since(None, minne, RULES, epsg=EPSG).kjent
