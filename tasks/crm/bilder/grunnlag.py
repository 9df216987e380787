"""Grunnlag: the layers of one kommune, read and indexed once, from which the motif of each lot is cut.

Source: core/ and out/ of the last run, in EPSG:25833; here in the kommune's own UTM zone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.bilder import BilderRegister
from config.registers import Kommune
from tasks.contracts import (
    ADRESSER,
    DEKNING,
    GRENSER,
    HINDRE,
    OMRAADER,
    PLANOMRAADER,
    REGULERINGSPLANER,
    SONER,
    TEIGER,
    TOMTER,
    Contract,
)
from tasks.crm.bilder.lag import (
    adopted_last,
    binding_rows,
    bound_land,
    ground_only,
    hindre_rows,
    parcel_number,
    plan_rows,
    sone_rows,
    teig_rows,
)
from tasks.crm.bilder.motiv import Binding, Hinder, Motiv, Plan, Sone, Teig, Tekster
from tasks.crm.bilder.tekster import scores, texts_of
from tasks.crm.bilder.utsnitt import Utsnitt, frame, north_angle
from tasks.crs import crs_of
from tasks.errors import StoreError
from tasks.store import Geodata, Layer
from tasks.tomtekontrakter import KONFLIKTER, SCORER

EDGE_PX = 24
"""Land is cut that far outside the map, so that no outline is drawn along its frame."""
NO_SHAPES = np.empty(0, dtype=object)


class Lag:
    """Rows with geometry and an index over it.

    Parameters
    ----------
    former
        Geometry in the kommune's own zone.
    rader
        What is drawn of each, in the same order; the order is that of drawing.
    """

    def __init__(self, former: Any, rader: list[Any]) -> None:
        self._shapes, self._rows = former, rader
        self._tree = shapely.STRtree(former)

    def seen(self, view: Utsnitt) -> Iterator[tuple[Any, Any]]:
        """Yield what is seen of each as (geometry in pixels, row)."""
        west, south, east, north = view.bounds
        more = EDGE_PX * view.opplosning
        window = (west - more, south - more, east + more, north + more)
        found = np.sort(self._tree.query(shapely.box(*window), predicate="intersects"))
        if not len(found):
            return
        for form, index in zip(view.to_pixels(_cut(self._shapes[found], window)), found, strict=True):
            if not form.is_empty:
                yield form, self._rows[index]


def _cut(shapes: Any, window: tuple[float, float, float, float]) -> Any:
    """Return the parts of geometry inside a window."""
    try:
        return shapely.clip_by_rect(shapes, *window)
    except shapely.errors.GEOSException:  # rings that cross themselves, which sources have
        return shapely.intersection(shapely.make_valid(shapes), shapely.box(*window))


@dataclass
class Grunnlag:
    """What pictures of a kommune are made of.

    Attributes
    ----------
    tomter
        Living lots: id, område, teig and geometry in the kommune's own zone, sorted by id.
    texts
        tomt_id → texts around its map.
    grense
        The kommune itself; None when its border is not there.
    """

    kommune: Kommune
    register: BilderRegister
    tomter: gpd.GeoDataFrame
    texts: Mapping[str, Tekster]
    score: Mapping[str, float]
    omraader: Mapping[str, Any]
    teiger: Lag
    soner: Lag
    planer: Lag
    hindre: Lag
    bindinger: Lag
    grense: Any = None

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {tomt_id: n for n, tomt_id in enumerate(self.tomter["tomt_id"])}

    def __contains__(self, tomt_id: object) -> bool:
        """Return True for a living lot."""
        return tomt_id in self._rows

    def best(self) -> list[str]:
        """Return the living lots, best score first, then the largest, then by id."""
        area = dict(zip(self.tomter["tomt_id"], self.tomter["areal_m2"], strict=True))
        return sorted(self._rows, key=lambda t: (-self.score.get(t, -1.0), -area[t], t))

    def motiv(self, tomt_id: str) -> Motiv:
        """Return what the picture of a lot shows.

        Raises
        ------
        KeyError
            For what is no living lot.
        """
        row = self.tomter.iloc[self._rows[tomt_id]]
        view = frame(row.geometry.bounds, self.kommune.epsg, regler=self.register.utsnitt, bilde=self.register.bilde)
        return Motiv(
            tomt_id,
            view,
            north_angle(view.epsg, lengdegrad=row["lengdegrad"], breddegrad=row["breddegrad"]),
            self.texts[tomt_id],
            view.to_pixels(row.geometry),
            parcel_number(None, row["matrikkelenheter"]),
            self._omraade(row["omraade_id"], view),
            tuple(Teig(form, nummer, teig_id == row["teig_id"]) for form, (teig_id, nummer) in self.teiger.seen(view)),
            tuple(Sone(form, *what) for form, what in self.soner.seen(view)),
            tuple(Plan(form, *what) for form, what in self.planer.seen(view)),
            tuple(Hinder(form, er_veg) for form, er_veg in self.hindre.seen(view)),
            tuple(Binding(form, *what) for form, what in self.bindinger.seen(view)),
            self._inside(view),
        )

    def _inside(self, view: Utsnitt) -> Any:
        """Return the part of a map that lies in the kommune, None when all of it does."""
        if self.grense is None or shapely.contains(self.grense, shapely.box(*view.bounds)):
            return None
        return next((f for f, _ in Lag(np.array([self.grense]), [None]).seen(view)), None)

    def _omraade(self, omraade_id: str, view: Utsnitt) -> Any:
        form = self.omraader.get(omraade_id)
        return None if form is None else next((f for f, _ in Lag(np.array([form]), [None]).seen(view)), None)


OUT = (TOMTER, OMRAADER, SCORER, DEKNING)
CORE = (TEIGER, SONER, PLANOMRAADER, REGULERINGSPLANER, HINDRE, ADRESSER, GRENSER, KONFLIKTER)


def read_grunnlag(kommune: Kommune, geodata: Geodata, register: BilderRegister) -> Grunnlag:
    """Read what pictures of a kommune are made of.

    Raises
    ------
    StoreError
        When the kommune has not been run, or a file is damaged.
    """
    frames = {}
    for contract in (*OUT, *CORE):
        layer: Layer = "out" if contract in OUT else "core"
        # of the extents of plans only status and type are wanted
        read = geodata.read if contract.has_geometry and contract is not PLANOMRAADER else geodata.attributes
        frame = read(kommune.nummer, layer=layer, contract=contract)
        if frame is None and contract is TOMTER:
            raise StoreError(f"out/tomter/{kommune.nummer}.parquet is not there. Run `tomt run {kommune.nummer}`.")
        frames[contract.name] = contract.empty() if frame is None else frame
    return make_grunnlag(kommune, register, frames)


def make_grunnlag(kommune: Kommune, register: BilderRegister, frames: Mapping[str, pd.DataFrame]) -> Grunnlag:
    """Return what pictures of a kommune are made of.

    Parameters
    ----------
    frames
        Name of the contract → frame, of all that is read; of planomraader the attributes are enough.
    """
    zone = crs_of(kommune.epsg)

    def in_zone(contract: Contract) -> gpd.GeoDataFrame:
        return cast("gpd.GeoDataFrame", frames[contract.name]).to_crs(zone)

    every = in_zone(TOMTER)
    tomter = every[every["tilstand"] == "aktiv"].sort_values("tomt_id", ignore_index=True)
    omraader = in_zone(OMRAADER)
    soner = adopted_last(in_zone(SONER), frames["planomraader"])
    planer = ground_only(in_zone(REGULERINGSPLANER))
    teiger = in_zone(TEIGER).sort_values("teig_id")
    hindre = in_zone(HINDRE).sort_values("hinder_id")
    bound = bound_land(in_zone(KONFLIKTER))
    return Grunnlag(
        kommune,
        register,
        tomter,
        texts_of(kommune, tomter, scorer=frames["scorer"], adresser=frames["adresser"], dekning=frames["dekning"]),
        scores(frames["scorer"]),
        dict(zip(omraader["omraade_id"], omraader.geometry, strict=True)),
        Lag(_shapes(teiger), teig_rows(teiger)),
        Lag(_shapes(soner), sone_rows(soner, register)),
        Lag(_shapes(planer), plan_rows(planer)),
        Lag(_shapes(hindre), hindre_rows(hindre)),
        Lag(_shapes(bound), binding_rows(bound, register)),
        _border(in_zone(GRENSER)),
    )


def _border(grenser: gpd.GeoDataFrame) -> Any:
    """Return the land of a kommune, ready to be asked often."""
    form = grenser.geometry.iloc[0] if len(grenser) else None
    if form is None or form.is_empty:
        return None
    shapely.prepare(form)
    return form


def _shapes(frame: pd.DataFrame) -> Any:
    return np.asarray(frame.geometry) if len(frame) else NO_SHAPES
