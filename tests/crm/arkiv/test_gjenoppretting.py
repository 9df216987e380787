"""A restore that is broken off, refused or disturbed: never a record twice, never into a base of others."""

from __future__ import annotations

import json
import os
from collections import Counter

import pytest
import requests

from config.arkiv import arkiv_regler
from config.base import base_register
from tasks.crm.arkiv import filer, plan, sammenligning
from tasks.crm.arkiv import gjenoppretting as module
from tasks.crm.client import AirtableAdapter
from tasks.crm.skjema.merke import marked
from tasks.errors import AirtableError, BudgetError, BusyError, ConfigError
from tasks.store import Geodata
from tests.crm.arkiv.proevearkiv import (
    FIELDS,
    PNG,
    api_of,
    attach,
    backup_of,
    empty_base,
    filled_base,
    restoring,
    settings_of,
)
from tests.crm.onde_servere import OndAirtable, lose_answer, lose_request, refuse

REFUSED = {"error": {"type": "INVALID_VALUE_FOR_COLUMN", "message": "Field cannot accept the provided value"}}


def is_create(asked):
    return asked.metode == "POST" and asked.sti.startswith("/v0/app") and not is_upload(asked)


def is_upload(asked):
    return asked.path.endswith("/uploadAttachment")


class Killed(BaseException):
    """Ends a restore as a kill does: nothing is handled."""


@pytest.fixture(scope="module")
def liten(server, api, tmp_path_factory):
    """A smaller backup: folder of geodata, and the backup."""
    full, geodata = filled_base(api, rows=13), tmp_path_factory.mktemp("liten")
    return geodata, backup_of(server.url, geodata, full.base.id).folder


def restore(server_url, liten, base, **options):
    geodata, folder = liten
    with restoring(server_url, geodata, folder, base.id) as opened:
        return opened.write(lambda _: None, **options)


def counts(base):
    """Table → records, and the name of each file."""
    records = base.table("Tomter").all()
    files = Counter(f["filename"] for r in records for name in ("Filer", "Kart") for f in r["fields"].get(name, []))
    return len(records), len(base.table("Områder").all()), files.total()


def killed_at(monkeypatch, number, *, after):
    """Let the nth request of the next restore be the last, carried out or not."""
    seen = {"n": 0}
    real = AirtableAdapter._once

    def once(self, request, **options):
        seen["n"] += 1
        if seen["n"] == number and not after:
            raise Killed
        answer = real(self, request, **options)
        if seen["n"] == number:
            raise Killed
        return answer

    monkeypatch.setattr(AirtableAdapter, "_once", once)
    return seen


def survive(server, api, liten, monkeypatch, *, number, after):
    """Kill a restore at a request, go on, and compare; return True when it has no such request."""
    base = empty_base(api)
    with monkeypatch.context() as patch:
        killed_at(patch, number, after=after)
        try:
            restore(server.url, liten, base)
        except Killed:
            pass
        else:
            return True
    done = restore(server.url, liten, base)
    assert (done.funn.forskjeller, counts(base)) == ([], (13, 7, 6)), (number, after)
    return False


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(10, id="a link is made and not named"),
        pytest.param(18, id="records are made"),
        pytest.param(23, id="a file is uploaded"),
    ],
)
def test_killed_here_and_there_it_goes_on_without_doubles(server, api, liten, monkeypatch, number):
    assert not survive(server, api, liten, monkeypatch, number=number, after=True)


@pytest.mark.long
def test_killed_at_any_request_it_goes_on_without_doubles(server, api, liten, monkeypatch):
    def ends(number):
        return [survive(server, api, liten, monkeypatch, number=number, after=after) for after in (False, True)][1]

    last = next(number for number in range(1, 200) if ends(number))
    assert last >= 30


@pytest.mark.parametrize("is_asked", [is_create, is_upload])
@pytest.mark.parametrize("way", [lose_answer, lose_request])
def test_an_answer_that_is_lost_makes_no_doubles(server, api, liten, is_asked, way, pauser):
    base = empty_base(api)
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_asked(a) and not a.path.startswith("/v0/meta"), way, nth=2)
        done = restore(proxy.url, liten, base)
    assert (done.funn.forskjeller, counts(base)) == ([], (13, 7, 6))


def test_a_journal_whose_last_line_was_broken_off_is_used(server, api, liten, monkeypatch):
    base = empty_base(api)
    with monkeypatch.context() as patch:
        killed_at(patch, 18, after=True)
        with pytest.raises(Killed):
            restore(server.url, liten, base)
    journal = liten[1].parent / f"gjenoppretting-{base.id}.jsonl"
    assert json.loads(journal.read_text().splitlines()[-1])
    with journal.open("a") as file:
        file.write('{"laget": {"rec')
    done = restore(server.url, liten, base)
    assert (done.funn.forskjeller, counts(base)) == ([], (13, 7, 6))
    assert os.stat(journal).st_mode & 0o777 == 0o600
    assert restore(server.url, liten, base).funn.forskjeller == [], "a third time there is nothing to do"


def test_somebody_elses_records_stop_it_before_anything_is_written(server, api, liten):
    base = empty_base(api)
    base.table("Table 1").create({})
    with pytest.raises(ConfigError, match="not empty: the table Table 1 holds 1 records"):
        restore(server.url, liten, base)
    assert [t.name for t in base.schema(force=True).tables] == ["Table 1"]


