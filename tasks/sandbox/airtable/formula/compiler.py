"""From the tree of a formula to code of the stack machine.

A tree is compiled without recursion: each node is a generator that asks for its children, and a list of those begun
stands for the call stack.

Many keys asked for at once, as a listing does, `OR({Navn}='a',{Navn}='b',…)`, become one look into a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from lark import Token, Tree

from config.formel import FUNCTIONS as KNOWN
from config.formel import Node, literal_of, name_of
from tasks.sandbox.airtable.errors import ApiError, bad_formula, unknown_in_formula
from tasks.sandbox.airtable.formula import date, number, text
from tasks.sandbox.airtable.formula.kinds import ANY, BLANK, DATE, NUMBER, TEXT, TIME, Shape, either, elements
from tasks.sandbox.airtable.formula.machine import (
    ARITHMETIC,
    BRANCH,
    CALL,
    CASE,
    CATCH,
    COMPARE,
    DROP,
    GUARD,
    JUMP,
    PUSH,
    READ,
    TEST,
    Among,
    Formula,
    Instruction,
    R,
    Reader,
    compared,
    negated,
)
from tasks.sandbox.airtable.formula.value import Value, compare_dated

FILTERING = "The formula for filtering records is invalid: "
"""How every refusal begins."""

FUNCTIONS: dict[str, text.Function] = {**text.FUNCTIONS, **number.FUNCTIONS, **date.FUNCTIONS}
MOST_ARGUMENTS = {"DATETIME_PARSE": 2}
"""Where Airtable takes more: a locale is not known here."""


@dataclass(frozen=True)
class Source(Generic[R]):
    """How a field is read, and what it gives."""

    read: Reader[R]
    shape: Shape = ANY


def refuse(why: str | None = None) -> ApiError:
    """Return the refusal of a formula."""
    return bad_formula() if why is None else bad_formula.saying(FILTERING + why)


@dataclass
class Compiler(Generic[R]):
    """Turns one tree into code; `shapes` holds what the operands that are on the stack give."""

    fields: Mapping[str, Reader[R] | Source[R]]
    facts: Mapping[str, tuple[Reader[R], Shape]]
    modified: Callable[[tuple[str, ...]], Reader[R]] | None
    code: list[Instruction] = field(default_factory=list)
    shapes: list[Shape] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    watched: set[str | None] = field(default_factory=set)
    called: set[str] = field(default_factory=set)

    def compile(self, root: Node) -> Formula[R]:
        """Return a tree as a formula."""
        begun = [self._emit(root)]
        while begun:
            child = next(begun[-1], None)
            if child is None:
                begun.pop()
            else:
                begun.append(self._emit(child))
        return Formula(
            tuple(self.code),
            self.shapes.pop(),
            frozenset(self.names),
            frozenset(self.watched),
            has_now="NOW" in self.called,
            has_today="TODAY" in self.called,
        )

    def _put(self, do: int, a: Any = None, b: Any = None) -> int:
        self.code.append((do, a, b))
        return len(self.code) - 1

    def _taken(self, count: int) -> list[Shape]:
        shapes = self.shapes[len(self.shapes) - count :]
        del self.shapes[len(self.shapes) - count :]
        return shapes

    def _emit(self, node: Node) -> Iterator[Node]:
        """Add the code of a node; yields each child where its code is to stand."""
        kind = str(node.data)
        if kind == "number":
            self._constant(float(str(node.children[0])), NUMBER)
        elif kind == "string":
            self._constant(literal_of(node), TEXT)
        elif kind in {"field", "bare"}:
            source = self._source(name_of(node))
            self._put(READ, source.read)
            self.shapes.append(source.shape)
        elif kind == "call":
            yield from self._emit_call(str(node.children[0]).upper(), _trees(node))
        elif kind == "signed":
            yield from _trees(node)
            if str(node.children[0]) == "-":
                self._put(CALL, negated, 1)
            self._taken(1)
            self.shapes.append(NUMBER)
        elif kind == "joined":
            yield from self._strict(_trees(node), text.concatenate, TEXT)
        else:
            yield from self._emit_chain(node)

    def _constant(self, value: Value, shape: Shape) -> None:
        self._put(PUSH, value)
        self.shapes.append(shape)

    def _source(self, name: str) -> Source[R]:
        found = self.fields.get(name)
        if found is None:
            raise unknown_in_formula(name.lower())
        self.names.add(name)
        return found if isinstance(found, Source) else Source(found, TEXT)

    def _strict(self, nodes: list[Node], function: Callable[[list[Value]], Value], shape: Shape) -> Iterator[Node]:
        yield from nodes
        self._put(CALL, function, len(nodes))
        self._taken(len(nodes))
        self.shapes.append(shape)

    def _emit_chain(self, node: Node) -> Iterator[Node]:
        """Add comparisons, sums and products: operands with signs between, from the left."""
        among = self._among(node)
        if among is not None:
            self._put(READ, among)
            self.shapes.append(NUMBER)
            return
        operands, signs = _trees(node), [str(c) for c in node.children if isinstance(c, Token)]
        start = len(self.code)
        yield operands[0]
        for sign, operand in zip(signs, operands[1:], strict=True):
            yield operand
            if node.data != "comparison":
                self._put(CALL, ARITHMETIC[sign], 2)
            elif {"date", "dateTime"} & {s.element for s in self.shapes[-2:]}:
                self._put(CALL, lambda v, sign=sign: compare_dated(v[0], sign, v[1]), 2)
            elif len(self.code) == start + 2 and all(c[0] in {READ, PUSH} for c in self.code[start:]):
                self.code[start:] = [(READ, compared(self.code[start], sign, self.code[start + 1]), None)]
            else:
                self._put(COMPARE, sign)
        self._taken(len(operands))
        self.shapes.append(NUMBER)

    def _among(self, node: Node) -> Among[R] | None:
        """Return `{field}='text'` as a look into a set, None for anything else."""
        if node.data != "comparison" or len(node.children) != 3 or str(node.children[1]) != "=":
            return None
        left, wanted = node.children[0], literal_of(node.children[2])
        if wanted is None or not isinstance(left, Tree):
            return None
        if left.data in {"field", "bare"}:
            source = self._source(name_of(left))
            # A date or a list equals a text in another way.
            return Among(source.read, frozenset({wanted})) if _is_plain(source) else None
        if left.data == "call" and len(left.children) == 1 and str(left.children[0]).upper() == "RECORD_ID":
            return Among(self.facts["RECORD_ID"][0], frozenset({wanted}))
        return None

    def _emit_call(self, name: str, nodes: list[Node]) -> Iterator[Node]:
        least, most = KNOWN.get(name, (0, -1))
        if not least <= len(nodes):
            raise refuse()
        if most < 1000 and len(nodes) > most:
            raise refuse()
        self.called.add(name)
        if name in _CONSTANTS:
            self._constant(*_CONSTANTS[name])
        elif name in self.facts:
            self._put(READ, self.facts[name][0])
            self.shapes.append(self.facts[name][1])
        elif name == "LAST_MODIFIED_TIME" and self.modified is not None:
            self._emit_modified(nodes)
        elif name in {"AND", "OR"}:
            yield from self._emit_all(nodes, stops=name == "OR")
        elif name == "IF":
            yield from self._emit_if(nodes)
        elif name == "SWITCH":
            yield from self._emit_switch(nodes)
        elif name == "ISERROR":
            yield nodes[0]
            self._put(CATCH)
            self.shapes[-1] = NUMBER
        elif name in FUNCTIONS and len(nodes) <= MOST_ARGUMENTS.get(name, most):
            yield from self._emit_function(name, nodes)
        else:
            raise refuse(f"{name} is not known to the local Airtable, or not with so many arguments.")

    def _emit_function(self, name: str, nodes: list[Node]) -> Iterator[Node]:
        function, gives = FUNCTIONS[name]
        yield from self._strict(nodes, function, gives) if gives.kind not in {"any", "list"} else nodes
        if gives.kind in {"any", "list"}:
            self._put(CALL, function, len(nodes))
            shapes = self._taken(len(nodes))
            if gives.kind == "list":
                self.shapes.append(Shape("list", shapes[0].element))
            else:
                self.shapes.append(_extreme_shape(shapes) if gives.of == "list" else _day_or_time(shapes[0]))

    def _emit_modified(self, nodes: list[Node]) -> None:
        if self.modified is None or any(n.data not in {"field", "bare"} for n in nodes):
            raise refuse()
        names = tuple(name_of(n) for n in nodes)
        for name in names:
            self._source(name)
        self.watched.update(names or (None,))
        self._put(READ, self.modified(names))
        self.shapes.append(TIME)

    def _emit_all(self, nodes: list[Node], *, stops: bool) -> Iterator[Node]:
        """Add AND or OR: the first value that settles it (`stops`) ends it."""
        tests: list[int] = []
        for part in self._merged(nodes) if stops else nodes:
            if isinstance(part, Among):
                self._put(READ, part)
            else:
                yield part
                self._taken(1)
            tests.append(self._put(TEST, stops))
        if stops and len(tests) == 1 and isinstance(self.code[tests[0] - 1][1], Among):
            self.code.pop()
        else:
            self._put(PUSH, not stops)
            for at in tests:
                self.code[at] = (TEST, stops, len(self.code))
        self.shapes.append(NUMBER)

    def _merged(self, nodes: list[Node]) -> Iterator[Node | Among[R]]:
        """Yield the arguments of an OR; those in a row that ask for texts are one for each field."""
        row: dict[Reader[R], set[str]] = {}
        for node in nodes:
            among = self._among(node)
            if among is not None:
                row.setdefault(among.read, set()).update(among.texts)
                continue
            yield from (Among(read, frozenset(texts)) for read, texts in row.items())
            row = {}
            yield node
        yield from (Among(read, frozenset(texts)) for read, texts in row.items())

    def _emit_if(self, nodes: list[Node]) -> Iterator[Node]:
        yield nodes[0]
        branch = self._put(BRANCH)
        yield nodes[1]
        jump = self._put(JUMP)
        otherwise = len(self.code)
        if len(nodes) > 2:
            yield nodes[2]
        else:
            self._constant(None, BLANK)
        end = len(self.code)
        self.code[branch], self.code[jump] = (BRANCH, otherwise, end), (JUMP, end, None)
        self.shapes.append(either(self._taken(3)[1:]))

    def _emit_switch(self, nodes: list[Node]) -> Iterator[Node]:
        yield nodes[0]
        guard, ends, cases = self._put(GUARD), [], []
        rest = nodes[1:]
        for n in range(0, len(rest) - 1, 2):
            yield rest[n]
            case = self._put(CASE)
            yield rest[n + 1]
            ends.append(self._put(JUMP))
            cases.append((case, len(self.code)))
        self._put(DROP)
        if len(rest) % 2:
            yield rest[-1]
        else:
            self._constant(None, BLANK)
        end = len(self.code)
        self.code[guard] = (GUARD, end, None)
        for case, following in cases:
            self.code[case] = (CASE, following, end)
        for at in ends:
            self.code[at] = (JUMP, end, None)
        given = self._taken(2 + 2 * len(cases))
        self.shapes.append(either([*given[2:-1:2], given[-1]]))


def _is_plain(source: Source[Any]) -> bool:
    return source.shape.kind in {"text", "number", "blank"}


def _extreme_shape(shapes: list[Shape]) -> Shape:
    """Return what MAX and MIN give: dates of dates, else numbers."""
    one = elements(shapes)
    return one if one.kind in {"date", "dateTime", "any"} else NUMBER


def _day_or_time(shape: Shape) -> Shape:
    return DATE if shape.element == "date" else TIME


_CONSTANTS: dict[str, tuple[Value, Shape]] = {"TRUE": (True, NUMBER), "FALSE": (False, NUMBER), "BLANK": (None, BLANK)}


def _trees(node: Node) -> list[Node]:
    return [c for c in node.children if isinstance(c, Tree)]
