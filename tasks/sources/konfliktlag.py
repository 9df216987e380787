"""Konfliktlag: the rows of a layer as the source has them → contract `KONFLIKTER`: what they bind and how severely.

Rows keep their extent, or are widened by what config/konflikter.toml says; EPSG:25833. A value that the config does
not know makes the whole layer unusable, and so not known: what it means is never guessed. So do rows that bind land
and do not say where. The functions are pure.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from config.konflikt import Konfliktlag, Konfliktregler
from config.konflikt import konflikter as konfliktregister
from tasks.account import Account
from tasks.crs import STORAGE_CRS
from tasks.errors import UnusableError
from tasks.sources import koder, planrader
from tasks.sources.numre import Numre
from tasks.sources.unntak import shorten
from tasks.tekst import navn as plain_name
from tasks.tomtekontrakter import KONFLIKTER

INGEN = "ingen"
POLYGONS = (int(shapely.GeometryType.POLYGON), int(shapely.GeometryType.MULTIPOLYGON))
QUAD_SEGS = 8
"""Corners of a quarter circle of what is widened: within 2 % of its area."""
WORDS_SHOWN = 3

Texts = list[str | None]
Shapes = npt.NDArray[np.object_]
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Planer:
    """What is known of the kommuneplaner, for layers whose rows are parts of them.

    Attributes
    ----------
    status
        plan_id → whether it is in force, as far as is known.
    numre
        To read the plan of a row.
    """

    status: Mapping[str, bool]
    numre: Numre

    @classmethod
    def of(cls, planomraader: pd.DataFrame, numre: Numre, *, vedtatt: str) -> Planer:
        """Return what contract `PLANOMRAADER` says; one row in force, or of which that is not told, is enough."""
        may_be = planomraader["planstatus"].isna() | (planomraader["planstatus"] == vedtatt)
        binding = set(planomraader.loc[may_be, "plan_id"])
        return cls(status={p: p in binding for p in planomraader["plan_id"]}, numre=numre)


@dataclass(frozen=True)
class _Lag:
    """The layer that is read: its name, what the config says of it and of all layers, and the source it is of."""

    navn: str
    sier: Konfliktlag
    kilde: str
    regler: Konfliktregler

    def unusable(self, why: str) -> UnusableError:
        """Return the error that says why the rows cannot be used."""
        return UnusableError(f"{self.kilde}: {self.navn}: {why}", self.navn, self.kilde)


def konflikter(
    raw: gpd.GeoDataFrame,
    navn: str,
    lag: Konfliktlag,
    *,
    kilde: str,
    planer: Planer | None = None,
    regler: Konfliktregler | None = None,
) -> tuple[gpd.GeoDataFrame, Account]:
    """Return the rows that bind land, after contract `KONFLIKTER`, and the account.

    Parameters
    ----------
    raw
        Any columns; geometry of any type, EPSG:25833.
    navn, lag
        The layer as config/konflikter.toml has it.
    kilde
        Name of the source, for messages.
    planer
        Rows are parts of plans, and those of plans that are not in force do not count; None: they are not.
    regler
        How many rows may lack an extent; None: as config/konflikter.toml has it.

    Raises
    ------
    UnusableError
        When the rows have no column that tells how severe they are, a value that the config does not know, or too many
        of those that bind land no area.
    """
    account, of = Account(navn, len(raw)), _Lag(navn, lag, kilde, regler or konfliktregister().regler)
    kept = raw.reset_index(drop=True)
    if planer is not None and len(kept):
        kept = _in_force(kept, planer, of, account)
    values = _values(kept, of)
    means = _meanings(values, of)
    binds = np.array([m != INGEN for m in means], dtype=bool)
    account.drop("binder ikke", np.flatnonzero(~binds))
    kept, values, means = kept[binds].reset_index(drop=True), _picked(values, binds), _picked(means, binds)
    shapes = _extents(kept.geometry.to_numpy(), values, of, account)
    there = ~_nowhere(shapes)
    _check_extents(there, means, of)
    kept = kept.set_geometry(gpd.GeoSeries(shapes, crs=STORAGE_CRS))[there].reset_index(drop=True)
    frame = _frame(kept, of, _picked(values, there), _picked(means, there))
    account.close(len(frame))
    return frame, account


def _frame(kept: gpd.GeoDataFrame, of: _Lag, values: Sequence[str | None], means: Sequence[str]) -> gpd.GeoDataFrame:
    names = first(kept, of.sier.navnefelt)
    data: dict[str, Sequence[str | None]] = {
        "lag": [of.navn] * len(kept),
        "tema": [of.sier.tema] * len(kept),
        "alvor": means,
        "verdi": values,
        "navn": [None if n is None else plain_name(n) or None for n in names],
    }
    columns = {c: pd.Series(list(data[c]), dtype=object) for c in KONFLIKTER.columns}
    shapes = gpd.GeoSeries(list(kept.geometry), crs=STORAGE_CRS)
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=STORAGE_CRS)


# --- columns ---


def columns_of(raw: gpd.GeoDataFrame, navn: str) -> list[str]:
    """Return the columns that are called so, the one that says it in full first, then those of nested parts.

    Examples
    --------
    >>> frame = gpd.GeoDataFrame({"app:stoysonekategori": ["R"], "x.STØYSONEKATEGORI": ["G"]}, geometry=[None])
    >>> columns_of(frame, "støysonekategori")
    ['app:stoysonekategori', 'x.STØYSONEKATEGORI']
    """
    wanted = koder.fold(navn)
    named = [str(c) for c in raw.columns if c != raw.geometry.name]
    whole = [c for c in named if koder.fold(c) == wanted]
    return whole + [c for c in named if c not in whole and koder.fold(re.split(r"[.:/|]", c)[-1]) == wanted]


def first(raw: gpd.GeoDataFrame, names: Sequence[str]) -> Texts:
    """Return for each row the first value among columns of these names, as text; None where there is none."""
    found: Texts = [None] * len(raw)
    for column in (c for n in names for c in columns_of(raw, n)):
        found = [v if v is not None else koder.cell(w) for v, w in zip(found, raw[column], strict=True)]
    return found


def _values(raw: gpd.GeoDataFrame, of: _Lag) -> Texts:
    """Return what each row says of how severe it is, as the config writes it."""
    columns = [c for n in of.sier.attributt for c in columns_of(raw, n)]
    if of.sier.attributt and len(raw) and not columns:
        seen = shorten(", ".join(str(c) for c in raw.columns if c != raw.geometry.name))
        raise of.unusable(
            f"none of {len(raw)} rows has {' or '.join(of.sier.attributt)}, which tells how severe it is; the columns "
            f"are {seen}. Correct attributt of lag.{of.navn} in config/konflikter.toml."
        )
    found: Texts = [None] * len(raw)
    for column in columns:
        cells = [koder.cell(v) for v in raw[column]]
        meant = {v: of.sier.verdi_av(v) for v in set(cells)}
        pairs = [(v, meant[c]) for v, c in zip(found, cells, strict=True)]
        worst = {pair: of.sier.verste(pair) for pair in set(pairs)}
        found = [worst[pair] for pair in pairs]
    return found


def _meanings(values: Texts, of: _Lag) -> list[str]:
    """Return how severe each row is: stopp, hard, myk or ingen."""
    means = {v: of.sier.betydning(v) for v in set(values)}
    strange = Counter(v for v in values if means[v] is None)
    if strange:
        words = ", ".join("nothing" if v is None else repr(shorten(v)) for v, _ in strange.most_common(WORDS_SHOWN))
        raise of.unusable(
            f"{sum(strange.values())} of {len(values)} rows have {words} as {' or '.join(of.sier.attributt)}, which is "
            f"not known; known are {', '.join(of.sier.alvor)}. Add it to alvor of lag.{of.navn} in "
            "config/konflikter.toml, or say with annet what all others mean."
        )
    return [str(means[v]) for v in values]


def _picked(values: Sequence[T], mask: npt.NDArray[np.bool_]) -> list[T]:
    return [v for v, keep in zip(values, mask, strict=True) if keep]


# --- plans ---


def _in_force(raw: gpd.GeoDataFrame, planer: Planer, of: _Lag, account: Account) -> gpd.GeoDataFrame:
    """Return the rows of plans in force, of plans that nobody knows, and those that do not say which they are of."""
    ids = planrader.plan_ids(raw, planer.numre, account)  # notes those without
    named = np.array([v is not None for v in planrader.codes(raw, planrader.PLANIDENT)], dtype=bool)
    if named.all() and not any(i in planer.status for i in ids):
        raise of.unusable(
            f"none of {len(raw)} zones is of a plan that is known here (first "
            f"{', '.join(sorted(set(ids))[:WORDS_SHOWN])}), so which are in force is not known. Fetch the kommuneplan, "
            "or tell whoever runs the source."
        )
    strange = [i for i, has_name in zip(ids, named, strict=True) if has_name and i not in planer.status]
    account.note("planen er ikke kjent: teller mot tomten", len(strange), strange)
    kept = np.array([planer.status.get(i, True) for i in ids], dtype=bool) | ~named
    account.drop("plan ikke i kraft", [i for i, keep in zip(ids, kept, strict=True) if not keep])
    return raw[kept].reset_index(drop=True)


# --- extents ---


def _extents(shapes: Shapes, values: Texts, of: _Lag, account: Account) -> Shapes:
    """Return the polygons of rows, widened and valid; None where there is none."""
    widths = {v: of.sier.buffer_for(v) for v in set(values)}
    width = np.array([widths[v] for v in values], dtype=float)
    bare = _nowhere(shapes)
    account.drop("uten geometri", np.flatnonzero(bare))
    made, repaired = polygonal(shapes, keep_thin=width > 0)
    account.note("reparert geometri", repaired)
    wide = ~bare & (width > 0)
    made[wide] = shapely.buffer(made[wide], width[wide], quad_segs=QUAD_SEGS)
    account.drop("ikke flate", np.flatnonzero(~bare & _nowhere(made)))
    return made


def _nowhere(shapes: Shapes) -> npt.NDArray[np.bool_]:
    missing: npt.NDArray[np.bool_] = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    return missing


def _check_extents(there: npt.NDArray[np.bool_], means: Sequence[str], of: _Lag) -> None:
    """Refuse a layer where too many of the rows that bind equally hard do not say what land they bind."""
    all_of = Counter(means)
    for alvor, lost in Counter(_picked(means, ~there)).items():
        if lost > of.regler.uten_flate * all_of[alvor]:
            raise of.unusable(
                f"{lost} of {all_of[alvor]} rows that are {alvor} have no area, but points, lines or nothing, so what "
                f"land they bind is not known. Give lag.{of.navn} a buffer_m in config/konflikter.toml if they are "
                "points or lines; else tell whoever runs the source."
            )


def polygonal(shapes: Shapes, *, keep_thin: npt.NDArray[np.bool_] | None = None) -> tuple[Shapes, int]:
    """Return valid shapes of polygons alone, None where nothing is left, and how many had to be repaired.

    Parameters
    ----------
    keep_thin
        Which shapes keep their lines and points; None: none does.
    """
    made: Shapes = np.array(shapes, dtype=object)
    there = ~shapely.is_missing(made)
    broken = there & ~shapely.is_valid(made)
    made[broken] = shapely.make_valid(made[broken])
    thin = np.zeros(len(made), dtype=bool) if keep_thin is None else keep_thin
    kinds = shapely.get_type_id(made)
    other = there & ~thin & ~np.isin(kinds, POLYGONS)
    for i in np.flatnonzero(other):
        made[i] = _of_polygons(made[i])
    return made, int(broken.sum())


def _of_polygons(shape: shapely.Geometry) -> shapely.Geometry | None:
    """Return the polygons of a collection as one shape, None for lines and points."""
    parts = [p for p in shapely.get_parts(shapely.get_parts(shape)) if isinstance(p, shapely.Polygon)]
    return shapely.union_all(parts) if parts else None
