"""A field in a form: the control for its type, what it shows of a cell, and what was typed, read back.

A control carries what it showed beside what was typed, so that only what somebody changed is written, and nobody's
change meanwhile is lost. Links, files, options and people of a list are changed one by one: what is ticked off and what
is added, never the whole list.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as part
from typing import Any

from tasks.sandbox.airtable.actor import PEOPLE
from tasks.sandbox.airtable.links import LINK
from tasks.sandbox.airtable.pages import norsk
from tasks.sandbox.airtable.pages.cells import label
from tasks.sandbox.airtable.pages.people import person
from tasks.sandbox.airtable.values import NUMBER_TYPES, Field

FILES = "multipleAttachments"
KINDS: Mapping[str, str] = {
    **dict.fromkeys(("multilineText", "richText"), "long"),
    **dict.fromkeys(NUMBER_TYPES, "number"),
    "email": "email",
    "url": "url",
    "phoneNumber": "tel",
    "rating": "choice",
    "checkbox": "check",
    "date": "date",
    "dateTime": "time",
    "singleSelect": "choice",
    "singleCollaborator": "choice",
    "multipleSelects": "choices",
    "multipleCollaborators": "choices",
    LINK: "links",
    FILES: "files",
}
"""Type → kind of control; a plain text box for the rest."""


Reader = Callable[[Field, str, Any], Any]
"""Field, what was typed and the cell as it is → the value as the Web API takes it."""


class TypedError(ValueError):
    """What was typed is no value of the field; the text is for the person who typed it."""


@dataclass
class Control:
    """One field of a form, as the template draws it.

    Attributes
    ----------
    kind
        Of `KINDS`, or ``text``.
    text
        What a control of one value shows; of a link, what is searched for.
    was
        What it showed when the form was first opened.
    options
        Value and label of what can be chosen.
    chosen
        Values that are ticked.
    there
        Address, label and id of the links or files in the cell.
    gone
        Ids among them that are ticked off.
    more
        How many links the cell has beside those shown.
    error
        What is wrong with it.
    """

    field: Field
    kind: str
    text: str = ""
    was: str = ""
    options: list[tuple[str, str]] = part(default_factory=list)
    chosen: list[str] = part(default_factory=list)
    there: list[tuple[str, str, str]] = part(default_factory=list)
    gone: list[str] = part(default_factory=list)
    more: int = 0
    error: str = ""


def kind_of(field: Field) -> str:
    """Return the kind of control of a field."""
    return KINDS.get(field["type"], "text")


def options_of(field: Field, value: Any) -> list[tuple[str, str]]:
    """Return value and label of what can be chosen; people who are in the cell already stay to be chosen."""
    options = field.get("options") or {}
    match field["type"]:
        case "singleSelect" | "multipleSelects":
            return [(c["name"], c["name"]) for c in options.get("choices", [])]
        case "rating":
            return [(str(n), f"{n} av {options['max']}") for n in range(1, options["max"] + 1)]
        case "singleCollaborator" | "multipleCollaborators":
            there = value if isinstance(value, list) else [value] if value else []
            others = [(v["id"], label(v)) for v in there if person(v["id"]) is None]
            return [(p.id, p.name) for p in PEOPLE] + others
    return []


# --- one value ---


def shown(field: Field, value: Any) -> str:
    """Return what a control of one value shows."""
    if value is None:
        return ""
    return _SHOWN.get(field["type"], _plain)(field, value)


def _plain(field: Field, value: Any) -> str:
    return str(value).replace("\r\n", "\n")


def _moment(field: Field, value: str) -> str:
    moment = norsk.local(value, field["options"]["timeZone"])
    return value if moment is None else f"{norsk.day_text(moment.date().isoformat())} {moment:%H:%M}"


_SHOWN: Mapping[str, Callable[[Field, Any], str]] = {
    **dict.fromkeys(NUMBER_TYPES, lambda field, value: norsk.exact_text(value, field)),
    "checkbox": lambda field, value: "1",
    "date": lambda field, value: norsk.day_text(value),
    "dateTime": _moment,
    "singleCollaborator": lambda field, value: str(value["id"]),
    "barcode": lambda field, value: str(value["text"]),
}


def typed(field: Field, text: str, *, there: Any) -> Any:
    """Return what was typed or chosen as the Web API takes it; None for nothing.

    Parameters
    ----------
    there
        The cell as it is.

    Raises
    ------
    TypedError
        When it is no value of the field's type.
    """
    if text == "":
        return None
    try:
        read: Reader = _TYPED.get(field["type"], _as_it_is)
        return read(field, text, there)
    except ValueError:
        quoted = text if len(text) <= 60 else f"{text[:60]}…"
        raise TypedError(f"«{quoted}» er {_WANTED.get(field['type'], 'ikke en verdi feltet tar imot')}.") from None


def _as_it_is(field: Field, text: str, there: Any) -> str:
    return text


def _rating(field: Field, text: str, there: Any) -> int:
    if text not in dict(options_of(field, None)):
        raise ValueError(text)
    return int(text)


def _person(field: Field, text: str, there: Any) -> dict[str, str]:
    if isinstance(there, dict) and there.get("id") == text:
        return there
    return _known_person(text)


def _known_person(person_id: str) -> dict[str, str]:
    found = person(person_id)
    if found is None:
        raise ValueError(person_id)
    return {"id": found.id, "email": found.email, "name": found.name}


_TYPED: Mapping[str, Reader] = {
    **dict.fromkeys(NUMBER_TYPES, lambda field, text, there: norsk.number_of(text, field)),
    "rating": _rating,
    "checkbox": lambda field, text, there: True,
    "date": lambda field, text, there: norsk.day_of(text),
    "dateTime": lambda field, text, there: norsk.moment_of(text, field["options"]["timeZone"]),
    "singleCollaborator": _person,
    "barcode": lambda field, text, there: {"text": text},
}
_WANTED = {
    **dict.fromkeys(("number", "percent", "currency"), "ikke et tall. Skriv for eksempel 1 234,5"),
    "duration": "ikke en varighet. Skriv for eksempel 1:30",
    "date": "ikke en dato. Skriv for eksempel 24.12.2026",
    "dateTime": "ikke en dato med klokkeslett. Skriv for eksempel 24.12.2026 10:30",
    "singleSelect": "ikke et av valgene",
    "rating": "ikke et av valgene",
    "singleCollaborator": "ingen som kan velges",
}


def refused(field: Field) -> str:
    """Return what to say of a value that Airtable itself does not take."""
    match field["type"]:
        case "singleSelect" | "multipleSelects":
            return "Valget finnes ikke i feltet."
        case kind if kind in NUMBER_TYPES:
            return "Tallet er for stort."
        case "dateTime":
            return "Tidspunktet er utenfor kalenderen."
    return "Airtable tar ikke imot dette i feltet. En tekst kan ha høyst 100 000 tegn."


# --- several options or people ---


def ticked(field: Field, value: Any) -> list[str]:
    """Return the values that are ticked for a cell of several options or people."""
    return [v if isinstance(v, str) else v["id"] for v in value or []]


def as_was(values: list[str]) -> str:
    """Return what was ticked as one text, for the form to carry."""
    return json.dumps(sorted(values), ensure_ascii=False)


def was_ticked(text: str) -> list[str]:
    """Return what a form says was ticked; nothing for what is no such text."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return []
    return [v for v in values if isinstance(v, str)] if isinstance(values, list) else []


def with_ticks(field: Field, there: Any, *, added: list[str], removed: list[str]) -> list[Any]:
    """Return a cell of several options or people with some added and some taken away.

    Raises
    ------
    TypedError
        For somebody who cannot be chosen.
    """
    kept = [v for v in there or [] if (v if isinstance(v, str) else v["id"]) not in removed]
    have = set(ticked(field, kept))
    new = [a for a in added if a not in have]
    if field["type"] == "multipleSelects":
        return kept + new
    try:
        return kept + [_known_person(a) for a in new]
    except ValueError:
        raise TypedError("Det er ingen som kan velges.") from None
