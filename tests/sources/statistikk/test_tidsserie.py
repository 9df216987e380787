"""Figures carried over to the kommuner of today: golden renumberings, sums that are kept, and what is never guessed."""

from __future__ import annotations

import csv
import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.kommuneendringer import kommuneendringer
from config.registers import kommune_register
from tasks.kommunekontrakter import LANDET
from tasks.sources.statistikk.tidsserie import (
    Endring,
    Kommunenumre,
    add_up_country,
    carry_over,
    mark_carried,
)
from tests.sources.conftest import shared

TODAY = ("0301", "1508", "1580", "3118", "3207", "3212", "3216", "3218", "4601", "5055", "5056", "5059")
CHANGES = [
    # Follo: a merger and new numbers in 2020, new numbers again in 2024
    Endring("2020-01-01", "0213", "3020"),
    Endring("2020-01-01", "0217", "3020"),
    Endring("2020-01-01", "0214", "3021"),
    Endring("2020-01-01", "0216", "3023"),
    Endring("2020-01-01", "0211", "3019"),
    Endring("2020-01-01", "0125", "3014"),
    Endring("2024-01-01", "3020", "3207"),
    Endring("2024-01-01", "3021", "3218"),
    Endring("2024-01-01", "3023", "3212"),
    Endring("2024-01-01", "3019", "3216"),
    Endring("2024-01-01", "3014", "3118"),
    # Ålesund: merged in 2020, split in 2024
    Endring("2020-01-01", "1504", "1507"),
    Endring("2020-01-01", "1534", "1507"),
    Endring("2024-01-01", "1507", "1508"),
    Endring("2024-01-01", "1507", "1580"),
    # Snillfjord: split among three, renumbered the year before last
    Endring("2018-01-01", "1613", "5012"),
    Endring("2020-01-01", "5012", "5055"),
    Endring("2020-01-01", "5012", "5056"),
    Endring("2020-01-01", "5012", "5059"),
    Endring("2020-01-01", "5011", "5055"),
    Endring("2020-01-01", "5013", "5056"),
    Endring("2020-01-01", "5016", "5059"),
    Endring("2020-01-01", "1201", "4601"),
    # a name alone, and land that moved in 2026 while all went on
    Endring("2023-01-01", "0301", "0301"),
    Endring("2026-01-01", "3118", "3207"),
    Endring("2026-01-01", "3118", "3216"),
]


@pytest.fixture(scope="module")
def numre():
    return Kommunenumre(TODAY, CHANGES)


def rows(*figures, maal="folkemengde"):
    """Rows of (number, year, value or status)."""
    made = [
        {
            "nummer": number,
            "maal": maal,
            "gruppe": "",
            "aar": aar,
            "periode": str(aar),
            "verdi": float("nan") if isinstance(value, str) else float(value),
            "status": value if isinstance(value, str) else None,
        }
        for number, aar, value in figures
    ]
    return pd.DataFrame(made)


def carried(frame, numre, *, additive=("folkemengde",), **more):
    made = carry_over(frame, numre, additive=additive, **more)
    return {(r.kommunenummer, r.aar): r.status if pd.isna(r.verdi) else r.verdi for r in made.itertuples()}


def test_numbers_of_each_year(numre):
    assert {"0213", "0217", "1504", "5012"} <= numre.inndeling(2019).numre
    assert {"3020", "1507"} <= numre.inndeling(2021).numre
    assert numre.inndeling(2026).numre == set(TODAY)
    assert "1613" in numre.inndeling(2017).numre
    assert "5012" not in numre.inndeling(2017).numre


def test_new_number_keeps_its_figures_and_mergers_add_up(numre):
    got = carried(rows(("0213", 2019, 100), ("0217", 2019, 20), ("3020", 2021, 130), ("3207", 2025, 140)), numre)
    assert [got["3207", aar] for aar in (2019, 2021, 2025)] == [120, 130, 140]
    got = carried(rows(("3021", 2021, 7), ("0214", 2019, 6), ("3023", 2021, 5)), numre)
    assert (got["3218", 2021], got["3218", 2019], got["3212", 2021]) == (7, 6, 5)


def test_medians_are_not_carried_over_a_merger(numre):
    got = carried(rows(("0213", 2019, 100), ("0217", 2019, 20), ("0214", 2019, 50)), numre, additive=())
    assert got["3207", 2019] == "sammenslått 2020"
    assert got["3218", 2019] == 50


def test_nothing_before_a_split_is_guessed(numre):
    got = carried(rows(("1507", 2021, 60), ("1504", 2019, 50), ("1508", 2025, 55), ("1580", 2025, 9)), numre)
    assert got["1508", 2021] == got["1580", 2021] == got["1508", 2019] == "delt 2024"
    assert (got["1508", 2025], got["1580", 2025]) == (55, 9)
    got = carried(rows(("5012", 2019, 1), ("5016", 2019, 9)), numre)
    assert {got[n, 2019] for n in ("5055", "5056", "5059")} == {"delt 2020"}


