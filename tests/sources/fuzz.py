"""Mutated samples: good answers, damaged in ways that a parser has to survive, the same ones every time.

A sample is mutated by a `random.Random` of its own (`rng`), so a crash is reproduced by its name alone: what was read,
and the number of the mutation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import random
import re
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from config.kilder import Kilde
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sandbox import kommune
from tasks.sandbox.upstream import UpstreamServer
from tasks.sources.asked import Take
from tasks.sources.kildesvar import PROTOCOLS
from tasks.sources.spool import Spool

from . import onde_servere as onde
from . import ondskap

TOKEN = re.compile(rb"[\w.:\-]+|<[^<>]{0,80}>|[{}\[\],\"]")
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
TEXT = re.compile(rb"\"[^\"\\]{0,60}\"|>[^<>]{1,60}<")
ELEMENT = re.compile(rb"<([\w:]+)(?:\s[^<>]*)?>[^<>]*</\1>|\{[^{}]{0,400}\}|\[[^\[\]]{0,400}\]")

NUMBERS = (
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1e308", b"1e-400", b"-0", b"0", b"", b"null", b"true",
    b"99999999999999999999999999", b"-1", b"0x10", b"1,5", b"1_000", b"\xd9\xa1\xd9\xa2", b"[]", b"{}", b'""',
    b"9" * 5000, b"4601.0", b"0099", b" ", b"1 2 3", b"6740000 -120000",
)  # fmt: skip
TEXTS = (
    "", " ", "\u202e", "\u00e5\u030a", "🏠", "\u0000", "\ufffe", "a" * 10_000, "-", "NULL", "'; DROP TABLE", "&amp;",
    "%s%n", "../../etc/passwd", "KpOmråde", "EPSG:4258", "urn:ogc:def:crs:EPSG::99999", "\n\r\t", "true", "[1, 2]",
)  # fmt: skip
JUNK = (
    b"\x00", b"\xff\xfe", b"\xc3", b"]]>", b"-->", b"<!--", b"<![CDATA[", b"<?php", b"&#0;", b"&x;", b"\\ud800",
)  # fmt: skip


# --- ways to damage ---


def _place(content: bytes, rng: random.Random) -> int:
    return rng.randrange(len(content) + 1)


def _flip(content: bytes, rng: random.Random) -> bytes:
    made = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        if made:
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    return bytes(made)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: _place(content, rng)]


def _remove(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + content[at + rng.choice((1, 3, 20, 200, 2000)) :]


def _double(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    piece = content[at : at + rng.choice((1, 10, 100, 1000))]
    return content[:at] + piece * rng.choice((2, 2, 3, 50)) + content[at + len(piece) :]


def _insert(content: bytes, rng: random.Random) -> bytes:
    at = _place(content, rng)
    return content[:at] + rng.choice(JUNK) + content[at:]


def _pick(pattern: re.Pattern[bytes], content: bytes, rng: random.Random) -> re.Match[bytes] | None:
    """Return one match: the first after a random place, or the last before it."""
    at = _place(content, rng)
    return pattern.search(content, at) or pattern.search(content)


def _put(content: bytes, found: re.Match[bytes] | None, new: bytes) -> bytes:
    return content if found is None else content[: found.start()] + new + content[found.end() :]


def _number(content: bytes, rng: random.Random) -> bytes:
    return _put(content, _pick(NUMBER, content, rng), rng.choice(NUMBERS))


def _numbers(content: bytes, rng: random.Random) -> bytes:
    """Replace every n-th number: a whole column or all coordinates."""
    new, step, count = rng.choice(NUMBERS), rng.choice((1, 2, 7, 50)), 0

    def replace(found: re.Match[bytes]) -> bytes:
        nonlocal count
        count += 1
        return found[0] if count % step else new

    return NUMBER.sub(replace, content)


def _text(content: bytes, rng: random.Random) -> bytes:
    found = _pick(TEXT, content, rng)
    if found is None:
        return content
    new = rng.choice(TEXTS).encode("utf-8", "surrogatepass")
    return _put(content, found, found[0][:1] + new + found[0][-1:])


def _swap(content: bytes, rng: random.Random) -> bytes:
    """Exchange two tokens: names, tags, brackets, values."""
    one, other = sorted((_pick(TOKEN, content, rng), _pick(TOKEN, content, rng)), key=lambda m: m.start() if m else -1)
    if one is None or other is None or one.end() > other.start():
        return content
    between = content[one.end() : other.start()]
    return content[: one.start()] + other[0] + between + one[0] + content[other.end() :]


def _nest(content: bytes, rng: random.Random) -> bytes:
    """Put an element, an object or a list into others of its kind."""
    found = _pick(ELEMENT, content, rng)
    if found is None:
        return content
    depth = rng.choice((1, 2, 30, 300, 3000))
    if found[0].startswith(b"<"):
        return _put(content, found, b"<a>" * depth + found[0] + b"</a>" * depth)
    if rng.random() < 0.5:
        return _put(content, found, b"[" * depth + found[0] + b"]" * depth)
    return _put(content, found, b'{"a":' * depth + found[0] + b"}" * depth)


def _drop(content: bytes, rng: random.Random) -> bytes:
    return _put(content, _pick(ELEMENT, content, rng), rng.choice((b"", b"null", b"{}", b"[]", b"<a/>")))


def _rename(content: bytes, rng: random.Random) -> bytes:
    """Call something by another name, everywhere."""
    found = _pick(re.compile(rb"[A-Za-z]\w{2,}"), content, rng)
    return content if found is None else content.replace(found[0], rng.choice((b"x", b"FID", b"geometry", b"a.b", b"")))


WAYS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _flip, _cut, _remove, _double, _insert, _number, _number, _numbers, _text, _text, _swap, _nest, _drop, _rename,
)  # fmt: skip


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Return a sample, damaged once or a few times."""
    for _ in range(rng.choice((1, 1, 1, 2, 5))):
        content = rng.choice(WAYS)(content, rng)
    return content


