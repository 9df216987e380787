"""Metadata: what a table of SSB holds: its variables with their codes in order, and when it was updated."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tasks.sources.statistikk.feil import (
    CONFIG,
    ChangedLabelError,
    UnknownCodeError,
    UnknownVariableError,
    nearest,
)
from tasks.sources.unntak import shorten


@dataclass(frozen=True)
class Variabel:
    """One variable of a table.

    Attributes
    ----------
    koder
        Code → label, in the table's order.
    kan_utelates
        Whether it may be left out of a query; what comes is then its total.
    kodelister
        Ids of the code lists that it can be asked by.
    enheter
        Code → unit, where the table says so: in ContentsCode.
    """

    tabell: str
    kode: str
    etikett: str
    koder: Mapping[str, str]
    kan_utelates: bool
    kodelister: tuple[str, ...] = ()
    enheter: Mapping[str, str] = field(default_factory=dict)

    def krev_kode(self, kode: str, etikett: str | None = None) -> str:
        """Return the label of a code.

        Parameters
        ----------
        etikett
            What the label must hold, as `fits` says.

        Raises
        ------
        UnknownCodeError
            With the nearest codes, and those whose label fits.
        ChangedLabelError
            When the label holds something else.
        """
        where = f"SSB {self.tabell}, {self.kode}"
        if kode not in self.koder:
            so = [c for c, label in self.koder.items() if etikett and fits(etikett, label)]
            named = f" {shorten(etikett)!r} stands at {so[0]!r}." if etikett and so else ""
            raise UnknownCodeError(
                f"{where}: no code {shorten(kode)!r}. {nearest(kode, self.koder)}{named} Correct {CONFIG}.",
                self.tabell,
                self.kode,
            )
        check_label(f"{where}: code {shorten(kode)!r}", self.koder[kode], etikett, self.tabell, self.kode)
        return self.koder[kode]

    def krev_kodeliste(self, kodeliste: str) -> None:
        """Check that the variable can be asked by a code list.

        Raises
        ------
        UnknownVariableError
            With the lists there are.
        """
        if kodeliste not in self.kodelister:
            raise UnknownVariableError(
                f"SSB {self.tabell}, {self.kode}: no code list {shorten(kodeliste)!r}. "
                f"{nearest(kodeliste, self.kodelister)} Correct {CONFIG}.",
                self.tabell,
                self.kode,
            )


@dataclass(frozen=True)
class Metadata:
    """What a table holds.

    Attributes
    ----------
    tabell
        Its number: "06913".
    etikett
        Its title.
    oppdatert
        When its figures were updated, as SSB writes it; changes with them.
    variabler
        Code → variable, in the table's order.
    tid, innhold
        Codes of the variables of periods ("Tid") and of what is measured ("ContentsCode").
    er_avsluttet
        No longer updated.
    """

    tabell: str
    etikett: str
    oppdatert: str
    variabler: Mapping[str, Variabel]
    tid: str = "Tid"
    innhold: str = "ContentsCode"
    er_avsluttet: bool = False

    def krev_variabel(self, kode: str, etikett: str | None = None) -> Variabel:
        """Return a variable.

        Parameters
        ----------
        etikett
            What its label must hold, as `fits` says.

        Raises
        ------
        UnknownVariableError
            With the variables there are.
        ChangedLabelError
            When the label holds something else.
        """
        if kode not in self.variabler:
            raise UnknownVariableError(
                f"SSB {self.tabell}: no variable {shorten(kode)!r}. {nearest(kode, self.variabler)} Correct {CONFIG}.",
                self.tabell,
                kode,
            )
        found = self.variabler[kode]
        check_label(f"SSB {self.tabell}: variable {shorten(kode)!r}", found.etikett, etikett, self.tabell, kode)
        return found


def fits(etikett: str, label: str) -> bool:
    """Say whether a label holds one of the alternatives, parted by ``|``, in any case, ``1 000`` read as ``1000``."""
    plain = re.sub(r"(?<=\d)\s(?=\d)", "", label.casefold())
    return any(part.casefold() in plain for part in etikett.split("|"))


def check_label(what: str, label: str, etikett: str | None, tabell: str, variabel: str | None) -> None:
    """Raise `ChangedLabelError` unless a label holds what is expected."""
    if etikett is not None and not fits(etikett, label):
        raise ChangedLabelError(
            f"{what} is called {shorten(label)!r}, not {shorten(etikett)!r} as expected: does it still mean the same? "
            f"Then correct etikett in {CONFIG}, else the code.",
            tabell,
            variabel,
        )
