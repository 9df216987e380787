"""Pairing: which table and field of a base stands for which of a backup, and what the base lacks.

Names decide: a restored base has other ids. A link stands in two fields, of which one is made and written; Airtable
makes the other one, and it is found by the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.crm.arkiv.felt import FILES, LINK, is_creatable, same_kind

JSON = dict[str, Any]


@dataclass
class Parring:
    """Tables and fields of a backup in a base.

    Attributes
    ----------
    tables, fields
        Id in the backup → id in the base.
    ends
        Field of a link that is written → the field at its other end, or None; ids of the backup.
    new_tables, new_fields
        What the base lacks, the fields of its tables too; each field with its table.
    renames
        Fields at other ends that are called otherwise in the base: table, id in the base, and the field in the backup.
    refusals
        Why the backup does not fit into the base, a sentence each.
    """

    tables: dict[str, str] = field(default_factory=dict)
    fields: dict[str, str] = field(default_factory=dict)
    ends: dict[str, str | None] = field(default_factory=dict)
    new_tables: list[JSON] = field(default_factory=list)
    new_fields: list[tuple[JSON, JSON]] = field(default_factory=list)
    renames: list[tuple[str, str, JSON]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def written_links(tables: Sequence[JSON]) -> dict[str, str | None]:
    """Return the field of each link that is written → the one at its other end; None for a link within a table.

    The written one is that whose other end is called as its table, as Airtable names it when a link is made; else that
    of the later table.
    """
    place = {t["id"]: n for n, t in enumerate(tables)}
    home = {f["id"]: (t, f) for t in tables for f in t["fields"] if f["type"] == LINK}
    ends: dict[str, str | None] = {}
    for field_id, (table, link) in home.items():
        options = link.get("options") or {}
        other_end = home.get(str(options.get("inverseLinkFieldId")))
        if options.get("linkedTableId") not in place:
            continue
        if other_end is None or other_end[0] is table:
            ends[field_id] = None
            continue
        other, back = other_end
        ours, theirs = _is_named_by(back, table), _is_named_by(link, other)
        if (place[table["id"]] > place[other["id"]]) if ours == theirs else ours:
            ends[field_id] = back["id"]
    return ends


def _is_named_by(back: JSON, table: JSON) -> bool:
    return bool(back["name"].casefold() == table["name"].casefold())


def pair(backup: Sequence[JSON], base: Sequence[JSON]) -> Parring:
    """Return how a backup fits into a base.

    Parameters
    ----------
    backup, base
        Tables with their fields, as Airtable answers them.
    """
    found = Parring(ends=written_links(backup))
    theirs = {t["name"].casefold(): t for t in base}
    for table in backup:
        there = theirs.get(table["name"].casefold())
        if there is None:
            found.new_tables.append(table)
        else:
            found.tables[table["id"]] = there["id"]
    for table in backup:
        _pair_fields(table, theirs.get(table["name"].casefold()), found)
    _pair_ends(backup, base, found)
    return found


def _pair_fields(table: JSON, there: JSON | None, found: Parring) -> None:
    """Pair fields by name, but for the other ends of links."""
    by_name = {f["name"].casefold(): f for f in there["fields"]} if there else {}
    others = set(found.ends.values())
    for one in table["fields"]:
        if not is_creatable(one) or (one["type"] == LINK and one["id"] not in found.ends):
            continue
        if one["id"] in others:
            continue
        twin = by_name.get(one["name"].casefold())
        if twin is None:
            found.new_fields.append((table, one))
            continue
        found.fields[one["id"]] = twin["id"]
        wrong = same_kind(one, twin)
        if wrong is None and one["type"] == LINK:
            wrong = _wrong_target(one, twin, found)
        if wrong is not None:
            found.refusals.append(f"{table['name']}.{one['name']} {wrong}")


def _wrong_target(one: JSON, twin: JSON, found: Parring) -> str | None:
    wanted = found.tables.get(one["options"]["linkedTableId"])
    if wanted is not None and wanted == (twin.get("options") or {}).get("linkedTableId"):
        return None
    return "links to another table in the base than in the backup"


def _pair_ends(backup: Sequence[JSON], base: Sequence[JSON], found: Parring) -> None:
    """Pair the other ends of links by the fields that are written.

    A link that was made and not named has the name that Airtable gave it, which may be that of another link's end: what
    is to be renamed holds no name.
    """
    home = {f["id"]: (t, f) for t in backup for f in t["fields"]}
    there = {f["id"]: (t, f) for t in base for f in t["fields"]}
    held = {(t["id"], f["name"].casefold()): f["id"] for t in base for f in t["fields"]}
    wrong: list[tuple[str, str, JSON]] = []
    for written, end in found.ends.items():
        if end is None:
            continue
        twin = there.get(found.fields.get(written, ""))
        new_end = str((twin[1].get("options") or {}).get("inverseLinkFieldId")) if twin else ""
        if new_end in there:
            found.fields[end] = new_end
            table_id, is_called = there[new_end][0]["id"], there[new_end][1]["name"]
            if is_called != home[end][1]["name"]:
                wrong.append((table_id, new_end, home[end][1]))
    _order(wrong, held, found)
    for end in filter(None, found.ends.values()):
        table, one = home[end]
        holder = held.get((found.tables.get(table["id"], ""), one["name"].casefold()))
        if holder not in {None, found.fields.get(end)}:
            found.refusals.append(
                f"{table['name']}.{one['name']} is in the base, but not as the other end of the link that it is in the "
                "backup"
            )


def _order(wrong: list[tuple[str, str, JSON]], held: dict[tuple[str, str], str], found: Parring) -> None:
    """Order renames so that each name is free when its turn comes; those that wait for each other are left out.

    Parameters
    ----------
    held
        Table and name in lower case → the field that is called so; changed to what it is after the renames.
    """
    while wrong:
        free = next((w for w in wrong if held.get((w[0], w[2]["name"].casefold())) in {None, w[1]}), None)
        if free is None:
            return
        wrong.remove(free)
        found.renames.append(free)
        for place in [p for p, field_id in held.items() if field_id == free[1]]:
            del held[place]
        held[free[0], free[2]["name"].casefold()] = free[1]


def by_hand(tables: Sequence[JSON]) -> list[str]:
    """Return what of a schema no program can make, a line each: what a person makes after a restore."""
    lines, ends = [], written_links(tables)
    made = {*ends, *(e for e in ends.values() if e is not None)}
    for table in tables:
        primary = next((f for f in table["fields"] if f["id"] == table["primaryFieldId"]), None)
        for one in table["fields"]:
            where = f"{table['name']}.{one['name']}"
            if not is_creatable(one):
                lines.append(f"{where}: a field of type {one['type']}")
            elif one["type"] == LINK and one["id"] not in made:
                lines.append(f"{where}: a link to a table that is not in the backup")
            elif (one.get("options") or {}).get("prefersSingleRecordLink"):
                lines.append(f"{where}: limited to one record")
        if primary is not None and (not is_creatable(primary) or primary["type"] in {LINK, FILES}):
            lines.append(f"{table['name']}: {primary['name']} as the primary field")
        views = [v.get("name") for v in table.get("views") or () if isinstance(v, dict)]
        if len(views) > 1:
            lines.append(f"{table['name']}: {len(views)} views")
    return lines


NEVER = (
    "comments, the history of records and when they were made (all are new), views, automations, interfaces, forms and "
    "permissions"
)
"""What a backup does not hold, or no program can bring back."""
