"""Airtable's formula language: its grammar, what a formula names, and whether Airtable has what it calls.

A formula is parsed here, never run. What is checked: the syntax, every function and its number of arguments, every
field in braces, the options that a select field is compared with, the units of dates.

Source: Airtable's formula field reference (support.airtable.com/docs/formula-field-reference, 2024).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from itertools import pairwise

from lark import Lark, Token, Tree
from lark.exceptions import LarkError

MAX_CHARACTERS = 1000
"""Ours, of a formula that people copy by hand: Airtable takes more."""
ANY = 1000

# Name → the fewest and the most arguments.
FUNCTIONS: dict[str, tuple[int, int]] = {
    # text
    "ARRAYJOIN": (1, 2), "CONCATENATE": (1, ANY), "ENCODE_URL_COMPONENT": (1, 1), "EXACT": (2, 2), "FIND": (2, 3),
    "LEFT": (2, 2), "LEN": (1, 1), "LOWER": (1, 1), "MID": (3, 3), "REGEX_EXTRACT": (2, 2), "REGEX_MATCH": (2, 2),
    "REGEX_REPLACE": (3, 3), "REPLACE": (4, 4), "REPT": (2, 2), "RIGHT": (2, 2), "SEARCH": (2, 3),
    "SUBSTITUTE": (3, 4), "T": (1, 1), "TRIM": (1, 1), "UPPER": (1, 1),
    # logic
    "AND": (1, ANY), "BLANK": (0, 0), "ERROR": (0, 1), "FALSE": (0, 0), "IF": (2, 3), "ISERROR": (1, 1),
    "NOT": (1, 1), "OR": (1, ANY), "SWITCH": (3, ANY), "TRUE": (0, 0), "XOR": (1, ANY),
    # numbers
    "ABS": (1, 1), "AVERAGE": (1, ANY), "CEILING": (1, 2), "COUNT": (1, ANY), "COUNTA": (1, ANY),
    "COUNTALL": (1, ANY), "EVEN": (1, 1), "EXP": (1, 1), "FLOOR": (1, 2), "INT": (1, 1), "LOG": (1, 2),
    "MAX": (1, ANY), "MIN": (1, ANY), "MOD": (2, 2), "ODD": (1, 1), "POWER": (2, 2), "ROUND": (1, 2),
    "ROUNDDOWN": (1, 2), "ROUNDUP": (1, 2), "SQRT": (1, 1), "SUM": (1, ANY), "VALUE": (1, 1),
    # dates
    "DATEADD": (3, 3), "DATESTR": (1, 1), "DATETIME_DIFF": (2, 3), "DATETIME_FORMAT": (1, 2),
    "DATETIME_PARSE": (1, 3), "DAY": (1, 1), "FROMNOW": (1, 1), "HOUR": (1, 1), "IS_AFTER": (2, 2),
    "IS_BEFORE": (2, 2), "IS_SAME": (2, 3), "MINUTE": (1, 1), "MONTH": (1, 1), "NOW": (0, 0), "SECOND": (1, 1),
    "SET_LOCALE": (2, 2), "SET_TIMEZONE": (2, 2), "TIMESTR": (1, 1), "TODAY": (0, 0), "TONOW": (1, 1),
    "WEEKDAY": (1, 2), "WEEKNUM": (1, 2), "WORKDAY": (2, 3), "WORKDAY_DIFF": (2, 3), "YEAR": (1, 1),
    # lists
    "ARRAYCOMPACT": (1, 1), "ARRAYFLATTEN": (1, 1), "ARRAYSLICE": (2, 3), "ARRAYUNIQUE": (1, 1),
    # the record
    "CREATED_TIME": (0, 0), "LAST_MODIFIED_TIME": (0, ANY), "RECORD_ID": (0, 0),
}  # fmt: skip
ROLLUPS = frozenset(
    {"AND", "ARRAYCOMPACT", "ARRAYFLATTEN", "ARRAYJOIN", "ARRAYUNIQUE", "AVERAGE", "CONCATENATE", "COUNT", "COUNTA",
     "COUNTALL", "MAX", "MIN", "OR", "SUM", "XOR"}
)  # fmt: skip
"""What a rollup offers over its `values`."""
UNITS = frozenset({"milliseconds", "seconds", "minutes", "hours", "days", "weeks", "months", "quarters", "years"})
"""Of DATEADD and DATETIME_DIFF."""
UNIT_AT = {"DATEADD": 2, "DATETIME_DIFF": 2}

GRAMMAR = r"""
?start: comparison
?comparison: joined (COMPARE joined)*
?joined: sum ("&" sum)*
?sum: product (ADD product)*
?product: unary (MULTIPLY unary)*
?unary: ADD unary -> signed
      | primary
?primary: NUMBER -> number
        | STRING -> string
        | BRACED -> field
        | NAME "(" [comparison ("," comparison)*] ")" -> call
        | NAME -> bare
        | "(" comparison ")"
