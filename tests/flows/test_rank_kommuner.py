"""The flow that ranks: how it ends, what it leaves on the Artifacts tab, what the form offers."""

from __future__ import annotations

import gc
import json
from contextlib import nullcontext
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from config.profil import profiler
from config.rangering import rangering
from flows import rank_kommuner as module
from flows.rangering import run_ranking
from flows.steg import directly
from tasks.errors import AirtableError
from tests.flows.conftest import of_sandbox
from tests.flows.test_rangering import lenient, rules, settings  # noqa: F401  # the same figures and rules

NOVEMBER = date(2026, 11, 3)


@pytest.fixture
def flow(monkeypatch, settings):  # noqa: F811
    """Run the flow without Prefect and Airtable; return its end and its artifacts."""
    made: dict[str, Any] = {"steps": []}

    def create(name: str) -> Any:
        return lambda content, **how: made.update({how["key"]: content})

    def run(ready: Any, **options: Any) -> Any:
        return run_ranking(ready, **(options | {"publish": False, "call": directly, "dato": NOVEMBER}))

    def started(*_: object, **__: object) -> UUID:
        return uuid4()

    monkeypatch.setattr(module, "load_settings", lambda: settings)
    monkeypatch.setattr(module, "connected", nullcontext)
    monkeypatch.setattr(module, "run_ranking", run)
    monkeypatch.setattr(module, "create_progress_artifact", started)
    monkeypatch.setattr(
        module, "update_progress_artifact", lambda _, percent, description: made["steps"].append((percent, description))
    )
    monkeypatch.setattr(module, "create_markdown_artifact", create("text"))
    monkeypatch.setattr(module, "create_table_artifact", create("table"))
    return lambda **options: (module.rank_kommuner.fn(**options), made)


@pytest.mark.usefixtures("lenient")
def test_a_run_that_did_its_work_leaves_the_best_and_all(flow):
    state, made = flow(profil="vekst")
    assert state.type.value == "COMPLETED"
    assert state.message.startswith("OPPDIKTEDE TALL")
    assert json.loads(json.dumps(state.data))["profil"] == "vekst 1"
    assert len(state.data["rangering"]) == len(made["rangering-vekst-alle"]) == 357
    text = made["rangering-vekst"]
    assert text.index("OPPDIKTEDE TALL") < text.index("## De 50 beste") < text.index("## Hva som mangler")
    percents = [percent for percent, _ in made["steps"]]
    assert percents == sorted(percents)
    assert made["steps"][0][1] == "Regner ut nøkkeltall"


def test_a_run_with_too_few_figures_fails_and_says_so(flow):
    state, made = flow()
    assert (state.type.value, state.name) == ("FAILED", "For lite tall")
    assert "IKKE LAGRET" in state.message
    assert "IKKE LAGRET" in made["rangering-boligsosial"]


@pytest.mark.usefixtures("lenient")
def test_where_airtable_fails_all_is_shown_and_the_run_fails(flow, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AirtableError("Airtable could not be reached.")

    monkeypatch.setattr("tasks.crm.sync.connection.open_connection", refuse)
    monkeypatch.setattr(
        module, "run_ranking", lambda ready, **o: run_ranking(ready, **(o | {"call": directly, "dato": NOVEMBER}))
    )
    state, made = flow()
    assert (state.type.value, state.name) == ("FAILED", "Airtable svikter")
    assert state.message.startswith("Airtable could not be reached. OPPDIKTEDE TALL")
    assert len(made["rangering-boligsosial-alle"]) == 357
    assert "## De 50 beste" in made["rangering-boligsosial"]


def test_the_form_offers_every_profile_and_nothing_else():
    from prefect.utilities.callables import parameter_schema

    schema = parameter_schema(module.rank_kommuner).model_dump()
    profil = schema["properties"]["profil"]
    assert profil["enum"] == list(profiler())
    assert profil["default"] == rangering().profil
    assert profil["description"].startswith("Profilen kommunene rangeres")
    assert "uten at noe skrives til Airtable" in schema["properties"]["bare_vis"]["description"]


# Prefect leaves the sockets of the client that its artifacts are made with to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.long
def test_the_whole_flow_in_prefect(tmp_path, sources, monkeypatch):
    from prefect.client.orchestration import get_client
    from prefect.testing.utilities import prefect_test_harness

    monkeypatch.setattr(module, "load_settings", lambda: of_sandbox(tmp_path / "geodata", sources))
    with prefect_test_harness():
        state = module.rank_kommuner(return_state=True)
        with get_client(sync_client=True) as client:
            found = {a.key: a for a in client.read_artifacts()}
            runs = {run.name for run in client.read_task_runs()}
        again = module.rank_kommuner(bare_vis=True, return_state=True)
    assert state.is_completed(), state.message
    assert state.result()["airtable"]["Kommuner"]["created"] == 360
    assert set(found) == {"rangering-fremdrift", "rangering-boligsosial", "rangering-boligsosial-alle"}
    assert found["rangering-fremdrift"].data > 90
    assert {"hent statistikk", "ranger kommuner boligsosial", "oppdater rangering boligsosial"} <= runs
    gc.collect()
    assert again.result()["airtable"]["Kommuner"] == {"created": 0, "updated": 0, "unchanged": 360, "refused": 0}
    assert again.result()["foresporsler"] == 0
