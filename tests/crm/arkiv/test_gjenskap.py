"""Tables and fields made anew: those that are there already, links and their other ends, what a person makes."""

from __future__ import annotations

import pytest

from tasks.errors import ConfigError
from tests.crm.arkiv.avbrudd import Killed, killed_at, restore
from tests.crm.arkiv.proevearkiv import FIELDS, backup_of, empty_base, filled_base, restoring


@pytest.mark.long
def test_links_whose_ends_bear_each_others_first_names_are_made_whenever_it_is_killed(
    server, api, tmp_path, monkeypatch
):
    text = [{"name": "Navn", "type": "singleLineText"}]
    full = api.create_base("wspTest", "To", [{"name": "Områder", "fields": text}])
    tomter = full.create_table("Tomter", text).id
    omraader = full.schema(force=True).table("Områder").id
    for name in ("Hoved", "Nabo"):
        full.table(tomter).create_field(name, "multipleRecordLinks", options={"linkedTableId": omraader})
    for old, new in (("Tomter", "Hovedtomter"), ("Tomter 2", "Tomter")):
        end = next(f for f in full.schema(force=True).table("Områder").fields if f.name == old)
        end.name = new
        end.save()
    folder = backup_of(server.url, tmp_path, full.id).folder
    for number in range(1, 60):
        base = empty_base(api)
        with monkeypatch.context() as patch:
            killed_at(patch, number, after=True)
            try:
                restore(server.url, (tmp_path, folder), base)
            except Killed:
                is_dead = True
            else:
                is_dead = False
        assert restore(server.url, (tmp_path, folder), base).funn.antall == 0, number
        if not is_dead:
            break
    assert number > 10


def test_tables_that_are_there_are_used_when_they_fit_and_nothing_is_written_when_they_do_not(server, api, liten):
    base = empty_base(api)
    base.create_table(
        "områder", [{"name": "Annet", "type": "singleLineText"}, {"name": "navn", "type": "singleLineText"}]
    )
    found = restore(server.url, liten, base).funn
    assert found.forskjeller == []
    assert found.merknader == ["Områder has another primary field"]
    assert {f.name for f in base.schema(force=True).table("områder").fields} == {
        "Annet", "navn", "Tomter", "Nabotomter"
    }  # fmt: skip

    wrong = empty_base(api)
    wrong.create_table("Områder", [{"name": "Navn", "type": "multilineText"}, {"name": "Tomter", "type": "url"}])
    few = {"choices": [{"name": "Ja"}]}
    wrong.create_table(
        "Tomter", [{"name": "Navn", "type": "singleLineText"}, {"name": "Svar", "type": "singleSelect", "options": few}]
    )
    before = [t.model_dump() for t in wrong.schema(force=True).tables]
    with pytest.raises(ConfigError) as caught:
        restore(server.url, liten, wrong)
    said = str(caught.value)
    assert "Områder.Navn is multilineText in the base and singleLineText in the backup" in said
    assert "Tomter.Svar lacks 1 of the backup's options" in said
    assert "Områder.Tomter is in the base, but not as the other end" in said
    assert [t.model_dump() for t in wrong.schema(force=True).tables] == before


def test_computed_fields_are_left_to_a_person(server, api, tmp_path):
    full = filled_base(api, rows=6, files=False)
    for name, kind in (("Lenke", "button"), ("Nr", "manualSort")):
        server.hand.add_field(full.base.id, "Tomter", {"name": name, "type": kind})
    server.hand.add_view(full.base.id, "Tomter", "Kanban", kind="kanban")
    folder = backup_of(server.url, tmp_path, full.base.id).folder
    base = empty_base(api)
    with restoring(server.url, tmp_path, folder, base.id) as opened:
        lines = list(opened.look().lines(rate_per_s=4.5))
        assert opened.write(lambda _: None).funn.forskjeller == []
    assert "by hand: Tomter.Lenke: a field of type button" in lines
    assert "by hand: Tomter: 2 views" in lines
    fields = base.schema(force=True).table("Tomter").fields
    assert {f.name for f in fields} == {*FIELDS, "Hovedområde", "Naboområder", "Ligger ved"}
