"""`tomt demo` as a newcomer starts it, seen in a real browser: the form, the artifacts, the local Airtable.

One demo serves all tests of this module; the last one ends it and looks for what it left running.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from prefect.client.schemas.objects import FlowRun

from config.registers import Kommune, invented_kommuner, kommune_register
from config.settings import ROOT
from flows.demo import free_port
from flows.nightly import require_all, submit_all
from tasks.errors import TomtError

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="chromium and chromedriver are not installed")
START_S = 150


class Demo:
    """A demo that serves: its process, its addresses, what it printed."""

    def __init__(self, folder: Path) -> None:
        self.ports = [free_port(None, 0) for _ in range(3)]
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
                [sys.executable, "-m", "flows.cli", "demo", "--json", *wanted],
                cwd=folder,
                env={**env, "TOMT_GEODATA": str(folder / "geodata"), "PYTHONPATH": str(ROOT)},
                stdout=output,
                stderr=errors,
            )
        self.prefect, self.airtable, self.sources = (f"http://127.0.0.1:{port}" for port in self.ports)

    def wait(self) -> None:
        deadline = time.monotonic() + START_S
        while "Ctrl-C ends everything" not in self.errors.read_text():
            assert self.process.poll() is None, self.errors.read_text()[-3000:]
            assert time.monotonic() < deadline, self.errors.read_text()[-3000:]
            time.sleep(0.3)

    def descendants(self) -> set[int]:
        found, todo = set(), [self.process.pid]
        while todo:
            pid = todo.pop()
            found.add(pid)
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                todo += [int(child) for child in path.read_text().split()]
        return found

    def api(self, path: str, **body: object) -> list[dict]:
        answer = httpx.post(f"{self.prefect}/api/{path}", json=body, timeout=20)
        answer.raise_for_status()
        return answer.json()


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("demo"))
    try:
        running.wait()
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
            running.process.wait(60)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1400,1000",
        f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
    ):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.implicitly_wait(15)
    try:
        yield driver
    finally:
        driver.quit()


def css(browser, selector: str):
    from selenium.webdriver.common.by import By

    return browser.find_elements(By.CSS_SELECTOR, selector)


def test_the_summary_names_every_invented_kommune(demo):
    summary = json.loads(demo.output.read_text())
    assert [k["kommunenummer"] for k in summary["kommuner"]] == [k.nummer for k in invented_kommuner()]
    assert all(k["resultat"] == "Fullført" and k["created"] > 0 for k in summary["kommuner"])
    assert summary["created"] == sum(k["created"] for k in summary["kommuner"])


def test_the_deployments_are_those_of_prefect_yaml(demo):
    found = {d["name"]: d for d in demo.api("deployments/filter")}
    assert set(found) == {"find-tomter", "nightly"}
    (schedule,) = found["nightly"]["schedules"]
    assert (schedule["schedule"]["cron"], schedule["schedule"]["timezone"]) == ("0 2 * * *", "Europe/Oslo")
    labels = found["find-tomter"]["parameter_openapi_schema"]["properties"]["kommune"]["enum"]
    assert labels == [k.label for k in (*invented_kommuner(), *kommune_register().kommune)]
    assert len(labels) == 360


@needs_browser
def test_the_form_is_a_dropdown_with_help_and_its_run_ends_well(demo, browser):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    (deployment,) = demo.api("deployments/filter", deployments={"name": {"any_": ["find-tomter"]}})
    browser.get(f"{demo.prefect}/deployments/deployment/{deployment['id']}/run")
    chooser = Select(css(browser, "select")[0])
    labels = [o.text.strip() for o in chooser.options]
    assert "3207 Nordre Follo" in labels
    assert "7001 Prøvedal (oppdiktet)" in labels
    text = browser.find_element(By.TAG_NAME, "body").text
    assert "Kommunen som skal kjøres" in text
    assert "uten at noe skrives til Airtable" in text
    # The control drawn over the native one cannot be clicked headless; the native one takes the choice.
    browser.execute_script(
        "const s = arguments[0]; s.selectedIndex = [...s.options].findIndex(o => o.text.trim() === arguments[1]);"
        "s.dispatchEvent(new Event('change', {bubbles: true}));",
        css(browser, "select")[0],
        "0099 Tomtevik (oppdiktet)",
    )
    next(b for b in css(browser, "button") if b.text.strip() == "Submit").click()
    deadline = time.monotonic() + 30
    while not (runs := demo.api("flow_runs/filter", deployments={"name": {"any_": ["find-tomter"]}})):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    (run,) = (r["id"] for r in runs)
    assert runs[0]["parameters"]["kommune"] == "0099 Tomtevik (oppdiktet)"
    deadline = time.monotonic() + 90
    while (state := httpx.get(f"{demo.prefect}/api/flow_runs/{run}").json()["state_type"]) in {
        "SCHEDULED",
        "PENDING",
        "RUNNING",
    }:
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert state == "COMPLETED"
    browser.get(f"{demo.prefect}/runs/flow-run/{run}")
    shown = browser.find_element(By.TAG_NAME, "body")
    while "Completed" not in shown.text or "0099 Tomtevik" not in shown.text:
        assert time.monotonic() < deadline + 90
        time.sleep(0.3)
    deadline = time.monotonic() + 30  # logs are sent in batches
    while not any(
        "teiger: " in line["message"] for line in demo.api("logs/filter", logs={"flow_run_id": {"any_": [run]}})
    ):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def latest(demo: Demo, key: str) -> str:
    return next(a["latest_id"] for a in demo.api("artifacts/latest/filter", limit=100) if a["key"] == key)


@needs_browser
def test_the_artifacts_show_the_summary_the_best_lots_and_the_map(demo, browser):
    from selenium.webdriver.common.by import By

    browser.get(f"{demo.prefect}/artifacts/artifact/{latest(demo, 'sammendrag-7001')}")
    assert css(browser, "table")
    text = browser.find_element(By.TAG_NAME, "body").text
    assert "Fullført" in text
    assert "ingen av tomtene finnes" in text
    assert "reguleringsplan" in text
    browser.get(f"{demo.prefect}/artifacts/artifact/{latest(demo, 'beste-tomter-7001')}")
    links = [a.get_attribute("href") for a in css(browser, "a[href*='norgeskart.no']")]
    assert len(links) == 20
    assert all(re.search(r"lat=77\d{5}&lon=(29|30)\d{4}&", link) for link in links)  # metres, north as lat
    assert len(css(browser, "a[href*='seeiendom.kartverket.no/eiendom/7001/']")) >= 15
    browser.get(f"{demo.prefect}/artifacts/artifact/{latest(demo, 'kart-7001')}")
    assert css(browser, "a[href*='norgeskart.no']")


@needs_browser
def test_the_local_airtable_shows_the_base(demo, browser):
    from selenium.webdriver.common.by import By

    browser.get(demo.airtable)
    browser.find_element(By.PARTIAL_LINK_TEXT, "Tomter").click()
    assert len(css(browser, "table.grid tbody tr")) == 50
    browser.find_element(By.LINK_TEXT, "Areal m²").click()
    assert css(browser, "th[aria-sort='ascending']")
    browser.find_element(By.NAME, "q").send_keys("7001-000005\n")
    assert browser.find_element(By.ID, "count").text.startswith("1 av")
    browser.find_element(By.CSS_SELECTOR, "td a.open").click()
    assert browser.find_element(By.TAG_NAME, "h2").text == "7001-000005"
    hrefs = [a.get_attribute("href") for a in css(browser, ".record a")]
    assert any(h.startswith("https://norgeskart.no/") for h in hrefs)
    browser.find_element(By.LINK_TEXT, "7001").click()
    assert browser.find_element(By.TAG_NAME, "h2").text == "7001"


def test_other_commands_use_the_sandbox_that_runs(demo):
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TOMT_", "PREFECT_"))}
    folder = demo.output.parent
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "run", "0099", "--json"],
        cwd=folder,
        env={**env, "TOMT_ENV_FILE": "", "TOMT_GEODATA": str(folder / "geodata"), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert (summary["created"], summary["updated"]) == (0, 0)


def test_the_nightly_submits_a_run_for_each_kommune_of_its_list(demo):
    (deployment,) = demo.api("deployments/filter", deployments={"name": {"any_": ["nightly"]}})
    answer = httpx.post(
        f"{demo.prefect}/api/deployments/{deployment['id']}/create_flow_run", json={"state": {"type": "SCHEDULED"}}
    )
    run = answer.json()["id"]
    deadline = time.monotonic() + 90
    while (state := httpx.get(f"{demo.prefect}/api/flow_runs/{run}").json()["state_type"]) != "COMPLETED":
        assert state not in {"FAILED", "CRASHED"}
        assert time.monotonic() < deadline
        time.sleep(0.5)
    after = httpx.get(f"{demo.prefect}/api/flow_runs/{run}").json()["start_time"]
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

    rows = submit_all(invented_kommuner(), submit)
    assert [row["Kjøring"] for row in rows] == ["run 0099", "", "run 7002"]
    with pytest.raises(TomtError, match=r"1 of 3 .*7001 .*ConnectError: no server"):
        require_all(rows)
    require_all([row for row in rows if not row["Feil"]])


def test_ctrl_c_leaves_no_process_behind(demo):
    # The runs that the nightly submitted are at work now: they must end too.
    deadline = time.monotonic() + 60
    while len(started := demo.descendants()) < 4:  # itself, the Prefect server, the worker, a run
        assert time.monotonic() < deadline
        time.sleep(0.1)
    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(60) == 0
    deadline = time.monotonic() + 15
    while alive := [pid for pid in started if Path(f"/proc/{pid}/cmdline").exists()]:
        assert time.monotonic() < deadline, [Path(f"/proc/{p}/cmdline").read_text() for p in alive]
        time.sleep(0.2)
    for url in (demo.prefect, demo.airtable, demo.sources):
        with pytest.raises(httpx.ConnectError):
            httpx.get(url, timeout=2)
    assert not (demo.output.parent / "geodata" / "sandbox" / "running.json").exists()
