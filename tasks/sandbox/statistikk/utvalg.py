"""What is asked of a table: the selection of GET and POST, its expressions, and how SSB refuses it.

Rules as measured: contents and time are always wanted, expressions ``*``, ``?``, ``top(n)``, ``from(x)``,
``range(a,b)`` (in GET in brackets where they hold a comma), a code that is given twice ends in 500 without a body.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from math import prod

from tasks.sandbox.statistikk.tabell import INNHOLD, TID
from tasks.sandbox.statistikk.visning import Visning

MAKS_CELLER = 800_000
STANDARD_REGIONER = 11
"""Regions of the extract that is served where nothing is selected."""
MAKS_KODER, MAKS_TEGN = 20_000, 60
"""Codes of one variable in one question, and letters of a code; more is no question."""

_PART = re.compile(r"\[([^\[\]]*)\]|([^,]+)")
_CALL = re.compile(r"(?i)(top|bottom|from|to|range)\(([^()]*)\)")


class AvslagError(Exception):
    """A refusal; an empty title is an answer without a body."""

    def __init__(self, title: str, *, status: int = 400, kind: str = "Parameter error") -> None:
        super().__init__(title)
        self.title, self.status, self.kind = title, status, kind


@dataclass(frozen=True)
class Spurt:
    """What is asked of one variable."""

    koder: tuple[str, ...]
    kodeliste: str | None = None


@dataclass(frozen=True)
class Utvalg:
    """What is served: variable → codes in the table's order; None where it is left out."""

    koder: dict[str, tuple[str, ...] | None]
    kodeliste: str | None

    @property
    def dimensjoner(self) -> tuple[str, ...]:
        """The variables that stand in the answer."""
        return tuple(name for name, codes in self.koder.items() if codes is not None)


def av_adresse(parametre: Iterable[tuple[str, str]]) -> dict[str, Spurt]:
    """Return the question of a GET: ``valueCodes[Region]=0301,1103`` and ``codelist[Region]=…``."""
    codes: dict[str, tuple[str, ...]] = {}
    lists: dict[str, str] = {}
    for name, value in parametre:
        found = re.fullmatch(r"(?i)(valuecodes|codelist)\[([^\[\]]+)\]", name)
        if found is None:
            continue
        kind, variable = found[1].lower(), found[2]
        if kind == "codelist":
            lists[variable] = value
        else:
            parts = tuple(a or b for a, b in _PART.findall(value))
            codes[variable] = codes.get(variable, ()) + tuple(part.strip() for part in parts)
    return {name: Spurt(codes.get(name, ()), lists.get(name)) for name in codes | lists}


