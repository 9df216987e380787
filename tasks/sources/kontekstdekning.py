"""Kontekstdekning: what each layer of context is worth: known or not, from whom, how old; contract KONTEKSTDEKNING.

A layer that is not known keeps the digest and the times of what lies in core: that is what came before. None is known
for ever: one that nobody has confirmed for longer than an answer holds, and may serve in reserve after that, is not.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from config.kilder import Kilde
from config.konflikt import konflikter
from tasks.answer import Answer, Empty, Failed, NotCovered, Rows
from tasks.contracts import FLAG, NUMBER
from tasks.sources import gyldig
from tasks.sources.address import plain_address
from tasks.store import Geodata
from tasks.tomtekontrakter import KONTEKSTDEKNING

SVAR: Mapping[type[Answer], str] = {Rows: "rader", Empty: "tom", NotCovered: "ikke_dekket", Failed: "feilet"}

Row = Mapping[Hashable, object]


@dataclass(frozen=True, kw_only=True)
class Vurdering:
    """What is known of a reading of the context of a kommune.

    Attributes
    ----------
    known
        Sources by name.
    naa
        The time that ages are told at, UTC.
    ubrukelige
        Layer → why what it brought cannot be used.
    antall
        Layer → its rows in core.
    beside
        Layer → what its rows depend on beside what the source brought.
    reserve_dager
        How long the last good answer of a source may serve beyond its `gyldig_dager`.
    """

    known: Mapping[str, Kilde]
    geodata: Geodata
    kommunenummer: str
    naa: datetime
    ubrukelige: Mapping[str, str]
    antall: Mapping[str, int]
    beside: Mapping[str, str]
    reserve_dager: int

    def coverage(self, answers: Mapping[str, Answer], before: pd.DataFrame, *, lag: Sequence[str]) -> pd.DataFrame:
        """Return contract KONTEKSTDEKNING: the layers that were asked for, and the others as they were.

        Parameters
        ----------
        before
            Contract KONTEKSTDEKNING, of the reading before.
        lag
            Every layer there is, in order.
        """
        old: dict[str, Row] = {str(r["lag"]): dict(r) for r in before.to_dict("records")}
        rows: list[Row] = []
        for navn in lag:
            answer = answers.get(navn)
            if answer is not None:
                rows.append(self._row(navn, answer, old.get(navn, {})))
            elif navn in old:
                rows.append({**old[navn], **self._aged(old[navn].get("sett_tid"))})
        return _typed([self._while_it_holds(row) for row in rows])

    def _row(self, lag: str, answer: Answer, before: Row) -> Row:
        is_known = isinstance(answer, Rows | Empty) and lag not in self.ubrukelige
        kilde = self.known.get(answer.kilde)
        tema = konflikter().lag[lag].tema if lag in konflikter().lag else None
        content: Row
        if isinstance(answer, Rows | Empty) and is_known:
            content = self._content(lag, answer, before)
        else:  # what lies in core is what came before
            content = {name: before.get(name) for name in ("hentet_tid", "sett_tid", "sha256")}
        return {
            "lag": lag,
            "tema": tema,
            "svar": "feilet" if lag in self.ubrukelige else SVAR[type(answer)],
            "er_kjent": is_known,
            "er_reserve": isinstance(answer, Rows | Empty) and is_known and answer.reserve is not None,
            "kilde": answer.kilde,
            "grunn": self.ubrukelige.get(lag) or (answer.reserve if isinstance(answer, Rows) else answer.grunn) or None,
            **content,
            **self._aged(content["sett_tid"]),
            "antall": float(self.antall.get(lag, 0)),
            "adresse": plain_address(kilde.adresse) if kilde is not None and kilde.adresse else None,
            "lisens": None if kilde is None else kilde.lisens,
        }

    def _while_it_holds(self, row: Row) -> Row:
        """Return a row that is no longer known when the source has not said so for too long."""
        kilde = self.known.get(str(row["kilde"]))
        most = self.reserve_dager + (0 if kilde is None else kilde.gyldig_dager)
        if not row["er_kjent"] or float(str(row["alder_dager"])) <= most:
            return row
        seen = f"sist bekreftet {str(row['sett_tid'])[:10]}"
        why = f"{row['kilde']}: {seen}, for lenge siden til å si noe om i dag. Hent på nytt."
        return {**row, "er_kjent": False, "er_reserve": False, "svar": SVAR[Failed], "grunn": why}

    def _content(self, lag: str, answer: Rows | Empty, before: Row) -> Row:
        if isinstance(answer, Rows):
            said, hentet, sett = answer.provenance.sha256, answer.provenance.hentet_tid, answer.sett_tid
        else:
            said, hentet = "", self._asked(answer.kilde)
            sett = hentet
        whole = hashlib.sha256(f"{said}|{self.beside.get(lag, '')}".encode()).hexdigest()
        if isinstance(answer, Empty) and (before.get("sha256"), before.get("kilde")) == (whole, answer.kilde):
            hentet = str(before.get("hentet_tid") or hentet)  # nothing, once more, is the same content
        return {"hentet_tid": hentet, "sett_tid": sett or hentet, "sha256": whole}

    def _asked(self, kilde: str) -> str:
        """Return when a source said that it has nothing."""
        path = self.geodata.raw_folder(kilde, self.kommunenummer) / gyldig.FILE
        with suppress(OSError, ValueError, KeyError, TypeError):
            return datetime.fromisoformat(json.loads(path.read_text(encoding="utf-8"))["tid"]).isoformat()
        return self.naa.isoformat()

    def _aged(self, tid: object) -> Row:
        with suppress(ValueError, TypeError):
            age = self.naa - datetime.fromisoformat(str(tid))
            return {"alder_dager": round(max(0.0, age.total_seconds()) / 86_400, 2)}
        return {"alder_dager": math.nan}


def _typed(rows: Sequence[Row]) -> pd.DataFrame:
    kinds = {NUMBER: "float64", FLAG: "bool"}
    return pd.DataFrame(
        {
            column: pd.Series([row[column] for row in rows], dtype=kinds.get(kind, "object"))
            for column, kind in KONTEKSTDEKNING.columns.items()
        }
    )
