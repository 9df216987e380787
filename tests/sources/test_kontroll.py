"""The review queue: what becomes an item, and how items open, stay and close."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.answer import Answer, Empty, Failed, NotCovered
from tasks.contracts import KONTROLL
from tasks.sources import kontroll
from tasks.sources.kontroll import AAPEN, FELLES, LUKKET, Sak, keep, merge
from tasks.sources.kvalitet import assess_and_keep
from tasks.store import Geodata

from .dekning_data import NOW, TODAY, TOMTEVIK, all_rows, held, rows, write_core


@pytest.fixture
def geodata(tmp_path: Path) -> Geodata:
    found = Geodata(tmp_path)
    write_core(found)
    return found


def queue(geodata: Geodata, changed: Mapping[str, Answer], days_on: int = 0) -> list[dict[Any, Any]]:
    answers = all_rows(geodata) | dict(changed)
    result = assess_and_keep(TOMTEVIK, answers, geodata, i_dag=TODAY + timedelta(days=days_on))
    return result.kontroll.to_dict("records")


def test_data_that_are_as_they_should_be_leave_nothing_to_look_at(geodata: Geodata) -> None:
    assert queue(geodata, {}) == []


@pytest.mark.parametrize(
    ("tema", "answer", "kontroll_id", "says", "suggests"),
    [
        ("teig", Failed("kartverket_teig", "HTTP 500"), "0099-teig-feilet-kartverket_teig", "HTTP 500", "Prøv igjen"),
        (
            "kommuneplan",
            NotCovered("nap_kommuneplan", "Oslo er ikke med."),
            "0099-kommuneplan-ikke_dekket-nap_kommuneplan",
            "ukjent, ikke tomt: ingen tomter endres. Oslo er ikke med.",
            "`tomt sources 0099 --finn`",
        ),
        (
            "reguleringsplan",
            NotCovered("", "Ingen kilde."),
            "0099-reguleringsplan-ikke_dekket-ingen",
            "Ingen kilde.",
            "innboksen",
        ),
        (
            "kommuneplan",
            Empty("nap_kommuneplan", "Ingen."),
            "0099-kommuneplan-mangler-nap_kommuneplan",
            "§ 11-1",
            "planregister",
        ),
    ],
)
def test_silence_of_a_theme_that_lots_depend_on(
    geodata: Geodata, tema: str, answer: Answer, kontroll_id: str, says: str, suggests: str
) -> None:
    (item,) = queue(geodata, {tema: answer})
    assert (item["kontroll_id"], item["alvor"], item["tilstand"]) == (kontroll_id, "høy", AAPEN)
    assert says in item["hvorfor"]
    assert suggests in item["forslag"]
    assert item["hvor"].startswith(f"{TOMTEVIK.label}, {tema}, kilde {answer.kilde or 'ingen'}")


def test_silence_of_a_theme_that_they_do_without_is_nobodys_work(geodata: Geodata) -> None:
    assert queue(geodata, {"bygning": Failed("kartverket_bygning", "x")}) == []
    assert queue(geodata, {"reguleringsplan": Empty("nap_reguleringsplan", "Ingen.")}) == []


def test_a_snapshot_in_reserve_is_told_of(geodata: Geodata) -> None:
    words = "Kilden kunne ikke leses: HTTP 500. Bruker det som kilden hadde 2026-11-19."
    seen = (NOW - timedelta(days=2)).isoformat()
    (item,) = queue(geodata, {"kommuneplan": rows(geodata, "nap_kommuneplan", reserve=words, sett_tid=seen)})
    assert item["kontroll_id"] == "0099-kommuneplan-reserve-nap_kommuneplan"
    assert item["hvorfor"] == (
        "Det som er endret siden 2026-11-19 mangler. Kilden kunne ikke leses: HTTP 500. "
        "Bruker det som kilden hadde 2026-11-19."
    )


def test_what_is_held_back_says_how_to_let_it_in(geodata: Geodata) -> None:
    answer = rows(geodata, "nap_kommuneplan", reserve="Holdt.", holdt=held())
    (item,) = queue(geodata, {"kommuneplan": answer})
    assert item["kontroll_id"] == "0099-kommuneplan-holdt-nap_kommuneplan"
    assert item["hvorfor"].startswith("1\xa0200 objekter ble 700, 50,0 km² ble 20,0 km².")
    assert "`tomt sources 0099 --godkjenn nap_kommuneplan`" in item["forslag"]
    assert "`tomt sources 0099 --avvis nap_kommuneplan`" in item["forslag"]
    without = replace(answer, holdt=replace(held(), areal_foer_m2=None))
    (item,) = queue(geodata, {"kommuneplan": without})
    assert item["hvorfor"].startswith("1\xa0200 objekter ble 700. De forrige")


def test_unknown_codes_and_a_bad_grade_are_told_once(geodata: Geodata) -> None:
    write_core(geodata, kode="9999")
    (item,) = queue(geodata, {})
    assert item["kontroll_id"] == "0099-kommuneplan-ukjente_koder-nap_kommuneplan"
    assert "100 % av flatene" in item["hvorfor"]
    write_core(geodata)
    old = rows(geodata, "nap_kommuneplan", sett_tid=(NOW - timedelta(days=300)).isoformat())
    *_, item = queue(geodata, {"kommuneplan": old})
    assert item["kontroll_id"] == "0099-kommuneplan-karakter-nap_kommuneplan"
    assert item["hvorfor"] == "Kilden bekreftet dataene sist 2026-01-25."


def test_a_long_message_is_cut(geodata: Geodata) -> None:
    (item,) = queue(geodata, {"teig": Failed("kartverket_teig", "<html>\n" * 10_000)})
    assert len(item["hvorfor"]) < kontroll.MAX_TEXT + 50
    assert item["hvorfor"].endswith("…")


# --- the queue ---


def sak(n: int, why: str = "derfor") -> Sak:
    return Sak(f"0099-teig-feilet-{n}", "0099", "hva", "hvor", why, "forslag", "lav")


def states(frame: pd.DataFrame) -> dict[str, tuple[str, str, str]]:
    rows = frame.to_dict("records")
    return {r["kontroll_id"][-1]: (r["tilstand"], r["foerst_sett"][-2:], r["sist_sett"][-2:]) for r in rows}


def day(n: int) -> date:
    return date(2026, 11, n)


def test_an_item_opens_stays_closes_and_opens_again() -> None:
    first = merge(None, [sak(1), sak(2)], opphav="kjoering", i_dag=day(1))
    second = merge(first, [sak(2, "nå fordi"), sak(3)], opphav="kjoering", i_dag=day(2))
    assert states(second) == {"1": (LUKKET, "01", "01"), "2": (AAPEN, "01", "02"), "3": (AAPEN, "02", "02")}
    assert second["hvorfor"].to_list() == ["derfor", "nå fordi", "derfor"]
    third = merge(second, [sak(1)], opphav="kjoering", i_dag=day(3))
    assert states(third) == {"1": (AAPEN, "01", "03"), "2": (LUKKET, "01", "02"), "3": (LUKKET, "02", "02")}
    assert states(first) == {"1": (AAPEN, "01", "01"), "2": (AAPEN, "01", "01")}  # as it was


def test_each_closes_its_own_alone(tmp_path: Path) -> None:
    geodata = Geodata(tmp_path)
    keep([sak(1)], geodata, kommunenummer="0099", opphav="kjoering", i_dag=day(1))
    keep([sak(2)], geodata, kommunenummer="0099", opphav="oppdagelse", i_dag=day(1))
    kept = keep([], geodata, kommunenummer="0099", opphav="kjoering", i_dag=day(2))
    assert states(kept) == {"1": (LUKKET, "01", "01"), "2": (AAPEN, "01", "01")}
    common = keep([sak(3)], geodata, kommunenummer=FELLES, opphav="helse", i_dag=day(2))
    assert states(common) == {"3": (AAPEN, "02", "02")}
    read = geodata.read("0099", layer="out", contract=KONTROLL)
    assert read is not None
    assert states(read) == states(kept)


@settings(max_examples=30)
@given(st.lists(st.sets(st.integers(0, 5)), max_size=6))
def test_whatever_comes_and_goes_no_item_is_lost(days: list[set[int]]) -> None:
    frame, seen = None, {}
    for n, found in enumerate(days, start=1):
        frame = merge(frame, [sak(i) for i in sorted(found)], opphav="kjoering", i_dag=day(n))
        KONTROLL.check(frame)
        seen = {i: day(n).isoformat() for i in found} | seen  # the first day stands
        again = merge(frame, [sak(i) for i in sorted(found)], opphav="kjoering", i_dag=day(n))
        assert again.equals(frame)
        opened = frame[frame["tilstand"] == AAPEN]["kontroll_id"]
        assert {int(i[-1]) for i in opened} == found
        assert {int(i[-1]): d for i, d in zip(frame["kontroll_id"], frame["foerst_sett"], strict=True)} == seen


def test_what_comes_back_says_so_with_its_date_until_it_is_gone_again() -> None:
    whats: list[str] = []
    queue = None
    for n, there in enumerate([True, False, True, True, False, False, True], 1):
        queue = merge(queue, [sak(1)] if there else [], opphav="kjoering", i_dag=day(n))
        whats.append(queue["hva"].iloc[0])
    third, seventh = ("hva (kom tilbake 2026-11-03)", "hva (kom tilbake 2026-11-07)")
    assert whats == ["hva", "hva", third, third, third, third, seventh]
