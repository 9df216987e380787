"""Neighbouring lots that reach together what none does alone."""

from __future__ import annotations

import doctest
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.registers import load_model
from config.sammenslaaing import Sammenslaaingsregler
from tasks.scoring.tomt import nabolag, samlet
from tasks.scoring.tomt.grupper import Gruppe, Grupperer
from tasks.scoring.tomt.nabolag import Naboer, net, parts
from tasks.scoring.tomt.samlet import merged_shares, union_facts
from tasks.scoring.tomt.sammenslaaing import sammenslaainger
from tasks.tomtekontrakter import KONFLIKTANDELER, SAMMENSLAAINGER, TOMTEFAKTA
from tests.scoring.tomt import sidelots
from tests.scoring.tomt.sidelots import NAN, ident


def rules(*, maks: int = 6) -> Sammenslaaingsregler:
    data = {"avstand_m": 20, "maks_tomter": maks, "byggbar_m2": 5000}
    return load_model(Sammenslaaingsregler, data, "sammenslaaing.toml")


def by_area(fakta: pd.DataFrame, andeler: pd.DataFrame, tomter: pd.DataFrame) -> pd.DataFrame:
    """Score merged lots: a point per 100 m² of ground to build on."""
    assert set(andeler["tomt_id"]) <= set(fakta["tomt_id"]) == set(tomter["tomt_id"])
    score = fakta["byggbar_m2"] / 100
    dwellings = dict.fromkeys(("boliger_lav", "boliger", "boliger_hoy"), fakta["byggbar_m2"] / 250)
    return pd.DataFrame(
        {"tomt_id": fakta["tomt_id"], "score": score, "hoyest": score, "nivaa": "B", **dwellings, "hvorfor": "Kortet."}
    )


def offered(
    *lots: dict, foer: pd.DataFrame | None = None, regler: Sammenslaaingsregler | None = None, shares=(), poeng=by_area
):
    found = sammenslaainger(
        sidelots.tomter(*lots),
        sidelots.fakta(*lots),
        sidelots.andeler(*shares),
        sidelots.scorer(*lots),
        foer=foer,
        poeng=poeng,
        regler=regler or rules(),
        kommunenummer="3207",
    )
    SAMMENSLAAINGER.check(found)
    return found


def ids(frame: pd.DataFrame) -> list[list[str]]:
    return [lots for lots, state in zip(frame["tomt_ider"], frame["tilstand"], strict=True) if state == "aktiv"]


INF = float("inf")
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


def test_another_profile_shows_the_same_assemblies_with_other_scores():
    def harsh(fakta, andeler, tomter):
        return by_area(fakta, andeler, tomter).assign(score=1.0, hoyest=2.0, nivaa="D")

    row = [{"nr": n, "x": 50 * n, "score": 59.0} for n in range(1, 9)]
    mild, strict = offered(*row), offered(*({**lot, "score": 3.0} for lot in row), poeng=harsh)
    moved = ["score", "hoyest", "nivaa", "beste_tomt_score", "hvorfor"]
    pd.testing.assert_frame_equal(pd.DataFrame(mild.drop(columns=moved)), pd.DataFrame(strict.drop(columns=moved)))
    assert (mild["score"] > strict["score"]).all()


def chain(*nrs: int, gap: int = 0) -> list[dict]:
    return [{"nr": n, "x": 50 * n, **({"omraade": f"3207-O{n:05d}"} if gap == n else {})} for n in nrs]


def by_id(frame: pd.DataFrame) -> dict[str, list[int]]:
    living = frame[frame["tilstand"] == "aktiv"]
    return {
        name[-2:]: [int(lot[-6:]) for lot in lots]
        for name, lots in zip(living["sammenslaaing_id"], living["tomt_ider"], strict=True)
    }


def test_who_goes_together_stays_together_when_a_lot_of_the_row_is_gone_and_when_it_is_back():
    first = offered(*chain(*range(1, 21)))
    assert by_id(first) == {"01": [*range(1, 7)], "07": [*range(7, 13)], "13": [*range(13, 19)], "19": [19, 20]}
    less = offered(*chain(*range(2, 21)), foer=first)
    assert by_id(less) == {**by_id(first), "01": [*range(2, 7)]}
    assert by_id(offered(*chain(*range(1, 21)), foer=less)) == by_id(first)
    parted = offered(*chain(*range(1, 21), gap=9), foer=first)  # 9 is of another område: 7, 8 | 10, 11, 12
    assert by_id(parted) == {**by_id(first), "07": [10, 11, 12], "08": [7, 8]}


