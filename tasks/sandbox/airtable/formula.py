"""`filterByFormula`: Airtable's formula language, as far as filtering by it needs.

Parsed by lark into a tree, turned once into nested functions of a record, then run per record. An empty cell is "" and
0 at once, as in Airtable.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, cast

from lark import Lark, Token, Tree
from lark.exceptions import LarkError

from tasks.sandbox.airtable.errors import ApiError

MAX_CHARACTERS = 17_000
MAX_DEPTH = 60

Value = str | float | bool | None
Getter = Callable[[str], Value]
Record = tuple[str, Getter]
Compiled = Callable[[Record], Value]

GRAMMAR = r"""
?start: comparison
?comparison: concatenation (COMPARE concatenation)*
?concatenation: primary ("&" primary)*
?primary: NUMBER -> number
        | STRING -> string
        | "{" FIELD "}" -> field
        | NAME "(" [comparison ("," comparison)*] ")" -> call
        | NAME -> field
        | "(" comparison ")"
        | "-" primary -> minus
COMPARE: "!=" | "<=" | ">=" | "=" | "<" | ">"
NUMBER: /\d+(\.\d+)?/
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
FIELD: /(\\.|[^}\\])+/
NAME: /[^\W\d]\w*/
%ignore /\s+/
"""
_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_PARSER = Lark(GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=False)


def refuse(why: str) -> ApiError:
    """Return the refusal of a formula."""
    return ApiError(422, "INVALID_FILTER_BY_FORMULA", f"The formula for filtering records is invalid: {why}")


@lru_cache(maxsize=64)
def _parse(text: str) -> Tree[Token]:
    return _PARSER.parse(text)


def compile_formula(text: str, fields: Mapping[str, str]) -> Compiled:
    """Return a function of a record that says whether it passes.

    Parameters
    ----------
    text
        At most `MAX_CHARACTERS`.
    fields
        Name or id → field id.

    Raises
    ------
    ApiError
        422 for a formula that cannot be parsed or names an unknown field or function.
    """
    if len(text) > MAX_CHARACTERS:
        raise refuse("it is too long.")
    try:
        tree = _parse(text)
    except (LarkError, RecursionError):
        raise refuse("Invalid formula. Please check your formula text.") from None
    return _compile(tree, fields, depth=0)


def passes(compiled: Compiled, record: Record) -> bool:
    """Return True when a record passes a compiled formula."""
    return truth(compiled(record))


def truth(value: Value) -> bool:
    """Return a value as AND, OR and NOT read it."""
    return value not in (None, False, 0, "")


def as_text(value: Value) -> str:
    """Return a value as & reads it."""
    if value is None or value is False:
        return ""
    if value is True:
        return "1"
    if isinstance(value, float | int):
        return str(int(value)) if float(value).is_integer() else repr(float(value))
    return value


def compare(left: Value, sign: str, right: Value) -> bool:
    """Return a comparison; an empty cell equals "" and, beside a number, 0."""
    if isinstance(left, str) or isinstance(right, str):
        a: Any = as_text(left)
        b: Any = as_text(right)
        if sign in {"<", ">", "<=", ">="} and _is_number(a) and _is_number(b):
            a, b = float(a), float(b)
    elif left is None or right is None:
        if sign in {"=", "!="}:
            other = right if left is None else left
            return (
                (not truth(other) and not isinstance(other, bool)) == (sign == "=")
                if other is not None
                else sign == "="
            )
        a, b = left or 0, right or 0
    else:
        a, b = float(left), float(right)
    return _SIGNS[sign](a, b)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _compile(  # noqa: PLR0911  # one return per kind of node
    node: Tree[Token] | Token, fields: Mapping[str, str], *, depth: int
) -> Compiled:
    if depth > MAX_DEPTH:
        raise refuse("it is nested too deeply.")
    assert isinstance(node, Tree)  # noqa: S101  # the grammar keeps tokens inside trees
    kind, parts = str(node.data), node.children
    if kind == "number":
        number = float(str(parts[0]))
        return lambda _: number
    if kind == "string":
        text = _unescape(str(parts[0])[1:-1])
        return lambda _: text
    if kind == "field":
        name = _unescape(str(parts[0]))
        if name not in fields:
            raise refuse(f"Unknown field names: {name.lower()}")
        field_id = fields[name]
        return lambda record: record[1](field_id)
    if kind == "call":
        arguments = [_compile(cast("Tree[Token]", p), fields, depth=depth + 1) for p in parts[1:]]
        return _call(str(parts[0]).upper(), arguments)
    if kind == "comparison":
        return _comparison(parts, fields, depth)
    operands = [_compile(cast("Tree[Token]", p), fields, depth=depth + 1) for p in parts]
    if kind == "minus":
        return lambda record: -float(operands[0](record) or 0)
    return lambda record: "".join(as_text(o(record)) for o in operands)


def _comparison(parts: list[Any], fields: Mapping[str, str], depth: int) -> Compiled:
    operands = [_compile(p, fields, depth=depth + 1) for p in parts[::2]]
    signs = [str(p) for p in parts[1::2]]

    def run(record: Record) -> Value:
        left = operands[0](record)
        for sign, operand in zip(signs, operands[1:], strict=True):
            left = compare(left, sign, operand(record))
        return left

    return run


def _call(name: str, arguments: list[Compiled]) -> Compiled:
    wanted = {"NOT": (1, 1), "TRUE": (0, 0), "FALSE": (0, 0), "BLANK": (0, 0), "RECORD_ID": (0, 0)}.get(
        name, (1, 10_000)
    )
    if name not in _FUNCTIONS or not wanted[0] <= len(arguments) <= wanted[1]:
        raise refuse("Invalid formula. Please check your formula text.")
    function = _FUNCTIONS[name]
    return lambda record: function(record, arguments)


_FUNCTIONS: dict[str, Callable[[Record, list[Compiled]], Value]] = {
    "AND": lambda record, arguments: all(truth(a(record)) for a in arguments),
    "OR": lambda record, arguments: any(truth(a(record)) for a in arguments),
    "NOT": lambda record, arguments: not truth(arguments[0](record)),
    "TRUE": lambda record, arguments: True,
    "FALSE": lambda record, arguments: False,
    "BLANK": lambda record, arguments: None,
    "RECORD_ID": lambda record, arguments: record[0],
}


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    out, rest = [], iter(text)
    for letter in rest:
        out.append({"n": "\n", "t": "\t", "r": "\r"}.get(n := next(rest, ""), n) if letter == "\\" else letter)
    return "".join(out)
