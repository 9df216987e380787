"""The rows that a source is configured to keep: `filter`, column → values, held on to whatever the server honours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import geopandas as gpd
import pandas as pd

from config.kilder import Kilde
from tasks.errors import SourceError
from tasks.sources.asked import Take
from tasks.sources.koder import fold
from tasks.sources.unntak import shorten

MOST_VALUES = 30
"""Values of a column that are remembered at most, beside the known ones."""
FRACTION = re.compile(r"(?<=[0-9])\.0+$")
NAMED = re.compile(r" ?[:=(]| [-–] ")
"""What stands between a code and its name."""


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
        self.utelatt = self._beholdt = 0
        self._kilde, self._take = kilde, take
        self._seen: set[str] = set()
        self._columns: set[str] = set()
        self._values: dict[str, set[str]] = {column: set() for column in kilde.filter}

    def __call__(self, piece: gpd.GeoDataFrame) -> None:
        """Take rows, as a `Take`."""
        kept = piece
        for column, values in self._kilde.filter.items():
            own = [c for c in piece.columns if fold(column) in {fold(str(c)), fold(_last(str(c)))}]
            self._seen |= {column} if own else set()
            self._note(column, piece, own)
            kept = kept[_has(kept, own, values)]
        if self._kilde.filter:
            self._columns |= {str(c) for c in piece.columns if c != "geometry"}
            self.utelatt += len(piece) - len(kept)
            self._beholdt += len(kept)
        self._take(kept)

    def check(self, where: str) -> None:
        """Refuse an answer in which no row has a column that its rows are picked by, or none a value that is known.

        Rows that came and are all left out mean that there is nothing only where each column has a value that is
        wanted, or one of `filter_ellers`: else the source may have begun to write its values in another way.

        Raises
        ------
        SourceError
            Naming the column and those that there are, or the values.
        """
        kilde = self._kilde
        missing = [column for column in kilde.filter if column not in self._seen]
        if missing and self._columns:
            raise SourceError(
                f"{where}: no column {', '.join(missing)} to pick rows by; it has: "
                f"{shorten(', '.join(sorted(self._columns)))}. Correct `filter` of {kilde.navn} in {kilde.fil}."
            )
        if self._beholdt or not self.utelatt:
            return
        for column, wanted in kilde.filter.items():
            known = {*wanted, *kilde.filter_ellers.get(column, ())}
            if not any(means(value, known) for value in self._values[column]):
                seen = shorten(", ".join(sorted(self._values[column]))) or "none"
                raise SourceError(
                    f"{where}: none of {self.utelatt} rows has a known value of {column}; the values are: {seen}. "
                    f"Correct `filter` of {kilde.navn} in {kilde.fil}, or name in `filter_ellers` what is left out."
                )

    def _note(self, column: str, piece: gpd.GeoDataFrame, own: Sequence[str]) -> None:
        """Remember some of the values, for the judgement and the message."""
        seen = self._values[column]
        known = {*self._kilde.filter[column], *self._kilde.filter_ellers.get(column, ())}
        for value in (str(v) for c in own for v in piece[c].dropna().unique()):
            if len(seen) < MOST_VALUES or means(value, known):
                seen.add(value)


def means(value: object, codes: Iterable[str]) -> bool:
    """Return whether a written value is one of some codes, whatever its case, false fraction, or name after it.

    Examples
    --------
    >>> [means(v, ["E-ARK", "200"]) for v in ("e-ark ", "E-ARK - Arkeologisk minne", "200.0", "2000", "E-ARKIV")]
    [True, True, True, False, False]
    """
    if not isinstance(value, str):
        return False
    plain = FRACTION.sub("", " ".join(value.split()).casefold())
    wanted = [_plain(code) for code in codes]
    return any(plain.startswith(code) and (plain == code or NAMED.match(plain, len(code))) for code in wanted)


def _last(column: str) -> str:
    return column.rpartition(".")[2]


def _has(rows: gpd.GeoDataFrame, columns: Sequence[str], values: Sequence[str]) -> pd.Series:
    """Return whether each row has one of the values in one of the columns."""
    found = pd.Series(False, index=rows.index)
    for column in columns:
        written = {value for value in rows[column].dropna().unique() if means(value, values)}
        found |= rows[column].isin(written)
    return found


def _plain(value: str) -> str:
    return " ".join(value.split()).casefold()
