"""Ledger: what happened to each lot of a kommune, when and why. Append-only; replaying it gives today's lots.

The same land drawn from another corner is no change: what a replay gives is equal as land, not always vertex by vertex.

A row is one event of one lot in one run, and a lot that did not change has none. Key: nr. CRS: EPSG:25833.
The ledger is written after the lots it tells of: a run that stops in between leaves events that the next one makes up
for, while a ledger that knew lots which nothing else knows could not be mended.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import overload

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from tasks import contracts
from tasks.crs import STORAGE_CRS
from tasks.errors import ContractError
from tasks.land.aarsak import AARSAKER, FOERSTE, Aarsak, Endringer, LagEndring, find_causes
from tasks.land.clean import Geometries
from tasks.land.identity import AKTIV, BORTE
from tasks.land.skifte import Skifte, changed, same_land

__all__ = ["AARSAKER", "HENDELSER", "Endringer", "LagEndring", "append", "hendelser", "next_nr", "replay"]

NY, UTSKILT, TILBAKE = "ny", "utskilt", "tilbake"
ENDRET, JUSTERT, OMREGISTRERT, OMKLASSIFISERT = "endret", "justert", "omregistrert", "omklassifisert"
DELT, TOK_OPP = "delt", "tok opp"
SAMMEN, UNDER, VEKK = "slått sammen", "under grensen", "borte"

HENDELSER = {
    NY: "land that was no lot before",
    UTSKILT: "a new lot on land of others that live on (fra)",
    TILBAKE: "a lot that was gone lives again",
    ENDRET: "other land than before",
    JUSTERT: "the border moved a little; the area is the same to 1 m²",
    OMREGISTRERT: "the same land, on another teig or in another område",
    OMKLASSIFISERT: "the same land, of another class of differanse; the row has the class after",
    DELT: "land of this lot is now others (til)",
    TOK_OPP: "this lot took in others, which are gone (fra)",
    SAMMEN: "gone: its land is now part of others (til)",
    UNDER: "gone: what is left is below the area floor or too narrow; the area after is what is left",
    VEKK: "gone: nothing is left in the differanse",
}

SLUTT = frozenset({SAMMEN, UNDER, VEKK})
"""After these a lot is gone."""

JUSTERT_M2 = 1.0
JUSTERT_ANDEL = 0.01
"""A border is adjusted when the area stays within 1 m² and less than 1 % of the land is exchanged: 2 cm of jitter
around a lot of 1,000 m² are 0.3 %."""


def hendelser(
    foer: gpd.GeoDataFrame | None,
    naa: gpd.GeoDataFrame,
    *,
    rester: Geometries,
    endringer: Endringer,
    kommunenummer: str,
    dato: str,
    start_nr: int,
) -> gpd.GeoDataFrame:
    """Return the events that lead from the last run's lots to today's: one row per lot that changed.

    Parameters
    ----------
    foer
        `replay` of the ledger so far: None for the first run, empty when there was no lot so far.
    naa
        Contract tomter, gone lots included.
    rester : (k,) array of Polygon, EPSG:25833
        The differanse on a teig that is no lot: below the floor or too narrow.
    dato
        ISO time of the run, UTC.
    start_nr
        `next_nr` of the ledger so far.

    Returns
    -------
    GeoDataFrame
        Contract hendelser, sorted by lot, numbered from `start_nr`.

    Raises
    ------
    IdentityError
        When the ledger holds lots that `naa` does not know.
    """
    before = _empty_state() if foer is None else foer
    rows, old = changed(before, naa)
    lots = Skifte(before, naa, rows, old)
    fra, til = lots.relatives()
    left = lots.left(rester, til)
    words = _words(lots, fra, til, left)
    causes = [Aarsak(FOERSTE)] * len(rows) if foer is None else find_causes(lots.evidence(), endringer)
    gone = np.isin(words, list(SLUTT))
    columns: dict[str, object] = {
        "nr": np.arange(start_nr, start_nr + len(rows), dtype=np.int64),
        "tomt_id": lots.ids,
        "kommunenummer": kommunenummer,
        "dato": dato,
        "hendelse": words,
        "aarsak": [c.ord for c in causes],
        "aarsak_ider": _lists(list(c.ider) for c in causes),
        "areal_foer_m2": np.where(gone, lots.area_now, np.where(lots.was_alive, lots.area_before, 0.0)),
        "areal_etter_m2": np.where(gone, left, lots.area_now),
        "fra": _lists(sorted(lots.ids[j] for j in kin) for kin in fra),
        "til": _lists(sorted(lots.ids[j] for j in kin) for kin in til),
        "teig_id": lots.teig_now,
        "omraade_id": lots.omraade_now,
        "differanse": lots.klasse_now,
    }
    geometry = gpd.GeoSeries(naa.geometry.to_numpy()[rows], crs=STORAGE_CRS)
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=range(len(rows))), geometry=geometry, crs=STORAGE_CRS)


@overload
def replay(ledger: None) -> None: ...
@overload
def replay(ledger: gpd.GeoDataFrame) -> gpd.GeoDataFrame: ...
def replay(ledger: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame | None:
    """Return the lots after the last event, sorted by id.

    Returns
    -------
    GeoDataFrame, EPSG:25833
        tomt_id, tilstand (aktiv | borte), areal_m2 (of a gone lot: when last seen), teig_id, omraade_id, differanse,
        geometry. None when there is no ledger; no rows when there is one, and the kommune never had a lot.
    """
    if ledger is None:
        return None
    if not len(ledger):
        return _empty_state()
    last = ledger.sort_values("nr").drop_duplicates("tomt_id", keep="last").sort_values("tomt_id", ignore_index=True)
    gone = last["hendelse"].isin(SLUTT).to_numpy()
    columns = {
        "tomt_id": last["tomt_id"],
        "tilstand": np.where(gone, BORTE, AKTIV),
        "areal_m2": np.where(gone, last["areal_foer_m2"], last["areal_etter_m2"]),
        "teig_id": last["teig_id"],
        "omraade_id": last["omraade_id"],
        "differanse": last["differanse"],
    }
    return gpd.GeoDataFrame(columns, geometry=last.geometry.to_numpy(), crs=STORAGE_CRS)


def next_nr(ledger: gpd.GeoDataFrame | None) -> int:
    """Return the number of the event to come.

    Raises
    ------
    ContractError
        When the ledger's own numbers are not 1, 2, 3 …: rows are missing, or were moved.
    """
    if ledger is None:
        return 1
    _require_numbers(ledger, 1)
    return len(ledger) + 1


def append(ledger: gpd.GeoDataFrame | None, new: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the ledger with new events at its end; the rows it has stay as they are.

    Raises
    ------
    ContractError
        When the numbers do not go on where the ledger ends, or the events are another kommune's.
    """
    _require_numbers(new, next_nr(ledger))
    if ledger is None or not len(ledger):
        return new.reset_index(drop=True)
    if not len(new):
        return ledger
    others = set(new["kommunenummer"]) - set(ledger["kommunenummer"])
    if others:
        known = ", ".join(sorted(set(ledger["kommunenummer"])))
        raise ContractError(f"hendelser: events of kommune {', '.join(sorted(others))} in the ledger of {known}.")
    joined = pd.concat([ledger, new[ledger.columns]], ignore_index=True)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=STORAGE_CRS)


