"""The flow `backup`, and the commands `tomt base backup` and `tomt base restore`."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import typer
from typer.testing import CliRunner

from flows import backup as module
from flows import cli_arkiv
from tasks.errors import ConfigError, TomtError
from tasks.sandbox.airtable import AirtableServer
from tests.crm.arkiv.proevearkiv import TOKEN, api_of, empty_base, filled_base, settings_of


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with AirtableServer(tmp_path_factory.mktemp("airtable"), token=TOKEN, rate_limit_per_s=0) as server:
        yield server


@pytest.fixture(scope="module")
def api(server, tmp_path_factory):
    with api_of(server.url, tmp_path_factory.mktemp("api")) as api:
        yield api


@pytest.fixture(scope="module")
def full(api):
    return filled_base(api, rows=13).base


@pytest.fixture
def ready(server, full, tmp_path, monkeypatch):
    """Let flow and commands work with the base."""
    settings = settings_of(server.url, tmp_path, full.id)
    monkeypatch.setattr(module, "load_settings", lambda: settings)
    monkeypatch.setattr(module, "connected", nullcontext)
    monkeypatch.setattr(cli_arkiv, "load_settings", lambda: settings)
    monkeypatch.setattr("flows.environment.connected", nullcontext)
    return settings


@pytest.fixture
def flow(ready, monkeypatch):
    """Run the flow, and return its end and its artifact."""
    made = {}
    monkeypatch.setattr(module, "create_markdown_artifact", lambda markdown, **_: made.setdefault("text", markdown))
    return lambda: (module.backup.fn(), made["text"])


@pytest.fixture
def here(ready):
    """Run a command in this process; return what it printed, and what it ended with."""
    app = typer.Typer()
    app.command("backup")(cli_arkiv.base_backup)
    app.command("restore")(cli_arkiv.base_restore)

    def run(*arguments):
        done = CliRunner().invoke(app, list(map(str, arguments)))
        assert done.exception is None or isinstance(done.exception, TomtError | SystemExit), done.exception
        return done.stdout, done.exception

    return run


def test_the_flow_tells_counts_and_no_content(flow, ready, full):
    (ready.geodata / "backup" / "appGAMMEL" / "20200101T000000000000Z").mkdir(parents=True)
    state, text = flow()
    assert state.type.value == "COMPLETED", state.message
    assert "`backup/appGAMMEL` hører til en annen base" in text
    assert "3 tabeller, 20 poster og 6 vedlegg" in state.message
    assert "| Tomter | 13 |" in text
    assert "Tomt med alt" not in text
    assert "avtale" not in text
    assert (ready.geodata / "backup" / full.id).is_dir()


def test_the_flow_fails_when_bytes_are_missing(flow, server, monkeypatch):
    monkeypatch.setattr("tasks.crm.arkiv.henting.Fetcher.is_allowed", lambda *_: False)
    state, text = flow()
    assert (state.type.value, state.name) == ("FAILED", "Ufullstendig")
    assert "6 of 6 attachments could not be fetched" in state.message
    assert "**Ufullstendig:** 6 vedlegg" in text


def test_from_the_command_line_into_an_empty_base_and_back_to_a_comparison(here, api, ready):
    said, error = here("backup", "--dry-run")
    assert (error, "3 tables, no backup yet, at least 5 calls" in said) == (None, True)
    assert not (ready.geodata / "backup").exists()
    (ready.geodata / "backup" / "appGAMMEL" / "20200101T000000000000Z").mkdir(parents=True)
    said, error = here("backup")
    assert error is None
    assert "backup/appGAMMEL is of another base" in said
    folder = said.splitlines()[0]
    base = empty_base(api)
    said, error = here("restore", folder, "--base", base.id)
    assert error is None
    assert "20 records to make" in said
    assert "Nothing was written" in said
    said, error = here("restore", folder, "--base", base.id, "--check")
    assert isinstance(error, ConfigError)
    said, error = here("restore", folder, "--base", base.id, "--write")
    assert error is None, error
    assert "made table Tomter" in said
    assert "Compared: 20 records" in said
    assert "0 differences" in said
    base.table("Helt tom").create({})
    said, error = here("restore", folder, "--base", base.id, "--check")
    assert "differs from the backup in 1 place;" in str(error)
    assert "Helt tom: record rec" in said


@pytest.mark.long
def test_into_a_new_base(here):
    folder = here("backup")[0].splitlines()[0]
    said, error = here("restore", folder, "--new", "--write")
    assert error is None, error
    assert said.startswith("made base app")


def test_what_does_not_go_together_and_what_is_no_backup(here, tmp_path):
    for arguments, reason in (
        (("--write", "--check"), "give one of them"),
        (("--new",), "goes with --write"),
        (("--base", "tull"), "--base is no id of a base: it begins with app"),
        ((), "is no folder"),
    ):
        assert reason in str(here("restore", tmp_path / "borte", *arguments)[1])


def test_a_damaged_backup_makes_no_new_base(here, api, tmp_path):
    before = len(api.bases(force=True))
    for folder, reason in ((tmp_path, "the backup is partial"), (tmp_path / "borte", "is no folder")):
        said, error = here("restore", folder, "--new", "--write")
        assert reason in str(error)
        assert (said, len(api.bases(force=True))) == ("", before)


def test_one_is_told_as_one(monkeypatch, full, flow):
    monkeypatch.setattr("tasks.crm.arkiv.backup.prune", lambda _: iter(["20200101T000000000000Z"]))
    state, _ = flow()
    assert state.message.endswith("1 eldre kopi ryddet bort.")
