"""Ledger: what happened to each lot of a kommune, when and why. Append-only; replaying it gives today's lots.

The same land drawn from another corner is no change: what a replay gives is equal as land, not always vertex by vertex.

A row is one event of one lot in one run, and a lot that did not change has none. Key: nr. CRS: EPSG:25833.
The ledger is written after the lots it tells of: a run that stops in between leaves events that the next one makes up
for, while a ledger that knew lots which nothing else knows could not be mended.
"""

from __future__ import annotations

from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks import contracts
from tasks.contracts import STORAGE_EPSG
from tasks.errors import ContractError, IdentityError
from tasks.land.aarsak import AARSAKER, FOERSTE, Aarsak, Endrede, Endringer, LagEndring, find_causes
from tasks.land.clean import Geometries, repair
from tasks.land.differanse import Indices, hits
from tasks.land.identity import AKTIV, BORTE

__all__ = ["AARSAKER", "HENDELSER", "Endringer", "LagEndring", "append", "hendelser", "next_nr", "replay"]

NY, UTSKILT, TILBAKE = "ny", "utskilt", "tilbake"
ENDRET, JUSTERT, OMREGISTRERT = "endret", "justert", "omregistrert"
DELT, TOK_OPP = "delt", "tok opp"
SAMMEN, UNDER, VEKK = "slått sammen", "under grensen", "borte"

HENDELSER = {
    NY: "land that was no lot before",
    UTSKILT: "a new lot on land of others that live on (fra)",
    TILBAKE: "a lot that was gone lives again",
    ENDRET: "other land than before",
    JUSTERT: "the border moved a little; the area is the same to 1 m²",
    OMREGISTRERT: "the same land, on another teig or in another område",
    DELT: "land of this lot is now others (til)",
    TOK_OPP: "this lot took in others, which are gone (fra)",
    SAMMEN: "gone: its land is now part of others (til)",
    UNDER: "gone: what is left is below the area floor or too narrow; the area after is what is left",
    VEKK: "gone: nothing is left in the differanse",
}

SAMME_M2 = 1e-6
"""Areas this near are the same: summed from another corner, they differ in the last digits."""

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
        `replay` of the ledger so far; None or empty for the first run.
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
    is_first = foer is None or not len(foer)
    before = _empty_state() if foer is None else foer
    rows, old = _changed(before, naa)
    lots = _Changed(before, naa, rows, old)
    fra, til = lots.relatives()
    left = lots.left(rester, til)
    words = _words(lots, fra, til, left)
    causes = [Aarsak(FOERSTE)] * len(rows) if is_first else find_causes(lots.evidence(), endringer)
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
    }
    geometry = gpd.GeoSeries(naa.geometry.to_numpy()[rows], crs=STORAGE_EPSG)
    return gpd.GeoDataFrame(pd.DataFrame(columns, index=range(len(rows))), geometry=geometry, crs=STORAGE_EPSG)


def replay(ledger: gpd.GeoDataFrame | None) -> gpd.GeoDataFrame:
    """Return the lots after the last event, sorted by id.

    Returns
    -------
    GeoDataFrame, EPSG:25833
        tomt_id, tilstand (aktiv | borte), areal_m2 (of a gone lot: when last seen), teig_id, omraade_id, geometry.
    """
    if ledger is None or not len(ledger):
        return _empty_state()
    last = ledger.sort_values("nr").drop_duplicates("tomt_id", keep="last").sort_values("tomt_id", ignore_index=True)
    gone = last["hendelse"].isin(SLUTT).to_numpy()
    columns = {
        "tomt_id": last["tomt_id"],
        "tilstand": np.where(gone, BORTE, AKTIV),
        "areal_m2": np.where(gone, last["areal_foer_m2"], last["areal_etter_m2"]),
        "teig_id": last["teig_id"],
        "omraade_id": last["omraade_id"],
    }
    return gpd.GeoDataFrame(columns, geometry=last.geometry.to_numpy(), crs=STORAGE_EPSG)


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
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=STORAGE_EPSG)


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
    columns = ("tomt_id", "tilstand", "areal_m2", "teig_id", "omraade_id", "geometry")
    empty: gpd.GeoDataFrame = contracts.TOMTER.empty()[list(columns)]
    return empty


def _texts(column: pd.Series) -> npt.NDArray[np.object_]:
    return column.to_numpy(dtype=object)


def _lists(values: Iterable[list[str]]) -> npt.NDArray[np.object_]:
    """Return a column of lists, also where all are of one length."""
    rows = list(values)
    column = np.empty(len(rows), dtype=object)
    column[:] = rows
    return column


def _changed(foer: gpd.GeoDataFrame, naa: gpd.GeoDataFrame) -> tuple[Indices, Indices]:
    """Return the rows of `naa` that differ from the last run, by id, and for each its row in `foer` or −1."""
    now, before = pd.Index(_texts(naa["tomt_id"])), pd.Index(_texts(foer["tomt_id"]))
    lost = before.difference(now)
    if len(lost):
        raise IdentityError(
            f"The ledger knows {len(lost)} lots that out/tomter does not, first {', '.join(lost[:3])}: ids would be "
            "given twice. Bring back out/tomter, or move the kommune's file in out/hendelser away to begin anew."
        )
    old = before.get_indexer(now).astype(np.intp)
    known = np.flatnonzero(old >= 0)
    area, area_before = (f["areal_m2"].to_numpy(dtype=float)[k] for f, k in ((naa, known), (foer, old[known])))
    alike = np.isclose(area, area_before, rtol=0, atol=SAMME_M2, equal_nan=True)
    for column in ("tilstand", "teig_id", "omraade_id"):
        alike &= _texts(naa[column])[known] == _texts(foer[column])[old[known]]
    alike[alike] = same_land(naa.geometry.to_numpy()[known[alike]], foer.geometry.to_numpy()[old[known[alike]]])
    rows = np.setdiff1d(np.arange(len(naa)), known[alike])
    rows = rows[np.argsort(now[rows].to_numpy(dtype=object), kind="stable")]
    return rows, old[rows]


