"""Kill −9 at any moment: what was acknowledged is there afterwards, whole, and nothing is there by half."""

from __future__ import annotations

import base64
import copy
import os
import random
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks.sandbox.airtable import AirtableServer
from tests.sandbox.conftest import LINES, TALL
from tests.waiting import PATIENCE_S

HEADERS = {"Authorization": "Bearer pat"}
OMRAADER = 7
PICTURE = os.urandom(30_000)
Model = dict[str, dict[str, Any]]
"""Name of a tomt → its cells; a link by the name of what it leads to, files by their names."""


@contextmanager
def process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Give `tomt airtable serve` as a process of its own, and a client of it; ends it if it still runs."""
    command = [sys.executable, "-m", "flows.cli", "airtable", "serve", "--data", str(folder), "--port", "0"]
    command += ["--token", "pat", "--rate-limit", "0"]
    environment = os.environ | {"TOMT_GEODATA": str(folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as served:
        try:
            assert served.stdout is not None
            patience = threading.Timer(PATIENCE_S, served.kill)
            patience.daemon = True
            patience.start()
            found = (re.match(r"TOMT_AIRTABLE_URL=(\S+)", line) for line in served.stdout)
            url = next((m[1] for m in found if m), "")
            patience.cancel()
            assert url, f"no address within {PATIENCE_S} s"
            with httpx.Client(base_url=url, headers=HEADERS, timeout=PATIENCE_S) as web:
                yield served, web
        finally:
            served.kill()


@dataclass
class Sales:
    """Writes to the base and remembers what it must look like: after what was acknowledged, and after what was not."""

    web: httpx.Client
    base: str
    chance: random.Random
    model: Model
    omraader: dict[str, str]
    next: Model = field(default_factory=dict)

    def write(self) -> None:
        """Write until the server is gone."""
        try:
            while True:
                self.step()
                self.model = self.next
        except httpx.TransportError:
            return

    def step(self) -> None:
        """Do one request of any kind."""
        self.next = copy.deepcopy(self.model)
        kinds = [self.create, self.create, self.update, self.upload, self.delete]
        self.chance.choice(kinds if self.model else [self.create])()

    def create(self) -> None:
        first = len(self.model) + self.chance.getrandbits(40)
        rows = [{"Navn": f"t{first + n}", "Tall": n, "Tekst": f"{first} " * 300} for n in range(10)]
        for row in rows:
            row["Område"] = self.some()
        self.next |= {row["Navn"]: copy.deepcopy(row) for row in rows}
        self.send("POST", "Tomter", {"records": [{"fields": self.linked(row)} for row in rows]})

    def update(self) -> None:
        changes = {n: {"Tall": self.chance.randrange(999), "Område": self.some()} for n in self.names(10)}
        for name, change in changes.items():
            self.next[name] |= change
        ids = self.ids()
        self.send(
            "PATCH", "Tomter", {"records": [{"id": ids[n], "fields": self.linked(c)} for n, c in changes.items()]}
        )

    def upload(self) -> None:
        (name,) = self.names(1)
        file = f"{self.chance.getrandbits(40)}.png"
        self.next[name]["Bilder"] = [*self.next[name].get("Bilder", []), file]
        body = {"contentType": "image/png", "filename": file, "file": base64.b64encode(PICTURE).decode()}
        self.send("POST", f"{self.ids()[name]}/Bilder/uploadAttachment", body)

    def delete(self) -> None:
        ids, gone = self.ids(), self.names(3)
        for name in gone:
            del self.next[name]
        response = self.web.delete(f"/v0/{self.base}/Tomter", params={"records[]": [ids[n] for n in gone]})
        assert response.status_code == 200, response.text

    def some(self) -> list[str]:
        return self.chance.sample(sorted(self.omraader), self.chance.randint(1, 3))

    def names(self, count: int) -> list[str]:
        return self.chance.sample(sorted(self.model), min(count, len(self.model)))

    def ids(self) -> dict[str, str]:
        return {r["fields"]["Navn"]: r["id"] for r in listed(self.web, self.base, "Tomter")}

    def linked(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "Område": [self.omraader[n] for n in row["Område"]]}

    def send(self, method: str, path: str, body: dict[str, Any]) -> None:
        response = self.web.request(method, f"/v0/{self.base}/{path}", json=body)
        assert response.status_code == 200, response.text


def listed(web: httpx.Client, base: str, table: str) -> list[dict[str, Any]]:
    """Return all records of a table."""
    found: list[dict[str, Any]] = []
    offset: dict[str, str] = {}
    while True:
        page = web.get(f"/v0/{base}/{table}", params=offset).json()
        found += page["records"]
        if "offset" not in page:
            return found
        offset = {"offset": page["offset"]}


def read(web: httpx.Client, base: str) -> Model:
    """Return the base as a model; asserts that both sides of every link agree and that every file is whole."""
    tomter, omraader = listed(web, base, "Tomter"), listed(web, base, "Områder")
    navn = {r["id"]: r["fields"]["Navn"] for r in [*tomter, *omraader]}
    here = {(t["id"], o) for t in tomter for o in t["fields"].get("Område", [])}
    assert here == {(t, o["id"]) for o in omraader for t in o["fields"].get("Tomter", [])}
    found: Model = {}
    for tomt in tomter:
        cells = dict(tomt["fields"])
        cells["Område"] = [navn[o] for o in cells["Område"]]
        for file in cells.get("Bilder", []):
            assert web.get(file["url"]).content == PICTURE
        if "Bilder" in cells:
            cells["Bilder"] = [file["filename"] for file in cells["Bilder"]]
        found[cells["Navn"]] = cells
    assert len(found) == len(tomter)
    return found


def make(web: httpx.Client) -> str:
    """Make the base and its områder, and return its id."""
    body = {"name": "B", "workspaceId": "w", "tables": [{"name": "Områder", "fields": [LINES]}]}
    base = web.post("/v0/meta/bases", json=body).json()
    link = {"name": "Område", "type": "multipleRecordLinks", "options": {"linkedTableId": base["tables"][0]["id"]}}
    fields = [LINES, TALL, {"name": "Tekst", "type": "multilineText"}, link]
    fields += [{"name": "Bilder", "type": "multipleAttachments"}]
    web.post(f"/v0/meta/bases/{base['id']}/tables", json={"name": "Tomter", "fields": fields})
    rows = [{"fields": {"Navn": f"o{n}"}} for n in range(OMRAADER)]
    web.post(f"/v0/{base['id']}/Områder", json={"records": rows})
    return str(base["id"])


def kill_and_look(folder: Path, *, rounds: int, seed: int) -> int:
    """Write, kill and look again, so many times; return how many records there are in the end."""
    chance = random.Random(seed)
    base = ""
    allowed: list[Model] = [{}]
    for _ in range(rounds):
        with process(folder) as (served, web):
            base = base or make(web)
            model = read(web, base)
            assert model in allowed
            omraader = {r["fields"]["Navn"]: r["id"] for r in listed(web, base, "Områder")}
            sales = Sales(web, base, chance, model, omraader)
            sales.step()
            sales.model = sales.next
            killer = threading.Timer(chance.uniform(0.02, 0.7), served.send_signal, [signal.SIGKILL])
            killer.start()
            sales.write()
            killer.join()
            assert served.wait(timeout=PATIENCE_S) == -signal.SIGKILL
            allowed = [sales.model, sales.next]
    with (
        AirtableServer(folder, token="pat", rate_limit_per_s=0) as server,
        httpx.Client(base_url=server.url, headers=HEADERS, timeout=PATIENCE_S) as web,
    ):
        model = read(web, base)
    assert model in allowed
    return len(model)


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    assert kill_and_look(tmp_path, rounds=1, seed=1) > 0


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 5))
def test_what_was_acknowledged_survives_kill_9_again_and_again(tmp_path, seed):
    assert kill_and_look(tmp_path, rounds=10, seed=seed) > 0
