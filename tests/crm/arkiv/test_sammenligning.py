"""A base compared with a backup: what differs is found, and what is the same is not told."""

from __future__ import annotations

from collections import Counter

import pytest

from tasks.errors import ConfigError
from tests.crm.arkiv.avbrudd import restore
from tests.crm.arkiv.proevearkiv import PNG, attach, backup_of, empty_base, restoring


def test_comparing_finds_what_differs(server, api, liten):
    base = empty_base(api)
    restore(server.url, liten, base)
    geodata, folder = liten
    tomter = {r["fields"].get("Navn"): r["id"] for r in base.table("Tomter").all()}
    table, first = base.table("Tomter"), tomter["Tomt med alt"]
    cell = table.get(first)["fields"]
    table.update(first, {"Tall": -0.12345671, "Filer": [{"id": f["id"]} for f in cell["Filer"][:2]]})
    attach(base, first, "Filer", filename=".png", kind="image/png", data=PNG[::-1])
    attach(base, first, "Filer", filename="tom.txt", kind="text/plain", data=b"")
    table.update(first, {"Naboområder": cell["Naboområder"][::-1], "Klar": False})
    table.delete(tomter["Tomt 2"])
    table.create({"Navn": "Ny"})
    base.table("Helt tom").create({})
    with restoring(server.url, geodata, folder, base.id) as opened:
        found = opened.check()
    fields = Counter(line.partition("field ")[2] for line in found.forskjeller if "field " in line)
    assert fields == {"Tall": 1, "Filer": 1, "Naboområder": 1, "Klar": 1}
    assert sum("is missing" in line for line in found.forskjeller) == 1
    assert sum("is not in the backup" in line for line in found.forskjeller) == 2


def test_a_base_is_compared_with_its_own_backup_and_not_with_one_that_is_not_its_own(server, api, liten):
    geodata, folder = liten
    with restoring(server.url, geodata, folder, folder.parent.name) as opened:
        assert opened.check().forskjeller == []
    with (
        restoring(server.url, geodata, folder, empty_base(api).id) as opened,
        pytest.raises(ConfigError, match="not restored"),
    ):
        opened.check()


def test_a_computed_primary_field_is_the_same_by_its_name(server, api, tmp_path):
    fields = [{"name": "Navn", "type": "singleLineText"}]
    base = api.create_base("wspTest", "Formel", [{"name": "T", "fields": fields}])
    formula = {"name": "Tittel", "type": "formula", "options": {"formula": "{Navn} & '!'"}}
    title = server.hand.add_field(base.id, "T", formula)["id"]
    own = f"{server.url}/own/bases/{base.id}/tables/T"
    api.patch(own, json={"primaryFieldId": title})
    folder = backup_of(server.url, tmp_path, base.id).folder
    with restoring(server.url, tmp_path, folder, base.id) as opened:
        assert opened.check().merknader == []
        api.patch(own, json={"primaryFieldId": base.schema(force=True).table("T").field("Navn").id})
        assert opened.check().merknader == ["T has another primary field"]
