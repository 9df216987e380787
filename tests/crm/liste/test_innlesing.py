"""A list in a local Airtable, over HTTP: made once whatever happens, and never over what people have written."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tasks.crm import client
from tasks.crm.liste import innlesing
from tasks.crm.liste.innlesing import Innlesing, body, compare, import_rows
from tasks.crm.liste.tolkning import Tolket
from tasks.crm.sync import writing
from tasks.crm.sync.connection import Connection, open_connection
from tasks.errors import AirtableError, BudgetError, BusyError, OwnershipError
from tests.crm.liste.innlesing_prosess import OPPSLAG, list_of, many, start
from tests.crm.onde_servere import (
    QUOTA,
    Exchange,
    Svar,
    Way,
    any_request,
    carry_out_too_late,
    creates,
    cut_short,
    first,
    html,
    lose_answer,
    lose_request,
    refuse,
    then,
)
from tests.crm.proevebase import TOMTEVIK, Verden
from tests.crm.sync_prosess import take_no_pauses

MANY = 23
"""Three requests, the last of them not full."""


class Leser:
    """Imports into a world, through its proxy and one connection."""

    def __init__(self, verden: Verden) -> None:
        self.verden = verden
        self.slept: list[float] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self._open: Connection | None = None

    @property
    def connection(self) -> Connection:
        if self._open is None:
            self._open = open_connection(self.verden.geodata, self.verden.oppdrag.settings(), dry_run=False)
        return self._open

    def close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None

    def __call__(self, tolket: Tolket) -> Innlesing:
        return import_rows(self.connection, tolket, OPPSLAG, geodata=self.verden.geodata, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.meanwhile()

    def carry_out_late(self) -> None:
        """Let what was put off come true."""
        self.verden.proxy.carry_out_postponed()
        self.verden.proxy.hang_up()

    def compare(self, tolket: Tolket) -> Innlesing:
        return compare(self.connection, tolket, OPPSLAG)

    @property
    def records(self) -> list[dict[str, Any]]:
        return [r["fields"] for r in self.verden.person.table("Tomter").all()]


@pytest.fixture(scope="module")
def felles(tmp_path_factory) -> Iterator[Leser]:
    with pytest.MonkeyPatch.context() as patch, Verden(tmp_path_factory.mktemp("felles"), fylt=False) as verden:
        take_no_pauses(patch.setattr)
        leser = Leser(verden)
        yield leser
        leser.close()


@pytest.fixture
def les(felles) -> Leser:
    """Import into a base without lots, shared by the tests that leave its tables as they are."""
    felles.verden.proxy.behave()
    table = felles.verden.person.table("Tomter")
    table.batch_delete([r["id"] for r in table.all()])
    felles.slept, felles.meanwhile = [], lambda: None
    return felles


@pytest.fixture
def eget(tom_verden, pauser) -> Iterator[Leser]:
    """Import into a base of the test's own."""
    leser = Leser(tom_verden)
    yield leser
    leser.close()


@pytest.fixture
def hastig(les, monkeypatch) -> Iterator[Leser]:
    """Import with little patience."""
    monkeypatch.setattr(client, "TIMEOUT_S", (5, 0.5))
    leser = Leser(les.verden)
    yield leser
    leser.close()


def once_each(les: Leser, tolket: Tolket) -> None:
    """Assert that the base holds every row of the list once, as it was meant, and nothing else."""
    assert Counter(r["Importnøkkel"] for r in les.records) == Counter(r.noekkel for r in tolket.rader)
    meant = {r.noekkel: r.felt for r in tolket.rader}
    assert {r["Importnøkkel"]: r for r in les.records} == meant


def test_a_list_becomes_records_of_peoples_own(les):
    tolket = many(MANY)
    result = les(tolket)
    assert (result.laget, result.finnes, result.stanset, result.avvist) == (MANY, 0, None, [])
    once_each(les, tolket)
    record = next(r for r in les.records if r["Navn"] == "Tomt 3")
    assert record == {
        "Importnøkkel": record["Importnøkkel"],
        "Navn": "Tomt 3",
        "Kommune (egen)": "0099",
        "Gnr (egen)": 43,
        "Bnr (egen)": 1,
        "Areal (egen) m²": 5200,
        "Notat": "=SUM(A1)",
        "Fase": "Dialog",
        "Neste steg dato": "2026-12-24",
        "Behold": True,
    }
    assert sum(asked.is_create for asked in les.verden.proxy.seen) == 3


def test_comparing_writes_nothing(les):
    assert len(les.compare(many(MANY)).nye) == MANY
    assert les.records == []
    assert not any(asked.is_write for asked in les.verden.proxy.seen)


def test_the_same_list_again_makes_nothing_and_a_longer_one_what_is_new(les):
    les(many(MANY))
    les.verden.proxy.behave()
    result = les(many(MANY))
    assert (result.laget, result.finnes, result.nye) == (0, MANY, ())
    assert not any(asked.is_write for asked in les.verden.proxy.seen)
    result = les(many(MANY + 2))
    assert (result.laget, result.finnes) == (2, MANY)
    once_each(les, many(MANY + 2))


