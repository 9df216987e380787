"""The ranking: sums by hand, ties, invented kommuner apart, what is written and what is not, and what always holds."""

from __future__ import annotations

import random
from datetime import date

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.kommunekontrakter import INDIKATORER, KOMMUNEFAKTORER, KOMMUNEHISTORIKK, KOMMUNESCORER, NORGE
from tasks.scoring.kommune.feil import RankingError
from tasks.scoring.kommune.poeng import score_factors
from tasks.scoring.kommune.rangering import evaluate, rank, rank_profile
from tasks.store import Geodata
from tests.scoring.kommune.haandregnet import (
    FULL,
    GROWTH,
    NOTHING,
    SHORT,
    SOCIAL,
    heavier,
    indicators,
    kommune,
    rules,
    without,
)

DAY = date(2026, 3, 3)


def evaluated(of, *, profil=SOCIAL, invented=(), frame=None, **changes):
    chosen = [kommune(n, oppdiktet=n in invented) for n in of]
    return evaluate(
        indicators(of) if frame is None else frame,
        profil,
        kommuner=chosen,
        regler=rules(**changes),
        dato=DAY,
        per_aar=2026,
    )


def scored(of, **more):
    scorer = evaluated(of, **more).scorer
    KOMMUNESCORER.check(scorer)
    return scorer.set_index("kommunenummer")


# --- worked by hand -------------------------------------------------------------------------------------------

# 10 + 20 + 15 + 10 + 15 + 10 + 10 + 10 of 100
ALL = FULL
# on the bound of the first step everywhere: 7 + 15 + 10 + 7 + 10 + 7, price and building 0: 56
FIRST_BOUND = {
    "vekst": -2,
    "boutgift": 35,
    "inntekt": 0.90,
    "ledighet": 1.2,
    "ap": 35,
    "venstre": 60,
    "partier": 3.5,
    "pris": 80,
    "bygging": 0.8,
}
# on that of the second: 5 + 10 + 0 + 0 + 0 (25 is not over 25, 50 no majority) + 4 + 0 + 10 (0.79): 29
SECOND_BOUND = {
    "vekst": -1,
    "boutgift": 30,
    "inntekt": 0.95,
    "ledighet": 1.0,
    "ap": 25,
    "venstre": 50,
    "partier": 4.5,
    "pris": 120,
    "bygging": 0.79,
}
# no price, and no unemployment, for which employment stands in: 7 + – (20) + 10 + 7 (1.05) + 8 (Labour 20, left 52)
# + 7 + – (10) + 10: 49 of 100; high 49 + 20 + 10 = 79; 70 of 100 known.
# Areas: 7 of 30; 17 of 25; 15 of 25; 10 of 20.
NO_PRICE = {
    "vekst": -1.5,
    "inntekt": 0.93,
    "utenfor": 1.05,
    "ap": 20,
    "venstre": 52,
    "partier": 4.0,
    "bygging": 0.5,
}
# local lists only: 0 + 15 (31) + 0 + 10 + – (15) + 10 (2 parties) + 10 (81) + 0: 45; high 60; 85 known
LOCAL_LISTS = {
    "vekst": 3,
    "boutgift": 31,
    "inntekt": 1.0,
    "ledighet": 1.3,
    "partier": 2,
    "pris": 81,
    "bygging": 1.1,
}
# 70 exactly, tier 1: 10 + 20 + 15 + 0 + 15 + 0 + 10 + 0
ON_THE_TIER = NOTHING | {"vekst": -3, "boutgift": 40, "inntekt": 0.8, "ap": 45, "pris": 90}


WORKED = {
    # score, high, coverage, tier
    "all": (ALL, 100, 100, 1.0, 1),
    "first bound": (FIRST_BOUND, 56, 56, 1.0, 2),
    "second bound": (SECOND_BOUND, 29, 29, 1.0, 3),
    "no price": (NO_PRICE, 49, 79, 0.7, 2),
    "local lists": (LOCAL_LISTS, 45, 60, 0.85, 2),
    "on the tier": (ON_THE_TIER, 70, 70, 1.0, 1),
    "nothing": (NOTHING, 0, 0, 1.0, 3),
    "unknown": ({}, 0, 100, 0.0, 3),
}
NUMBER = {name: f"{k + 1:04d}" for k, name in enumerate(WORKED)}


@pytest.fixture(scope="module")
def worked():
    return scored({NUMBER[name]: measured for name, (measured, *_) in WORKED.items()})


@pytest.mark.parametrize("name", WORKED)
def test_scores_worked_by_hand(worked, name):
    _, score, high, coverage, tier = WORKED[name]
    row = worked.loc[NUMBER[name]]
    assert (row["score"], row["score_hoy"], row["nivaa"]) == (score, high, tier)
    assert row["dekning"] == pytest.approx(coverage)


