"""`tomt demo` as a newcomer starts it, seen in a real browser: the form, the artifacts, the local Airtable.

One demo serves all tests of this module; the last one ends it and looks for what it left running.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun
from selenium.webdriver.common.by import By

from config.registers import Kommune, invented_kommuner, kommune_register
from config.settings import ROOT
from flows.nightly import require_all, submit_all
from flows.prioritet import Oppfoering
from tasks.errors import TomtError
from tests.chromium import chromium, click, fill, page_text, read, wait_until
from tests.ports import spare_ports
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.long

T = TypeVar("T")
START_S = 4 * PATIENCE_S
"""A server, the runs and the deployments, one after the other."""
CHOSEN = ("0099", "7001")


class Demo:
    """A demo that serves: its process, its addresses, what it printed."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.ports = spare_ports(3)
        self.errors = folder / "errors.txt"
        self.output = folder / "output.txt"
        names = ("--port-prefect", "--port-airtable", "--port-sources")
        wanted = [word for name, port in zip(names, self.ports, strict=True) for word in (name, str(port))]
        env = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
        # Whoever has a real base in the .env and in the environment must be able to try the demo, and harm nothing.
        real = {
            "TOMT_AIRTABLE_TOKEN": "patREAL",
            "TOMT_AIRTABLE_BASE": "appREAL",
            "TOMT_AIRTABLE_URL": "https://airtable.invalid",
            "TOMT_SOURCES_URL": "https://sources.invalid",
        }
        env_file = folder / "real.env"
        env_file.write_text("".join(f"{name}={value}\n" for name, value in real.items()))
        env |= real | {"TOMT_ENV_FILE": str(env_file)}
        with self.errors.open("wb") as errors, self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.cli", "demo", *arguments, "--json", *wanted],
                cwd=folder,
                env={**env, "TOMT_GEODATA": str(folder / "geodata"), "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=errors,
            )
        self.prefect, self.airtable, self.sources = (f"http://127.0.0.1:{port}" for port in self.ports)

    def said(self) -> str:
        return self.errors.read_text()[-3000:]

    def until(self, predicate: Callable[[], T], *, within_s: float = PATIENCE_S) -> T:
        """Return the predicate's answer once it is true, for as long as the demo runs; a busy server is asked again."""

        @wraps(predicate)
        def asked() -> T:
            assert self.process.poll() is None, self.said()
            return predicate()

        return eventually(asked, ignored=(httpx.HTTPError,), shown=self.said, within_s=within_s)

    def descendants(self) -> set[int]:
        found, todo = set(), [self.process.pid]
        while todo:
            pid = todo.pop()
            found.add(pid)
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):  # it has ended meanwhile
                    todo += [int(child) for child in path.read_text().split()]
        return found

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask Prefect's server; while its database is locked by others it says 503, and has done nothing."""

        def answered() -> httpx.Response:
            url = f"{self.prefect}/api/{path}"
            return httpx.request(method, url, json=body, timeout=PATIENCE_S).raise_for_status()

        return self.until(answered).json()

    def api(self, path: str, **body: object) -> list[dict]:
        return self.ask("POST", path, body)

    def run(self, run: str) -> dict:
        """Return a flow run."""
        return self.ask("GET", f"flow_runs/{run}")

    def submit(self, deployment: str, **parameters: object) -> str:
        """Order a run of a deployment, and return its id."""
        (found,) = self.api("deployments/filter", deployments={"name": {"any_": [deployment]}})
        body = {"state": {"type": "SCHEDULED"}, "parameters": parameters}
        return self.ask("POST", f"deployments/{found['id']}/create_flow_run", body)["id"]

    def end_of(self, run: str) -> str:
        """Wait for a run to end, and return the type of its last state."""
        under_way = {"SCHEDULED", "PENDING", "RUNNING"}
        return self.until(lambda: (state := self.run(run)["state_type"]) not in under_way and state)


