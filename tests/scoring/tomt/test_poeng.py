"""Points: they add up, what is not known never earns, and nothing but the facts of a lot decides its points."""

from __future__ import annotations

import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.konflikt import konflikter
from config.tomtefaktorer import LUFTLINJE
from config.tomtprofil import tomtprofil, tomtprofiler
from tasks.scoring.tomt import ordlegging
from tasks.scoring.tomt.poeng import gi_poeng
from tasks.tomtekontrakter import SCOREKORT, SCORER
from tests.scoring.tomt.poenggrunn import INF, NAN, andeler, dekning, fakta, poengsatt, regler

THEMES = sorted(konflikter().tema)
NUMBERS = {
    "areal_m2": 80_000,
    "byggbar_m2": 60_000,
    "fri_m2": 60_000,
    "tettsted_m": 8000,
    "tettsted_folketall": 60_000,
    "holdeplass_m": 2500,
    "dagligvare_m": 5000,
    "skole_m": 6000,
    "barnehage_m": 5000,
    "befolkning_1km": 9000,
    "befolkning_3km": 40_000,
    "tetthet_per_km2": 3000,
    "veg_m": 600,
    "bygninger_100m": 30,
    "bygninger_300m": 150,
    "adresser_100m": 20,
    "adresser_300m": 90,
    "politikk": 100,
    "antall_eiere": 25,
}
KINDS = {
    "kommuneklasse": ["liten", "mellomstor", "by"],
    "eierslag": ["kommune", "selskap", "stat", "privat", "blandet"],
    "vegkategori": ["E", "F", "K", "P", "S"],
}
NEAR = {"bygninger_100m", "bygninger_300m", "adresser_100m", "adresser_300m"}
DISTANCES = {c for c in NUMBERS if c.endswith("_m")}


@st.composite
def lots(draw):
    """Draw a lot with its overlaps: facts that may be missing, distances that may be without end."""
    one = {
        c: draw(st.one_of(st.none(), st.just(INF if c in DISTANCES else 0.0), st.floats(0, top)))
        for c, top in NUMBERS.items()
    }
    if one["byggbar_m2"] is not None:  # a part of the lot
        one["byggbar_m2"] = None if one["areal_m2"] is None else min(one["byggbar_m2"], one["areal_m2"])
    if one["fri_m2"] is not None:  # and a part of that
        one["fri_m2"] = None if one["byggbar_m2"] is None else min(one["fri_m2"], one["byggbar_m2"])
    one |= {c: draw(st.sampled_from([None, *values])) for c, values in KINDS.items()}
    one["avstand_metode"] = draw(st.sampled_from(["langs veg", LUFTLINJE]))
    one["ukjente_tema"] = draw(st.lists(st.sampled_from(THEMES), unique=True, max_size=4))
    one["er_stoppet"] = draw(st.integers(0, 9)) == 0
    shares = {}
    for tema in draw(st.lists(st.sampled_from(THEMES), unique=True, max_size=3)):
        hard, soft = draw(st.floats(0.01, 0.6)), draw(st.floats(0.01, 0.4))
        shares[tema] = {draw(st.sampled_from(["stopp", "hard"])): hard, "myk": soft}
    return one, shares


def drawn(*some) -> tuple[pd.DataFrame, pd.DataFrame]:
    rows = [
        (f"3207-{k:06d}", tema, alvor, share)
        for k, (_, shares) in enumerate(some, 1)
        for tema, by in shares.items()
        for alvor, share in by.items()
    ]
    return fakta(*(one for one, _ in some)), andeler(*rows)


PROFILES = st.sampled_from(sorted(tomtprofiler()))
ROUNDED = 1e-7
FEW = settings(max_examples=6, deadline=None)


