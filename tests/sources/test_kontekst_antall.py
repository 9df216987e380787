"""How many requests all context of a kommune takes, counted where they arrive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping

import pytest
import shapely
from fastapi import FastAPI, Request, Response
from lxml import etree

from config.kilder import Kilde, kilder, kontekst_themes
from config.registers import Kommune
from tasks.answer import Answer, Failed, Rows
from tasks.sandbox.upstream import UpstreamServer
from tasks.sources import landsfil
from tasks.sources.fetch import fetch
from tasks.sources.limits import Limits
from tasks.store import Geodata

from .asking import AREA
from .conftest import CONTENT_CRS, Env, Handler, make_settings
from .kontekst_tjener import Flom, Vern, vern_row
from .snapshot import keep
from .test_entur import stop
from .test_grunnkretstall import Kretsbord
from .test_nvdb import Nett, link

MOST = 60


class Talt(UpstreamServer):
    """The local sources, which count who asks for what."""

    def make_app(self) -> FastAPI:
        app = super().make_app()
        self.asked: Counter[str] = Counter()

        @app.middleware("http")
        async def count(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
            self.asked[request.url.path] += 1
            return await answer(request)

        return app


@pytest.mark.long
def test_all_context_of_a_kommune_takes_few_requests_and_none_the_next_day(
    geodata: Geodata, kommune: Kommune, limits: Limits
) -> None:
    def everything() -> dict[str, Answer]:
        return {
            tema: fetch(kommune, tema, settings=settings, geodata=geodata, limits=limits) for tema in kontekst_themes()
        }

    with Talt(username="nap", password="hemmelig") as server:
        settings = make_settings(server.url)
        fetch(kommune, "grense", settings=settings, geodata=geodata, limits=limits)
        server.asked.clear()
        first = everything()
        assert server.asked.total() <= MOST, server.asked
        assert not {tema: answer.grunn for tema, answer in first.items() if isinstance(answer, Failed)}
        server.asked.clear()
        again = everything()
        assert not server.asked
    assert {tema: type(answer) for tema, answer in again.items()} == {t: type(a) for t, a in first.items()}


# --- every layer served ---


class Alle:
    """Serves each of the sources at a path of its name, with a few rows of everything.

    Parameters
    ----------
    sier
        Whether a WFS says in its answer how many features there are.
    """

    def __init__(self, known: Mapping[str, Kilde], *, sier: bool) -> None:
        self.known, self.sier = known, sier
        self.by: Counter[str] = Counter()
        self.kommune: Kommune | None = None
        self.faste: dict[str, Callable[[Handler], None]] = {
            "pxweb": Kretsbord(Grunnkretser=["00990101", "70010101"]),
            "nvdb": Nett([link(1)]),
            "entur": lambda h: h.json({"data": {"stopPlacesByBbox": [stop(1, latitude=60.31, longitude=3.74)]}}),
            "arcgis": Vern([vern_row(1), vern_row(2)]),
        }

    def __call__(self, h: Handler) -> None:
        _, navn, rest = h.path.split("/", 2) if h.path.count("/") > 1 else ("", h.path.strip("/").partition("?")[0], "")
        kilde = self.known[navn]
        self.by[navn] += 1
        if kilde.protokoll == "wfs":
            self.wfs(kilde, h)
        elif kilde.protokoll == "ogc_features":
            self.ogc(kilde, h)
        else:
            if kilde.protokoll == "arcgis":
                h.path = f"/vern/MapServer/0/{rest.partition('/')[2]}"
            elif kilde.protokoll == "pxweb":
                h.path = f"/{rest}"
            self.faste[kilde.protokoll](h)

    def wfs(self, kilde: Kilde, h: Handler) -> None:
        body = h.server.asked[-1].body
        query = etree.fromstring(body).find("{*}Query") if body else None
        said = next(iter(kilde.lag.values())) if query is None else query.attrib["typeNames"]
        local = said.rpartition(":")[2]
        flom = Flom(navn=f"app:{local}", sier=self.sier)
        if body:
            hits = b'resultType="hits"' in body
            h.send(flom.collection(b"<a/>", hits=hits).replace("FlomAreal", local).encode(), "text/xml")
        else:
            h.send(flom.capabilities().encode(), "text/xml")

    def ogc(self, kilde: Kilde, h: Handler) -> None:
        if h.path.endswith("/collections"):
            h.json({"collections": [{"id": f"lag{k}", "title": name} for k, name in enumerate(kilde.lag.values())]})
            return
        nummer = self.kommune.nummer if self.kommune else ""
        more = {"kopidata": {"områdeId": nummer}, "enkeltminnekategori": "E-ARK"}
        point = {"type": "Point", "coordinates": [-120_000, 6_740_000]}
        row = {"type": "Feature", "id": h.path[:60], "geometry": point, "properties": more}
        h.json({"type": "FeatureCollection", "features": [row], "numberMatched": 1}, **CONTENT_CRS)


@pytest.mark.parametrize(("sier", "foerste", "neste"), [(False, 61, 59), (True, 43, 41)])
def test_every_layer_served_with_rows_takes_few_requests(
    env: Env, monkeypatch: pytest.MonkeyPatch, sier: bool, foerste: int, neste: int
) -> None:
    """The first kommune of a day asks for two descriptions that serve the others too; the worst case is in no test."""
    upstream, settings, geodata, kommune, limits = env
    known = {
        navn: kilde.model_copy(update={"adresse": f"{upstream.url}/{navn}"})
        for navn, kilde in kilder().items()
        if kilde.er_kontekst
    }
    monkeypatch.setattr("tasks.sources.fetch.kilder", lambda egne=None: {**kilder(), **known})
    keep(geodata, "ssb_tettsteder", [AREA], nummer=landsfil.SANDBOX, objekttypenavn=["Tettsted"])  # of this half year
    upstream.answer = alle = Alle(known, sier=sier)
    for nummer, most in (("7001", foerste), ("0099", min(neste, MOST))):
        keep(geodata, "kartverket_grense", [shapely.MultiPolygon([AREA])], nummer=nummer, kommunenummer=[nummer])
        alle.kommune, alle.by = kommune.model_copy(update={"nummer": nummer}), Counter()
        answers = {
            tema: fetch(alle.kommune, tema, settings=settings, geodata=geodata, limits=limits)
            for tema in kontekst_themes()
        }
        assert not {tema: answer for tema, answer in answers.items() if not isinstance(answer, Rows)}
        assert len(answers) == len(known)
        assert alle.by.total() == most, alle.by
