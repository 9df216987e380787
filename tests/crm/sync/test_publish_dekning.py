"""Coverage and the review queue in a local Airtable: written when a run stops, and not again for nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
import pyairtable
import pytest
import requests
from pydantic import SecretStr

from config.registers import find_kommune
from config.settings import Profile, Settings
from tasks.contracts import DEKNING, FELLES, KONTROLL
from tasks.crm.client import connect
from tasks.crm.skjema.ids import find_base
from tasks.crm.sync.connection import Connection, open_connection
from tasks.crm.sync.publish import publish_dekning, publish_kontroll
from tasks.sandbox.airtable import AirtableServer
from tasks.store import Geodata

TOMTEVIK = find_kommune("0099", sandbox=True)
COVERAGE = {"Datakvalitet", "Kvalitetsgrunner", "Dekning %", "Nyeste plan", "Data hentet", "Kildelenker"}


@pytest.fixture
def settings(tmp_path) -> Iterator[Settings]:
    with AirtableServer(tmp_path / "airtable", token="pat-for-tests", rate_limit_per_s=0) as server:
        yield Settings(
            profile=Profile.SANDBOX,
            geodata=tmp_path / "geodata",
            airtable_url=server.url,
            airtable_token=SecretStr("pat-for-tests"),
            airtable_rate_per_s=0,
        )


@pytest.fixture
def geodata(settings) -> Geodata:
    found = Geodata(settings.geodata)
    keep_dekning(found)
    keep_items(found, "0099", item("0099-teig-feilet-kartverket_teig"))
    return found


@pytest.fixture
def connection(geodata, settings) -> Iterator[Connection]:
    opened = open_connection(geodata, settings, dry_run=False)
    yield opened
    opened.api.session.close()


def keep_dekning(geodata: Geodata, **more: Any) -> None:
    row: dict[str, Any] = {c: float("nan") if k == "number" else None for c, k in DEKNING.columns.items()}
    row |= {"kommunenummer": "0099", "tema": "kommuneplan", "kilde": "nap", "svar": "rader", "er_paakrevd": True}
    row |= {"karakter": "B", "grunner": ["Gammel kopi"], "forsoek": [], "andel_dekket": 0.4, "alder_dager": 1.0}
    row |= {"hentet_tid": "2026-11-01T05:00:00+00:00", "sett_tid": "2026-11-20T05:00:00+00:00"} | more
    frame = pd.DataFrame([row]).astype({"nyeste_plan": object, "holdt": object})
    geodata.write(frame, "0099", layer="out", contract=DEKNING)


def item(kontroll_id: str, **more: str) -> dict[str, str]:
    row = dict.fromkeys(KONTROLL.columns, "x") | {"kontroll_id": kontroll_id, "kommunenummer": "0099"}
    return row | {"alvor": "høy", "tilstand": "aapen", "foerst_sett": "2026-11-20", "hva": "Kilden svarer ikke"} | more


def keep_items(geodata: Geodata, nummer: str, *items: dict[str, str]) -> None:
    geodata.write(pd.DataFrame(list(items)), nummer, layer="out", contract=KONTROLL)


def records(settings: Settings, navn: str) -> list[dict[str, Any]]:
    api = connect(settings)
    api.use_field_ids = False
    base = find_base(api, settings)
    assert base is not None
    found = [r["fields"] for r in base.table(navn).all()]
    api.session.close()
    return found


def change(settings: Settings, navn: str, fields: dict[str, Any]) -> None:
    """Write as a person does, to every record."""
    api = connect(settings)
    api.use_field_ids = False
    base = find_base(api, settings)
    assert base is not None
    for record in base.table(navn).all():
        base.table(navn).update(record["id"], fields)
    api.session.close()


def counts(published) -> dict[str, tuple[int, int]]:
    assert published.failure is None
    return {d.tabell.navn: (d.sent["created"], d.sent["updated"]) for d in published.diffs}


def test_a_kommune_that_could_not_be_run_has_its_coverage_and_its_queue(geodata, connection, settings):
    published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    assert counts(published) == {"Kommuner": (1, 0), "Kontroll": (1, 0)}
    (kommune,) = records(settings, "Kommuner")
    assert kommune == {
        "Kommunenummer": "0099",
        "Navn": TOMTEVIK.navn,
        "Fylke": "Oppdiktet",
        "Oppdiktet": True,
        "Datakvalitet": "B",
        "Kvalitetsgrunner": "kommuneplan: Gammel kopi",
        "Dekning %": 40,
        "Data hentet": "2026-11-01",
    }
    (queued,) = records(settings, "Kontroll")
    assert (queued["Hva"], queued["Alvor"], queued["Tilstand"]) == ("Kilden svarer ikke", "Høy", "Åpen")
    assert (queued["Status"], queued["Først sett"]) == ("Ny", "2026-11-20")
    assert records(settings, "Tomter") == []


def test_a_re_run_with_nothing_new_writes_nothing(geodata, connection):
    publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    keep_dekning(geodata, alder_dager=2.0, sett_tid="2026-11-21T05:00:00+00:00")  # confirmed the day after
    keep_items(geodata, "0099", item("0099-teig-feilet-kartverket_teig", sist_sett="2026-11-21"))
    published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    assert counts(published) == {"Kommuner": (0, 0), "Kontroll": (0, 0)}
    assert [d.unchanged for d in published.diffs] == [1, 1]


def test_a_dry_run_says_what_it_would_do_and_does_nothing(geodata, connection, settings):
    published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=True)
    assert [d.counts()["created"] for d in published.diffs] == [1, 1]
    assert records(settings, "Kommuner") == records(settings, "Kontroll") == []


def test_what_stands_of_the_kommune_is_left_but_for_its_coverage(geodata, connection, settings):
    publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    change(settings, "Kommuner", {"Navn": "Kalt noe annet", "Antall tomter": 12, "Kilder": "alt vel", "Notat": "Ring"})
    keep_dekning(geodata, karakter="D", grunner=["Kilden svarte ikke som den skal"])
    published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    assert set(published.diffs[0].update["0099"][1]) == {"Datakvalitet", "Kvalitetsgrunner"}
    (kommune,) = records(settings, "Kommuner")
    assert (kommune["Datakvalitet"], kommune["Navn"], kommune["Antall tomter"]) == ("D", "Kalt noe annet", 12)
    assert (kommune["Kilder"], kommune["Notat"]) == ("alt vel", "Ring")


def test_what_people_make_of_an_item_is_theirs_and_it_closes_by_itself(geodata, connection, settings):
    publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    change(settings, "Kontroll", {"Status": "Arbeides med", "Notat": "Spurt kommunen"})
    keep_items(
        geodata,
        "0099",
        item("0099-teig-feilet-kartverket_teig", tilstand="lukket"),
        item("0099-kommuneplan-holdt-nap", tilstand="lukket"),  # came and went before anybody was told
        item("0099-kommuneplan-reserve-nap"),
    )
    published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    assert counts(published)["Kontroll"] == (1, 1)
    queued = {r["Kontroll-id"]: r for r in records(settings, "Kontroll")}
    assert set(queued) == {"0099-teig-feilet-kartverket_teig", "0099-kommuneplan-reserve-nap"}
    old = queued["0099-teig-feilet-kartverket_teig"]
    assert (old["Tilstand"], old["Status"], old["Notat"]) == ("Lukket", "Arbeides med", "Spurt kommunen")


def test_a_kommune_that_was_never_assessed_is_not_made(settings, tmp_path):
    geodata = Geodata(settings.geodata)
    connection = open_connection(geodata, settings, dry_run=False)
    published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    assert counts(published) == {"Kommuner": (0, 0), "Kontroll": (0, 0)}
    connection.api.session.close()


def test_matters_of_no_kommune_are_found_again_by_their_ids(geodata, connection, settings):
    common = item("felles-kommuneplan-endret-nap", kommunenummer="")
    keep_items(geodata, FELLES, common)
    assert counts(publish_kontroll(FELLES, geodata, connection, dry_run=False)) == {"Kontroll": (1, 0)}
    again = publish_kontroll(FELLES, geodata, connection, dry_run=False)
    assert (counts(again), again.diffs[0].unchanged) == ({"Kontroll": (0, 0)}, 1)
    keep_items(geodata, FELLES, common | {"tilstand": "lukket"})
    assert counts(publish_kontroll(FELLES, geodata, connection, dry_run=False)) == {"Kontroll": (0, 1)}
    (queued,) = records(settings, "Kontroll")
    assert "Kommunenummer" not in queued
    assert queued["Tilstand"] == "Lukket"


def test_a_write_that_stops_on_the_way_is_finished_by_the_next(geodata, connection, settings, monkeypatch):
    def lost(*_: Any, **__: Any) -> None:
        raise requests.ConnectionError("the network is gone")

    with monkeypatch.context() as broken:
        # The create is lost on its way, the upsert in its place arrives, what is set once does not.
        broken.setattr(pyairtable.Table, "batch_create", lost)
        broken.setattr(pyairtable.Table, "batch_update", lost)
        broken.setattr("tasks.crm.sync.writing.SETTLE_S", 0.0)
        published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    assert "cannot be reached" in published.failure
    assert "Status" not in records(settings, "Kontroll")[0]
    published = publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    assert published.failure is None
    (queued,) = records(settings, "Kontroll")
    assert queued["Status"] == "Ny"
    change(settings, "Kontroll", {"Status": None})  # what a person empties later stays empty
    assert publish_dekning(TOMTEVIK, geodata, connection, dry_run=False).failure is None
    assert "Status" not in records(settings, "Kontroll")[0]


def test_no_number_of_days_reaches_the_base(geodata, connection, settings):
    publish_dekning(TOMTEVIK, geodata, connection, dry_run=False)
    (kommune,) = records(settings, "Kommuner")
    assert set(kommune) - COVERAGE == {"Kommunenummer", "Navn", "Fylke", "Oppdiktet"}
    date.fromisoformat(kommune["Data hentet"])
