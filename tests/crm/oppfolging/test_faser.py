"""The ledger of stages: what becomes a row, when, and that it can be found again in the base."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import FASESKIFTER
from tasks.crm.oppfolging import faser
from tasks.crm.oppfolging.rader import skifterader
from tasks.crm.sync.diff import Record
from tests.crm.oppfolging.hjelp import START, dag, fase_id, skifte, tomt

STAGES = (START, "Kontaktet", "Dialog", "LOI", "Opsjon", "Parkert", "Ikke aktuell")


def changes(ledger, tomter, paa=1.0, *, er_foerste=False, gone=()):
    return faser.changes(ledger, tomter, gone=gone, naa=dag(paa), start=START, er_foerste=er_foerste)


def test_a_lot_that_was_not_known_has_come_from_the_first_stage():
    (row,) = changes([], [tomt(fase="Kontaktet")])
    assert (row.nr, row.fra, row.til, row.er_noeyaktig) == (1, START, "Kontaktet", False)
    assert row.tidspunkt == dag(1)


def test_at_the_first_follow_up_nobody_knows_where_lots_have_come_from():
    (row,) = changes([], [tomt(fase="LOI")], er_foerste=True)
    assert row.er_aapning


def test_peoples_own_lot_has_come_from_nowhere():
    (row,) = changes([], [tomt(fase="Dialog", tomt_id=None, ident="rec1")])
    assert (row.fra, row.aktivitets_id) == (None, fase_id("rec1", 1, "Dialog"))


def test_a_lot_that_nobody_has_moved_has_no_row():
    assert changes([], [tomt(fase=START), tomt(2, fase=START)], er_foerste=True) == []


def test_airtable_tells_when_and_by_whom():
    moved = tomt(fase="LOI", fase_endret=dag(0.7), fase_endret_av="usrKari")
    (row,) = changes([skifte(1, "Dialog")], [moved])
    assert (row.tidspunkt, row.er_noeyaktig, row.endret_av) == (dag(0.7), True, "usrKari")
    assert row.aktivitets_id == fase_id("3207-000001", 0.7, "LOI", kind="fase")


def test_a_time_before_the_last_change_or_after_now_is_not_this_changes():
    for told in (dag(-1), dag(1) + timedelta(hours=2)):
        (row,) = changes([skifte(1, "Dialog")], [tomt(fase="LOI", fase_endret=told)])
        assert (row.tidspunkt, row.er_noeyaktig) == (dag(1), False)


def test_a_clock_that_went_back_does_not_turn_the_ledger_around():
    (row,) = changes([skifte(1, "Dialog", paa=5)], [tomt(fase="LOI")], paa=1)
    assert row.tidspunkt == dag(5) + timedelta(seconds=1)


def test_a_lot_that_was_deleted_ends_and_begins_again_from_the_trash():
    ledger = [skifte(1, "Dialog")]
    (ended,) = changes(ledger, [], gone=[ledger[0].record_id])
    assert (ended.fra, ended.til, ended.nr) == ("Dialog", None, 2)
    assert faser.moved([*ledger, ended], start=START) == set()
    (back,) = changes([*ledger, ended], [tomt(fase="Dialog")], paa=2)
    assert (back.fra, back.til, back.nr) == (None, "Dialog", 3)


def test_a_lot_that_is_made_anew_has_other_ids_than_the_one_before():
    (first,) = changes([], [tomt(fase="Dialog")])
    (again,) = changes([first], [tomt(fase="Dialog", record_id="recNy")], paa=2)
    assert (first.nr, again.nr, first.til) == (1, 1, again.til)
    assert first.aktivitets_id != again.aktivitets_id


moves = st.lists(st.dictionaries(st.integers(1, 4), st.sampled_from(STAGES)), max_size=6)


@settings(max_examples=25)
@given(moves)
def test_replay_gives_what_the_base_says_and_a_re_run_adds_nothing(days):
    """The last row of each lot is its stage; lots without rows have never been seen in another than the first."""
    ledger, base = [], dict.fromkeys((1, 2, 3, 4), START)
    for paa, changed in enumerate(days):
        base |= changed
        lots = [tomt(nr, fase) for nr, fase in base.items()]
        ledger += changes(ledger, lots, paa, er_foerste=paa == 0)
        assert changes(ledger, lots, paa + 0.5) == []
    last = {rec: row.til for rec, row in faser.latest(ledger).items()}
    assert all(last.get(tomt(nr).record_id, START) == fase for nr, fase in base.items())


def test_a_frame_holds_the_ledger():
    ledger = [skifte(1, "Dialog", fra=None, tomt_id=None), skifte(2, None, fra="Dialog", er_noeyaktig=False)]
    for rows in (ledger, []):
        FASESKIFTER.check(faser.to_frame(rows))
        assert faser.from_frame(faser.to_frame(rows)) == rows


@settings(max_examples=25)
@given(moves)
def test_the_rows_in_the_base_tell_the_whole_ledger(days):
    ledger, base = [], {}
    for paa, changed in enumerate(days):
        base |= changed
        told = dag(paa - 0.5) if paa % 2 else None
        lots = [tomt(nr, fase, fase_endret=told, fase_endret_av="usrKari") for nr, fase in base.items()]
        ledger += changes(ledger, lots, paa, er_foerste=paa == 0)
    lots = {tomt(nr).record_id: tomt(nr) for nr in base}
    rows = skifterader(ledger, lots, options=STAGES)
    records = [Record(f"rec{i}", row) for i, row in enumerate(rows.values())]
    assert sorted(faser.merged([], records), key=str) == sorted(ledger, key=str)


def test_rows_that_tell_nothing_are_passed_over():
    good = {"Aktivitets-id": fase_id("rec1", 0, "LOI"), "Tidspunkt": "i går", "Tomter": ["a"]}
    wrong = ("steg:rec1:2026-05-04", "fase:rec1:20261399T000000Z:LOI", "fase:rec1:1", None)
    odd = [good | {"Tomter": []}, *(good | {"Aktivitets-id": i} for i in wrong)]
    records = [Record(str(i), row) for i, row in enumerate([*odd, good, good])]
    assert [(row.record_id, row.til, row.tidspunkt) for row in faser.merged([], records)] == [("a", "LOI", dag(0))]


def test_a_change_that_two_machines_have_seen_is_one_and_the_row_that_is_told_counts():
    mine, theirs = skifte(1, "Dialog", paa=1), skifte(1, "Dialog", paa=1.1)
    later = skifte(2, "LOI", fra="Dialog", paa=2)
    (row,) = skifterader([theirs], {theirs.record_id: tomt()}, options=STAGES).values()
    records = [Record("recA", row)]
    merged = faser.merged([mine, later], records)
    assert [(r.nr, r.til, r.tidspunkt) for r in merged] == [(1, "Dialog", dag(1.1)), (2, "LOI", dag(2))]
    assert faser.merged([mine, later], records, told={mine.aktivitets_id}) == [mine, later]
