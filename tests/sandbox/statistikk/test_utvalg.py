"""Expressions and refusals of a selection, without a server."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sandbox.statistikk import Feil
from tasks.sandbox.statistikk.tabeller import tabeller
from tasks.sandbox.statistikk.utvalg import AvslagError, Spurt, av_adresse, av_kropp, velg, velg_koder
from tasks.sandbox.statistikk.visning import Visning

AAR = tuple(str(year) for year in range(2009, 2027))
REGIONER = ("0", "0301", "1103", "3020", "3207", "K-3207")


@pytest.mark.parametrize(
    ("spurt", "funnet"),
    [
        (["*"], AAR),
        (["top(2)"], ("2025", "2026")),
        (["TOP(99)"], AAR),
        (["bottom(1)"], ("2009",)),
        (["from(2024)"], ("2024", "2025", "2026")),
        (["to(2010)"], ("2009", "2010")),
        (["range(2019, 2021)"], ("2019", "2020", "2021")),
        (["201?"], tuple(str(year) for year in range(2010, 2020))),
        (["2024", "2010"], ("2010", "2024")),
        (["top(2)", "2026"], ("2025", "2026")),
    ],
)
def test_expressions(spurt: list[str], funnet: tuple[str, ...]) -> None:
    assert velg_koder(spurt, AAR, er_tid=True) == funnet


def test_top_of_other_variables_is_what_stands_first() -> None:
    assert velg_koder(["top(2)"], REGIONER) == ("0", "0301")
    assert velg_koder(["3*"], REGIONER) == ("3020", "3207")
    assert velg_koder(["K-*"], REGIONER) == ("K-3207",)


@pytest.mark.parametrize(
    ("spurt", "title"),
    [
        ("2030", "Non-existent value"),
        ("19*", "Non-existent value"),
        ("range(2030,2031)", "Non-existent value"),
        ("x" * 3_000, "Non-existent value"),
        ("top(0)", "Illegal selection expression"),
        ("top(x)", "Illegal selection expression"),
        ("top(1,2)", "Illegal selection expression"),
        ("range(2020)", "Illegal selection expression"),
        ("range(2021,2020)", "Illegal selection expression"),
        ("range(2020", "Illegal selection expression"),
        ("newest(2)", "Illegal selection expression"),
        ("[2-9]*", "Illegal selection expression"),
    ],
)
def test_refused_expressions(spurt: str, title: str) -> None:
    with pytest.raises(AvslagError) as caught:
        velg_koder([spurt], AAR, er_tid=True)
    assert (caught.value.title, caught.value.status) == (title, 400)


def test_a_code_given_twice_is_an_empty_500() -> None:
    with pytest.raises(AvslagError) as caught:
        velg_koder(["2020", "2021", "2020"], AAR)
    assert (caught.value.title, caught.value.status) == ("", 500)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([*AAR, "*", "top(3)", "from(2020)", "20?0"]), min_size=1, unique=True))
def test_the_answer_is_in_the_tables_order_and_each_code_once(spurt: list[str]) -> None:
    found = velg_koder(spurt, AAR, er_tid=True)
    assert list(found) == sorted(set(found))
    assert {code for code in spurt if code in AAR} <= set(found)


def test_question_of_an_address() -> None:
    asked = av_adresse(
        [
            ("lang", "no"),
            ("valueCodes[Region]", "K-0301,K-1103"),
            ("codelist[Region]", "agg_KommSummer"),
            ("valuecodes[Tid]", "[range(2020,2022)],2010"),
            ("valueCodes[Tid]", "2011"),
            ("outputValues[Region]", "aggregated"),
        ]
    )
    assert asked == {
        "Region": Spurt(("K-0301", "K-1103"), "agg_KommSummer"),
        "Tid": Spurt(("range(2020,2022)", "2010", "2011")),
    }


@pytest.mark.parametrize(
    "kropp",
    [
        b"{",
        b"[]",
        b'{"selection": [1]}',
        b'{"selection": [{}]}',
        b'{"selection": [{"variableCode": "Tid", "valueCodes": "2020"}]}',
        b'{"selection": [{"variableCode": "Tid", "valueCodes": [2020]}]}',
        b'{"selection": [{"variableCode": ["Tid"], "valueCodes": []}]}',
        b'{"selection": [{"variableCode": "Tid", "valueCodes": ["1"], "codelist": 1}]}',
        b"\xff",
        b'{"selection":' + b"[" * 100_000,
    ],
)
def test_bodies_that_are_no_question(kropp: bytes) -> None:
    with pytest.raises(AvslagError) as caught:
        av_kropp(kropp)
    assert caught.value.status == 400


def test_address_and_body_ask_the_same() -> None:
    body = {"selection": [{"variableCode": "Tid", "valueCodes": ["top(1)"]}]}
    assert av_kropp(json.dumps(body).encode()) == av_adresse([("valueCodes[Tid]", "top(1)")])
    assert av_kropp(b"") == av_adresse([]) == {}


BEFOLKNING = {"Region": Spurt(("0301",)), "ContentsCode": Spurt(("Personer1",)), "Tid": Spurt(("2025",))}


@pytest.mark.parametrize(
    ("endret", "title"),
    [
        ({"Kommune": Spurt(("0301",))}, "Non-existent variable"),
        ({"Region": Spurt(("4030x",))}, "Non-existent value"),
        ({"Region": Spurt(("K-0301",))}, "Non-existent value"),
        ({"Region": Spurt(("0301",), "agg_KommSummer")}, "Non-existent value"),
        ({"Region": Spurt(("K-0301",), "agg_Fylker")}, "Non-existent codelist"),
        ({"Kjonn": Spurt(("1",), "agg_KommSummer")}, "Non-existent codelist"),
        ({"ContentsCode": Spurt(())}, "Missing selection for mandantory variable"),
        ({"Tid": Spurt(())}, "Missing selection for mandantory variable"),
        (
            {"Region": Spurt(("*",)), "Alder": Spurt(("*",)), "Tid": Spurt(("*",))},
            "Too many cells selected",
        ),
    ],
)
def test_refused_selections(endret: dict[str, Spurt], title: str) -> None:
    with pytest.raises(AvslagError) as caught:
        velg(Visning(tabeller()["07459"], Feil()), BEFOLKNING | endret)
    assert (caught.value.title, caught.value.status) == (title, 400)


def test_what_is_left_out_and_what_may_not_be() -> None:
    people = Visning(tabeller()["07459"], Feil())
    assert velg(people, BEFOLKNING).dimensjoner == ("Region", "ContentsCode", "Tid")
    without_region = {name: its for name, its in BEFOLKNING.items() if name != "Region"}
    assert velg(people, without_region).dimensjoner == ("ContentsCode", "Tid")
    kostra = Visning(tabeller()["12134"], Feil())
    with pytest.raises(AvslagError, match="mandantory"):
        velg(kostra, {"ContentsCode": Spurt(("*",)), "Tid": Spurt(("*",))})
