"""Themes that a run can do without, and one that it fetches only when told to."""

from __future__ import annotations

import pytest

from config.registers import regler
from flows.run import run_kommune
from flows.sammendrag import as_markdown
from flows.summary import FEILET, FULLFORT
from tasks.contracts import HINDRE, REGULERINGSFORMAAL, TOMTER
from tasks.crm.client import connect
from tasks.crm.skjema.ids import find_base
from tasks.store import Geodata
from tests.flows.test_run import but_card

BYGNING = "wfs.matrikkelen-bygningspunkt"


def lots(ready) -> list:
    api = connect(ready)
    api.use_field_ids = False
    rows = find_base(api, ready).table("Tomter").all()
    return [but_card(fields) for fields in sorted((r["fields"] for r in rows), key=lambda fields: fields["Tomt-id"])]


@pytest.mark.parametrize("broken", [{"truncated": True}, pytest.param({"status": 503}, marks=pytest.mark.long)])
def test_lots_stay_as_they_are_when_buildings_cannot_be_read(ran, tomtevik, faulty_sources, broken):
    before = lots(ran)
    geodata = Geodata(ran.geodata)
    kept = geodata.path("core", HINDRE, "0099").read_bytes()
    faulty_sources.breaks(BYGNING, **broken)
    summary = run_kommune(tomtevik, ran.model_copy(update={"sources_url": faulty_sources.url}))
    assert summary.resultat == FULLFORT
    assert lots(ran) == before
    assert geodata.path("core", HINDRE, "0099").read_bytes() == kept
    assert "Kilden for bygning svarte ikke som den skal; data fra 20" in summary.kort()
    assert "bygning: Kilden kunne ikke leses: " in summary.as_text()
    assert "| bygning | kartverket_bygning | feilet; data fra 20" in as_markdown(summary)
    assert "ikke hentet nå, fra 20" in as_markdown(summary)
    assert summary.as_dict()["kilder"]["bygning"]["svar"] == "Failed"


@pytest.mark.long
def test_the_same_lots_are_found_when_buildings_were_never_read(ready, tomtevik, faulty_sources):
    faulty_sources.breaks(BYGNING, status=503)
    unread = ready.model_copy(update={"sources_url": faulty_sources.url})
    summary = run_kommune(tomtevik, unread)
    assert summary.ok
    assert "bygninger ukjent" in as_markdown(summary)
    geodata = Geodata(ready.geodata)
    assert geodata.read("0099", layer="core", contract=HINDRE) is None
    before = geodata.read("0099", layer="out", contract=TOMTER)
    # once they can be read, the lots are the same pieces of land
    assert run_kommune(tomtevik, ready).ok
    after = geodata.read("0099", layer="out", contract=TOMTER)
    assert len(geodata.read("0099", layer="core", contract=HINDRE)) > 800
    assert after["tomt_id"].to_list() == before["tomt_id"].to_list()
    assert after.geometry.equals(before.geometry)


def test_a_run_that_stops_for_another_source_does_not_blame_the_buildings(ready, tomtevik, faulty_sources):
    faulty_sources.breaks(BYGNING, status=503)
    faulty_sources.breaks("kommuneinfo", status=503)
    summary = run_kommune(tomtevik, ready.model_copy(update={"sources_url": faulty_sources.url}))
    assert summary.resultat == FEILET
    assert "Kilden for grense svarte ikke" in summary.kort()
    assert "bygning" not in summary.kort()


@pytest.fixture
def switched_on(monkeypatch) -> None:
    """Switch the second class of differanse on for what is fetched."""
    on = regler().differanse.model_copy(update={"ikke_bolig_i_plan": True})
    monkeypatch.setattr("flows.run.regler", lambda: regler().model_copy(update={"differanse": on}))


def test_purposes_are_not_fetched_unless_they_are_wanted(first_run):
    assert "reguleringsplan" in first_run.summary.kilder
    assert "reguleringsformaal" not in first_run.summary.kilder
    assert Geodata(first_run.geodata).read("0099", layer="core", contract=REGULERINGSFORMAAL) is None


@pytest.mark.long
def test_purposes_are_fetched_when_they_are_wanted(ready, tomtevik, switched_on):
    summary = run_kommune(tomtevik, ready, dry_run=True)
    assert summary.ok
    assert list(summary.kilder)[1:5] == ["kommuneplan", "kommunedelplan", "reguleringsplan", "reguleringsformaal"]
    frame = Geodata(ready.geodata).read("0099", layer="core", contract=REGULERINGSFORMAAL)
    assert set(frame["objekttype"]) == {"RpArealformålOmråde", "RbFormålOmråde"}
    assert set(frame["vertikalnivaa"]) == {"1", "2"}
    assert "| reguleringsformaal | nap_reguleringsformaal | data |" in as_markdown(summary)


@pytest.mark.long
def test_purposes_that_are_wanted_and_cannot_be_read_stop_the_run(ready, tomtevik, switched_on, faulty_sources):
    faulty_sources.breaks("rbformalomrade", status=503)
    summary = run_kommune(tomtevik, ready.model_copy(update={"sources_url": faulty_sources.url}), dry_run=True)
    assert summary.resultat == FEILET
    assert "Kilden for reguleringsformaal svarte ikke" in summary.kort()
