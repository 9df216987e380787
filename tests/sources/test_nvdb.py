"""Road links from NVDB: pages to the end, what is left out, and answers that do not add up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from config.registers import Kommune
from tasks.sources import nvdb
from tasks.sources.limits import Limits

from .asking import Asking
from .conftest import Handler, Upstream

PATH = "veglenkesekvenser/segmentert"


def link(number: int, **more: Any) -> dict[str, Any]:
    x = -120_000 + 100 * number
    return {
        "veglenkesekvensid": number,
        "veglenkenummer": 1,
        "segmentnummer": 1,
        "startposisjon": 0.0,
        "sluttposisjon": 1.0,
        "startnode": str(number),
        "sluttnode": str(number + 1),
        "typeVeg": "Enkel bilveg",
        "typeVeg_sosi": "enkelBilveg",
        "geometri": {"wkt": f"LINESTRING Z ({x} 6740000 12.5, {x + 100} 6740000 13)", "srid": 5973},
        "lengde": 100.25,
        "vegsystemreferanse": {"vegsystem": {"vegkategori": "K", "fase": "V", "nummer": 7}},
        **more,
    }


class Nett:
    """A road network that is answered page by page."""

    def __init__(self, links: list[dict[str, Any]], per_side: int = 2) -> None:
        self.links, self.per_side = links, per_side
        self.said: int | None = len(links)
        self.meta: dict[str, Any] = {}
        self.href = False
        self.most: int | None = None

    def __call__(self, handler: Handler) -> None:
        asked = {k: v[0] for k, v in parse_qs(urlsplit(handler.path).query).items()}
        if self.most is not None and int(asked.get("antall", 0)) > self.most:
            handler.send(b'{"title": "antall", "status": 400}', status=400)
            return
        at = int(asked.get("start", 0))
        page = self.links[at : at + self.per_side]
        meta: dict[str, Any] = {"returnert": len(page), "sidestørrelse": self.per_side}
        if self.said is not None:
            meta["antall"] = self.said
        if page:  # the real service leads on to a page without rows
            start = {"href": f"https://et-annet-sted.no/x?start={at + len(page)}"}
            meta["neste"] = start if self.href else {"start": str(at + len(page))} | start
        handler.json({"objekter": page, "metadata": meta | self.meta})


@pytest.fixture
def ask(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> Callable[..., Any]:
    asking = Asking(nvdb.read, upstream.url, protokoll="nvdb", tema="veg", lag={"Veglenke": PATH}, utelat=["gangveg"])
    return lambda *, fails=False, **more: (asking.fails if fails else asking)(kommune, limits, tmp_path, **more)


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("href", [True, False])
def test_pages_are_read_to_the_end(upstream: Upstream, ask: Callable[..., Any], said: bool, href: bool):
    upstream.answer = nett = Nett([link(n) for n in range(5)])
    nett.href = href
    if not said:
        nett.said = None
    rows = ask()
    first = upstream.asked[0]
    asked = {k: v[0] for k, v in parse_qs(urlsplit(first.path).query).items()}
    assert urlsplit(first.path).path == f"/{PATH}"
    assert asked == {"kommune": "99", "srid": "5973", "inkluderAntall": "true", "antall": str(nvdb.PER_SIDE)}
    assert first.headers["X-Client"] == "tomtesourcing"
    assert len(upstream.asked) == (3 if said else 4)  # where the number is known, the empty page is not asked for
    assert list(rows["veglenkesekvensid"]) == ["0", "1", "2", "3", "4"]
    assert list(rows.iloc[0][["vegkategori", "fase", "lengde", "startnode"]]) == ["K", "V", "100.25", "0"]
    assert rows.geometry.length.tolist() == [100.0] * 5


def test_what_is_no_road_for_cars_is_left_out(upstream: Upstream, ask: Callable[..., Any]):
    links = [link(1), link(2, typeVeg_sosi="gangveg"), link(3, typeVeg="Gangveg", typeVeg_sosi=None), link(4)]
    upstream.answer = Nett([*links, link(5, geometri=None)], per_side=10)
    assert list(ask()["veglenkesekvensid"]) == ["1", "4"]


def test_a_service_that_refuses_so_large_a_page_is_asked_for_its_own(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = nett = Nett([link(n) for n in range(3)])
    nett.most = 1000
    assert len(ask()) == 3
    assert all("antall=" not in one.path for one in upstream.asked[1:])


def test_no_roads_at_all(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = Nett([])
    assert not len(ask())
    assert len(upstream.asked) == 1


def test_too_many_are_refused_after_one_page(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = nett = Nett([link(n) for n in range(4)])
    nett.said = 2 * nvdb.MAX_PAGES + 1
    said = ask(fails=True)
    assert "81 road links for 0099" in said
    assert "more than 40 pages" in said
    assert len(upstream.asked) == 1


def test_pages_without_end_are_refused(upstream: Upstream, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(nvdb, "MAX_PAGES", 3)
    upstream.answer = nett = Nett([link(n) for n in range(9)])
    nett.said = None
    assert "more than 6 road links" in ask(fails=True)
    assert len(upstream.asked) == 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"said": 4}, "3 road links came of 4"),
        ({"meta": {"returnert": 7}}, "2 road links on a page of 7"),
        ({"meta": {"neste": {"start": "2"}}}, "leads to one that was read before"),
    ],
)
def test_pages_that_do_not_add_up(upstream: Upstream, ask: Callable[..., Any], change: dict[str, Any], said: str):
    upstream.answer = nett = Nett([link(n) for n in range(3)])
    for name, value in change.items():
        setattr(nett, name, value)
    if "meta" in change:
        nett.said = None
    assert said in ask(fails=True)


@pytest.mark.parametrize(
    ("geometri", "said"),
    [
        ({"wkt": "LINESTRING Z (10 60 1, 11 60 1)", "srid": 4326}, "got 4326"),
        ({"wkt": "LINESTRING (10 60, 11 60)"}, "outside Norway"),
        ({"wkt": "LINESTRING Z (10"}, "cannot be read"),
    ],
)
def test_lines_that_cannot_be_used(upstream: Upstream, ask: Callable[..., Any], geometri: Any, said: str):
    upstream.answer = Nett([link(1, geometri=geometri)])
    assert said in ask(fails=True)


@pytest.mark.parametrize("body", [{}, {"objekter": {}, "metadata": {}}, {"objekter": ["x"], "metadata": {}}])
def test_an_answer_that_is_none(upstream: Upstream, ask: Callable[..., Any], body: Any):
    upstream.answer = lambda h: h.json(body)
    assert "road link" in ask(fails=True)
