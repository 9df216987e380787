"""Sporring: a question to a table: which codes of which variables, none twice, few enough cells, as GET or POST.

Codes are checked against the metadata and put in the table's order, so that cells can be counted before anything is
asked, and the same question has the same key. Those of a code list are SSB's to check.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from tasks.sources.statistikk.feil import (
    CONFIG,
    TooManyCellsError,
    UnknownCodeError,
    UnknownVariableError,
    nearest,
)
from tasks.sources.statistikk.metadata import Metadata
from tasks.sources.unntak import shorten

FORMAT: Mapping[str, str] = {"lang": "no", "outputFormat": "json-stat2"}
MAX_PARTS = 40
"""More parts than that are no question but the whole table, over and over."""
SEPARATORS = frozenset(",[]")
"""What a code must not hold to stand in an address."""


@dataclass(frozen=True)
class Valgt:
    """What is wanted of one variable.

    Attributes
    ----------
    koder
        Codes; no expressions.
    kodeliste
        Code list that the codes are of; None: the variable's own.
    """

    variabel: str
    koder: tuple[str, ...]
    kodeliste: str | None = None


@dataclass(frozen=True)
class Sporring:
    """One question to a table, with codes alone."""

    tabell: str
    valg: tuple[Valgt, ...]

    @property
    def celler(self) -> int:
        """How many cells the answer has."""
        return math.prod(len(v.koder) for v in self.valg)

    @cached_property
    def nokkel(self) -> str:
        """What the question is known by on disk."""
        asked = [[v.variabel, v.kodeliste, list(v.koder)] for v in self.valg]
        return hashlib.sha256(json.dumps([self.tabell, asked]).encode()).hexdigest()[:20]

    def params(self) -> dict[str, str]:
        """Return the query of a GET."""
        lists = {f"codelist[{v.variabel}]": v.kodeliste for v in self.valg if v.kodeliste}
        return {**FORMAT, **lists, **{f"valueCodes[{v.variabel}]": ",".join(v.koder) for v in self.valg}}

    def body(self) -> dict[str, Any]:
        """Return the body of a POST, whose query is `FORMAT`."""
        return {"selection": [self._selection(v) for v in self.valg]}

    def fits_address(self, address: str, most: int) -> bool:
        """Say whether it can be asked with GET: an address of at most `most` characters, that means what is asked."""
        if any(SEPARATORS & set(code) for v in self.valg for code in v.koder):
            return False
        return len(f"{address}?{urlencode(self.params())}") <= most

    @staticmethod
    def _selection(valgt: Valgt) -> dict[str, Any]:
        listed = {"codelist": valgt.kodeliste} if valgt.kodeliste else {}
        return {"variableCode": valgt.variabel, "valueCodes": list(valgt.koder)} | listed


def plan(
    utvalg: Sequence[Valgt],
    metadata: Metadata,
    *,
    maks_celler: int,
) -> list[Sporring]:
    """Return the questions that together ask for a selection: no cell twice, none left out, each small enough.

    Raises
    ------
    UnknownVariableError
        For a variable or code list that is not there, one that comes twice, or one that must be chosen and is not.
    UnknownCodeError
        For codes that are not there, and a choice of none.
    TooManyCellsError
        When more than `MAX_PARTS` questions would be needed.
    """
    chosen = {v.variabel: v for v in utvalg}
    if len(chosen) != len(utvalg):
        twice = next(v.variabel for v in utvalg if [w.variabel for w in utvalg].count(v.variabel) > 1)
        raise UnknownVariableError(
            f"SSB {metadata.tabell}: {shorten(twice)!r} is chosen twice. Correct {CONFIG}.", metadata.tabell, twice
        )
    for name in chosen:
        metadata.krev_variabel(name)
    _require_all(chosen, metadata)
    resolved = [_resolved(chosen[name], metadata) for name in metadata.variabler if name in chosen]
    whole = Sporring(metadata.tabell, tuple(resolved))
    count = _count_parts([len(v.koder) for v in whole.valg], maks_celler)
    if count > MAX_PARTS:
        raise TooManyCellsError(
            f"SSB {metadata.tabell}: {whole.celler} cells would take {count} requests of at most {maks_celler}, more "
            f"than {MAX_PARTS}. Choose fewer codes or periods in {CONFIG}.",
            metadata.tabell,
        )
    return list(_split(whole, maks_celler))


def _require_all(chosen: Mapping[str, Valgt], metadata: Metadata) -> None:
    """Check that what must be chosen is: SSB answers 400, or with an extract of its own choice."""
    always = {metadata.innhold, metadata.tid}
    for name, variable in metadata.variabler.items():
        if name not in chosen and (name in always or not variable.kan_utelates):
            raise UnknownVariableError(
                f"SSB {metadata.tabell}: {name!r} ({shorten(variable.etikett)}) must be chosen, and is not. "
                f"{nearest('', variable.koder)} Add it in {CONFIG}.",
                metadata.tabell,
                name,
            )


def _resolved(valgt: Valgt, metadata: Metadata) -> Valgt:
    """Return a choice with codes that are there, each once, in the table's order."""
    variable = metadata.variabler[valgt.variabel]
    if not valgt.koder:
        raise UnknownCodeError(
            f"SSB {metadata.tabell}, {valgt.variabel}: no code is chosen. Correct {CONFIG}.",
            metadata.tabell,
            valgt.variabel,
        )
    found = dict.fromkeys(valgt.koder)
    if valgt.kodeliste is not None:
        variable.krev_kodeliste(valgt.kodeliste)
        return replace(valgt, koder=tuple(found))
    for code in found:
        variable.krev_kode(code)
    place = {code: n for n, code in enumerate(variable.koder)}
    return replace(valgt, koder=tuple(sorted(found, key=place.__getitem__)))


# --- parts ---


def _split(question: Sporring, most: int) -> Iterator[Sporring]:
    """Yield the parts of a question, halved as evenly as can be along its longest variable, then the next."""
    if question.celler <= most:
        yield question
        return
    longest = max(range(len(question.valg)), key=lambda n: len(question.valg[n].koder))
    codes = question.valg[longest].koder
    for piece in _pieces(codes, max(1, most * len(codes) // question.celler)):
        valg = tuple(replace(v, koder=piece) if n == longest else v for n, v in enumerate(question.valg))
        yield from _split(Sporring(question.tabell, valg), most)


def _pieces(codes: tuple[str, ...], most: int) -> Iterator[tuple[str, ...]]:
    """Yield consecutive codes, at most `most` at a time, as few times as can be, in about equal numbers."""
    count = -(-len(codes) // most)
    bounds = [len(codes) * n // count for n in range(count + 1)]
    for start, end in itertools.pairwise(bounds):
        yield codes[start:end]


def _count_parts(sizes: Sequence[int], most: int) -> int:
    """Return into how many parts a question of these sizes is split, without making them."""
    cells = math.prod(sizes)
    if cells <= most:
        return 1
    longest = max(range(len(sizes)), key=sizes.__getitem__)
    at_a_time = max(1, most * sizes[longest] // cells)
    pieces = -(-sizes[longest] // at_a_time)
    rest = [at_a_time if n == longest else size for n, size in enumerate(sizes)]
    return pieces * (_count_parts(rest, most) if at_a_time == 1 and math.prod(rest) > most else 1)
