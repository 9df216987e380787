"""The columns of a source from one answer to the next.

A column that decides what land is – a plan's id and status, a zone's code, a teig's number – and that is suddenly empty
in every row is a change of the source, not of the land. Read as it stands, it would make every lot come or go.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow.parquet as pq

from config.kilder import Kilde
from tasks.sources.sosi import ATTRIBUTTER, KODER, PLANIDENT, Navn, columns_of

REGISTERS = {"teig": ("teig_id", "kommunenummer", "matrikkelenheter"), "bygning": ("bygning_id", "kommunenummer")}
"""Theme → columns of the readers of the registers that decide."""

_BY_NAME = {navn.sosi: navn for navn in ATTRIBUTTER}
DECISIVE: tuple[Navn, ...] = (PLANIDENT, _BY_NAME["planstatus"], _BY_NAME["vertikalnivå"])
PLAN_THEMES = frozenset({"kommuneplan", "kommunedelplan", "reguleringsplan", "reguleringsformaal"})


def columns_in_use(path: Path) -> frozenset[str]:
    """Return the columns of a GeoParquet file that have a value in some row; reads the foot of the file alone."""
    foot = pq.ParquetFile(path).metadata
    used: set[str] = set()
    for group in range(foot.num_row_groups):
        rows = foot.row_group(group)
        for number in range(rows.num_columns):
            column = rows.column(number)
            known = column.statistics is not None and column.statistics.has_null_count
            if not known or column.statistics.null_count < column.num_values:
                used.add(column.path_in_schema.removesuffix(".list.element").removesuffix(".list.item"))
    return frozenset(used)


def lost(before: Collection[str], now: Collection[str], kilde: Kilde) -> list[str]:
    """Return what decides, had a value in some row of the last answer, and has none in this one.

    Parameters
    ----------
    before, now
        Columns that have a value in some row.

    Examples
    --------
    >>> from config.kilder import kilder
    >>> lost({"planid", "planstatus"}, {"PLANID", "status"}, kilder()["nap_reguleringsplan"])
    ['planstatus']
    """
    if kilde.tema in REGISTERS:
        return [name for name in REGISTERS[kilde.tema] if name in before and name not in now]
    if kilde.tema not in PLAN_THEMES:
        return []
    gone = [navn.sosi for navn in DECISIVE if _has(navn, before, kilde) and not _has(navn, now, kilde)]
    codes = [KODER[objekttype] for objekttype in kilde.lag if objekttype in KODER]
    if any(_has(c, before, kilde) for c in codes) and not any(_has(c, now, kilde) for c in codes):
        gone.append(" eller ".join(dict.fromkeys(c.sosi for c in codes)))
    return gone


def _has(navn: Navn, columns: Collection[str], kilde: Kilde) -> bool:
    if navn.sosi in kilde.faste:
        return True
    named = kilde.kolonner.get(navn.sosi)
    return named in columns if named is not None else bool(columns_of(navn, columns))
