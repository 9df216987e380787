"""The ledger as a book: append-only, replayed to the lots of today, kept in a file, quick."""

from __future__ import annotations

import time
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import HENDELSER
from tasks.errors import ContractError, IdentityError
from tasks.land import ledger as log
from tasks.land.ledger import AARSAKER, LagEndring, append, hendelser, next_nr, replay
from tasks.store import Geodata
from tests.land.sheet import DAY, FLOOR_M2, HIGH, NOTHING, WIDE, Sheet, Story, assert_replayed, frame, land, of, tomter


def test_old_rows_stay_and_numbers_go_on():
    story = Story()
    old = story.ledger.copy()
    story.run(story.sheet.having("planer", P1=land(0, 0, 4, 3)))
    assert story.ledger["nr"].tolist() == [1, 2, 3, 4]
    pd.testing.assert_frame_equal(pd.DataFrame(story.ledger[:3]), pd.DataFrame(old))
    new = story.ledger[3:]
    with pytest.raises(ContractError, match="row 1 has nr 4, wanted is 5"):
        append(story.ledger, new)
    with pytest.raises(ContractError, match="row 2 has nr 3, wanted is 2"):
        next_nr(story.ledger.drop(index=1))
    with pytest.raises(ContractError, match="kommune 3207 in the ledger of 9901"):
        append(old, new.assign(kommunenummer="3207"))
    assert append(old, new.iloc[:0]) is old


def test_a_ledger_of_lots_that_nothing_else_knows_is_refused():
    story = Story()
    story.tomter = story.tomter[1:]
    with pytest.raises(IdentityError, match=r"1 lots that out/tomter does not, first 9901-000001"):
        of(story, NOTHING)


RECTANGLES = st.tuples(st.integers(0, WIDE - 1), st.integers(0, HIGH - 1), st.integers(1, 5), st.integers(1, 4)).map(
    lambda r: land(r[0], r[1], min(r[0] + r[2], WIDE), min(r[1] + r[3], HIGH))
)


@st.composite
def edits(draw):
    """Return a function from a sheet to the next one."""
    kind = draw(st.sampled_from(["plan", "sone", "teig", "repeal", "zone gone", "jitter", "rule", "purpose"]))
    where, number = draw(RECTANGLES), draw(st.integers(1, 4))
    return kind, where, number


def edited(sheet: Sheet, kind: str, where: shapely.Geometry, number: int) -> Sheet:
    if kind == "plan":
        return sheet.having("planer", **{f"P{number}": where})
    if kind == "repeal":
        return sheet.having("planer", **{f"P{number}": None})
    if kind == "purpose":
        return replace(sheet, annet=sheet.annet ^ {f"T{number}"})
    if kind in ("sone", "zone gone"):
        return sheet.having("soner", **{f"S{number}": where if kind == "sone" else None})
    if kind == "teig":  # the rectangle becomes, or becomes part of, a teig; the others lose it
        name = f"T{number}"
        left = {k: g if k == name else g.difference(where) for k, g in sheet.teiger.items()}
        left[name] = shapely.union(left[name], where) if name in left else where
        return replace(sheet, teiger={k: g for k, g in left.items() if g.area > 0})
    return sheet


DAYS = st.lists(st.lists(edits(), min_size=1, max_size=3), min_size=1, max_size=6)


@settings(max_examples=4)
@given(DAYS)
def test_replaying_the_ledger_gives_the_lots_of_today_and_each_change_is_told_once(days):
    live_through(days)


@pytest.mark.long
@settings(max_examples=60)
@given(DAYS)
def test_replaying_the_ledger_long(days):
    live_through(days)


def live_through(days: list) -> None:
    """Run day by day, and see what the ledger tells of each."""
    story = Story()
    for day in days:
        sheet, before = story.sheet, story.tomter
        for edit in day:
            sheet = edited(sheet, *edit)
        kinds = {kind for kind, *_ in day}
        events = story.run(
            sheet, jitter_m=0.01 * ("jitter" in kinds), floor=300 if "rule" in kinds else FLOOR_M2
        )  # asserts the replay
        assert_told(events, before, story.tomter)