@FEW
@given(st.lists(lots(), min_size=1, max_size=5), PROFILES)
def test_the_points_of_a_card_add_up(some, profil):
    facts, shares = drawn(*some)
    kort, scores = poengsatt(facts, shares, profil=profil)
    SCOREKORT.check(kort)
    SCORER.check(scores)
    by_lot = kort.groupby("tomt_id", sort=False)[["poeng", "ukjent", "maks"]].sum()
    np.testing.assert_allclose(by_lot["maks"], 100, atol=1e-9)
    np.testing.assert_allclose(scores["score"], by_lot["poeng"], atol=1e-8)
    np.testing.assert_allclose(scores["hoyest"], by_lot["poeng"] + by_lot["ukjent"], atol=1e-8)
    in_factors = scores.filter(regex="^poeng_").sum(axis=1)
    np.testing.assert_allclose(scores["score"], in_factors, atol=1e-8)
    assert (kort["poeng"] >= 0).all()
    assert (kort["ukjent"] >= 0).all()
    assert (kort["poeng"] + kort["ukjent"] <= kort["maks"] + 1e-9).all()
    assert (scores["hoyest"] >= scores["score"]).all()
    stopped = scores["er_stoppet"]
    assert (scores.loc[stopped, ["score", "hoyest"]] == 0).all(axis=None)
    assert (scores.loc[stopped, "nivaa"] == "D").all()
    assert scores["sikkerhet"].between(0, 1).all()


FORGET = [*NUMBERS, *KINDS]


@FEW
@given(lots(), PROFILES, st.sampled_from(THEMES))
def test_knowing_less_never_raises_a_score(lot, profil, tema):
    """What lies under a theme stays when the theme is no longer known, as in core/konflikter."""
    one, shares = lot
    core = {"byggbar_m2": {"fri_m2": None}}  # without the core, nothing of it is free
    fewer = [{**one, what: None, **core.get(what, {})} for what in FORGET]
    fewer.append({**one, "ukjente_tema": sorted({*one["ukjente_tema"], tema})})
    _, scores = poengsatt(*drawn((one, shares), *((less, shares) for less in fewer)), profil=profil)
    worse = dict(zip([*FORGET, "tema"], scores["score"][1:] - scores["score"][0], strict=True))
    wider = dict(zip([*FORGET, "tema"], scores["hoyest"][1:] - scores["hoyest"][0], strict=True))
    assert {what: d for what, d in worse.items() if d > ROUNDED} == {}
    assert {what: d for what, d in wider.items() if d < -ROUNDED} == {}


@pytest.mark.parametrize("profil", sorted(tomtprofiler()))
def test_a_lot_with_everything_is_full_and_may_be_whatever_is_not_known_of_it(profil):
    good = dict.fromkeys(NUMBERS, 1e6) | dict.fromkeys(DISTANCES, 10.0) | {"antall_eiere": 1.0, "politikk": 100.0}
    good |= {"kommuneklasse": "by", "eierslag": "kommune", "vegkategori": "K", "tettsted_m": 0.0}
    fewer = [*({**good, what: None} for what in FORGET), {**good, "ukjente_tema": ["stoy_fly"]}]
    _, scores = poengsatt(fakta(good, *fewer), profil=profil)
    assert scores["score"][0] == 100
    assert (scores["hoyest"] == 100).all()
    counted = {what for what, s in zip([*FORGET, "tema"], scores["score"][1:], strict=True) if s < 100}
    assert (
        counted
        == {
            "eier-7": {*FORGET, "tema"} - {"kommuneklasse"},  # a thousand daa are full in any
            "master-6": {"areal_m2", "tetthet_per_km2", "politikk", "tema", "veg_m", "vegkategori", *NEAR},
        }[profil]
    )


@FEW
@given(st.lists(lots(), min_size=2, max_size=4))
def test_the_order_of_lots_and_overlaps_does_not_matter(some):
    facts, shares = drawn(*some)
    kort, scores = poengsatt(facts, shares)
    turned, backwards = facts.iloc[::-1].reset_index(drop=True), shares.iloc[::-1].reset_index(drop=True)
    kort_2, scores_2 = poengsatt(turned, backwards)
    key = ["tomt_id", "faktor", "del"]
    pd.testing.assert_frame_equal(kort.sort_values(key, ignore_index=True), kort_2.sort_values(key, ignore_index=True))
    pd.testing.assert_frame_equal(
        scores.sort_values("tomt_id", ignore_index=True), scores_2.sort_values("tomt_id", ignore_index=True)
    )


