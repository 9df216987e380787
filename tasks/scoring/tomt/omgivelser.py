"""Omgivelser: everything that a lot's facts are measured from, of one kommune.

Frames of core/ and out/ as their contracts have them, EPSG:25833; None is *not known*. A layer that KONTEKSTDEKNING
does not call known is None even where an old frame lies, buildings of the land run too: distances from it would be
points that nobody looked at. The exception are conflicts, whose old rows count against a lot still.

Roads, buildings, services and addresses are those of the kommune itself: across its border there may be nearer ones,
so that distances are too long rather than too short there, and counts too low.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, fields, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.registers import Kommune
from config.tomtefaktorer import Tomtefaktorer, tomtefaktorer
from tasks.contracts import HINDRE, KJERNER, TEIGER, TOMTER, Contract
from tasks.crs import crs_of
from tasks.errors import LandError
from tasks.store import Geodata
from tasks.tomtekontrakter import (
    ADRESSEPUNKTER,
    EIERSTRUKTUR,
    GRUNNKRETSER,
    HOLDEPLASSER,
    KONFLIKTER,
    KONTEKSTDEKNING,
    TETTSTEDER,
    TJENESTER,
    VEGLENKER,
)

AKTIV = "aktiv"
BYGNING = "bygning"
"""The layer of context that buildings and services are of: it is as old as the land run's buildings."""
BYGNINGSSLAG = ("bygningspunkt", "bygning")
"""`slag` of the contract hindre that are buildings."""


@dataclass(frozen=True)
class OmKommunen:
    """What is the same for all lots of a kommune.

    Attributes
    ----------
    kommuneklasse
        Of config/fortetting.toml; None: inhabitants are not known.
    politikk, politikk_tid
        Its political score, 0–100, and when it was ranked; NaN: never.
    """

    kommuneklasse: str | None = None
    politikk: float = float("nan")
    politikk_tid: str | None = None


@dataclass(frozen=True)
class Omgivelser:
    """The frames; their contracts bear the same names, but for bygninger: buildings of the contract hindre."""

    tomter: gpd.GeoDataFrame
    kjerner: gpd.GeoDataFrame
    konflikter: gpd.GeoDataFrame
    dekning: pd.DataFrame
    teiger: gpd.GeoDataFrame | None = None
    bygninger: gpd.GeoDataFrame | None = None
    tettsteder: gpd.GeoDataFrame | None = None
    grunnkretser: gpd.GeoDataFrame | None = None
    holdeplasser: gpd.GeoDataFrame | None = None
    veglenker: gpd.GeoDataFrame | None = None
    tjenester: gpd.GeoDataFrame | None = None
    adressepunkter: gpd.GeoDataFrame | None = None
    eierstruktur: pd.DataFrame | None = None
    om_kommunen: OmKommunen = OmKommunen()
    faktorer: Tomtefaktorer = field(default_factory=tomtefaktorer)

    def bare(self, tomt_ider: Collection[str]) -> Omgivelser:
        """Return the same surroundings of some of the lots."""
        chosen = self.tomter["tomt_id"].isin(list(tomt_ider))
        return replace(self, tomter=self.tomter[chosen].reset_index(drop=True))

    def i_sone(self, epsg: int) -> Omgivelser:
        """Return the same in the kommune's own UTM zone, areas made valid: distances are measured there."""
        crs = crs_of(epsg)
        moved = {
            f.name: _valid(frame if frame.crs == crs else frame.to_crs(crs))
            for f in fields(self)
            if isinstance(frame := getattr(self, f.name), gpd.GeoDataFrame) and f.name not in {"kjerner", "konflikter"}
        }
        return replace(self, **moved)


def les_omgivelser(kommune: Kommune, geodata: Geodata, *, om_kommunen: OmKommunen | None = None) -> Omgivelser:
    """Read what surrounds the living lots of a kommune.

    Raises
    ------
    LandError
        When there are no lots: the land run has not been made.
    """

    def core(contract: Contract) -> pd.DataFrame | None:
        return geodata.read(kommune.nummer, layer="core", contract=contract)

    tomter = geodata.read(kommune.nummer, layer="out", contract=TOMTER)
    if tomter is None:
        raise LandError(f"{kommune.label}: out/tomter is not there. Run `tomt run {kommune.nummer}`.")
    dekning = core(KONTEKSTDEKNING)
    dekning = KONTEKSTDEKNING.empty() if dekning is None else dekning

    def known(lag: str, contract: Contract) -> pd.DataFrame | None:
        return core(contract) if er_kjent(dekning, lag) else None

    hindre = known(BYGNING, HINDRE)
    kjerner = geodata.read(kommune.nummer, layer="out", contract=KJERNER)
    konflikter = core(KONFLIKTER)
    return Omgivelser(
        tomter=tomter[tomter["tilstand"] == AKTIV].reset_index(drop=True),
        kjerner=KJERNER.empty() if kjerner is None else kjerner,
        konflikter=KONFLIKTER.empty() if konflikter is None else konflikter,
        dekning=dekning,
        teiger=core(TEIGER),
        bygninger=None if hindre is None else hindre[hindre["slag"].isin(BYGNINGSSLAG)],
        tettsteder=known("tettsted", TETTSTEDER),
        grunnkretser=_counted(known("grunnkrets", GRUNNKRETSER), er_kjent(dekning, "grunnkretstall")),
        holdeplasser=known("holdeplass", HOLDEPLASSER),
        veglenker=known("veg", VEGLENKER),
        tjenester=known(BYGNING, TJENESTER),
        adressepunkter=known("adressepunkt", ADRESSEPUNKTER),
        eierstruktur=core(EIERSTRUKTUR),
        om_kommunen=om_kommunen or OmKommunen(),
    )


def er_kjent(dekning: pd.DataFrame, lag: str) -> bool:
    """Return whether a layer is known: it answered, now or in reserve. One without a row was never asked for."""
    return bool(dekning.loc[dekning["lag"] == lag, "er_kjent"].any())


def _counted(grunnkretser: pd.DataFrame | None, tall_er_kjent: bool) -> pd.DataFrame | None:
    """Return grunnkretser without their inhabitants where those are not known, none where there are none at all."""
    if grunnkretser is None or not len(grunnkretser):
        return None  # every place in Norway lies in one: an empty layer tells nothing
    return grunnkretser if tall_er_kjent else grunnkretser.assign(folketall=float("nan"))


def _valid(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    shapes = np.asarray(frame.geometry.to_numpy(), dtype=object)
    bad = ~shapely.is_valid(shapes)
    if not bad.any():
        return frame
    shapes = shapes.copy()
    shapes[bad] = shapely.make_valid(shapes[bad], method="structure", keep_collapsed=False)
    return frame.set_geometry(gpd.GeoSeries(shapes, index=frame.index, crs=frame.crs))