def test_a_new_lot_joins_whom_it_lies_beside_and_moves_nobody():
    first = offered(*chain(2, 3, 5, 6))
    assert by_id(first) == {"02": [2, 3], "05": [5, 6]}
    assert by_id(offered(*chain(1, 2, 3, 4, 5, 6), foer=first)) == {"02": [1, 2, 3, 4], "05": [5, 6]}


def test_those_that_no_longer_reach_are_no_more_and_their_lots_are_free():
    first = offered(*chain(1, 2, 3, 4), regler=rules(maks=2))
    assert by_id(first) == {"01": [1, 2], "03": [3, 4]}
    left = offered(*chain(1, 2, 3), foer=first)
    assert by_id(left) == {"01": [1, 2, 3]}
    assert dict(zip(left["sammenslaaing_id"], left["tilstand"], strict=True))["3207-S000003"] == "borte"


def test_an_id_is_of_one_land_alone():
    first = offered(*chain(2, 3, 4))
    without = offered(*chain(3, 4, 7), foer=first)
    assert by_id(without) == {"02": [3, 4]}  # called by a lot that is gone
    both = offered(*chain(3, 4), {"nr": 2, "x": 900}, {"nr": 5, "x": 950}, foer=without)
    assert by_id(both) == {"02": [3, 4], "05": [2, 5]}  # lot 2 is back elsewhere, and its id is another's
    gone = offered(*chain(7), foer=without)
    assert by_id(gone) == {}
    assert by_id(offered({"nr": 2, "x": 900}, {"nr": 5, "x": 950}, foer=gone)) == {"05": [2, 5]}
    assert by_id(offered(*chain(3, 4), foer=gone)) == {"03": [3, 4]}
    assert by_id(offered(*chain(2, 3), foer=gone)) == {"02": [2, 3]}
    foer = offered(*chain(2, 3, 4, 5, 6))
    foer = offered(*chain(4, 5, 6), foer=foer).assign(tomt_ider=[[ident(4), ident(5), ident(6)]])
    more = pd.concat([foer, foer.assign(sammenslaaing_id="3207-S000003", tomt_ider=[[ident(8), ident(9)]])])
    taken = offered(*chain(4, 5, 6, 8, 9), {"nr": 2, "x": 900}, {"nr": 3, "x": 950}, foer=more)
    assert by_id(taken) == {"02": [4, 5, 6], "03": [8, 9], "10": [2, 3]}  # no id of theirs is free


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


def test_what_a_group_that_does_not_reach_leaves_goes_to_one_with_room():
    row = {k: [(0.0, near) for near in (k - 1, k + 1) if 0 <= near < 5] for k in range(5)}
    one = Grupperer({"område": row}, np.array([3.0, 3, 3, 6, 6]), grense=10, maks=3)  # 0, 1, 2 do not reach
    found = one.grupper([])
    assert [group.lots for group in found] == [(2, 3, 4)]
    assert one.grupper([replace(found[0], ident="S")])[0].lots == (2, 3, 4)


@st.composite
def neighbourhoods(draw):
    count = draw(st.integers(2, 9))
    place = st.integers(0, count - 1)
    both = {(a, b): d for a, b, d in draw(st.lists(st.tuples(place, place, st.floats(0, 20)), max_size=24)) if a != b}
    both = sorted({**{(b, a): d for (a, b), d in both.items()}, **both}.items())
    fra, til = (np.array([pair[k] for pair, _ in both], dtype=np.intp) for k in (0, 1))
    naboer = Naboer(fra, til, np.array([d for _, d in both], dtype=float))
    takes_part = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    marks = st.lists(st.sampled_from(["m", "n", None]), min_size=count, max_size=count)
    nett = {word: net(naboer, draw(marks), er_med=takes_part) for word in ("område", "eier")}
    ground = np.array(draw(st.lists(st.integers(0, 9), min_size=count, max_size=count)), dtype=float)
    old = draw(st.lists(st.tuples(st.sampled_from(["område", "eier"]), st.sets(place, max_size=5)), max_size=3))
    foer = [Gruppe(word, tuple(sorted(lots)), f"S{k}") for k, (word, lots) in enumerate(old)]
    return Grupperer(nett, ground, grense=10, maks=draw(st.integers(2, 5))), foer


