"""Mutated answers of a WFS – capabilities, counts, features – end in rows or in a named error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.sandbox.teig_wfs import TEIG

from . import onde_servere as onde
from .fuzz import fuzz_protocol, small_world

# Plans are asked for after the capabilities; what the registers are called is known.
KILDER = {
    "register": onde.KILDER["wfs"],
    "capabilities": onde.KILDER["wfs"].model_copy(
        update={"navn": "ond_wfs_plan", "tema": "kommuneplan", "lag": {"KpArealformålOmråde": TEIG.objekttype}}
    ),
}


@pytest.fixture(scope="module")
def bak() -> Iterator[str]:
    with small_world() as url:
        yield url


@pytest.mark.parametrize("kilde", KILDER)
def test_mutated_answers(bak: str, kilde: str, tmp_path: Path) -> None:
    fuzz_protocol(KILDER[kilde], bak, tmp_path, numbers=range(40))


@pytest.mark.long
@pytest.mark.parametrize("kilde", KILDER)
def test_mutated_answers_long(bak: str, kilde: str, tmp_path: Path) -> None:
    fuzz_protocol(KILDER[kilde], bak, tmp_path, numbers=range(1_000, 2_000))
