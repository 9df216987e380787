"""The follow-up as a flow and as a command: what it says, and that it names nobody."""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import date

import pytest
import typer
from typer.testing import CliRunner

from flows import cli_oppfolging, environment
from flows import oppfolging as module
from flows.steg import directly
from tasks.crm.oppfolging.dag import Dag
from tasks.crm.oppfolging.nokkeltall import Tall
from tasks.crm.oppfolging.varsler import Varsel
from tests.crm.conftest import pauser, verden  # noqa: F401  # the same world
from tests.crm.oppfolging.hjelp import skifte, tomt

HOSTILE = "Borte fra dataene: | <script>x</script> [x](http://ond)"


def a_day() -> Dag:
    lot = tomt(fase="Dialog", tittel="Kari Eiersens tomt")
    found = Tall((4, 3, 1, 1, 0), {"Kontaktet": (2.0, 5.0), "Dialog": (), "LOI": (), "Opsjon": ()}, 2, 30.0, 4.5, 9e6)
    due = {lot.record_id: [Varsel("borte:x:1", "borte", HOSTILE, (lot.record_id,))]}
    return Dag(
        date(2026, 5, 4), [lot, tomt(2)], due, [skifte(1, "Dialog")], found, {"3207": found, "": Tall((0,) * 5, {})}
    )


def test_the_artifact_has_the_figures_and_what_is_due_and_names_nobody():
    text = module.as_markdown(a_day())
    assert (
        "1 påminnelser på 1 tomter, 1 faseskifter siden sist. 2 tomter i pipeline med 30 boliger (4,5 vektet)." in text
    )
    assert (
        "| 3207 | 2 | 30 | 4,5 | 9\u00a0000\u00a0000 | 75 (4) | 33 (3) | 100 (1) | 0 (1) | 3,5 (2) | – | – | – |"
        in text
    )
    assert "| Ukjent kommune | 0 |" in text
    assert "| 3207-000001 | 3207 | Dialog | Borte fra dataene:" in text
    assert "Eiersen" not in text
    assert "<script>" not in text
    assert "[x](http" not in text


def test_a_base_that_is_not_there_is_said():
    dag = Dag(date(2026, 5, 4), mangler=("base",))
    assert module.as_markdown(dag).endswith("Basen er ikke satt opp ennå.")
    assert module.as_dict(dag)["mangler"] == ["base"]


def test_the_json_has_the_same():
    found = json.loads(json.dumps(module.as_dict(a_day())))
    assert found["varsler"] == [
        {"tomt": "3207-000001", "kommune": "3207", "fase": "Dialog", "slag": "borte", "hva": HOSTILE}
    ]
    assert found["faseskifter"][0]["til"] == "Dialog"
    assert found["pipeline"]["3207"]["konvertering_prosent"]["Kontaktet"] == 75
    assert found["pipeline"]["ukjent"]["konvertering_prosent"]["Kontaktet"] is None
    assert "Eiersen" not in json.dumps(found)


@pytest.mark.usefixtures("pauser")
def test_the_flow_and_the_command_follow_up(verden, monkeypatch):  # noqa: F811
    settings = verden.oppdrag_direkte.settings()
    made = {}
    for where in (module, cli_oppfolging):
        monkeypatch.setattr(where, "load_settings", lambda: settings)
    for where in (module, environment):
        monkeypatch.setattr(where, "connected", nullcontext)
    monkeypatch.setattr(module, "as_task", directly)
    monkeypatch.setattr(module, "create_markdown_artifact", lambda text, **how: made.update({how["key"]: text}))
    verden.person.change("Tomter", "0099-000001", {"Fase": "Dialog", "Neste steg dato": "2026-01-02"})
    app = typer.Typer()
    app.command()(cli_oppfolging.oppfolging)
    printed = CliRunner().invoke(app, ["--dry-run"], catch_exceptions=False).stdout
    assert "0099-000001 (Dialog): Neste steg har frist 02.01.2026" in printed
    assert "would be written: Aktiviteter 2, Tomter 1" in printed
    state = module.oppfolging.fn()
    assert (state.type.value, state.message.split(".")[0]) == (
        "COMPLETED",
        "1 påminnelser på 1 tomter, 1 faseskifter siden sist",
    )
    assert "0099-000001" in made["oppfolging"]
    again = json.loads(CliRunner().invoke(app, ["--json"], catch_exceptions=False).stdout)
    assert set(again["sendt"].values()) == {0}
