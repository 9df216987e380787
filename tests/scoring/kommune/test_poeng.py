"""Points of each factor: municipalities worked by hand, strict bounds, what is missing, stand-ins, straight lines."""

from __future__ import annotations

import doctest
import math

import pytest

from tasks.kommunekontrakter import KOMMUNEFAKTORER
from tasks.scoring.kommune import hvorfor, poeng
from tasks.scoring.kommune.poeng import BEREGNET, MANGLER, STEDFORTREDER, score_factors
from tests.scoring.kommune.haandregnet import FULL, GROWTH, NOTHING, SOCIAL, indicators, without


def scored(measured, of=SOCIAL):
    frame = score_factors(indicators({"0301": measured}), of)
    KOMMUNEFAKTORER.check(frame)
    return frame.set_index("faktor")


def points(measured, of=SOCIAL):
    return scored(measured, of)["poeng"].to_dict()


def test_everything_gives_every_point():
    assert points(FULL) == {
        "befolkningsnedgang": 10,
        "boligstress": 20,
        "inntekt": 15,
        "arbeidsledighet": 10,
        "ledelse": 15,
        "stabilitet": 10,
        "prisnivaa": 10,
        "byggetakt": 10,
    }


def test_nothing_gives_none_and_is_known_all_the_same():
    assert set(points(NOTHING).values()) == {0}
    assert set(scored(NOTHING)["status"]) == {BEREGNET}


# Each bound is strict: what lies on it falls to the next step.
BOUNDS = [
    ("vekst", -2.0001, "befolkningsnedgang", 10),
    ("vekst", -2, "befolkningsnedgang", 7),
    ("vekst", -1, "befolkningsnedgang", 5),
    ("vekst", 0, "befolkningsnedgang", 0),
    ("boutgift", 35.0001, "boligstress", 20),
    ("boutgift", 35, "boligstress", 15),
    ("boutgift", 30, "boligstress", 10),
    ("boutgift", 25, "boligstress", 0),
    ("inntekt", 0.8999, "inntekt", 15),
    ("inntekt", 0.90, "inntekt", 10),
    ("inntekt", 0.95, "inntekt", 0),
    ("ledighet", 1.2, "arbeidsledighet", 7),
    ("ledighet", 1.0, "arbeidsledighet", 0),
    ("ap", 35, "ledelse", 10),
    ("partier", 3.5, "stabilitet", 7),
    ("partier", 4.5, "stabilitet", 4),
    ("partier", 5.5, "stabilitet", 0),
    ("pris", 80, "prisnivaa", 0),
    ("pris", 80.01, "prisnivaa", 10),
    ("pris", 120, "prisnivaa", 0),
    ("bygging", 0.8, "byggetakt", 0),
]


@pytest.fixture(scope="module")
def on_bounds():
    """Score every case of BOUNDS as a kommune of one frame."""
    of = {f"{k:04d}": FULL | {name: value} for k, (name, value, *_) in enumerate(BOUNDS)}
    return score_factors(indicators(of), SOCIAL).set_index(["kommunenummer", "faktor"])["poeng"]


@pytest.mark.parametrize("k", range(len(BOUNDS)), ids=[f"{name} {value}" for name, value, *_ in BOUNDS])
def test_bounds_are_strict(on_bounds, k):
    faktor, wanted = BOUNDS[k][2:]
    assert on_bounds[f"{k:04d}", faktor] == wanted


def test_a_left_majority_counts_where_labour_does_not():
    cases = [
        (40, 30, 15),
        (30, 30, 10),
        (25, 51, 8),  # 25 is not over 25: the left majority is what is left
        (20, 55, 8),
        (20, 50, 0),  # half of the seats is no majority
        (20, 30, 0),
    ]
    of = {f"{k:04d}": FULL | {"ap": ap, "venstre": venstre} for k, (ap, venstre, _) in enumerate(cases)}
    frame = score_factors(indicators(of), SOCIAL)
    assert frame.loc[frame["faktor"] == "ledelse", "poeng"].tolist() == [wanted for *_, wanted in cases]