def test_the_ranking_worked_by_hand(worked):
    order = ["all", "on the tier", "first bound", "no price", "local lists", "second bound", "unknown", "nothing"]
    assert list(worked.index) == [NUMBER[name] for name in order]


def test_areas_are_shares_of_what_the_area_can_give(worked):
    row = worked.loc[NUMBER["no price"]]
    areas = [row[f"score_{o}"] for o in ("demografi", "okonomi", "politikk", "eiendom")]
    assert areas == pytest.approx([100 * 7 / 30, 100 * 17 / 25, 100 * 15 / 25, 100 * 10 / 20])


def test_an_area_that_the_profile_lacks_has_no_score():
    row = scored({"0301": {"vekst": 5}}, profil=GROWTH).loc["0301"]
    assert row["score"] == pytest.approx(15)
    assert row["score_demografi"] == pytest.approx(100 * 15 / 45)
    assert pd.isna(row["score_politikk"])


def test_a_tie_goes_to_the_higher_possible_score_then_to_the_larger_then_to_the_lower_number():
    table = scored(
        {
            "0001": NOTHING | {"folk": 100},
            "0002": NOTHING | {"folk": 900},
            "0003": without(NOTHING, "pris") | {"folk": 1},  # the same score, but 10 more are possible
            "0004": NOTHING,  # of unknown size
            "0005": NOTHING | {"folk": 100},
            "0006": FULL,
        }
    )
    assert list(table.index) == ["0006", "0003", "0002", "0001", "0005", "0004"]
    assert table["rang"].tolist() == [1, 2, 3, 4, 5, 6]
    assert table["er_topp"].tolist() == [True, True, False, False, False, False]


def test_percentiles_count_ties_half():
    table = scored({"0001": FULL, "0002": NOTHING, "0003": NOTHING, "0004": ON_THE_TIER})
    assert table["persentil"].to_dict() == {"0001": 87.5, "0004": 62.5, "0002": 25.0, "0003": 25.0}


def test_invented_kommuner_are_ranked_apart_and_told_where_they_would_stand():
    of = {"0301": FULL, "3207": SECOND_BOUND, "3218": NOTHING, "7001": ON_THE_TIER, "7002": NOTHING | {"folk": 5}}
    table = scored(of, invented=("7001", "7002"))
    assert table["rang"].to_dict() == {"0301": 1, "3207": 2, "3218": 3, "7001": 1, "7002": 2}
    assert list(table.index) == ["0301", "3207", "3218", "7001", "7002"]
    assert table["er_topp"].to_dict() == {"0301": True, "3207": True, "3218": False, "7001": True, "7002": False}
    assert table["robusthet"].to_dict() == {"0301": 1, "3207": 1, "3218": 0, "7001": 1, "7002": 0}
    assert table.loc["7001", "persentil"] == pytest.approx(100 * 2 / 3)
    alone = scored({n: of[n] for n in ("0301", "3207", "3218")})
    pd.testing.assert_frame_equal(table.loc[list(alone.index)], alone)


def test_invented_kommuner_alone_are_ranked_against_each_other():
    table = scored({"7001": FULL, "7002": NOTHING, "0099": ON_THE_TIER}, invented=("7001", "7002", "0099"))
    assert table["rang"].to_dict() == {"7001": 1, "0099": 2, "7002": 3}
    assert table["er_topp"].tolist() == [True, True, False]


def test_invented_figures_mark_the_row():
    frame = indicators({"0301": FULL, "3207": FULL})
    frame.loc[frame["kommunenummer"] == "3207", "er_oppdiktet"] = True
    marked = scored({"0301": FULL, "3207": FULL}, frame=frame)["har_oppdiktede_tall"]
    assert marked.to_dict() == {"0301": False, "3207": True}


def test_kommuner_that_are_not_asked_for_are_left_out():
    result = evaluated({"0301": FULL}, frame=indicators({"0301": FULL, "3207": FULL}))
    assert set(result.scorer["kommunenummer"]) == set(result.faktorer["kommunenummer"]) == {"0301"}


def test_factors_that_are_not_those_of_the_profile_are_refused_by_number():
    given_ = {"0301": FULL, "3207": FULL}
    faktorer = score_factors(indicators(given_), SOCIAL)
    common = {"indikatorer": indicators(given_), "regler": rules(), "dato": DAY, "per_aar": 2026, "sist": None}
    chosen = [kommune(n) for n in given_]
    lost = faktorer[(faktorer["kommunenummer"] != "3207") | (faktorer["faktor"] != "inntekt")]
    with pytest.raises(RankingError, match=r"boligsosial 1: the factors of 1 kommuner .* 3207"):
        rank(lost, SOCIAL, kommuner=chosen, **common)
    with pytest.raises(RankingError, match=r"the factors of 2 kommuner"):
        rank(faktorer, heavier(SOCIAL, 2), kommuner=chosen, **common)
    with pytest.raises(RankingError, match=r"no kommuner to rank"):
        rank(faktorer, SOCIAL, kommuner=[], **common)


