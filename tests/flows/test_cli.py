"""The command line as a person meets it: what it prints, where, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pyairtable
import pytest

from config.settings import ROOT


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
    return {**kept, "TOMT_GEODATA": str(tmp_path / "geodata"), "PREFECT_HOME": str(tmp_path / "prefect"), **more}


def tomt(tmp_path: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=tmp_path,
        env={**environment(tmp_path, **env), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def says(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Assert that a command ended with one clear line and without a traceback."""
    assert done.returncode == 1, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    for word in words:
        assert word in last
    assert "Traceback" not in done.stderr


def test_help_helps(tmp_path):
    for command in ([], ["run"], ["demo"], ["base"], ["base", "setup"], ["airtable", "serve"], ["doctor"]):
        done = tomt(tmp_path, *command, "--help")
        assert done.returncode == 0
        assert "Usage: " in done.stdout
    assert "--dry-run" in tomt(tmp_path, "run", "--help").stdout


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("9998", ["No kommune '9998'"]),
        ("tull", ["No kommune 'tull'"]),
        ("3020", ["no longer in use", "3207 Nordre Follo"]),
        ("1507", ["was split", "1508", "1580"]),
        ("3207", ["invented ones", "0099 Tomtevik", "TOMT_PROFILE=staging"]),
    ],
)
def test_a_number_that_cannot_be_run(tmp_path, number, words):
    says(tomt(tmp_path, "run", number), *words)
    assert not (tmp_path / "geodata").exists()


def test_production_without_a_token_never_falls_back(tmp_path):
    says(tomt(tmp_path, "run", "3207", TOMT_PROFILE="production"), "TOMT_AIRTABLE_TOKEN is not set", "production")


def test_a_setting_of_the_wrong_kind(tmp_path):
    says(tomt(tmp_path, "run", "0099", TOMT_PROFILE="tull"), "TOMT_PROFILE", "README")


def test_a_token_does_not_travel_in_clear_text(tmp_path):
    done = tomt(tmp_path, "run", "3207", TOMT_AIRTABLE_TOKEN="patHEMMELIG", TOMT_AIRTABLE_URL="http://airtable.example")
    says(done, "not https")
    assert "patHEMMELIG" not in done.stderr


def test_geodata_that_cannot_be_written(tmp_path):
    (tmp_path / "fil").write_text("her ligger en fil")
    says(tomt(tmp_path, "run", "0099", TOMT_GEODATA=str(tmp_path / "fil" / "geodata")), "fil/geodata", "TOMT_GEODATA")


def test_run_prints_json_alone_on_standard_output_and_progress_beside_it(tmp_path):
    done = tomt(tmp_path, "run", "0099", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["created"] > 200
    assert summary["updated"] == 0
    assert summary["kommuner"][0]["kommunenummer"] == "0099"
    assert "0099 Tomtevik (oppdiktet): hent" in done.stderr
    again = json.loads(tomt(tmp_path, "run", "0099", "--json").stdout)
    assert (again["created"], again["updated"], again["unchanged"]) == (0, 0, summary["created"])
    dry = tomt(tmp_path, "run", "0099", "--dry-run")
    assert dry.returncode == 0
    assert "0 would be created" in dry.stdout
    check = tomt(tmp_path, "base", "check")
    assert check.returncode == 0, check.stderr
    doctor = tomt(tmp_path, "doctor")
    assert "ok  airtable" in doctor.stdout
    assert "ok  source nap_kommuneplan" in doctor.stdout


def test_base_check_of_nothing_and_set_up(tmp_path):
    says(tomt(tmp_path, "base", "check"), "tomt base setup")
    assert "created table Tomter" in tomt(tmp_path, "base", "setup").stdout
    again = tomt(tmp_path, "base", "setup")
    assert "created" not in again.stdout
    assert "as wanted" in again.stdout


def test_a_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        says(tomt(tmp_path, "airtable", "serve", "--port", port), f"Port {port}", "choose another")
        says(tomt(tmp_path, "demo", "--no-serve", "--port-prefect", port), f"Port {port}", "choose another")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_airtable_serve_answers_and_ends_when_told(tmp_path, how):
    serve = ("airtable", "serve", "--port", "0", "--data", str(tmp_path / "base"))
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *serve, "--token", "patEgen", "--rate-limit", "0"],
        cwd=tmp_path,
        env={**environment(tmp_path), "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().split()[-1]
        api = pyairtable.Api("patEgen", endpoint_url=url, timeout=(5, 5), retry_strategy=None)
        assert api.whoami()["id"].startswith("usr")
        says(tomt(tmp_path, *serve), "uses this folder")
    finally:
        process.send_signal(how)
        output, errors = process.communicate(timeout=30)
    assert "Traceback" not in errors
    assert "patEgen" not in output
