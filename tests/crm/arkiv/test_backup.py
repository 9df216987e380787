"""Taking a backup: what is written, what is fetched, what is kept and what is removed."""

from __future__ import annotations

import gzip
import shutil
import stat
from contextlib import closing
from dataclasses import replace

import pytest

from config.arkiv import Oppbevaring, arkiv_regler
from config.base import base_register
from tasks.crm.arkiv import backup as module
from tasks.crm.arkiv import linjer
from tasks.crm.arkiv.backup import look, prune
from tasks.crm.arkiv.manifest import read_manifest
from tasks.crm.arkiv.mappe import Mappe
from tasks.crm.arkiv.vedlegg import Samling
from tasks.crm.arkiv.verifisering import verify
from tasks.crm.sync.state import BaseState
from tasks.errors import AirtableError, BudgetError, BusyError, StoreError
from tasks.store import Geodata
from tests.crm.arkiv.proevearkiv import PNG, backup_of, filled_base, settings_of
from tests.crm.onde_servere import EXPIRED, OndAirtable, Svar, next_pages, refuse


def is_file(asked):
    return asked.path.startswith("/attachments/")


def is_first_page(asked):
    return not asked.is_write and asked.sti.startswith("/v0/app")


@pytest.fixture
def proxy(server):
    """Stands before the base, and before its attachments."""
    with OndAirtable(server.url) as proxy:

        def lead_here(exchange):
            svar = exchange.pass_on()
            exchange.answer(replace(svar, data=svar.data.replace(server.url.encode(), proxy.url.encode())))

        proxy.when(lambda asked: not is_file(asked), lead_here, times=10_000)
        yield proxy


def first_of_all(proxy, *rule, **how):
    """Misbehave so before anything else."""
    proxy.when(*rule, **how)
    proxy._rules.insert(0, proxy._rules.pop())


@pytest.fixture
def again(proxy, kopi, tatt):
    """Take another backup of the base, through the proxy, beside a copy of the first."""
    return lambda: backup_of(proxy.url, kopi.parents[2], tatt.full.base.id)


def test_it_is_its_owners_alone_and_holds_no_address(tatt, server):
    root = tatt.geodata / "backup"
    for path in [root, *root.rglob("*")]:
        if path.name != "backup":
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
        if path.suffix in {".gz", ".json"}:
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            assert b"http://127.0.0.1" not in data, path
    found = read_manifest(tatt.folder)
    assert (found.poster, found.komplett, found.base) == (47, True, tatt.full.base.id)
    assert (found.vedlegg.antall, found.vedlegg.ulike) == (6, 4), "the same bytes are kept once"
    assert sorted(p.name for p in tatt.folder.iterdir()) == sorted([*found.filer, "manifest.json"])


def test_what_is_known_is_not_fetched_again(proxy, again, kopi):
    taken = again()
    assert (taken.failure, taken.manifest.vedlegg.antall) == (None, 6)
    assert not [a for a in proxy.seen if is_file(a)]
    assert taken.manifest.kall == len(proxy.seen)
    store = Mappe(Geodata(kopi.parents[2]), kopi.parent.name).vedlegg
    damaged = max(store.path.glob("??/*"), key=lambda p: p.stat().st_size)
    damaged.write_bytes(b"\0" * damaged.stat().st_size)
    last = again()
    assert len([a for a in proxy.seen if is_file(a)]) == 1, "what is damaged is fetched anew"
    assert all(not a.token for a in proxy.seen if is_file(a))
    assert verify(last.folder).manifest == last.manifest
    assert (last.removed, taken.folder.exists()) == ((), True), "another one the same day removes none"


def test_an_attachment_that_does_not_come_is_asked_for_anew_and_makes_the_backup_incomplete(proxy, kopi, again):
    shutil.rmtree(kopi.parent / "vedlegg")
    first_of_all(proxy, is_file, refuse(403))
    first = again()
    assert first.failure is None, "its address had expired, and was asked for again"
    shutil.rmtree(kopi.parent / "vedlegg")
    first_of_all(proxy, is_file, refuse(404), times=arkiv_regler().vedlegg.forsoek)
    second = again()
    assert "1 of 6 attachments could not be fetched (1 × the host answers 404)" in second.failure
    assert not second.manifest.komplett
    assert verify(second.folder).manifest.manglende_vedlegg == 1
    assert ".png" not in second.failure
    assert first.folder.exists()


