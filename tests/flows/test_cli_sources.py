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

from config.kilder import kilder, kontekst_themes
from config.registers import find_kommune
from flows import cli, cli_sources, kildedekning, linjer
from tasks.answer import Provenance
from tasks.contracts import DEKNING
from tasks.errors import TomtError
from tasks.sources.innboksinnhold import overview
from tasks.store import Geodata, write_parquet
from tasks.tomtekontrakter import KONTEKSTDEKNING
from tests.sources.innboksdata import OMRAADE, written, zones


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
    assert not any("…" in line for line in lines)  # a licence is said in full
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Tomtene finnes av:", "Rundt tomtene:", "Konflikter:"]
    rows = [line for line in lines[1:] if line and line not in headings and not line.startswith("    ")]
    names = [line.split()[1] for line in rows]
    assert sorted(names) == sorted(kilder())
    assert names.index("kartverket_adresse") < names.index("nvdb_veger") < names.index("mdir_naturvern")
    assert names.index("innboks_kommuneplan") < names.index("nap_kommuneplan") < names.index("nap_reguleringsplan")
    assert all("ikke spurt" in line for line in rows)
    assert kilder()["nap_kommuneplan"].lisens in " ".join(" ".join(lines).split())
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
        dekning_row(
            tema="kommuneplan",
            kilde="nap_kommuneplan",
            svar="rader",
            karakter="B",
            grunner=["Gammel kopi", "Uten dato"],
        ),
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
    assert "karakter B – Gammel kopi; Uten dato" in said


def around_row(lag, svar, *, days=None, **values):
    seen = None if days is None else (datetime.now(UTC) - timedelta(days=days)).isoformat()
    known = {"lag": lag, "svar": svar, "er_kjent": svar in {"rader", "tom"}, "kilde": "x", "sett_tid": seen}
    return dict.fromkeys(KONTEKSTDEKNING.columns) | known | {"er_reserve": False} | values


def test_what_is_known_around_the_lots_is_told_in_a_few_lines(tomt, settings):
    assert f"Ingen av {len(kontekst_themes())} lag er hentet ennå." in tomt("3207", "--offline")
    rows = [
        around_row("marka", "tom", days=0),
        around_row("naturvern", "rader", days=45),
        around_row("stoy_fly", "ikke_dekket"),
        around_row("kulturminner", "feilet", kilde="ra_kulturminner", grunn="HTTP 503"),
        around_row("hoyspent", "feilet", er_kjent=True, days=2),  # in reserve
    ]
    frame = pd.DataFrame(rows).astype({"er_kjent": bool, "alder_dager": float, "antall": float})
    geodata = Geodata(settings.geodata)
    geodata.write(frame, "3207", layer="core", contract=KONTEKSTDEKNING)
    snapshot(geodata, "mdir_naturvern", days=45)
    snapshot(geodata, "mdir_naturvern", held=True)
    said = tomt("3207", "--offline").replace("\n  ", " ")
    assert f"3 av {len(kontekst_themes())} lag er kjent. Eldste svar: 45 dager. Har ingenting her: marka." in said
    assert "Ikke dekket, altså ukjent: stoy_fly. Feilet: kulturminner (ra_kulturminner): HTTP 503" in said
    assert "Gamle: naturvern (45 dager)." in said
    assert "tomt sources 3207 --godkjenn mdir_naturvern" in said
    assert "hoyspent" not in said
    around = json.loads(tomt("3207", "--json", "--offline"))["kontekst"]
    assert [one["lag"] for one in around["lag"]] == ["naturvern", "marka", "kulturminner", "stoy_fly", "hoyspent"]