def test_what_people_have_made_of_their_records_is_never_touched(les):
    les(many(3))
    table = les.verden.person.table("Tomter")
    one, two, three = table.all()
    table.update(one["id"], {"Notat": "Ringt", "Navn": "Nytt navn", "Gnr (egen)": 99, "Fase": "Opsjon"})
    table.update(two["id"], {"Tomt-id": "0099-000001"})  # somebody's mistake: it stays theirs
    table.delete(three["id"])
    before = {r["id"]: r["fields"] for r in table.all()}
    result = les(many(3))
    assert (result.laget, result.finnes) == (1, 2)
    after = {r["id"]: r["fields"] for r in table.all()}
    assert {i: after[i] for i in before} == before


def test_a_sync_leaves_them_alone_and_offers_their_matches(verden, pauser):
    les = Leser(verden)
    known = verden.person.table("Eiendommer").all()[0]["fields"]
    les(list_of(("Åsen", "0099", known["Gnr"], known["Bnr"], 5, None, None, None, None)))
    own = [r for r in les.records if "Importnøkkel" in r]
    assert verden.sync(TOMTEVIK).failure is None
    assert [r for r in les.records if "Importnøkkel" in r] == own
    assert [key for key in verden.stand()["Kontroll"] if "-treff-" in key]
    les.close()


def test_a_lot_on_the_same_property_that_people_made_is_told(les):
    table = les.verden.person.table("Tomter")
    table.create({"Navn": "Vår", "Kommune (egen)": "Tomtevik (oppdiktet)", "Gnr (egen)": 41, "Bnr (egen)": 1})
    result = les(many(3))
    assert result.laget == 3
    assert [m.rad for m in result.merknader] == [3]


def test_renamed_columns_are_found_and_removed_ones_left_out(eget):
    eget(many(1))
    eget.verden.person.rename("Tomter", "Notat", "Våre notater")
    eget.verden.drop("Tomter", "Neste steg dato")
    eget.close()
    result = eget(many(2))
    assert (result.laget, result.uten_felt) == (1, ("Neste steg dato",))
    assert [r["Våre notater"] for r in eget.records] == ["=SUM(A1)"] * 2


# --- the way to Airtable ---


def late(answer: Callable[[Exchange], None], *, requests: int = 10**6) -> Way:
    """Answer at once, and carry out when so many more requests have come, or as the test says."""

    def way(exchange: Exchange) -> None:
        exchange.proxy.postpone(exchange.asked, requests=requests)
        answer(exchange)

    return way


def no_gateway(exchange: Exchange) -> None:
    """Answer 504."""
    exchange.answer(Svar.of(504, {}))


