"""Formulas compiled to a small stack machine, so that none is too deep to run.

A tree is compiled without recursion: each node is a generator that asks for its children, and a list of those begun
stands for the call stack. AND, OR, IF and SWITCH jump over what they need not compute.

Many keys asked for at once, as a listing does, `OR({Navn}='a',{Navn}='b',…)`, become one look into a set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Generic, TypeVar

from lark import Token, Tree

from config.formel import FUNCTIONS as KNOWN
from config.formel import Node, literal_of, name_of, tree_of
from tasks.sandbox.airtable.errors import ApiError, bad_formula, unknown_in_formula
from tasks.sandbox.airtable.formula import date, number, text
from tasks.sandbox.airtable.formula.kinds import ANY, BLANK, DATE, NUMBER, TEXT, TIME, Shape, either, elements
from tasks.sandbox.airtable.formula.value import ERROR, FaultyError, Value, as_number, compare, scalar, truth

MAX_CHARACTERS = 17_000
FILTERING = "The formula for filtering records is invalid: "
"""How every refusal begins."""

R = TypeVar("R")
Reader = Callable[[R], Value]
"""A function of a record."""
FUNCTIONS: dict[str, text.Function] = {**text.FUNCTIONS, **number.FUNCTIONS, **date.FUNCTIONS}
MOST_ARGUMENTS = {"DATETIME_PARSE": 2}
"""Where Airtable takes more: a locale is not known here."""

# What an instruction does; its two operands follow.
READ, PUSH, CALL, COMPARE, TEST, BRANCH, JUMP, GUARD, CASE, DROP, CATCH = range(11)
Instruction = tuple[int, Any, Any]


@dataclass(frozen=True)
class Source(Generic[R]):
    """How a field is read, and what it gives."""

    read: Reader[R]
    shape: Shape = ANY


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


def refuse(why: str | None = None) -> ApiError:
    """Return the refusal of a formula."""
    return bad_formula() if why is None else bad_formula.saying(FILTERING + why)


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
    return _Compiler(fields, facts, modified).compile(tree)


@dataclass
class _Compiler(Generic[R]):
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
                self._put(CALL, _negated, 1)
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
                self._put(CALL, _ARITHMETIC[sign], 2)
            elif len(self.code) == start + 2 and all(c[0] in {READ, PUSH} for c in self.code[start:]):
                self.code[start:] = [(READ, _compared(self.code[start], sign, self.code[start + 1]), None)]
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


def _compared(left: Instruction, sign: str, right: Instruction) -> Reader[Any]:
    """Return a comparison of two fields or constants as one function."""
    if right[0] == PUSH and left[0] == READ:
        read, constant = left[1], right[1]
        return lambda record: compare(read(record), sign, constant)
    one, two = (c[1] if c[0] == READ else (lambda _, v=c[1]: v) for c in (left, right))
    return lambda record: compare(one(record), sign, two(record))


def _is_plain(source: Source[Any]) -> bool:
    return source.shape.kind in {"text", "number", "blank"}


def _extreme_shape(shapes: list[Shape]) -> Shape:
    """Return what MAX and MIN give: dates of dates, else numbers."""
    one = elements(shapes)
    return one if one.kind in {"date", "dateTime", "any"} else NUMBER


def _day_or_time(shape: Shape) -> Shape:
    return DATE if shape.element == "date" else TIME


def _negated(values: list[Value]) -> float:
    return -as_number(values[0])


_ARITHMETIC: dict[str, Callable[[list[Value]], Value]] = {
    "+": lambda v: as_number(v[0]) + as_number(v[1]),
    "-": lambda v: as_number(v[0]) - as_number(v[1]),
    "*": lambda v: as_number(v[0]) * as_number(v[1]),
    "/": lambda v: number.divide(as_number(v[0]), as_number(v[1])),
}
_CONSTANTS: dict[str, tuple[Value, Shape]] = {"TRUE": (True, NUMBER), "FALSE": (False, NUMBER), "BLANK": (None, BLANK)}


def _trees(node: Node) -> list[Node]:
    return [c for c in node.children if isinstance(c, Tree)]
