"""A base as a run fills it, into a backup and back: links that the program makes find their records by name."""

from __future__ import annotations

from tests.crm.arkiv.proevearkiv import backup_of, empty_base, restoring
from tests.crm.proevebase import Person, only
from tests.crm.sync_prosess import TOMTEVIK

JOINED = f"{TOMTEVIK.nummer}-S000001"


def test_assemblies_come_back_with_their_lots_and_what_sales_wrote(verden):
    verden.person.change("Sammenslåinger", JOINED, {"Aktuell?": "Kanskje", "Notat": "Ring begge"})
    root, api, tables = verden.geodata.root, verden.person.api, ("Sammenslåinger", "Tomter")
    taken = backup_of(verden.server.url, root, verden.person.base.id)
    base = empty_base(api)
    with restoring(verden.server.url, root, taken.folder, base.id) as restore:
        assert restore.write(lambda _: None).funn.forskjeller == []
    restored = only(Person(api, base).stand(), *tables)
    assert restored == only(verden.stand(), *tables)
    row = restored["Sammenslåinger"][JOINED]
    assert (len(row["Tomter"]), row["Aktuell?"], row["Notat"]) == (3, "Kanskje", "Ring begge")
    assert all(restored["Tomter"][lot]["Sammenslåinger"] == [JOINED] for lot in row["Tomter"])