def runs_on(pid: int) -> bool:
    """Return whether a process works; one that has ended and waits to be collected has no command line."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"), *CHOSEN)
    try:
        running.until(lambda: "Ctrl-C ends everything" in running.said(), within_s=START_S)
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(PATIENCE_S)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


def assert_summary(output: str, numbers: tuple[str, ...]) -> None:
    summary = json.loads(output)
    assert tuple(k["kommunenummer"] for k in summary["kommuner"]) == numbers
    assert all(k["resultat"] == "Fullført" and k["created"] > 0 for k in summary["kommuner"])
    assert summary["created"] == sum(k["created"] for k in summary["kommuner"])


def test_the_summary_names_every_chosen_kommune(demo):
    assert_summary(demo.output.read_text(), CHOSEN)


@pytest.mark.long
def test_every_invented_kommune_is_run_when_none_is_chosen(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "demo", "--no-serve", "--json"],
        cwd=tmp_path,
        env={**env, "TOMT_ENV_FILE": "", "TOMT_GEODATA": str(tmp_path / "geodata"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=START_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert_summary(done.stdout, tuple(k.nummer for k in invented_kommuner()))


def test_the_deployments_are_those_of_prefect_yaml(demo):
    found = {d["name"]: d for d in demo.api("deployments/filter")}
    assert set(found) == {
        "find-tomter", "nightly", "rank-kommuner", "oppfolging", "backup", "discover-plankilder", "check-sources"
    }  # fmt: skip
    (schedule,) = found["nightly"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("0 2 * * *", "Europe/Oslo")
    labels = found["find-tomter"]["parameter_openapi_schema"]["properties"]["kommune"]["enum"]
    assert labels == [k.label for k in (*invented_kommuner(), *kommune_register().kommune)]
    assert len(labels) == 360


TOMTEVIK = "0099 Tomtevik (oppdiktet)"
# The control drawn over the native one cannot be clicked headless; the native one takes the choice.
CHOOSE = """
const s = document.querySelector('select');
s.selectedIndex = [...s.options].findIndex(o => o.text.trim() === arguments[0]);
s.dispatchEvent(new Event('change', {bubbles: true}));
"""
# In one step: the form may be drawn anew between finding its button and clicking it.
SUBMIT = """
const b = [...document.querySelectorAll('button')].find(b => b.innerText.trim() === 'Submit' && !b.disabled);
if (b) b.click();
return Boolean(b);
"""


def test_the_form_is_a_dropdown_with_help_and_its_run_ends_well(demo, browser):
    (deployment,) = demo.api("deployments/filter", deployments={"name": {"any_": ["find-tomter"]}})
    browser.get(f"{demo.prefect}/deployments/deployment/{deployment['id']}/run")
    labels = {"3207 Nordre Follo", "7001 Prøvedal (oppdiktet)", TOMTEVIK}
    wait_until(browser, lambda: labels <= set(read(browser, "select option", "text")))
    # The work pool's name comes last; until then the form may be drawn anew.
    for words in ("Kommunen som skal kjøres", "uten at noe skrives til Airtable", "Work Pool\ntomter"):
        wait_until(browser, lambda words=words: words in page_text(browser))

    def chosen() -> bool:
        browser.execute_script(CHOOSE, TOMTEVIK)
        return read(browser, "select option[selected]", "text") == [TOMTEVIK]

    wait_until(browser, chosen)
    wait_until(browser, lambda: browser.execute_script(SUBMIT))
    runs = demo.until(lambda: demo.api("flow_runs/filter", deployments={"name": {"any_": ["find-tomter"]}}))
    (run,) = (r["id"] for r in runs)
    assert runs[0]["parameters"]["kommune"] == TOMTEVIK
    assert demo.end_of(run) == "COMPLETED"
    browser.get(f"{demo.prefect}/runs/flow-run/{run}")
    wait_until(browser, lambda: "Completed" in page_text(browser) and "0099 Tomtevik" in page_text(browser))
    of_run = {"flow_run_id": {"any_": [run]}}  # logs are sent in batches
    demo.until(lambda: any("teiger: " in line["message"] for line in demo.api("logs/filter", logs=of_run)))


def latest(demo: Demo, key: str) -> str:
    return next(a["latest_id"] for a in demo.api("artifacts/latest/filter", limit=100) if a["key"] == key)


def test_the_artifacts_show_the_summary_the_best_lots_and_the_map(demo, browser):
    browser.get(f"{demo.prefect}/artifacts/artifact/{latest(demo, 'sammendrag-7001')}")
    wait_until(browser, lambda: read(browser, "table"))
    for words in ("Fullført", "ingen av tomtene finnes", "reguleringsplan"):
        wait_until(browser, lambda words=words: words in page_text(browser))
    browser.get(f"{demo.prefect}/artifacts/artifact/{latest(demo, 'beste-tomter-7001')}")
    wait_until(browser, lambda: len(read(browser, "a[href*='norgeskart.no']", "href")) == 20)
    links = read(browser, "a[href*='norgeskart.no']", "href")
    assert all(re.search(r"lat=77\d{5}&lon=(29|30)\d{4}&", link) for link in links)  # metres, north as lat
    wait_until(browser, lambda: len(read(browser, "a[href*='seeiendom.kartverket.no/eiendom/7001/']")) >= 15)
    browser.get(f"{demo.prefect}/artifacts/artifact/{latest(demo, 'kart-7001')}")
    wait_until(browser, lambda: read(browser, "a[href*='norgeskart.no']"))


def test_the_local_airtable_shows_the_base(demo, browser):
    browser.get(demo.airtable)
    click(browser, By.PARTIAL_LINK_TEXT, "Tomter")
    wait_until(browser, lambda: len(read(browser, "table.grid tbody tr")) == 50)
    click(browser, By.LINK_TEXT, "Areal m²")
    wait_until(browser, lambda: read(browser, "th[aria-sort='ascending']"))
    fill(browser, By.NAME, "q", text="7001-000005\n")
    wait_until(browser, lambda: "".join(read(browser, "#count")).startswith("1 av"))
    click(browser, By.CSS_SELECTOR, "td a.open")
    # Called by its address, as the guide has it; its id stands below.
    wait_until(
        browser, lambda: "7001-000005" in "".join(read(browser, "main")) and "PRØVEDAL" in read(browser, "h2")[0]
    )
    wait_until(browser, lambda: any(h.startswith("https://norgeskart.no/") for h in read(browser, ".record a", "href")))
    click(browser, By.LINK_TEXT, "7001")
    wait_until(browser, lambda: read(browser, "h2") == ["7001"])


def test_other_commands_use_the_sandbox_that_runs(demo):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
    folder = demo.output.parent
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "base", "check"],
        cwd=folder,
        env={**env, "TOMT_ENV_FILE": "", "TOMT_GEODATA": str(folder / "geodata"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # the base of the demo, which no other command could open beside it
    assert "as config/airtable.toml wants it" in done.stdout


@pytest.mark.long
def test_the_nightly_submits_a_run_for_each_kommune_of_its_list(demo):
    run = demo.submit("nightly")
    assert demo.end_of(run) == "COMPLETED"
    after = demo.run(run)["start_time"]
    submitted = demo.api(
        "flow_runs/filter",
        deployments={"name": {"any_": ["find-tomter"]}},
        flow_runs={"expected_start_time": {"after_": after}},
    )
    assert {r["parameters"]["kommune"] for r in submitted} == {k.label for k in invented_kommuner()}


def test_a_kommune_that_cannot_be_submitted_does_not_stop_the_others():
    def submit(kommune: Kommune) -> FlowRun:
        if kommune.nummer == "7001":
            raise httpx.ConnectError("no\nserver")
        return FlowRun(flow_id=uuid4(), name=f"run {kommune.nummer}")

    rows = submit_all([Oppfoering(kommune, "rang 1") for kommune in invented_kommuner()], submit)
    assert [row["Kjøring"] for row in rows] == ["run 0099", "", "run 7002"]
    assert {row["Hvorfor"] for row in rows} == {"rang 1"}
    with pytest.raises(TomtError, match=r"1 of 3 .*7001 .*ConnectError: no server"):
        require_all(rows)
    require_all([row for row in rows if not row["Feil"]])


@pytest.mark.long
def test_ctrl_c_leaves_no_process_behind(demo):
    # A run is at work: it must end too.
    demo.submit("find-tomter", kommune="7002 Eksempelstad (oppdiktet)")
    # Itself, the Prefect server, the worker, a run.
    started = demo.until(lambda: len(found := demo.descendants()) >= 4 and found)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(PATIENCE_S) == 0
    eventually(lambda: not any(map(runs_on, started)), shown=lambda: f"at work: {[*filter(runs_on, started)]}")
    for url in (demo.prefect, demo.airtable, demo.sources):
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, timeout=PATIENCE_S)
    assert not (demo.output.parent / "geodata" / "sandbox" / "running.json").exists()
