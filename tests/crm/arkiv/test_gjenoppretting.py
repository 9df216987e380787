"""A restore that is broken off or disturbed: never a record twice, never into a base of others."""

from __future__ import annotations

import json
import os

import pytest
import requests

from config.base import base_register
from tasks.crm.arkiv import gjenoppretting as module
from tasks.crm.arkiv.journal import Journal
from tasks.crm.arkiv.verifisering import verify
from tasks.crm.skjema.merke import marked
from tasks.errors import AirtableError, BudgetError, BusyError, ConfigError
from tasks.store import Geodata
from tests.crm.arkiv.avbrudd import Killed, counts, is_create, is_upload, killed_at, restore
from tests.crm.arkiv.proevearkiv import api_of, backup_of, empty_base, restoring, settings_of
from tests.crm.onde_servere import OndAirtable, lose_answer, lose_request


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


@pytest.mark.long
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


@pytest.mark.parametrize(
    ("is_asked", "way"),
    [
        (is_create, lose_answer),
        (is_upload, lose_answer),
        pytest.param(is_create, lose_request, marks=pytest.mark.long),
        pytest.param(is_upload, lose_request, marks=pytest.mark.long),
    ],
)
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
    base.table("Områder").delete(base.table("Områder").first()["id"])
    with pytest.raises(ConfigError, match="1 records that this restore made are no longer"):
        restore(server.url, liten, base)


def test_another_backup_into_the_same_base_is_refused(server, api, liten):
    base = empty_base(api)
    journal = Journal.of(verify(liten[1]), base.id)
    journal.begin()
    journal.path.write_text(journal.path.read_text().replace(liten[1].name, "20200101T000000000000Z"))
    with pytest.raises(ConfigError, match="another backup"):
        restore(server.url, liten, base)


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


def test_the_token_that_is_refused_is_told(server, liten):
    geodata, folder = liten
    with api_of(server.url, geodata) as api:
        assert isinstance(api.session, requests.Session)
    settings = settings_of(server.url, geodata, "appFINNESIKKE0000")
    opened = module.Restore.open(folder, settings, Geodata(geodata))
    with pytest.raises(AirtableError, match="403"):
        opened.look()
    opened.close()
