"""The values of one column of a vector file: text or numbers, whatever the file holds; several a row where asked for.

A list of one value is that value (a GML element that may be repeated comes as a list), bytes are the text that they
spell in UTF-8, and a decimal number is what a whole number would be. What has no text of its own (dates, structures,
several values where one is meant) is refused with its rows: read as some text, it would be taken for another code or
another id in silence.
"""

from __future__ import annotations

import json
import math
import uuid
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from tasks.errors import SourceError
from tasks.sources.flat import text

ROWS_SHOWN = 5
NULLABLE = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
"""As floats, which pandas makes of whole numbers with gaps, long ids would run into each other."""


@dataclass(frozen=True)
class Uleselig:
    """A value that is known by its type alone."""

    slag: str


class _NoTextError(ValueError):
    """Says what a value is that has no text."""


def from_arrow(column: pa.ChunkedArray) -> pd.Series:
    """Return a column of an Arrow table, numbered from 0; what cannot be had as a value is `Uleselig`.

    Raises
    ------
    pyarrow.ArrowInvalid
        For text that is not UTF-8.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return from_arrow(column.cast(kind.value_type))
    if pa.types.is_temporal(kind):
        return _unreadable(column)
    if pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType):
        try:
            return pd.Series(column.to_pylist(), dtype=object)
        except (ValueError, OverflowError):  # years that no calendar has, text that is not UTF-8
            return _unreadable(column)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        column.validate(full=True)
    series: pd.Series = column.to_pandas(types_mapper=NULLABLE.get if column.null_count else None)
    return series.reset_index(drop=True)


def _unreadable(column: pa.ChunkedArray) -> pd.Series:
    value = Uleselig(str(column.type))
    return pd.Series([value if there else None for there in column.is_valid().to_pylist()], dtype=object)


def plain(values: pd.Series, *, path: Path, column: str, flere: bool = False) -> pd.Series:
    """Return values as text or numbers, None for nothing; numbers and text stay as they are.

    Parameters
    ----------
    path, column
        For messages: the file, and what the column is called in it.
    flere
        True where a row may have several: lists of text then stay lists.

    Raises
    ------
    SourceError
        Naming file, column and the first rows whose values have no text.
    """
    if pd.api.types.is_numeric_dtype(values.dtype) or isinstance(values.dtype, pd.StringDtype):
        return values
    found: list[str | list[str] | None] = []
    odd: list[str] = []
    for row, value in enumerate(values, start=1):
        try:
            found.append(_several(value) if flere and _is_list(value) else _one(value))
        except _NoTextError as error:
            odd.append(f"{row} ({error})")
    if odd:
        more = f" and {len(odd) - ROWS_SHOWN} more" if len(odd) > ROWS_SHOWN else ""
        raise SourceError(
            f"{path}: column {column!r} has no text or number in row {', '.join(odd[:ROWS_SHOWN])}{more}. "
            f"Write {'texts or numbers' if flere else 'one a row'}, or leave the column out."
        )
    return pd.Series(found, dtype=object if flere else "str")


def _is_list(value: Any) -> bool:
    return isinstance(value, list | tuple | set | np.ndarray)


def _several(value: Any) -> list[str]:
    return [text for part in value if (text := _one(part)) is not None]


def _one(value: Any) -> str | None:
    """Return the text of a value, None for nothing.

    Raises
    ------
    _NoTextError
        Where it has none.
    """
    while _is_list(value):
        parts = [part for part in value if part is not None]
        if len(parts) > 1:
            raise _NoTextError(f"a list of {len(parts)}")
        value = parts[0] if parts else None
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic) and not isinstance(value, np.datetime64 | np.timedelta64):
        value = value.item()
    if isinstance(value, str | uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        return _spelt(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return _number(value)
    raise _NoTextError(value.slag if isinstance(value, Uleselig) else type(value).__name__)


def _spelt(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise _NoTextError("bytes that are not UTF-8") from None


def _number(value: float | Decimal) -> str | None:
    """Return a number without a false fraction: `12.00` and `12.0` are "12"; None for one that is not finite."""
    if not math.isfinite(value):
        return None
    if value == int(value):
        return str(int(value))
    return format(value, "f").rstrip("0") if isinstance(value, Decimal) else repr(value)


# --- everything as text ---


def as_text(column: pa.Array) -> list[str | None] | None:
    """Return the values of any column as text, as the services write them; None for a column of bytes.

    A whole number loses its false fraction, a date is written after ISO 8601, a list of one value is that value, and
    what else has several is JSON.
    """
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return _extended(column)
    if pa.types.is_dictionary(kind):
        return as_text(column.cast(kind.value_type))
    if _is_binary(kind):
        return None
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _strings(column)
    if pa.types.is_temporal(kind):
        return list(column.cast(pa.string()).to_pylist())
    return [_any(value) for value in column.to_pylist()]


def _extended(column: pa.ExtensionArray) -> list[str | None] | None:
    """Return the text of UUIDs, of JSON, or of what other types are kept as."""
    if "uuid" in str(column.type):
        return [None if value is None else str(value) for value in column.to_pylist()]
    stored = as_text(column.storage)
    return [_from_json(value) for value in stored] if stored is not None and "json" in str(column.type) else stored


def _is_binary(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))


def _strings(column: pa.Array) -> list[str | None]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # of a database that says UTF-8 and was filled with another
        raw = column.cast(pa.large_string()).cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode("cp1252", errors="replace") for value in raw]


def _from_json(value: str | None) -> str | None:
    """Return a value that is kept as JSON, or as text beside values that are."""
    if value is None or not value.lstrip().startswith(("[", "{", '"')):
        return value
    try:
        return _any(json.loads(value))
    except (ValueError, RecursionError):
        return value


def _any(value: Any) -> str | None:
    """Return any value as text; a number that is not finite is none."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float | Decimal):
        return _number(value)
    try:
        return text(value)
    except (ValueError, TypeError):  # not finite, or no JSON, inside a list
        return str(value)