def test_what_is_held_back_is_told_and_decided(tomt, settings):
    geodata = Geodata(settings.geodata)
    snapshot(geodata, "nap_kommuneplan", days=3)
    snapshot(geodata, "nap_kommuneplan", held=True)
    before = geodata.latest("nap_kommuneplan", "3207")
    said = tomt("3207").replace("\n  ", " ")
    assert "tomt sources 3207 --godkjenn nap_kommuneplan" in said
    assert f"nap_kommuneplan er holdt tilbake: 1 → 1 objekter, hentet {datetime.now(UTC):%Y-%m-%d}" in said
    assert "tomt sources 3207 --avvis nap_kommuneplan" in said
    data = json.loads(tomt("3207", "--godkjenn", "nap_kommuneplan", "--json"))
    assert (data["antall_foer"], data["antall_naa"], data["godkjent"]) == (1, 1, True)
    assert data["hentet"] == f"{datetime.now(UTC):%Y-%m-%d}"
    assert geodata.latest("nap_kommuneplan", "3207") != before
    assert geodata.held("nap_kommuneplan", "3207") is None
    snapshot(geodata, "nap_kommuneplan", days=1, held=True)
    said = tomt("3207", "--avvis", "nap_kommuneplan")
    assert "1 → 1 objekter" in said
    assert "er avvist" in said
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
        (("3207", "--godkjenn", ""), "No source ''"),
        (("--godkjenn", ""), "Give its number as well"),
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
    assert "\x1b" not in linjer.wrapped("a\x1b[2Jb", indent=2) + "".join(linjer.wrapped_after("\x1b[2J", "a"))


def test_a_theme_without_a_source_is_said():
    kommune = find_kommune("3207", sandbox=False)
    from config.settings import Settings

    found = kildedekning.situation(
        "kommuneplan", kommune, settings=Settings(), states={}, among=[], now=datetime.now(UTC)
    )
    assert "Ingen kilde i registeret" in "\n".join(found.lines())
    assert "--finn" in found.gjoer[0]


def test_the_inbox_of_a_kommune_is_told_file_by_file(tomt, settings):
    folder = settings.geodata / "innboks/3207"
    assert "Innboksen er tom." in tomt("3207", "--offline")
    data = json.loads(tomt("3207", "--offline", "--json"))
    assert {k["kilde"]: k["tilstand"] for t in data["temaer"] for k in t["kilder"]}["innboks_kommuneplan"] == "tom"
    assert "adresse" in [t["tema"] for t in data["temaer"]]
    written(zones(4), folder / "KpArealformålOmråde.gpkg")
    data = json.loads(tomt("3207", "--offline", "--json"))
    (row,) = data["innboks"]
    assert (row["fil"], row["objekttyper"], row["rader"]) == (
        "innboks/3207/KpArealformålOmråde.gpkg",
        ["KpArealformålOmråde"],
        4,
    )
    by_theme = {t["tema"]: t for t in data["temaer"]}
    assert by_theme["kommuneplan"]["kilder"][0]["tilstand"] == "ok"
    assert by_theme["reguleringsplan"]["kilder"][0]["tilstand"] == "tom"
    assert not any("Legg filene" in text for text in by_theme["kommuneplan"]["gjoer"])
    assert any("Legg filene" in text for text in by_theme["reguleringsplan"]["gjoer"])
    (folder / "plan.sos").write_bytes(b".HODE")
    (folder / "notat.pdf").write_bytes(b"x")
    said = tomt("3207", "--offline").replace("\n  ", " ")
    assert "KpArealformålOmråde, 4 rader" in said
    assert "innboks/3207/plan.sos: er SOSI" in said
    assert "notat.pdf: .pdf: ikke kartdata" in said
    assert "innboks_kommuneplan: stanset" in said


def test_the_file_of_another_kommune_is_told(tmp_path):
    path = written(zones(2), tmp_path / "innboks/3207/KpArealformålOmråde.gpkg")
    every = [k for k in kilder().values() if k.protokoll == "innboks"]
    for place, word in ((OMRAADE, "2 rader"), (shapely.box(0, 0, 1, 1), "ligger utenfor 3207 Nordre Follo")):
        (row,) = overview(
            find_kommune("3207", sandbox=False), every, path.parent, omraade=place, mappe=tmp_path, maks_bytes=10**8
        )
        assert word in row.line()
        assert row.stanser is ("utenfor" in word)


def test_an_address_is_printed_without_what_it_hides(tomt, settings, tmp_path):
    own = tmp_path / "egne.toml"
    own.write_text(
        '[hemmelig]\ntema = "kommuneplan"\nprotokoll = "wfs"\nadresse = "https://x.no/wfs?token=hemmelig"\n'
        'lag = ["KpOmråde"]\nlisens = "x"\nlegitimasjon = "egen"\n'
    )
    said = tomt("--offline", "--json", kilder=own)
    assert "token=hemmelig" not in said
    rows = {row["kilde"]: row["innlogging"] for row in json.loads(said)["kilder"]}
    assert (rows["hemmelig"], rows["nap_kommuneplan"]) == ("mangler", "satt")  # the sandbox sets one login alone
