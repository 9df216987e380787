"""`filterByFormula`: Airtable's formula language, as far as filtering by it needs.

Parsed by lark into a tree, turned once into nested functions of a record, then run per record. An empty cell equals
"", 0, FALSE() and BLANK(), as in Airtable. A text never equals a number: what Airtable makes of such a comparison is
not documented, and this is the reading that shows the mistake.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

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
        | BRACED -> braced
        | NAME "(" [comparison ("," comparison)*] ")" -> call
        | NAME -> bare
        | "(" comparison ")"
COMPARE: "!=" | "<=" | ">=" | "=" | "<" | ">"
NUMBER: /-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?/
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
BRACED: /\{(\\\}|[^}])+\}/
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
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}
_PARSER = Lark(GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=False)


def refuse(why: str = "Invalid formula. Please check your formula text.") -> ApiError:
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
    except LarkError:
        raise refuse() from None
    return _compile(tree, fields, depth=0)


def passes(compiled: Compiled, record: Record) -> bool:
    """Return True when a record passes a compiled formula."""
    return truth(compiled(record))


def truth(value: Value) -> bool:
    """Return a value as AND, OR and NOT read it."""
    return value not in (None, False, 0, "")


def as_text(value: Value) -> str:
    """Return a value as & reads it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e21 else repr(number)


def compare(left: Value, sign: str, right: Value) -> bool:
    """Return a comparison; an empty cell stands for "" beside a text and for 0 beside a number."""
    if left is None or right is None:
        empty = "" if isinstance(left, str) or isinstance(right, str) else 0
        left, right = (empty if left is None else left), (empty if right is None else right)
    if isinstance(left, str) != isinstance(right, str):
        return sign == "!="
    return _SIGNS[sign](left, right)


def _compile(node: Tree[Token], fields: Mapping[str, str], *, depth: int) -> Compiled:
    if depth > MAX_DEPTH:
        raise refuse("it is nested too deeply.")
    kind, parts = str(node.data), node.children
    if kind == "number":
        return _constant(float(str(parts[0])))
    if kind == "string":
        return _constant(_unescape(str(parts[0])[1:-1]))
    if kind in {"braced", "bare"}:
        return _field(str(parts[0]), fields)
    nodes = [p for p in parts if isinstance(p, Tree)]
    operands = [_compile(p, fields, depth=depth + 1) for p in nodes]
    if kind == "call":
        return _call(str(parts[0]).upper(), operands)
    if kind == "comparison":
        return _comparison(operands, [str(p) for p in parts if not isinstance(p, Tree)])
    return lambda record: "".join(as_text(o(record)) for o in operands)


def _constant(value: Value) -> Compiled:
    return lambda _: value


def _field(text: str, fields: Mapping[str, str]) -> Compiled:
    name = text[1:-1].replace("\\}", "}") if text.startswith("{") else text
    if name not in fields:
        raise refuse(f"Unknown field names: {name.lower()}")
    field_id = fields[name]
    return lambda record: record[1](field_id)


def _comparison(operands: list[Compiled], signs: list[str]) -> Compiled:
    def run(record: Record) -> Value:
        left = operands[0](record)
        for sign, operand in zip(signs, operands[1:], strict=True):
            left = compare(left, sign, operand(record))
        return left

    return run


def _call(name: str, arguments: list[Compiled]) -> Compiled:
    if name not in _FUNCTIONS:
        raise refuse()
    least, most, function = _FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        raise refuse()
    return lambda record: function(record, arguments)


_ANY = 10_000
_FUNCTIONS: dict[str, tuple[int, int, Callable[[Record, list[Compiled]], Value]]] = {
    "AND": (1, _ANY, lambda record, arguments: all(truth(a(record)) for a in arguments)),
    "OR": (1, _ANY, lambda record, arguments: any(truth(a(record)) for a in arguments)),
    "NOT": (1, 1, lambda record, arguments: not truth(arguments[0](record))),
    "TRUE": (0, 0, lambda record, arguments: True),
    "FALSE": (0, 0, lambda record, arguments: False),
    "BLANK": (0, 0, lambda record, arguments: None),
    "RECORD_ID": (0, 0, lambda record, arguments: record[0]),
}


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    out, rest = [], iter(text)
    for letter in rest:
        if letter != "\\":
            out.append(letter)
            continue
        escaped = next(rest, "")
        out.append(_ESCAPES.get(escaped, escaped))
    return "".join(out)
