"""What a run would change in one table of the base, as a person reads it and as JSON."""

from __future__ import annotations

from typing import Any

from tasks.crm.rader.records import Row
from tasks.crm.sync.diff import TableDiff
from tasks.tekst import tall

SHOWN = 20
"""Rows of a kind that are printed; the JSON has all."""
LONGEST = 60
"""Characters of a value that are printed."""
LONGEST_WHY = 160
"""Characters of why a row is left alone."""
OF_A_NEW_ROW = ("Score", "Nivå", "Areal m²", "Klasse", "Hva")
MARKS = {"Borte": "gone", "Under terskel": "now below the threshold", "Tilbake": "back again"}


def changes(diff: TableDiff) -> dict[str, Any]:
    """Return what a dry run would do to a table.

    Returns
    -------
    dict
        `create` keys; `update` key → field → ``{"fra", "til"}``; `marked` key → why; `by_hand` key → field → what a
        person wrote, which is put right; `deleted` keys made anew because a person deleted the record; `initial`
        number of records that get what the program sets once; `refused` key → why; `stopped` why nothing is written;
        `linjer` the same to read.
    """
    marked = {key: word for key, (_, row) in diff.update.items() if (word := _mark(diff, key, row)) is not None}
    return {
        "create": list(diff.create),
        "update": {
            key: {name: {"fra": diff.before[key].get(name), "til": value} for name, value in row.items()}
            for key, (_, row) in diff.update.items()
        },
        "marked": marked,
        "by_hand": diff.by_hand,
        "deleted": diff.deleted,
        "initial": len(diff.initial),
        "refused": diff.refused,
        "stopped": diff.stopped,
        "linjer": _lines(diff, marked),
    }


def _mark(diff: TableDiff, key: str, row: Row) -> str | None:
    """Return why a row that stays in the base is marked."""
    if row.get("Tilstand") == "Borte":
        return MARKS["Borte"]
    if "Tilstand" in row and diff.before[key]["Tilstand"] == "Borte":
        return MARKS["Tilbake"]
    return MARKS["Under terskel"] if row.get("Under terskel") else None


def _lines(diff: TableDiff, marked: dict[str, str]) -> list[str]:
    lines = [] if diff.stopped is None else [f"! {diff.stopped}"]
    for key in list(diff.create)[:SHOWN]:
        again = " (a person deleted the record)" if key in diff.deleted else ""
        lines.append(f"+ {key}{_figures(diff.create[key])}{again}")
    lines += _rest(len(diff.create))
    for key in list(diff.update)[:SHOWN]:
        lines.append(f"~ {key}{f': {marked[key]}' if key in marked else ''}")
        for name, value in diff.update[key][1].items():
            by_hand = "  (written by hand; put right)" if name in diff.by_hand.get(key, {}) else ""
            lines.append(f"    {name}: {_shown(diff.before[key].get(name))} → {_shown(value)}{by_hand}")
    lines += _rest(len(diff.update))
    lines += [f"x {key}: {_cut(why, LONGEST_WHY)}" for key, why in list(diff.refused.items())[:SHOWN]]
    lines += _rest(len(diff.refused))
    if diff.initial:
        lines.append(f"= {len(diff.initial)} records get what is set once: {_names(diff)}")
    return lines


def _names(diff: TableDiff) -> str:
    return ", ".join(sorted({name for row in diff.initial.values() for name in row}))


def _rest(count: int) -> list[str]:
    return [f"… and {count - SHOWN} more; --json has all"] if count > SHOWN else []


def _figures(row: Row) -> str:
    """Return what a person wants to know of a new row, when the table has it."""
    known = [f"{name} {_shown(row[name])}" for name in OF_A_NEW_ROW if row.get(name) is not None]
    return f" ({', '.join(known)})" if known else ""


def _shown(value: Any) -> str:
    """Return a value on one line, short enough to read."""
    if value is None:
        return "–"
    if isinstance(value, list):
        text = ", ".join(map(str, value))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return tall(value, 0 if isinstance(value, int) else 1)
    else:
        text = "yes" if value is True else " ".join(str(value).split())
    return _cut(text, LONGEST)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
