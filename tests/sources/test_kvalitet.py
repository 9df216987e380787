"""Grades of what a run got: each thing that costs, the reasons in words, and that a quiet re-run says the same."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.registers import Trinn, regler
from tasks.account import Account
from tasks.answer import Answer, Empty, Failed, NotCovered
from tasks.contracts import DEKNING, REGULERINGSPLANER
from tasks.sources.kvalitet import DekningResult, assess_and_keep, assess_task, overall, percent
from tasks.store import Geodata

from .dekning_data import BOW, NOW, SQUARE, TODAY, TOMTEVIK, all_rows, held, rows, write_core


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a core that is as it should be, which every test gets a copy of."""
    folder = tmp_path_factory.mktemp("usual")
    write_core(Geodata(folder))
    return folder


@pytest.fixture
def geodata(tmp_path: Path, usual: Path) -> Geodata:
    shutil.copytree(usual, tmp_path, dirs_exist_ok=True)
    return Geodata(tmp_path)


def assessed(geodata: Geodata, answers: Mapping[str, Answer] | None = None, days_on: int = 0) -> DekningResult:
    answers = all_rows(geodata) if answers is None else answers
    return assess_and_keep(TOMTEVIK, answers, geodata, i_dag=TODAY + timedelta(days=days_on))


def row_of(result: DekningResult, tema: str = "kommuneplan") -> dict[str, Any]:
    return next(row for row in result.dekning.to_dict("records") if row["tema"] == tema)


def with_plan(geodata: Geodata, **how: Any) -> dict[str, Answer]:
    return all_rows(geodata) | {"kommuneplan": rows(geodata, "nap_kommuneplan", **how)}


def test_data_that_are_as_they_should_be_get_an_a(geodata: Geodata) -> None:
    result = assessed(geodata)
    assert result.karakter == "A"
    assert result.dekning["grunner"].to_list() == [[]] * 6
    row = row_of(result)
    assert row["andel_dekket"] == pytest.approx(0.9, abs=0.01)
    assert (row["svar"], row["antall_mottatt"], row["andel_ukjent_kode"], row["andel_ugyldig"]) == ("rader", 4, 0, 0)
    assert (row["nyeste_plan"], row["alder_dager"]) == ("2025-06-10", 0)
    assert (row["kilde_adresse"], row["lisens"]) == ("https://example.no/nap_kommuneplan", "Åpen")
    assert row_of(result, "kommunedelplan")["svar"] == "tom"
    kept = geodata.read("0099", layer="out", contract=DEKNING)
    assert kept is not None
    pd.testing.assert_frame_equal(kept, result.dekning, check_dtype=False)
    assert result.as_dict()["temaer"]["teig"] == {"karakter": "A", "grunner": []}


def test_a_run_that_finds_nothing_new_says_the_same(geodata: Geodata) -> None:
    first, second = assessed(geodata), assessed(geodata)
    pd.testing.assert_frame_equal(first.dekning, second.dekning)
    pd.testing.assert_frame_equal(first.kontroll, second.kontroll)


@pytest.mark.parametrize(
    ("how", "grade", "says"),
    [
        ({"ventet": 5}, "C", "Kilden sa at den har 5 objekter og ga 4"),
        ({"ventet": 4}, "A", None),
        ({"shapes": [SQUARE] * 9 + [BOW]}, "B", "10 % av geometriene mangler eller er ugyldige"),
        ({"shapes": [SQUARE, BOW]}, "C", "50 % av geometriene mangler eller er ugyldige"),
        ({"reserve": "Nede (i dag)."}, "B", "Kilden ga ikke nye data; de siste gode er fra 2026-11-21"),
        ({"sett_tid": (NOW - timedelta(days=31)).isoformat()}, "C", "Kilden bekreftet dataene sist 2026-10-21"),
        ({"sett_tid": (NOW - timedelta(days=181)).isoformat()}, "D", "Kilden bekreftet dataene sist 2026-05-24"),
        ({"kopidato": "2026-03-20"}, "C", "Kopien hos kilden er fra 2026-03-20"),
        ({"kopidato": "2026-11-01"}, "A", None),
    ],
)
def test_what_the_source_says_of_itself_costs(geodata: Geodata, how: dict[str, Any], grade: str, says: str) -> None:
    row = row_of(assessed(geodata, with_plan(geodata, **how)))
    assert row["karakter"] == grade
    assert row["grunner"] == ([says] if says else [])


