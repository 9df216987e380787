"""The rows that a source is configured to keep: `filter`, column → values, held on to whatever the server honours."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import pandas as pd

from config.kilder import Kilde
from tasks.errors import SourceError
from tasks.sources.asked import Take
from tasks.sources.koder import fold
from tasks.sources.unntak import shorten


class Siling:
    """Hands on the rows whose columns have the values wanted; without a filter, all of them.

    Parameters
    ----------
    kilde
        Its `filter`. Columns are found whatever their case, prefix and spelling of æøå.
    take
        Takes what is kept.

    Attributes
    ----------
    utelatt
        Rows left out.
    """

    def __init__(self, kilde: Kilde, take: Take) -> None:
        self.utelatt = 0
        self._kilde, self._take = kilde, take
        self._seen: set[str] = set()
        self._columns: set[str] = set()

    def __call__(self, piece: gpd.GeoDataFrame) -> None:
        """Take rows, as a `Take`."""
        kept = piece
        for column, values in self._kilde.filter.items():
            own = [c for c in piece.columns if fold(column) in {fold(str(c)), fold(_last(str(c)))}]
            self._seen |= {column} if own else set()
            kept = kept[_has(kept, own, values)]
        if self._kilde.filter:
            self._columns |= {str(c) for c in piece.columns if c != "geometry"}
            self.utelatt += len(piece) - len(kept)
        self._take(kept)

    def check(self, where: str) -> None:
        """Refuse an answer in which no row has a column that its rows are picked by.

        Raises
        ------
        SourceError
            Naming the column and those that there are.
        """
        missing = [column for column in self._kilde.filter if column not in self._seen]
        if missing and self._columns:
            raise SourceError(
                f"{where}: no column {', '.join(missing)} to pick rows by; it has: "
                f"{shorten(', '.join(sorted(self._columns)))}. Correct `filter` of {self._kilde.navn} in its register."
            )


def _last(column: str) -> str:
    return column.rpartition(".")[2]


def _has(rows: gpd.GeoDataFrame, columns: Sequence[str], values: Sequence[str]) -> pd.Series:
    """Return whether each row has one of the values in one of the columns."""
    wanted = {_plain(value) for value in values}
    found = pd.Series(False, index=rows.index)
    for column in columns:
        found |= rows[column].map(_plain).isin(wanted)
    return found


def _plain(value: object) -> str | None:
    return " ".join(value.split()).casefold() if isinstance(value, str) else None
