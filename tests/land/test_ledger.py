"""The ledger: what it says of a small invented land that changes, and that replaying it gives the lots of today.

The land is a sheet of 12 × 6 squares of 10 m. A teig is the squares of one letter; a plan covers squares; what is
connected, on one teig and under no plan is a lot, from two squares on. Ids are the engine's own.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import affinity, box

from tasks.contracts import HENDELSER, STORAGE_EPSG, TOMTER
from tasks.errors import ContractError, IdentityError
from tasks.land import ledger as log
from tasks.land.differanse import explode, subtract
from tasks.land.identity import carry_ids, with_gone
from tasks.land.ledger import AARSAKER, Endringer, LagEndring, append, hendelser, next_nr, replay
from tasks.store import Geodata

WIDE, HIGH, SIDE = 12, 6, 10.0
EAST, NORTH = 500_000, 7_000_000
FLOOR_M2 = 200.0
DAY = "2026-11-{:02d}T03:00:00+00:00"


def land(west: float, south: float, east: float, north: float) -> shapely.Polygon:
    """Return a rectangle, in squares from the corner of the sheet."""
    return affinity.translate(box(west * SIDE, south * SIDE, east * SIDE, north * SIDE), EAST, NORTH)


@dataclass(frozen=True)
class Sheet:
    """What the sources say: id → land."""

    soner: dict[str, shapely.Geometry] = field(default_factory=lambda: {"S1": land(0, 0, WIDE, HIGH)})
    planer: dict[str, shapely.Geometry] = field(default_factory=dict)
    teiger: dict[str, shapely.Geometry] = field(
        default_factory=lambda: {"T1": land(0, 0, 4, HIGH), "T2": land(4, 0, 8, HIGH), "T3": land(8, 0, WIDE, HIGH)}
    )

    def having(self, lag: str, **rows: shapely.Geometry | None) -> Sheet:
        """Return the sheet with rows of a layer set, or gone where None."""
        changed = {k: g for k, g in {**getattr(self, lag), **rows}.items() if g is not None}
        return replace(self, **{lag: changed})


def frame(rows: list[tuple[str, shapely.Geometry]]) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"id": pd.Series([k for k, _ in rows], dtype=object)}, geometry=[g for _, g in rows], crs=STORAGE_EPSG
    )


def change(old: dict, new: dict) -> LagEndring:
    def only(a: dict, b: dict) -> gpd.GeoDataFrame:
        return frame([(k, g) for k, g in a.items() if k not in b or not g.equals_exact(b[k])])

    return LagEndring(only(old, new), only(new, old))


NOTHING = Endringer(change({}, {}), change({}, {}), change({}, {}))


def changes(old: Sheet, new: Sheet, **more: object) -> Endringer:
    layers = {lag: change(getattr(old, lag), getattr(new, lag)) for lag in ("planer", "soner", "teiger")}
    return Endringer(**layers, **more)


SCALE = 1.0008
"""Areas are those of the kommune's own zone, which are others than those of the geometry."""

IDENTITY = {"min_iou": 0.5}
REASONS = {"aarsak": "borte", "sammen": "Slått sammen med {}"}


def find(sheet: Sheet, floor: float) -> tuple[list, list[tuple], np.ndarray]:
    """Return the områder; (which område, teig, land) of each lot; and what is left over below the floor."""
    zones = np.array(list(sheet.soner.values()), dtype=object)
    free = [g for g in subtract(zones, np.array(list(sheet.planer.values()), dtype=object)) if g is not None]
    flater = list(explode(np.array([shapely.union_all(free)], dtype=object))[0]) if free else []
    rows, rester = [], []
    for number, flate in enumerate(flater):
        for teig, ground in sheet.teiger.items():
            for piece in shapely.get_parts(flate.intersection(ground)):
                if piece.geom_type == "Polygon" and piece.area >= floor:
                    rows.append((number, teig, piece))
                elif piece.geom_type == "Polygon":
                    rester.append(piece)
    return flater, rows, np.array(rester, dtype=object)


def omraader(flater: list, old: gpd.GeoDataFrame | None) -> tuple[list[str], gpd.GeoDataFrame]:
    """Return the id of each område, and the frame to carry them over with."""
    new = gpd.GeoDataFrame(geometry=flater, crs=STORAGE_EPSG)
    new["omraade_id"] = carry_ids(
        new, old, id_column="omraade_id", id_format="9901-O{:05d}", group_column=None, **IDENTITY
    )
    return new["omraade_id"].tolist(), with_gone(new, old, id_column="omraade_id", **REASONS)


