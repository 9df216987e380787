"""Scores: what stops a lot, what is refused, when a lot need not be scored again."""

from __future__ import annotations

from dataclasses import replace

import geopandas as gpd
import pytest
from shapely.geometry import box

from config.nivaa import Nivaaer
from config.tomtprofil import tomtprofil, tomtprofiler
from tasks.crs import STORAGE_CRS
from tasks.errors import ContractError
from tasks.scoring.tomt.konflikt import maal_konflikt
from tasks.scoring.tomt.score import scorenoekler, scorer, sum_poeng
from tests.scoring.tomt import sidelots
from tests.scoring.tomt.poenggrunn import alt_kjent, andeler, dekning, fakta, merkede, poengsatt, regler
from tests.scoring.tomt.sidelots import X, Y

NOEKKEL = {"profil": tomtprofil(), "regler": regler()}


def test_no_stopped_lot_is_of_tier_a_whatever_it_has():
    facts, shares, _ = merkede()
    facts["er_stoppet"] = True
    for profil in ("eier-7", "master-6"):
        assert set(poengsatt(facts, shares, profil=profil)[1]["nivaa"]) == {"D"}


def test_a_stopped_lot_is_of_tier_d_even_where_tier_c_begins_at_nothing():
    facts = fakta({"er_stoppet": True}, {})
    low = replace(regler(), nivaaer=Nivaaer(A=80, B=60, C=0))
    kort, _ = poengsatt(facts)
    scores = scorer(kort, facts, andeler(), profil=tomtprofil(), regler=low, dekning=alt_kjent())
    assert scores["nivaa"].tolist() == ["D", "C"]


def test_the_worst_theme_is_that_which_costs_most_not_that_which_covers_most():
    shares = andeler(("3207-000001", "jord", "myk", 0.9), ("3207-000001", "stoy_veg", "hard", 0.4))
    _, scores = poengsatt(fakta({}, {}), shares)
    assert (scores["verste_tema"][0], scores["verste_andel"][0]) == ("stoy_veg", 0.4)  # 0.4 against 0.36
    assert scores["verste_tema"].isna()[1]
    assert scores["verste_andel"].isna()[1]


def test_sums_without_texts_are_those_of_the_scores():
    facts, shares, _ = merkede()
    kort, scores = poengsatt(facts, shares)
    alone = sum_poeng(kort, facts["tomt_id"])
    assert (alone["score"] == scores["score"]).all()
    assert (alone["hoyest"] == scores["hoyest"]).all()


def test_cards_that_do_not_have_every_part_are_refused():
    facts = fakta({}, {})
    kort, _ = poengsatt(facts)
    with pytest.raises(ContractError, match="every lot has every part once"):
        scorer(kort.iloc[:-1], facts, andeler(), dekning=alt_kjent(), **NOEKKEL)
    other, _ = poengsatt(facts.iloc[:1], profil="master-6")
    with pytest.raises(ContractError, match="Score all lots with one profile"):
        scorer(other, facts, andeler(), dekning=alt_kjent(), **NOEKKEL)


def test_a_lot_is_scored_again_when_something_that_it_rests_on_is_another():
    facts = fakta({"noekkel": "a"}, {"noekkel": "b"})
    first = scorenoekler(facts, dekning=alt_kjent(), **NOEKKEL)
    assert first[0] != first[1]
    older = dekning(veg={"alder_dager": 9.0, "sett_tid": "2026-11-14T00:00:00Z"})
    assert (scorenoekler(facts, dekning=older, **NOEKKEL) == first).all()  # six days more say nothing new
    for other in (
        dekning(veg={"er_kjent": False, "svar": "feilet"}),
        dekning(veg={"svar": "feilet"}),  # from reserve
        dekning(veg={"hentet_tid": "2026-11-21T00:00:00Z"}),
        dekning(veg={"alder_dager": 500.0}),
    ):
        assert (scorenoekler(facts, dekning=other, **NOEKKEL) != first).all()
    again = scorenoekler(facts, dekning=alt_kjent(), profil=tomtprofil("master-6"), regler=regler())
    assert (again != first).all()
    measured = fakta({"noekkel": "a"}, {"noekkel": "c"})
    assert list(scorenoekler(measured, dekning=alt_kjent(), **NOEKKEL) == first) == [True, False]


def measured(cover):
    """Return facts and overlaps of five perfect lots of 50 × 60 m, of which a reserve takes 0, 20, 50, 60 and 100 %.

    The sixth is a tenth in a flood zone.
    """
    lots = sidelots.tomter(*({"nr": k, "x": 100.0 * k} for k in range(1, 7)))
    takes = {2: 0.2, 3: 0.5, 4: 0.6, 5: 1.0}
    shapes = [box(X + 100 * k, Y, X + 100 * k + 50 * share, Y + 60) for k, share in takes.items()]
    rows = [("naturvern", "naturvern", "stopp", "Prøvemyra")] * 4 + [("flom_faresone", "flom", "hard", "Elva")]
    features = gpd.GeoDataFrame(
        [{"lag": a, "tema": t, "alvor": s, "verdi": None, "navn": n} for a, t, s, n in rows],
        geometry=[*shapes, box(X + 600, Y, X + 605, Y + 60)], crs=STORAGE_CRS,
    )  # fmt: skip
    cores = gpd.GeoDataFrame({"tomt_id": lots["tomt_id"], "areal_m2": lots.area}, geometry=lots.geometry, crs=lots.crs)
    of = maal_konflikt(lots, cores, features, dekning=cover, register=regler().konflikter, epsg=25833)
    perfect = {"kommuneklasse": "by", "tettsted_m": 0.0, "tettsted_folketall": 90_000.0, "holdeplass_m": 50.0,
               "areal_m2": 20_000.0, "befolkning_1km": 9000.0, "tetthet_per_km2": 4000.0, "politikk": 100.0,
               "antall_eiere": 1.0, "eierslag": "kommune", "veg_m": 5.0, "vegkategori": "K"}  # fmt: skip
    facts = fakta(*({**perfect, **row} for row in of.tomter.to_dict("records")))
    facts["byggbar_m2"] *= 6
    return facts, of.andeler


def test_a_lot_inside_a_nature_reserve_never_reaches_tier_a():
    for profil in tomtprofiler():
        _, scores = poengsatt(*measured(alt_kjent()), profil=profil)
        assert scores["nivaa"].tolist() == ["A", "A", "D", "D", "D", "A"]
        assert scores["score"][2:5].tolist() == [0, 0, 0]
    assert "Prøvemyra" in scores["hvorfor"][4]


def test_switching_off_any_layer_never_raises_a_score():
    """For features that stay: as core/konflikter keeps those of a layer that has stopped answering."""
    _, known = poengsatt(*measured(alt_kjent()))
    themes = regler().konflikter.tema
    for layers in [*(themes[t].trengs for t in ("naturvern", "flom", "skred")), tuple(regler().konflikter.lag)]:
        cover = dekning(**{lag: {"er_kjent": False, "svar": "feilet"} for lag in layers})
        _, less = poengsatt(*measured(cover), dekning=cover)
        assert (less["score"] <= known["score"]).all(), layers
        assert (less["score"][[0, 1, 5]] < known["score"][[0, 1, 5]]).all(), layers
        assert less["hoyest"].to_numpy() == pytest.approx(known["hoyest"].to_numpy()), layers
