"""Selection: which lots sales sees. Pure.

A lot is published when its score reaches the threshold and nothing stops it, or when people have put a lot of their own
on the same property. What is in the base stays there whatever its score: below the threshold it is marked, never
removed.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from tasks.crm.rader.records import Row, RowsByKey
from tasks.crm.sync.diff import TableDiff

LINKED = ("Områder", "Eiendommer")
LINK_FIELD = {"Områder": "Område", "Eiendommer": "Eiendommer"}
"""Table → the field of Tomter that links to it."""

WATCHED = (
    "Tilstand",
    "Plan under arbeid",
    "Planstatus",
    "Arealstatus",
    "Klasse",
    "Sonetype",
    "Areal m²",
    "Eiendommer",
    "Tvist",
    "Under terskel",
    "Stoppet",
)
"""Fields of Tomter whose change a salesperson wants to know of."""


def mark(tomter: RowsByKey, minste_score: float) -> None:
    """Set `Under terskel` on rows of Tomter: alive, and stopped, below the threshold or without a score."""
    for row in tomter.values():
        is_shown = reaches(row.get("Score"), minste_score) and not row.get("Stoppet")
        row["Under terskel"] = row["Tilstand"] == "Aktiv" and not is_shown


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


def note_changes(tomter: TableDiff, dato: date, *, deleted: Collection[str] = ()) -> None:
    """Write on lots that sales can see what the sources have changed about them, and when.

    Not what a person has written over and is put right, nor what the program alone decides.

    Parameters
    ----------
    deleted
        Keys of linked records that people have deleted: that they are linked again is no change.
    """
    for key, (_, row) in tomter.update.items():
        before, by_hand = tomter.before[key], tomter.by_hand.get(key, {})
        changed = [n for n in WATCHED if n in row and n not in by_hand and not _is_back(row[n], before[n], deleted)]
        if "Under terskel" in changed and not _land_has_moved(row, before):
            changed.remove("Under terskel")
        if changed:
            note = {"Kilde endret": dato.isoformat(), "Hva er endret": ", ".join(changed)}
            row.update(note)
            tomter.before[key] = dict.fromkeys(note) | before


def _is_back(now: Any, before: Any, deleted: Collection[str]) -> bool:
    """Return True when links have only got back what was deleted."""
    if not isinstance(now, list):
        return False
    return set(before or ()) <= set(now) <= {*(before or ()), *deleted}


def _land_has_moved(row: Row, before: Row) -> bool:
    """Return True when a lot has crossed the threshold for what it is, and not for how much is known of it.

    What becomes unknown takes from the score alone: the highest that it can be stays as it was, or rises. Where the
    land itself is worth less or more, both move the same way.
    """
    was, now = before.get("Høyest"), row.get("Høyest")
    if was is None or now is None or was == now:
        return False
    return bool(now < was) is bool(row["Under terskel"])


def _linked(row: Row, navn: str) -> Collection[str]:
    return row.get(LINK_FIELD[navn]) or ()


def _keep(diff: TableDiff, needed: Collection[str]) -> None:
    diff.create = {key: row for key, row in diff.create.items() if key in needed}
    diff.deleted[:] = [key for key in diff.deleted if key in diff.create]
