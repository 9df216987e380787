"""Minne: what the last run left of the lots' scores, and by which keys its rows stand.

Facts stand by `fakta.noekler`, scores by `score.scorenoekler` and what else goes into them; neither holds the time of a
run. What was derived and cannot be read any more (an older contract, a damaged file) counts as none and is made anew;
the log and the assemblies, whose numbers must not be given twice, have to be readable.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from config.registers import Kommune
from tasks.contracts import Contract
from tasks.errors import TomtError
from tasks.scoring.tomt.stempel import scorestempel
from tasks.store import Geodata
from tasks.tomtekontrakter import KONFLIKTANDELER, SAMMENSLAAINGER, SCOREENDRINGER, SCOREKORT, SCORER, TOMTEFAKTA

log = logging.getLogger("tomt.scoring")

DIGEST = 32


@dataclass(frozen=True)
class Forrige:
    """Frames of the last run, by their contracts; None where there is none. Facts and scores come in pairs."""

    fakta: pd.DataFrame | None = None
    andeler: pd.DataFrame | None = None
    scorer: pd.DataFrame | None = None
    kort: pd.DataFrame | None = None
    logg: pd.DataFrame | None = None
    sammenslaainger: pd.DataFrame | None = None

    @classmethod
    def les(cls, kommune: Kommune, geodata: Geodata) -> Self:
        """Read what the last run left.

        Raises
        ------
        StoreError, ContractError
            When the log or the assemblies cannot be read.
        """

        def kept(*contracts: Contract) -> list[pd.DataFrame | None]:
            try:
                read = [geodata.read(kommune.nummer, layer="out", contract=c) for c in contracts]
            except TomtError as error:
                log.warning("%s: scored anew, the last run's rows are not usable: %s", kommune.label, error)
                return [None for _ in contracts]
            return read if all(frame is not None for frame in read) else [None for _ in contracts]

        fakta, andeler = kept(TOMTEFAKTA, KONFLIKTANDELER)
        scorer, kort = kept(SCORER, SCOREKORT)
        return cls(
            fakta=fakta,
            andeler=andeler,
            scorer=scorer,
            kort=kort,
            logg=geodata.read(kommune.nummer, layer="out", contract=SCOREENDRINGER),
            sammenslaainger=geodata.read(kommune.nummer, layer="out", contract=SAMMENSLAAINGER),
        )


def with_land(noekler: Iterable[str], tomter: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return keys of scores with what else goes into them: columns of the lots themselves, and the program.

    Parameters
    ----------
    tomter
        The lots, in the order of the keys.
    """
    own = tomter[list(columns)].to_numpy(dtype=object).tolist()
    return [
        hashlib.sha256(f"{scorestempel()}|{key}|{row!r}".encode()).hexdigest()[:DIGEST]
        for key, row in zip(noekler, own, strict=True)
    ]


def standing(rows: pd.DataFrame | None, noekler: pd.Series) -> npt.NDArray[np.bool_]:
    """Return which of the lots have a row with today's key.

    Parameters
    ----------
    rows
        tomt_id and noekkel, of the last run.
    noekler
        Of today, by tomt_id.
    """
    if rows is None:
        return np.zeros(len(noekler), dtype=bool)
    before = pd.Series(rows["noekkel"].to_numpy(dtype=object), index=rows["tomt_id"].to_numpy(dtype=object))
    same: npt.NDArray[np.bool_] = (before.reindex(noekler.index) == noekler).to_numpy(dtype=bool)
    return same


def together(
    before: pd.DataFrame | None, new: pd.DataFrame | None, ids: Sequence[str], *, contract: Contract
) -> pd.DataFrame:
    """Return rows of lots, those made now in place of those of before, in the order of `ids`.

    Parameters
    ----------
    before
        Rows of the last run; only those of lots in `ids` that `new` does not have stay.
    new
        Rows of this run, of some of the lots; a lot may have several rows, or none.
    """
    parts = [frame for frame in (before, new) if frame is not None and len(frame)]
    if not parts:
        return contract.empty()
    every = pd.concat(parts, ignore_index=True)
    place = pd.Index(ids).get_indexer(pd.Index(every["tomt_id"]))
    order = np.argsort(place, kind="stable")
    ordered = every.iloc[order[place[order] >= 0]].reset_index(drop=True)
    return ordered if len(ordered) else contract.empty()


def same_rows(frame: pd.DataFrame, before: pd.DataFrame | None) -> bool:
    """Return whether a frame says what it said before, row by row; types that a file changes do not matter."""
    if before is None or len(frame) != len(before) or set(frame.columns) != set(before.columns):
        return False
    return all(_plain(frame[c]) == _plain(before[c]) for c in frame.columns)


def _plain(values: pd.Series) -> list[Any]:
    """Return values as they compare after reading: numbers as floats, what is missing as None."""
    if isinstance(values, gpd.GeoSeries):
        return list(values.to_wkb())
    if pd.api.types.is_numeric_dtype(values):
        return [None if np.isnan(v) else v for v in values.to_numpy(dtype=float).tolist()]
    return [json.dumps(list(v)) if isinstance(v, list) else v if isinstance(v, str) else None for v in values]
