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

from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.ids import new_id

Field = dict[str, Any]
TEXT_TYPES = frozenset({"singleLineText", "multilineText", "richText", "email", "url", "phoneNumber"})
NUMBER_TYPES = frozenset({"number", "percent", "currency", "duration"})
MAX_TEXT = 100_000
"""Characters in one long-text cell."""


def refuse(field: Field) -> ApiError:
    """Return the refusal of a value of the wrong type."""
    return ApiError(422, "INVALID_VALUE_FOR_COLUMN", f'Field "{field["name"]}" cannot accept the provided value')


def is_empty(value: Any) -> bool:
    """Return True for what Airtable leaves out of its answers."""
    return value is None or value is False or value in ("", [])


def clean(field: Field, value: Any, *, typecast: bool) -> Any:
    """Return a value as it is kept, or None for an empty cell.

    Links are checked against their table by the caller, which knows it.

    Raises
    ------
    ApiError
        422 for a value that the type does not take.
    """
    if value is None:
        return None
    kind = field["type"]
    if kind in TEXT_TYPES:
        return _text(field, value, typecast)
    if kind in NUMBER_TYPES or kind == "rating":
        return _number(field, value, typecast)
    cleaner = _CLEANERS.get(kind)
    if cleaner is None:
        raise ApiError(
            422,
            "INVALID_VALUE_FOR_COLUMN",
            f'Field "{field["name"]}" cannot accept a value because the field is computed',
        )
    return cleaner(field, value, typecast)


def _text(field: Field, value: Any, typecast: bool) -> str | None:
    if typecast and isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        raise refuse(field)
    if field["type"] == "singleLineText":
        value = re.sub(r"[\r\n]+", " ", value)
    return value or None


def _number(field: Field, value: Any, typecast: bool) -> float | int | None:
    if typecast and isinstance(value, str):
        try:
            value = float(value.replace(" ", "").replace(",", ""))
        except ValueError:
            return None
        value = int(value) if value.is_integer() else value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise refuse(field)
    if field["type"] == "rating":
        if int(value) != value or not 0 <= value <= field["options"]["max"]:
            raise refuse(field)
        return int(value) or None
    return value


def _checkbox(field: Field, value: Any, typecast: bool) -> bool | None:
    if typecast and isinstance(value, str | int):
        value = str(value).lower() in {"true", "1", "yes", "checked"}
    if not isinstance(value, bool):
        raise refuse(field)
    return value or None


def _date(field: Field, value: Any, typecast: bool) -> str | None:
    if not isinstance(value, str):
        raise refuse(field)
    if not value:
        return None
    try:
        return date.fromisoformat(value[:10]).isoformat() if typecast else date.fromisoformat(value).isoformat()
    except ValueError:
        raise refuse(field) from None


def _date_time(field: Field, value: Any, typecast: bool) -> str | None:
    if not isinstance(value, str):
        raise refuse(field)
    if not value:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise refuse(field) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _choice(field: Field, value: Any, typecast: bool) -> str:
    if not isinstance(value, str):
        raise refuse(field)
    choices = field["options"]["choices"]
    name = value.strip() if typecast else value
    if name not in {c["name"] for c in choices}:
        if not typecast:
            raise ApiError(
                422,
                "INVALID_MULTIPLE_CHOICE_OPTIONS",
                f'Insufficient permissions to create new select option ""{name}""',
            )
        choices.append({"id": new_id("sel"), "name": name, "color": "blueLight2"})
    return name


def _single_select(field: Field, value: Any, typecast: bool) -> str | None:
    return None if value == "" else _choice(field, value, typecast)


def _multiple_selects(field: Field, value: Any, typecast: bool) -> list[str] | None:
    if typecast and isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list):
        raise refuse(field)
    return list(dict.fromkeys(_choice(field, v, typecast) for v in value)) or None


def _links(field: Field, value: Any, typecast: bool) -> list[str] | None:
    if typecast and isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise refuse(field)
    return list(dict.fromkeys(value)) or None


def _collaborator(field: Field, value: Any, typecast: bool) -> dict[str, str] | None:
    if not isinstance(value, dict) or not (isinstance(value.get("id"), str) or isinstance(value.get("email"), str)):
        raise refuse(field)
    return {key: str(value[key]) for key in ("id", "email", "name") if key in value}


def _collaborators(field: Field, value: Any, typecast: bool) -> list[dict[str, str]] | None:
    if not isinstance(value, list):
        raise refuse(field)
    return [c for c in (_collaborator(field, v, typecast) for v in value) if c] or None


def _barcode(field: Field, value: Any, typecast: bool) -> dict[str, str] | None:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise refuse(field)
    return {key: str(value[key]) for key in ("text", "type") if value.get(key) is not None}


def _attachments(field: Field, value: Any, typecast: bool) -> list[dict[str, Any]] | None:
    """Take what is there already, by id: files come by uploadAttachment, never fetched from an address."""
    if not isinstance(value, list) or not all(isinstance(v, dict) and isinstance(v.get("id"), str) for v in value):
        raise ApiError(422, "INVALID_ATTACHMENT_OBJECT", "Give the id of an attachment; addresses are not fetched.")
    return value or None


_CLEANERS: Mapping[str, Callable[[Field, Any, bool], Any]] = {
    "checkbox": _checkbox,
    "date": _date,
    "dateTime": _date_time,
    "singleSelect": _single_select,
    "multipleSelects": _multiple_selects,
    "multipleRecordLinks": _links,
    "multipleAttachments": _attachments,
    "singleCollaborator": _collaborator,
    "multipleCollaborators": _collaborators,
    "barcode": _barcode,
}
