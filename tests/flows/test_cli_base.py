"""`tomt base setup`, `check` and `guide` against a base such as sales has: named by its id, outside the sandbox."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from pyairtable import Base
from typer.testing import CliRunner

from config.base import base_register
from config.settings import load_settings
from flows import cli, doctor
from tasks.crm.client import AirtableAdapter, connect
from tasks.crm.skjema.veiledning import guide
from tasks.crm.sync.basesync import today
from tasks.crm.sync.state import BaseState
from tasks.errors import ConfigError, TomtError
from tasks.sandbox.airtable import AirtableServer
from tasks.store import Geodata

TOKEN = "pat-for-tests"
BY_HAND = len(base_register().formel) + len(base_register().visning)


@pytest.fixture
def server(tmp_path) -> Iterator[AirtableServer]:
    with AirtableServer(tmp_path / "airtable", token=TOKEN, rate_limit_per_s=0) as server:
        yield server


@pytest.fixture
def base(server, tmp_path, monkeypatch) -> Iterator[Base]:
    """An empty base, as a person makes one in Airtable, and the environment that names it."""
    monkeypatch.setenv("TOMT_ENV_FILE", "")
    for name, value in {
        "PROFILE": "staging",
        "GEODATA": str(tmp_path / "geodata"),
        "AIRTABLE_URL": server.url,
        "AIRTABLE_TOKEN": TOKEN,
        "AIRTABLE_RATE_PER_S": "0",
    }.items():
        monkeypatch.setenv(f"TOMT_{name}", value)
    api = connect(load_settings())
    first = {"name": "Table 1", "fields": [{"name": "Name", "type": "singleLineText"}]}
    made = api.create_base("wspEkte0000000001", "Tomter", [first])
    monkeypatch.setenv("TOMT_AIRTABLE_BASE", made.id)
    yield made
    api.session.close()


@pytest.fixture
def here(monkeypatch):
    """Run a command in this process; return what it printed, and what it ended with."""
    logger = logging.getLogger("tomt")
    for name in ("handlers", "propagate", "level"):
        monkeypatch.setattr(logger, name, getattr(logger, name))

    def run(*arguments: str) -> tuple[str, TomtError | None]:
        done = CliRunner().invoke(cli.app, ["base", *arguments])
        if isinstance(done.exception, TomtError):
            return done.stdout, done.exception
        assert done.exception is None, done.exception
        return done.stdout, None

    return run


def tables(base: Base) -> dict[str, object]:
    return base.api.get(base.urls.tables)


def test_from_nothing_to_a_base_that_is_clean_but_for_what_people_make(base, here, tmp_path):
    before = tables(base)
    said, error = here("check")
    assert isinstance(error, TomtError)
    assert "tomt base setup" in str(error)
    assert "Stops every run:\n  Kommuner is missing as a table" in said
    said, error = here("setup", "--dry-run")
    assert error is None
    assert said.count("would create table") == len(base_register().tabell)
    assert "would mark the base as staging" in said
    assert tables(base) == before

    said, error = here("setup")
    assert error is None
    assert said.count("created table") == len(base_register().tabell)
    path = tmp_path / "geodata" / "crm" / base.id / "oppsett.md"
    assert str(path) in said
    assert path.read_text(encoding="utf-8") == guide(base_register())
    assert {"Table 1", "Tomter"} <= {t["name"] for t in tables(base)["tables"]}

    said, error = here("check")
    assert error is None
    assert f"as config/airtable.toml wants it: clean but for {BY_HAND} things done by hand" in said
    assert "Done by hand in Airtable:\n  Eiere.Tittel is missing as a formula field: step 2 of the guide" in said
    said, error = here("check", "--json")
    found = json.loads(said)
    assert (error, found["ok"], found["profil"], len(found["avvik"])) == (None, True, "staging", BY_HAND)
    assert (found["brukt"]["poster"], found["brukt"]["telt"], found["brukt"]["kall"]) == (None, None, 0)
    base.table("Kontakter").batch_create([{}] * 3)
    base.table("Tomter").batch_create([{}] * 2)
    found = json.loads(here("check", "--json", "--count")[0])
    assert found["brukt"] == {
        "poster": 5,
        "telt": today().isoformat(),
        "poster_per_base": 50_000,
        "kall": 1 + len(base_register().tabell),
        "kall_per_maaned": 100_000,
    }
    assert "created" not in here("setup")[0]
    assert here("setup", "--dry-run")[0] == "Nothing to create.\n"


def test_what_setup_cannot_put_right_is_said_and_stops(base, here, server, tmp_path, monkeypatch):
    here("setup")
    server.hand.delete_option(base.id, "Tomter", "Tilstand", option="Borte")
    server.hand.delete_field(base.id, "Tomter", "Score")
    said, error = here("check", "--json")
    found = json.loads(said)
    assert not found["ok"]
    assert {(a["hvor"], a["tiltak"]) for a in found["avvik"] if a["stopper"]} == {
        ("Tomter.Score", "setup"),
        ("Tomter.Tilstand", "hand"),
    }
    assert "by hand: Tomter.Tilstand lacks the option 'Borte'" in here("setup", "--dry-run")[0]
    said, error = here("setup")
    assert "created field Tomter.Score" in said
    assert "Tomter.Tilstand lacks the option 'Borte'" in str(error)
    BaseState(Geodata(tmp_path / "geodata"), base.id).keep_counts({"Tomter": 40_000, "Kontroll": 1}, "2026-11-01")
    asked: list[object] = []
    send = AirtableAdapter._once
    monkeypatch.setattr(AirtableAdapter, "_once", lambda *a, **more: asked.append(a) or send(*a, **more))
    said, error = here("check")
    assert len(asked) == 1  # what is used is known from before
    assert "records: 40,001 of 50,000, counted 2026-11-01\n" in said
    assert "calls this month, from here to this base: 0 of 100,000" in said
    assert "Stops every run:\n  Tomter.Tilstand lacks the option" in said
    assert "1 differences to close" in str(error)


@pytest.mark.parametrize("command", [("setup",), ("setup", "--dry-run"), ("check",)])
def test_a_base_of_another_profile_is_left_alone(base, here, monkeypatch, command):
    here("setup")
    before = tables(base)
    monkeypatch.setenv("TOMT_PROFILE", "production")
    _, error = here(*command)
    assert isinstance(error, ConfigError)
    assert "'staging'" in str(error)
    assert "'production'" in str(error)
    assert tables(base) == before


def test_the_guide_needs_neither_base_nor_network(here, monkeypatch):
    monkeypatch.setenv("TOMT_PROFILE", "staging")
    monkeypatch.setenv("TOMT_AIRTABLE_URL", "http://127.0.0.1:1")
    said, error = here("guide")
    assert error is None
    assert said == guide(base_register())


@pytest.mark.long
def test_the_doctor_tells_profile_and_marker_and_setup_marks_again_only_when_told_so(base, here):
    with pytest.raises(TomtError, match=r"profile staging: \d+ differences stop every run\. Run `tomt base setup`"):
        doctor._airtable(load_settings())
    here("setup")
    said = doctor._airtable(load_settings())
    assert f"base {base.id}, profile staging, marked staging, set up; {BY_HAND} things" in said
    logg = next(t for t in tables(base)["tables"] if t["name"] == "Kjøringer")
    base.api.request("PATCH", f"{base.urls.tables}/{logg['id']}", json={"description": "Vår egen tekst."})
    with pytest.raises(TomtError, match="tomt base setup --mark-as staging"):
        doctor._airtable(load_settings())
    for command in (("check",), ("setup",), ("setup", "--dry-run")):
        assert "run `tomt base setup --mark-as staging`; if not" in str(here(*command)[1])
    assert isinstance(here("setup", "--mark-as", "production")[1], ConfigError)
    assert here("setup", "--dry-run", "--mark-as", "staging")[0] == "would mark the base as staging\n"
    assert 'Vår egen tekst."' in json.dumps(tables(base), ensure_ascii=False)
    assert "created marker of the profile staging" in here("setup", "--mark-as", "staging")[0]
    assert "Vår egen tekst. [tomt: profil=staging]" in json.dumps(tables(base), ensure_ascii=False)