def assert_told(events: gpd.GeoDataFrame, before: gpd.GeoDataFrame, after: gpd.GeoDataFrame) -> None:
    """Every changed lot has one event, no other has; words and relatives agree."""
    told_ids = events["tomt_id"].tolist()
    assert len(set(told_ids)) == len(told_ids)
    old, new = before.set_index("tomt_id"), after.set_index("tomt_id")
    for lot in new.index:
        same = (
            lot in old.index
            and all(old.loc[lot, c] == new.loc[lot, c] for c in ("tilstand", "teig_id", "omraade_id", "differanse"))
            and old.loc[lot, "geometry"].equals(new.loc[lot, "geometry"])
        )
        assert same == (lot not in told_ids)
    assert set(events["hendelse"]) <= set(log.HENDELSER)
    assert set(events["aarsak"]) <= set(AARSAKER)
    by_id = events.set_index("tomt_id")
    for lot, event in by_id.iterrows():
        assert all(lot in by_id.loc[other, "til"] for other in event["fra"])
        assert all(lot in by_id.loc[other, "fra"] for other in event["til"])
        assert lot not in event["fra"] + event["til"]
        assert (new.loc[lot, "tilstand"] == "borte") == (event["hendelse"] in log.SLUTT)
        assert (event["hendelse"] in ("ny", "utskilt")) == (lot not in old.index)
        if event["hendelse"] in ("slått sammen", "delt"):
            assert event["til"]
        if event["hendelse"] in ("utskilt", "tok opp"):
            assert event["fra"]


def test_the_ledger_is_kept_and_opens_in_a_gis(tmp_path):
    story = Story()
    story.run(story.sheet.having("planer", P1=land(0, 4, 4, 4.5)))
    geodata = Geodata(tmp_path)
    path = geodata.write(story.ledger, "9901", layer="out", contract=HENDELSER)
    again = geodata.read("9901", layer="out", contract=HENDELSER)
    assert_replayed(again, story.tomter)
    assert next_nr(again) == 6
    events = append(again, story.ledger.iloc[:0])
    assert events["til"].tolist() == story.ledger["til"].tolist()

    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    kinds = {name: str(schema.field(name).type) for name in schema.names}
    assert kinds["geometry"] == "binary"
    assert b'"primary_column"' in schema.metadata[b"geo"]
    # What GDAL's Parquet driver makes Integer64, String, Real and StringList of.
    assert {kinds[c] for c in ("aarsak_ider", "fra", "til")} <= {"list<element: string>", "list<item: string>"}
    assert {kinds[c] for c in ("hendelse", "aarsak", "dato", "tomt_id")} <= {"string", "large_string"}
    assert (kinds["nr"], kinds["areal_foer_m2"]) == ("int64", "double")


def test_a_ledger_that_is_older_than_the_classes_of_differanse_is_read(tmp_path):
    story = Story()
    path = Geodata(tmp_path).write(story.ledger, "9901", layer="out", contract=HENDELSER)
    story.ledger.drop(columns="differanse").to_parquet(path)
    assert_replayed(Geodata(tmp_path).read("9901", layer="out", contract=HENDELSER), story.tomter)


@pytest.mark.skipif("Parquet" not in pyogrio.list_drivers(), reason="this GDAL has no Parquet driver")
def test_gdal_reads_the_ledger(tmp_path):
    story = Story()
    story.run(story.sheet.having("planer", P1=land(0, 4, 4, 4.5)))
    path = Geodata(tmp_path).write(story.ledger, "9901", layer="out", contract=HENDELSER)
    read = pyogrio.read_dataframe(path)
    assert read.geometry.geom_equals(story.ledger.geometry).all()
    assert [list(v) for v in read["til"]] == story.ledger["til"].tolist()


@pytest.mark.long
def test_a_large_kommune_with_few_changes_costs_little():
    wide = 160
    tiles = [land(x, y, x + 1, y + 1) for x in range(wide) for y in range(wide)]
    before = tomter([("9901-O00001", f"T{i}", tile) for i, tile in enumerate(tiles)], None)
    first = {"rester": np.empty(0, dtype=object), "endringer": NOTHING, "kommunenummer": "9901", "dato": DAY.format(1)}
    ledger = hendelser(None, before, **first, start_nr=1)
    plan = land(10, 10.5, 26, 26.5)
    after = before.copy()
    after["geometry"] = [g.difference(plan) if g.intersects(plan) else g for g in after.geometry]
    gone = after.geometry.is_empty
    after["geometry"] = after.geometry.where(~gone, before.geometry)
    after.loc[gone, "tilstand"] = "borte"
    after["areal_m2"] = after.geometry.area
    before_s = time.process_time()
    events = hendelser(
        replay(ledger),
        after.assign(areal_m2=after["areal_m2"].where(after["areal_m2"] < 99.9, before["areal_m2"])),
        rester=np.empty(0, dtype=object),
        endringer=replace(NOTHING, planer=LagEndring(frame([]), frame([("P1", plan)]))),
        kommunenummer="9901",
        dato=DAY.format(2),
        start_nr=len(ledger) + 1,
    )
    spent_s = time.process_time() - before_s
    assert set(events["aarsak"]) == {"plan vedtatt"}
    assert len(events) == 16 * 17
    assert set(events["hendelse"]) == {"borte", "endret"}
    assert spent_s < 2.0  # measured: a tenth of it