def test_what_the_data_hold_costs(geodata: Geodata) -> None:
    write_core(geodata, kode="9999", covered=0.1)
    result = assessed(geodata)
    assert row_of(result)["grunner"] == [
        "100 % av flatene har et ukjent arealformål",
        "Vedtatte arealformål dekker 10 % av kommunen",
    ]
    assert result.karakter == "D"


def test_an_old_newest_plan_tells_of_an_old_copy(geodata: Geodata) -> None:
    answers = with_plan(geodata, sett_tid=(NOW + timedelta(days=4 * 365)).isoformat())
    result = assessed(geodata, answers, days_on=4 * 365)
    assert "Nyeste reguleringsplan i dataene er vedtatt 2025-06-10" in row_of(result, "reguleringsplan")["grunner"]
    assert row_of(result)["grunner"] == []  # a kommuneplan lasts longer


def test_the_worst_reason_stands_first_and_decides(geodata: Geodata) -> None:
    row = row_of(assessed(geodata, with_plan(geodata, reserve="Nede.", holdt=held())))
    assert row["grunner"] == [
        "Nye data er holdt tilbake: 1\xa0200 objekter ble 700",
        "Kilden ga ikke nye data; de siste gode er fra 2026-11-21",
    ]
    assert row["karakter"] == "C"
    assert row["endring_antall"] == pytest.approx(-5 / 12)
    assert row["endring_areal"] == pytest.approx(-0.6)


def test_a_jump_is_told_of_for_a_while(geodata: Geodata) -> None:
    rows(geodata, "nap_kommuneplan", count=3, days_ago=40)
    answers = with_plan(geodata, count=4)
    row = row_of(assessed(geodata, answers))
    assert (row["endring_antall"], row["karakter"]) == (pytest.approx(1 / 3), "B")
    assert row["grunner"] == [
        "Antallet objekter økte med 33 % da dataene ble hentet 2026-11-21",
        "Arealet økte med 33 % da dataene ble hentet 2026-11-21",
    ]
    later = (NOW + timedelta(days=31)).isoformat()
    confirmed = {t: replace(a, sett_tid=later) if hasattr(a, "sett_tid") else a for t, a in answers.items()}
    assert row_of(assessed(geodata, confirmed, days_on=31))["grunner"] == []


def test_a_snapshot_older_than_the_areas_has_no_change_in_area(geodata: Geodata) -> None:
    before = rows(geodata, "nap_kommuneplan", count=4, days_ago=40)
    frame = pd.read_parquet(before.path)
    frame.attrs = {"provenance": before.provenance.as_dict() | {"areal_m2": None}}
    frame.to_parquet(before.path)
    row = row_of(assessed(geodata, with_plan(geodata, count=4)))
    assert row["endring_antall"] == 0
    assert pd.isna(row["endring_areal"])


@pytest.mark.parametrize(
    ("answer", "svar"),
    [
        (Failed("nap_kommuneplan", "HTTP 500", forsoek=(("innboks_kommuneplan", "tom"),)), "feilet"),
        (NotCovered("", "Ingen kilde."), "ikke_dekket"),
        (Empty("nap_kommuneplan", "Ingen."), "tom"),
    ],
)
def test_silence_about_the_kommuneplan_is_a_d(geodata: Geodata, answer: Answer, svar: str) -> None:
    result = assessed(geodata, all_rows(geodata) | {"kommuneplan": answer})
    row = row_of(result)
    assert (row["svar"], row["karakter"], result.karakter) == (svar, "D", "D")
    assert len(row["grunner"]) == 1
    assert row["forsoek"] == [f"{name}: {why}" for name, why in answer.forsoek]
    assert row["hentet_tid"] is None
    assert pd.isna(row["alder_dager"])