@pytest.mark.parametrize("sizes", [(None, len(PNG)), (len(PNG), None)])
def test_an_attachment_whose_size_is_told_late_is_in_the_backup_and_not_missed(server, kopi, tatt, sizes):
    """A listing that starts over tells of an attachment again."""
    settings = settings_of(server.url, kopi.parents[2], tatt.full.base.id)
    samling = Samling(tatt.full.base, Mappe(Geodata(kopi.parents[2]), kopi.parent.name), settings)
    known = next(one for one in linjer.read(kopi / "vedlegg.jsonl.gz") if one["size"] == len(PNG))
    for size in sizes:
        told = {"id": known["id"], **({} if size is None else {"size": size})}
        noted = samling.note(told, table="tblT", record="recR", field="fldF")
    samling.fetch_all()
    assert samling.missing == []
    assert list(samling.index()) == [known]
    assert samling.with_digest(noted) == known


def test_an_attachment_without_a_size_makes_the_backup_incomplete(server, kopi, tatt):
    settings = settings_of(server.url, kopi.parents[2], tatt.full.base.id)
    samling = Samling(tatt.full.base, Mappe(Geodata(kopi.parents[2]), kopi.parent.name), settings)
    noted = samling.note({"id": "attNY"}, table="tblT", record="recR", field="fldF")
    samling.fetch_all()
    assert [(m.vedlegg, m.hvorfor) for m in samling.missing] == [("attNY", "Airtable does not know its size yet")]
    assert samling.with_digest(noted) == {"id": "attNY", "size": 0, "sha256": None}
    assert list(samling.index()) == [{"id": "attNY", "size": 0, "sha256": None}]


def test_backups_of_other_bases_are_told_and_left_alone(kopi, again):
    old = kopi.parent.parent / "appGAMMEL00000000"
    (old / "20200101T000000000000Z").mkdir(parents=True)
    (old.parent / "notater").mkdir()
    ((name, days),) = again().others
    assert name == old.name
    assert days > 2000
    assert list(old.iterdir())


def test_a_listing_that_expires_starts_over_and_no_record_stands_twice(proxy, api, tmp_path, pauser):
    full = filled_base(api, rows=120, files=False)

    def expire(exchange):
        full.base.table("Tomter").delete(full.records["Tomter"][1])  # which the listing has brought already
        exchange.answer(Svar.of(422, EXPIRED))

    first_of_all(proxy, next_pages, expire)
    taken = backup_of(proxy.url, tmp_path, full.base.id)
    assert {t.navn: t.poster for t in taken.manifest.tabeller} == {"Områder": 7, "Tomter": 119, "Helt tom": 0}
    verify(taken.folder)


def test_records_that_come_and_go_while_tables_are_listed_are_counted(proxy, api, tmp_path):
    full = filled_base(api, rows=12, files=False)
    fresh: list[str] = []

    def link_to_a_new_one(exchange):
        svar = exchange.pass_on()  # of Områder, which is listed first
        fresh.append(full.base.table("Områder").create({"Navn": "Ny"})["id"])
        full.base.table("Tomter").update(full.records["Tomter"][11], {"Hovedområde": fresh})
        exchange.answer(svar)

    first_of_all(proxy, lambda asked: is_first_page(asked) and full.tables["Områder"] in asked.sti, link_to_a_new_one)
    taken = backup_of(proxy.url, tmp_path, full.base.id)
    assert (taken.manifest.lose_lenker, taken.manifest.lenker[0].til) == (1, fresh[0])
    assert taken.manifest.lenker[0].post == full.records["Tomter"][11]
    verify(taken.folder)


def test_a_backup_that_fails_leaves_nothing_and_leftovers_go(proxy, kopi, again, pauser):
    for name in (".20200101T000000000000Z.tmp", ".x.tmp"):
        (kopi.parent / name).mkdir()
    (kopi.parent / "mitt").mkdir()
    (kopi.parent / "vedlegg" / f".{'a' * 64}.tmp").write_bytes(b"halv")
    first_of_all(proxy, is_first_page, refuse(500), times=9)
    with pytest.raises(AirtableError, match="answers 500"):
        again()
    assert sorted(p.name for p in kopi.parent.iterdir()) == [".x.tmp", kopi.name, "mitt", "vedlegg"]
    assert not list((kopi.parent / "vedlegg").glob(".*"))


