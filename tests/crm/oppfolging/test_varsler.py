"""Reminders: what is due on which day, once per occurrence, and what it says."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.oppfolging import oppfolging
from tasks.crm.oppfolging.tomt import Svar
from tasks.crm.oppfolging.varsler import Inntatt, Sett, as_text, inntatt, of_svar, of_tomt, seen_answers, told_answers
from tests.crm.oppfolging.hjelp import dag, skifte, tomt

I_DAG = date(2026, 5, 20)
OSLO = ZoneInfo("Europe/Oslo")
UKJENT = Inntatt(None, None, None)


def before(days: int) -> date:
    return I_DAG - timedelta(days=days)


def due(lot, *, kontakt=None, siden=UKJENT, i_dag=I_DAG):
    return of_tomt(lot, i_dag=i_dag, kontakt=kontakt, inntatt=siden, regler=oppfolging())


def ids(found):
    return [varsel.id for varsel in found]


def test_a_next_step_is_due_from_its_day_on_and_told_once():
    lot = tomt(neste_steg_dato=I_DAG)
    assert due(lot, i_dag=before(1)) == []
    assert ids(due(lot)) == ids(due(lot, i_dag=I_DAG + timedelta(days=9))) == ["steg:3207-000001:2026-05-20"]
    assert due(lot)[0].linje == "Neste steg har frist 20.05.2026"


@pytest.mark.parametrize(("fase", "count"), [("Identifisert", 1), ("Opsjon", 1), ("Ikke aktuell", 0), ("Parkert", 0)])
def test_a_next_step_counts_in_every_stage_but_those_that_rest(fase, count):
    assert len(due(tomt(fase=fase, neste_steg_dato=before(3)))) == count


def test_a_parked_lot_is_taken_up_again_on_its_day():
    assert ids(due(tomt(fase="Parkert", parkert_til=I_DAG))) == ["parkert:3207-000001:2026-05-20"]
    assert due(tomt(fase="Parkert", parkert_til=before(-1))) == []
    assert due(tomt(fase="Dialog", parkert_til=I_DAG)) == []


@pytest.mark.parametrize(("fase", "limit"), [("Kontaktet", 14), ("Dialog", 30), ("LOI", 14)])
def test_silence_is_told_after_so_many_days_and_again_after_as_many(fase, limit):
    for days, times in ((limit - 1, 0), (limit, 1), (2 * limit - 1, 1), (2 * limit, 2), (200, 200 // limit)):
        found = due(tomt(fase=fase, sist_kontaktet=before(days)))
        assert ids(found) == [f"stille:3207-000001:{before(days).isoformat()}:{times}"] * bool(times)


def test_silence_is_no_matter_in_other_stages():
    assert due(tomt(fase="Opsjon", sist_kontaktet=before(300))) == []
    assert due(tomt(fase="Parkert", sist_kontaktet=before(300))) == []


def test_silence_begins_with_the_latest_of_contacts_and_of_the_stage():
    lot = tomt(sist_kontaktet=before(100))
    assert due(lot, kontakt=before(5)) == []
    assert due(lot, siden=Inntatt(None, before(5), before(5))) == []
    assert ids(due(lot, kontakt=before(40))) == [f"stille:3207-000001:{before(40).isoformat()}:1"]


def test_a_contact_in_the_future_is_none():
    assert ids(due(tomt(sist_kontaktet=before(-3)), kontakt=before(31))) == [
        f"stille:3207-000001:{before(31).isoformat()}:1"
    ]


def test_without_any_contact_silence_begins_when_the_lot_was_first_seen():
    assert due(tomt()) == []
    assert due(tomt(), siden=Inntatt(None, None, before(29))) == []
    (found,) = due(tomt(), siden=Inntatt(None, None, before(30)))
    assert found.linje == "Ingen kontakt ført siden 20.04.2026 (grense i Dialog: 30 dager)"


def test_the_text_of_a_silence_stays_while_the_days_pass():
    lot = tomt(sist_kontaktet=before(31))
    assert due(lot)[0].linje == due(lot, i_dag=I_DAG + timedelta(days=20))[0].linje


def test_a_change_is_told_while_the_lot_is_worked_with_and_for_a_fortnight():
    lot = tomt(kilde_endret=before(3), hva_er_endret="Areal m²")
    assert [v.linje for v in due(lot)] == ["Kildene endret 17.05.2026: Areal m²"]
    assert due(tomt(fase="Identifisert", kilde_endret=before(3))) == []
    assert due(tomt(kilde_endret=before(15))) == []
    assert due(lot, siden=Inntatt(before(2), before(2), before(2))) == []  # changed before anybody worked with it


def test_a_lot_that_is_gone_is_told_of_as_long_as_it_is_worked_with():
    lot = tomt(tilstand="Borte", aarsak="regulert", oppdatert=before(90), kilde_endret=before(1))
    assert [(v.id, v.linje) for v in due(lot)] == [
        (f"borte:3207-000001:{before(90).isoformat()}", "Borte fra dataene: regulert")
    ]
    assert due(tomt(fase="Ikke aktuell", tilstand="Borte")) == []


def test_a_lot_that_is_stopped_is_told_of_as_long_as_it_is_worked_with():
    lot = tomt(er_stoppet=True, stoppet_fordi="Naturvern: 72 %", kilde_endret=before(40), hva_er_endret="Stoppet")
    assert [(v.id, v.linje) for v in due(lot)] == [
        (f"stoppet:3207-000001:{before(40).isoformat()}", "Stoppet: Naturvern: 72 %")
    ]
    assert due(tomt(fase="Identifisert", er_stoppet=True)) == []
    both = tomt(er_stoppet=True, tilstand="Borte")
    assert [v.slag for v in due(both)] == ["borte"]
    assert [v.slag for v in due(tomt(er_stoppet=True, kilde_endret=before(1)))] == ["stoppet"]


# --- answers ---


def svar(nr=1, verdi="Interessert", dato=None):
    return Svar(f"recS{nr}", f"B{nr}", verdi, f"B{nr}", dato, ("recT",), ("recE",), er_brev=True)


def seen(answers, known, *, er_foerste=False, i_dag=I_DAG):
    return seen_answers(answers, known, i_dag=i_dag, er_foerste=er_foerste, dager=14)


def test_at_the_first_follow_up_only_recent_answers_are_new():
    answers = [svar(1), svar(2, dato=before(3)), svar(3, dato=before(300))]
    told = [v.id for v, _ in of_svar(answers, seen(answers, {}, er_foerste=True))]
    assert told == ["svar:B2:2026-05-20:Interessert"]


def test_an_answer_is_told_once_and_another_one_again():
    first = seen([svar()], {}, i_dag=before(5))
    assert seen([svar()], first) == first
    again = seen([svar(verdi="Ikke interessert")], first)
    assert again == {"recS1": Sett("Ikke interessert", I_DAG)}


def test_an_answer_says_when_it_came_and_nothing_of_who():
    ((varsel, when),) = of_svar([svar(dato=before(2))], seen([svar()], {}))
    assert (varsel.linje, when) == ("Svar på brev 18.05.2026: Interessert", before(2))
    assert (varsel.tomter, varsel.eiere, varsel.aktivitetstype) == (("recT",), ("recE",), "Svar")


def test_answers_that_were_told_of_are_known_by_their_rows():
    known = seen([svar(), svar(2, "Vil vite mer")], {})
    told = [v.id for v, _ in of_svar([svar(), svar(2, "Vil vite mer")], known)]
    assert told_answers([svar(), svar(2), svar(3)], [*told, "svar:B1:2026-05-01:Ikke nå"]) == known


# --- the ledger and the cell ---


def test_since_when_a_lot_is_worked_with_is_the_unbroken_part():
    rows = [skifte(1, "LOI", paa=1), skifte(2, "Parkert", paa=2), skifte(3, "Dialog", paa=3), skifte(4, "LOI", paa=9)]
    assert inntatt(rows, stiger=("Dialog", "LOI"), sone=OSLO) == (
        date(2026, 5, 7),
        date(2026, 5, 13),
        date(2026, 5, 13),
    )
    assert inntatt(rows[:2], stiger=("Dialog", "LOI"), sone=OSLO) == UKJENT


def test_a_change_late_in_the_evening_is_of_the_day_that_it_was_to_those_who_made_it():
    rows = [skifte(1, "Dialog", tidspunkt=dag(0).replace(hour=22, minute=30))]
    assert inntatt(rows, stiger=("Dialog",), sone=OSLO) == (date(2026, 5, 5),) * 3


def test_a_lot_first_seen_in_its_stage_came_nobody_knows_when():
    rows = [skifte(1, "Dialog", fra=None, er_noeyaktig=False)]
    assert inntatt(rows, stiger=("Dialog",), sone=OSLO) == (None, None, date(2026, 5, 4))


def test_the_cell_has_a_line_each_the_most_important_first():
    lot = tomt(tilstand="Borte", neste_steg_dato=before(1), sist_kontaktet=before(50))
    assert str(as_text(due(lot), most=9)).split("\n")[0] == "Borte fra dataene"
    assert str(as_text(due(lot), most=2)).split("\n")[1] == "… og 2 til"
    assert as_text([], most=2) is None


@settings(max_examples=30)
@given(st.integers(0, 400), st.integers(0, 400), st.sampled_from(("Identifisert", "Kontaktet", "Dialog", "LOI")))
def test_an_occurrence_is_told_once_however_often_it_is_asked(contact, step, fase):
    """From one day to the next an id is either the same or a new one that has not been before."""
    lot = tomt(fase=fase, sist_kontaktet=before(contact), neste_steg_dato=before(step))
    told: set[str] = set()
    yesterday: set[str] = set()
    for day in range(40):
        found = ids(due(lot, i_dag=I_DAG + timedelta(days=day)))
        today = set(found)
        assert len(today) == len(found)
        assert today & told <= yesterday  # what has passed does not come back
        told, yesterday = told | today, today
    assert len(told) <= 1 + 1 + 3  # the step, the silence, and its repetitions in 40 days
