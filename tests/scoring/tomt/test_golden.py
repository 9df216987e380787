"""Golden lots: worked by hand from config/, the arithmetic written out, for both profiles.

Weights of the themes of conflict: 27 in all. Points that eier-7 gives for being free of conflict: 9 on the worst
conflict alone, and 9 / 27 = 1 / 3 for each unit of weight; master-6: 20 / 27 for each.
"""

from __future__ import annotations

import pytest

from tests.scoring.tomt.poenggrunn import INF, andeler, dekning, fakta, per_factor, poengsatt

FULL = {
    "areal_m2": 8000.0,
    "byggbar_m2": 6000.0,
    "kommuneklasse": "mellomstor",
    "tettsted_m": 0.0,
    "tettsted_folketall": 12000.0,
    "holdeplass_m": 900.0,
    "dagligvare_m": 400.0,
    "skole_m": 600.0,
    "barnehage_m": 400.0,
    "avstand_metode": "langs veg",
    "befolkning_1km": 4000.0,
    "befolkning_3km": 5000.0,
    "tetthet_per_km2": 500.0,
    "veg_m": 30.0,
    "vegkategori": "K",
    "bygninger_100m": 5.0,
    "bygninger_300m": 30.0,
    "adresser_100m": 8.0,
    "adresser_300m": 50.0,
    "politikk": 70.0,
    "politikk_tid": "2026-11-01T03:00:00+00:00",
    "antall_eiere": 2.0,
    "eierslag": "privat",
}
LOT = "3207-000001"
CONFLICTS = ((LOT, "flom", "hard", 0.25), (LOT, "stoy_veg", "myk", 0.5))


def one(lot, *shares, profil):
    _, scores = poengsatt(fakta(lot), andeler(*shares), profil=profil)
    return scores.iloc[0]


# Everything is known, a quarter lies in a flood zone and half in noise.
#
# Dwellings: mellomstor, sentrum (inside a tettsted ≥ 5,000, ≥ 2,500 live within 1 km): 3.5 – 5.5 – 9 per daa × 6 daa
#   = 21 – 33 – 54
def test_a_lot_of_which_everything_is_known_by_eier_7():
    row = one(FULL, *CONFLICTS, profil="eier-7")
    assert per_factor(row) == pytest.approx(
        {
            # the standards are assumed, so the low number counts: 21 / 40 × 22.5
            "kapasitet": 11.8125,
            # 8 / 10 × 13.5
            "storrelse": 10.8,
            # tettsted 0.20 × 1 × (0.9 + 0.1 × 2,000 / 20,000 = 0.91) = 0.182
            # holdeplass 0.20 × (1,500 − 900) / 1,200 = 0.1;  butikk 0.15;  skole 0.1;  barnehage 0.1
            # 1 km 0.10 × 1;  3 km 0.05 × 5,000 / 10,000 = 0.025;  tetthet 0.10 × 500 / 1,000 = 0.05
            # 0.182 + 0.1 + 0.15 + 0.1 + 0.1 + 0.1 + 0.025 + 0.05 = 0.807;  × 18
            "sentralitet": 14.526,
            # flom costs 1.0 × 0.25 = 0.25, støy 0.4 × 0.5 = 0.2
            # worst: 9 × (1 − 0.25) = 6.75;  themes: (27 − 3 × 0.25 − 2 × 0.2) / 3 = 25.85 / 3 = 8.61667
            "konflikt": 6.75 + 25.85 / 3,
            # veg 0.5 × 1 × 1;  bygninger 0.15 × 5 / 10 + 0.10 × 30 / 60 = 0.125;  adresser 0.15 + 0.10;  0.875 × 9
            "infrastruktur": 7.875,
            # 70 / 100 × 9
            "politikk": 6.3,
            # private 0.8 × two 0.85 × 10
            "eier": 6.8,
        }
    )
    # 11.8125 + 10.8 + 14.526 + 15.36667 + 7.875 + 6.3 + 6.8
    assert row["score"] == pytest.approx(73.480167)
    # 54 / 40 is more than full: 22.5 − 11.8125 = 10.6875 is not known
    assert row["hoyest"] == pytest.approx(84.167667)
    assert (row["nivaa"], row["boliger_lav"], row["boliger"], row["boliger_hoy"]) == ("B", 21, 33, 54)
    assert (row["verste_tema"], row["verste_andel"]) == ("flom", 0.25)


def test_the_same_lot_by_master_6():
    row = one(FULL, *CONFLICTS, profil="master-6")
    assert per_factor(row) == pytest.approx(
        {
            "kapasitet": 25.0,  # 8,000 / 80 = 100 dwellings, full from 10
            "storrelse": 15.0,  # 8 daa, full from 5
            "sentralitet": 10.0,  # 500 / 1,000 × 20
            "konflikt": 19.148148,  # 20 / 27 × (27 − 3 × 0.25 − 2 × 0.2)
            "infrastruktur": 8.75,  # 0.875 × 10
            "politikk": 7.0,  # 70 / 10
        }
    )
    assert row["score"] == row["hoyest"] == pytest.approx(84.898148)
    assert (row["nivaa"], row["boliger"]) == ("A", 33)  # dwellings are the same whatever the profile


