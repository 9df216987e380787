"""`tomt base import` as a person meets it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from config.settings import Profile
from flows import cli, cli_import
from tasks.crm.liste.fil import ListeError
from tasks.crm.skjema.ids import open_base
from tasks.errors import ConfigError, TomtError, UnknownKommuneError
from tests.crm.liste.listefiler import csv_file, xlsx_file
from tests.crm.proevebase import person

ROWS: list[list[Any]] = [
    ["Tomteliste", None],
    ["Tomt", "Gnr/Bnr", "Kommune", "Areal daa", "Status", "Frist", "Eier", "Telefon", "Farge", "Notat"],
    ["Hemmeligåsen", "46/1", "0099", 5.2, "Dialog", date(2026, 12, 24), "Ola Nordmann", "90000000", "rød", "Ring"],
    ["Hemmeliglia", "47/2", "0114", 3, "usikkert", None, "Kari Nordmann", None, None, None],
    [None, None, None, 8.2, None, None, None, None, None, "uten land"],
    ["Sum", None, None, 16.4, None, None, None, None, None, None],
]
SECRETS = ("Hemmelig", "Nordmann", "90000000", "usikkert", "uten land", "Ring")


@pytest.fixture
def tomt(monkeypatch, ready) -> Callable[..., str]:
    """Run the command in this process, with the local Airtable of the test."""
    logger = logging.getLogger("tomt")  # which the command line points at its own standard error
    monkeypatch.setattr(logger, "handlers", list(logger.handlers))
    monkeypatch.setattr(logger, "propagate", logger.propagate)
    monkeypatch.setattr(cli_import, "load_settings", lambda: ready)

    def run(*arguments: str | Path) -> str:
        done = CliRunner().invoke(cli.app, ["base", "import", *map(str, arguments)])
        if isinstance(done.exception, TomtError):
            raise done.exception
        assert done.exception is None, done.output
        assert max(map(len, done.stdout.splitlines())) <= 120 or "--json" in arguments
        return done.stdout

    return run


@pytest.fixture
def fil(tmp_path) -> Path:
    return xlsx_file(tmp_path / "liste.xlsx", ROWS, Forside=[["Hei"]])


def lots(ready) -> list[dict[str, Any]]:
    with person(ready) as somebody:
        return [r["fields"] for r in somebody.table("Tomter").all()]


def test_without_write_it_says_what_it_would_make_and_makes_no_base(tomt, fil, ready):
    said = tomt(fil)
    assert "Gnr/Bnr → Kommune (egen), Gnr (egen), Bnr (egen), Fnr (egen)" in said
    assert "Areal daa → Areal (egen) m²" in said
    assert "Farge: the heading is not known" in said
    assert "Eier: may hold owners or contacts" in said
    assert "row 4: Status: names no single stage; kept in Notat" in said
    assert "row 4: Kommune: was split into several kommuner; kept as it stands" in said
    assert "row 5: tells no land" in said
    assert "row 6: is a total" in said
    assert "sheet Tomter (not read: Forside)" in said
    assert said.endswith(
        "2 new lots would be made; 0 were read in before and are left as they are, 2 rows are refused.\n"
        "Nothing was written. Run again with --write to make them.\n"
    )
    assert not any(secret in said for secret in SECRETS)
    assert open_base(ready)[1] is None


def test_with_write_it_makes_them_once(tomt, fil, ready):
    said = tomt(fil, "--write")
    assert "2 lots made; 0 were read in before" in said
    assert said.endswith("The next `tomt run 0099` offers matches for them in Kontroll.\n")
    assert not any(secret in said for secret in SECRETS)
    found = {r["Navn"]: r for r in lots(ready)}
    assert found["Hemmeligåsen"]["Areal (egen) m²"] == 5200
    assert found["Hemmeligåsen"]["Fase"] == "Dialog"
    assert found["Hemmeligåsen"]["Neste steg dato"] == "2026-12-24"
    assert found["Hemmeliglia"]["Notat"] == "Status: usikkert"
    assert "Nordmann" not in str(found)
    assert not any("Tomt-id" in r for r in found.values())
    said = tomt(fil, "--write")
    assert "0 lots made; 2 were read in before and are left as they are, 2 rows are refused." in said
    assert "tomt run" not in said
    assert "Nothing is to be written." in tomt(fil)
    assert len(lots(ready)) == 2


def test_json_has_everything_but_the_cells(tomt, fil):
    said = tomt(fil, "--json")
    data = json.loads(said)
    assert (data["nye"], data["finnes"], data["laget"], data["skrevet"]) == (2, 0, 0, False)
    assert {"overskrift": "Status", "felt": "Fase"} in data["kolonner"]
    assert [c["overskrift"] for c in data["ikke_lest"]] == ["Eier", "Telefon", "Farge"]
    assert [r["rad"] for r in data["avvist"]] == [5, 6]
    assert {(r["rad"], r["kolonne"]) for r in data["merknader"]} == {(4, "Kommune"), (4, "Status")}
    assert data["kommuner"] == ["0099"]
    assert not any(secret in said for secret in SECRETS)


def test_the_kommune_may_be_given_and_the_sheet_chosen(tomt, tmp_path):
    fil = xlsx_file(tmp_path / "liste.xlsx", [["Tomt"], ["A"]], Gammel=[["Tomt"], ["B"], ["C"]])
    with pytest.raises(ListeError, match="--sheet"):
        tomt(fil)
    assert "names no kommune" in tomt(fil, "--sheet", "Gammel")
    said = tomt(fil, "--sheet", "Gammel", "--kommune", "0099")
    assert "names no kommune" not in said
    assert "2 new lots" in said
    with pytest.raises(UnknownKommuneError):
        tomt(fil, "--kommune", "9999")


def test_many_rows_of_one_reason_are_one_line(tomt, tmp_path):
    said = tomt(csv_file(tmp_path / "a.csv", "Tomt;Gnr\nA;1\n" + ";5\n" * 40))
    assert said.count("tells no land") == 1
    assert "32 and 10 more: tells no land" in " ".join(said.split())
    assert json.loads(tomt(tmp_path / "a.csv", "--json"))["avvist"][-1]["rad"] == 42


def test_outside_the_sandbox_a_base_is_needed_and_its_mark_is_heeded(tomt, fil, ready, monkeypatch):
    tomt(fil, "--write")  # a base of the sandbox
    with person(ready) as somebody:
        base = somebody.base.id
    staging = ready.model_copy(update={"profile": Profile.STAGING, "airtable_base": base})
    monkeypatch.setattr(cli_import, "load_settings", lambda: staging)
    with pytest.raises(ConfigError):
        tomt(fil, "--write")


def test_a_file_that_is_none_is_one_line(tomt, tmp_path):
    with pytest.raises(ListeError, match="no such file"):
        tomt(tmp_path / "borte.csv")


def test_the_help_says_what_it_reads(tomt):
    said = " ".join(tomt("--help").split())
    assert "--write" in said
    assert "Owners and contacts are not read" in said
