"""Discovery as a flow: proposals in a file and in the queue, nothing in use, and what is said of it."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from config.kilder import kilder
from flows import cli_sources
from flows import discover_plankilder as module
from tasks.contracts import KONTROLL
from tasks.errors import SourceError
from tasks.sources.oppdag import Oppdagelse, Spurt
from tasks.store import Geodata
from tests.sources.plantjenester import Plantjenester, entry

ARCGIS = "/arcgis/rest/services"


@pytest.fixture
def published(monkeypatch):
    """Collect the artifacts instead of sending them to a server."""
    made = {}

    def keep(markdown, *, key, description):
        made[key] = markdown

    monkeypatch.setattr(module, "create_markdown_artifact", keep)
    return made


@pytest.fixture
def services(monkeypatch, settings):
    """Serve a catalogue with these entries, and run the flow against it."""
    monkeypatch.setattr("tasks.sandbox.arcgis_lag.numre", lambda: ("0099",))

    def serve(*entries):
        server = Plantjenester(*entries)
        monkeypatch.setattr(module, "load_settings", lambda: settings.model_copy(update={"sources_url": server.url}))
        return server

    monkeypatch.setattr(module, "connected", nullcontext)
    return serve


def test_proposals_reach_the_file_and_the_queue_and_nothing_is_used(services, published, settings, monkeypatch):
    told = []
    monkeypatch.setattr(module, "publish", lambda nummer, _: told.append(nummer))
    hostile = entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer", tittel="Plan | <script>alert(1)</script> [x](http://ond)")
    with services(hostile):
        state = module.discover_plankilder.fn("0099 Tomtevik (oppdiktet)")
    assert (state.type.value, told) == ("COMPLETED", ["0099"])
    assert "1 forslag for 0099" in state.message
    path = settings.geodata / "forslag/0099.toml"
    added = set(kilder(path)) - set(kilder())
    assert len(added) == 1
    queue = Geodata(settings.geodata).read("0099", layer="out", contract=KONTROLL)
    assert list(queue["kontroll_id"]) == [f"0099-kommuneplan-forslag-{added.pop()}"]
    assert list(queue["opphav"]) == ["oppdagelse"]
    text = published["plankilder-0099"]
    assert "<script>" not in text
    assert "[x](http" not in text
    assert "geodata/forslag/0099.toml" in text


def test_nothing_found_is_said_with_what_was_asked(services, published, settings, monkeypatch):
    monkeypatch.setattr(module, "publish", lambda *_: None)
    with services(entry(f"{ARCGIS}/Lukket/Plandata/MapServer")):
        state = module.discover_plankilder.fn("0099 Tomtevik (oppdiktet)")
    assert "Ingen nye plankilder funnet for 0099" in state.message
    text = published["plankilder-0099"]
    assert "Krever innlogging" in text
    assert "Tomtevik kommuneplan" in text
    queue = Geodata(settings.geodata).read("0099", layer="out", contract=KONTROLL)
    assert queue.empty
    assert "Ingenting ble funnet" in (settings.geodata / "forslag/0099.toml").read_text()


def test_a_proposal_that_is_gone_is_closed_in_the_queue(services, published, settings, monkeypatch):
    monkeypatch.setattr(module, "publish", lambda *_: None)
    with services(entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer")):
        module.discover_plankilder.fn("0099 Tomtevik (oppdiktet)")
    with services():
        module.discover_plankilder.fn("0099 Tomtevik (oppdiktet)")
    queue = Geodata(settings.geodata).read("0099", layer="out", contract=KONTROLL)
    assert list(queue["tilstand"]) == ["lukket"]


def test_the_queue_reaches_airtable(services, published, ready, monkeypatch):
    with services(entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer")) as server:
        found, _ = module.look(
            module.find_kommune("0099", sandbox=True), ready.model_copy(update={"sources_url": server.url})
        )
    module.publish("0099", ready)
    from tasks.crm.sync.publish import open_connection

    connection = open_connection(Geodata(ready.geodata), ready, dry_run=False)
    (row,) = connection.base.table(connection.ids["Kontroll"].id).all()
    values = list(row["fields"].values())  # by field id
    assert "Mulig ny kilde for kommuneplan" in values
    assert any(f"[{found.forslag[0].kilde.navn}]" in str(value) for value in values)


def test_an_airtable_that_is_down_does_not_hide_the_findings(settings, caplog, monkeypatch):
    monkeypatch.setattr("tasks.crm.client._pause", lambda state: 0.0)  # the tries follow each other at once
    away = settings.model_copy(update={"airtable_url": "http://127.0.0.1:9", "airtable_token": settings.nap_password})
    module.publish("0099", away)
    assert "Kontroll could not be brought up to date" in caplog.text


def test_the_command_line_prints_the_proposals_and_the_path(services, settings, monkeypatch, capsys):
    with services(entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer")) as server:
        monkeypatch.setattr(
            cli_sources, "load_settings", lambda: settings.model_copy(update={"sources_url": server.url})
        )
        monkeypatch.setattr("flows.environment.connected", nullcontext)
        cli_sources.sources("0099", finn=True)
    said = capsys.readouterr().out
    assert "1. kommuneplan: Tomtevik kommuneplan (arcgis)" in said
    assert str(settings.geodata / "forslag/0099.toml") in said


def test_the_form_offers_every_kommune_in_norwegian():
    from prefect.utilities.callables import parameter_schema

    kommune = parameter_schema(module.discover_plankilder).model_dump()["properties"]["kommune"]
    assert "3207 Nordre Follo" in kommune["enum"]
    assert kommune["description"].startswith("Kommunen det skal letes for")


def test_the_deployments_name_flows_that_exist():
    import importlib

    import yaml

    from config.settings import ROOT

    entries = {d["name"]: d["entrypoint"] for d in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
    for name in ("discover-plankilder", "check-sources"):
        path, _, function = entries[name].partition(":")
        flow = getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), function)
        assert flow.name == name


def test_without_an_answer_nothing_is_overwritten_or_closed(services, published, settings, monkeypatch):
    monkeypatch.setattr(module, "publish", lambda *_: None)
    with services(entry(f"{ARCGIS}/Plan/Kommuneplan/MapServer")):
        before = module.discover_plankilder.fn("0099 Tomtevik (oppdiktet)")
    text = (settings.geodata / "forslag/0099.toml").read_text()
    kommune = module.find_kommune("0099", sandbox=True)
    away = settings.model_copy(update={"sources_url": "http://127.0.0.1:9"})  # where nobody answers
    with pytest.raises(SourceError, match="Ingenting er endret") as error:
        module.look(kommune, away)
    assert "\n" not in str(error.value)
    assert before.type.value == "COMPLETED"
    assert (settings.geodata / "forslag/0099.toml").read_text() == text
    found = Oppdagelse(kommune, (Spurt("a", "x", 1), Spurt("b", "x", 0, "HTTP 503")), (), ())
    monkeypatch.setattr(module, "discover", lambda *_, **__: found)
    module.look(kommune, away)
    kept = (settings.geodata / "forslag/0099.toml").read_text()
    assert "Fra en tidligere leting" in kept
    assert set(kilder(settings.geodata / "forslag/0099.toml")) > set(kilder())
    queue = Geodata(settings.geodata).read("0099", layer="out", contract=KONTROLL)
    assert set(queue["tilstand"]) == {"aapen"}
