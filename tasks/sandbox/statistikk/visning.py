"""A table as it is shown: codes and labels of every variable, with the faults that are switched on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from tasks.sandbox.statistikk.feil import Feil
from tasks.sandbox.statistikk.regioner import KODELISTER, koder
from tasks.sandbox.statistikk.tabell import INNHOLD, TID, Innhold, Tabell

KILDE = "Oppdiktede tall (lokal sandkasse)"
MERKE = "(oppdiktet)"
MERKET = {"X-Oppdiktede-Tall": "ja"}
"""Header of every answer of the local statistics services."""


@dataclass(frozen=True)
class Visning:
    """One table, seen through the faults of the moment."""

    tabell: Tabell
    feil: Feil

    @cached_property
    def tittel(self) -> str:
        """Number and title, marked as invented."""
        title = self.feil.endrede_etiketter.get((self.tabell.id, self.tabell.id), self.tabell.tittel)
        return f"{self.tabell.id}: {title} {MERKE}"

    @cached_property
    def oppdatert(self) -> str:
        """The stamp."""
        stamp = datetime.fromisoformat(self.tabell.oppdatert)
        moved = self.feil.flytt_oppdatert.get(self.tabell.id)
        return (stamp + moved if moved else stamp).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def etikett(self, variabel: str) -> str:
        """Return the label of a variable."""
        usual = {self.tabell.region: "region", INNHOLD: "statistikkvariabel", TID: self.tabell.tidsenhet}
        usual |= {v.kode: v.etikett for v in self.tabell.variabler}
        return self.feil.endrede_etiketter.get((self.tabell.id, variabel), usual[variabel])

    def koder(self, variabel: str, kodeliste: str | None = None) -> dict[str, str]:
        """Return code → label of a variable in order."""
        table = self.tabell
        if variabel == table.region:
            found = koder(table, kodeliste)
        elif variabel == INNHOLD:
            found = {i.kode: i.etikett for i in table.innhold}
        elif variabel == TID:
            last = self.feil.sist_periode.get(table.id)
            found = {p: p for p in table.perioder if last is None or p <= last}
        else:
            found = next(v.koder for v in table.variabler if v.kode == variabel)
        changed, missing = self.feil.endrede_etiketter, self.feil.manglende_koder
        if not changed and not missing:
            return found
        return {c: changed.get((table.id, c), t) for c, t in found.items() if (table.id, c) not in missing}

    @property
    def innhold(self) -> tuple[Innhold, ...]:
        """The measures that are there."""
        shown = self.koder(INNHOLD)
        return tuple(i for i in self.tabell.innhold if i.kode in shown)

    def kodelister(self, variabel: str) -> tuple[str, ...]:
        """Return the ids of the code lists of a variable."""
        return tuple(KODELISTER) if variabel == self.tabell.region and self.tabell.er_sammenslaatt else ()

    def kan_utelates(self, variabel: str) -> bool:
        """Return whether a variable may be left out."""
        if variabel == self.tabell.region:
            return not self.tabell.er_kostra and self.tabell.regioner is None
        return any(v.kode == variabel and v.kan_utelates for v in self.tabell.variabler)