def test_a_disk_that_refuses_leaves_no_backup(kopi, again, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tasks.crm.arkiv.linjer.flush", full)
    with pytest.raises(StoreError, match="no space left"):
        again()
    assert [p.name for p in Mappe(Geodata(kopi.parents[2]), kopi.parent.name).dated()] == [kopi.name]


def test_old_ones_go_the_last_complete_one_never_and_bytes_that_none_needs_go(kopi):
    mappe = Mappe(Geodata(kopi.parents[2]), kopi.parent.name)
    rules = arkiv_regler().model_copy(
        update={
            "oppbevaring": Oppbevaring(timer=0, daglig=1, ukentlig=0, maanedlig=0),
        }
    )
    older = shutil.copytree(kopi, kopi.parent / "20200101T000000000000Z")
    broken = kopi.parent / "20200102T000000000000Z"
    broken.mkdir()
    loose = mappe.vedlegg.of("ab" + "0" * 62)
    loose.parent.mkdir(exist_ok=True)
    loose.write_bytes(b"x")
    assert list(prune(mappe, rules)) == [older.name]
    assert (broken.exists(), loose.exists()) == (True, True), "nothing is sure while one cannot be read"
    broken.rmdir()
    assert list(prune(mappe, rules)) == []
    assert not loose.exists()
    verify(kopi)

    newer = shutil.copytree(kopi, kopi.parent / "20990101T000000000000Z")
    text = (newer / "manifest.json").read_text().replace('"komplett": true', '"komplett": false')
    (newer / "manifest.json").write_text(text.replace('"manglende_vedlegg": 0', '"manglende_vedlegg": 1'))
    assert list(prune(mappe, rules)) == [], "an incomplete one takes no other's place"
    verify(kopi)


def test_two_at_once_and_too_many_calls_are_refused(kopi, again, tatt, server, monkeypatch):
    geodata = Geodata(kopi.parents[2])
    with geodata.lock(f"backup-{tatt.full.base.id}"), pytest.raises(BusyError):
        again()
    with geodata.lock(module.reading(tatt.full.base.id)):
        assert again().removed == (), "a restore reads them"
    tight = base_register().model_copy(
        update={"grenser": base_register().grenser.model_copy(update={"kall_per_maaned": 3})}
    )
    monkeypatch.setattr(module, "base_register", lambda: tight)
    with pytest.raises(BudgetError, match="calls a month"):
        again()
    seen = look(settings_of(server.url, geodata.root, tatt.full.base.id), geodata)
    assert (seen.tabeller, seen.poster, seen.kall) == (3, 47, 5)


def test_before_the_first_backup_what_a_run_has_counted_is_used(server, tatt, tmp_path):
    settings, geodata = settings_of(server.url, tmp_path, tatt.full.base.id), Geodata(tmp_path)
    seen = look(settings, geodata)
    assert (seen.poster, seen.kall, list(tmp_path.glob("crm/app*"))) == (None, 5, [])
    with closing(BaseState(geodata, tatt.full.base.id)) as state:
        state.keep_counts({"Tomter": 250, "Områder": 7}, "2026-01-01")
    seen = look(settings, geodata)
    assert (seen.poster, seen.kall) == (257, 2 + 3 + 1 + 1), "a table that was not counted takes a call"


def test_the_log_names_tables_as_people_do(again, tatt, caplog):
    with caplog.at_level("INFO", "tomt.crm"):
        again()
    assert "backup: 40 records of table Tomter listed" in caplog.text
    assert tatt.full.tables["Tomter"] not in caplog.text


def test_addresses_that_lead_elsewhere_are_not_asked(proxy, kopi, again):
    shutil.rmtree(kopi.parent / "vedlegg")

    def lead_away(exchange):
        svar = exchange.pass_on()
        exchange.answer(Svar(200, svar.data.replace(b'"url":"http://127.0.0.1', b'"url":"http://evil.example')))

    first_of_all(proxy, lambda asked: not is_file(asked), lead_away, times=10_000)
    assert "6 × its address is not Airtable's own" in again().failure
