"""Bombs: whatever a server sends, reading it ends in a named error and takes less than 1 GB, Python and all.

Each protocol reads in a process of its own, whose peak is measured; what a bomb would unpack to is ten times the limit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.sandbox.upstream import UpstreamServer

from . import ondskap
from .onde_servere import KILDER, LOGIN, misbehaving

MOST_MB = 1_000
BOMBS = {
    "gzip": ondskap.gzip_bomb(start=b'{"features": [0'),
    "blanks": ondskap.blanks(b"{"),
    "dense": ondskap.dense(),
    "laughs": ondskap.laughs(),
    "nested": ondskap.nested(20_000_000),
    "zip": ondskap.zip_bomb(),
}

# Reads one source and says how it ended, and its own peak in MB.
READER = """
import json, pathlib, sys
from tasks.errors import SourceError
from tests.memory import peak_mb
from tests.sources import onde_servere as onde
for line in sys.stdin:
    protokoll, url, folder = json.loads(line)
    try:
        onde.read(onde.KILDER[protokoll], url, pathlib.Path(folder), maks_bytes=100_000_000)
        said = None
    except SourceError as error:
        said = str(error)
    print(json.dumps([said, peak_mb()]), flush=True)
"""


class Reader:
    """A process that reads what it is told to."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder

    def read(self, protokoll: str, url: str) -> tuple[str | None, float]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([protokoll, url, str(self._folder)]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the reading process has died"
        said, peak = json.loads(answer)
        return said, peak


@pytest.fixture(scope="module")
def bak() -> Iterator[str]:
    with UpstreamServer(username=LOGIN[0], password=LOGIN[1]) as server:
        yield server.url


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    root = Path(__file__).parents[2]
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", READER], stdin=pipe, stdout=pipe, text=True, cwd=root) as process:
        yield Reader(process, tmp_path)
        process.kill()


ALWAYS = ("ogc_features",)
"""What is read as JSON takes most; the others among the `long` tests: each takes seconds."""


@pytest.mark.parametrize(
    "protokoll",
    [pytest.param(p, marks=() if p in ALWAYS else pytest.mark.long) for p in KILDER if p != "arcgis_esri"],
)
def test_no_bomb_takes_a_gigabyte(bak: str, reader: Reader, protokoll: str) -> None:
    with misbehaving(bak, ondskap.well_behaved) as server:
        said, peak = reader.read(protokoll, server.url)
        assert said is None
        assert 0 < peak < MOST_MB
        steps = len(server.asked)
    for name, bomb in BOMBS.items():
        if name == "zip" and protokoll != "nedlasting":
            continue
        for step in sorted({1, max(1, steps - 1), steps}) if name != "zip" else [1]:
            with misbehaving(bak, bomb, fra=step) as server:
                said, peak = reader.read(protokoll, server.url)
            assert said is not None, f"{name} at question {step} was read"
            assert peak < MOST_MB, f"{name} at question {step} of {steps}: {peak:.0f} MB; {said}"