FAULTS = {
    "answer lost": lose_answer,
    "request lost": lose_request,
    "500, carried out": refuse(500, carried_out=True),
    "500, not carried out": refuse(500),
    "504, carried out a little later": late(no_gateway),
    "reset, carried out a little later": late(Exchange.reset),
    "answer cut short": cut_short,
    "a page with 200": html,
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_an_answer_that_is_lost_makes_nothing_twice(les, fault):
    les.verden.proxy.when(creates("Tomter"), fault, nth=2)
    les.meanwhile = les.carry_out_late
    assert les(many(MANY)).stanset is None
    once_each(les, many(MANY))
    assert les.slept == [writing.SETTLE_S]


def test_a_time_out_is_waited_for_and_makes_nothing_twice(hastig, monkeypatch):
    monkeypatch.setattr(writing, "SETTLE_S", 30.0)
    hastig.verden.proxy.when(creates("Tomter"), carry_out_too_late, nth=2)
    assert hastig(many(MANY)).stanset is None
    once_each(hastig, many(MANY))
    assert hastig.slept == [30.0]


def test_a_create_that_comes_true_after_all_is_told(les):
    sent_again = 2  # when it has been looked for, and sent again
    les.verden.proxy.when(creates("Tomter"), late(no_gateway, requests=sent_again))
    result = les(many(2))
    assert sorted(Counter(r["Importnøkkel"] for r in les.records).values()) == [2, 2]
    assert [(m.rad, m.hva) for m in result.merknader] == [
        (n, "was made 2 times, as an answer was lost; delete all but one") for n in (2, 3)
    ]


@pytest.mark.parametrize("fault", [lose_request, refuse(500), refuse(403, QUOTA)])
def test_what_stops_the_import_is_said_and_the_next_one_ends_it(les, fault):
    les.verden.proxy.when(creates("Tomter"), fault, nth=2, times=100)
    result = les(many(MANY))
    assert result.stanset is not None
    assert result.stanset.startswith("writing Tomter: ")
    assert 10 <= result.laget <= 20
    les.verden.proxy.behave()
    assert les(many(MANY)).stanset is None
    once_each(les, many(MANY))


def test_a_row_that_airtable_refuses_is_named_and_the_others_are_made(eget):
    eget.verden.drop_option("Tomter", "Fase", "Opsjon")
    tolket = list_of(
        *((f"T{i}", "0099", i, 1, 5, None, "Opsjon" if i == 4 else "LOI", None, None) for i in range(1, 13))
    )
    result = eget(tolket)
    assert (result.laget, result.stanset) == (11, None)
    assert [(m.rad, m.hva) for m in result.avvist] == [(5, "was refused by Airtable (INVALID_MULTIPLE_CHOICE_OPTIONS)")]
    assert len(eget.records) == 11
    assert (eget(tolket).laget, len(eget.records)) == (0, 11)


def test_a_table_that_refuses_everything_is_given_up(les, monkeypatch):
    monkeypatch.setattr(writing, "MOST_REFUSED", 4)
    wrong = {"error": {"type": "INVALID_VALUE_FOR_COLUMN", "message": 'Field "Navn" cannot take Tomt 3'}}
    les.verden.proxy.when(creates("Tomter"), refuse(422, wrong), times=1000)
    result = les(many(MANY))
    assert result.stanset is not None
    assert "refused 5 rows" in result.stanset
    assert "Tomt 3" not in result.stanset
    assert les.records == []


@pytest.mark.long
@pytest.mark.parametrize(("moment", "nth"), [(then, 1), (first, 2)])
def test_a_kill_at_any_write_leaves_what_the_next_import_ends(les, moment, nth):
    process = start(les.verden.oppdrag, MANY)
    les.verden.proxy.when(creates("Tomter"), moment(process.kill), nth=nth)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(les.records) == 10 * nth
    assert les(many(MANY)).stanset is None
    once_each(les, many(MANY))


def test_two_imports_at_once_are_one_after_the_other(les):
    base = les.connection.base
    assert base is not None
    with les.verden.geodata.lock(f"innlesing-{base.id}"), pytest.raises(BusyError):
        les(many(MANY))
    assert les.records == []


def test_a_budget_that_would_burst_stops_it_before_the_first_record(les):
    register = les.connection.register
    small = register.model_copy(update={"grenser": register.grenser.model_copy(update={"poster_per_base": 5})})
    with pytest.raises(BudgetError):
        import_rows(replace(les.connection, register=small), many(MANY), OPPSLAG, geodata=les.verden.geodata)
    assert les.records == []


def test_records_made_are_counted_for_the_budget(eget):
    eget(many(MANY))
    assert eget.connection.state.counts()[0]["Tomter"] == MANY


# --- ownership ---


@pytest.mark.parametrize(
    "name", ["Tomt-id", "Score", "Kommunenummer", "Kommune", "Ansvarlig", "Vedlegg", "Til vurdering"]
)
def test_no_body_holds_any_other_field(les, name):
    ids = les.connection.ids["Tomter"]
    (lot,) = many(1).rader
    assert body(ids, lot.felt)
    with pytest.raises(OwnershipError):
        body(ids, lot.felt | {name: "x"})


def test_no_field_of_the_program_becomes_one_of_a_list_by_mistake(les, monkeypatch):
    monkeypatch.setattr(innlesing, "FIELDS", (*innlesing.FIELDS, "Score"))
    with pytest.raises(OwnershipError):
        body(les.connection.ids["Tomter"], {"Importnøkkel": "liste-1", "Score": 1})


def test_no_body_lacks_its_key(les):
    with pytest.raises(OwnershipError):
        body(les.connection.ids["Tomter"], {"Navn": "Åsen"})


def test_every_body_that_left_holds_fields_of_people_and_the_key_alone(les):
    les(many(MANY))
    names = {f.id: f.name for f in les.verden.person.base.schema().table("Tomter").fields}
    sent = [json.loads(asked.body) for asked in les.verden.proxy.seen if asked.is_create and asked.tabell == "Tomter"]
    fields = {names[i] for one in sent for record in one["records"] for i in record["fields"]}
    assert fields == {
        "Importnøkkel",
        "Navn",
        "Kommune (egen)",
        "Gnr (egen)",
        "Bnr (egen)",
        "Areal (egen) m²",
        "Notat",
        "Fase",
        "Neste steg dato",
        "Behold",
    }
    assert all(set(record) == {"fields"} for one in sent for record in one["records"])
    assert not any(asked.is_upsert and asked.tabell == "Tomter" for asked in les.verden.proxy.seen)


def test_an_airtable_that_cannot_be_read_stops_it_before_anything(les):
    assert les.connection
    les.verden.proxy.when(any_request, refuse(422, {"error": {"type": "INVALID_FILTER_BY_FORMULA"}}), times=100)
    with pytest.raises(AirtableError, match="reading Tomter"):
        les(many(MANY))
    assert les.records == []
