"""The figures of the pipeline, by hand and as properties."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.base import base_register
from config.oppfolging import oppfolging
from tasks.crm.oppfolging.nokkeltall import UNKNOWN, Tall, count, kommune_fields
from tasks.crm.oppfolging.tomt import Mandat
from tests.crm.oppfolging.hjelp import START, skifte, tomt

PIPELINE = oppfolging().pipeline
STAGES = (START, *PIPELINE.stiger, "Parkert", "Ikke aktuell")


def figures(ledger, tomter=(), mandater=()):
    return count(list(ledger), list(tomter), mandater, pipeline=PIPELINE)


def test_conversion_by_hand():
    """Five lots: turned down at once; contacted; to LOI past Dialog and back; to Opsjon; in Dialog."""
    ledger = [
        skifte(1, "Ikke aktuell", lot=1),
        skifte(1, "Kontaktet", lot=2),
        skifte(1, "Kontaktet", lot=3),
        skifte(2, "LOI", lot=3, fra="Kontaktet", paa=4),
        skifte(3, "Kontaktet", lot=3, fra="LOI", paa=6),
        skifte(1, "Opsjon", lot=4, fra=None, er_noeyaktig=False),
        skifte(1, "Dialog", lot=5),
    ]
    found, _ = figures(ledger)
    assert found.naadd == (5, 4, 3, 2, 1)
    assert [found.konvertering(k) for k in (1, 2, 3, 4)] == [80, 75, pytest.approx(66.667, abs=0.001), 50]


def test_days_are_those_of_finished_stays_whose_both_ends_are_known():
    ledger = [
        skifte(1, "Dialog", lot=1, paa=0),
        skifte(2, "LOI", lot=1, fra="Dialog", paa=10),  # 10 days in Dialog; LOI is not finished
        skifte(1, "Dialog", lot=2, paa=1),
        skifte(2, "Parkert", lot=2, fra="Dialog", paa=5),  # 4
        skifte(3, "Dialog", lot=2, fra="Parkert", paa=8),
        skifte(4, "LOI", lot=2, fra="Dialog", paa=9.5),  # 1.5
        skifte(1, "Dialog", lot=3, fra=None, er_noeyaktig=False),
        skifte(2, "LOI", lot=3, fra="Dialog", paa=7),  # nobody knows how long
        skifte(1, "Dialog", lot=4, paa=0),
        skifte(2, None, lot=4, fra="Dialog", paa=3),  # deleted
    ]
    found, _ = figures(ledger)
    assert found.opphold_dager["Dialog"] == (1.5, 4.0, 10.0)
    assert (found.dager("Dialog"), found.dager("LOI")) == (4.0, None)


def test_the_pipeline_is_what_stands_in_it_now():
    lots = [
        tomt(1, "Kontaktet", boliger=10.0),
        tomt(2, "LOI", boliger=20.0, kommunenummer="4601"),
        tomt(3, "Parkert", boliger=99.0),
        tomt(4, "Opsjon", boliger=None),
    ]
    found, each = figures([], lots)
    assert (found.tomter, found.boliger) == (3, 30)
    assert found.boliger_vektet == pytest.approx(10 * 0.05 + 20 * 0.4)
    assert {nummer: t.tomter for nummer, t in each.items()} == {"3207": 2, "4601": 1}


def test_an_amount_counts_once_and_is_shared_by_the_lots_that_are_in_the_pipeline():
    lots = [tomt(1), tomt(2, kommunenummer="4601"), tomt(3, kommunenummer="4601"), tomt(4, "Ikke aktuell")]
    rec = [lot.record_id for lot in lots]
    mandates = [
        Mandat("m1", 900.0, tuple(rec)),  # a third for each of the three that count
        Mandat("m1", 900.0, tuple(rec)),
        Mandat("m2", 50.0, (rec[3],)),  # its lot has left the pipeline
        Mandat("m3", 7.0, ()),
    ]
    found, each = figures([], lots, mandates)
    assert found.beloep_kr == 907
    assert {nummer: t.beloep_kr for nummer, t in each.items()} == {"3207": 300, "4601": 600, UNKNOWN: 7}


def test_a_lot_counts_where_it_lies_now_and_one_that_is_not_read_where_it_lay():
    ledger = [skifte(1, "Dialog", lot=1), skifte(1, "Dialog", lot=2), skifte(2, START, lot=2, fra="Dialog", paa=1)]
    _, each = figures(ledger, [tomt(1, kommunenummer="4601")])
    assert {nummer: t.naadd[0] for nummer, t in each.items()} == {"3207": 1, "4601": 1}


def test_the_fields_are_those_of_the_base():
    register = base_register().table("Kommuner")
    filled = kommune_fields(Tall((4, 3, 1, 0, 0), {"LOI": (2.0,)}, 2), PIPELINE)
    assert {register.field(name).eier for name in filled} == {"pipeline"}
    assert (filled["Konvertering kontaktet %"], filled["Konvertering opsjon %"], filled["Dager i LOI"]) == (75, None, 2)
    assert set(kommune_fields(None, PIPELINE).values()) == {None}


histories = st.lists(
    st.tuples(st.sampled_from(("3207", "4601", None)), st.lists(st.sampled_from(STAGES), min_size=1, max_size=6)),
    max_size=6,
)


@settings(max_examples=25)
@given(histories, st.randoms(use_true_random=False))
def test_shares_lie_within_bounds_kommuner_add_up_and_order_does_not_matter(lots, rng: random.Random):
    ledger = [
        skifte(nr, til, lot=lot, fra=START if nr == 1 else stages[nr - 2], paa=nr, kommunenummer=kommune)
        for lot, (kommune, stages) in enumerate(lots, start=1)
        for nr, til in enumerate(stages, start=1)
    ]
    now = [tomt(lot, st_[-1], kommunenummer=k, boliger=float(lot)) for lot, (k, st_) in enumerate(lots, start=1)]
    mandates = [Mandat(f"m{i}", 100.0, (t.record_id, now[0].record_id)) for i, t in enumerate(now)]
    found, each = figures(ledger, now, mandates)
    rng.shuffle(ledger)
    assert figures(ledger, now, mandates) == (found, each)
    for one in (found, *each.values()):
        assert list(one.naadd) == sorted(one.naadd, reverse=True)
        assert all(0 <= share <= 100 for k in range(1, 5) if (share := one.konvertering(k)) is not None)
        assert 0 <= one.boliger_vektet <= one.boliger
    assert tuple(map(sum, zip(*(t.naadd for t in each.values()), strict=True))) == (found.naadd if each else ())
    assert sum(t.beloep_kr for t in each.values()) == pytest.approx(found.beloep_kr)
