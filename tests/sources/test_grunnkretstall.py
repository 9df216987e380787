"""Inhabitants of the grunnkretser: which are asked for, SSB's marks, and tables that are another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import shapely

from config.registers import Kommune
from tasks.answer import Rows
from tasks.sources import grunnkretstall
from tasks.sources.fetch import fetch
from tasks.sources.limits import Limits
from tasks.store import Geodata

from .asking import Asking
from .conftest import Env, Handler, Upstream
from .snapshot import keep
from .statistikk.pxbord import Bord


class Kretsbord(Bord):
    """Table 04317: a cell's figure is its place, but for those that `merker` names."""

    def __init__(self, **variabler: list[str]) -> None:
        super().__init__(
            variabler={
                "Grunnkretser": ["00990101", "00990102", "00990103", "0099", "12340101", "12340102"],
                "ContentsCode": ["Bosatte"],
                "Tid": ["2023", "2025", "2024"],
            }
            | variabler,
            kan_utelates=(),
        )
        self.merker: dict[str, str] = {}

    def dataset(self, chosen: dict[str, list[str]], *, is_metadata: bool = False) -> dict[str, Any]:
        answer = super().dataset(chosen, is_metadata=is_metadata)
        if not is_metadata:
            for place, code in enumerate(chosen["Grunnkretser"]):
                if code in self.merker:
                    answer["value"][place] = None
                    answer.setdefault("status", {})[str(place)] = self.merker[code]
        return answer

    def __call__(self, handler: Handler) -> None:
        handler.path = handler.path.replace("/ssb/api/pxwebapi/v2", "").replace("04317", "06913")
        super().__call__(handler)


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    made = tmp_path / "geodata" / "innboks" / "0099"
    made.mkdir(parents=True)
    return made


@pytest.fixture
def ask(upstream: Upstream, kommune: Kommune, limits: Limits, inbox: Path) -> Callable[..., Any]:
    lag = {"Grunnkretstall": "Grunnkretser"}
    asking = Asking(
        grunnkretstall.read, upstream.url, protokoll="pxweb", tema="grunnkretstall", lag=lag, datasett="04317"
    )
    return lambda *, fails=False, **more: (asking.fails if fails else asking)(kommune, limits, inbox, **more)


def test_the_newest_year_of_the_kommunes_own(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = bord = Kretsbord()
    bord.merker = {"00990102": ".", "00990103": ":"}
    rows = ask().set_index("grunnkretsnummer")
    assert list(rows.index) == ["00990101", "00990103"]  # "." is a grunnkrets of another year
    assert rows.loc["00990101", ["folketall", "aar", "navn"]].tolist() == ["0", "2025", "Grunnkretser 00990101"]
    assert rows.loc["00990103", "folketall"] is None  # not told
    assert rows.geometry.isna().all()
    assert len(upstream.asked) == 2


NABO: dict[str, Any] = {"objekttypenavn": ["Grunnkrets"], "app.grunnkretsnummer": ["12340102"]}


def test_neighbours_that_the_layer_of_shapes_reaches_are_asked_for_too(
    upstream: Upstream, ask: Callable[..., Any], inbox: Path, tmp_path: Path
):
    keep(Geodata(inbox.parents[1]), "ssb_grunnkretser", [shapely.box(0, 0, 1, 1)], **NABO)
    upstream.answer = Kretsbord()
    assert list(ask()["grunnkretsnummer"]) == ["00990101", "00990102", "00990103", "12340102"]


def test_neighbours_that_are_known_later_are_asked_for_at_once(env: Env):
    upstream, settings, geodata, kommune, limits = env
    upstream.answer = Kretsbord()

    def fetched() -> int:
        answer = fetch(kommune, "grunnkretstall", settings=settings, geodata=geodata, limits=limits)
        assert isinstance(answer, Rows), answer
        return answer.antall

    assert fetched() == 3  # the shapes were not to be had that night
    keep(geodata, "ssb_grunnkretser", [shapely.box(0, 0, 1, 1)], **NABO)
    assert fetched() == 4
    asked = len(upstream.asked)
    assert fetched() == 4
    assert len(upstream.asked) == asked


def test_a_kommune_that_the_table_has_not_is_no_rows(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = Kretsbord(Grunnkretser=["12340101"])
    assert not len(ask())
    assert len(upstream.asked) == 1


def test_what_is_on_disk_is_not_asked_for_again(upstream: Upstream, ask: Callable[..., Any]):
    upstream.answer = Kretsbord()
    pd.testing.assert_frame_equal(ask(), ask())
    assert len(upstream.asked) == 2


@pytest.mark.parametrize(
    ("variabler", "said"),
    [
        ({"Region": ["0099"], "Grunnkretser": []}, "no usable codes|00990101|Region"),
        ({"ContentsCode": ["Alder", "Kjonn"]}, "0 of 2 figures are inhabitants"),
    ],
)
def test_a_table_that_is_another(upstream: Upstream, ask: Callable[..., Any], variabler: Any, said: str):
    bord = Kretsbord(**variabler)
    if not variabler.get("Grunnkretser", True):
        del bord.variabler["Grunnkretser"]
        said = "no variable 'Grunnkretser'"
    upstream.answer = bord
    with pytest.raises(Exception, match=said) as caught:
        ask()
    assert "config/kontekst.toml" in str(caught.value)
