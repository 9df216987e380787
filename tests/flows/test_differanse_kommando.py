"""`tomt differanse` as a person meets it: options, folders, what is printed where, and how it ends."""

from __future__ import annotations

import json
from dataclasses import replace

import geopandas as gpd
import pytest

from flows.differanse import Lagfil, Valg
from tests.flows.differanse_filer import (
    order,
    refused,
    tomt,
)

# --- options and folders ---


@pytest.mark.parametrize(
    ("valg", "word"),
    [
        (Valg(minste_omraade_m2=-1), "--min-omraade"),
        (Valg(minste_tomt_m2=float("nan")), "--min-tomt"),
        (Valg(minste_bredde_m=float("inf")), "--min-bredde"),
        (Valg(traader=0), "--traader"),
    ],
)
def test_options_that_are_none(tmp_path, valg, word):
    refused(order(tmp_path, valg=valg), word)


def test_a_folder_that_cannot_be_one(tmp_path):
    (tmp_path / "fil").write_text("x")
    refused(replace(order(tmp_path), ut=tmp_path / "fil"), "--ut", "a file is in its place")
    refused(replace(order(tmp_path), ut=tmp_path / "fil" / "under"), "--ut", "a file is in its place")


def test_the_last_file_is_missed_before_the_first_is_read(tmp_path):
    ask = order(tmp_path)
    ask.soner.sti.write_bytes(b"tull")
    refused(replace(ask, teiger=Lagfil(tmp_path / "nei.gpkg")), "nei.gpkg", "no such file")


def test_a_full_disk(tmp_path, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    ask = order(tmp_path)
    monkeypatch.setattr(gpd.GeoDataFrame, "to_parquet", full)
    refused(ask, "--ut", "No space left")


# --- the command ---


def test_the_command_prints_json_alone_and_progress_beside_it(tmp_path):
    order(tmp_path)
    files = ("--soner", "soner.parquet", "--planer", "planer.parquet", "--teiger", "teiger.parquet")
    done = tomt(tmp_path, *files, "--ut", "nytt/ut", "--traader", "2")
    assert done.returncode == 0, done.stderr
    account = json.loads(done.stdout)
    assert account["valg"]["traader"] == 2
    assert account["filer"]["tomter"] == "nytt/ut/tomter.parquet"
    assert "soner: soner.parquet, 3 rows" in done.stderr
    assert len(gpd.read_parquet(tmp_path / "nytt/ut/tomter.parquet")) == 3

    done = tomt(tmp_path, *files[:4], "--teiger", "nei.parquet", "--ut", "ut")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().splitlines()[-1] == "Error: nei.parquet: no such file."
    assert "Traceback" not in done.stderr


def test_the_command_helps(tmp_path):
    done = tomt(tmp_path, "--help")
    assert done.returncode == 0
    for word in ("--kun-bolig", "--min-omraade", "2000", "--kolonne-teig-id", "Example:", "> regnskap.json"):
        assert word in done.stdout
    assert tomt(tmp_path, "--soner", "a").returncode == 2


@pytest.mark.parametrize(
    ("options", "traceback"), [([], False), pytest.param(["--verbose"], True, marks=pytest.mark.long)]
)
def test_what_nobody_thought_of_ends_in_one_line_too(tmp_path, options, traceback):
    ask = order(tmp_path)
    files = [f"--{name}={source.sti}" for name, source in ask.lag.items()]
    script = (
        "import sys, flows.cli, flows.differanse\n"
        "def spoilt(order): raise ZeroDivisionError('over\\nnull')\n"
        "flows.differanse.differanse = spoilt\n"
        f"sys.argv[1:] = {[*options, 'differanse', *files, '--ut', 'ut']!r}\n"
        "flows.cli.main()\n"
    )
    done = tomt(tmp_path, script=script)
    assert (done.returncode, done.stdout) == (1, "")
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ZeroDivisionError (over null)")
    assert "report" in last
    assert ("Traceback" in done.stderr) == traceback
