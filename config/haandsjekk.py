"""Whether Airtable could do what config/haand.py describes: names, operators, options, formulas.

Sources: Airtable's help pages on filter conditions by type of field, grouping, kanban views, automations
(support.airtable.com, 2024).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from config.formel import ROLLUPS, check_formula
from config.haand import Automatisering, Betingelse, Filter, Formelfelt, Gruppe, Side, Visning

EMPTY = ("is empty", "is not empty")
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("contains", "does not contain", "is", "is not", *EMPTY),
    "number": ("=", "≠", "<", ">", "≤", "≥", *EMPTY),
    "checkbox": ("is",),
    "select": ("is", "is not", "is any of", "is none of", *EMPTY),
    "selects": ("has any of", "has all of", "is exactly", "has none of", *EMPTY),
    "date": (
        "is", "is within", "is before", "is after", "is on or before", "is on or after", "is not", *EMPTY
    ),
    "person": ("is", "is not", "is any of", "is none of", *EMPTY),
    "link": ("contains", "does not contain", "has any of", "has all of", "is exactly", "has none of", *EMPTY),
    "files": ("filename contains", "has file type", *EMPTY),
    "list": EMPTY,
}  # fmt: skip
"""Kind of field → the operators that Airtable's filters offer for it."""

KINDS = {
    **dict.fromkeys(("singleLineText", "multilineText", "email", "phoneNumber", "url"), "text"),
    **dict.fromkeys(("number", "percent", "currency"), "number"),
    **dict.fromkeys(("date", "dateTime"), "date"),
    "checkbox": "checkbox",
    "singleSelect": "select",
    "multipleSelects": "selects",
    "singleCollaborator": "person",
    "multipleRecordLinks": "link",
    "multipleAttachments": "files",
}
"""Type of a field → its kind."""
GIVES = {"count": "number", "multipleLookupValues": "list", "lastModifiedTime": "date", "lastModifiedBy": "person"}
"""Type of a computed field → the kind that it always is."""
MANY = frozenset({"is any of", "is none of", "has any of", "has all of", "is exactly", "has none of"})
EXACT = frozenset({"is", "is not"})
CHECKED = ("checked", "unchecked")
CURRENT_USER = "Current user"
DAY = re.compile(r"today|tomorrow|yesterday|one (week|month) (ago|from now)|\d+ days (ago|from now)|\d{4}-\d{2}-\d{2}")
SPAN = re.compile(r"the (past|next) (week|month|year|\d+ days)|this calendar (week|month|year)")


class Kolonne(NamedTuple):
    """A field as filters and formulas see it: its kind, its options, the table it links to, whether people write it."""

    kind: str
    valg: tuple[str, ...] = ()
    til: str | None = None
    is_open: bool = False


Kolonner = Mapping[str, Mapping[str, Kolonne]]
"""Table → field → what it is, manual fields and the other ends of links included."""
GROUPABLE = frozenset({"text", "number", "checkbox", "select", "selects", "date", "person", "link"})
NOW = "Actual trigger time"
"""When an automation started."""