@FEW
@given(lots())
def test_swapping_the_profile_changes_points_and_nothing_else(lot):
    facts, shares = drawn(lot)
    before = facts.copy(deep=True)
    scores = {p: poengsatt(facts, shares, profil=p)[1] for p in tomtprofiler()}
    pd.testing.assert_frame_equal(facts, before)
    same = ["tomt_id", "er_stoppet", "stopp_grunn", "boliger_lav", "boliger", "boliger_hoy", "byggbar_m2",
            "verste_tema", "verste_andel", "kommunal"]  # fmt: skip
    pd.testing.assert_frame_equal(scores["eier-7"][same], scores["master-6"][same])
    assert scores["master-6"]["poeng_eier"].isna().all()
    assert scores["master-6"]["ukjent_eier"].isna().all()
    assert set(scores["master-6"]["profil"]) == {tomtprofil("master-6").merke}


def test_a_layer_that_answers_from_reserve_or_long_ago_says_so():
    old = {"alder_dager": 700.0, "sett_tid": "2024-12-20T01:00:00+00:00"}
    dark = {"svar": "ikke_dekket", "er_kjent": False}
    cover = dekning(veg={"er_reserve": True}, holdeplass=old, tettsted=dark)
    facts = fakta({"veg_m": 20.0, "vegkategori": "K", "holdeplass_m": 200.0, "ukjente_tema": ["flom"]})
    kort, _ = poengsatt(facts, dekning=cover)
    said = kort.set_index("del")["merknad"]
    assert said["veg"] == "svarte ikke nå, sist sett 20.11.2026"
    assert said["holdeplass"] == "målt i luftlinje: vegen kan være lengre; er gammelt, sist sett 20.12.2024"
    assert said["tettsted"] == "kilden dekker ikke kommunen"
    own = kort.set_index("del").loc["tettsted"]
    assert (own["poeng"], own["verdi_tekst"]) == (0, "ikke kjent")
    assert own["ukjent"] == pytest.approx(own["maks"])


def test_a_theme_is_dated_by_its_oldest_layer_and_named_by_those_who_answered():
    cover = dekning(
        snoskred_aktsomhet={"hentet_tid": "2026-01-02T00:00:00Z"}, skred_faresone={"lisens": "Kartverket, CC BY 4.0"},
        jordskred_aktsomhet={"er_kjent": False, "svar": "feilet", "lisens": "Ingen"},
        steinsprang_aktsomhet={"er_reserve": True},
    )  # fmt: skip
    kort, _ = poengsatt(fakta({}), dekning=cover)
    skred = kort[kort["del"] == "skred"].iloc[0]
    assert skred["dato"] == "2026-01-02"
    assert set(skred["kilde"].split(", ")) == {"NVE", "Kartverket"}
    assert skred["merknad"] == "NVE svarte ikke nå, sist sett 20.11.2026"


def test_a_layer_nobody_asked_for_is_told_so():
    kort, _ = poengsatt(fakta({"ukjente_tema": THEMES}), dekning=dekning().iloc[:0])
    assert set(kort.loc[kort["faktor"] == "konflikt", "merknad"]) >= {"ingen er spurt"}
    assert kort.loc[kort["faktor"] == "konflikt", "poeng"].sum() == 0


def test_no_lots_no_points():
    kort, scores = poengsatt(fakta())
    assert (len(kort), len(scores)) == (0, 0)


def test_overlaps_of_lots_and_themes_that_are_not_there_are_left_out():
    strange = andeler(("9999-000001", "flom", "hard", 1.0), ("3207-000001", "snøfonn", "hard", 1.0))
    _, scores = poengsatt(fakta({}), strange)
    assert scores["poeng_konflikt"][0] == 18


def test_every_lot_gets_the_same_parts():
    kort, _ = poengsatt(*drawn(({"areal_m2": NAN}, {}), ({}, {"flom": {"hard": 0.5}})))
    first, second = (g[["faktor", "del", "maks"]].to_numpy().tolist() for _, g in kort.groupby("tomt_id"))
    assert first == second


@pytest.mark.long
def test_ten_thousand_lots_are_given_points_in_two_seconds():
    import time

    one = dict.fromkeys(NUMBERS, 100.0)
    facts = pd.concat([fakta(one)] * 10_000, ignore_index=True)
    facts["tomt_id"] = [f"3207-{k:06d}" for k in range(len(facts))]
    started = time.process_time()
    kort = gi_poeng(facts, andeler(), profil=tomtprofil(), regler=regler(), dekning=dekning())
    assert time.process_time() - started < 2
    assert (kort.groupby("tomt_id")["maks"].sum() - 100).abs().max() < 1e-9
    assert kort["tomt_id"].nunique() == 10_000


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(ordlegging).failed == 0
