"""Cell values by field type: what Airtable accepts, what it refuses, what it answers.

`clean` checks a value that a client sent and returns it as it is kept; empty values become None and are left out of
answers.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from tasks.sandbox.airtable.actor import People, known
from tasks.sandbox.airtable.errors import bad_attachment, computed_field, no_option, wrong_value
from tasks.sandbox.airtable.ids import is_id, new_id

Field = dict[str, Any]
TEXT_TYPES = frozenset({"singleLineText", "multilineText", "richText", "email", "url", "phoneNumber"})
NUMBER_TYPES = frozenset({"number", "percent", "currency", "duration"})
COLLABORATORS = frozenset({"singleCollaborator", "multipleCollaborators"})
COMPUTED = frozenset(
    {"formula", "rollup", "multipleLookupValues", "count", "createdTime", "lastModifiedTime", "createdBy",
     "lastModifiedBy", "autoNumber"}
)  # fmt: skip
"""Types whose cells nobody writes."""
MAX_TEXT = 100_000
"""Characters in one long-text cell, as JavaScript counts them: units of UTF-16."""
EXACT = 2**53
"""Above it Airtable's numbers, doubles as in JavaScript, no longer hold every whole number."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?", re.ASCII)
SLASHED = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4})(?=\D|$)", re.ASCII)
CLOCK = re.compile(r"(-?)(\d{1,6}):([0-5]\d)(?::([0-5]\d))?", re.ASCII)


def is_empty(value: Any) -> bool:
    """Return True for what Airtable leaves out of its answers."""
    return value is None or value is False or value in ("", [])


def clean(field: Field, value: Any, *, typecast: bool, people: People | None = None) -> Any:
    """Return a value as it is kept, or None for an empty cell.

    Links and attachments are checked against what exists by the caller, which knows it.

    Parameters
    ----------
    typecast
        Convert what can be converted, and add select options that are new to `field`.
    people
        Who may stand in a cell; anyone may when None.

    Raises
    ------
    ApiError
        422 for a value that the type does not take.
    """
    kind = field["type"]
    cleaner = _CLEANERS.get(kind)
    if cleaner is None:
        raise computed_field(field["name"])
    if value is None or (typecast and value == ""):
        return None
    cell = cleaner(field, value, typecast)
    if people is None or kind not in COLLABORATORS:
        return cell
    return [_one_of(people, field, p) for p in cell] if isinstance(cell, list) else _one_of(people, field, cell)


def names_new_option(field: Field, value: Any) -> bool:
    """Return True when a value for a select field may name an option that the field does not have."""
    there = {c["name"] for c in field["options"]["choices"]}
    named = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return any(isinstance(name, str) and name.strip() not in there for name in named)


def as_number(value: float) -> float | int | None:
    """Return a number as a double would be answered: 3.0 is 3, −0 is 0, beyond 2⁵³ it is rounded; None for none."""
    try:
        double = float(value)
    except OverflowError:
        return None
    if not math.isfinite(double):
        return None
    return int(double) if double.is_integer() and abs(double) <= EXACT else double


def _text(field: Field, value: Any, typecast: bool) -> str:
    if typecast and isinstance(value, bool):
        value = str(value).lower()
    elif typecast and isinstance(value, int | float):
        value = str(as_number(value))
    if not isinstance(value, str) or _units(value) > MAX_TEXT:
        raise wrong_value(field["name"])
    return value


