"""`tomt rank` as a person meets it: what goes to standard output, what beside it, and how it ends."""

from __future__ import annotations

import json
import logging
from contextlib import nullcontext
from datetime import date

import pytest
import typer
from openpyxl import load_workbook
from typer.testing import CliRunner, Result

from config.registers import kommuner
from flows.cli_rank import rank
from tasks.crm.sync.publish import Published
from tasks.errors import ConfigError, TomtError
from tasks.store import Geodata
from tests.flows.rangeringsdata import keep, sources, statistics
from tests.flows.test_rangering import lenient, rules  # noqa: F401  # the same rules


@pytest.fixture
def tomt(monkeypatch, tmp_path):
    """Run the command in a sandbox whose figures were fetched just now; it starts no server."""
    geodata = Geodata(tmp_path / "geodata")
    keep(geodata, statistics(kommuner(sandbox=True), invented=True), sources(invented=True))
    monkeypatch.setenv("TOMT_GEODATA", str(geodata.root))
    monkeypatch.setattr("flows.rangering.today", lambda: date(2026, 11, 3))
    monkeypatch.setattr("flows.environment.connected", None)  # whoever needs a server fails
    app = typer.Typer()
    app.command()(rank)

    def run(*arguments: str) -> Result:
        done = CliRunner().invoke(app, arguments)
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return done

    return run


@pytest.mark.usefixtures("lenient")
def test_json_is_a_list_of_exactly_the_real_kommuner_and_notes_stand_beside_it(tomt):
    done = tomt("--json")
    rows = json.loads(done.stdout)
    assert {row["kommunenummer"] for row in rows} == {k.nummer for k in kommuner(sandbox=False)}
    assert (len(rows), rows[0]["rang"], rows[0]["har_oppdiktede_tall"]) == (357, 1, True)
    assert "OPPDIKTEDE TALL" in done.stderr


@pytest.mark.usefixtures("lenient")
def test_the_best_are_printed_and_all_are_written(tomt, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tomt"), "propagate", True)
    caplog.set_level(logging.INFO, "tomt.rank")
    done = tomt("--topp", "7", "--profil", "vekst", "--csv", str(tmp_path / "a.csv"))
    lines = done.stdout.splitlines()
    assert lines[0].startswith("OPPDIKTEDE TALL")
    assert "357 kommuner rangert etter «vekst 1»" in lines[1]
    assert [line[:4].strip() for line in lines[4:12]] == ["1", "2", "3", "4", "5", "6", "7", ""]
    assert "100 % Ferdig" in caplog.text
    assert "Øverst etter «Boligsosial»" in done.stdout
    assert len((tmp_path / "a.csv").read_text("utf-8-sig").splitlines()) >= 358


@pytest.mark.long
@pytest.mark.usefixtures("lenient")
def test_the_workbook_has_all(tomt, tmp_path):
    tomt("--xlsx", str(tmp_path / "a.xlsx"), "--json")
    assert len(list(load_workbook(tmp_path / "a.xlsx", read_only=True)["Rangering"].iter_rows())) == 358


def test_a_refused_ranking_is_printed_all_the_same_and_ends_as_an_error(tomt, tmp_path):
    with pytest.raises(TomtError, match=r"The ranking was not kept: boligsosial 1: .*minste_dekning"):
        tomt("--csv", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").exists()
    assert not (tmp_path / "geodata" / "out").exists()


@pytest.mark.long
@pytest.mark.usefixtures("lenient")
def test_where_airtable_fails_the_rows_and_files_are_there_and_it_ends_as_an_error(tomt, tmp_path, monkeypatch):
    published = Published((), "Airtable svarte 503")
    monkeypatch.setattr("flows.environment.connected", nullcontext)
    monkeypatch.setattr("flows.rangering._publish", lambda *_, **__: published)
    with pytest.raises(TomtError, match="Airtable svarte 503"):
        tomt("--publish", "--json", "--csv", str(tmp_path / "a.csv"))
    assert (tmp_path / "a.csv").exists()


def test_newer_figures_are_asked_for_where_the_sources_are(tomt):
    with pytest.raises(TypeError):  # no server is to be had here
        tomt("--fetch")


def test_looking_back_says_how_well_it_would_have_done(tomt, tmp_path):
    beside = tomt("--as-of", "2025", "--json")
    assert {row["per_aar"] for row in json.loads(beside.stdout)} == {2025}
    assert "vellyk" in beside.stderr.lower()
    assert not (tmp_path / "geodata" / "out").exists()


@pytest.mark.long
def test_looking_back_is_printed(tomt):
    done = tomt("--as-of", "2025")
    assert "per 2025" in done.stdout
    assert "vellyk" in done.stdout.lower()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--profil", "tull"], r"No profile 'tull'\. There are: boligsosial, vekst"),
        (["--as-of", "1800"], "There is no ranking as of 1800"),
        (["--as-of", "2020", "--publish"], "--as-of looks back"),
        (["--csv", "/finnes/ikke/a.csv"], "--csv /finnes/ikke/a.csv: there is no folder /finnes/ikke"),
        (["--xlsx", "/tmp"], "--xlsx /tmp: is a folder"),
        (["--xlsx", "a", "--csv", "./a"], "--csv and --xlsx are both a"),
    ],
)
def test_nonsense_is_answered_in_one_line(tomt, arguments, says):
    with pytest.raises(ConfigError if "--profil" in arguments else TomtError, match=says):
        tomt(*arguments)


@pytest.mark.parametrize("arguments", [["--topp", "0"], ["--topp", "mange"], ["--as-of", "i fjor"], ["--tull"]])
def test_a_wrong_call_ends_with_2(tomt, arguments):
    assert tomt(*arguments).exit_code == 2
