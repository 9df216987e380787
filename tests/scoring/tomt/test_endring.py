"""The log of scores that moved: which factor, by how much, and why in words."""

from __future__ import annotations

import doctest

import pandas as pd
import pytest

from tasks.scoring.tomt import endring as module
from tasks.scoring.tomt.endring import endringer, med_endring
from tasks.tomtekontrakter import SCOREENDRINGER
from tests.scoring.tomt.poenggrunn import andeler, fakta, poengsatt, regler

LOT = "3207-000001"
TID = "2026-11-21T01:00:00+00:00"
BASE = {
    "areal_m2": 6000.0, "byggbar_m2": 5000.0, "kommuneklasse": "mellomstor", "tettsted_m": 0.0,
    "tettsted_folketall": 12_000.0, "holdeplass_m": 900.0, "befolkning_1km": 4000.0, "veg_m": 20.0,
    "vegkategori": "K", "avstand_metode": "langs veg", "politikk": 60.0, "antall_eiere": 1.0, "eierslag": "privat",
}  # fmt: skip


def moved(before, after, shares_before=(), shares_after=(), **more):
    kort_1, scores_1 = poengsatt(fakta(before), andeler(*shares_before), profil=more.get("fra", "eier-7"))
    kort_2, scores_2 = poengsatt(fakta(after), andeler(*shares_after), profil=more.get("til", "eier-7"))
    rows = endringer(
        scores_1, kort_1, scores_2, kort_2, tid=TID, kommunenummer="3207", regler=regler(),
        foerste_nr=more.get("nr", 1),
    )  # fmt: skip
    return rows, scores_1, scores_2


CHANGES = [
    ({"holdeplass_m": 350.0}, "sentralitet", "Holdeplass: 900 → 350 m"),
    ({"holdeplass_m": 1400.0}, "sentralitet", "Holdeplass: 900 m → 1,4 km"),
    ({"holdeplass_m": float("inf")}, "sentralitet", "Holdeplass: 900 m → ingen innen rekkevidde"),
    ({"holdeplass_m": None}, "sentralitet", "Holdeplass er ikke lenger kjent: ingen tall for stedet"),
    ({"skole_m": 500.0}, "sentralitet", "Skole er nå kjent: 500 m"),
    ({"politikk": 75.0}, "politikk", "Politisk vilje: 60 → 75 av 100"),
    ({"areal_m2": 7500.0}, "storrelse", "Størrelse: 6,0 → 7,5 daa"),
    ({"byggbar_m2": 4000.0}, "kapasitet", "Kapasitet: 27 → 22 boliger"),
    ({"antall_eiere": 5.0}, "eier", "Eierstruktur: 1 → 5 eiere"),
    ({"eierslag": "kommune"}, "eier", "Eierstruktur: 1 eier, privat → 1 eier, kommunen"),
    ({"eierslag": None}, "eier", "Eierstruktur er ikke lenger kjent: eiere er ikke slått opp"),
    ({"vegkategori": "S"}, "infrastruktur", "Veg: 20 m, kommunal veg → 20 m, skogsbilveg"),
    ({"ukjente_tema": ["naturvern"]}, "konflikt", "Naturvern er ikke lenger kjent"),
]


def test_what_moved_is_told_in_words():
    """One lot for each change: told of it and of nothing else."""
    before, after = fakta(*[BASE] * len(CHANGES)), fakta(*({**BASE, **change} for change, _, _ in CHANGES))
    (kort_1, scores_1), (kort_2, scores_2) = poengsatt(before), poengsatt(after)
    rows = endringer(scores_1, kort_1, scores_2, kort_2, tid=TID, kommunenummer="3207", regler=regler())
    SCOREENDRINGER.check(rows)
    told = list(zip(rows["tomt_id"], rows["faktor"], rows["aarsak"], strict=True))
    assert told == [(t, f, a) for t, (_, f, a) in zip(before["tomt_id"], CHANGES, strict=True)]
    assert (rows["score_foer"] == scores_1["score"]).all()
    assert (rows["score_etter"] == scores_2["score"]).all()
    assert (
        rows["poeng_etter"]
        == [s[f"poeng_{f}"] for s, f in zip(scores_2.to_dict("records"), rows["faktor"], strict=True)]
    ).all()
    assert set(rows["dato"]) == {TID}
    assert set(rows["kommunenummer"]) == {"3207"}


def test_a_conflict_that_came():
    [row] = moved(BASE, BASE, (), [(LOT, "flom", "hard", 0.4)])[0].to_dict("records")
    assert row["aarsak"] == "Flom i vassdrag: 0 → 40 % av tomten"
    [row] = moved(BASE, BASE, [(LOT, "flom", "myk", 0.4)], [(LOT, "flom", "hard", 0.4)])[0].to_dict("records")
    assert row["aarsak"] == "Flom i vassdrag: 40 % av tomten, må undersøkes → 40 % av tomten, frarådes"