def tomter(rows: list[tuple[str, str, shapely.Polygon]], old: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Return the lots, what the ledger reads of contract tomter, from område, teig and land."""
    geometry = [piece for *_, piece in rows]
    data = {
        "omraade_id": pd.Series([omraade for omraade, *_ in rows], dtype=object),
        "teig_id": pd.Series([teig for _, teig, _ in rows], dtype=object),
        "areal_m2": shapely.area(np.array(geometry, dtype=object)) / SCALE,
    }
    new = gpd.GeoDataFrame(data, geometry=geometry, crs=STORAGE_EPSG, index=range(len(rows)))
    carried = {"id_column": "tomt_id", "id_format": "9901-{:06d}", "group_column": "teig_id"}
    new["tomt_id"] = carry_ids(new, old, **carried, **IDENTITY)
    return with_gone(new, old, id_column="tomt_id", **REASONS)


class Story:
    """A kommune from run to run: its lots, and the ledger as it grows."""

    def __init__(self, sheet: Sheet | None = None) -> None:
        self.sheet = sheet or Sheet()
        self.omraader: gpd.GeoDataFrame | None = None
        self.tomter: gpd.GeoDataFrame | None = None
        self.ledger: gpd.GeoDataFrame | None = None
        self.runs = 0
        self.run(self.sheet)

    def find(self, sheet: Sheet, floor: float = FLOOR_M2) -> np.ndarray:
        """Let the lots be those of this land; return what is left over below the floor."""
        flater, rows, rester = find(sheet, floor)
        ids, self.omraader = omraader(flater, self.omraader)
        self.tomter = tomter([(ids[number], teig, piece) for number, teig, piece in rows], self.tomter)
        return rester

    def run(self, sheet: Sheet, *, floor: float = FLOOR_M2, jitter_m: float = 0.0, **more: object) -> gpd.GeoDataFrame:
        """Run with this land; return the new events by lot."""
        self.runs += 1
        endringer, self.sheet = changes(self.sheet, sheet, **more), sheet
        rester = self.find(sheet, floor)
        if jitter_m:
            alive = self.tomter["tilstand"] == "aktiv"
            moved = self.tomter.geometry.translate(jitter_m, jitter_m)
            self.tomter["geometry"] = self.tomter.geometry.where(~alive, moved)
        new = hendelser(
            replay(self.ledger),
            self.tomter,
            rester=rester,
            endringer=endringer,
            kommunenummer="9901",
            dato=DAY.format(self.runs),
            start_nr=next_nr(self.ledger),
        )
        HENDELSER.check(new)
        self.ledger = append(self.ledger, new)
        assert_replayed(self.ledger, self.tomter)
        return new.set_index(new["tomt_id"].str[-1])


def assert_replayed(ledger: gpd.GeoDataFrame, wanted: gpd.GeoDataFrame) -> None:
    state = replay(ledger)
    assert len(state) == len(wanted)
    for column in ("tomt_id", "tilstand", "teig_id", "omraade_id"):
        assert state[column].tolist() == wanted[column].tolist()
    assert state["areal_m2"].tolist() == pytest.approx(wanted["areal_m2"].tolist(), abs=1e-6, rel=0)
    assert shapely.equals(state.geometry.to_numpy(), wanted.geometry.to_numpy()).all()


def told(events: gpd.GeoDataFrame) -> dict[str, tuple]:
    """Return lot → what, why, which."""
    return {k: (e["hendelse"], e["aarsak"], e["aarsak_ider"]) for k, e in events.iterrows()}


def areas(events: gpd.GeoDataFrame, lot: str) -> tuple[int, int]:
    """Return the area before and after, in m² of the sheet."""
    return tuple(round(events.loc[lot, c] * SCALE) for c in ("areal_foer_m2", "areal_etter_m2"))


# --- what happened, and why ---


def test_the_first_run_tells_of_every_lot():
    story = Story()
    assert set(zip(story.ledger["hendelse"], story.ledger["aarsak"], strict=True)) == {("ny", "første kjøring")}
    assert story.ledger["nr"].tolist() == [1, 2, 3]
    assert (story.ledger["areal_foer_m2"] == 0).all()
    assert story.ledger["dato"].unique().tolist() == [DAY.format(1)]


def test_lots_that_were_gone_before_there_was_a_ledger_are_told_as_gone():
    story = Story()
    story.run(story.sheet.having("planer", P1=land(0, 0, 4, HIGH)))
    first = hendelser(
        None,
        story.tomter,
        rester=np.empty(0, dtype=object),
        endringer=NOTHING,
        kommunenummer="9901",
        dato=DAY.format(1),
        start_nr=1,
    )
    assert first["hendelse"].tolist() == ["borte", "ny", "ny"]
    assert set(first["aarsak"]) == {"første kjøring"}
    assert_replayed(first, story.tomter)


def test_nothing_changed_nothing_told():
    story = Story()
    assert not len(story.run(story.sheet))
    assert len(story.ledger) == 3


def test_a_plan_takes_part_of_one_lot_and_all_of_another_and_is_repealed():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(2, 0, 8, HIGH)))
    assert told(events) == {"1": ("endret", "plan vedtatt", ["P1"]), "2": ("borte", "plan vedtatt", ["P1"])}
    assert areas(events, "1") == (2400, 1200)
    assert areas(events, "2") == (2400, 0)
    events = story.run(story.sheet.having("planer", P1=land(2, 0, 6, HIGH)))
    assert told(events) == {"2": ("tilbake", "plan endret", ["P1"])}
    assert areas(events, "2") == (0, 1200)
    events = story.run(story.sheet.having("planer", P1=None))
    assert told(events) == {"1": ("endret", "plan opphevet", ["P1"]), "2": ("endret", "plan opphevet", ["P1"])}


def test_a_lot_becomes_part_of_another_omraade():
    story = Story()
    story.run(story.sheet.having("planer", P1=land(6, 0, 8, HIGH)))
    events = story.run(story.sheet.having("planer", P1=None))
    assert told(events) == {"2": ("endret", "plan opphevet", ["P1"]), "3": ("omregistrert", "plan opphevet", ["P1"])}
    assert areas(events, "3") == (2400, 2400)


def test_what_is_left_of_a_lot_is_below_the_floor():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 4, 5.6)))
    assert told(events) == {"1": ("under grensen", "plan vedtatt", ["P1"])}
    assert areas(events, "1") == (2400, 160)
    assert round(replay(story.ledger)["areal_m2"][0] * SCALE) == 2400  # as last seen


def test_a_road_plan_splits_a_lot_and_its_repeal_joins_it():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 4, 4, 4.5)))
    assert told(events) == {"1": ("delt", "plan vedtatt", ["P1"]), "4": ("utskilt", "plan vedtatt", ["P1"])}
    assert (events.loc["1", "til"], events.loc["4", "fra"]) == (["9901-000004"], ["9901-000001"])
    assert (events.loc["1", "fra"], events.loc["4", "til"]) == ([], [])
    events = story.run(story.sheet.having("planer", P1=None))
    assert told(events)["1"] == ("tok opp", "plan opphevet", ["P1"])
    assert told(events)["4"] == ("slått sammen", "plan opphevet", ["P1"])
    assert (events.loc["4", "til"], events.loc["1", "fra"]) == (["9901-000001"], ["9901-000004"])
    # The same road once more: the lot that was gone is there again, and who gave it its land is told.
    events = story.run(story.sheet.having("planer", P1=land(0, 4, 4, 4.5)))
    assert told(events)["4"] == ("tilbake", "plan vedtatt", ["P1"])
    assert events.loc["4", "fra"] == ["9901-000001"]


def test_teiger_are_split_merged_and_renumbered():
    story = Story()
    events = story.run(story.sheet.having("teiger", T1=land(0, 0, 4, 4), T4=land(0, 4, 4, HIGH)))
    assert {k: v[:2] for k, v in told(events).items()} == {
        "1": ("delt", "teig endret"),
        "4": ("utskilt", "teig endret"),
    }
    assert set(told(events)["1"][2]) == {"T1", "T4"}
    events = story.run(story.sheet.having("teiger", T2=None, T3=land(4, 0, WIDE, HIGH)))
    assert {k: v[:2] for k, v in told(events).items()} == {
        "2": ("slått sammen", "teig endret"),
        "3": ("tok opp", "teig endret"),
    } or {k: v[:2] for k, v in told(events).items()} == {
        "2": ("tok opp", "teig endret"),
        "3": ("slått sammen", "teig endret"),
    }
    events = story.run(story.sheet.having("teiger", T4=None, T9=land(0, 4, 4, HIGH)))
    assert told(events) == {"4": ("omregistrert", "teig endret", ["T4", "T9"])}
    assert areas(events, "4") == (800, 800)


def test_zones_that_are_moved_new_gone_and_of_another_purpose():
    story = Story(Sheet(soner={"S1": land(0, 0, 4, HIGH), "S2": land(4, 0, 8, HIGH)}))
    events = story.run(story.sheet.having("soner", S1=land(0, 0, 3, HIGH), S3=land(8, 0, WIDE, HIGH)))
    assert told(events)["1"] == ("endret", "sone endret", ["S1"])
    assert told(events)["3"] == ("ny", "sone endret", ["S3"])
    events = story.run(story.sheet.having("soner", S2=None))
    assert told(events)["2"] == ("borte", "sone endret", ["S2"])
    # Of another purpose: the zone stands in both, with the same land, and counts no more.
    same = frame([("S3", land(8, 0, WIDE, HIGH))])
    gone = story.sheet.having("soner", S3=None)
    story.find(gone)
    events = of(story, replace(NOTHING, soner=LagEndring(same, same)))
    assert told(events)["3"] == ("borte", "sone endret", ["S3"])


def of(story: Story, endringer: Endringer, rester: np.ndarray | None = None) -> gpd.GeoDataFrame:
    """Return the events that lead to the story's lots, with these changes said to be the only ones."""
    events = hendelser(
        replay(story.ledger),
        story.tomter,
        rester=np.empty(0, dtype=object) if rester is None else rester,
        endringer=endringer,
        kommunenummer="9901",
        dato=DAY.format(9),
        start_nr=next_nr(story.ledger),
    )
    return events.set_index(events["tomt_id"].str[-1])


RULE = "minste tomt 200 → 2 500 m²"


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"regler": (RULE,)}, ("under grensen", "regel endret", [RULE])),
        ({"regler": (RULE,), "motor": True}, ("under grensen", "regel endret", [RULE])),
        ({"motor": True}, ("under grensen", "programmet endret", [])),
        ({}, ("under grensen", "ukjent", [])),
        ({"kjent": False, "motor": True}, ("under grensen", "ukjent", [])),
    ],
)
def test_what_no_input_explains(more, wanted):
    story = Story()
    events = story.run(story.sheet, floor=2500, **more)
    assert told(events) == dict.fromkeys("123", wanted)


