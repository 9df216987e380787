"""How a run ends in Prefect, and what the form offers; the whole flow runs in `test_demo`."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime

import pytest

from config.errors import ConfigError
from config.registers import find_kommune
from flows import find_tomter as module
from flows.summary import IKKE_DEKKET, Summary


@pytest.fixture
def ends_as(monkeypatch, settings):
    """Let the main job end with a summary, and collect what becomes of it."""
    published = []

    def prepare(resultat: str, grunn: str | None) -> list[Summary]:
        def run(kommune, ready, *, dry_run, call):
            summary = Summary(kommune, datetime(2026, 11, 21, tzinfo=UTC), dry_run)
            step = {"inn": 1, "ut": 1, "utelatt": {}, "merknader": {}}
            summary.regnskap = {"land": {"omraader": step, "tomter": step}}
            if grunn:
                summary.fail(grunn, resultat)
            return summary

        monkeypatch.setattr(module, "load_settings", lambda: settings)
        monkeypatch.setattr(module, "connected", nullcontext)
        monkeypatch.setattr(module, "run_kommune", run)
        monkeypatch.setattr(module, "publish_artifacts", lambda summary, _: published.append(summary))
        return published

    return prepare


def test_a_run_that_could_not_read_a_plan_source_ends_as_such(ends_as):
    published = ends_as(IKKE_DEKKET, "ukjent, ikke tomt.")
    state = module.find_tomter.fn("0099 Tomtevik (oppdiktet)")
    assert (state.type.value, state.name) == ("FAILED", IKKE_DEKKET)
    assert "Ingen tomt er endret" in state.message
    assert published[0].grunn == "ukjent, ikke tomt."  # the artifacts tell it too


def test_a_run_that_did_its_work_carries_its_summary(ends_as):
    ends_as("Fullført", None)
    state = module.find_tomter.fn("0099 Tomtevik (oppdiktet)", bare_vis=True)
    assert state.type.value == "COMPLETED"
    assert state.data["dry_run"] is True


def test_a_real_kommune_is_refused_in_the_sandbox_with_what_to_do(ends_as, monkeypatch, settings):
    ends_as("Fullført", None)
    monkeypatch.setattr(module, "load_settings", lambda: settings.model_copy(update={"sources_url": None}))
    with pytest.raises(ConfigError, match="TOMT_PROFILE=staging"):
        module.find_tomter.fn("3207 Nordre Follo")


def test_the_form_offers_every_kommune_and_nothing_else():
    from prefect.utilities.callables import parameter_schema

    schema = parameter_schema(module.find_tomter).model_dump()
    kommune = schema["properties"]["kommune"]
    assert find_kommune("3207", sandbox=False).label in kommune["enum"]
    assert kommune["description"].startswith("Kommunen som skal kjøres")
    assert schema["required"] == ["kommune"]
