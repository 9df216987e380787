"""Cell values by field type: what Airtable accepts, what it refuses, what it answers.

`clean` checks a value that a client sent and returns it as it is kept; empty values become None and are left out of
answers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from tasks.sandbox.airtable.errors import ApiError, wrong_value
from tasks.sandbox.airtable.ids import new_id

Field = dict[str, Any]
TEXT_TYPES = frozenset({"singleLineText", "multilineText", "richText", "email", "url", "phoneNumber"})
NUMBER_TYPES = frozenset({"number", "percent", "currency", "duration"})
MAX_TEXT = 100_000
"""Characters in one long-text cell."""
EXACT = 2**53
"""Above it Airtable's numbers, doubles as in JavaScript, no longer hold every whole number."""
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def is_empty(value: Any) -> bool:
    """Return True for what Airtable leaves out of its answers."""
    return value is None or value is False or value in ("", [])


def clean(field: Field, value: Any, *, typecast: bool) -> Any:
    """Return a value as it is kept, or None for an empty cell.

    Links and attachments are checked against what exists by the caller, which knows it.

    Parameters
    ----------
    typecast
        Convert what can be converted, and add select options that are new to `field`.

    Raises
    ------
    ApiError
        422 for a value that the type does not take.
    """
    kind = field["type"]
    cleaner = _CLEANERS.get(kind)
    if cleaner is None:
        raise ApiError(
            422,
            "INVALID_VALUE_FOR_COLUMN",
            f'Field "{field["name"]}" cannot accept a value because the field is computed',
        )
    if value is None or (typecast and value == ""):
        return None
    return cleaner(field, value, typecast)


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
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise wrong_value(field["name"])
    return value


def _number(field: Field, value: Any, typecast: bool) -> float | int | None:
    if typecast and isinstance(value, str):
        text = value.replace(" ", "").replace("\u00a0", "").replace(",", "")
        if not NUMBER.fullmatch(text):
            return None
        value = float(text)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_value(field["name"])
    number = as_number(value)
    if number is None:
        raise wrong_value(field["name"])
    return number


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
    day = value[:10] if typecast and isinstance(value, str) else value
    if not isinstance(day, str) or not DAY.fullmatch(day):
        raise wrong_value(field["name"])
    try:
        return date.fromisoformat(day).isoformat()
    except ValueError:
        raise wrong_value(field["name"]) from None


def _date_time(field: Field, value: Any, typecast: bool) -> str:
    if not isinstance(value, str) or not DAY.match(value):
        raise wrong_value(field["name"])
    try:
        moment = datetime.fromisoformat(value)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong_value(field["name"]) from None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _choice(field: Field, value: Any, typecast: bool) -> str:
    if not isinstance(value, str):
        raise wrong_value(field["name"])
    choices = field["options"]["choices"]
    name = value.strip() if typecast else value
    if name not in {c["name"] for c in choices}:
        if not typecast or not name:
            raise ApiError(
                422,
                "INVALID_MULTIPLE_CHOICE_OPTIONS",
                f'Insufficient permissions to create new select option ""{name}""',
            )
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
    if not isinstance(value, dict) or not (isinstance(value.get("id"), str) or isinstance(value.get("email"), str)):
        raise wrong_value(field["name"])
    return {key: value[key] for key in ("id", "email", "name") if isinstance(value.get(key), str)}


def _collaborators(field: Field, value: Any, typecast: bool) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise wrong_value(field["name"])
    return [_collaborator(field, v, typecast) for v in value]


def _barcode(field: Field, value: Any, typecast: bool) -> dict[str, str]:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise wrong_value(field["name"])
    return {key: value[key] for key in ("text", "type") if isinstance(value.get(key), str)}


def _attachments(field: Field, value: Any, typecast: bool) -> list[dict[str, Any]]:
    """Take what is there already, by id: files come by uploadAttachment, never fetched from an address."""
    if not isinstance(value, list) or not all(isinstance(v, dict) and isinstance(v.get("id"), str) for v in value):
        raise ApiError(422, "INVALID_ATTACHMENT_OBJECT", "Give the id of an attachment; addresses are not fetched.")
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
