"""Sales' own fields of the lots, as one more source: read back at every run and kept under core/salg.

A row is a lot in the base. Key: tomt_id. No free text and no names are kept: whoever needs a note reads it in Airtable.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from config.base import Tabell
from tasks.contracts import SALG
from tasks.crm.diff import Record
from tasks.crm.records import Row

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
            "fase": fields.get("Fase"),
            **{column: fields.get(name) for column, name in DATES.items()},
            "er_beholdt": bool(fields.get("Behold")),
            "til_vurdering": bool(fields.get("Til vurdering")),
            "er_roert": bool(touched),
        }

    def frame(self) -> pd.DataFrame:
        """Return contract salg, sorted by lot."""
        if not self._rows:
            return SALG.empty()
        frame = pd.DataFrame(self._rows).drop_duplicates("tomt_id").sort_values("tomt_id", ignore_index=True)
        return frame.astype({c: object for c, kind in SALG.columns.items() if kind == "text"})