# --- what always holds ----------------------------------------------------------------------------------------

ON_BOUNDS = {
    "vekst": (-3, -2, -1.5, -1, 0, 2),
    "boutgift": (20, 25, 28, 30, 35, 36),
    "inntekt": (0.8, 0.9, 0.93, 0.95, 1.1),
    "ledighet": (0.9, 1, 1.1, 1.2, 1.3),
    "utenfor": (0.9, 1, 1.05, 1.1, 1.2),
    "ap": (10, 25, 30, 35, 40),
    "venstre": (40, 50, 60),
    "partier": (3, 3.5, 4, 4.5, 5.5, 6),
    "pris": (70, 80, 100, 120, 130),
    "bygging": (0.5, 0.8, 1),
    "folk": (100, 200),
}
NAN = float("nan")
SEEDS = st.integers(0, 1_000_000)
"""Each draws sixty kommuner: one frame costs hardly more than one row."""
FEW = settings(max_examples=2, deadline=None)


def drawn(seed, count=60):
    dice = random.Random(seed)
    return {
        f"{k + 1:04d}": {name: dice.choice([*values, NAN]) for name, values in ON_BOUNDS.items()} for k in range(count)
    }


@FEW
@given(SEEDS)
def test_points_add_up_to_scores_and_ranks_are_a_permutation(seed):
    result = evaluated(drawn(seed))
    sums = result.faktorer.groupby("kommunenummer")[["poeng", "maks"]].sum()
    lost = result.faktorer[result.faktorer["status"] == "mangler"].groupby("kommunenummer")["maks"].sum()
    table = result.scorer.set_index("kommunenummer")
    assert table["score"].to_dict() == pytest.approx((100 * sums["poeng"] / sums["maks"]).to_dict())
    high = 100 * (sums["poeng"] + lost.reindex(sums.index).fillna(0)) / sums["maks"]
    assert table["score_hoy"].to_dict() == pytest.approx(high.to_dict())
    assert (table["score"] <= table["score_hoy"]).all()
    assert table["score_hoy"].max() <= 100
    assert table["rang"].tolist() == list(range(1, 61))
    assert table["score"].is_monotonic_decreasing
    assert (result.faktorer["poeng"] <= result.faktorer["maks"]).all()
    assert table["persentil"].mean() == pytest.approx(50)


@FEW
@given(SEEDS)
def test_the_order_of_rows_does_not_matter(seed):
    of = drawn(seed)
    frame = indicators(of)
    turned = frame.sample(frac=1, random_state=seed)
    one, other = evaluated(of, frame=frame), evaluated(dict(reversed(of.items())), frame=turned)
    pd.testing.assert_frame_equal(one.scorer, other.scorer)
    pd.testing.assert_frame_equal(one.faktorer, other.faktorer)


@pytest.mark.parametrize("times", [0.7, pytest.param(3, marks=pytest.mark.long)])
def test_every_weight_times_the_same_changes_nothing(times):
    of = drawn(7)
    pd.testing.assert_frame_equal(scored(of), scored(of, profil=heavier(SOCIAL, times)))


@FEW
@given(SEEDS)
def test_missing_more_never_raises_the_score_nor_lowers_what_is_possible(seed):
    of = drawn(seed)
    factors = [SOCIAL.faktor[kode] for kode in SOCIAL.faktor]
    fewer = {}
    for k, (nummer, measured) in enumerate(of.items()):
        factor = factors[k % len(factors)]
        looked_at = {*factor.indicators, *(factor.stedfortreder.indicators if factor.stedfortreder else ())}
        fewer[nummer] = {name: NAN if SHORT[name] in looked_at else v for name, v in measured.items()}
    before, after = scored(of).sort_index(), scored(fewer).sort_index()
    assert (after["score"] <= before["score"]).all()
    assert (after["score_hoy"] >= before["score_hoy"]).all()
    assert (after["dekning"] <= before["dekning"]).all()


# --- what is written ------------------------------------------------------------------------------------------


@pytest.fixture
def geodata(tmp_path):
    return Geodata(tmp_path)


OF = {"0301": FULL, "3207": ON_THE_TIER, "3218": NOTHING}


