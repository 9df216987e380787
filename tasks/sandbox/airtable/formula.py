"""`filterByFormula`: Airtable's formula language, as far as filtering by it needs.

Parsed by lark into a tree, turned once into nested functions of a record, then run per record. An empty cell equals
"", 0, FALSE() and BLANK(), as in Airtable. A text never equals a number: what Airtable makes of such a comparison is
not documented, and this is the reading that shows the mistake.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

from lark import Lark, Token, Tree
from lark.exceptions import LarkError

from tasks.sandbox.airtable.errors import ApiError, bad_formula, unknown_in_formula

MAX_CHARACTERS = 17_000
MAX_DEPTH = 60

Value = str | float | bool | None
R = TypeVar("R")
Reader = Callable[[R], Value]
"""A function of a record: a field's value, or a whole compiled formula."""

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


def refuse(why: str | None = None) -> ApiError:
    """Return the refusal of a formula."""
    return bad_formula() if why is None else bad_formula.saying(f"The formula for filtering records is invalid: {why}")


@lru_cache(maxsize=64)
def _parse(text: str) -> Tree[Token]:
    return _PARSER.parse(text)


def compile_formula(text: str, fields: Mapping[str, Reader[R]], *, record_id: Reader[R]) -> Reader[R]:
    """Return a function of a record that gives the formula's value; `truth` says whether it passes.

    Parameters
    ----------
    text
        At most `MAX_CHARACTERS`.
    fields
        Name or id → how the field is read; the same function under both.
    record_id
        What RECORD_ID() is.

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
    return _Compiler(fields, record_id).compile(tree, depth=0)


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


@dataclass(frozen=True)
class _Among(Generic[R]):
    """Whether a field is one of some texts: what `{Navn}='a'`, and an OR of many such, comes down to.

    A listing asks for fifty records of 50,000 by their keys: one look into a set for each, not fifty comparisons.
    """

    read: Reader[R]
    texts: frozenset[str]

    def __call__(self, record: R) -> Value:
        value = self.read(record)
        return ("" if value is None else value) in self.texts


@dataclass(frozen=True)
class _Compiler(Generic[R]):
    """Turns a tree into nested functions."""

    fields: Mapping[str, Reader[R]]
    record_id: Reader[R]

    def compile(self, node: Tree[Token], *, depth: int) -> Reader[R]:
        if depth > MAX_DEPTH:
            raise refuse("it is nested too deeply.")
        kind, parts = str(node.data), node.children
        if kind == "number":
            return _constant(float(str(parts[0])))
        if kind == "string":
            return _constant(_unescape(str(parts[0])[1:-1]))
        if kind in {"braced", "bare"}:
            return self._field(str(parts[0]))
        nodes = [p for p in parts if isinstance(p, Tree)]
        operands = [self.compile(p, depth=depth + 1) for p in nodes]
        if kind == "call":
            return self._call(str(parts[0]).upper(), operands)
        if kind == "comparison":
            return _comparison(nodes, operands, [str(p) for p in parts if not isinstance(p, Tree)])
        return lambda record: "".join(as_text(o(record)) for o in operands)

    def _field(self, text: str) -> Reader[R]:
        name = text[1:-1].replace("\\}", "}") if text.startswith("{") else text
        if name not in self.fields:
            raise unknown_in_formula(name.lower())
        return self.fields[name]

    def _call(self, name: str, arguments: list[Reader[R]]) -> Reader[R]:
        if name == "RECORD_ID" and not arguments:
            return self.record_id
        if name not in _FUNCTIONS:
            raise refuse()
        least, most, function = _FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise refuse()
        if name == "OR":
            arguments = _merged(arguments)
        return lambda record: function(record, arguments)


def _merged(arguments: list[Reader[R]]) -> list[Reader[R]]:
    """Return the arguments of an OR with those that ask for a text in the same field made one."""
    texts: dict[Reader[R], set[str]] = {}
    rest: list[Reader[R]] = []
    for argument in arguments:
        if isinstance(argument, _Among):
            texts.setdefault(argument.read, set()).update(argument.texts)
        else:
            rest.append(argument)
    return [*(_Among(read, frozenset(some)) for read, some in texts.items()), *rest]


def _constant(value: Value) -> Reader[Any]:
    return lambda _: value


def _comparison(nodes: list[Tree[Token]], operands: list[Reader[R]], signs: list[str]) -> Reader[R]:
    if signs == ["="] and str(nodes[1].data) == "string":
        return _Among(operands[0], frozenset({_unescape(str(nodes[1].children[0])[1:-1])}))

    def run(record: R) -> Value:
        left = operands[0](record)
        for sign, operand in zip(signs, operands[1:], strict=True):
            left = compare(left, sign, operand(record))
        return left

    return run


_ANY = 10_000
_FUNCTIONS: dict[str, tuple[int, int, Callable[[Any, list[Reader[Any]]], Value]]] = {
    "AND": (1, _ANY, lambda record, arguments: all(truth(a(record)) for a in arguments)),
    "OR": (1, _ANY, lambda record, arguments: any(truth(a(record)) for a in arguments)),
    "NOT": (1, 1, lambda record, arguments: not truth(arguments[0](record))),
    "TRUE": (0, 0, lambda record, arguments: True),
    "FALSE": (0, 0, lambda record, arguments: False),
    "BLANK": (0, 0, lambda record, arguments: None),
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
