"""What a source brought last: its newest good snapshot, and whether a new answer is much less."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from config.kilder import Kilde, Tema
from config.registers import regler
from tasks.answer import Provenance, Rows
from tasks.errors import StoreError
from tasks.sources.sosi import ATTRIBUTTER, columns_of
from tasks.sources.svar import Validators
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")

PLANTYPE = next(navn for navn in ATTRIBUTTER if navn.sosi == "plantype")


@dataclass(frozen=True)
class Last:
    """The newest good snapshot of a source."""

    path: Path
    provenance: Provenance

    @property
    def validators(self) -> Validators:
        """What the source called it."""
        return Validators(self.provenance.etag, self.provenance.sist_endret)


def last_of(kilde: Kilde, geodata: Geodata, kommunenummer: str) -> Last | None:
    """Return the newest good snapshot of a source; one that is damaged is set aside, and the one before it counts."""
    while (path := geodata.latest(kilde.navn, kommunenummer)) is not None:
        try:
            return Last(path, geodata.provenance(path))
        except StoreError as error:
            log.warning("%s It is set aside; the one before it is used.", error)
            geodata.set_aside(path)
    return None


def newest(sources: Iterable[Kilde], geodata: Geodata, kommunenummer: str) -> Last | None:
    """Return the snapshot of these sources that a source has most recently said is what it has."""
    found = [last for kilde in sources if (last := last_of(kilde, geodata, kommunenummer)) is not None]
    usable = [last for last in found if last.provenance.antall_mottatt]
    return max(usable, key=lambda last: geodata.seen(last.provenance.kilde, kommunenummer).tid, default=None)


def fall(before: Provenance, now: Provenance, largest: float) -> str | None:
    """Return how much less came than before, in words, when that is more than may be believed.

    Parameters
    ----------
    largest
        Share that may go at once, of the features and of their area.
    """
    said = []
    if now.antall_mottatt < (1 - largest) * before.antall_mottatt:
        said.append(f"antall objekter falt fra {before.antall_mottatt} til {now.antall_mottatt}")
    if before.areal_m2 and (now.areal_m2 or 0.0) < (1 - largest) * before.areal_m2:
        said.append(f"arealet falt fra {before.areal_m2 / 1e6:.2f} til {(now.areal_m2 or 0.0) / 1e6:.2f} km²")
    other = f" (mot {before.kilde}, som ga data til nå)" if said and before.kilde != now.kilde else ""
    return (" og ".join(said) + other) or None


def says_so(answer: Rows, tema: Tema, kilde: Kilde) -> bool:
    """Return whether an answer that should hold another theme too has any of it.

    Of kommunedelplaner its plantyper tell; what else a source is said to hold is taken on trust.
    """
    if tema != "kommunedelplan":
        return True
    columns = [kilde.kolonner["plantype"]] if "plantype" in kilde.kolonner else []
    columns += columns_of(PLANTYPE, pq.read_schema(answer.path).names)
    for column in columns:
        values = pq.read_table(answer.path, columns=[column]).column(column).to_pylist()
        if {PLANTYPE.clean(v) for v in set(values)} & set(regler().plan.kommunedelplan_typer):
            return True
    return False
