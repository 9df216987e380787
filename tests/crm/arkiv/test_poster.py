"""Records that Airtable does not take as they were: people who are not there, values that are refused."""

from __future__ import annotations

import json

import pytest

from tasks.errors import AirtableError
from tests.crm.arkiv.avbrudd import REFUSED, is_create, restore
from tests.crm.arkiv.proevearkiv import backup_of, empty_base, restoring
from tests.crm.onde_servere import OndAirtable, Svar, refuse


def test_people_who_are_not_there_are_left_out_and_told(server, api, liten, pauser):
    base = empty_base(api)
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_create(a) and b'"usrAAAAAAAAAAAAAA"' in a.body, refuse(422, REFUSED), times=99)
        done = restore(proxy.url, liten, base)
    assert (done.uten_personer, done.ukjente_personer) == (1, ("usrAAAAAAAAAAAAAA",)), "the other one stays"
    assert (done.funn.forskjeller, done.funn.for_haand["people"]) == ([], 2)
    full = next(r for r in base.table("Tomter").all() if r["fields"].get("Navn") == "Tomt med alt")
    assert [one["id"] for one in full["fields"]["Team"]] == ["usrBBBBBBBBBBBBBB"]
    base.table("Tomter").update(full["id"], {"Team": []})
    geodata, folder = liten
    with restoring(server.url, geodata, folder, base.id) as opened:
        assert opened.check().antall == 1, "who was there, and is not, is missed"
        again = opened.write(lambda _: None)
    assert (again.uten_personer, again.ukjente_personer) == (1, ("usrAAAAAAAAAAAAAA",)), "the journal knows"


@pytest.mark.long
def test_of_several_people_the_fewest_are_left_out_and_later_records_keep_the_others(server, api, tmp_path, pauser):
    team = [{"id": f"usr{letter * 14}"} for letter in "ABCDEFG"]
    fields = [{"name": "Navn", "type": "singleLineText"}, {"name": "Team", "type": "multipleCollaborators"}]
    full = api.create_base("wspTest", "Team", [{"name": "T", "fields": fields}])
    full.table("T").batch_create(
        [{"Navn": str(n), "Team": some} for n, some in enumerate([team[:3], team[1:], team, *[[one] for one in team]])]
    )
    folder = backup_of(server.url, tmp_path, full.id).folder
    base = empty_base(api)
    strange = [one["id"].encode() for one in (team[0], team[2])]
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_create(a) and any(s in a.body for s in strange), refuse(422, REFUSED), times=999)
        done = restore(proxy.url, (tmp_path, folder), base)
    assert done.ukjente_personer == (team[0]["id"], team[2]["id"])
    assert (done.uten_personer, done.funn.antall, done.funn.for_haand["people"]) == (5, 0, 7)


def test_the_answer_to_a_create_is_taken_by_its_order(server, api, liten):
    """Airtable may give a value back otherwise than it was sent."""

    def other_values(exchange):
        answer = json.loads(exchange.pass_on().data)
        exchange.answer(Svar.of(200, {"records": [{**r, "fields": {}} for r in answer["records"]]}))

    base = empty_base(api)
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_create(a) and not a.path.startswith("/v0/meta"), other_values, times=99)
        assert restore(proxy.url, liten, base).funn.forskjeller == []


def test_a_record_that_airtable_refuses_is_named_by_its_id(server, api, liten, pauser):
    base = empty_base(api)
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_create(a) and b"Tomt 3" in a.body, refuse(422, REFUSED), times=99)
        with pytest.raises(AirtableError, match="refuses the record rec") as caught:
            restore(proxy.url, liten, base)
    assert "Tomt 3" not in str(caught.value)
    assert restore(server.url, liten, base).funn.forskjeller == []
