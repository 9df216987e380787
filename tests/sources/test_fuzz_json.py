"""Mutated answers in JSON – OGC API Features, ArcGIS, kommuneinfo, orders – end in rows or in a named error."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import onde_servere as onde
from .fuzz import fuzz_protocol, small_world

PROTOKOLLER = ["ogc_features", "arcgis", "arcgis_esri", "kommuneinfo", "nedlasting"]


@pytest.fixture(scope="module")
def bak() -> Iterator[str]:
    with small_world() as url:
        yield url


@pytest.mark.parametrize("protokoll", PROTOKOLLER)
def test_mutated_answers(bak: str, protokoll: str, tmp_path: Path) -> None:
    fuzz_protocol(onde.KILDER[protokoll], bak, tmp_path, numbers=range(40))


@pytest.mark.long
@pytest.mark.parametrize("protokoll", PROTOKOLLER)
def test_mutated_answers_long(bak: str, protokoll: str, tmp_path: Path) -> None:
    fuzz_protocol(onde.KILDER[protokoll], bak, tmp_path, numbers=range(1_000, 1_600))
