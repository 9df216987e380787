"""Scores: what stops a lot, what is refused, when a lot need not be scored again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from config.nivaa import Nivaaer
from config.tomtprofil import tomtprofil, tomtprofiler
from tasks.answer import Provenance, Rows
from tasks.crs import STORAGE_CRS
from tasks.errors import ContractError
from tasks.scoring.tomt.konflikt import maal_konflikt
from tasks.scoring.tomt.opphav import Opphav
from tasks.scoring.tomt.score import scorenoekler, scorer
from tasks.scoring.tomt.sikkerhet import ferskhet
from tasks.sources.kontekstdekning import Vurdering
from tasks.store import Geodata
from tasks.tomtekontrakter import KONTEKSTDEKNING
from tests.scoring.tomt import sidelots
from tests.scoring.tomt.poenggrunn import OMGIVELSER, alt_kjent, andeler, dekning, fakta, merkede, poengsatt, regler
from tests.scoring.tomt.sidelots import X, Y

NAA = datetime(2026, 11, 20, 1, tzinfo=UTC)
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
        dekning(veg={"er_reserve": True}),
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
    facts[["byggbar_m2", "fri_m2"]] *= 6
    return facts, of.andeler


def test_a_lot_inside_a_nature_reserve_never_reaches_tier_a():
    for profil in tomtprofiler():
        _, scores = poengsatt(*measured(alt_kjent()), profil=profil)
        assert scores["nivaa"].tolist() == ["A", "A", "D", "D", "D", "A"]
        assert scores["score"][2:5].tolist() == [0, 0, 0]
    assert "Prøvemyra" in scores["hvorfor"][4]


STOPPTEMA = ["naturvern", "marka", "kulturminner", "hensyn"]


@pytest.mark.parametrize("profil", sorted(tomtprofiler()))
def test_where_nobody_has_looked_for_what_stops_a_lot_it_is_not_of_tier_a(profil):
    facts, shares = measured(alt_kjent())
    facts = facts.iloc[[0] * 6].assign(tomt_id=[f"t{k}" for k in range(6)])
    facts["ukjente_tema"] = [[], *([tema] for tema in STOPPTEMA), ["stoy_fly"]]
    kort, scores = poengsatt(facts, shares, profil=profil)
    assert (scores["score"] >= 80).all()
    assert scores["nivaa"].tolist() == ["A", "B", "B", "B", "B", "A"]
    assert frozenset(STOPPTEMA) == regler().stopptema
    said = "A etter poengene; B til noen har sett etter Naturvern"
    assert f"nivå B ({said})" in scores["hvorfor"][1].splitlines()[0]
    assert scores["mangler"][1].splitlines()[0] == f"Nivå: {said}"
    assert "etter poengene" not in scores["hvorfor"][5]
    assert kort["poeng"].notna().all()


def test_several_that_nobody_has_looked_for_are_named_and_lower_tiers_stay():
    facts, shares = measured(alt_kjent())
    facts = facts.iloc[[0, 0]].assign(tomt_id=["t0", "t1"], politikk=[100.0, 0.0])
    facts["ukjente_tema"] = [["naturvern", "marka", "kulturminner"], STOPPTEMA]
    facts.loc[facts["tomt_id"] == "t1", ["kommuneklasse", "areal_m2", "byggbar_m2"]] = ["liten", 2000.0, 500.0]
    _, scores = poengsatt(facts, shares)
    assert "B til noen har sett etter Naturvern, Marka og Kulturminner" in scores["mangler"][0]
    assert scores["nivaa"].tolist() == ["B", "C"]
    assert "etter poengene" not in scores["hvorfor"][1]


def coverage(folder, *, reserve=None, dager=1):
    """Return the coverage that reading the context makes: every layer answered `dager` days ago, one from reserve."""
    seen = NAA - timedelta(days=dager)
    provenance = Provenance(kilde="nve", adresse="https://x", hentet_tid="2026-09-01T00:00:00+00:00", antall_ventet=1,
                            antall_mottatt=1, sha256="a", crs="EPSG:25833", lisens="NVE, NLOD")  # fmt: skip
    answers = {
        lag: Rows("nve", folder, provenance, sett_tid=seen.isoformat(), reserve="nede" if lag == reserve else None)
        for lag in (*regler().konflikter.lag, *OMGIVELSER)
    }
    of = Vurdering(known={}, geodata=Geodata(folder), kommunenummer="3207", naa=NAA, ubrukelige={}, antall={},
                   beside={}, reserve_dager=400)  # fmt: skip
    made = of.coverage(answers, KONTEKSTDEKNING.empty(), lag=list(answers))
    return made.assign(lisens="NVE, NLOD")


def test_a_source_in_reserve_is_told_on_the_card_and_lowers_the_confidence(tmp_path):
    lots, shares = measured(alt_kjent())
    fresh, spare, old = (
        poengsatt(lots, shares, dekning=coverage(tmp_path, **how))[1]
        for how in ({}, {"reserve": "naturvern"}, {"dager": 60})
    )
    assert "NVE, 01.09.2026)" in fresh["hvorfor"][5]
    assert "svarte ikke" not in fresh["hvorfor"][5]
    assert "Naturvern (NVE, 01.09.2026; svarte ikke nå, sist sett 19.11.2026)" in spare["hvorfor"][5]
    assert (spare["score"] == fresh["score"]).all()
    assert (spare["sikkerhet"] <= fresh["sikkerhet"] - 0.005).all()
    assert (old["sikkerhet"] < fresh["sikkerhet"]).all()
    shown = [of["hvorfor"][5].splitlines()[-1].split(" =")[0] for of in (fresh, spare, old)]
    assert len(set(shown)) == 3, shown


@pytest.mark.parametrize("dager", [0, 2, 9, 29])
def test_the_same_facts_give_the_same_rows_the_next_day_and_the_next_week(tmp_path, dager):
    lots, shares = measured(alt_kjent())
    first, later = (poengsatt(lots, shares, dekning=coverage(tmp_path, dager=d))[1] for d in (1, dager))
    pd.testing.assert_frame_equal(first, later)


def test_a_key_that_stands_stands_for_the_same_confidence():
    """What is not scored again is what would be scored."""
    facts, parts = fakta({}), [("infrastruktur", "veg", 3.0), ("konflikt", "flom", 1.0), ("konflikt", "verste", 9.0)]
    figures: dict[str, set[float]] = {}
    for age in (*range(0, 120, 3), *range(120, 800, 45)):
        cover = dekning(veg={"alder_dager": age}, flom_faresone={"alder_dager": age / 2, "er_reserve": age % 2 == 0})
        opphav = Opphav(cover, regler().faktorer.sikkerhet.ferskhet)
        fresh = ferskhet(parts, opphav=opphav, register=regler().konflikter, satser=regler().faktorer.sikkerhet)
        figures.setdefault(scorenoekler(facts, dekning=cover, **NOEKKEL)[0], set()).add(fresh)
    assert {len(of) for of in figures.values()} == {1}
    assert len(figures) > 10


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
