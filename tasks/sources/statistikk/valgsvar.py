"""Valgsvar: the answer of valgresultat.no about one kommune: its council's seats, its lists, its turnout."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tasks.errors import SourceError
from tasks.sources.unntak import shorten

SUMS = "andre"
"""A code that begins so is a row that adds up lists which stand there too."""
BLANK = "blanke"
SUM_CATEGORY = 0
"""partikategori of rows that add up others."""
MOST_LISTS, MOST_SEATS, LONGEST = 60, 200, 30
LARGEST = 1e8
TIME = re.compile(r"[0-9T:.+Z-]{10,40}")


def read_result(answer: Mapping[str, Any], number: str) -> dict[str, Any]:
    """Return what is used of the answer of one kommune.

    Returns
    -------
    dict
        ``mandater`` (seats of the council), ``lister`` (code, seats, votes or None, percent or None), ``frammote``
        (percent or None), ``er_ferdig`` (all is counted), ``laget`` (when the result was made, "" where unknown).

    Raises
    ------
    SourceError
        When it is another kommune's, holds no lists, or the seats do not add up.
    """
    if (said := _at(answer, "id", "nr")) != number:
        raise SourceError(f"the answer is of {shorten(str(said))!r}.")
    total = _count(_at(answer, "mandater", "antall"))
    rows = answer.get("partier")
    if total is None or not 0 < total <= MOST_SEATS or not isinstance(rows, list) or len(rows) > MOST_LISTS:
        raise SourceError("no seats, or no lists, or too many of them.")
    lists = [made for row in rows if (made := _list(row)) is not None]
    seats = sum(its[1] for its in lists)
    if seats != total:
        raise SourceError(f"the lists have {seats} seats, the council {total}.")
    counted = _number(_at(answer, "opptalt", "prosent"))
    made = _at(answer, "tidspunkt", "rapportGenerert")
    return {
        "mandater": total,
        "lister": _each_once(lists),
        "frammote": _percent(_at(answer, "frammote", "prosent")),
        "er_ferdig": counted is None or counted >= 100,
        "laget": made if isinstance(made, str) and TIME.fullmatch(made) else "",
    }


def _list(row: object) -> list[Any] | None:
    """Return code, seats, votes and percent of one list; None for a row that is none."""
    code, category = _at(row, "id", "partikode"), _at(row, "id", "partikategori")
    if not isinstance(code, str) or not code.strip() or not code.isprintable():
        raise SourceError("a list without partikode.")
    if code.casefold().startswith(SUMS) or code.casefold() == BLANK or category == SUM_CATEGORY:
        return None
    seats = _count(_at(row, "mandater", "resultat", "antall")) or 0
    votes = _count(_at(row, "stemmer", "resultat", "antall", "total"))
    return [code.strip()[:LONGEST], seats, votes, _percent(_at(row, "stemmer", "resultat", "prosent"))]


def _each_once(lists: list[list[Any]]) -> list[list[Any]]:
    """Return lists whose codes are all different, in any case: a second one of the same code gets a number."""
    seen: set[str] = set()
    for its in lists:
        code, number = its[0], 1
        while its[0].casefold() in seen:
            number += 1
            its[0] = f"{code}:{number}"
        seen.add(its[0].casefold())
    return lists


def _at(data: object, *path: str) -> Any:
    """Return what stands at a path of members, None where any is missing."""
    for name in path:
        data = data.get(name) if isinstance(data, dict) else None
    return data


def _number(value: object) -> float | None:
    """Return a number; None for what is none, or larger than anything that is counted (an int has no bound)."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -LARGEST < value < LARGEST:
        return None
    return float(value)


def _count(value: object) -> int | None:
    number = _number(value)
    return int(number) if number is not None and number == int(number) and number >= 0 else None


def _percent(value: object) -> float | None:
    number = _number(value)
    return number if number is not None and 0 <= number <= 100 else None
