"""What a source of context said last, and for how long that is not asked again: raw/<source>/<kommune>/svar.json.

Beside the snapshots, which only rows leave: that a source covers a kommune and has nothing there is an answer too. It
holds for the question that was asked – the address, the layers, the box – and for as long as the source's
`gyldig_dager` says; while the source is down, for as long as any last good answer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import shapely

from config.kilder import Kilde
from tasks.answer import Answer, Empty, Failed, NotCovered, Rows
from tasks.sources.sist import Last
from tasks.sources.tekstfil import replace_text
from tasks.store import CLOCKS_DIFFER, Geodata

FILE = "svar.json"
KINDS: Mapping[str, type[Answer]] = {kind.__name__: kind for kind in get_args(Answer) if kind is not Failed}
NO_MATTER = frozenset({"sandbox", "prioritet", "valgfri", "gyldig_dager", "lisens", "merknad"})
"""Of a source, what no other answer comes of."""

IDENTITY = frozenset({"tema", "protokoll", "adresse", "datasett", "lag", "filter"})
"""Of a source, what makes another source of it: no snapshot of the one serves the other."""


@dataclass(frozen=True)
class Svar:
    """What a source said last.

    Attributes
    ----------
    svar
        Rows, Empty or NotCovered.
    tid
        When, UTC.
    grunn
        Its reason, in words for a person; "" for rows.
    """

    svar: str
    tid: datetime
    grunn: str


@dataclass(frozen=True, kw_only=True)
class Husk:
    """The memory of what one source said of one kommune.

    Attributes
    ----------
    omraade
        The kommune's land and water, by whose box the source is asked.
    now
        The time of the fetch, UTC.
    mer
        What the source is asked beyond what it is and the box.
    """

    kilde: Kilde
    geodata: Geodata
    kommunenummer: str
    omraade: shapely.Geometry | None
    now: datetime
    mer: str = ""

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return self.geodata.raw_folder(self.kilde.navn, self.kommunenummer) / FILE

    def last(self) -> Svar | None:
        """Return what the source said last to the question that it would be asked now; None when it was never asked."""
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            said = json.loads(self.path.read_text(encoding="utf-8"))
            tid = datetime.fromisoformat(said["tid"])
            known = said["svar"] in KINDS and isinstance(said["grunn"], str)
            if known and said["spurt"] == self._question() and tid < self.now + CLOCKS_DIFFER:
                return Svar(said["svar"], tid, said["grunn"])
        return None

    def valid(self, last: Last | None) -> Answer | None:
        """Return the last answer when it is too young to be asked for again.

        Parameters
        ----------
        last
            The source's newest good snapshot.
        """
        said = self.last()
        if said is None or self.geodata.held(self.kilde.navn, self.kommunenummer) is not None:
            return None
        has_rows = last is not None and last.provenance.antall_mottatt > 0
        if last is not None and has_rows:
            if said.svar != Rows.__name__:
                return None
            seen = self.geodata.seen(self.kilde.navn, self.kommunenummer)
            if not self._is_younger(seen.tid, self.kilde.gyldig_dager):
                return None
            kept = last.provenance
            return Rows(self.kilde.navn, last.path, kept, sett_tid=seen.tid.isoformat(), kopidato=seen.kopidato)
        if said.svar == Rows.__name__ or not self._is_younger(said.tid, self.kilde.gyldig_dager):
            return None
        kind = Empty if said.svar == Empty.__name__ else NotCovered
        return kind(self.kilde.navn, f"{said.grunn} Spurt {said.tid:%Y-%m-%d}.")

    def of_this(self, last: Last | None) -> Last | None:
        """Return the newest snapshot, unless the source was another one then: an address or a layer that is corrected.

        What another layer had is nothing that this one may be served by, or be held against.
        """
        with suppress(OSError, ValueError, KeyError, TypeError):
            return last if json.loads(self.path.read_text(encoding="utf-8"))["hos"] == self._source() else None
        return last

    def remember(self, answer: Answer, *, tid: datetime | None = None) -> None:
        """Keep what the source has just said; what serves in its place is nothing that it said.

        Parameters
        ----------
        tid
            When it said so, where that was not now.

        Raises
        ------
        StoreError
            When the disk refuses.
        """
        if isinstance(answer, Failed) or (isinstance(answer, Rows) and answer.reserve is not None):
            return
        said: dict[str, Any] = {
            "svar": type(answer).__name__,
            "tid": (tid or self.now).isoformat(),
            "grunn": "" if isinstance(answer, Rows) else answer.grunn,
            "spurt": self._question(),
            "hos": self._source(),
        }
        replace_text(self.path, json.dumps(said, ensure_ascii=False, indent=1))

    def in_reserve(self, failed: Failed, *, dager: int) -> Empty | None:
        """Return that there was nothing, while a source that said so cannot be read; None when it is too long ago."""
        said = self.last()
        if said is None or said.svar != Empty.__name__ or not self._is_younger(said.tid, dager):
            return None
        why = f"Kilden kunne ikke leses: {failed.grunn} Den hadde ingenting {said.tid:%Y-%m-%d}."
        return Empty(self.kilde.navn, why, forsoek=failed.forsoek, reserve=why)

    def _is_younger(self, tid: datetime, dager: int) -> bool:
        return self.now - tid < timedelta(days=dager)

    def _question(self) -> str:
        """Return a digest of what the source is asked."""
        box = None if self.omraade is None else [round(v) for v in self.omraade.bounds]
        asked = self.kilde.model_dump(exclude=set(NO_MATTER)) | {"boks": box} | ({"mer": self.mer} if self.mer else {})
        return _digest(asked)

    def _source(self) -> str:
        """Return a digest of what the source is: what it brings, and from where."""
        return _digest(self.kilde.model_dump(include=set(IDENTITY)))


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
