"""Formulas as texts: parsed, checked for their length and compiled, with what they can ask of a record and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from config.formel import tree_of
from tasks.sandbox.airtable.formula.compiler import FUNCTIONS, Compiler, Source, refuse
from tasks.sandbox.airtable.formula.kinds import DATE, TEXT, TIME, Shape
from tasks.sandbox.airtable.formula.machine import Formula, R, Reader

__all__ = ["FUNCTIONS", "MAX_CHARACTERS", "compile_formula"]

MAX_CHARACTERS = 17_000


def _utc_now() -> datetime:
    return datetime.now(UTC)


def compile_formula(
    formula: str,
    fields: Mapping[str, Reader[R] | Source[R]],
    *,
    record_id: Reader[R],
    created: Reader[R] | None = None,
    modified: Callable[[tuple[str, ...]], Reader[R]] | None = None,
    now: Callable[[], datetime] = _utc_now,
) -> Formula[R]:
    """Return a formula as a function of a record; `truth` says whether the record passes it.

    Parameters
    ----------
    formula
        At most `MAX_CHARACTERS`.
    fields
        Name or id → how the field is read; a bare function reads one text or number.
    record_id, created
        What RECORD_ID() and CREATED_TIME() are.
    modified
        Fields named → what LAST_MODIFIED_TIME is of them, of the record when there are none.
    now
        The time, in UTC.

    Raises
    ------
    ApiError
        422 for what cannot be parsed, an unknown field, a function that Airtable or the local one does not have.
    """
    if len(formula) > MAX_CHARACTERS:
        raise refuse("it is too long.")
    try:
        tree = tree_of(formula)
    except ValueError:
        raise refuse() from None
    facts: dict[str, tuple[Reader[R], Shape]] = {
        "RECORD_ID": (record_id, TEXT),
        "NOW": (lambda _: now(), TIME),
        "TODAY": (lambda _: now().replace(hour=0, minute=0, second=0, microsecond=0), DATE),
    }
    if created is not None:
        facts["CREATED_TIME"] = (created, TIME)
    return Compiler(fields, facts, modified).compile(tree)
