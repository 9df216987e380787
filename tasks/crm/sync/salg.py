"""Sales' own fields of the lots, as one more source: read back at every run and kept under core/salg.

A row is a lot in the base. Key: tomt_id. No free text and no names are kept: whoever needs a note reads it in Airtable.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from config.base import Tabell
from tasks.contracts import SALG
from tasks.crm.rader.rad import day
from tasks.crm.rader.records import Row
from tasks.crm.sync.diff import Record

log = logging.getLogger("tomt.crm")

DATES = {"parkert_til": "Parkert til", "neste_steg_dato": "Neste steg dato", "sist_kontaktet": "Sist kontaktet"}


@dataclass
class SalesView:
    """What is seen of Tomter on the way through: sales' fields, which lots there are, and people's own lots.

    Attributes
    ----------
    reverse
        Fields that other tables' links have given to Tomter, such as activities.
    teiger
        Tomt-id → teig, of the lots in the base.
    own
        Records without our key: record id and fields.
    """

    tabell: Tabell
    kommunenummer: str
    reverse: Collection[str] = ()
    teiger: dict[str, str | None] = field(default_factory=dict)
    own: list[tuple[str, Row]] = field(default_factory=list)
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _odd: set[str] = field(default_factory=set)

    def tap(self, records: Iterable[Record]) -> Iterator[Record]:
        """Pass records on, and remember what is sales' of them."""
        theirs = [f.navn for f in self.tabell.felt if f.eier == "sales"]
        start = self.tabell.field("Fase").start
        for record in records:
            key = record.key(self.tabell)
            if key:
                self.teiger[key] = record.fields.get("Teig")
                self._rows.append(self._row(key, record.fields, theirs, start))
            else:
                self.own.append((record.id, record.fields))
            yield record

    def _row(self, key: str, fields: Row, theirs: Collection[str], start: object) -> dict[str, Any]:
        touched = any(fields.get(n) for n in (*theirs, *self.reverse)) or fields.get("Fase") not in (None, start)
        return {
            "tomt_id": key,
            "kommunenummer": self.kommunenummer,
            "fase": self._read("Fase", fields),
            **{column: self._read(name, fields, is_day=True) for column, name in DATES.items()},
            "er_beholdt": bool(fields.get("Behold")),
            "til_vurdering": bool(fields.get("Til vurdering")),
            "er_roert": bool(touched),
        }

    def _read(self, name: str, fields: Row, *, is_day: bool = False) -> str | None:
        """Return the text of a field that sales may have given another type; None for what is none."""
        value = fields.get(name)
        plain = day(value) if is_day else value if isinstance(value, str) else None
        if plain is None and value is not None and name not in self._odd:
            self._odd.add(name)
            log.warning(
                "%s: %s.%s holds values that are no %s; they are passed over. Give the field its type back: "
                "`tomt base check` names it.",
                self.kommunenummer,
                self.tabell.navn,
                name,
                "date" if is_day else "text",
            )
        return plain

    def frame(self) -> pd.DataFrame:
        """Return contract salg, sorted by lot."""
        if not self._rows:
            return SALG.empty()
        frame = pd.DataFrame(self._rows).drop_duplicates("tomt_id").sort_values("tomt_id", ignore_index=True)
        return frame.astype({c: object for c, kind in SALG.columns.items() if kind == "text"})
