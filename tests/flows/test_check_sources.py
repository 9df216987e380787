"""The daily check: how it ends, and what it leaves."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from config.settings import Profile
from flows import check_sources as module
from flows import doctor
from tasks.contracts import KONTROLL
from tasks.sources.kontroll import FELLES
from tasks.store import Geodata


@pytest.fixture
def check(monkeypatch, settings, faulty_sources):
    """Run the flow against sources that a test breaks, and return its end and its artifact."""
    made = {}
    ready = settings.model_copy(update={"sources_url": faulty_sources.url})
    monkeypatch.setattr(module, "load_settings", lambda: ready)
    monkeypatch.setattr(module, "connected", nullcontext)
    monkeypatch.setattr(module, "publish", lambda nummer, _: made.setdefault("published", nummer))
    monkeypatch.setattr(module, "create_markdown_artifact", lambda markdown, **_: made.setdefault("text", markdown))
    return lambda: (module.check_sources.fn(), made)


def test_all_well(check, settings):
    state, made = check()
    assert state.type.value == "COMPLETED", state.message
    assert " ok" in state.message
    assert made["published"] == FELLES
    assert "| nap&#95;kommuneplan | kommuneplan | ok |" in made["text"]
    assert Geodata(settings.geodata).read(FELLES, layer="out", contract=KONTROLL).empty


def test_a_source_that_is_gone_fails_the_flow_and_an_optional_one_warns(check, settings, faulty_sources):
    faulty_sources.breaks("kommunedelplaner", status=404)
    faulty_sources.breaks("wfs.matrikkelen-bygningspunkt", status=404)
    state, made = check()
    assert (state.type.value, state.name) == ("FAILED", "Kilder svikter")
    assert "nap_kommunedelplan: borte" in state.message
    assert "kartverket_bygning" not in state.message
    assert "kartverket&#95;bygning" in made["text"]
    queue = Geodata(settings.geodata).read(FELLES, layer="out", contract=KONTROLL)
    assert dict(zip(queue["kontroll_id"], queue["alvor"], strict=True)) == {
        "felles-kommunedelplan-borte-nap_kommunedelplan": "høy",
        "felles-bygning-borte-kartverket_bygning": "lav",
    }


def test_doctor_sees_the_same(settings, faulty_sources):
    faulty_sources.breaks("kommuneinfo", status=404)
    faulty_sources.breaks("wfs.matrikkelen-bygningspunkt", status=404)
    ready = settings.model_copy(update={"sources_url": faulty_sources.url})
    found = {f.what: f for f in doctor._sources(ready)}
    assert found["source kartverket_grense"].mark == "NO"
    assert (found["source kartverket_bygning"].mark, found["source nap_kommuneplan"].mark) == ("!", "ok")
    assert "optional" in found["source kartverket_bygning"].found


def test_doctor_wants_no_contact_in_the_sandbox_and_tells_of_a_broken_file_of_sources(settings, tmp_path):
    assert "not needed here" in doctor._contact(settings.model_copy(update={"contact": None})).found
    away = settings.model_copy(update={"contact": None, "profile": Profile.STAGING})
    assert not doctor._contact(away).ok
    (tmp_path / "egne.toml").write_text("[x\n")
    broken = settings.model_copy(update={"kilder": tmp_path / "egne.toml"})
    found = doctor._try("registers", lambda: doctor._registers(broken))
    assert not found.ok
    assert "egne.toml" in found.found