def test_points_of_the_rows_explain_the_whole_move():
    after = {**BASE, "holdeplass_m": 300.0, "politikk": 90.0, "antall_eiere": 3.0, "eierslag": "selskap"}
    rows, _, _ = moved(BASE, after, nr=8)
    assert rows["nr"].tolist() == [8, 9, 10]
    assert rows["faktor"].tolist() == ["sentralitet", "politikk", "eier"]
    by_factor = (rows["poeng_etter"] - rows["poeng_foer"]).sum()
    assert by_factor == pytest.approx(rows["score_etter"][0] - rows["score_foer"][0])


def test_nothing_moved():
    assert moved(BASE, {**BASE, "politikk": 60.5})[0].empty  # 0.045 points


def test_small_moves_that_together_are_one_are_told_by_the_largest():
    # size 0.03 / 10 × 13.5 = 0.0405, politikk 0.5 / 100 × 9 = 0.045: 0.0855 together
    rows = moved(BASE, {**BASE, "politikk": 60.5, "areal_m2": 6030.0})[0]
    assert rows["faktor"].tolist() == ["politikk"]
    assert rows["score_etter"][0] - rows["score_foer"][0] == pytest.approx(0.0855)


def test_another_tier_is_told_though_the_score_hardly_moved():
    kort, scores = poengsatt(fakta(BASE, BASE))
    under = scores.assign(score=scores["score"] - 0.01, poeng_politikk=scores["poeng_politikk"] - 0.01,
                          nivaa=["D", scores["nivaa"][1]])  # fmt: skip
    args = {"tid": TID, "kommunenummer": "3207", "regler": regler()}
    rows = endringer(under, kort, scores, kort, **args)
    assert (rows["tomt_id"].tolist(), rows["faktor"].tolist()) == ([LOT], ["politikk"])
    [row] = endringer(scores.assign(nivaa="A"), kort, scores, kort, **args).iloc[:1].to_dict("records")
    assert (row["faktor"], row["aarsak"]) == ("nivaa", f"Nivå: A → {scores['nivaa'][0]}")
    SCOREENDRINGER.check(rows)


def test_a_factor_that_moved_enough_alone():
    assert moved(BASE, {**BASE, "politikk": 60.6})[0]["faktor"].tolist() == ["politikk"]


def test_the_first_run_and_new_lots_have_not_moved():
    kort, scores = poengsatt(fakta(BASE, {**BASE, "politikk": 10.0}))
    args = {"tid": TID, "kommunenummer": "3207", "regler": regler()}
    assert endringer(None, None, scores, kort, **args).empty
    assert endringer(scores.iloc[:1], kort, scores, kort, **args).empty


def test_another_profile_is_one_row():
    [row] = moved(BASE, {**BASE, "politikk": 80.0}, fra="master-6", til="eier-7")[0].to_dict("records")
    assert (row["faktor"], row["aarsak"]) == ("profil", "Profil: master-6 1 → eier-7 1")
    assert (row["poeng_foer"], row["poeng_etter"]) == (row["score_foer"], row["score_etter"])


def test_a_lot_that_is_stopped_says_so_for_every_factor_and_once_in_the_text():
    after = {**BASE, "er_stoppet": True, "stopp_grunn": "Marka: hele tomten"}
    rows, before, scores = moved(BASE, after)
    assert set(rows["aarsak"]) == {"Stoppet: Marka: hele tomten"}
    text = med_endring(scores, before, rows)["endring"][0]
    assert text.count("Marka") == 1
    back, _, _ = moved(after, BASE)
    assert set(back["aarsak"]) == {"Tomten er ikke lenger stoppet"}


def test_the_last_move_stays_until_the_next():
    rows, before, after = moved(BASE, {**BASE, "politikk": 75.0})
    told = med_endring(after, before, rows)
    assert told["endring"][0].startswith("2026-11-21: ")
    assert told["endring"][0].endswith("Politisk vilje: 60 → 75 av 100")
    again = med_endring(after, told, rows.iloc[:0])
    assert again["endring"][0] == told["endring"][0]
    assert pd.isna(med_endring(after, None, rows.iloc[:0])["endring"][0])


def test_many_causes_are_counted():
    after = {**BASE, "politikk": 75.0, "holdeplass_m": 300.0, "areal_m2": 7000.0, "antall_eiere": 4.0}
    rows, before, scores = moved(BASE, after)
    assert med_endring(scores, before, rows)["endring"][0].endswith(" og 1 til")


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(module).failed == 0
