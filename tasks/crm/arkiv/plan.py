"""What a restore would do: figures of a backup and of what a journal says is done, before anything is written."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from config.arkiv import arkiv_regler
from tasks.crm.arkiv.felt import fields_of, files_in, links_in, people_in
from tasks.crm.arkiv.journal import Journal
from tasks.crm.arkiv.parring import NEVER, Parring, by_hand
from tasks.crm.arkiv.verifisering import Arkiv
from tasks.crm.chunks import CHUNK

RATE_PER_S = 4.5
"""Calls a second when no other pace is set."""
PAGE = 100
OF_SCHEMA = 9
"""Times that a restore reads the schema, or marks the base."""


@dataclass(frozen=True)
class RestorePlan:
    """Figures of a restore; what a journal says is done is left out.

    Attributes
    ----------
    tabeller, felt
        To be made.
    lenker
        Records that have links to be written.
    for_store, uten_bytes, avvist
        Attachments that are larger than an upload, those whose bytes the backup lacks, and those that Airtable has
        refused.
    personer
        Cells' mentions of people, who must be collaborators of the base.
    """

    tabeller: int
    felt: int
    poster: int
    lenker: int
    vedlegg: int
    vedlegg_byte: int
    for_store: int
    uten_bytes: int
    avvist: int
    personer: int
    lose_lenker: int
    kall: int
    haand: tuple[str, ...]

    def lines(self, *, rate_per_s: float) -> Iterator[str]:
        """Yield the figures as a person reads them."""
        minutes = self.kall / (rate_per_s or RATE_PER_S) / 60
        yield f"{self.tabeller} tables and {self.felt} fields to make"
        yield f"{self.poster:,} records to make, {self.lenker:,} of the backup's with links to write"
        yield f"{self.vedlegg:,} attachments to upload ({self.vedlegg_byte / 1e6:,.1f} MB)"
        yield f"about {self.kall:,} calls, {minutes:,.1f} minutes"
        if self.for_store:
            most = arkiv_regler().vedlegg.maks_opplasting_byte
            yield f"{self.for_store} attachments are larger than the {most:,} bytes of an upload: by hand"
        if self.uten_bytes:
            yield f"{self.uten_bytes} attachments have no bytes in the backup, which is incomplete"
        if self.avvist:
            yield f"{self.avvist} attachments were refused by Airtable: by hand"
        if self.lose_lenker:
            yield f"{self.lose_lenker} links lead to records that are not in the backup, and are left out"
        if self.personer:
            yield f"{self.personer:,} mentions of people: left out where they are no collaborators of the base"
        yield f"never brought back: {NEVER}"
        for line in self.haand:
            yield f"by hand: {line}"


def plan(arkiv: Arkiv, parring: Parring, journal: Journal) -> RestorePlan:
    """Return the figures of restoring a backup; reads it once."""
    most = arkiv_regler().vedlegg.maks_opplasting_byte
    poster = lenker = vedlegg = vedlegg_byte = for_store = uten_bytes = personer = kall = 0
    for table in arkiv.tables:
        fields = fields_of(table)
        written = {i: f for i, f in fields.items() if i in parring.ends}
        new = linked = 0
        for record in arkiv.records(table["id"]):
            cells = record["fields"]
            new += record["id"] not in journal.posts
            personer += people_in(fields, cells)
            linked += any(targets for _, targets in links_in(written, cells))
            for field_id, files in files_in(fields, cells):
                usable = journal.uploads(record["id"], field_id, files, most=most)
                uten_bytes += sum(f["sha256"] is None for f in files)
                for_store += sum(f["sha256"] is not None and f["size"] > most for f in files)
                left = usable[journal.loaded.get((record["id"], field_id), 0) :]
                vedlegg += len(left)
                vedlegg_byte += sum(f["size"] for f in left)
        left_linked = max(0, linked - journal.linked.get(table["id"], 0))
        poster, lenker = poster + new, lenker + left_linked
        kall += math.ceil(new / CHUNK) + math.ceil(left_linked / CHUNK)
    links = sum(f["id"] in parring.ends for _, f in parring.new_fields)
    of_schema = len(parring.new_tables) + 2 * links + OF_SCHEMA
    checked = sum(max(1, math.ceil(t.poster / PAGE)) for t in arkiv.manifest.tabeller)
    return RestorePlan(
        tabeller=len(parring.new_tables),
        felt=len(parring.new_fields),
        poster=poster,
        lenker=lenker,
        vedlegg=vedlegg,
        vedlegg_byte=vedlegg_byte,
        for_store=for_store,
        uten_bytes=uten_bytes,
        avvist=len(journal.refused),
        personer=personer,
        lose_lenker=arkiv.manifest.lose_lenker,
        kall=kall + vedlegg + of_schema + 2 * checked,
        haand=tuple(by_hand(arkiv.tables)),
    )
