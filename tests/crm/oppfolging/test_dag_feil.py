"""The follow-up when something goes wrong: no row twice, none lost, wherever it stopped."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.crm.oppfolging import dag as module
from tasks.crm.oppfolging.skriv import Skriver
from tasks.crm.sync.connection import open_connection
from tasks.errors import AirtableError, BudgetError, BusyError
from tasks.store import Geodata
from tests.crm import sync_prosess
from tests.crm.onde_servere import creates, first, lose_answer, lose_request, reads, refuse, then, writes
from tests.crm.oppfolging.hjelp import dag, fase_id
from tests.crm.oppfolging.uke import Uke, comments
from tests.waiting import PATIENCE_S

REFUSED = {"error": {"type": "INVALID_VALUE_FOR_COLUMN", "message": "Field cannot accept the provided value"}}


@pytest.fixture
def uke(verden, pauser) -> Iterator[Uke]:
    with Uke(verden) as made:
        yield made


def work(uke: Uke) -> None:
    """Do what takes every kind of write, two requests of Aktiviteter among them."""
    for nr in range(6):
        uke.sell(nr, Fase="Dialog", Neste_steg_dato="2026-05-05")


def seen(uke: Uke) -> tuple[list[str], list[str | None], list[object]]:
    """Return what stands in the base, but for when it was written."""
    figures = uke.person.one("Kommuner", "0099")
    return uke.told(), [uke.reminder(nr) for nr in range(8)], [figures.get("Tomter i pipeline")]


@pytest.fixture
def arbeid(uke):
    uke.morning(0)
    work(uke)
    return uke


WANTED = (
    [f"fase-sett:#{nr}:0505:Dialog" for nr in range(6)] + [f"steg:#{nr}:2026-05-05" for nr in range(6)],
    ["Neste steg har frist 05.05.2026"] * 6 + [None, None],
    [6],
)


def test_lost_answers_a_run_that_stops_and_lost_files_double_nothing(arbeid):
    proxy = arbeid.verden.proxy
    proxy.when(creates("Aktiviteter"), lose_answer, times=2)
    proxy.when(reads("Aktiviteter"), refuse(500), nth=4, times=100)  # it cannot be looked up either
    with pytest.raises(AirtableError):
        arbeid.morning(1)
    assert len(arbeid.history()) == 10
    proxy.behave()
    proxy.when(writes("Tomter"), refuse(500), times=100)
    with pytest.raises(AirtableError):
        arbeid.morning(1.2)
    proxy.behave()
    arbeid.morning(1.5)
    assert seen(arbeid) == WANTED
    arbeid.lose("faseskifter", "oppfolging")
    assert arbeid.morning(1.6).skifter == []
    assert arbeid.writes() == []


@pytest.mark.long
@pytest.mark.parametrize("way", [lose_answer, lose_request, refuse(503), refuse(503, carried_out=True)])
def test_a_create_without_an_answer_makes_each_row_once(arbeid, way):
    arbeid.verden.proxy.when(creates("Aktiviteter"), way)
    arbeid.morning(1)
    assert seen(arbeid) == WANTED


@pytest.mark.long
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_run_that_stops_at_any_write_is_finished_by_the_next(arbeid, nth):
    arbeid.verden.proxy.when(writes(), refuse(500), nth=nth, times=100)
    with pytest.raises(AirtableError):
        arbeid.morning(1)
    arbeid.verden.proxy.behave()
    arbeid.morning(1.5)
    assert seen(arbeid) == WANTED
    arbeid.morning(1.6)
    assert arbeid.writes() == []


@pytest.mark.long
@pytest.mark.parametrize("lost", [("faseskifter",), ("oppfolging",), ("faseskifter", "oppfolging")])
def test_what_geodata_has_lost_is_found_in_the_base(arbeid, lost):
    arbeid.morning(1)
    arbeid.sell(7, Fase="LOI")
    arbeid.morning(2)
    arbeid.lose(*lost)
    assert arbeid.morning(2.5).skifter == []
    assert arbeid.writes() == []
    arbeid.lose(*lost)
    arbeid.sell(7, Fase="Opsjon")
    arbeid.morning(3)
    assert arbeid.history()[fase_id(arbeid.lot(7), 3, "Opsjon")]["Fra fase"] == "LOI"


@pytest.mark.long
def test_lots_that_were_moved_before_the_first_follow_up_open_the_ledger(uke):
    uke.sell(0, Fase="Dialog")
    uke.morning(0)
    row = uke.history()[fase_id(uke.lot(0), 0, "Dialog")]
    assert ("Fra fase" in row, row["Ny fase"]) == (False, "Dialog")
    uke.lose("faseskifter", "oppfolging")
    uke.sell(0, Fase="LOI")
    uke.morning(10)
    assert "Dager i dialog" not in uke.person.one("Kommuner", "0099")  # nobody knows when it began


@pytest.mark.long
def test_a_row_that_a_person_has_deleted_or_changed_stays_so(arbeid):
    arbeid.morning(1)
    table = arbeid.person.table("Aktiviteter")
    gone, changed, *_ = (r["id"] for r in table.all() if r["fields"]["Aktivitetstype"] == "Påminnelse")
    table.delete(gone)
    table.update(changed, {"Aktivitet": "Gjort", "Tidspunkt": None})
    arbeid.morning(2)
    assert arbeid.writes() == []
    assert len(arbeid.history()) == 11


@pytest.mark.long
def test_a_refused_row_is_left_out_and_the_others_are_written(arbeid):
    def pick(asked):
        return creates("Aktiviteter")(asked) and arbeid.record(2).encode() in asked.body

    arbeid.verden.proxy.when(pick, refuse(422, REFUSED), times=100)
    found = arbeid.morning(1)
    assert set(found.avvist["Aktiviteter"]) == {fase_id(arbeid.lot(2), 1, "Dialog"), f"steg:{arbeid.lot(2)}:2026-05-05"}
    assert len(arbeid.history()) == 10
    arbeid.verden.proxy.behave()
    arbeid.morning(2)
    assert seen(arbeid) == WANTED


@pytest.mark.long
def test_a_doer_who_has_left_is_left_out(uke):
    connection = open_connection(uke.verden.geodata, uke.verden.oppdrag.settings(), dry_run=False)
    uke.verden.proxy.when(lambda a: creates("Aktiviteter")(a) and b"usrKari" in a.body, refuse(422, REFUSED), times=9)
    assert connection.base is not None
    skriver = Skriver(connection.base, connection.ids, lambda _: None)
    row = {"Aktivitets-id": "fase:x:1", "Aktivitet": "Fase", "Utført av": {"id": "usrKari"}}
    done: list[str] = []
    assert skriver.create("Aktiviteter", {"fase:x:1": row}, existing=lambda _: set(), done=done.extend) == 1
    assert (done, list(uke.history()["fase:x:1"])) == (["fase:x:1"], ["Aktivitet", "Aktivitets-id"])
    connection.close()


@pytest.mark.long
def test_a_budget_that_would_burst_stops_before_anything_is_written_or_kept(uke):
    uke.morning(0)
    work(uke)
    connection = uke._connection
    narrow = connection.register.grenser.model_copy(update={"poster_per_base": 60})
    connection.register = connection.register.model_copy(update={"grenser": narrow})
    with pytest.raises(BudgetError, match="records per base"):
        uke.morning(1)
    assert uke.writes() == []
    connection.register = connection.register.model_copy(
        update={"grenser": narrow.model_copy(update={"poster_per_base": 50_000})}
    )
    assert len(uke.morning(2).skifter) == 6


@pytest.mark.long
def test_two_follow_ups_of_a_base_never_run_at_once_but_beside_runs_of_kommuner(uke):
    geodata = uke.verden.geodata
    with geodata.lock("airtable-0099"):
        uke.morning(0)
    with geodata.lock(f"oppfolging-{uke.person.base.id}"), pytest.raises(BusyError):
        uke.morning(1)


@pytest.mark.long
def test_the_nightly_run_leaves_reminders_and_figures_as_they_are(arbeid):
    arbeid.morning(1)
    before = arbeid.person.stand()
    published = arbeid.verden.sync()
    assert (published.failure, [d.by_hand for d in published.diffs if d.by_hand]) == (None, [])
    after = arbeid.person.stand()
    assert (after["Tomter"], after["Kommuner"], after["Aktiviteter"]) == (
        before["Tomter"], before["Kommuner"], before["Aktiviteter"],
    )  # fmt: skip


@pytest.mark.long
def test_somebody_at_work_while_it_runs_loses_nothing(arbeid):
    arbeid.verden.proxy.when(writes("Tomter"), first(lambda: arbeid.sell(0, Fase="LOI", Notat="Ny")))
    arbeid.morning(1)
    assert arbeid.person.one("Tomter", arbeid.lot(0))["Notat"] == "Ny"
    arbeid.morning(2)
    assert arbeid.history()[fase_id(arbeid.lot(0), 2, "LOI")]["Ny fase"] == "LOI"


# --- comments ---

KARI = "usr" + "K" * 14


def test_a_comment_is_made_once_at_most_so_many_a_run(arbeid):
    arbeid.regler = comments(paa=True, maks_per_kjoring=2)
    for nr in range(3):
        arbeid.sell(nr, Ansvarlig={"id": KARI})
    table = arbeid.person.table("Tomter")

    def all_comments():
        return [c.text for nr in range(4) for c in table.comments(arbeid.record(nr))]

    assert arbeid.morning(1).sendt["Kommentarer"] == 2
    assert all_comments() == [f"@[{KARI}] Neste steg har frist 05.05.2026"] * 2
    assert arbeid.morning(1.2).sendt["Kommentarer"] == 1
    assert arbeid.morning(1.3).sendt["Kommentarer"] == 0
    assert len(all_comments()) == 3


@pytest.mark.long
@pytest.mark.parametrize("way", [lose_answer, lose_request])
def test_a_comment_without_an_answer_is_looked_for_before_it_is_sent_again(arbeid, way):
    arbeid.regler = comments(paa=True)
    arbeid.sell(0, Ansvarlig={"id": KARI})
    arbeid.verden.proxy.when(lambda a: a.metode == "POST" and a.path.endswith("/comments"), way)
    for day in (1, 1.2, 1.3):
        arbeid.morning(day)
    assert len(arbeid.person.table("Tomter").comments(arbeid.record(0))) == 1


@pytest.mark.long
def test_a_comment_that_a_run_ended_with_is_looked_for_by_the_next(arbeid):
    arbeid.regler = comments(paa=True)
    arbeid.sell(0, Ansvarlig={"id": KARI})
    arbeid.verden.proxy.when(lambda a: a.metode == "POST" and a.path.endswith("/comments"), lose_answer)
    arbeid.verden.proxy.when(lambda a: a.metode == "GET" and "/comments" in a.path, refuse(500), times=100)
    with pytest.raises(AirtableError):
        arbeid.morning(1)
    arbeid.verden.proxy.behave()
    for day in (1.2, 1.3):
        assert arbeid.morning(day).sendt["Kommentarer"] == 0
    assert len(arbeid.person.table("Tomter").comments(arbeid.record(0))) == 1


@pytest.mark.long
def test_a_token_that_may_not_comment_stops_nothing_else(arbeid, caplog):
    arbeid.regler = comments(paa=True)
    arbeid.sell(0, Ansvarlig={"id": KARI})
    arbeid.verden.proxy.when(lambda a: a.path.endswith("/comments"), refuse(403), times=9)
    assert arbeid.morning(1).sendt["Kommentarer"] == 0
    assert "data.recordComments:write" in caplog.text
    assert seen(arbeid) == WANTED


# --- killed ---


def _follow(root: str, url: str) -> None:
    sync_prosess.take_no_pauses()
    connection = open_connection(Geodata(Path(root)), sync_prosess.Oppdrag(root, url).settings(), dry_run=False)
    module.follow_up(Geodata(Path(root)), connection, naa=dag(1), dry_run=False, sleep=lambda _: None)


@pytest.mark.long
@pytest.mark.parametrize("moment", [first, then])
@pytest.mark.parametrize("nth", [1, 2, 3, 4])
def test_a_killed_run_is_finished_by_the_next(arbeid, moment, nth):
    arbeid.reconnect()
    proxy = arbeid.verden.proxy
    process = sync_prosess._context.Process(target=_follow, args=(str(arbeid.verden.geodata.root), proxy.url))
    proxy.when(writes(), moment(lambda: os.kill(process.pid, signal.SIGKILL)), nth=nth)
    process.start()
    process.join(PATIENCE_S)
    assert process.exitcode == -signal.SIGKILL
    proxy.behave()
    arbeid.morning(1.5)
    assert seen(arbeid) == WANTED
