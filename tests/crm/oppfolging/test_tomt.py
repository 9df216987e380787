"""What is read of a base: ids that people have typed are none, and neither is one that two answers carry."""

from __future__ import annotations

import pytest

from tasks.crm.oppfolging.tomt import Kommunekart, read_svar, read_tomter
from tasks.crm.sync.diff import Record

TYPED = "Svar til Kari Nordmann, født 010190"
RECORD = "rec" + "A" * 14


def lot(**fields):
    (found,) = read_tomter(
        [Record(RECORD, fields)], start="Identifisert", post_of={}, kommuner=Kommunekart.read([Record("recK", fields)])
    )
    return found


def answers(*keys, felt="Svar", noekkel="Utsending"):
    records = [Record(f"rec{nr}", {felt: "Interessert", noekkel: key}) for nr, key in enumerate(keys)]
    return [one.ident for one in read_svar(records, felt, noekkel, ikke_svar=())]


@pytest.mark.parametrize("key", [TYPED, "3207-00001x", "3207-01019012345", " 3207-000001", None, 7])
def test_a_lot_is_known_by_an_id_of_the_programs_form_alone(key):
    assert (lot(**{"Tomt-id": key}).ident, lot(**{"Tomt-id": key}).tomt_id) == (RECORD, None)
    assert lot(**{"Tomt-id": "3207-000001"}).ident == "3207-000001"


def test_a_kommune_is_four_digits():
    assert lot(Kommunenummer="Kari", Kommune=["recK"]).kommunenummer is None
    assert lot(Kommunenummer="3207").kommunenummer == "3207"


def test_what_stops_a_lot_is_read_on_one_line():
    stopped = lot(**{"Stoppet": True, "Stoppet fordi": "Naturvern\n72 %"})
    assert (stopped.er_stoppet, stopped.stoppet_fordi) == (True, "Naturvern 72 %")
    assert [lot(Stoppet=other).er_stoppet for other in (None, "ja", 1)] == [False, False, False]


def test_an_answer_is_known_by_an_id_of_the_programs_form_that_no_other_carries():
    assert answers("U1", TYPED, "01019012345", None, "U2", "U2") == ["U1", "rec1", "rec2", "rec3", "rec4", "rec5"]
    assert answers("E00017", "Kari", felt="Svarstatus", noekkel="Eier-id") == ["E00017", "rec1"]