@given(neighbourhoods())
def test_groups_hang_together_are_bounded_reach_and_never_share_a_lot_and_stay(drawn):
    one, foer = drawn
    found = one.grupper(foer)
    every = [lot for group in found for lot in group.lots]
    assert len(every) == len(set(every))
    for group in found:
        assert 2 <= len(group.lots) <= one.maks
        assert parts(group.lots, one.nett[group.grunnlag], maks=one.maks) == [list(group.lots)]
        assert one.verdi[list(group.lots)].sum() >= one.grense
    again = one.grupper([replace(group, ident=group.ident or f"N{k}") for k, group in enumerate(found)])
    assert [(group.grunnlag, group.lots) for group in again] == [(group.grunnlag, group.lots) for group in found]
    kept, before = {group.ident: group for group in found}, set()
    for old in foer:  # one that is as it was goes on with every lot, whoever else there is
        is_whole = 2 <= len(old.lots) <= one.maks and before.isdisjoint(old.lots)
        is_whole &= parts(old.lots, one.nett[old.grunnlag], maks=one.maks) == [list(old.lots)]
        if is_whole and one.verdi[list(old.lots)].sum() >= one.grense:
            assert set(old.lots) <= set(kept[old.ident].lots)
        before |= set(old.lots)


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
    fakta = fakta.assign(ukjente_tema=[["flom"], ["stoy_veg", "flom"]], fri_m2=[1500.0, 0.0])
    frame = fakta.assign(gruppe="g", matrikkelenheter=[["a"], ["b"]])
    made = union_facts(frame)
    TOMTEFAKTA.check(made)
    row = made.iloc[0]
    assert (row["tomt_id"], row["areal_m2"], row["byggbar_m2"], row["fri_m2"]) == ("g", 5000, 5000, 1500)
    assert (row["tettsted_m"], row["tettsted_navn"], row["veg_m"], row["vegkategori"]) == (300, "Ski", 5, "F")
    assert (row["skole_m"], row["befolkning_1km"], row["tetthet_per_km2"]) == (40, 900, 70)
    assert (row["antall_eiere"], row["eierslag"], row["ukjente_tema"]) == (5, "blandet", ["flom", "stoy_veg"])
    same = union_facts(frame.assign(matrikkelenheter=[["a"], ["a"]], antall_eiere=2.0)).iloc[0]
    assert same["antall_eiere"] == 2
    unknown = union_facts(
        frame.assign(byggbar_m2=[NAN, 1.0], fri_m2=[1.0, NAN], eierslag=[None, "privat"], antall_eiere=[NAN, 1.0])
    )
    assert np.isnan(unknown.loc[0, ["byggbar_m2", "fri_m2", "antall_eiere"]].astype(float)).all()
    assert unknown["eierslag"].iloc[0] is None


ROAD, LINE = "langs veg", "luftlinje"


@pytest.mark.parametrize(
    ("methods", "school", "shop", "wanted"),
    [
        ((ROAD, ROAD), (400.0, 900.0), (900.0, 400.0), ROAD),
        ((ROAD, LINE), (400.0, 900.0), (900.0, 400.0), LINE),  # the shop's is a straight line
        ((ROAD, None), (400.0, 900.0), (900.0, 400.0), LINE),
        ((ROAD, LINE), (400.0, 900.0), (400.0, 900.0), ROAD),  # none of the second lot's distances is used
        ((LINE, ROAD), (400.0, 900.0), (400.0, 900.0), LINE),
        ((ROAD, LINE), (400.0, 900.0), (INF, INF), ROAD),
    ],
)
def test_distances_of_a_union_are_along_the_road_where_each_of_them_is(methods, school, shop, wanted):
    lots = zip(methods, school, shop, (3000.0, 2900.0), strict=True)
    fakta = sidelots.fakta(
        *(
            {"nr": nr, "avstand_metode": way, "skole_m": a, "dagligvare_m": b, "m2": m2}
            for nr, (way, a, b, m2) in enumerate(lots)
        )
    )
    made = union_facts(fakta.assign(gruppe="g", matrikkelenheter=[["a"], ["b"]])).iloc[0]
    assert (made["avstand_metode"], made["skole_m"], made["dagligvare_m"]) == (wanted, min(school), min(shop))


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