def test_an_input_explains_before_a_rule_does():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 4, 3)), floor=2000, regler=(RULE,))
    assert told(events) == {"1": ("under grensen", "plan vedtatt", ["P1"])}
    # The plan at its border does not explain a lot whose land it does not touch, when a rule may have.
    events = story.run(story.sheet.having("planer", P2=land(8, 0, 10, HIGH)), floor=2500, regler=(RULE,))
    assert told(events)["2"][1:] == ("regel endret", [RULE])
    assert told(events)["3"][1:] == ("plan vedtatt", ["P2"])


def test_what_the_last_run_read_is_not_known():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 4, HIGH)), kjent=False)
    assert told(events) == {"1": ("borte", "ukjent", [])}


def test_a_plan_goes_before_a_teig_that_changed_with_it_and_the_one_that_took_most_comes_first():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 0, 1, HIGH), P2=land(1, 0, 3.9, HIGH))
    events = story.run(sheet.having("teiger", T1=None, T7=land(0, 0, 4, HIGH)))
    assert told(events)["1"] == ("under grensen", "plan vedtatt", ["P2", "P1"]), events
    # A plan of 1 m does not explain the merging of whole parcels.
    events = story.run(
        story.sheet.having("teiger", T2=None, T3=land(4, 0, WIDE, HIGH)).having("planer", P3=land(11.9, 0, 12, HIGH))
    )
    assert {v[1] for v in told(events).values()} == {"teig endret"}