def test_a_theme_that_lots_do_without_does_not_count(geodata: Geodata) -> None:
    result = assessed(geodata, all_rows(geodata) | {"bygning": Failed("kartverket_bygning", "HTTP 500")})
    assert (row_of(result, "bygning")["karakter"], result.karakter) == ("D", "A")


def test_a_run_that_stops_keeps_what_was_measured_on_the_same_snapshot(geodata: Geodata) -> None:
    before = all_rows(geodata)
    assessed(geodata, before)
    write_core(geodata, covered=0.2)  # of another time: a run that stops has not read it
    stopped = before | {"teig": Failed("kartverket_teig", "HTTP 500")}
    assert row_of(assessed(geodata, stopped))["andel_dekket"] == pytest.approx(0.9, abs=0.01)
    newer = stopped | {"kommuneplan": rows(geodata, "nap_kommuneplan", count=5, days_ago=-1)}
    row = row_of(assessed(geodata, newer))
    assert pd.isna(row["andel_dekket"])
    assert row["nyeste_plan"] is None


def test_the_words_do_not_change_from_day_to_day(geodata: Geodata) -> None:
    answers = with_plan(geodata, reserve="Nede (i dag).", kopidato="2026-05-01")
    one, other = assessed(geodata, answers), assessed(geodata, answers, days_on=1)
    assert one.dekning["grunner"].to_list() == other.dekning["grunner"].to_list()
    changing = ["alder_dager"]
    pd.testing.assert_frame_equal(one.dekning.drop(columns=changing), other.dekning.drop(columns=changing))
    assert one.kontroll.drop(columns="sist_sett").equals(other.kontroll.drop(columns="sist_sett"))


def test_the_task_takes_what_a_flow_has(geodata: Geodata) -> None:
    assert isinstance(assess_task.fn(TOMTEVIK, all_rows(geodata), geodata), DekningResult)


def test_nothing_asked_has_no_grade() -> None:
    assert overall(DEKNING.empty()) is None


@given(figure=st.floats(0, 2), lower=st.floats(0, 2))
def test_a_worse_figure_never_gets_a_better_grade(figure: float, lower: float) -> None:
    small, large = sorted((figure, lower))
    limits = regler().kvalitet.ukjent_kode
    assert limits.above(small) <= limits.above(large)
    limits = regler().kvalitet.dekket
    assert limits.below(small) >= limits.below(large)


def test_no_figure_and_no_limit_cost_nothing() -> None:
    assert Trinn().above(9.0) == "A"
    assert regler().kvalitet.dekket.below(None) == "A"


@pytest.mark.parametrize(("share", "text"), [(0.384, "38 %"), (0.021, "2,1 %"), (0.0, "0 %"), (1.0, "100 %")])
def test_shares_are_written_as_norwegians_do(share: float, text: str) -> None:
    assert percent(share) == text


def test_levels_that_could_not_be_read_cost_the_grade(geodata: Geodata) -> None:
    account = Account(REGULERINGSPLANER.name, inn=40)
    account.note("uleselig vertikalnivå", 1)
    result = assess_and_keep(TOMTEVIK, all_rows(geodata), geodata, i_dag=TODAY, regnskap=[account])
    row = row_of(result, "reguleringsplan")
    assert (row["karakter"], row["grunner"]) == ("B", ["2,5 % av flatene har et vertikalnivå som ikke kan leses"])
    assert row_of(assessed(geodata), "reguleringsplan")["karakter"] == "A"


def test_what_the_operators_own_file_makes_optional_does_not_stop_the_grade(geodata: Geodata, tmp_path: Path) -> None:
    egne = tmp_path / "kilder.toml"
    own = "".join(
        f'[{navn}]\ntema = "teig"\nprotokoll = "wfs"\nadresse = "https://own.example/{navn}"\n'
        'lag = ["Teig"]\nvalgfri = true\nlisens = "x"\n'
        for navn in ("kartverket_teig", "geonorge_teig")
    )
    egne.write_text(own)
    answers = all_rows(geodata) | {"teig": Failed("kartverket_teig", "x")}
    result = assess_and_keep(TOMTEVIK, answers, geodata, i_dag=TODAY, egne=egne)
    assert result.karakter == "A"
    assert not row_of(result, "teig")["er_paakrevd"]
