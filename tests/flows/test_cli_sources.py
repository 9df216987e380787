"""`tomt sources` as a person meets it."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from typer.testing import CliRunner

from config.kilder import kilder
from config.registers import find_kommune
from flows import cli, cli_sources, kildedekning, linjer
from tasks.answer import Provenance
from tasks.contracts import DEKNING
from tasks.errors import TomtError
from tasks.store import Geodata, write_parquet


@pytest.fixture
def tomt(monkeypatch, settings):
    """Run the command in this process, with the settings of the sandbox of the test."""
    logger = logging.getLogger("tomt")  # which the command line points at its own standard error
    monkeypatch.setattr(logger, "handlers", list(logger.handlers))
    monkeypatch.setattr(logger, "propagate", logger.propagate)

    def run(*arguments, **more):
        monkeypatch.setattr(cli_sources, "load_settings", lambda: settings.model_copy(update=more))
        done = CliRunner().invoke(cli.app, ["sources", *arguments])
        if isinstance(done.exception, TomtError):
            raise done.exception
        assert done.exception is None, done.exception
        assert max(map(len, done.stdout.splitlines())) <= 120 or "--json" in arguments
        return done.stdout

    return run


def test_the_registry_is_a_line_a_source_in_order(tomt):
    lines = tomt("--offline").splitlines()
    assert lines[0].split()[:2] == ["Tema", "Kilde"]
    names = [line.split()[1] for line in lines[1:]]
    assert sorted(names) == sorted(kilder())
    assert names.index("innboks_kommuneplan") < names.index("nap_kommuneplan") < names.index("nap_reguleringsplan")
    assert all("ikke spurt" in line for line in lines[1:])
    nap = next(line for line in lines if " nap_kommuneplan " in line)
    assert "DiBK, NAP" in nap
    bergen = next(line for line in lines if " bergen_kommuneplan " in line)
    assert " 4601 " in bergen


def test_outside_the_sandbox_a_missing_login_names_its_variables(tomt):
    said = tomt("--offline", profile="staging", nap_username=None)
    assert "Sett TOMT_NAP_USERNAME og TOMT_NAP_PASSWORD." in said
    assert "mangler" in said


def test_the_registry_says_how_the_sources_are_now(tomt, faulty_sources):
    faulty_sources.breaks("kommuneplaner", status=404)
    data = json.loads(tomt("--json", sources_url=faulty_sources.url))
    states = {row["kilde"]: row for row in data["kilder"]}
    assert states["nap_kommuneplan"]["tilstand"] == "borte"
    assert states["nap_kommunedelplan"]["tilstand"] == "ok"
    assert states["kartverket_grense"]["tilstand"] == "ok"
    assert states["bergen_kommuneplan"]["tilstand"] == "ikke_spurt"
    assert "hemmelig" not in json.dumps(data)


def test_a_pilot_is_told_what_is_missing_and_what_to_do(tomt, settings):
    said = tomt("3207", nap_username=None)
    assert "3207 Nordre Follo" in said
    assert "TOMT_PROFILE=staging" in said
    assert "1. innboks_kommuneplan" in said
    assert "TOMT_NAP_USERNAME og TOMT_NAP_PASSWORD" in said
    assert "Norge digitalt" in said
    assert "Be kommunen om kommuneplanens arealdel" in said
    assert str(settings.geodata / "innboks/3207") in said.replace("\n  ", "")
    assert "tomt sources 3207 --finn" in said.replace("\n  ", " ")


def snapshot(geodata, kilde, *, days=0, held=False):
    moment = datetime.now(UTC) - timedelta(days=days)
    frame = gpd.GeoDataFrame({"a": ["x"]}, geometry=[shapely.box(0, 0, 1, 1)], crs=25833)
    about = Provenance(
        kilde=kilde,
        adresse="https://x.no",
        hentet_tid=moment.isoformat(),
        antall_ventet=1,
        antall_mottatt=1,
        sha256=f"{days}{held}",
        crs="EPSG:25833",
        lisens="x",
    )
    frame.attrs = {"provenance": about.as_dict()}
    folder = geodata.raw_folder(kilde, "3207") / ("holdt" if held else "")
    write_parquet(frame, folder / f"{moment.strftime('%Y%m%dT%H%M%S%f')}Z.parquet")


def dekning_row(**values):
    empty = dict.fromkeys(DEKNING.columns)
    fixed = {"kommunenummer": "3207", "er_paakrevd": True, "forsoek": [], "grunner": []}
    return empty | fixed | values


def test_what_the_last_run_brought_is_told_with_its_age_and_grade(tomt, settings):
    geodata = Geodata(settings.geodata)
    snapshot(geodata, "nap_kommuneplan", days=12)
    rows = [
        dekning_row(tema="kommuneplan", kilde="nap_kommuneplan", svar="rader", karakter="B", grunner=["Gammel kopi"]),
        dekning_row(tema="teig", kilde="kartverket_teig", svar="feilet", karakter="D"),
    ]
    frame = pd.DataFrame(rows)
    for column in ("er_paakrevd",):
        frame[column] = frame[column].astype(bool)
    for column, kind in DEKNING.columns.items():
        if kind == "number":
            frame[column] = pd.to_numeric(frame[column]).astype(float)
    geodata.write(frame, "3207", layer="out", contract=DEKNING)
    data = json.loads(tomt("3207", "--json"))
    plan = next(t for t in data["temaer"] if t["tema"] == "kommuneplan")
    assert plan["siste"]["kilde"] == "nap_kommuneplan"
    assert plan["siste"]["dager"] == 12
    assert plan["dekning"]["karakter"] == "B"
    assert not any("--finn" in text for text in plan["gjoer"])  # there are data
    said = tomt("3207")
    assert "bekreftet for 12 dager siden" in said
    assert "karakter B – Gammel kopi" in said


def test_what_is_held_back_is_told_and_decided(tomt, settings):
    geodata = Geodata(settings.geodata)
    snapshot(geodata, "nap_kommuneplan", days=3)
    snapshot(geodata, "nap_kommuneplan", held=True)
    before = geodata.latest("nap_kommuneplan", "3207")
    said = tomt("3207").replace("\n  ", " ")
    assert "tomt sources 3207 --godkjenn nap_kommuneplan" in said
    assert "tomt sources 3207 --avvis nap_kommuneplan" in said
    assert "tas i bruk" in tomt("3207", "--godkjenn", "nap_kommuneplan")
    assert geodata.latest("nap_kommuneplan", "3207") != before
    assert geodata.held("nap_kommuneplan", "3207") is None
    snapshot(geodata, "nap_kommuneplan", days=1, held=True)
    assert "er avvist" in tomt("3207", "--avvis", "nap_kommuneplan")
    assert geodata.held("nap_kommuneplan", "3207") is None
    with pytest.raises(TomtError, match="nothing is held back"):
        tomt("3207", "--avvis", "nap_kommuneplan")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--finn",), "Give its number as well"),
        (("3207", "--finn", "--godkjenn", "nap_kommuneplan"), "Give one of them"),
        (("3207", "--godkjenn", "nap"), "No source 'nap'"),
        (("3207", "--avvis", "../../ut"), "No source"),
        (("9999",), "No kommune"),
    ],
)
def test_a_wrong_call_is_one_line(tomt, arguments, why):
    with pytest.raises(TomtError, match=why) as error:
        tomt(*arguments)
    assert "\n" not in str(error.value)


def test_a_real_kommune_is_not_looked_for_in_the_sandbox(tomt):
    with pytest.raises(TomtError, match="TOMT_PROFILE=staging"):
        tomt("3207", "--finn", sources_url=None)


def test_foreign_text_does_not_steer_the_terminal():
    assert "\x1b" not in linjer.wrapped("a\x1b[2Jb", indent=2) + linjer.cut("\x1b[2J")


def test_a_theme_without_a_source_is_said():
    kommune = find_kommune("3207", sandbox=False)
    from config.settings import Settings

    found = kildedekning.situation(
        "kommuneplan", kommune, settings=Settings(), states={}, among=[], now=datetime.now(UTC)
    )
    assert "Ingen kilde i registeret" in "\n".join(found.lines())
    assert "--finn" in found.gjoer[0]