def test_a_plan_that_took_little_does_not_hide_the_zone_that_took_much():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 0, 0.1, HIGH)).having("soner", S1=land(2, 0, WIDE, HIGH))
    assert told(story.run(sheet)) == {"1": ("endret", "sone endret", ["S1"])}


def test_a_zone_that_only_got_another_name_does_not_hide_the_plan_that_split_the_lot():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 4, 4, 4.5))
    rester = story.find(sheet)
    same = frame([("S1", sheet.soner["S1"])])
    events = of(story, replace(changes(story.sheet, sheet), soner=LagEndring(same, same)), rester)
    assert told(events) == {"1": ("delt", "plan vedtatt", ["P1"]), "4": ("utskilt", "plan vedtatt", ["P1"])}


def test_a_lot_goes_because_the_plan_beside_it_leaves_too_little():
    story = Story(Sheet(teiger={"T1": land(0, 0, 4, HIGH)}))
    sheet = story.sheet.having("planer", P1=land(4, 0, WIDE, HIGH), P2=land(5, 0, WIDE, HIGH))
    story.find(sheet, floor=9999)  # what is left of the område is too small
    events = of(story, changes(story.sheet, sheet), np.array([land(0, 0, 4, HIGH)], dtype=object))
    assert told(events) == {"1": ("under grensen", "plan vedtatt", ["P1"])}
    assert areas(events, "1") == (2400, 2400)


