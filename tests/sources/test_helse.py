"""Health of sources: each state by a service that is in it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from fastapi import FastAPI, Request, Response

from config.kilder import Kilde, kilder
from config.registers import find_kommune
from tasks.sources import helse
from tests.sources.plantjenester import Plantjenester

KNR = "0099"


@pytest.fixture(autouse=True)
def one_kommune(monkeypatch):
    """Leave out the larger invented kommuner, which take seconds to draw."""
    for module in ("arcgis_lag", "ogc", "teig_wfs"):
        monkeypatch.setattr(f"tasks.sandbox.{module}.numre", lambda: (KNR,))


@pytest.fixture(scope="module")
def server():
    with Plantjenester() as running:
        yield running


@pytest.fixture
def check(server, limits, tmp_path):
    quick = replace(limits, forsoek=1, sekunder_lesing=30, maks_bytes=20_000_000)

    def ask(kilde, at=server, **more):
        settings = at.settings(geodata=tmp_path, **more)
        kommune = find_kommune(KNR, sandbox=True)
        return helse.check(kilde, settings=settings, geodata=tmp_path, kommune=kommune, limits=quick)

    return ask


def arcgis_source(url, *, sti="Plan/Kommuneplan/MapServer", lag=None, **more):
    values = {
        "navn": "proeve",
        "tema": "kommuneplan",
        "protokoll": "arcgis",
        "adresse": f"{url}/arcgis/rest/services/{sti}",
        "lag": lag or {"KpOmråde": "0"},
        "lisens": "x",
        **more,
    }
    return Kilde.model_validate(values)


@pytest.mark.parametrize("navn", ["nap_kommuneplan", "nap_reguleringsplan", "kartverket_teig"])
def test_the_sources_of_the_sandbox_are_well(check, tmp_path, navn):
    found = check(kilder()[navn])
    assert (found.tilstand, found.is_alarm) == ("ok", False), found.funn
    remembered = json.loads((tmp_path / f"helse/{navn}.json").read_text())["lag"]
    assert all(row["kolonner"] for row in remembered.values())
    assert check(kilder()[navn]).tilstand == "ok"


def test_a_layer_may_be_configured_by_its_number_or_its_name(check, server):
    assert check(arcgis_source(server.url, lag={"KpOmråde": "KPOMRADE"})).tilstand == "ok"
    assert check(arcgis_source(server.url, lag={"KpOmråde": "0"})).tilstand == "ok"


def test_a_layer_that_is_gone_is_named_with_those_that_are_there(check, server):
    found = check(arcgis_source(server.url, lag={"KpOmråde": "0", "KpArealformålOmråde": "17"}))
    assert (found.tilstand, found.is_alarm) == ("borte", True)
    assert "17" in found.funn
    assert "KpOmråde" in found.funn
    assert "proeve" in found.gjoer


def test_a_service_that_is_gone(check, server):
    kilde = arcgis_source(server.url).model_copy(
        update={"protokoll": "ogc_features", "adresse": f"{server.url}/finnesikke"}
    )
    assert check(kilde).tilstand == "borte"


def test_a_login_that_is_missing_is_no_alarm_and_one_that_is_refused_is(check):
    missing = check(kilder()["nap_kommuneplan"], nap_password=None)
    assert (missing.tilstand, missing.is_alarm, missing.har_innlogging) == ("uten_tilgang", False, False)
    assert "TOMT_NAP_USERNAME og TOMT_NAP_PASSWORD" in missing.gjoer
    assert "Norge digitalt" in missing.gjoer
    refused = check(kilder()["nap_kommuneplan"], nap_password="gammelt")
    assert (refused.tilstand, refused.is_alarm) == ("uten_tilgang", True)
    assert "gammelt" not in refused.funn + refused.gjoer


def test_a_token_that_arcgis_wants_is_a_login(check, server):
    found = check(arcgis_source(server.url, sti="Lukket/Plandata/MapServer"))
    assert found.tilstand == "uten_tilgang"
    assert "legitimasjon" in found.gjoer


@pytest.mark.parametrize("body", [(503, b""), (200, b"<html><title>Vedlikehold</title></html>"), (200, b"{")])
def test_no_usable_answer_is_down(check, upstream, body):
    upstream.answer = lambda h: h.send(body[1], status=body[0])
    found = check(arcgis_source(upstream.url))
    assert (found.tilstand, found.is_alarm) == ("nede", True)
    assert found.gjoer


def test_a_source_that_lots_are_found_without_gives_no_alarm(check, upstream):
    upstream.answer = lambda h: h.send(b"", status=503)
    found = check(arcgis_source(upstream.url, valgfri=True))
    assert (found.tilstand, found.is_alarm) == ("nede", False)
    assert [s.alvor for s in helse.cases([found])] == ["lav"]


class Skiftende:
    """An ArcGIS service, or collections without queryables, whose columns a test changes."""

    def __init__(self) -> None:
        self.columns = ["PLANID", "PLANSTAT", "KOMM", "NAVN"]

    def __call__(self, app: FastAPI) -> None:
        @app.get("/s/arcgis/rest/services/Plan/MapServer{rest:path}")
        def arcgis(rest: str) -> Response:
            fields = [{"name": c} for c in self.columns]
            layer = {"id": 0, "name": "KpOmråde", "geometryType": "esriGeometryPolygon", "fields": fields}
            return Response(json.dumps({"layers": [layer]} if rest else {}), media_type="application/json")

        @app.get("/s/ogc/collections{rest:path}")
        def ogc(rest: str, request: Request) -> Response:
            if rest.endswith("queryables"):
                return Response(status_code=404)
            feature = {"type": "Feature", "geometry": None, "properties": dict.fromkeys(self.columns, "x")}
            body = {"features": [feature]} if rest else {"collections": [{"id": "kpomrade", "title": "KpOmråde"}]}
            return Response(json.dumps(body), media_type="application/json")


@pytest.fixture
def skiftende():
    service = Skiftende()
    with Plantjenester(extra=service) as running:
        yield service, running


def test_lost_columns_are_an_alert_until_a_person_has_looked(check, skiftende, tmp_path):
    service, running = skiftende
    kilde = arcgis_source(running.url).model_copy(
        update={"adresse": f"{running.url}/s/arcgis/rest/services/Plan/MapServer"}
    )
    assert check(kilde, running).tilstand == "ok"
    service.columns = ["PLANID", "KOMM", "NAVN", "NY"]
    for _ in range(2):
        changed = check(kilde, running)
        assert (changed.tilstand, changed.is_alarm) == ("endret", True)
        assert "PLANSTAT" in changed.funn
        assert "NAVN" not in changed.funn
    (case,) = helse.cases([changed])
    assert (case.kontroll_id, case.kommunenummer) == ("felles-kommuneplan-endret-proeve", "")
    memory = tmp_path / "helse/proeve.json"
    assert str(memory) in changed.gjoer
    memory.unlink()
    assert check(kilde, running).tilstand == "ok"
    service.columns = [*service.columns, "ENDA_EN"]
    assert check(kilde, running).tilstand == "ok"  # more is no harm, and is remembered
    assert "ENDA_EN" in memory.read_text()


def test_a_page_need_not_show_every_column(check, skiftende):
    service, running = skiftende
    kilde = arcgis_source(running.url, lag={"KpOmråde": "KpOmråde"}).model_copy(
        update={"adresse": f"{running.url}/s/ogc", "protokoll": "ogc_features"}
    )
    first = check(kilde, running)
    assert first.tilstand == "ok", first.funn
    service.columns = ["PLANID", "KOMM"]
    assert check(kilde, running).tilstand == "ok"
    service.columns = ["objektid", "status", "PLANID"]
    assert check(kilde, running).tilstand == "endret"


def test_a_damaged_memory_is_forgotten(check, server, tmp_path):
    (tmp_path / "helse").mkdir()
    (tmp_path / "helse/proeve.json").write_text('{"lag": [1]}')
    assert check(arcgis_source(server.url)).tilstand == "ok"


def test_what_the_sandbox_does_not_have_is_not_asked(check):
    found = check(kilder()["bergen_kommuneplan"])
    assert (found.tilstand, found.is_alarm) == ("ikke_spurt", False)


def test_the_inbox_says_what_it_holds_and_what_to_order(check, tmp_path):
    empty = check(kilder()["innboks_kommuneplan"])
    assert empty.tilstand == "tom"
    assert "Be kommunen" in empty.gjoer
    (tmp_path / "innboks/3207").mkdir(parents=True)
    (tmp_path / "innboks/3207/plan.gml").write_text("x")
    assert "3207" in check(kilder()["innboks_kommuneplan"]).funn


def test_many_are_asked_and_told_in_their_order(server, limits, tmp_path):
    chosen = [kilder()[n] for n in ("nap_reguleringsplan", "innboks_kommuneplan", "nap_kommuneplan")]
    kommune = find_kommune(KNR, sandbox=True)
    found = helse.check_all(chosen, settings=server.settings(), geodata=tmp_path, kommune=kommune, limits=limits)
    assert [h.kilde.navn for h in found] == [k.navn for k in chosen]
    assert {h.tilstand for h in found} == {"ok", "tom"}


def test_sources_are_asked_through_the_proxy_of_the_environment(upstream, limits, tmp_path, monkeypatch):
    for name in ("no_proxy", "NO_PROXY", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", upstream.url)
    upstream.answer = lambda h: h.json({})
    kilde = kilder()["kartverket_grense"].model_copy(update={"adresse": "http://source.invalid"})
    settings = Plantjenester().settings(profile="staging", sources_url=None)
    kommune = find_kommune("3207", sandbox=False)
    found = helse.check(kilde, settings=settings, geodata=tmp_path, kommune=kommune, limits=limits)
    assert found.funn == "http://source.invalid svarer."
    assert [a.path for a in upstream.asked] == ["http://source.invalid/kommuner/3207"]
