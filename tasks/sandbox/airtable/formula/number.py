"""Functions of numbers, of truths and of lists.

What is beyond a double is Infinity, what is no number NaN; blanks are left out of sums and of the largest and smallest.
The sign of MOD is that of the divisor, and the largest of nothing is blank: both are our choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, ROUND_UP, Decimal
from typing import Any

from tasks.sandbox.airtable.formula.kinds import NUMBER, Shape
from tasks.sandbox.airtable.formula.text import Function, within
from tasks.sandbox.airtable.formula.value import ERROR, FaultyError, Value, as_number, as_text, as_whole, flat, joined
from tasks.sandbox.airtable.formula.value import truth as is_true

MOST_DECIMALS = 30


def divide(left: float, right: float) -> float:
    """Return a quotient: by zero it is Infinity, −Infinity or, of zero, NaN."""
    if right:
        return left / right
    return math.nan if not left or math.isnan(left) else math.copysign(math.inf, left)


def _numbers(values: list[Value]) -> list[float]:
    """Return the numbers among values and their lists, without blanks."""
    return [as_number(v) for v in flat(values) if v not in (None, "")]


def _extreme(pick: Callable[[Any], Any]) -> Callable[[list[Value]], Value]:
    def run(values: list[Value]) -> Value:
        there = [v for v in flat(values) if v not in (None, "")]
        if any(isinstance(v, datetime) for v in there):
            if not all(isinstance(v, datetime) for v in there):
                raise FaultyError
            return pick(there)  # type: ignore[no-any-return]
        numbers = _numbers(there)
        if any(math.isnan(n) for n in numbers):
            return math.nan
        return float(pick(numbers)) if numbers else None

    return run


def _average(values: list[Value]) -> float:
    numbers = _numbers(values)
    return divide(math.fsum(numbers), len(numbers)) if all(map(math.isfinite, numbers)) else sum(numbers)


def _sum(values: list[Value]) -> float:
    numbers = _numbers(values)
    return math.fsum(numbers) if all(map(math.isfinite, numbers)) else sum(numbers)


def _one(compute: Callable[[float], float]) -> Callable[[list[Value]], Value]:
    """Return a function of one number that leaves NaN and Infinity as they are."""

    def run(values: list[Value]) -> float:
        number = as_number(values[0])
        return float(compute(number)) if math.isfinite(number) else number

    return run


def _rounded(mode: Callable[[Decimal], str]) -> Callable[[list[Value]], Value]:
    def run(values: list[Value]) -> float:
        number, places = as_number(values[0]), as_whole(values[1]) if len(values) > 1 else 0
        if not math.isfinite(number) or places > MOST_DECIMALS:
            return number
        exact = Decimal(repr(number))
        shifted = exact.scaleb(max(places, -400)).to_integral_value(rounding=mode(exact))
        return float(shifted.scaleb(-max(places, -400)))

    return run


def _multiple(mode: str) -> Callable[[list[Value]], Value]:
    def run(values: list[Value]) -> float:
        number, step = as_number(values[0]), as_number(values[1]) if len(values) > 1 else 1.0
        if not math.isfinite(number) or not math.isfinite(step):
            return math.nan
        if not step:
            return 0.0
        exact, by = Decimal(repr(number)), abs(Decimal(repr(step)))
        return float((exact / by).to_integral_value(rounding=mode) * by)

    return run


def _odd(number: float) -> float:
    whole = math.ceil(abs(number))
    return math.copysign(whole if whole % 2 else whole + 1, number)


def _log(values: list[Value]) -> float:
    number, base = as_number(values[0]), as_number(values[1]) if len(values) > 1 else 10.0
    if not number > 0 or not base > 0 or base == 1:
        return -math.inf if number == 0 else math.nan
    return math.log10(number) if base == 10 else math.log(number, base)


def _power(values: list[Value]) -> float:
    base, power = as_number(values[0]), as_number(values[1])
    if base < 0 and math.isfinite(power) and not power.is_integer():
        return math.nan
    if base == 0 and power < 0:
        return math.inf
    try:
        return math.pow(base, power)
    except OverflowError:
        return math.copysign(math.inf, base if power % 2 else 1)


def _exp(number: float) -> float:
    try:
        return math.exp(number)
    except OverflowError:
        return math.inf


def _mod(values: list[Value]) -> float:
    left, right = as_number(values[0]), as_number(values[1])
    return math.nan if not right or not math.isfinite(left) or not math.isfinite(right) else left % right


def _is_filled(value: Value) -> bool:
    return value not in (None, "")


def _array(values: list[Value]) -> list[Any]:
    return list(flat(values[:1]))


def _slice(values: list[Value]) -> list[Any]:
    """Return the elements from a place to another, both included, counted from 1 or, below 0, from the end."""
    array, places = _array(values), [as_whole(v) for v in values[1:]]
    start = places[0] - 1 if places[0] > 0 else places[0] + len(array) if places[0] < 0 else 0
    end = places[1] if len(places) > 1 else len(array)
    return array[max(start, 0) : end if end >= 0 else end + len(array) + 1]


def _join(values: list[Value]) -> str:
    return joined([as_text(v) for v in _array(values)], as_text(values[1]) if len(values) > 1 else ", ")


def _unique(values: list[Value]) -> list[Any]:
    return list({(type(v).__name__, v): v for v in _array(values) if _is_filled(v)}.values())


LIST, SAME = Shape("list"), Shape("any", "list")
"""SAME: the shape that the elements of the arguments have."""

_FUNCTIONS: dict[str, Function] = {
    "ABS": (_one(abs), NUMBER),
    "ARRAYCOMPACT": (lambda v: [x for x in _array(v) if _is_filled(x)], LIST),
    "ARRAYFLATTEN": (_array, LIST),
    "ARRAYJOIN": (_join, Shape("text")),
    "ARRAYSLICE": (_slice, LIST),
    "ARRAYUNIQUE": (_unique, LIST),
    "AVERAGE": (_average, NUMBER),
    "CEILING": (_multiple(ROUND_CEILING), NUMBER),
    "COUNT": (lambda v: sum(isinstance(x, int | float) for x in flat(v)), NUMBER),
    "COUNTA": (lambda v: sum(_is_filled(x) for x in flat(v)), NUMBER),
    "COUNTALL": (lambda v: sum(1 for _ in flat(v)), NUMBER),
    "ERROR": (lambda v: ERROR, Shape("blank")),
    "EVEN": (_one(lambda x: math.ceil(x / 2) * 2), NUMBER),
    "EXP": (_one(_exp), NUMBER),
    "FLOOR": (_multiple(ROUND_FLOOR), NUMBER),
    "INT": (_one(math.floor), NUMBER),
    "LOG": (_log, NUMBER),
    "MAX": (_extreme(max), SAME),
    "MIN": (_extreme(min), SAME),
    "MOD": (_mod, NUMBER),
    "NOT": (lambda v: not is_true(v[0]), NUMBER),
    "ODD": (_one(_odd), NUMBER),
    "POWER": (_power, NUMBER),
    "ROUND": (_rounded(lambda x: ROUND_HALF_UP if x > 0 else "ROUND_HALF_DOWN"), NUMBER),
    "ROUNDDOWN": (_rounded(lambda x: ROUND_DOWN), NUMBER),
    "ROUNDUP": (_rounded(lambda x: ROUND_UP), NUMBER),
    "SQRT": (_one(lambda x: math.sqrt(x) if x >= 0 else math.nan), NUMBER),
    "SUM": (_sum, NUMBER),
    "XOR": (lambda v: sum(map(is_true, flat(v))) % 2 == 1, NUMBER),
}
FUNCTIONS = within(_FUNCTIONS)