def test_what_decided_stands_in_the_row_and_what_was_looked_at_in_the_line():
    row = scored(FULL | {"ap": 20, "venstre": 55}).loc["ledelse"]
    assert (row["indikator"], row["verdi"]) == ("venstreblokk_mandatandel_prosent", 55)
    assert row["hvorfor"] == (
        "Politisk ledelse: 8 av 15 poeng. Venstreblokkens andel av mandatene 55,0 % (2025, landet 30,0 %); "
        "Aps andel av mandatene 20,0 % (2025, landet 30,0 %): Venstreblokkens andel av mandatene over 50 % "
        "gir 8 (antatt grense). "
        f"Kilde: {row['kilde']}; "
        f"{scored(FULL).loc['ledelse', 'kilde']}."
    )


@pytest.mark.parametrize(
    ("gone", "value", "status", "wanted"),
    [
        ((), 30, BEREGNET, 10),
        (("venstre",), 30, BEREGNET, 10),  # Labour has decided before the left is asked
        (("venstre",), 20, MANGLER, 0),
        (("ap",), 20, MANGLER, 0),  # the left is never asked: Labour might have given more
        (("ap", "venstre"), 20, MANGLER, 0),
    ],
)
def test_a_step_that_is_reached_and_cannot_be_told_leaves_the_factor_missing(gone, value, status, wanted):
    row = scored(without(FULL | {"ap": value}, *gone)).loc["ledelse"]
    assert (row["status"], row["poeng"]) == (status, wanted)


def test_what_comes_after_a_step_that_cannot_be_told_is_not_asked():
    row = scored(without(FULL, "ap") | {"venstre": 55}).loc["ledelse"]
    assert (row["indikator"], row["poeng"]) == ("ap_mandatandel_prosent", 0)


def test_a_missing_factor_says_which_figure_and_why():
    row = scored(without(FULL | {"ap": 20}, "venstre")).loc["ledelse"]
    assert (row["indikator"], row["poeng"], row["maks"]) == ("venstreblokk_mandatandel_prosent", 0, 15)
    assert row["verdi"] != row["verdi"]
    assert row["hvorfor"] == (
        "Politisk ledelse: mangler, inntil 15 poeng. Venstreblokkens andel av mandatene mangler: "
        "venstreblokk_mandatandel_prosent svarte ikke; Aps andel av stemmene mangler: "
        "ap_stemmeandel_prosent svarte ikke."
    )


@pytest.mark.parametrize(("ap", "venstre", "wanted"), [(36, 10, 15), (35, 10, 10), (25, 50.1, 8), (25, 50, 0)])
def test_votes_stand_in_for_seats_under_their_own_name(ap, venstre, wanted):
    votes = {"ap_stemmeandel_prosent": ap, "venstreblokk_stemmeandel_prosent": venstre}
    row = scored(without(FULL, "ap", "venstre") | votes).loc["ledelse"]
    assert (row["poeng"], row["status"]) == (wanted, STEDFORTREDER)
    assert "av stemmene" in row["hvorfor"]
    assert "antatt" in row["hvorfor"]
    assert "Tallet er en stedfortreder. Aps andel av mandatene mangler" in row["hvorfor"]


def test_the_number_of_parties_by_votes_stands_in():
    row = scored(without(FULL, "partier") | {"effektive_partier_stemmer": 4.0}).loc["stabilitet"]
    assert (row["poeng"], row["status"], row["indikator"]) == (7, STEDFORTREDER, "effektive_partier_stemmer")


def test_the_noise_of_arithmetic_does_not_pass_a_bound():
    noisy = math.nextafter(1.1, 2)
    assert scored(without(FULL, "ledighet") | {"utenfor": noisy}).loc["arbeidsledighet", "poeng"] == 7