def test_a_moved_border_is_no_split(numre):
    frame = rows(*((n, 2025, 10) for n in ("3118", "3207", "3216")), *((n, 2021, 9) for n in ("3014", "3020", "3019")))
    got = carried(frame, numre)
    assert [got[n, 2025] for n in ("3118", "3207", "3216")] == [10, 10, 10]
    assert [got[n, 2021] for n in ("3118", "3207", "3216")] == [9, 9, 9]


def test_a_number_outside_its_validity_says_nothing(numre):
    """Tables have 0 there: the new number before it was given, the old one after."""
    frame = rows(("3207", 2021, 0), ("3020", 2021, 130), ("3020", 2025, 0), ("3207", 2025, 140), ("0213", 2025, 0))
    got = carried(frame, numre)
    assert (got["3207", 2021], got["3207", 2025]) == (130, 140)


def test_zero_of_a_number_in_use_is_a_figure(numre):
    assert carried(rows(("3207", 2025, 0), ("3218", 2025, 3)), numre)["3207", 2025] == 0


def test_missing_part_makes_the_sum_missing_and_one_that_cannot_be_does_not(numre):
    assert carried(rows(("0213", 2019, 100), ("0217", 2019, ":")), numre)["3207", 2019] == ":"
    assert carried(rows(("0213", 2019, 100), ("0217", 2019, ".")), numre)["3207", 2019] == 100
    assert carried(rows(("0213", 2019, ".."), ("0217", 2019, 3), ("0214", 2019, 1)), numre)["3207", 2019] == ".."


def test_a_number_that_the_answer_lacks_is_a_gap(numre):
    """Else a part of a merger would be taken for the whole, and a country without Oslo for the country."""
    got = carried(rows(("0213", 2019, 100), ("0214", 2019, 1)), numre)
    assert (got["3207", 2019], got["3212", 2019], got["3218", 2019]) == ("..", "..", 1)
    frame = rows(*((n, 2025, 1) for n in TODAY if n != "0301"))
    country = add_up_country(frame, numre)
    assert (country.verdi.isna().tolist(), country.status.tolist()) == ([True], [".."])
    assert add_up_country(frame, numre, uten={"0301"}).verdi.tolist() == [len(TODAY) - 1]


def test_figures_written_in_the_numbers_of_the_year_after(numre):
    """The income of 2019 may stand in the numbers of 2020, that of 2023 in those of 2024."""
    got = carried(rows(("3020", 2019, 500), ("3021", 2019, 400), ("0213", 2019, 0)), numre, additive=())
    assert (got["3207", 2019], got["3218", 2019]) == (500, 400)


def test_what_is_carried_over_is_marked(numre):
    made = carry_over(rows(("3020", 2021, 1), ("3207", 2025, 1), ("0301", 2021, 1)), numre, additive=())
    marked = {(r.kommunenummer, r.aar): r.er_omregnet for r in made.itertuples() if r.verdi == 1}
    assert marked == {("3207", 2021): True, ("3207", 2025): False, ("0301", 2021): False}


def test_groups_that_most_do_not_have_leave_no_rows(numre):
    frame = rows(("3207", 2025, 4), ("3218", 2025, 5)).assign(gruppe=["LOKAL:X", "A"])
    made = carry_over(frame, numre, additive=(), er_tett=False)
    assert sorted(zip(made.kommunenummer, made.gruppe, strict=True)) == [("3207", "LOKAL:X"), ("3218", "A")]


def test_country_counts_what_was_split_once_and_without_the_invented(numre):
    frame = rows(*((n, 2019, 1) for n in sorted(numre.inndeling(2019).numre)))
    made = add_up_country(frame, numre, uten={"4601"})
    assert made.kommunenummer.tolist() == [LANDET]
    assert made.verdi.tolist() == [len(numre.inndeling(2019).numre) - 1]
    hidden = add_up_country(pd.concat([frame.iloc[1:], rows(("0125", 2019, ":"))]), numre)
    assert hidden.verdi.isna().all()
    assert hidden.status.tolist() == [":"]


def test_what_ssb_has_carried_over_is_missing_before_a_split(numre):
    frame = rows(("1508", 2021, 0), ("3207", 2021, 130), ("1508", 2025, 55)).rename(columns={"nummer": "kommunenummer"})
    made = mark_carried(frame, numre)
    assert made.status.tolist() == ["delt 2024", None, None]
    assert made.verdi.isna().tolist() == [True, False, False]
    assert made.er_omregnet.tolist() == [True, True, False]


