"""Neighbouring lots that reach together what none does alone."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.registers import load_model
from config.sammenslaaing import Sammenslaaingsregler
from tasks.scoring.tomt import nabolag, samlet
from tasks.scoring.tomt.nabolag import Naboer, groups
from tasks.scoring.tomt.samlet import merged_shares, union_facts
from tasks.scoring.tomt.sammenslaaing import sammenslaainger
from tasks.tomtekontrakter import KONFLIKTANDELER, SAMMENSLAAINGER, TOMTEFAKTA
from tests.scoring.tomt import sidelots
from tests.scoring.tomt.sidelots import NAN, ident


def rules(*, maks: int = 6, **terskel: float) -> Sammenslaaingsregler:
    data = {"avstand_m": 20, "maks_tomter": maks, "terskel": terskel or {"byggbar_m2": 5000}}
    return load_model(Sammenslaaingsregler, data, "sammenslaaing.toml")


def by_area(fakta: pd.DataFrame, andeler: pd.DataFrame, tomter: pd.DataFrame) -> pd.DataFrame:
    """Score merged lots: a point per 100 m² of ground to build on."""
    assert set(andeler["tomt_id"]) <= set(fakta["tomt_id"]) == set(tomter["tomt_id"])
    score = fakta["byggbar_m2"] / 100
    dwellings = dict.fromkeys(("boliger_lav", "boliger", "boliger_hoy"), fakta["byggbar_m2"] / 250)
    return pd.DataFrame(
        {"tomt_id": fakta["tomt_id"], "score": score, "hoyest": score, "nivaa": "B", **dwellings, "hvorfor": "Kortet."}
    )


def offered(*lots: dict, foer: pd.DataFrame | None = None, regler: Sammenslaaingsregler | None = None, shares=()):
    found = sammenslaainger(
        sidelots.tomter(*lots),
        sidelots.fakta(*lots),
        sidelots.andeler(*shares),
        sidelots.scorer(*lots),
        foer=foer,
        poeng=by_area,
        regler=regler or rules(),
        kommunenummer="3207",
    )
    SAMMENSLAAINGER.check(found)
    return found


def ids(frame: pd.DataFrame) -> list[list[str]]:
    return [lots for lots, state in zip(frame["tomt_ider"], frame["tilstand"], strict=True) if state == "aktiv"]


TWO = ({"nr": 1, "x": 0}, {"nr": 2, "x": 50, "score": 41.5})


def test_two_lots_side_by_side_reach_together_what_none_does():
    row = offered(*TWO).iloc[0]
    assert (row["sammenslaaing_id"], row["grunnlag"], row["omraade_id"]) == ("3207-S000001", "område", "3207-O00001")
    assert (row["tomt_ider"], row["areal_m2"], row["byggbar_m2"]) == ([ident(1), ident(2)], 6000, 6000)
    assert (row["score"], row["beste_tomt_score"], row["boliger"], row["tilstand"]) == (60, 41.5, 24, "aktiv")
    assert row["geometry"].area == pytest.approx(6000)
    assert row["geometry"].contains(sidelots.gpd.points_from_xy([row["ost_25833"]], [row["nord_25833"]])[0])
    text = row["hvorfor"]
    assert "2 nabotomter i område 3207-O00001: 3207-000001, 3207-000002. Til sammen 6 daa byggbart; " in text
    assert "ingen av dem når 5 daa byggbart alene. Score 60,0, den beste alene 41,5." in text
    assert text.endswith("Kortet.")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"x": 75}, "25 m apart"),
        ({"omraade": "3207-O00002"}, "in another område"),
        ({"stoppet": True}, "stopped"),
        ({"tilstand": "borte"}, "gone"),
        ({"byggbar": 1900.0}, "4,900 m² together"),
        ({"byggbar": NAN}, "nobody knows its core"),
        ({"m2": 5100.0}, "passes alone"),
    ],
)
def test_what_is_not_offered(change, why):
    assert not len(offered(TWO[0], {**TWO[1], **change})), why


def test_a_road_between_two_lots_does_not_part_them():
    assert ids(offered(TWO[0], {"nr": 2, "x": 70})) == [[ident(1), ident(2)]]


def test_owners_are_the_same_by_all_their_matrikkelenheter_and_by_them_alone():
    apart = [{"nr": 1, "x": 0, "enheter": ["a", "b"]}, {"nr": 2, "x": 50, "omraade": "3207-O00002", "enheter": ["a"]}]
    assert not len(offered(*apart))
    same = offered(apart[0], {**apart[1], "enheter": ["b", "a"]})
    assert (same["grunnlag"].tolist(), same["omraade_id"].tolist()) == (["eier"], [None])
    assert "på de samme matrikkelenhetene" in same["hvorfor"].iloc[0]
    assert not len(offered(*({**lot, "enheter": []} for lot in apart)))
    assert not len(offered(*({**lot, "eierslag": "privat", "antall_eiere": 1.0} for lot in apart)))


def test_what_the_kommune_alone_owns_is_one_owner():
    lots = [
        {"nr": n, "x": 50 * n, "omraade": f"3207-O{n:05d}", "kommunal": "eier", "antall_eiere": 1.0} for n in (1, 2)
    ]
    found = offered(*lots)
    assert "2 nabotomter som kommunen eier" in found["hvorfor"].iloc[0]
    assert not len(offered(lots[0], {**lots[1], "antall_eiere": 2.0}))


def test_a_lot_is_in_one_assembly_and_the_omraade_goes_first():
    lots = [
        {"nr": 1, "x": 0},
        {"nr": 2, "x": 50, "enheter": ["a"]},
        {"nr": 3, "x": 100, "enheter": ["a"], "omraade": "3207-O00002"},
    ]
    assert ids(offered(*lots)) == [[ident(1), ident(2)]]


def test_a_score_that_only_the_union_has_is_a_reason_too():
    small = [{"nr": n, "x": 40 * (n - 1), "m2": 2400.0, "score": 55.0} for n in (1, 2)]
    assert not len(offered(*small))
    found = offered(*small, regler=rules(byggbar_m2=5000, score=45))
    assert not len(found)  # each has 55 alone
    low = [{**lot, "score": 30.0} for lot in small]
    found = offered(*low, regler=rules(byggbar_m2=5000, score=45))
    assert "Til sammen 48 poeng; ingen av dem når 45 poeng alene" in found["hvorfor"].iloc[0]


def test_an_assembly_keeps_its_id_as_long_as_its_lot_is_in_it():
    first = offered({"nr": 2, "x": 0}, {"nr": 3, "x": 50})
    assert first["sammenslaaing_id"].tolist() == ["3207-S000002"]
    grown = offered({"nr": 2, "x": 0}, {"nr": 3, "x": 50}, {"nr": 1, "x": -50}, foer=first)
    assert grown["sammenslaaing_id"].tolist() == ["3207-S000002"]
    left = offered({"nr": 3, "x": 50}, {"nr": 1, "x": 0}, foer=grown)
    assert dict(zip(left["sammenslaaing_id"], left["tilstand"], strict=True)) == {
        "3207-S000001": "aktiv",
        "3207-S000002": "borte",
    }
    back = offered({"nr": 2, "x": 0}, {"nr": 3, "x": 50}, foer=left)
    assert dict(zip(back["sammenslaaing_id"], back["tilstand"], strict=True)) == {
        "3207-S000001": "borte",
        "3207-S000002": "aktiv",
    }


def test_nothing_left_leaves_the_old_ones_as_gone_with_what_they_were():
    first = offered(*TWO)
    gone = offered(TWO[0], foer=first)
    assert (gone["tilstand"].tolist(), gone["areal_m2"].tolist()) == (["borte"], [6000])
    assert len(offered(TWO[0], foer=gone)) == 1


def test_the_same_lots_in_another_order_give_the_same_assemblies():
    lots = [{"nr": n, "x": 25 * n, "m2": 1500.0} for n in range(1, 12)]
    pd.testing.assert_frame_equal(
        pd.DataFrame(offered(*lots)), pd.DataFrame(offered(*reversed(lots))), check_exact=True
    )


def test_a_long_row_is_split_from_its_lowest_lot_on():
    lots = [{"nr": n, "x": 50 * n} for n in range(1, 8)]
    assert ids(offered(*lots, regler=rules(maks=3))) == [
        [ident(1), ident(2), ident(3)],
        [ident(4), ident(5), ident(6)],
    ]


@given(
    st.integers(2, 12).flatmap(
        lambda n: st.tuples(
            st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.floats(0, 20)), max_size=30)
        )
    ),
    st.integers(2, 5),
)
def test_groups_hang_together_are_bounded_and_never_share_a_lot(drawn, maks):
    count, edges = drawn
    both = sorted({(a, b): d for a, b, d in edges if a != b}.items())
    both = sorted({**{(b, a): d for (a, b), d in both}, **dict(both)}.items())
    fra, til = (np.array([pair[k] for pair, _ in both], dtype=np.intp) for k in (0, 1))
    naboer = Naboer(fra, til, np.array([d for _, d in both], dtype=float))
    found = groups(naboer, ["m"] * count, er_med=np.ones(count, dtype=bool), maks=maks)
    every = [lot for group in found for lot in group]
    assert len(every) == len(set(every))
    for group in found:
        assert 2 <= len(group) <= maks
        seen = {group[0]}
        while more := {b for a, b in zip(fra, til, strict=True) if a in seen and b in group} - seen:
            seen |= more
        assert seen == set(group)


def test_the_facts_of_a_union():
    lots = (
        {"nr": 1, "x": 0, "m2": 2000.0, "tettsted_m": 300.0, "tettsted_navn": "Ski", "veg_m": 80.0, "vegkategori": "K"},
        {"nr": 2, "x": 50, "m2": 3000.0, "tettsted_m": 900.0, "tettsted_navn": "Ås", "veg_m": 5.0, "vegkategori": "F"},
    )
    more = (
        {"skole_m": NAN, "befolkning_1km": 900.0, "tetthet_per_km2": 50.0, "antall_eiere": 2.0, "eierslag": "privat"},
        {"skole_m": 40.0, "befolkning_1km": 700.0, "tetthet_per_km2": 70.0, "antall_eiere": 3.0, "eierslag": "selskap"},
    )
    fakta = sidelots.fakta(*({**a, **b} for a, b in zip(lots, more, strict=True)))
    fakta["ukjente_tema"] = [["flom"], ["stoy_veg", "flom"]]
    frame = fakta.assign(gruppe="g", matrikkelenheter=[["a"], ["b"]])
    made = union_facts(frame)
    TOMTEFAKTA.check(made)
    row = made.iloc[0]
    assert (row["tomt_id"], row["areal_m2"], row["byggbar_m2"]) == ("g", 5000, 5000)
    assert (row["tettsted_m"], row["tettsted_navn"], row["veg_m"], row["vegkategori"]) == (300, "Ski", 5, "F")
    assert (row["skole_m"], row["befolkning_1km"], row["tetthet_per_km2"]) == (40, 900, 70)
    assert (row["antall_eiere"], row["eierslag"], row["ukjente_tema"]) == (5, "blandet", ["flom", "stoy_veg"])
    same = union_facts(frame.assign(matrikkelenheter=[["a"], ["a"]], antall_eiere=2.0)).iloc[0]
    assert same["antall_eiere"] == 2
    unknown = union_facts(frame.assign(byggbar_m2=[NAN, 1.0], eierslag=[None, "privat"], antall_eiere=[NAN, 1.0]))
    assert np.isnan(unknown.loc[0, ["byggbar_m2", "antall_eiere"]].astype(float)).all()
    assert unknown["eierslag"].iloc[0] is None


@pytest.mark.parametrize(
    ("words", "whole"),
    [
        (["eier", "eier"], "eier"),
        (["eier", "nei"], "tegn"),
        (["tegn", "ukjent"], "tegn"),
        (["nei", "nei"], "nei"),
        (["nei", "ukjent"], "ukjent"),
    ],
)
def test_a_union_is_municipal_where_all_of_it_is(words, whole):
    fakta = sidelots.fakta(*TWO).assign(kommunal=words, gruppe="g", matrikkelenheter=[["a"], ["b"]])
    assert union_facts(fakta)["kommunal"].tolist() == [whole]


def test_conflicts_of_a_union_weigh_by_area_and_core():
    lots = sidelots.fakta({"nr": 1, "m2": 1000.0, "byggbar": 500.0}, {"nr": 2, "m2": 3000.0, "byggbar": 0.0})
    shares = sidelots.andeler(
        (1, "flom", "hard", 0.8, 0.4), (2, "flom", "hard", 0.4, NAN), (2, "jord", "myk", 0.2, NAN)
    )
    made = merged_shares(shares, lots.assign(gruppe="g")).set_index("tema")
    KONFLIKTANDELER.check(made.reset_index()[list(KONFLIKTANDELER.columns)])
    assert made.loc["flom", "andel"] == pytest.approx((800 + 1200) / 4000)
    assert made.loc["flom", "andel_kjerne"] == pytest.approx(0.4)
    assert made.loc["flom", "navn"] == "ved 2"
    assert made.loc["jord", "andel"] == pytest.approx(600 / 4000)
    assert not len(merged_shares(sidelots.andeler(), lots.assign(gruppe="g")))


def test_no_lots_give_no_assemblies():
    assert not len(offered(TWO[0]))


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(nabolag).failed == doctest.testmod(samlet).failed == 0
