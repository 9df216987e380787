"""The command line as a person meets it: what it prints, where, and how it ends."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pyairtable
import pytest
from typer.testing import CliRunner

from config.registers import invented_kommuner
from config.settings import ROOT
from flows import cli, demo, doctor
from flows.cli import Interruption
from flows.demo import Ports, child, choose_kommuner, choose_ports
from tasks.errors import ConfigError, TomtError
from tests.ports import spare_ports
from tests.waiting import PATIENCE_S


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
    return {
        **kept,
        "TOMT_ENV_FILE": "",
        "TOMT_GEODATA": str(tmp_path / "geodata"),
        "PREFECT_HOME": str(tmp_path / "prefect"),
        **more,
    }


def tomt(tmp_path: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        cwd=tmp_path,
        env={**environment(tmp_path, **env), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
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


@pytest.fixture
def here(monkeypatch, tmp_path):
    """Run a command in this process, where nothing of a process of its own matters; return what it printed."""
    logger = logging.getLogger("tomt")  # which the command line points at its own standard error
    monkeypatch.setattr(logger, "handlers", list(logger.handlers))
    monkeypatch.setattr(logger, "propagate", logger.propagate)
    monkeypatch.setattr(logger, "level", logger.level)
    monkeypatch.setenv("TOMT_GEODATA", str(tmp_path / "geodata"))

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli.app, arguments)
        if isinstance(done.exception, TomtError):
            raise done.exception
        assert done.exception is None, done.exception
        assert done.exit_code == 0, done.stderr
        return done.stdout

    return run


def test_help_helps(tmp_path, here):
    for command in ("", "demo", "base", "base setup", "airtable serve", "differanse", "history", "doctor"):
        assert "Usage: " in here(*command.split(), "--help")
    done = tomt(tmp_path, "run", "--help")
    assert done.returncode == 0
    assert "Usage: " in done.stdout
    assert "--dry-run" in done.stdout


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
def test_a_number_that_cannot_be_run(tmp_path, here, number, words):
    with pytest.raises(TomtError) as caught:
        here("run", number)
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "geodata").exists()


def test_a_command_that_fails_ends_in_one_line(tmp_path):
    says(tomt(tmp_path, "run", "9998"), "No kommune '9998'")
    assert not (tmp_path / "geodata").exists()


def test_production_without_a_token_never_falls_back(here, monkeypatch):
    monkeypatch.setenv("TOMT_PROFILE", "production")
    with pytest.raises(TomtError, match="TOMT_AIRTABLE_TOKEN is not set and the profile is production"):
        here("run", "3207")


def test_a_setting_of_the_wrong_kind(tmp_path):
    says(tomt(tmp_path, "run", "0099", TOMT_PROFILE="tull"), "TOMT_PROFILE", "README")


def test_a_token_does_not_travel_in_clear_text(here, monkeypatch):
    monkeypatch.setenv("TOMT_AIRTABLE_TOKEN", "patHEMMELIG")
    monkeypatch.setenv("TOMT_AIRTABLE_URL", "http://airtable.example")
    with pytest.raises(TomtError, match="not https") as caught:
        here("run", "3207")
    assert "patHEMMELIG" not in str(caught.value)


def test_geodata_that_cannot_be_written(tmp_path, here, monkeypatch):
    (tmp_path / "fil").write_text("her ligger en fil")
    monkeypatch.setenv("TOMT_GEODATA", str(tmp_path / "fil" / "geodata"))
    with pytest.raises(TomtError, match=r"fil/geodata.*TOMT_GEODATA"):
        here("run", "0099")


def test_a_dry_run_prints_json_alone_on_standard_output_and_progress_beside_it(tmp_path, here, first_run):
    shutil.copytree(first_run.geodata, tmp_path / "geodata")
    done = tomt(tmp_path, "run", "0099", "--dry-run", "--json", TOMT_HENT_KONTEKST="false")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["created"], summary["updated"]) == (0, 0)
    assert summary["unchanged"] == first_run.summary.count("created")
    assert summary["kommuner"][0]["kommunenummer"] == "0099"
    assert "0099 Tomtevik (oppdiktet): hent" in done.stderr
    assert "as config/airtable.toml wants it" in here("base", "check")
    found = here("doctor")
    assert "ok  airtable" in found
    assert "ok  source nap_kommuneplan" in found


@pytest.mark.long
def test_run_prints_json_alone_on_standard_output_and_progress_beside_it(tmp_path, here):
    done = tomt(tmp_path, "run", "0099", "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["created"] > 100
    assert summary["updated"] == 0
    assert summary["kommuner"][0]["kommunenummer"] == "0099"
    assert "0099 Tomtevik (oppdiktet): hent" in done.stderr
    assert "0 would be created" in here("run", "0099", "--dry-run")
    assert "as config/airtable.toml wants it" in here("base", "check")
    found = here("doctor")
    assert "ok  airtable" in found
    assert "ok  source nap_kommuneplan" in found


@pytest.mark.long
def test_base_check_of_nothing_and_set_up(here):
    with pytest.raises(TomtError, match="tomt base setup"):
        here("base", "check")
    assert "created table Tomter" in here("base", "setup")
    again = here("base", "setup")
    assert "created" not in again
    assert "as wanted" in again


@pytest.mark.long
def test_a_port_in_use(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        says(tomt(tmp_path, "airtable", "serve", "--port", port), f"Port {port}", "choose another")
        says(tomt(tmp_path, "demo", "--no-serve", "--port-prefect", port), f"Port {port}", "choose another")


@pytest.mark.parametrize(
    "arguments",
    [
        ("demo", "--port-prefect", "70000"),
        ("demo", "--port-sources", "0"),
        ("airtable", "serve", "--port", "70000"),
    ],
)
def test_a_number_that_is_no_port(tmp_path, arguments):
    done = tomt(tmp_path, *arguments)
    assert done.returncode == 2
    assert "Invalid value for '--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_equal_ports(tmp_path):
    port = str(spare_ports(1)[0])
    says(tomt(tmp_path, "demo", "--port-airtable", port, "--port-sources", port), f"{port}, {port}", "different")


def test_usual_ports_make_way_for_wanted_ones(monkeypatch):
    usual = Ports(*spare_ports(3))
    monkeypatch.setattr(demo, "USUAL", usual)
    assert choose_ports(Ports()) == (usual.prefect, usual.airtable, usual.sources)
    prefect, airtable, sources = choose_ports(Ports(sources=usual.prefect))
    assert (airtable, sources) == (usual.airtable, usual.prefect)
    assert prefect not in {airtable, sources}
    with pytest.raises(ConfigError, match="not all different"):
        choose_ports(Ports(prefect=1, sources=1))


@pytest.mark.long
def test_which_kommuner_a_demo_runs(tmp_path):
    assert [k.nummer for k in choose_kommuner(["7001", "0099", "7001 Prøvedal"])] == ["7001", "0099"]
    assert choose_kommuner([]) == invented_kommuner()
    assert len(invented_kommuner()) == 3
    for number, words in (("9998", ["No kommune '9998'"]), ("3207", ["3207 Nordre Follo is a real", "0099 Tomtevik"])):
        says(tomt(tmp_path, "demo", "0099", number, "--no-serve"), *words)
    assert not (tmp_path / "geodata").exists()


def test_an_env_file_that_is_not_text(tmp_path):
    path = tmp_path / "odd.env"
    path.write_bytes(b"TOMT_CONTACT=T\xf8yen\n")
    says(tomt(tmp_path, "doctor", TOMT_ENV_FILE=str(path)), "odd.env", "UTF-8")


def test_an_address_that_is_none(tmp_path):
    says(tomt(tmp_path, "doctor", TOMT_AIRTABLE_URL="http://[::1", TOMT_AIRTABLE_TOKEN="pat1"), "TOMT_AIRTABLE_URL")


def test_the_second_signal_does_not_cut_the_ending_short(monkeypatch):
    interruption = Interruption()
    with pytest.raises(KeyboardInterrupt):
        interruption(signal.SIGINT, None)
    interruption(signal.SIGINT, None)
    interruption(signal.SIGHUP, None)
    monkeypatch.setattr(cli, "UNWIND_S", -1.0)
    with pytest.raises(KeyboardInterrupt):
        interruption(signal.SIGINT, None)


STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def test_a_child_that_does_not_end_is_killed_even_when_the_ending_is_interrupted(tmp_path):
    interrupted = []

    def interrupt(*_: object) -> None:
        interrupted.append(True)
        raise KeyboardInterrupt

    logfile = tmp_path / "log"
    old = signal.signal(signal.SIGALRM, interrupt)
    try:
        with (
            contextlib.suppress(KeyboardInterrupt),
            child([sys.executable, "-c", STUBBORN], env={}, logfile=logfile) as made,
        ):
            while "up" not in logfile.read_text():
                assert made.poll() is None
            signal.setitimer(signal.ITIMER_REAL, 0.2)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert interrupted
    assert made.returncode == -signal.SIGKILL


def test_deploying_that_takes_too_long_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "START_S", 0.01)
    with pytest.raises(TomtError, match=r"work-pool create .* was not done within"):
        demo.deploy({"PATH": os.environ["PATH"], "PREFECT_HOME": str(tmp_path)})


def test_doctor_warns_of_names_that_nothing_reads(settings, monkeypatch):
    monkeypatch.setenv("TOMT_GEODTA", "/x")
    found = doctor._names()
    assert (found.ok, found.mark) == (True, "!")
    assert "TOMT_GEODTA" in found.found
    monkeypatch.delenv("TOMT_GEODTA")
    assert doctor._names().mark == "ok"


def test_doctor_names_a_package_that_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "WATCHED", ("prefect", "not-installed"))
    (tmp_path / "constraints.txt").write_text("prefect==0\nnot-installed==1\n")
    monkeypatch.setattr(doctor, "FOLDER", tmp_path)
    with pytest.raises(TomtError, match="not-installed is missing, pinned 1"):
        doctor._versions()


@pytest.mark.long
def test_doctor_warns_of_an_optional_source_and_fails_for_another(settings, faulty_sources):
    for address in ("wfs.matrikkelen-bygningspunkt", "kommuneinfo"):
        faulty_sources.breaks(address, status=503)
    found = {f.what: f for f in doctor.diagnose(settings.model_copy(update={"sources_url": faulty_sources.url}))}
    buildings = found["source kartverket_bygning"]
    assert (buildings.ok, buildings.mark) == (True, "!")
    assert "503" in buildings.found
    assert "optional" in buildings.found
    border = found["source kartverket_grense"]
    assert (border.ok, border.mark) == (False, "NO")
    assert found["source nap_kommuneplan"].mark == "ok"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.long)])
def test_airtable_serve_answers_and_ends_when_told(tmp_path, how):
    if how == signal.SIGHUP and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        pytest.skip("started under nohup, where a closed terminal stops nothing")
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
        api = pyairtable.Api("patEgen", endpoint_url=url, timeout=(PATIENCE_S, PATIENCE_S), retry_strategy=None)
        assert api.whoami()["id"].startswith("usr")
        if how == signal.SIGINT:
            says(tomt(tmp_path, *serve), "Another command holds the base")
    finally:
        process.send_signal(how)
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "patEgen" not in output
