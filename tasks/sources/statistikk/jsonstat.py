"""Jsonstat: json-stat2, the format of SSB's answers, as metadata and as a frame of cells; codes and status are kept.

A cell has a figure (`verdi`, status None or a mark such as "*") or none, and then a status that says why: "." cannot
occur, ".." is lacking, ":" is confidential. Zero is a figure. A cell without figure and without a word about it gets
"..", which claims the least: nothing is known of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from tasks.sources.statistikk.feil import BadAnswerError
from tasks.sources.statistikk.metadata import Metadata, Variabel
from tasks.sources.unntak import shorten

VERDI, STATUS = "verdi", "status"
LACKING = ".."
NO_FIGURE = frozenset({".", "..", "...", ":"})
"""Statuses that say that there is no figure, whatever stands beside them."""
MAX_VARIABLES = 20
MAX_CODES = 200_000
"""Of one variable: SSB's largest, grunnkretser, has about 20,000."""
MAX_TEXT = 2_000
"""Characters of a code, label or status that are kept."""


def load(content: bytes, tabell: str) -> dict[str, Any]:
    """Return a JSON object.

    Raises
    ------
    BadAnswerError
        When it is none, is cut off, or holds numbers that are none.
    """
    try:
        answer = json.loads(content, parse_constant=_no_number)
        if b"\\ud" in content.lower():  # half a character, which no file and no address can hold
            json.dumps(answer, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        reason = shorten(str(error)) or type(error).__name__
        begins = shorten(content[:40].decode("utf-8", "replace"))
        _refuse(tabell, f"no JSON ({reason}); it begins with {begins!r}")
    if not isinstance(answer, dict):
        _refuse(tabell, f"JSON, but a {type(answer).__name__} instead of an object")
    return answer


def read_metadata(answer: Mapping[str, Any], tabell: str, *, stempel: str) -> Metadata:
    """Return the metadata of a table.

    Parameters
    ----------
    stempel
        Stands for `updated` where the answer has none.
    """
    extension = _mapping(answer.get("extension"))
    role = _mapping(answer.get("role"))
    updated = answer.get("updated")
    return Metadata(
        tabell=tabell,
        etikett=_text(answer.get("label")),
        oppdatert=_text(updated) if isinstance(updated, str) and updated.strip() else stempel,
        variabler={name: _variable(answer, name, codes, tabell) for name, codes in dimensions(answer, tabell).items()},
        tid=_first(role.get("time"), "Tid"),
        innhold=_first(role.get("metric"), "ContentsCode"),
        er_avsluttet=extension.get("discontinued") is True,
    )


def read_cells(answer: Mapping[str, Any], tabell: str, *, most: int) -> pd.DataFrame:
    """Return the cells of an answer.

    Parameters
    ----------
    most
        More cells are refused before anything is made of them.

    Returns
    -------
    pd.DataFrame
        One row per cell, in the answer's order: a text column per variable (codes), `verdi`, `status`.

    Raises
    ------
    BadAnswerError
        When sizes, codes, values and statuses do not fit together.
    """
    codes = dimensions(answer, tabell)
    if clash := {VERDI, STATUS} & codes.keys():
        _refuse(tabell, f"a variable that is called {min(clash)!r}")
    sizes = [len(c) for c in codes.values()]
    count = math.prod(sizes)
    if count > most:
        _refuse(tabell, f"{count} cells where at most {most} were asked for")
    values, status = _values(answer.get("value"), count, tabell), _statuses(answer.get("status"), count, tabell)
    for mark in NO_FIGURE:
        values[status == mark] = np.nan
    status[np.isnan(values) & (status == None)] = LACKING  # noqa: E711 - cell by cell
    return pd.DataFrame(_code_columns(codes, sizes) | {VERDI: values, STATUS: pd.array(status, dtype="str")})


def _code_columns(variables: Mapping[str, Mapping[str, str]], sizes: Sequence[int]) -> dict[str, Any]:
    """Return the codes of every cell; the last variable changes fastest."""
    columns: dict[str, Any] = {}
    before, after = 1, math.prod(sizes)
    for (name, codes), size in zip(variables.items(), sizes, strict=True):
        after //= max(size, 1)
        places = np.tile(np.repeat(np.arange(size), after), before)
        columns[name] = pd.array(list(codes), dtype="str").take(places)
        before *= size
    return columns


# --- variables ---


def dimensions(answer: Mapping[str, Any], tabell: str) -> dict[str, dict[str, str]]:
    """Return variable → its codes with their labels, all in order, with sizes that fit."""
    ids, sizes, dimension = answer.get("id"), answer.get("size"), _mapping(answer.get("dimension"))
    if not isinstance(ids, list) or not 0 < len(ids) <= MAX_VARIABLES or not all(isinstance(i, str) for i in ids):
        _refuse(tabell, "no json-stat2: it has no list of variables in `id`")
    if len(set(ids)) != len(ids):
        _refuse(tabell, "the same variable twice")
    if not isinstance(sizes, list) or len(sizes) != len(ids):
        _refuse(tabell, "a `size` that does not fit `id`")
    found = {}
    for name, size in zip(ids, sizes, strict=True):
        codes = _codes(_mapping(_mapping(dimension.get(name)).get("category")), name, tabell)
        if type(size) is not int or size != len(codes):
            _refuse(tabell, f"{len(codes)} codes of {shorten(name)!r} where `size` says {shorten(repr(size))}")
        found[name] = codes
    return found


def _codes(category: Mapping[str, Any], name: str, tabell: str) -> dict[str, str]:
    """Return the codes of a variable in order: `index` is an object of places, a list, or lacking with one code."""
    index, label = category.get("index"), _mapping(category.get("label"))
    if index is None:
        index = list(label) if len(label) == 1 else None
    if isinstance(index, dict):
        places = list(index.values())
        if not all(type(p) is int for p in places) or sorted(places) != list(range(len(places))):
            _refuse(tabell, f"places of the codes of {shorten(name)!r} that do not count from 0 on")
        index = sorted(index, key=index.__getitem__)
    if not isinstance(index, list) or len(index) > MAX_CODES:
        _refuse(tabell, f"no usable codes of {shorten(name)!r}")
    if not all(isinstance(c, str) and len(c) <= MAX_TEXT for c in index) or len(set(index)) != len(index):
        _refuse(tabell, f"codes of {shorten(name)!r} that are no texts, or come twice")
    return {code: _text(label.get(code, code)) for code in index}


def _variable(answer: Mapping[str, Any], name: str, codes: Mapping[str, str], tabell: str) -> Variabel:
    dimension = _mapping(answer["dimension"][name])
    extension = _mapping(dimension.get("extension"))
    lists = [_mapping(one).get("id") for one in _sequence(extension.get("codelists"))]
    units = _mapping(_mapping(dimension.get("category")).get("unit"))
    return Variabel(
        tabell=tabell,
        kode=name,
        etikett=_text(dimension.get("label", name)),
        koder=codes,
        kan_utelates=extension.get("elimination") is True,
        kodelister=tuple(one for one in lists if isinstance(one, str)),
        enheter={c: _text(_mapping(units[c]).get("base", "")) for c in codes if c in units},
    )


# --- cells ---


def _values(value: object, count: int, tabell: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the figure of every cell, NaN where there is none."""
    if isinstance(value, dict):
        sparse = np.full(count, np.nan)
        places = _places(value, count, "value", tabell)
        sparse[places] = _numbers(list(value.values()), tabell)
        return sparse
    if not isinstance(value, list) or len(value) != count:
        had = f"{len(value)} values" if isinstance(value, list) else "no values"
        _refuse(tabell, f"{had} for {count} cells")
    return _numbers(value, tabell)


def _numbers(values: list[Any], tabell: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    if strange := set(map(type, values)) - {int, float, type(None)}:
        _refuse(tabell, f"a value that is no number but {min(t.__name__ for t in strange)}")
    try:
        numbers = np.array(values, dtype=np.float64)
    except OverflowError:
        numbers = np.array([np.inf])
    if np.isinf(numbers).any():
        _refuse(tabell, "a value beyond all numbers")
    return numbers


def _statuses(status: object, count: int, tabell: str) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return the status of every cell, None where there is none: from a list, an object, or one text for all."""
    found = np.full(count, None, dtype=object)
    if isinstance(status, str):
        found[:] = _status(status, tabell)
    elif isinstance(status, dict):
        found[_places(status, count, "status", tabell)] = _each_status(list(status.values()), tabell)
    elif isinstance(status, list):
        if len(status) != count:
            _refuse(tabell, f"{len(status)} statuses for {count} cells")
        found[:] = _each_status(status, tabell)
    elif status is not None:
        _refuse(tabell, f"a status that is a {type(status).__name__}")
    return found


def _each_status(texts: list[Any], tabell: str) -> list[str | None]:
    if strange := set(map(type, texts)) - {str, type(None)}:
        _refuse(tabell, f"a status that is a {min(t.__name__ for t in strange)}")
    said = {text: _status(text, tabell) for text in set(texts)}
    return [said[text] for text in texts]


def _status(text: str | None, tabell: str) -> str | None:
    """Return a status; None for an empty one."""
    if text is not None and len(text) > MAX_TEXT:
        _refuse(tabell, f"a status of {len(text)} characters")
    return (text or "").strip() or None


def _places(by_place: Mapping[str, Any], count: int, what: str, tabell: str) -> list[int]:
    """Return the keys of an object as places of cells."""
    try:
        places = [int(key) for key in by_place if key.isascii() and key.isdecimal()]
    except ValueError:  # thousands of digits
        places = []
    if len(places) != len(by_place) or len(set(places)) != len(places) or (places and max(places) >= count):
        _refuse(tabell, f"a `{what}` whose keys are no places among {count} cells")
    return places


# --- small things ---


def _refuse(tabell: str, what: str) -> NoReturn:
    raise BadAnswerError(f"SSB {tabell}: the answer is of no use: {what}. Try again later.", tabell)


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _sequence(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _first(values: object, otherwise: str) -> str:
    return next((v for v in _sequence(values) if isinstance(v, str)), otherwise)


def _text(value: object) -> str:
    return str(value)[:MAX_TEXT] if isinstance(value, str | int | float) else ""
