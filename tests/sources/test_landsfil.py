"""One file of the whole country: fetched once for all kommuner and processes, cut to each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from config.kilder import kilder
from config.registers import Kommune
from tasks.answer import Answer, Failed, Rows
from tasks.errors import SourceError
from tasks.sources import landsfil
from tasks.sources.asked import Asked, Take
from tasks.sources.fetch import fetch
from tasks.sources.kildesvar import PROTOCOLS
from tasks.sources.limits import Limits
from tasks.sources.nedlasting import _area
from tasks.sources.spool import Spool
from tasks.store import Geodata, read_parquet

from .asking import AREA, Asking
from .conftest import make_settings
from .snapshot import keep

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
    path = geodata.latest("prove", landsfil.SANDBOX)
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
    path = Geodata(tmp_path / "geodata").latest("prove", landsfil.SANDBOX)
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


# --- as the answer of a kommune ---

EGEN = """
[ssb_tettsteder]
tema = "tettsted"
protokoll = "nedlasting"
adresse = "{adresse}"
datasett = "{datasett}"
lag = ["Tettsted"]
landsdekkende = true
gyldig_dager = 180
lisens = "x"
"""
LOCAL = "http://127.0.0.1:9"


@pytest.fixture
def hent(
    landet: Landet, kommune: Kommune, limits: Limits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Answer]]:
    geodata = Geodata(tmp_path / "geodata")
    monkeypatch.setitem(PROTOCOLS, "nedlasting", lambda asked, take: landsfil.read(asked, take, landet))

    def fetched(nummer: str = "0099", *, adresse: str = LOCAL, datasett: str = "x", paa_nytt: bool = False) -> Answer:
        mine = kommune.model_copy(update={"nummer": nummer})
        if not geodata.raw_folder("kartverket_grense", nummer).exists():
            keep(geodata, "kartverket_grense", [AREA], nummer=nummer, kommunenummer=[nummer])
        own = tmp_path / "egne.toml"
        own.write_text(EGEN.format(adresse=adresse, datasett=datasett), encoding="utf-8")
        kilder.cache_clear()
        settings = make_settings(LOCAL, kilder=own)
        return fetch(mine, "tettsted", settings=settings, geodata=geodata, limits=limits, paa_nytt=paa_nytt)

    yield fetched
    kilder.cache_clear()


def _age(tmp_path: Path, days: float) -> datetime:
    """Let the file of the country be older, and return when it was fetched then."""
    geodata = Geodata(tmp_path / "geodata")
    path = geodata.latest("ssb_tettsteder", landsfil.SANDBOX)
    assert path is not None
    kept, moment = geodata.provenance(path), datetime.now(UTC) - timedelta(days=days)
    (spool := Spool(tmp_path)).take(gpd.GeoDataFrame(read_parquet(path)))
    path.unlink()
    geodata.keep(spool, landsfil.SANDBOX, replace(kept, hentet_tid=moment.isoformat()))
    return moment


def _refuse(asked: Asked, take: Take) -> None:
    raise SourceError(f"{asked.adresse}: HTTP 503.")


def test_what_is_cut_from_the_file_is_as_old_as_it_is(landet: Landet, hent: Callable[..., Answer], tmp_path: Path):
    hent()
    moment = _age(tmp_path, 170)
    landet.rows = country()
    for _ in range(2):  # cut, and then remembered
        answer = hent("7001")
        assert isinstance(answer, Rows)
        assert (answer.sett_tid, answer.reserve) == (moment.isoformat(), None)
    assert landet.antall == 1
    _age(tmp_path, 181)
    assert isinstance(hent("7002"), Rows)
    assert landet.antall == 2


def test_a_person_who_wants_it_anew_gets_it_anew_once_a_night(
    landet: Landet, hent: Callable[..., Answer], tmp_path: Path
):
    hent()
    hent(paa_nytt=True)
    assert landet.antall == 1
    _age(tmp_path, 1)
    hent(paa_nytt=True)
    hent("7001", paa_nytt=True)
    assert landet.antall == 2


def test_a_file_that_is_too_old_serves_while_the_host_is_down(
    hent: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    hent()
    moment = _age(tmp_path, 200)
    monkeypatch.setitem(PROTOCOLS, "nedlasting", lambda asked, take: landsfil.read(asked, take, _refuse))
    for _ in range(2):  # it is asked for again: that it served is no answer
        answer = hent("7001")
        assert isinstance(answer, Rows)
        assert answer.svar == "Failed"
        assert answer.sett_tid == moment.isoformat()
        assert f"HTTP 503. Bruker det som ssb_tettsteder hadde {moment:%Y-%m-%d}" in str(answer.reserve)
    _age(tmp_path, 361)
    assert isinstance(hent("7002"), Failed)


def test_much_less_of_the_country_is_held_back_and_not_ordered_again(
    landet: Landet, hent: Callable[..., Answer], tmp_path: Path
):
    hent()
    _age(tmp_path, 85)
    landet.rows = country()[::2]
    answer = hent(paa_nytt=True)
    assert isinstance(answer, Rows)
    assert answer.antall == 1
    hent("7001", paa_nytt=True)
    assert landet.antall == 2
    _age(tmp_path, 181)
    served = hent("7002")
    assert isinstance(served, Rows)
    geodata = Geodata(tmp_path / "geodata")
    held = geodata.held("ssb_tettsteder", landsfil.SANDBOX)
    assert held is not None
    assert f"move {held.relative_to(geodata.root)} one folder up" in str(served.reserve)
    held.rename(held.parents[1] / held.name)
    again = hent("7002")
    assert isinstance(again, Rows)
    assert (again.reserve, landet.antall) == (None, 3)  # keep() above let go of what was held


def test_the_sandbox_and_the_real_world_do_not_share_a_file():
    assert landsfil.folder_of("http://127.0.0.1:8000/nedlasting") != landsfil.folder_of(
        "https://nedlasting.geonorge.no"
    )
    assert landsfil.folder_of("https://nedlasting.geonorge.no") == landsfil.LANDET


@pytest.mark.parametrize("changed", [{"adresse": "http://127.0.0.1:10"}, {"datasett": "y"}])
def test_another_address_or_dataset_is_another_file(
    landet: Landet, hent: Callable[..., Answer], changed: dict[str, str]
):
    hent()
    hent(**changed)
    assert landet.antall == 2