def av_kropp(kropp: bytes) -> dict[str, Spurt]:
    """Return the question of a POST: ``{"selection": [{"variableCode", "valueCodes", "codelist"?}]}``."""
    try:
        found = json.loads(kropp) if kropp.strip() else {}
        return {row["variableCode"]: _row(row) for row in found.get("selection") or ()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise AvslagError("One or more validation errors occurred.", kind="Bad Request") from None


def _row(row: dict[str, object]) -> Spurt:
    codes, codelist = row.get("valueCodes") or [], row.get("codelist")
    if not isinstance(row["variableCode"], str) or not isinstance(codes, list):
        raise TypeError("variableCode is a text and valueCodes a list")
    if not all(isinstance(code, str) for code in codes) or not isinstance(codelist, str | None):
        raise TypeError("codes are texts")
    return Spurt(tuple(codes), codelist)


def velg(visning: Visning, spurt: dict[str, Spurt]) -> Utvalg:
    """Return what is served of a table.

    Raises
    ------
    AvslagError
        As SSB refuses it.
    """
    if set(spurt) - set(visning.tabell.dimensjoner):
        raise AvslagError("Non-existent variable")
    kodeliste = _codelist(visning, spurt)
    chosen = _chosen(visning, spurt, kodeliste) if spurt else _default(visning)
    if prod(len(codes) for codes in chosen.values() if codes is not None) > MAKS_CELLER:
        raise AvslagError("Too many cells selected")
    return Utvalg(chosen, kodeliste)


def _codelist(visning: Visning, spurt: dict[str, Spurt]) -> str | None:
    for name, asked in spurt.items():
        if asked.kodeliste and asked.kodeliste not in visning.kodelister(name):
            raise AvslagError("Non-existent codelist")
    of_region = spurt.get(visning.tabell.region)
    return (of_region.kodeliste or None) if of_region else None


def _chosen(visning: Visning, spurt: dict[str, Spurt], kodeliste: str | None) -> dict[str, tuple[str, ...] | None]:
    chosen: dict[str, tuple[str, ...] | None] = {}
    for name in visning.tabell.dimensjoner:
        asked = spurt.get(name)
        if asked is not None and asked.koder:
            listed = kodeliste if name == visning.tabell.region else None
            chosen[name] = velg_koder(asked.koder, tuple(visning.koder(name, listed)), er_tid=name == TID)
        elif visning.kan_utelates(name):
            chosen[name] = None
        else:
            raise AvslagError("Missing selection for mandantory variable")
    return chosen


def _default(visning: Visning) -> dict[str, tuple[str, ...] | None]:
    """Return the extract of a question without a selection: some regions, one measure, the newest period."""
    chosen: dict[str, tuple[str, ...] | None] = {}
    for name in visning.tabell.dimensjoner:
        codes = tuple(visning.koder(name))
        if name == TID:
            chosen[name] = codes[-1:]
        elif name == INNHOLD:
            chosen[name] = codes[:1]
        elif name == visning.tabell.region:
            chosen[name] = codes[:STANDARD_REGIONER]
        else:
            chosen[name] = None if visning.kan_utelates(name) else codes[:1]
    return chosen


def velg_koder(spurt: Sequence[str], koder: Sequence[str], *, er_tid: bool = False) -> tuple[str, ...]:
    """Return the codes that codes and expressions name, in the table's order.

    Raises
    ------
    AvslagError
        For a code that is not there, an expression that cannot be read, and a code given twice (500, no body).
    """
    if len(spurt) > MAKS_KODER:
        raise AvslagError("Too many cells selected")
    if len(set(spurt)) < len(spurt):
        raise AvslagError("", status=500)
    place = {code: k for k, code in enumerate(koder)}
    chosen: set[int] = set()
    for text in spurt:
        if text in place:
            chosen.add(place[text])
        else:
            chosen |= _of_expression(text, koder, place, er_tid=er_tid)
    return tuple(koder[k] for k in sorted(chosen))


def _of_expression(text: str, koder: Sequence[str], place: dict[str, int], *, er_tid: bool) -> set[int]:
    if len(text) > MAKS_TEGN:
        raise AvslagError("Non-existent value")
    call = _CALL.fullmatch(text.strip())
    if call is not None:
        return set(_of_call(call[1].lower(), [a.strip() for a in call[2].split(",")], place, er_tid=er_tid))
    if any(sign in text for sign in "()[]"):
        raise AvslagError("Illegal selection expression")
    hits = {k for k, code in enumerate(koder) if fnmatchcase(code, text)} if "*" in text or "?" in text else set()
    if not hits:
        raise AvslagError("Non-existent value")
    return hits


def _of_call(name: str, arguments: list[str], place: dict[str, int], *, er_tid: bool) -> range:
    """Return the places of ``top(n)``, ``bottom(n)``, ``from(x)``, ``to(x)``, ``range(a,b)``."""
    if len(arguments) != (2 if name == "range" else 1):
        raise AvslagError("Illegal selection expression")
    total = len(place)
    if name in {"top", "bottom"}:
        if not re.fullmatch(r"[0-9]{1,6}", arguments[0]) or int(arguments[0]) == 0:
            raise AvslagError("Illegal selection expression")
        n = min(int(arguments[0]), total)
        # The newest periods are the top ones, though they stand last.
        return range(total - n, total) if (name == "top") == er_tid else range(n)
    if not set(arguments) <= set(place):
        raise AvslagError("Non-existent value")
    first = 0 if name == "to" else place[arguments[0]]
    last = total - 1 if name == "from" else place[arguments[-1]]
    if first > last:
        raise AvslagError("Illegal selection expression")
    return range(first, last + 1)
