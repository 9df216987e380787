"""Valg: which lots get a picture, which of them need a new one, and how many Airtable's plan has room for. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.base import Grenser
from config.bilder import Utvalg
from tasks.crm.bilder.motiv import is_our_file

CALLS_A_PICTURE = 2
"""An upload, and a change of the cell to what shall stay there."""


@dataclass(frozen=True)
class Celle:
    """The cell of a lot in the base: its record and the files in it, as (id, name) in their order."""

    post: str
    filer: tuple[tuple[str, str], ...] = ()
    fase: str | None = None

    @classmethod
    def of(cls, post: str, value: Any, fase: Any) -> Celle:
        """Return a cell as Airtable answers it; what has another form is passed over."""
        files = value if isinstance(value, list) else []
        named = [(f.get("id"), f.get("filename")) for f in files if isinstance(f, dict)]
        pairs = tuple((str(i), n if isinstance(n, str) else "") for i, n in named if isinstance(i, str))
        return cls(post, pairs, fase if isinstance(fase, str) else None)

    def has_just(self, names: Collection[str]) -> bool:
        """Return True when the only file of ours is one of these."""
        ours = [name for _, name in self.filer if is_our_file(name)]
        return len(ours) == 1 and ours[0] in names

    def has(self, names: Collection[str]) -> bool:
        """Return True when one of these is there, perhaps beside older ones."""
        return any(name in names for _, name in self.filer)

    def kept(self, names: Collection[str]) -> list[str]:
        """Return the ids that shall stay: the first that is called as one of these, then people's own in their order.

        Files of ours with another name, and a second one with the same, are left out.
        """
        ours = next((i for i, name in self.filer if name in names), None)
        theirs = [i for i, name in self.filer if not is_our_file(name)]
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