def check_formelfelt(felt: Formelfelt, kolonner: Kolonner) -> None:
    """Raise unless Airtable could compute the field from those that stand above it.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    own = _table(felt.tabell, kolonner)
    if felt.navn in own:
        raise ValueError("the table has a field called so")
    has = (felt.formel is not None, felt.lenke is not None, felt.felt is not None, bool(felt.ser))
    wants = {
        "formula": (True, False, False, False),
        "rollup": (True, True, True, False),
        "multipleLookupValues": (False, True, True, False),
        "count": (False, True, False, False),
        "lastModifiedTime": (False, False, False, True),
        "lastModifiedBy": (False, False, False, True),
    }
    if has != wants[felt.type] or (felt.filter and felt.lenke is None):
        raise ValueError(f"`formel`, `lenke`, `felt`, `ser` or `filter` do not fit a {felt.type}")
    if GIVES.get(felt.type, felt.gir) != felt.gir:
        raise ValueError(f"a {felt.type} gives a {GIVES[felt.type]}")
    if (felt.desimaler is not None) != (felt.gir == "number" and felt.type in {"formula", "rollup"}):
        raise ValueError("`desimaler` is for formulas and rollups that give a number")
    if felt.hovedfelt and felt.type != "formula":
        raise ValueError(f"a {felt.type} cannot be a primary field")
    if felt.type == "formula":
        check_formula(str(felt.formel), {n: k.valg for n, k in own.items()})
        return
    if felt.lenke is None:
        for name in felt.ser:
            _column(name, own)
        return
    link = _column(felt.lenke, own)
    linked = kolonner.get(str(link.til))
    if link.til is None or linked is None:
        raise ValueError(f"{felt.lenke} is no link")
    if felt.felt is not None:
        _column(felt.felt, linked)
    if felt.type == "rollup":
        check_formula(str(felt.formel), {}, bare=frozenset({"values"}))
        if str(felt.formel).split("(")[0] not in ROLLUPS:
            raise ValueError(f"a rollup has no {felt.formel}")
    check_filter(felt.filter, linked)


def check_filter(conditions: Filter, own: Mapping[str, Kolonne], *, has_user: bool = False) -> None:
    """Raise for a condition that Airtable's filters do not offer.

    Parameters
    ----------
    own
        Fields of the table.
    has_user
        True where “Current user” can be chosen: on pages of interfaces.
    """
    for one in conditions:
        for condition in one.eller if isinstance(one, Gruppe) else (one,):
            try:
                _check_condition(condition, _column(condition.felt, own), has_user=has_user)
            except ValueError as error:
                raise ValueError(f"{condition.felt} {condition.er} {condition.verdi}: {error}") from None


def _check_condition(condition: Betingelse, column: Kolonne, *, has_user: bool) -> None:
    if condition.er not in OPERATORS[column.kind]:
        raise ValueError(f"a field of the kind {column.kind} has no operator {condition.er!r}")
    value = condition.verdi
    if (value is None) != (condition.er in EMPTY):
        raise ValueError("a value is missing or too much")
    if value is None:
        return
    if isinstance(value, tuple) != (condition.er in MANY):
        raise ValueError("a list of values goes with the operators that take several, and only with them")
    fits = {
        "number": isinstance(value, float | int),
        "checkbox": value in CHECKED,
        "date": bool((SPAN if condition.er == "is within" else DAY).fullmatch(str(value))),
        "person": has_user and value == CURRENT_USER,
        "select": bool(column.valg) and set(value if isinstance(value, tuple) else [value]) <= {*column.valg},
        "selects": bool(column.valg) and set(value if isinstance(value, tuple) else [value]) <= {*column.valg},
        "text": isinstance(value, str) and (not column.valg or condition.er not in EXACT or value in column.valg),
    }
    if not fits.get(column.kind, True):
        raise ValueError("that value is none of the field's")


def check_visning(view: Visning, kolonner: Kolonner) -> None:
    """Raise for a view that names what is not there, or that Airtable cannot make.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    own = _table(view.tabell, kolonner)
    check_filter(view.filter, own)
    _check_shown(view, own)
    if (view.type == "kanban") != (view.stabel is not None) or (view.type == "calendar") != (view.dato is not None):
        raise ValueError("a kanban needs `stabel`, a calendar needs `dato`, no other view does")
    if view.dato is not None and _column(view.dato, own).kind != "date":
        raise ValueError(f"{view.dato} is no date")
    if view.gruppering and view.type != "grid":
        raise ValueError("only a grid is grouped")


def _check_shown(view: Visning, own: Mapping[str, Kolonne]) -> None:
    """Raise unless fields, sorts, groups and the stack are fields of the table that can be used so."""
    for name in view.felt:
        _column(name, own)
    if len(set(view.felt)) != len(view.felt):
        raise ValueError("a field is shown twice")
    for sort in (*view.sortering, *view.gruppering):
        if _column(sort.felt, own).kind not in GROUPABLE:
            raise ValueError(f"Airtable does not sort or group by {sort.felt}")
    if view.stabel is not None and _column(view.stabel, own).kind not in {"select", "person"}:
        raise ValueError(f"a kanban is not stacked by {view.stabel}")


def check_automatisering(automation: Automatisering, kolonner: Kolonner) -> None:
    """Raise for a trigger or an action that names what is not there, or that sales may not write.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    own = _table(automation.utloeser.tabell, kolonner)
    check_filter(automation.utloeser.filter, own)
    for one in (one for action in automation.handling for one in action.sett):
        column = _column(one.felt, own)
        if not column.is_open:
            raise ValueError(f"{one.felt} is not sales' to write")
        if column.valg and one.verdi not in column.valg:
            raise ValueError(f"{one.verdi!r} is no option of {one.felt}")
        if column.kind == "date" and one.verdi != NOW:
            raise ValueError(f"{one.felt} is a date: it takes {NOW!r}")


def check_side(page: Side, kolonner: Kolonner, *, views: Mapping[tuple[str, str], Visning]) -> None:
    """Raise for a page that names what is not there.

    Parameters
    ----------
    views
        Table and name → view.

    Raises
    ------
    ValueError
        Naming what is wrong.
    """
    own = _table(page.tabell, kolonner)
    view = views.get((page.tabell, page.visning))
    if view is None:
        raise ValueError(f"{page.tabell} has no view {page.visning}")
    check_filter(page.filter, own, has_user=True)
    _check_shown(page.seen(view), own)
    if page.gruppering and view.type != "grid":
        raise ValueError("only a grid is grouped")
    for layout in ("Kanban", "Calendar"):
        if (page.layout == layout) != (view.type == layout.lower()):
            raise ValueError(f"a {view.type} view is no {page.layout}")


def _table(name: str, kolonner: Kolonner) -> Mapping[str, Kolonne]:
    if name not in kolonner:
        raise ValueError(f"{name} is no table")
    return kolonner[name]


def _column(name: str, own: Mapping[str, Kolonne]) -> Kolonne:
    if name not in own:
        raise ValueError(f"{name} is no field of the table")
    return own[name]
