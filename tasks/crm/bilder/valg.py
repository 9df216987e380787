"""Valg: which lots get a picture, which of them need a new one, and how many Airtable's plan has room for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from config.base import Grenser
from config.bilder import Utvalg
from tasks.crm.bilder.motiv import is_our_file

CALLS_A_PICTURE = 2
"""An upload, and a change of the cell to what shall stay there."""


class Fil(NamedTuple):
    """A file in a cell: id, name, and whether it is one that the program has sent."""

    id: str
    navn: str
    er_var: bool

    @classmethod
    def of(cls, value: Any, sizes: Mapping[str, Collection[int]]) -> Fil | None:
        """Return a file as Airtable answers it, None for what has another form; `sizes` as for `Celle.of`."""
        if not isinstance(value, dict) or not isinstance(value.get("id"), str):
            return None
        given, size = value.get("filename"), value.get("size")
        name = given if isinstance(given, str) else ""
        is_as_sent = name not in sizes or not isinstance(size, int) or size in sizes[name]
        return cls(value["id"], name, is_our_file(name) and is_as_sent)


@dataclass(frozen=True)
class Celle:
    """The cell of a lot in the base: its record and the files in it, in their order."""

    post: str
    filer: tuple[Fil, ...] = ()
    fase: str | None = None

    @classmethod
    def of(cls, post: str, value: Any, fase: Any, *, sizes: Mapping[str, Collection[int]] | None = None) -> Celle:
        """Return a cell as Airtable answers it; what has another form is passed over.

        Parameters
        ----------
        sizes
            Name → bytes of what was sent under it, as far as known: a file of one of our names that weighs otherwise
            is one that somebody has worked on.
        """
        files = [Fil.of(f, sizes or {}) for f in value] if isinstance(value, list) else []
        return cls(post, tuple(f for f in files if f is not None), fase if isinstance(fase, str) else None)

    def has_just(self, names: Collection[str]) -> bool:
        """Return True when the only file of ours is one of these."""
        ours = [f.navn for f in self.filer if f.er_var]
        return len(ours) == 1 and ours[0] in names

    def has(self, names: Collection[str]) -> bool:
        """Return True when one of these is there, perhaps beside older ones."""
        return any(f.er_var and f.navn in names for f in self.filer)

    def has_ours(self) -> bool:
        """Return True when any file of ours is there."""
        return any(f.er_var for f in self.filer)

    def kept(self, names: Collection[str]) -> list[str]:
        """Return the ids that shall stay: the first that is called as one of these, then people's own in their order.

        Files of ours with another name, and a second one with the same, are left out.
        """
        ours = next((f.id for f in self.filer if f.er_var and f.navn in names), None)
        theirs = [f.id for f in self.filer if not f.er_var]
        return [*([ours] if ours is not None else []), *theirs]


def choose(best: Sequence[str], cells: Mapping[str, Celle], rules: Utvalg) -> list[str]:
    """Return the lots that get a picture: those in the stages of sales' work first, then by `best`.

    Parameters
    ----------
    best
        Living lots, best first.
    cells
        tomt_id → cell, of the lots in the base.
    """
    order = {fase: n for n, fase in enumerate(rules.faser_foerst)}
    there = [tomt_id for tomt_id in best if tomt_id in cells]
    there.sort(key=lambda tomt_id: order.get(cells[tomt_id].fase or "", len(order)))
    return there[: rules.antall]


def left_behind(best: Iterable[str], cells: Mapping[str, Celle], chosen: Iterable[str]) -> list[str]:
    """Return the living lots beside the chosen ones whose cell holds a picture from when they were among them."""
    already = set(chosen)
    return [t for t in best if t not in already and t in cells and cells[t].has_ours()]


def affordable(grenser: Grenser, *, kall_i_kjoringen: int, kall_i_maaneden: int) -> int:
    """Return how many pictures may be sent: of the run what it has left, of the month what is left below the warning.

    The last part of a month belongs to the rows themselves.

    Examples
    --------
    >>> grenser = Grenser.model_construct(kall_per_kjoring=1000, kall_per_maaned=10_000, varsle_fra=0.8)
    >>> affordable(grenser, kall_i_kjoringen=100, kall_i_maaneden=100)
    450
    >>> affordable(grenser, kall_i_kjoringen=100, kall_i_maaneden=9_000)
    0
    """
    of_run = grenser.kall_per_kjoring - kall_i_kjoringen
    of_month = int(grenser.varsle_fra * grenser.kall_per_maaned) - kall_i_maaneden
    return max(min(of_run, of_month), 0) // CALLS_A_PICTURE


def tallied(reasons: Iterable[str]) -> str:
    """Return reasons with how often each occurs, the commonest first.

    Examples
    --------
    >>> tallied(["a", "b", "a"])
    'a (2), b (1)'
    """
    counts: dict[str, int] = {}
    for reason in reasons:
        counts[reason] = counts.get(reason, 0) + 1
    return ", ".join(f"{reason} ({n})" for reason, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