# --- reading what was damaged ---


class Checked:
    """Takes rows as `fetch` does, and sees that they are what the seam promises."""

    def __init__(self, mappe: Path) -> None:
        self.spool = Spool(mappe)

    def take(self, piece: gpd.GeoDataFrame) -> None:
        assert piece.crs is None or piece.crs.to_epsg() == STORAGE_EPSG
        shapes = np.asarray(piece.geometry.array, dtype=object)
        assert np.isfinite(shapely.get_coordinates(shapes)).all(), "coordinates that are no numbers were handed over"
        self.spool.take(piece)
        self.spool.sha256()


def crashes(
    name: str,
    sample: Callable[[random.Random], bytes],
    reading: Callable[[bytes, Take], object],
    mappe: Path,
    *,
    numbers: range,
    sekunder: float = 20.0,
) -> tuple[list[str], Counter[str]]:
    """Read mutated samples.

    Parameters
    ----------
    name
        Of what is read; seeds the mutations.
    sample
        Chooses a sample and damages it.
    reading
        Reads it; `SourceError` is how it should end when it does not like it.
    sekunder
        How long one may take.

    Returns
    -------
    tuple
        What ended otherwise (number, error, sample), and how the readings ended.
    """
    bad: list[str] = []
    ends: Counter[str] = Counter()
    for number in numbers:
        damaged = sample(random.Random(f"{name} {number}"))
        checked, start = Checked(mappe), time.process_time()
        try:
            reading(damaged, checked.take)
            ends["read"] += 1
        except SourceError as error:
            ends["refused"] += 1
            if len(str(error).splitlines()) > 1 or len(str(error)) > 2000:
                bad.append(f"{name} {number}: an error of several lines: {error}")
        except Exception:
            ends["crashed"] += 1
            bad.append(f"{name} {number}: {traceback.format_exc(limit=-4)}\n{damaged[:400]!r}")
        if time.process_time() - start > sekunder:
            bad.append(f"{name} {number}: took {time.process_time() - start:.1f} s\n{damaged[:400]!r}")
    return bad, ends


def tell(bad: list[str]) -> str:
    """Return the crashes for a person: each kind once."""
    kinds: dict[str, str] = {}
    for one in bad:
        lines = [line for line in one.splitlines() if line.strip()]
        kinds.setdefault(lines[-2] if len(lines) > 2 else one, one)
    return f"{len(bad)} crashes of {len(kinds)} kinds\n\n" + "\n\n".join(kinds.values())


# --- whole protocols, over a small world ---


@contextlib.contextmanager
def small_world() -> Iterator[str]:
    """Serve one invented kommune with a few objects of each kind, so that thousands of readings take seconds."""
    whole = kommune.invent(onde.KOMMUNE.nummer)
    plan = {samling: objects[:3] for samling, objects in whole.plan.items()}
    small = dataclasses.replace(whole, plan=plan, teiger=whole.teiger[:4], bygninger=whole.bygninger[:4])
    modules = [m for name, m in list(sys.modules.items()) if name.startswith("tasks.sandbox.") and m is not kommune]
    with pytest.MonkeyPatch.context() as patch:
        for module in modules:
            patch.setattr(module, "invent", lambda nummer: small, raising=False)
            patch.setattr(module, "numre", lambda: (small.nummer,), raising=False)
        _forget(modules)
        try:
            with UpstreamServer(username=onde.LOGIN[0], password=onde.LOGIN[1]) as server:
                yield server.url
        finally:
            _forget(modules)


def _forget(modules: Sequence[ModuleType]) -> None:
    """Empty what the services have drawn before, and what was heard of them."""
    onde.GOOD.clear()
    for module in modules:
        for function in vars(module).values():
            if hasattr(function, "cache_clear"):
                function.cache_clear()


def fuzz_protocol(kilde: Kilde, bak: str, mappe: Path, *, numbers: range) -> None:
    """Damage one answer of each reading, whichever, and see how it ends."""
    good: list[onde.Svar] = []
    step = 0

    def remember(innslag: onde.Innslag) -> None:
        good.append(innslag.svar())
        innslag.pass_on(good[-1])

    def sample(rng: random.Random) -> bytes:
        nonlocal step
        step = rng.randrange(len(good))
        return mutate(good[step].content, rng)

    def reading(content: bytes, take: Take) -> None:
        server.asked.clear()
        svar = dataclasses.replace(good[step], content=content)
        server.ond = ondskap.at_step(step + 1, lambda innslag: innslag.pass_on(svar))
        with tempfile.TemporaryDirectory(dir=mappe) as folder:
            PROTOCOLS[kilde.protokoll](dataclasses.replace(question, mappe=Path(folder)), take)

    limits: dict[str, Any] = {"maks_bytes": 10**12, "sekunder_kilde": 3600, "forsoek": 1, "pause_foerst": 0.001}
    with onde.misbehaving(bak, remember) as server, onde.asking(kilde, server.url, mappe, **limits) as question:
        PROTOCOLS[kilde.protokoll](question, lambda piece: None)
        bad, ends = crashes(f"{kilde.navn}", sample, reading, mappe, numbers=numbers)
    assert not bad, tell(bad)
    assert ends["read"] > len(numbers) // 50, ends
    assert ends["refused"] > len(numbers) // 50, ends