def test_nothing_of_nothing(numre):
    assert carry_over(rows(), numre, additive=()).empty
    assert add_up_country(rows(), numre).empty


def test_a_number_that_is_used_again():
    """0716 was merged away and given anew: what it was before belongs to another kommune."""
    changes = [
        Endring("2002-01-01", "0716", "0718"),
        Endring("2002-01-01", "0718", "0718"),
        Endring("2010-01-01", "0799", "0716"),
    ]
    numre = Kommunenumre(["0716", "0718"], changes)
    assert numre.inndeling(2005).numre == {"0799", "0718"}
    got = carried(rows(("0716", 2001, 5), ("0799", 2001, 7), ("0718", 2001, 1)), numre)
    assert (got["0716", 2001], got["0718", 2001]) == (7, 6)


def test_carved_out_of_a_kommune_that_keeps_its_number():
    numre = Kommunenumre(
        ["0001", "0002"], [Endring("2015-01-01", "0001", "0001"), Endring("2015-01-01", "0001", "0002")]
    )
    got = carried(rows(("0001", 2014, 9), ("0001", 2016, 6), ("0002", 2016, 3)), numre)
    assert got == {
        ("0001", 2014): "delt 2015",
        ("0002", 2014): "delt 2015",
        ("0001", 2016): 6,
        ("0002", 2016): 3,
    }


@st.composite
def histories(draw):
    """Divisions of a country through some years: what was undone last is drawn first; no kommune is split."""
    today = [f"{n:04d}" for n in range(1, 1 + draw(st.integers(2, 8)))]
    numbers, fresh, changes = list(today), 1_000, []
    for year in draw(st.lists(st.integers(2001, 2025), unique=True, max_size=4).map(sorted))[::-1]:
        before = []
        for number in numbers:
            parts = draw(st.integers(0, 3))  # 0: nothing happened; 1: another number; more: a merger
            if parts == 0:
                before.append(number)
                continue
            olds = [f"{fresh + k:04d}" for k in range(parts)]
            if draw(st.booleans()):
                olds[0] = number  # merged into one that keeps its number, as Klass writes it
            fresh += parts
            changes += [Endring(f"{year}-01-01", old, number) for old in olds]
            before += olds
        numbers = before
    return today, draw(st.permutations(changes))


@settings(max_examples=10)
@given(histories())
def test_every_number_of_then_lies_in_one_kommune_of_today(history):
    today, changes = history
    numre = Kommunenumre(today, changes)
    for aar in range(2000, 2027):
        pairs = numre.inndeling(aar).pairs
        assert len({old for old, _ in pairs}) == len(pairs)
        assert {now for _, now in pairs} == set(today)


@settings(max_examples=3)
@given(histories(), st.integers(2000, 2026), st.randoms(use_true_random=False))
def test_totals_are_kept_where_nothing_was_split(history, aar, random):
    today, changes = history
    numre = Kommunenumre(today, changes)
    frame = rows(*((n, aar, random.randint(1, 1000)) for n in sorted(numre.inndeling(aar).numre)))
    made = carry_over(frame, numre, additive=["folkemengde"])
    assert sorted(made.kommunenummer) == sorted(today)
    assert made.verdi.sum() == frame.verdi.sum()
    assert add_up_country(frame, numre).verdi.tolist() == [frame.verdi.sum()]


# --- the whole country ---


@pytest.fixture(scope="module")
def norge():
    changes = [Endring(c.dato.isoformat(), c.gammel, c.ny) for c in kommuneendringer()]
    return Kommunenumre([k.nummer for k in kommune_register().kommune], changes)


@pytest.mark.parametrize("aar", [2019, 2020, 2023, 2024])
def test_numbers_of_the_country_are_those_of_klass(norge, aar):
    version = json.loads(shared(f"data/klass/klass_131_version_{aar}.json").read_text(encoding="utf-8"))
    assert norge.inndeling(aar).numre == {item["code"] for item in version["classificationItems"]} - {"9999"}


def test_each_kommune_of_2019_lies_where_the_list_says(norge):
    with shared("data/kommuner/kommune_mapping_2019_2020_2024.csv").open(encoding="utf-8") as file:
        wanted = {(row["code_2019"], row["code_2024"]) for row in csv.DictReader(file)}
    assert set(norge.inndeling(2019).pairs) == wanted
    deler = norge.inndeling(2019).deler
    assert set(deler.loc[deler.er_delt, "ny"]) == {"1508", "1580", "1806", "1875", "5055", "5056", "5059"}


def test_register_of_earlier_numbers_agrees_with_klass(norge):
    became: dict[str, set[str]] = {}
    for old, now in {pair for i in norge._inndelinger for pair in i.pairs}:
        became.setdefault(old, set()).add(now)
    for old, new in kommune_register().tidligere.items():
        assert became.get(old, set()) <= set(new), (old, became[old], new)