def test_a_row_is_marked_that_looked_at_an_invented_figure():
    frame = indicators({"0301": FULL | {"ap": 20}})
    frame.loc[frame["indikator"].isin(["ap_mandatandel_prosent", "arbeidsledighet_prosent"]), "er_oppdiktet"] = True
    marked = score_factors(frame, SOCIAL).set_index("faktor")["er_oppdiktet"]
    assert set(marked.index[marked]) == {"ledelse"}


@pytest.mark.parametrize(("utenfor", "wanted"), [(1.11, 10), (1.1, 7), (1.0, 0)])
def test_the_stand_in_has_its_own_thresholds_and_its_name(utenfor, wanted):
    row = scored(without(FULL, "ledighet") | {"utenfor": utenfor}).loc["arbeidsledighet"]
    assert (row["poeng"], row["status"], row["indikator"]) == (wanted, STEDFORTREDER, "utenfor_arbeid_forhold")
    assert "Utenfor arbeid (landet = 1)" in row["hvorfor"]
    assert "antatt" in row["hvorfor"]
    assert "stedfortreder. Arbeidsledighet (landet = 1) mangler: arbeidsledighet_forhold svarte ikke." in row["hvorfor"]


def test_the_stand_in_is_not_asked_where_the_figure_is_known():
    assert scored(NOTHING | {"utenfor": 2.0}).loc["arbeidsledighet", "poeng"] == 0


def test_without_the_stand_in_too_both_are_said_to_be_missing():
    row = scored(without(FULL, "ledighet")).loc["arbeidsledighet"]
    assert (row["poeng"], row["status"], row["indikator"]) == (0, MANGLER, "arbeidsledighet_forhold")
    assert "arbeidsledighet_forhold svarte ikke; Utenfor arbeid (landet = 1) mangler" in row["hvorfor"]


def test_an_indicator_without_a_row_is_missing():
    frame = indicators({"0301": FULL})
    row = score_factors(frame[frame["indikator"] != "prisindeks"], SOCIAL).set_index("faktor").loc["prisnivaa"]
    assert (row["status"], row["poeng"]) == (MANGLER, 0)
    assert "ikke regnet ut" in row["hvorfor"]


# vekst: 4 % of 0–10 % is 0.4 × 30; 12 % is more than 10 %: all 15; 0.96 of 0.9–1.1 is 0.3 × 15; −5 % of prices: 0;
# 1.5 is the end of 0.5–1.5: all 15
def test_straight_lines_end_at_both_ends():
    measured = {
        "vekst": 4,
        "framskriving_2035_prosent": 12,
        "inntekt": 0.96,
        "prisvekst_5aar_prosent": -5,
        "bygging": 1.5,
    }
    got = points(measured, GROWTH)
    assert got == pytest.approx({"vekst": 12, "framskriving": 15, "inntekt": 4.5, "prisutvikling": 0, "byggetakt": 15})
    row = scored(measured, GROWTH).loc["inntekt"]
    assert "4,5 av 15 poeng" in row["hvorfor"]
    assert "0,9 gir 0 og 1,1 gir 15, jevnt mellom (antatte grenser)" in row["hvorfor"]
    assert scored(without(measured, "vekst"), GROWTH).loc["vekst", "status"] == MANGLER


def test_no_kommuner_give_no_rows():
    frame = score_factors(indicators({"0301": FULL}).iloc[:0], SOCIAL)
    KOMMUNEFAKTORER.check(frame)
    assert frame.empty


def test_a_reason_of_several_lines_stays_on_one():
    frame = indicators({"0301": without(FULL, "pris")})
    frame.loc[frame["indikator"] == "prisindeks", "mangler"] = "svarte\n ikke.\r\n"
    assert (
        score_factors(frame, SOCIAL).set_index("faktor").loc["prisnivaa", "hvorfor"].endswith("mangler: svarte ikke.")
    )


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(poeng).failed == 0
    assert doctest.testmod(hvorfor).failed == 0