def test_lots_that_live_on_are_no_relatives_whatever_land_they_exchange():
    story = Story()
    story.tomter["geometry"] = story.tomter.geometry.to_numpy()[[1, 0, 2]]
    events = of(story, NOTHING)
    assert told(events) == {k: ("endret", "ukjent", []) for k in "12"}
    assert not any(events["fra"].tolist() + events["til"].tolist())


def test_a_border_that_moved_by_centimetres_is_adjusted_and_land_exchanged_is_not():
    story = Story()
    events = story.run(story.sheet, jitter_m=0.02)
    assert set(events["hendelse"]) == {"justert"}
    story = Story(Sheet(soner={"S1": land(0, 0, 4, 3)}))
    events = story.run(story.sheet.having("soner", S1=land(0, 0.5, 4, 3.5)))
    assert told(events) == {"1": ("endret", "sone endret", ["S1"])}


def test_a_plan_elsewhere_in_the_omraade_does_not_explain_a_border_that_moved():
    story = Story()
    events = story.run(story.sheet.having("planer", P1=land(0, 0, 1, HIGH)), jitter_m=0.02)
    assert told(events) == {
        "1": ("endret", "plan vedtatt", ["P1"]),
        "2": ("justert", "ukjent", []),
        "3": ("justert", "ukjent", []),
    }


def test_a_plan_in_several_rows_is_one_cause():
    story = Story()
    sheet = story.sheet.having("planer", P1=land(0, 0, 1, 1), P2=land(1, 0, 2, 1))
    story.find(sheet)
    rows = frame([("P1", land(0, 0, 1, 1)), ("P1", land(1, 0, 2, 1))])
    events = of(story, replace(NOTHING, planer=LagEndring(frame([]), rows)))
    assert told(events)["1"] == ("endret", "plan vedtatt", ["P1"])


# --- the book itself ---


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


def test_an_empty_kommune():
    empty = TOMTER.empty()
    more = {"rester": np.empty(0, dtype=object), "endringer": NOTHING, "kommunenummer": "9901", "dato": DAY.format(1)}
    events = hendelser(None, empty, **more, start_nr=1)
    HENDELSER.check(events)
    assert_replayed(append(None, events), empty)


# --- properties ---

RECTANGLES = st.tuples(st.integers(0, WIDE - 1), st.integers(0, HIGH - 1), st.integers(1, 5), st.integers(1, 4)).map(
    lambda r: land(r[0], r[1], min(r[0] + r[2], WIDE), min(r[1] + r[3], HIGH))
)


@st.composite
def edits(draw):
    """Return a function from a sheet to the next one."""
    kind = draw(st.sampled_from(["plan", "sone", "teig", "repeal", "zone gone", "jitter", "rule"]))
    where, number = draw(RECTANGLES), draw(st.integers(1, 4))
    return kind, where, number


def edited(sheet: Sheet, kind: str, where: shapely.Geometry, number: int) -> Sheet:
    if kind == "plan":
        return sheet.having("planer", **{f"P{number}": where})
    if kind == "repeal":
        return sheet.having("planer", **{f"P{number}": None})
    if kind in ("sone", "zone gone"):
        return sheet.having("soner", **{f"S{number}": where if kind == "sone" else None})
    if kind == "teig":  # the rectangle becomes, or becomes part of, a teig; the others lose it
        name = f"T{number}"
        left = {k: g if k == name else g.difference(where) for k, g in sheet.teiger.items()}
        left[name] = shapely.union(left[name], where) if name in left else where
        return replace(sheet, teiger={k: g for k, g in left.items() if g.area > 0})
    return sheet


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(edits(), min_size=1, max_size=3), min_size=1, max_size=6))
def test_replaying_the_ledger_gives_the_lots_of_today_and_each_change_is_told_once(days):
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
            and all(old.loc[lot, c] == new.loc[lot, c] for c in ("tilstand", "teig_id", "omraade_id"))
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


# --- the file ---


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


@pytest.mark.skipif("Parquet" not in pyogrio.list_drivers(), reason="this GDAL has no Parquet driver")
def test_gdal_reads_the_ledger(tmp_path):
    story = Story()
    story.run(story.sheet.having("planer", P1=land(0, 4, 4, 4.5)))
    path = Geodata(tmp_path).write(story.ledger, "9901", layer="out", contract=HENDELSER)
    read = pyogrio.read_dataframe(path)
    assert read.geometry.geom_equals(story.ledger.geometry).all()
    assert [list(v) for v in read["til"]] == story.ledger["til"].tolist()


# --- speed ---


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