def _require_numbers(frame: gpd.GeoDataFrame, start: int) -> None:
    numbers = frame["nr"].to_numpy()
    wrong = np.flatnonzero(numbers != np.arange(start, start + len(frame)))
    if len(wrong):
        k = int(wrong[0])
        raise ContractError(
            f"hendelser: row {k + 1} has nr {numbers[k]}, wanted is {start + k}. The ledger is append-only: "
            "bring back the file as the last run left it."
        )


def _empty_state() -> gpd.GeoDataFrame:
    columns = ("tomt_id", "tilstand", "areal_m2", "teig_id", "omraade_id", "differanse", "geometry")
    empty: gpd.GeoDataFrame = contracts.TOMTER.empty()[list(columns)]
    return empty


def _lists(values: Iterable[list[str]]) -> npt.NDArray[np.object_]:
    """Return a column of lists, also where all are of one length."""
    rows = list(values)
    column = np.empty(len(rows), dtype=object)
    column[:] = rows
    return column


def _words(
    lots: Skifte, fra: list[list[int]], til: list[list[int]], left: npt.NDArray[np.float64]
) -> npt.NDArray[np.object_]:
    """Return what happened to each lot: the first of these that holds."""
    has_fra, has_til = (np.array([bool(kin) for kin in kins], dtype=bool) for kins in (fra, til))
    exchanged = lots.exchanged()
    moved = ~same_land(lots.land_before, lots.land_now)
    same_area = np.abs(lots.area_now - lots.area_before) < JUSTERT_M2
    renumbered = (lots.teig_before != lots.teig_now) | (lots.omraade_before != lots.omraade_now)
    words = np.select(
        [
            ~lots.is_alive & has_til,
            ~lots.is_alive & (left > 0),
            ~lots.is_alive,
            ~lots.was_alive & lots.was_known,
            ~lots.was_alive & has_fra,
            ~lots.was_alive,
            has_til,
            has_fra,
            lots.skiftet & same_area & (exchanged < JUSTERT_ANDEL),
            same_area & ~moved & renumbered,
            same_area & (exchanged < JUSTERT_ANDEL),
        ],
        [SAMMEN, UNDER, VEKK, TILBAKE, UTSKILT, NY, DELT, TOK_OPP, OMKLASSIFISERT, OMREGISTRERT, JUSTERT],
        default=ENDRET,
    )
    return words.astype(object)
