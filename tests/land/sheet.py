"""A small invented land whose lots change from run to run, and the ledger that tells of them.

The land is a sheet of 12 × 6 squares of 10 m. A teig is the squares of one letter; a plan covers squares; what is
connected, on one teig and under no plan is a lot, from two squares on. Ids are the engine's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from shapely import affinity, box

from tasks.contracts import HENDELSER
from tasks.crs import STORAGE_EPSG
from tasks.land.differanse import explode, subtract
from tasks.land.identity import carry_ids, with_gone
from tasks.land.ledger import Endringer, LagEndring, append, hendelser, next_nr, replay

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
    formaal: dict[str, shapely.Geometry] = field(default_factory=dict)
    annet: frozenset[str] = frozenset()
    """Teiger whose lots are of the second class of differanse."""

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
    layers = {lag: change(getattr(old, lag), getattr(new, lag)) for lag in ("planer", "soner", "teiger", "formaal")}
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


def tomter(
    rows: list[tuple[str, str, shapely.Polygon]], old: gpd.GeoDataFrame | None, annet: frozenset[str] = frozenset()
) -> gpd.GeoDataFrame:
    """Return the lots, what the ledger reads of contract tomter, from område, teig and land."""
    geometry = [piece for *_, piece in rows]
    data = {
        "omraade_id": pd.Series([omraade for omraade, *_ in rows], dtype=object),
        "teig_id": pd.Series([teig for _, teig, _ in rows], dtype=object),
        "differanse": pd.Series(["ikke bolig i plan" if t in annet else "uregulert" for _, t, _ in rows], dtype=object),
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
        rows = [(ids[number], teig, piece) for number, teig, piece in rows]
        self.tomter = tomter(rows, self.tomter, annet=sheet.annet)
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
    for column in ("tomt_id", "tilstand", "teig_id", "omraade_id", "differanse"):
        assert state[column].tolist() == wanted[column].tolist()
    assert state["areal_m2"].tolist() == pytest.approx(wanted["areal_m2"].tolist(), abs=1e-6, rel=0)
    assert shapely.equals(state.geometry.to_numpy(), wanted.geometry.to_numpy()).all()


def told(events: gpd.GeoDataFrame) -> dict[str, tuple]:
    """Return lot → what, why, which."""
    return {k: (e["hendelse"], e["aarsak"], e["aarsak_ider"]) for k, e in events.iterrows()}


def areas(events: gpd.GeoDataFrame, lot: str) -> tuple[int, int]:
    """Return the area before and after, in m² of the sheet."""
    return tuple(round(events.loc[lot, c] * SCALE) for c in ("areal_foer_m2", "areal_etter_m2"))


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