def _units(text: str) -> int:
    """Return how many units of UTF-16 a text has: two for a letter beyond the first plane."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _number(field: Field, value: Any, typecast: bool) -> float | int | None:
    if typecast and isinstance(value, str):
        value = _number_in(field, value)
        if value is None:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_value(field["name"])
    number = as_number(value)
    if number is None:
        raise wrong_value(field["name"])
    return number


def _number_in(field: Field, text: str) -> float | None:
    """Return the number that a text holds, with the unit of its field; None for none."""
    if field["type"] == "duration" and (clock := CLOCK.fullmatch(text.strip())):
        sign, first, second, third = clock.groups()
        seconds = int(first) * 3600 + int(second) * 60 + int(third or 0)
        return -seconds if sign else seconds
    bare = text.replace(" ", "").replace("\u00a0", "").replace(",", "")
    if field["type"] == "currency":
        bare = bare.replace(field["options"]["symbol"].strip(), "")
    is_share = field["type"] == "percent" and bare.endswith("%")
    bare = bare.removesuffix("%") if is_share else bare
    if not NUMBER.fullmatch(bare):
        return None
    return float(bare) / 100 if is_share else float(bare)


def _rating(field: Field, value: Any, typecast: bool) -> int | None:
    number = _number(field, value, typecast)
    if number is None:
        return None
    if not isinstance(number, int) or not 0 <= number <= field["options"]["max"]:
        raise wrong_value(field["name"])
    return number or None


def _checkbox(field: Field, value: Any, typecast: bool) -> bool:
    if typecast and isinstance(value, str | int):
        value = str(value).lower() in {"true", "1", "yes", "checked"}
    if not isinstance(value, bool):
        raise wrong_value(field["name"])
    return value


def _date(field: Field, value: Any, typecast: bool) -> str:
    day = _iso_moment(field, value)[:10] if typecast and isinstance(value, str) else value
    if not isinstance(day, str) or not DAY.fullmatch(day):
        raise wrong_value(field["name"])
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise wrong_value(field["name"]) from None


def _iso_moment(field: Field, text: str) -> str:
    """Return a text with a leading day as 28/2/2026 or 28.02.2026 in ISO 8601; "" for what names no moment.

    The format of the field says whether the month stands first; where it does not, 1/2/2026 may be either day, and is
    neither.
    """
    text = text.strip()
    if (match := SLASHED.match(text)) is not None:
        one, two, year = match.groups()
        order = field["options"]["dateFormat"]["name"]
        if order == "us" or (order != "european" and int(two) > 12):
            one, two = two, one
        elif order != "european" and int(one) <= 12 and int(one) != int(two):
            return ""
        text = f"{year}-{two:0>2}-{one:0>2}{text[match.end() :]}"
    text = text.replace(" ", "T", 1)
    return text if MOMENT.fullmatch(text) else ""


def _date_time(field: Field, value: Any, typecast: bool) -> str:
    """Take a moment in ISO 8601; without an offset it is one in the field's own time zone.

    Source: Airtable's Web API, “Field types and cell values” (airtable.com/developers/web/api/field-model#dateandtime).
    """
    value = _iso_moment(field, value) if typecast and isinstance(value, str) else value
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise wrong_value(field["name"])
    try:
        moment = datetime.fromisoformat(value)
        moment = (moment if moment.tzinfo is not None else moment.replace(tzinfo=_zone(field))).astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong_value(field["name"]) from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _zone(field: Field) -> tzinfo:
    name = (field.get("options") or {}).get("timeZone", "utc")
    return UTC if name in {"utc", "client"} else ZoneInfo(name)


def _choice(field: Field, value: Any, typecast: bool) -> str:
    if not isinstance(value, str):
        raise wrong_value(field["name"])
    choices = field["options"]["choices"]
    name = value.strip() if typecast else value
    if not any(c["name"] == name for c in choices):
        if not typecast or not name:
            raise no_option(name)
        choices.append({"id": new_id("sel"), "name": name, "color": "blueLight2"})
    return name


def _multiple_selects(field: Field, value: Any, typecast: bool) -> list[str]:
    if typecast and isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        raise wrong_value(field["name"])
    return list(dict.fromkeys(_choice(field, v, typecast) for v in value))


def _links(field: Field, value: Any, typecast: bool) -> list[str]:
    if typecast and isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise wrong_value(field["name"])
    return list(dict.fromkeys(value))


def _collaborator(field: Field, value: Any, typecast: bool) -> dict[str, str]:
    """Take a person by id or email, in full when it is one of the made-up team."""
    if typecast and isinstance(value, str):
        value = {"id" if is_id(value.strip(), "usr") else "email": value.strip()}
    if not isinstance(value, dict):
        raise wrong_value(field["name"])
    person = {key: value[key] for key in ("id", "email", "name") if isinstance(value.get(key), str)}
    if "id" in value and not is_id(value["id"], "usr"):
        raise wrong_value(field["name"])
    if not person.get("id") and not person.get("email"):
        raise wrong_value(field["name"])
    if (actor := known(person)) is not None:
        return actor.as_cell()
    if not person.get("id"):
        digest = hashlib.sha256(person["email"].casefold().encode()).hexdigest()
        person = {"id": "usr" + digest[:14], **person}  # the same person has the same id in every answer
    return person


def _collaborators(field: Field, value: Any, typecast: bool) -> list[dict[str, str]]:
    if typecast and isinstance(value, str):
        value = [part for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        raise wrong_value(field["name"])
    return [_collaborator(field, v, typecast) for v in value]


def _one_of(people: People, field: Field, person: dict[str, str]) -> dict[str, str]:
    """Return a person who has access to the base, in full."""
    if (actor := people.find(person)) is None:
        raise wrong_value(field["name"])
    return actor.as_cell()


def _barcode(field: Field, value: Any, typecast: bool) -> dict[str, str]:
    if typecast and isinstance(value, str):
        value = {"text": value}
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise wrong_value(field["name"])
    return {key: value[key] for key in ("text", "type") if isinstance(value.get(key), str)}


def _attachments(field: Field, value: Any, typecast: bool) -> list[dict[str, Any]]:
    """Take files by id; whoever writes the cell knows which are there, and has fetched those named by an address."""
    if not isinstance(value, list) or not all(isinstance(v, dict) and isinstance(v.get("id"), str) for v in value):
        raise bad_attachment()
    return value


_CLEANERS: Mapping[str, Callable[[Field, Any, bool], Any]] = {
    **dict.fromkeys(TEXT_TYPES, _text),
    **dict.fromkeys(NUMBER_TYPES, _number),
    "rating": _rating,
    "checkbox": _checkbox,
    "date": _date,
    "dateTime": _date_time,
    "singleSelect": _choice,
    "multipleSelects": _multiple_selects,
    "multipleRecordLinks": _links,
    "multipleAttachments": _attachments,
    "singleCollaborator": _collaborator,
    "multipleCollaborators": _collaborators,
    "barcode": _barcode,
}
