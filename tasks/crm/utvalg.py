"""Selection: which lots sales sees. Pure.

A lot is published when its score reaches the threshold, or when people have put a lot of their own on the same
property. What is in the base stays there whatever its score: below the threshold it is marked, never removed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from tasks.crm.diff import TableDiff
from tasks.crm.records import Row, RowsByKey

LINKED = ("Områder", "Eiendommer")
LINK_FIELD = {"Områder": "Område", "Eiendommer": "Eiendommer"}
"""Table → the field of Tomter that links to it."""


def mark(tomter: RowsByKey, minste_score: float) -> None:
    """Set `Under terskel` on rows of Tomter: alive, and below the threshold or without a score."""
    for row in tomter.values():
        row["Under terskel"] = row["Tilstand"] == "Aktiv" and not reaches(row.get("Score"), minste_score)


def reaches(score: Any, minste_score: float) -> bool:
    """Return True for a score (0–100) that is published.

    Examples
    --------
    >>> reaches(40.0, 40.0), reaches(39.9, 40.0), reaches(None, 40.0), reaches(float("nan"), 40.0)
    (True, False, False, False)
    """
    return score is not None and score >= minste_score


def select(diffs: dict[str, TableDiff], rows: dict[str, RowsByKey], *, wanted: Collection[str]) -> int:
    """Take what is not published out of what would be created; return how many lots stay unpublished.

    Parameters
    ----------
    diffs
        Table → diff, changed in place.
    rows
        Table → key → row.
    wanted
        Lots that are published whatever their score: people have one of their own there.
    """
    tomter = diffs["Tomter"]
    unpublished = [k for k, row in tomter.create.items() if row.get("Under terskel") and k not in wanted]
    for key in unpublished:
        del tomter.create[key]
    tomter.deleted[:] = [key for key in tomter.deleted if key in tomter.create]
    # Of a stopped table nothing is written, and new områder and eiendommer wait for their lots.
    needed = [*tomter.create, *tomter.update]
    for navn in LINKED:
        _keep(diffs[navn], {k for key in needed for k in _linked(rows["Tomter"][key], navn)})
    return len(unpublished)


def _linked(row: Row, navn: str) -> Collection[str]:
    return row.get(LINK_FIELD[navn]) or ()


def _keep(diff: TableDiff, needed: Collection[str]) -> None:
    diff.create = {key: row for key, row in diff.create.items() if key in needed}
    diff.deleted[:] = [key for key in diff.deleted if key in diff.create]
