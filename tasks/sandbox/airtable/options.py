"""Options of fields: what Airtable wants, allows and answers when a field of a type is created."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from tasks.sandbox.airtable.ids import new_id

Options = dict[str, Any]

HUES = ("blue", "cyan", "teal", "green", "yellow", "orange", "red", "pink", "purple", "gray")
COLORS = frozenset(f"{hue}{shade}" for hue in HUES for shade in ("Light2", "Light1", "Bright", "Dark1"))
"""Of select options."""
BRIGHT = frozenset(f"{hue}Bright" for hue in HUES)
"""Of checkboxes and ratings."""
CHECK_ICONS = frozenset({"check", "xCheckbox", "star", "heart", "thumbsUp", "flag", "dot"})
RATING_ICONS = frozenset({"star", "heart", "thumbsUp", "flag", "dot"})
DATE_FORMATS = {"local": "l", "friendly": "LL", "us": "M/D/YYYY", "european": "D/M/YYYY", "iso": "YYYY-MM-DD"}
TIME_FORMATS = {"12hour": "h:mma", "24hour": "HH:mm"}
DURATIONS = frozenset({"h:mm", "h:mm:ss", "h:mm:ss.S", "h:mm:ss.SS", "h:mm:ss.SSS"})


def check_options(kind: str, given: Any) -> Options | None:
    """Return the options that a new field of this type keeps; None for a type that takes none.

    Links are made by the schema module, which knows the tables.

    Raises
    ------
    KeyError
        For an unknown type.
    ValueError
        For options missing, unknown or of the wrong form.
    """
    if kind in PLAIN:
        if given:
            raise ValueError(given)
        return None
    if not isinstance(given, dict | None):
        raise ValueError(given)
    return _KINDS[kind](given or {})


PLAIN = frozenset(
    {"singleLineText", "multilineText", "richText", "email", "url", "phoneNumber", "barcode", "singleCollaborator",
     "multipleCollaborators"}
)  # fmt: skip


def _need(given: Options, **checks: Callable[[Any], bool]) -> Options:
    if set(given) != set(checks) or not all(check(given[name]) for name, check in checks.items()):
        raise ValueError(given)
    return dict(given)


def _one_of(allowed: frozenset[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in allowed


def _up_to(most: int, least: int = 0) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


def _choices(given: Options) -> Options:
    _need(given, choices=lambda value: isinstance(value, list) and all(isinstance(c, dict) for c in value))
    choices: list[dict[str, str]] = []
    for n, choice in enumerate(given["choices"]):
        name, color = choice.get("name"), choice.get("color", f"{HUES[n % len(HUES)]}Light2")
        if set(choice) - {"name", "color"} or not isinstance(name, str) or not 0 < len(name.strip()) <= 10_000:
            raise ValueError(choice)
        if name in {c["name"] for c in choices} or not _one_of(COLORS)(color):
            raise ValueError(choice)
        choices.append({"id": new_id("sel"), "name": name, "color": color})
    return {"choices": choices}


def _format(given: Any, formats: Mapping[str, str]) -> Options:
    """Return a date or time format with its pattern, which a client may leave out."""
    name = given.get("name") if isinstance(given, dict) else None
    if not isinstance(name, str) or name not in formats or set(given) - {"name", "format"}:
        raise ValueError(given)
    if given.get("format", formats[name]) != formats[name]:
        raise ValueError(given)
    return {"name": name, "format": formats[name]}


@cache
def _zones() -> frozenset[str]:
    return frozenset({"client", "utc"} | available_timezones())


def _date(given: Options) -> Options:
    _need(given, dateFormat=bool)
    return {"dateFormat": _format(given["dateFormat"], DATE_FORMATS)}


def _date_time(given: Options) -> Options:
    _need(given, dateFormat=bool, timeFormat=bool, timeZone=_one_of(_zones()))
    return {
        "dateFormat": _format(given["dateFormat"], DATE_FORMATS),
        "timeFormat": _format(given["timeFormat"], TIME_FORMATS),
        "timeZone": given["timeZone"],
    }


def _attachments(given: Options) -> Options:
    if set(given) - {"isReversed"} or not isinstance(given.get("isReversed"), bool | None):
        raise ValueError(given)
    return {"isReversed": bool(given.get("isReversed"))}


_KINDS: Mapping[str, Callable[[Options], Options]] = {
    "number": lambda given: _need(given, precision=_up_to(8)),
    "percent": lambda given: _need(given, precision=_up_to(8)),
    "currency": lambda given: _need(given, precision=_up_to(7), symbol=lambda s: isinstance(s, str) and len(s) <= 10),
    "checkbox": lambda given: _need(given, icon=_one_of(CHECK_ICONS), color=_one_of(BRIGHT)),
    "rating": lambda given: _need(given, icon=_one_of(RATING_ICONS), color=_one_of(BRIGHT), max=_up_to(10, 1)),
    "duration": lambda given: _need(given, durationFormat=_one_of(DURATIONS)),
    "singleSelect": _choices,
    "multipleSelects": _choices,
    "date": _date,
    "dateTime": _date_time,
    "multipleAttachments": _attachments,
}
