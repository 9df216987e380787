"""The stack machine that compiled formulas run on, so that none is too deep to run: its instructions and their code.

AND, OR, IF and SWITCH jump over what they need not compute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from tasks.sandbox.airtable.formula import number
from tasks.sandbox.airtable.formula.kinds import Shape
from tasks.sandbox.airtable.formula.value import ERROR, FaultyError, Value, as_number, compare, scalar, truth

R = TypeVar("R")
Reader = Callable[[R], Value]
"""A function of a record."""

# What an instruction does; its two operands follow.
READ, PUSH, CALL, COMPARE, TEST, BRANCH, JUMP, GUARD, CASE, DROP, CATCH = range(11)
Instruction = tuple[int, Any, Any]


@dataclass(frozen=True)
class Among(Generic[R]):
    """Whether a field is one of some texts."""

    read: Reader[R]
    texts: frozenset[str]

    def __call__(self, record: R) -> Value:
        """Return True or False, or #ERROR! when the field is."""
        value = self.read(record)
        return ERROR if value is ERROR else ("" if value is None else value) in self.texts


@dataclass(frozen=True)
class Formula(Generic[R]):
    """A compiled formula: called with a record it gives its value.

    Attributes
    ----------
    shape
        What it gives.
    names
        The fields that it names, as it names them.
    watched
        Those of them that it asks for the last change of; None when it asks for that of the record.
    has_now, has_today
        Whether its value goes with the time, or the day.
    """

    code: tuple[Instruction, ...]
    shape: Shape
    names: frozenset[str]
    watched: frozenset[str | None]
    has_now: bool
    has_today: bool

    def __call__(self, record: R) -> Value:
        """Return the value for a record."""
        value: Value = self.code[0][1](record) if self.is_one else _run(self.code, record)
        return value

    @cached_property
    def is_one(self) -> bool:
        """True for a formula that is one look at the record."""
        return len(self.code) == 1 and self.code[0][0] == READ


def _run(code: tuple[Instruction, ...], record: Any) -> Any:
    """Return what code leaves on the stack."""
    stack: list[Any] = []
    at, end = 0, len(code)
    while at < end:
        do, a, b = code[at]
        at += 1
        if do == READ:
            stack.append(a(record))
        elif do == PUSH:
            stack.append(a)
        elif do == TEST:
            value = _tested(stack.pop(), a)
            if value is ERROR or value is a:
                stack.append(value)
                at = b
        elif do == CALL:
            values = stack[-b:]
            stack[-b:] = (_called(a, values),)
        elif do == COMPARE:
            right = stack.pop()
            stack[-1] = compare(stack[-1], a, right)
        elif do == JUMP:
            at = a
        elif do == BRANCH:
            value = scalar(stack.pop())
            if value is ERROR:
                stack.append(value)
                at = b
            elif not truth(value):
                at = a
        else:
            at = _run_rare(do, a, b, at=at, stack=stack)
    return stack[-1]


def _run_rare(do: int, a: Any, b: Any, *, at: int, stack: list[Any]) -> int:
    """Run one of the instructions that few formulas have, and return where to go on."""
    if do == GUARD:
        stack[-1] = scalar(stack[-1])
        return int(a) if stack[-1] is ERROR else at
    if do == CASE:
        pattern = stack.pop()
        is_same = compare(stack[-1], "=", pattern)
        if is_same is ERROR:
            stack[-1] = ERROR
            return int(b)
        if not is_same:
            return int(a)
        stack.pop()
    elif do == DROP:
        stack.pop()
    elif do == CATCH:
        value = scalar(stack[-1])
        stack[-1] = value is ERROR or (isinstance(value, float) and value - value != 0)
    return at


def _called(function: Callable[[list[Value]], Value], values: list[Value]) -> Value:
    if ERROR in values:
        return ERROR
    try:
        return function(values)
    except (FaultyError, OverflowError):
        return ERROR


def _tested(value: Value, stops: bool) -> Any:
    """Return a value as a truth, of a list whether any (OR) or each (AND) of its elements is true."""
    if isinstance(value, list):
        return ERROR if ERROR in value else (any if stops else all)(truth(v) for v in value)
    return ERROR if value is ERROR else truth(value)


def compared(left: Instruction, sign: str, right: Instruction) -> Reader[Any]:
    """Return a comparison of two fields or constants as one function."""
    if right[0] == PUSH and left[0] == READ:
        read, constant = left[1], right[1]
        return lambda record: compare(read(record), sign, constant)
    one, two = (c[1] if c[0] == READ else (lambda _, v=c[1]: v) for c in (left, right))
    return lambda record: compare(one(record), sign, two(record))


def negated(values: list[Value]) -> float:
    """Return a number with the other sign."""
    return -as_number(values[0])


ARITHMETIC: dict[str, Callable[[list[Value]], Value]] = {
    "+": lambda v: as_number(v[0]) + as_number(v[1]),
    "-": lambda v: as_number(v[0]) - as_number(v[1]),
    "*": lambda v: as_number(v[0]) * as_number(v[1]),
    "/": lambda v: number.divide(as_number(v[0]), as_number(v[1])),
}