COMPARE: "!=" | "<=" | ">=" | "=" | "<" | ">"
ADD: "+" | "-"
MULTIPLY: "*" | "/"
NUMBER: /(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?/
STRING: /"(\\.|[^"\\])*"|'(\\.|[^'\\])*'/s
BRACED: /\{(\\.|[^}\\])+\}/s
NAME: /[^\W\d]\w*/
%ignore /\s+/
"""

PLAIN_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
"""How a number is written in a formula that people copy."""
ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}

Node = Tree[Token]


@cache
def _parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=False)


def tree_of(text: str) -> Node:
    """Return the tree of a formula of any length.

    Raises
    ------
    ValueError
        When it is no formula.
    """
    try:
        return _parser().parse(text)
    except LarkError as error:
        raise ValueError(f"no formula: {str(error).splitlines()[0]}") from None


@lru_cache(maxsize=256)
def parse(text: str) -> Node:
    """Return the tree of a formula that people copy.

    Raises
    ------
    ValueError
        When it is no formula, or longer than `MAX_CHARACTERS`.
    """
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"longer than {MAX_CHARACTERS} characters: split it into several fields")
    return tree_of(text)


def walk(root: Node) -> Iterator[Node]:
    """Yield a tree and all below it, in the order of the text; however deep it is."""
    pending = [root]
    while pending:
        node = pending.pop()
        yield node
        pending += [child for child in reversed(node.children) if isinstance(child, Tree)]


def fields_of(tree: Node) -> list[str]:
    """Return the fields that a formula names in braces, in order, each once."""
    return list(dict.fromkeys(name_of(n) for n in walk(tree) if n.data == "field"))


def texts_of(tree: Node) -> tuple[str, ...]:
    """Return the texts that stand in a formula, each once: what it can show is among them."""
    return tuple(dict.fromkeys(text for n in walk(tree) if (text := literal_of(n))))


def name_of(node: Node) -> str:
    """Return the field that a node in braces, or bare, names."""
    text = str(node.children[0])
    return text[1:-1].replace("\\}", "}") if node.data == "field" else text


def literal_of(node: Node | Token) -> str | None:
    """Return the text that a node in quotes stands for, None for any other node."""
    if not isinstance(node, Tree) or node.data != "string":
        return None
    text = str(node.children[0])[1:-1]
    return re.sub(r"\\(.)", lambda m: ESCAPES.get(m[1], m[1]), text, flags=re.DOTALL) if "\\" in text else text


def check_formula(text: str, fields: Mapping[str, tuple[str, ...]], *, bare: frozenset[str] = frozenset()) -> None:
    """Raise unless Airtable would take a formula in a table with these fields.

    Parameters
    ----------
    fields
        Name → the options of a select, () for others.
    bare
        Words without braces that stand for something: ``values`` in a rollup.

    Raises
    ------
    ValueError
        Naming the field, function, option or unit that is none.
    """
    for node in walk(parse(text)):
        problem = next(_problems(node, fields, bare), None)
        if problem:
            raise ValueError(problem)


def _problems(node: Node, fields: Mapping[str, tuple[str, ...]], bare: frozenset[str]) -> Iterator[str]:
    if node.data == "field" and name_of(node) not in fields:
        yield f"{{{name_of(node)}}} is no field of the table"
    elif node.data == "number" and not PLAIN_NUMBER.fullmatch(str(node.children[0])):
        yield f"{node.children[0]}: write it with digits, and a dot between them"
    elif node.data == "bare" and str(node.children[0]) not in bare:
        yield f"{node.children[0]} stands without braces"
    elif node.data == "call":
        yield from _call_problems(str(node.children[0]), node.children[1:], fields)
    elif node.data == "comparison":
        operands = [n for n in node.children if isinstance(n, Tree)]
        for left, right in pairwise(operands):
            yield from _option_problems(left, right, fields)
            yield from _option_problems(right, left, fields)


def _call_problems(name: str, arguments: list[Node | Token], fields: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    if name not in FUNCTIONS:
        yield f"{name} is no function of Airtable's, spelt so"
        return
    least, most = FUNCTIONS[name]
    if not least <= len(arguments) <= most:
        yield f"{name} takes {least} to {most} arguments, not {len(arguments)}"
    at = UNIT_AT.get(name)
    if at is not None and len(arguments) > at and literal_of(arguments[at]) not in UNITS:
        yield f"{name} counts in one of {', '.join(sorted(UNITS))}"
    if name == "SWITCH":
        for pattern in arguments[1:-1:2]:
            yield from _option_problems(arguments[0], pattern, fields)


def _option_problems(field: Node | Token, value: Node | Token, fields: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield when a select is compared with a text that is none of its options; the empty text stands for no value."""
    if not isinstance(field, Tree) or field.data != "field":
        return
    options, text = fields.get(name_of(field), ()), literal_of(value)
    if options and text and text not in options:
        yield f"{text!r} is no option of {{{name_of(field)}}}"
