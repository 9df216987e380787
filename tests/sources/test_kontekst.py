"""The context of a kommune: every layer is answered for, side by side, and none takes the others down."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import shapely

from config.kilder import kontekst_themes
from config.registers import Kommune
from config.settings import Settings
from tasks.answer import Answer, Empty, Failed, NotCovered, Rows
from tasks.sources import kontekst
from tasks.sources.kontekst import hent_kontekst
from tasks.sources.limits import Limits
from tasks.store import Geodata

from .asking import AREA
from .conftest import Handler, Upstream
from .snapshot import keep
from .test_entur import stop
from .test_nvdb import Nett, link


@pytest.fixture(autouse=True)
def boundary(geodata: Geodata) -> None:
    keep(geodata, "kartverket_grense", [shapely.MultiPolygon([AREA])], kommunenummer=["0099"])


@pytest.fixture
def hent(settings: Settings, geodata: Geodata, kommune: Kommune, limits: Limits) -> Callable[..., dict[str, Answer]]:
    return lambda **more: hent_kontekst(kommune, settings=settings, geodata=geodata, **{"limits": limits, **more})


def answer(handler: Handler) -> None:
    """Answer for stops and roads alone."""
    if "entur" in handler.path:
        handler.json({"data": {"stopPlacesByBbox": [stop(1, latitude=60.31, longitude=3.74)]}})
    elif "nvdb" in handler.path:
        Nett([link(1)])(handler)
    else:
        handler.send(b"", status=404)


def test_every_layer_is_answered_for_and_told_of(upstream: Upstream, hent: Callable[..., Any]):
    upstream.answer = answer
    told: list[tuple[str, str, int, int]] = []
    thread = threading.current_thread()

    def framgang(lag: str, its: Answer, done: int, of: int) -> None:
        assert threading.current_thread() is thread
        told.append((lag, type(its).__name__, done, of))

    answers = hent(framgang=framgang)
    assert list(answers) == list(kontekst_themes())
    assert isinstance(answers["holdeplass"], Rows)
    assert isinstance(answers["veg"], Rows)
    assert isinstance(answers["strandsone"], NotCovered)  # no such source in the sandbox
    assert isinstance(answers["naturvern"], Failed)
    assert [t[2:] for t in told] == [(n + 1, len(answers)) for n in range(len(answers))]
    assert {t[0]: t[1] for t in told} == {lag: type(a).__name__ for lag, a in answers.items()}


def test_what_is_young_is_not_asked_for_again_unless_one_wants_to(upstream: Upstream, hent: Callable[..., Any]):
    upstream.answer = answer
    lag = ("holdeplass", "veg")
    hent(lag=lag)
    asked = len(upstream.asked)
    assert all(isinstance(a, Rows) for a in hent(lag=lag).values())
    assert len(upstream.asked) == asked == 2
    hent(lag=lag, paa_nytt=True)
    assert len(upstream.asked) == 2 * asked


@pytest.mark.parametrize("error", [RuntimeError("hemmelig"), MemoryError(), OSError(28, "full")])
def test_a_surprise_is_the_failure_of_one_layer(
    upstream: Upstream, hent: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, error: Exception
):
    upstream.answer = answer
    real = kontekst.fetch

    def fetch(kommune: Kommune, tema: str, **more: Any) -> Answer:
        if tema == "holdeplass":
            raise error
        return real(kommune, tema, **more)

    monkeypatch.setattr(kontekst, "fetch", fetch)
    answers = hent(lag=("holdeplass", "veg"))
    assert isinstance(answers["veg"], Rows)
    said = answers["holdeplass"]
    assert isinstance(said, Failed)
    assert type(error).__name__ in said.grunn
    assert "hemmelig" not in said.grunn


def test_a_thread_that_ends_leaves_nobody_waiting(
    upstream: Upstream, hent: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    upstream.answer = answer

    def fetch(*_: Any, **__: Any) -> Answer:
        raise SystemExit

    monkeypatch.setattr(kontekst, "fetch", fetch)
    answers = hent(lag=("naturvern", "naturvern_foreslaatt"))
    assert all(isinstance(a, Failed) for a in answers.values())
    assert len(answers) == 2


def test_a_person_who_ends_it_is_not_kept_waiting(upstream: Upstream, hent: Callable[..., Any]):
    upstream.answer = answer

    def framgang(*_: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hent(framgang=framgang)
    assert not [t for t in threading.enumerate() if t.name.startswith("kontekst")]


def test_inhabitants_are_asked_for_after_the_shapes(kommune: Kommune):
    from config.kilder import kilder

    chains = kontekst._chains(list(kontekst_themes()), kommune, kilder())
    chain = next(c for c in chains if "grunnkretstall" in c)
    assert chain.index("grunnkrets") < chain.index("grunnkretstall")
    assert sorted(t for c in chains for t in c) == sorted(kontekst_themes())
    assert [len(c) for c in chains] == sorted((len(c) for c in chains), reverse=True)


def test_no_stops_is_an_answer(upstream: Upstream, hent: Callable[..., Any]):
    upstream.answer = lambda h: h.json({"data": {"stopPlacesByBbox": []}})
    assert isinstance(hent(lag=("holdeplass",))["holdeplass"], Empty)


# --- a host that is down, a run that ends ---

GEONORGE = (
    "marka",
    "flom_faresone",
    "flom_aktsomhet",
    "snoskred_aktsomhet",
    "steinsprang_aktsomhet",
    "jordskred_aktsomhet",
)
"""Layers of one host."""


class Hengende:
    """A server that takes questions and says nothing, for some seconds at most."""

    def __init__(self, heng: Callable[[Handler], bool] = lambda h: True, sekunder: float = 20) -> None:
        self.heng, self.sekunder = heng, sekunder
        self.slipp = threading.Event()
        self.tok = threading.Event()
        self.utholdt = 0

    def __call__(self, handler: Handler) -> None:
        if not self.heng(handler):
            answer(handler)
            return
        self.tok.set()
        if not self.slipp.wait(self.sekunder):
            self.utholdt += 1


@pytest.fixture
def hengende(upstream: Upstream) -> Iterator[Hengende]:
    upstream.answer = server = Hengende()
    yield server
    server.slipp.set()


def test_a_host_that_does_not_answer_is_not_asked_by_each_of_its_layers(
    upstream: Upstream, hengende: Hengende, hent: Callable[..., Any], limits: Limits
):
    short = replace(limits, sekunder_lesing=0.2, sekunder_tilkobling=0.1)
    answers = hent(lag=GEONORGE, limits=short)
    assert all(isinstance(a, Failed) for a in answers.values())
    assert "did not answer in time. Asked 2 times" in answers["marka"].grunn
    assert "did not answer in time. Asked once" in answers["flom_faresone"].grunn
    assert {a.grunn.partition(": ")[2] for tema, a in answers.items() if tema in GEONORGE[2:]} == {
        "the host did not answer a moment ago, and is not asked again. Run again later."
    }
    assert len(upstream.asked) == limits.forsoek + 1


def test_what_a_host_that_is_down_had_serves(
    upstream: Upstream, hengende: Hengende, geodata: Geodata, hent: Callable[..., Any], limits: Limits
):
    keep(geodata, "nve_jordskred", [AREA], navn=["a"])
    answers = hent(lag=GEONORGE, limits=replace(limits, sekunder_lesing=0.1, sekunder_tilkobling=0.1))
    kept = answers["jordskred_aktsomhet"]
    assert isinstance(kept, Rows)
    assert "the host did not answer" in str(kept.reserve)


def test_a_service_that_says_that_it_cannot_leaves_its_host_to_the_others(
    upstream: Upstream, hent: Callable[..., Any], limits: Limits
):
    upstream.answer = lambda h: h.send(b"", status=503)
    answers = hent(lag=GEONORGE)
    assert all("HTTP 503" in a.grunn for a in answers.values())
    assert len(upstream.asked) == limits.forsoek + len(GEONORGE) - 1


def test_all_context_has_an_end(hengende: Hengende, hent: Callable[..., Any]):
    answers = hent(lag=("veg", *GEONORGE), sekunder=0.3)
    assert {type(a) for a in answers.values()} == {Failed}
    assert all("not fetched within 0.3 s" in a.grunn for a in answers.values())
    assert not hengende.utholdt


def test_a_person_who_ends_it_does_not_wait_for_what_hangs(hengende: Hengende, hent: Callable[..., Any]):
    hengende.heng, hengende.sekunder = lambda h: "entur" not in h.path, 5

    def framgang(*_: Any) -> None:
        assert hengende.tok.wait(5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hent(framgang=framgang, lag=("holdeplass", "veg", *GEONORGE))
    assert not hengende.utholdt
    assert not [t for t in threading.enumerate() if t.name.startswith("kontekst")]