def same_land(a: Geometries, b: Geometries) -> npt.NDArray[np.bool_]:
    """Return where two polygons are the same land, whatever corner they begin at."""
    same: npt.NDArray[np.bool_] = shapely.equals_exact(a, b)
    other = np.flatnonzero(~same)
    other = other[shapely.is_valid(a[other]) & shapely.is_valid(b[other])]
    same[other] = shapely.equals(a[other], b[other])
    return same


class _Changed:
    """The lots that changed: how they were (the row −1 for none) and how they are."""

    def __init__(self, foer: gpd.GeoDataFrame, naa: gpd.GeoDataFrame, rows: Indices, old: Indices) -> None:
        known = old >= 0

        def before(values: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
            result = np.full(len(rows), None, dtype=object)
            result[known] = values[old[known]]
            return result

        self.ids = _texts(naa["tomt_id"])[rows]
        self.teig_now, self.omraade_now = (_texts(naa[c])[rows] for c in ("teig_id", "omraade_id"))
        self.area_now = naa["areal_m2"].to_numpy(dtype=float)[rows]
        self.is_alive = _texts(naa["tilstand"])[rows] == AKTIV
        self.was_known = known
        self.was_alive = before(_texts(foer["tilstand"])) == AKTIV
        self.area_before = before(foer["areal_m2"].to_numpy(dtype=object)).astype(float)
        self.teig_before, self.omraade_before = (before(_texts(foer[c])) for c in ("teig_id", "omraade_id"))
        self.teig_before[~self.was_alive], self.omraade_before[~self.was_alive] = None, None
        # Overlay wants valid land; what is recorded is the land as it is.
        self.land_before, self.land_now = before(foer.geometry.to_numpy()), naa.geometry.to_numpy()[rows]
        self.land_before[~self.was_alive], self.land_now[~self.is_alive] = None, None
        self.land_before, self.land_now = repair(self.land_before)[0], repair(self.land_now)[0]
        self._slekt, self._slekt_m2 = self._find_kin()

    def _find_kin(self) -> tuple[tuple[Indices, Indices], npt.NDArray[np.float64]]:
        """Return the pairs (from, to) that share over half of the smaller one, one of them gone or new; and the m²."""
        olds, news = (np.flatnonzero(~shapely.is_missing(g)) for g in (self.land_before, self.land_now))
        if not len(olds) or not len(news):
            return (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp)), np.empty(0)
        i, j = hits(self.land_before[olds], self.land_now[news])
        i, j = olds[i], news[j]
        passed = (i != j) & (~self.is_alive[i] | ~self.was_alive[j])
        i, j = i[passed], j[passed]
        a, b = self.land_before[i], self.land_now[j]
        shared = shapely.area(shapely.intersection(a, b))
        most = shared > 0.5 * np.minimum(shapely.area(a), shapely.area(b))
        return (i[most], j[most]), shared[most]

    def relatives(self) -> tuple[list[list[int]], list[list[int]]]:
        """Return for each lot those whose land it took over, and those that took over its land."""
        fra: list[list[int]] = [[] for _ in self.ids]
        til: list[list[int]] = [[] for _ in self.ids]
        for i, j in zip(*self._slekt, strict=True):
            til[i].append(int(j))
            fra[j].append(int(i))
        return fra, til

    def left(self, rester: Geometries, til: list[list[int]]) -> npt.NDArray[np.float64]:
        """Return the m² that are left of each gone lot and part of no other; less than 1 m² is none."""
        left = np.zeros(len(self.ids))
        alone = np.array([not kin for kin in til], dtype=bool)
        rows = np.flatnonzero(alone & ~self.is_alive & ~shapely.is_missing(self.land_before))
        if len(rows) and len(rester):
            lots = self.land_before[rows]
            i, j = hits(np.array(lots, dtype=object), rester)
            shared = np.bincount(i, weights=shapely.area(shapely.intersection(lots[i], rester[j])), minlength=len(rows))
            # As a share of the lot's own area, which is that of the kommune's own zone.
            left[rows] = np.minimum(shared / shapely.area(lots), 1.0) * self.area_now[rows]
        left[left < JUSTERT_M2] = 0.0
        return left

    def exchanged(self) -> npt.NDArray[np.float64]:
        """Return the part of each lot's former land that it lost; NaN where it was or is not alive."""
        lost = shapely.area(shapely.difference(self.land_before, self.land_now))
        share: npt.NDArray[np.float64] = lost / shapely.area(self.land_before)
        return share

    def evidence(self) -> Endrede:
        """Return what the search for causes looks at."""
        return Endrede(
            self.land_before,
            self.land_now,
            (self.teig_before, self.teig_now),
            (self.omraade_before, self.omraade_now),
            self._slekt,
            self._slekt_m2,
        )


def _words(
    lots: _Changed, fra: list[list[int]], til: list[list[int]], left: npt.NDArray[np.float64]
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
            same_area & ~moved & renumbered,
            same_area & (exchanged < JUSTERT_ANDEL),
        ],
        [SAMMEN, UNDER, VEKK, TILBAKE, UTSKILT, NY, DELT, TOK_OPP, OMREGISTRERT, JUSTERT],
        default=ENDRET,
    )
    return words.astype(object)