def test_somebody_who_works_in_the_base_meanwhile_is_noticed(server, api, liten, monkeypatch):
    base = empty_base(api)
    with monkeypatch.context() as patch:
        killed_at(patch, 19, after=True)
        with pytest.raises(Killed):
            restore(server.url, liten, base)
    made = base.table("Områder").create({"Navn": "Min egen"})
    with pytest.raises(ConfigError, match="did not make"):
        restore(server.url, liten, base)
    base.table("Områder").delete(made["id"])
    ours = base.table("Områder").first()
    restore(server.url, liten, base)
    base.table("Områder").delete(ours["id"])
    with pytest.raises(ConfigError, match="1 records that this restore made are no longer"):
        restore(server.url, liten, base)


def test_another_backup_into_the_same_base_is_refused(server, api, liten, tatt, tmp_path):
    base = empty_base(api)
    restore(server.url, liten, base)
    (liten[1].parent / "x").mkdir(exist_ok=True)
    journal = liten[1].parent / f"gjenoppretting-{base.id}.jsonl"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([lines[0].replace(liten[1].name, "20200101T000000000000Z"), *lines[1:]]) + "\n")
    with pytest.raises(ConfigError, match="another backup"):
        restore(server.url, liten, base)


def test_people_who_are_not_there_are_left_out_and_told(server, api, liten, pauser):
    base = empty_base(api)
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_create(a) and b'"usrAAAAAAAAAAAAAA"' in a.body, refuse(422, REFUSED), times=99)
        done = restore(proxy.url, liten, base)
    assert done.uten_personer == 1
    assert done.ukjente_personer == ("usrAAAAAAAAAAAAAA", "usrBBBBBBBBBBBBBB")
    assert done.funn.forskjeller == []
    assert done.funn.for_haand["people"] == 3


def test_a_record_that_airtable_refuses_is_named_by_its_id(server, api, liten, pauser):
    base = empty_base(api)
    with OndAirtable(server.url) as proxy:
        proxy.when(lambda a: is_create(a) and b"Tomt 3" in a.body, refuse(422, REFUSED), times=99)
        with pytest.raises(AirtableError, match="refuses the record rec") as caught:
            restore(proxy.url, liten, base)
    assert "Tomt 3" not in str(caught.value)
    assert restore(server.url, liten, base).funn.forskjeller == []


def test_a_file_that_is_too_large_is_left_to_a_person(server, api, liten, monkeypatch):
    small = arkiv_regler().vedlegg.model_copy(update={"maks_opplasting_byte": len(PNG)})
    rules = arkiv_regler().model_copy(update={"vedlegg": small})
    for part in (filer, plan, sammenligning):
        monkeypatch.setattr(part, "arkiv_regler", lambda: rules)
    base = empty_base(api)
    done = restore(server.url, liten, base)
    assert (done.funn.antall, done.funn.for_haand["attachments"]) == (0, 1)
    assert "/vedlegg/" in done.igjen[0]
    assert "3,009 bytes (application/pdf)" in done.igjen[0]
    assert "avtale" not in done.igjen[0]


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


def test_a_base_of_another_profile_is_refused_or_marked_deliberately(server, api, tmp_path):
    table = {"name": "Kjøringer", "fields": [{"name": "Id", "type": "singleLineText"}]}
    full = api.create_base("wspTest", "Ekte", [{**table, "description": marked("Logg.", "production")}])
    folder = backup_of(server.url, tmp_path, full.id).folder
    base = empty_base(api)
    with restoring(server.url, tmp_path, folder, base.id, profile="staging") as opened:
        with pytest.raises(ConfigError, match="--mark-as staging"):
            opened.write(lambda _: None)
        with pytest.raises(ConfigError, match="the profile in force is staging"):
            opened.write(lambda _: None, mark_as="production")
        assert len(base.schema(force=True).tables) == 1
        assert opened.write(lambda _: None, mark_as="staging").funn.forskjeller == []
    assert base.schema(force=True).table("Kjøringer").description == "Logg. [tomt: profil=staging]"
    assert (tmp_path / "crm" / base.id / "profil.txt").read_text() == "staging\n"

    theirs = empty_base(api)
    with restoring(server.url, tmp_path, folder, theirs.id, profile="production") as opened:
        opened.write(lambda _: None)
    assert theirs.schema(force=True).table("Kjøringer").description == "Logg. [tomt: profil=production]"
    with (
        restoring(server.url, tmp_path, folder, theirs.id, profile="staging") as opened,
        pytest.raises(ConfigError, match="marked as 'production'"),
    ):
        opened.write(lambda _: None, mark_as="staging")


def test_a_plan_that_bursts_and_a_second_restore_at_once_are_refused(server, api, liten, monkeypatch):
    base = empty_base(api)
    geodata, folder = liten
    with restoring(server.url, geodata, folder, base.id) as opened:
        with Geodata(geodata).lock(f"restore-{base.id}"), pytest.raises(BusyError):
            opened.write(lambda _: None)
        tight = base_register().grenser.model_copy(update={"poster_per_base": 12})
        monkeypatch.setattr(module, "base_register", lambda: base_register().model_copy(update={"grenser": tight}))
        with pytest.raises(BudgetError, match="20 planned of 12 records per base"):
            opened.write(lambda _: None)
    assert len(base.schema(force=True).tables) == 1


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


def test_the_token_that_is_refused_is_told(server, liten):
    geodata, folder = liten
    with api_of(server.url, geodata) as api:
        assert isinstance(api.session, requests.Session)
    settings = settings_of(server.url, geodata, "appFINNESIKKE0000")
    opened = module.Restore.open(folder, settings, Geodata(geodata))
    with pytest.raises(AirtableError, match="403"):
        opened.look()
    opened.close()
