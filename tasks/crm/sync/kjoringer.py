"""Kjøringer: one row per run, and only so many of a kommune; the newest takes the place of the oldest.

A base holds so many records in all: 357 rows a night would fill it with its own log. Prefect keeps the rest.
"""

from __future__ import annotations

from prefect import task
from prefect.cache_policies import NO_CACHE

from config.base import Tabell
from config.registers import Kommune
from tasks.crm.client import readable_errors
from tasks.crm.rader.records import Row
from tasks.crm.sync import listing
from tasks.crm.sync.connection import Connection
from tasks.crm.sync.verdi import canonical_row

TABLE = "Kjøringer"


def record_run(kommune: Kommune, connection: Connection, row: Row) -> dict[str, int]:
    """Write the row of a run.

    Parameters
    ----------
    row
        Fields by name.

    Returns
    -------
    dict
        ``{"created": 1, "updated": 0}``, or the other way round when it took the place of the oldest.
    """
    if connection.base is None:
        return {"created": 0, "updated": 0}
    ids = connection.ids[TABLE]
    with readable_errors(f"writing {TABLE}"):
        there = {
            key: record.id
            for record in listing.records(connection.base, ids, listing.of_kommune(ids, kommune.nummer, with_own=False))
            if (key := record.key(ids.tabell))
        }
        place = _place(there, str(row[ids.tabell.noekkel]), connection.register.grenser.kjoringer_per_kommune)
        table = connection.base.table(ids.id)
        if place is not None:
            table.update(place, {ids.fields[n]: v for n, v in _whole(ids.tabell, row).items()})
            return {"created": 0, "updated": 1}
        fields = {ids.fields[n]: v for n, v in canonical_row(ids.tabell, row).items() if v is not None}
        answer = table.batch_upsert([{"fields": fields}], key_fields=[ids.fields[ids.tabell.noekkel]])
    connection.state.add_records(TABLE, len(answer["createdRecords"]))
    return {"created": len(answer["createdRecords"]), "updated": len(answer["updatedRecords"])}


def _place(there: dict[str, str], key: str, most: int) -> str | None:
    """Return the record that a run's row goes into: its own, the oldest when there are enough, or None for a new one.

    Keys begin with the time of the start, so that they sort by it.

    Examples
    --------
    >>> _place({"2026-11-02T02:00 3207": "rec2", "2026-11-01T02:00 3207": "rec1"}, "2026-11-03T02:00 3207", 2)
    'rec1'
    >>> _place({"2026-11-01T02:00 3207": "rec1"}, "2026-11-03T02:00 3207", 2)
    """
    if key in there:
        return there[key]
    return there[min(there)] if len(there) >= most else None


def _whole(tabell: Tabell, row: Row) -> Row:
    """Return a value for every field of the program: what the older run had and this one has not, is emptied."""
    return dict.fromkeys(f.navn for f in tabell.felt if f.eier == "pipeline") | canonical_row(tabell, row)


@task(name="noter i Kjøringer", task_run_name="noter resultat {kommune.nummer}", cache_policy=NO_CACHE)
def record_run_task(kommune: Kommune, connection: Connection, row: Row) -> dict[str, int]:
    """Write the row of this run."""
    return record_run(kommune, connection, row)
