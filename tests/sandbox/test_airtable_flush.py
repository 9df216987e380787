"""What was acknowledged is on the disk: nobody is answered before, and one call to the system serves all who wait."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tasks.sandbox.airtable import AirtableServer
from tasks.sandbox.airtable.flush import Flush
from tests.sandbox.conftest import LINES
from tests.waiting import PATIENCE_S, eventually


class Disk:
    """Holds calls to the system back until it is let go; counts them as they begin."""

    def __init__(self) -> None:
        self.go, self.calls, self._fsync = threading.Event(), 0, os.fsync

    def __call__(self, file: int) -> None:
        self.calls += 1
        assert self.go.wait(PATIENCE_S)
        self._fsync(file)


@pytest.fixture
def disk(monkeypatch):
    slow = Disk()
    monkeypatch.setattr(os, "fsync", slow)
    yield slow
    slow.go.set()


def test_those_who_wrote_while_the_disk_was_busy_share_the_next_call(tmp_path, disk):
    (tmp_path / "log").touch()
    flush, done = Flush(tmp_path / "log"), []

    def settle() -> None:
        flush.settle()
        done.append(disk.calls)

    with ThreadPoolExecutor(9) as threads:
        flush.wrote()
        threads.submit(settle)
        eventually(lambda: disk.calls == 1)
        for _ in range(8):
            flush.wrote()
            threads.submit(settle)
        assert not done
        disk.go.set()
    assert len(done) == 9
    assert disk.calls == 2  # one could not be for those who wrote after it had begun
    flush.settle()
    assert disk.calls == 2
    flush.close()


def test_a_disk_that_refused_once_is_not_believed_again(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")  # the system cannot bring one onto a disk
    flush = Flush(tmp_path / "pipe")
    flush.settle()
    flush.wrote()
    with pytest.raises(OSError, match="start anew"):
        flush.settle()
    monkeypatch.setattr(os, "fsync", lambda _: None)
    with pytest.raises(OSError, match="start anew"):
        flush.settle()
    flush.close()


def test_nobody_is_answered_before_what_was_written_is_on_the_disk(tmp_path, disk):
    disk.go.set()
    headers = {"Authorization": "Bearer pat"}
    with (
        AirtableServer(tmp_path, token="pat", rate_limit_per_s=0) as server,
        httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE_S) as web,
        ThreadPoolExecutor(2) as threads,
    ):
        body = {"workspaceId": "wsp", "name": "B", "tables": [{"name": "T", "fields": [LINES]}]}
        made = web.post("/v0/meta/bases", json=body).json()["id"]
        before = disk.calls
        disk.go.clear()
        write = threads.submit(web.post, f"/v0/{made}/T", json={"fields": {"Navn": "a"}})
        eventually(lambda: disk.calls == before + 1)
        read = threads.submit(web.get, f"/v0/{made}/T")
        assert web.get("/health").status_code == 200
        assert not write.done()
        assert not read.done()  # what it saw could still be lost
        disk.go.set()
        assert write.result().status_code == 200
        assert [r["fields"] for r in read.result().json()["records"]] == [{"Navn": "a"}]