# In a nature reserve: stopped. Nothing of what it has counts, and there is nothing to find out.
@pytest.mark.parametrize("profil", ["eier-7", "master-6"])
def test_a_stopped_lot_has_nothing(profil):
    grunn = "Naturvern: Prøvemyra dekker 96 % av tomten"
    lot = {**FULL, "er_stoppet": True, "stopp_grunn": grunn, "byggbar_m2": 240.0, "antall_eiere": None}
    row = one(lot, (LOT, "naturvern", "stopp", 0.96), profil=profil)
    assert (row["score"], row["hoyest"], row["nivaa"], row["boliger"]) == (0, 0, "D", 0)
    assert set(per_factor(row).values()) == {0}
    assert grunn in row["hvorfor"]
    assert "30 m, kommunal veg" in row["hvorfor"]  # what was measured stands there all the same


# The same lot; nobody has looked for naturvern (weight 3) and kvikkleire (3), nor for owners, nor ranked the kommune.
# A tenth of it lies in what was once told to be quick clay: 5,400 m² are free, 3.5 × 5.4 = 18.9 dwellings at least.
UNSEEN = {
    **FULL,
    "fri_m2": 5400.0,
    "ukjente_tema": ["kvikkleire", "naturvern"],
    "antall_eiere": None,
    "eierslag": None,
    "politikk": None,
}


def test_what_is_not_known_earns_nothing_and_widens_the_range_by_eier_7():
    row = one(UNSEEN, (LOT, "kvikkleire", "hard", 0.1), profil="eier-7")
    # worst: 9 × (1 − 0.1) × 21 / 27 of the weight is known = 6.3, not known 8.1 × 6 / 27 = 1.8
    # themes: 21 / 3 = 7 known; naturvern 3 / 3 = 1 and kvikkleire 1 × 0.9 are not
    assert row["poeng_konflikt"] == pytest.approx(6.3 + 7)
    assert row["ukjent_konflikt"] == pytest.approx(1.8 + 1 + 0.9)
    assert (row["poeng_eier"], row["ukjent_eier"]) == (0, 10)
    assert (row["poeng_politikk"], row["ukjent_politikk"]) == (0, 9)
    # 18.9 / 40 × 22.5 = 10.63125;  + 10.8 + 14.526 + 13.3 + 7.875
    assert row["score"] == pytest.approx(57.13225)
    # + 22.5 − 10.63125 (capacity) + 3.7 + 10 + 9
    assert row["hoyest"] == pytest.approx(91.701)
    assert row["nivaa"] == "C"
    assert "Naturvern, Kvikkleire" in row["mangler"] or "Naturvern" in row["mangler"]


def test_what_is_not_known_by_master_6():
    row = one(UNSEEN, (LOT, "kvikkleire", "hard", 0.1), profil="master-6")
    # konflikt 20 / 27 × 21 = 15.5556, not known 20 / 27 × (3 + 3 × 0.9) = 4.2222; politikk not known 10
    # 25 + 15 + 10 + 15.5556 + 8.75
    assert row["score"] == pytest.approx(74.305556)
    assert row["hoyest"] == pytest.approx(74.305556 + 4.222222 + 10)


# At the limit of tier A. by, sentrum: 5 per daa at least × 8 daa = 40 dwellings: full. Everything near, no conflict;
# no road, house or address within reach; one private owner.
LIMIT = {
    **FULL,
    "areal_m2": 10_000.0,
    "byggbar_m2": 8000.0,
    "kommuneklasse": "by",
    "tettsted_folketall": 30_000.0,
    "holdeplass_m": 300.0,
    "befolkning_3km": 10_000.0,
    "tetthet_per_km2": 1000.0,
    "veg_m": INF,
    "vegkategori": None,
    "bygninger_100m": 0.0,
    "bygninger_300m": 0.0,
    "adresser_100m": 0.0,
    "adresser_300m": 0.0,
    "politikk": 0.0,
    "antall_eiere": 1.0,
}


@pytest.mark.parametrize(
    ("areal", "score", "tier"),
    [
        # 22.5 + 13.5 + 18 + 18 + 0 + 0 + 10 × 0.8 × 1
        (10_000.0, 80.0, "A"),
        # 13.5 × (1 − 0.001 / 13.5) = 13.499
        (10_000.0 * (1 - 0.001 / 13.5), 79.999, "B"),
    ],
)
def test_the_limit_of_tier_a_by_eier_7(areal, score, tier):
    row = one({**LIMIT, "areal_m2": areal}, profil="eier-7")
    assert row["score"] == pytest.approx(score, abs=1e-9)
    assert row["nivaa"] == tier


