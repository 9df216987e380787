"""One file of the whole country: fetched once for all kommuner and processes, cut to each."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from config.registers import Kommune
from tasks.errors import SourceError
from tasks.sources import landsfil
from tasks.sources.asked import Asked, Take
from tasks.sources.limits import Limits
from tasks.sources.nedlasting import _area
from tasks.store import Geodata

from .asking import AREA, Asking

HERE = AREA.bounds


def country() -> gpd.GeoDataFrame:
    """Return a place in the kommune, one 5 km east of it, and one 50 km."""
    west, south, east, _ = HERE
    boxes = [shapely.box(x, south, x + 100, south + 100) for x in (west, east + 5_000, east + 50_000)]
    data = {"objekttypenavn": ["Tettsted"] * 3, "navn": ["her", "nær", "fjern"]}
    return gpd.GeoDataFrame(data, geometry=boxes, crs=25833)


class Landet:
    """Counts how often the country is fetched."""

    def __init__(self) -> None:
        self.antall = 0
        self.rows = country()
        self.gate: threading.Event | None = None

    def __call__(self, asked: Asked, take: Take) -> None:
        self.antall += 1
        if self.gate is not None:
            assert self.gate.wait(20)
        take(self.rows)


@pytest.fixture
def landet() -> Landet:
    return Landet()


@pytest.fixture
def ask(landet: Landet, kommune: Kommune, limits: Limits, tmp_path: Path) -> Callable[..., Any]:
    def asked(nummer: str = "0099", **more: Any) -> list[str]:
        asking = Asking(
            lambda a, t: landsfil.read(a, t, landet),
            "http://127.0.0.1:9",
            protokoll="nedlasting",
            tema="tettsted",
            lag={"Tettsted": "Tettsted"},
            datasett="x",
            landsdekkende=True,
            gyldig_dager=180,
        )
        mine = kommune.model_copy(update={"nummer": nummer})
        return list(asking(mine, limits, _own(tmp_path, nummer), **more)["navn"])

    return asked


def _own(tmp_path: Path, nummer: str) -> Path:
    made = tmp_path / "geodata" / "innboks" / f"{nummer}-{threading.get_ident()}"
    made.mkdir(parents=True, exist_ok=True)
    return made


def test_the_country_is_fetched_once_and_cut_to_each(landet: Landet, ask: Callable[..., Any]):
    assert ask("0099") == ["her"]
    assert ask("7001", rundt_m=6_000) == ["her", "nær"]
    assert landet.antall == 1


def test_it_is_fetched_again_when_it_holds_no_longer(landet: Landet, ask: Callable[..., Any], tmp_path: Path):
    ask()
    geodata = Geodata(tmp_path / "geodata")
    path = geodata.latest("prove", landsfil.LANDET)
    assert path is not None
    old = datetime.now(UTC) - timedelta(days=181)
    path.rename(path.with_name(old.strftime("%Y%m%dT%H%M%S%fZ.parquet")))
    (path.parent / "sett.json").unlink()
    ask(gyldig_dager=181)  # what the file says of itself is young
    assert landet.antall == 1
    ask(gyldig_dager=0)
    assert landet.antall == 2


def test_two_at_once_fetch_it_once(landet: Landet, ask: Callable[..., Any]):
    landet.gate = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(ask, nummer) for nummer in ("0099", "7001")]
        landet.gate.set()
        assert [one.result() for one in both] == [["her"], ["her"]]
    assert landet.antall == 1


def test_a_damaged_file_is_set_aside(landet: Landet, ask: Callable[..., Any], tmp_path: Path):
    ask()
    path = Geodata(tmp_path / "geodata").latest("prove", landsfil.LANDET)
    assert path is not None
    path.write_bytes(b"PAR1")
    assert ask() == ["her"]
    assert landet.antall == 2


def test_nothing_of_the_country_is_no_answer(landet: Landet, ask: Callable[..., Any]):
    landet.rows = country()[:0]
    with pytest.raises(SourceError, match="nothing in the file of the country"):
        ask()


def test_without_a_boundary_there_is_nothing_to_cut_by(ask: Callable[..., Any]):
    with pytest.raises(SourceError, match="boundary of 0099"):
        ask(area=None)


def test_the_area_that_is_ordered(limits: Limits, tmp_path: Path, kommune: Kommune):
    found: list[Any] = []

    def order(asked: Asked, take: Take) -> None:
        found.append(_area(asked, [{"type": "fylke", "code": "00"}, {"type": "landsdekkende", "code": "0000"}]))
        _area(asked, [{"type": "fylke", "code": "03"}])

    asking = Asking(
        order,
        "http://127.0.0.1:9",
        protokoll="nedlasting",
        tema="tettsted",
        lag=["Tettsted"],
        datasett="x",
        landsdekkende=True,
    )
    assert "is not offered for the whole country, but for 1 areas (fylke)" in asking.fails(kommune, limits, tmp_path)
    assert found == [{"code": "0000", "type": "landsdekkende", "name": ""}]