def ranked(geodata, of=OF, *, dato=DAY, invented=False, **more):
    geodata.write(indicators(of, invented=invented), NORGE, layer="out", contract=INDIKATORER)
    chosen = [kommune(n) for n in of]
    given_ = {"kommuner": chosen, "dato": dato, "per_aar": dato.year, "regler": rules()}
    return rank_profile(geodata, SOCIAL, **given_ | more)


def test_factors_scores_and_the_month_are_written(geodata):
    result = ranked(geodata)
    assert result.er_skrevet
    read = geodata.read("boligsosial", layer="out", contract=KOMMUNESCORER)
    assert read["rang"].tolist() == [1, 2, 3]
    assert (read["profil"][0], read["rangert_dato"][0], read["per_aar"][0]) == ("boligsosial 1", "2026-03-03", 2026)
    assert len(geodata.read("boligsosial", layer="out", contract=KOMMUNEFAKTORER)) == 3 * len(SOCIAL.faktor)
    month = geodata.read("boligsosial-2026-03", layer="out", contract=KOMMUNEHISTORIKK)
    assert set(month["maaned"]) == {"2026-03"}


def test_a_ranking_is_compared_with_the_month_before(geodata):
    ranked(geodata, dato=date(2026, 2, 3))
    moved = OF | {"3218": FULL | {"folk": 1000}}
    result = ranked(geodata, moved)
    assert result.scorer.set_index("kommunenummer")["rang_sist"].to_dict() == {"3218": 3, "0301": 1, "3207": 2}
    assert result.bevegelser.maaned_sist == "2026-02"


def test_too_little_behind_it_is_computed_and_not_written(geodata):
    ranked(geodata)
    result = ranked(geodata, dict.fromkeys(OF, NO_PRICE))
    assert not result.er_skrevet
    assert len(result.dom.grunner) == 1
    assert result.scorer["score"].tolist() == [49] * 3
    assert geodata.read("boligsosial", layer="out", contract=KOMMUNESCORER)["score"].tolist() == [100, 70, 0]
    month = geodata.read("boligsosial-2026-03", layer="out", contract=KOMMUNEHISTORIKK)
    assert month["score"].tolist() == [100, 70, 0]


def test_an_earlier_year_is_looked_at_and_not_written(geodata):
    with pytest.raises(RankingError, match="as of 2020 is looked at, not written"):
        ranked(geodata, per_aar=2020)
    assert [p.name for p in geodata.root.rglob("*.parquet")] == ["norge.parquet"]


def test_without_indicators_it_says_what_to_run(geodata):
    with pytest.raises(RankingError, match=r"norge\.parquet is not there. Run `tomt rank`"):
        rank_profile(geodata, SOCIAL, kommuner=[kommune("0301")], dato=DAY, per_aar=2026)


def test_a_month_that_cannot_be_read_is_replaced(geodata, caplog):
    path = geodata.path("out", KOMMUNEHISTORIKK, "boligsosial-2026-03")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"half")
    assert ranked(geodata).er_skrevet
    assert "boligsosial of 2026-03 is passed over" in caplog.text


def test_coverage_cannot_fall_a_little_every_month(geodata):
    of = dict.fromkeys(OF, FULL)
    assert ranked(geodata, of, dato=date(2026, 1, 3)).er_skrevet
    fewer = dict.fromkeys(OF, without(FULL, "pris"))  # 90 % of what it was
    assert ranked(geodata, fewer, dato=date(2026, 2, 3)).er_skrevet
    result = ranked(geodata, dict.fromkeys(OF, without(FULL, "pris", "bygging")))  # 89 % of that, 80 % of the first
    assert not result.er_skrevet
    assert result.dom.dekning_sist == 1


@pytest.mark.long
def test_only_so_many_months_are_looked_back_at(geodata):
    for month, gone in enumerate([(), ("pris",), ("pris", "bygging")], start=1):
        of = dict.fromkeys(OF, without(FULL, *gone))
        assert ranked(geodata, of, dato=date(2026, month, 3), regler=rules(minste_dekning_maaneder=1)).er_skrevet


def test_the_noise_of_adding_up_does_not_lower_a_tier():
    # straight lines: 27.3 + 15 + 10.9 … of 100 that make 70 but for the last bit
    score = 0.1 + 0.2 + 0.3 + 69.4 - 2e-14
    assert score < 70
    faktorer = score_factors(indicators({"0301": ON_THE_TIER}), SOCIAL)
    faktorer.loc[faktorer["faktor"] == "boligstress", "poeng"] = score - 50
    common = {"regler": rules(), "dato": DAY, "per_aar": 2026, "sist": None}
    found, _ = rank(
        faktorer, SOCIAL, indikatorer=indicators({"0301": ON_THE_TIER}), kommuner=[kommune("0301")], **common
    )
    assert found["score"][0] < 70
    assert found["nivaa"][0] == 1