@pytest.mark.parametrize(
    ("politikk", "score", "tier"),
    [
        # 25 + 15 + 500 / 1,000 × 20 + 20 + 0 + 100 / 10
        (100.0, 80.0, "A"),
        (99.99, 79.999, "B"),
    ],
)
def test_the_limit_of_tier_a_by_master_6(politikk, score, tier):
    row = one({**LIMIT, "tetthet_per_km2": 500.0, "politikk": politikk}, profil="master-6")
    assert row["score"] == pytest.approx(score, abs=1e-9)
    assert row["nivaa"] == tier


# The core was never computed: the lot stands in for it, for nothing at least and for all at most.
# mellomstor, sentrum: 9 per daa × 8 daa = 72 dwellings at most, more than the 40 that are full.
def test_a_lot_without_a_core():
    row = one({**FULL, "byggbar_m2": None}, profil="eier-7")
    assert (row["poeng_kapasitet"], row["ukjent_kapasitet"]) == (0, 22.5)
    # expected: 5.5 per daa × half of 8 daa
    assert (row["boliger_lav"], row["boliger"], row["boliger_hoy"]) == (0, 22, 72)


# What is under a hard conflict that does not take it off the core may be built on, for somebody to show: it gives room
# for nothing at least, for all at most. by, sentrum: 5 – 8 – 14 per daa × 8 daa = 40 – 64 – 112.
@pytest.mark.parametrize(
    ("tema", "andel", "lav", "kapasitet", "konflikt", "tier"),
    [
        # half in red noise: 5 × 4 = 20 dwellings / 40 × 22.5; worst 9 × 0.5, themes (27 − 2 × 0.5) / 3
        ("stoy_veg", 0.5, 20, 11.25, 4.5 + 26 / 3, "B"),
        # all in quick clay: none; worst 0, themes (27 − 3) / 3
        ("kvikkleire", 1.0, 0, 0.0, 8.0, "C"),
    ],
)
def test_a_perfect_lot_under_a_hard_conflict_is_not_of_tier_a(tema, andel, lav, kapasitet, konflikt, tier):
    perfect = {**LIMIT, "fri_m2": 8000.0 * (1 - andel)}
    row = one(perfect, (LOT, tema, "hard", andel), profil="eier-7")
    assert (row["boliger_lav"], row["boliger"], row["boliger_hoy"]) == (lav, 64, 112)
    assert row["poeng_kapasitet"] == pytest.approx(kapasitet)
    assert row["ukjent_kapasitet"] == pytest.approx(22.5 - kapasitet)
    assert row["poeng_konflikt"] == pytest.approx(konflikt)
    assert row["score"] == pytest.approx(kapasitet + konflikt + 13.5 + 18 + 8)
    assert row["nivaa"] == tier
    assert f"av dem {8000 * andel:,.0f} m² under ".replace(",", "\u00a0") in row["hvorfor"]


# Far out, and small: liten, utenfor: 0.2 – 0.6 – 2 per daa × 40 daa = 8 – 24 – 80.
def test_a_large_lot_far_out_by_eier_7():
    far = dict.fromkeys(("tettsted_m", "holdeplass_m", "dagligvare_m", "skole_m", "barnehage_m"), INF)
    none = dict.fromkeys(("befolkning_1km", "befolkning_3km", "tetthet_per_km2"), 0.0)
    lot = {**LIMIT, **far, **none, "areal_m2": 60_000.0, "byggbar_m2": 40_000.0, "kommuneklasse": "liten"}
    row = one(lot, profil="eier-7")
    # 8 / 40 × 22.5 = 4.5;  13.5;  0;  18;  0;  0;  8
    assert row["score"] == pytest.approx(44.0)
    assert row["hoyest"] == pytest.approx(62.0)  # 80 dwellings are full: 18 not known
    assert row["poeng_sentralitet"] == 0


def test_the_card_of_the_golden_lot_reads_as_a_salesperson_would():
    facts, shares = fakta({**FULL, "holdeplass_navn": "Torget"}), andeler(*CONFLICTS)
    row = poengsatt(facts, shares, dekning=dekning(holdeplass={"lisens": "Entur, NLOD"}))[1].iloc[0]
    card = row["hvorfor"].splitlines()
    assert card[0] == "Score 73,5 av 100, inntil 84,2 når det ukjente er kjent · nivå B · profil eier-7 (utgave 1)"
    assert "· Holdeplass 1,8 av 3,6 – 900 m, Torget (Entur, 20.11.2026)" in card
    assert "· Flom i vassdrag 0,8 av 1 – 25 % av tomten, frarådes (NVE, 20.11.2026)" in card
    assert "Politisk vilje 6,3 av 9 – 70 av 100 (kommunerangeringen, 01.11.2026)" in card
    assert "Eierstruktur 6,8 av 10 – 2 eiere, privat (Matrikkelen)" in card
