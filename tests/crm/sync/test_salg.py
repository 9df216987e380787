"""Sales' own fields, read back as a source: what counts as touched, and that no text and no name is kept."""

from __future__ import annotations

import pytest

from config.base import base_register
from tasks.contracts import SALG
from tasks.crm.sync.diff import Record
from tasks.crm.sync.salg import SalesView

TOMTER = base_register().table("Tomter")
OURS = {"Tomt-id": "0099-000001", "Kommunenummer": "0099", "Teig": "t1", "Score": 80, "Fase": "Identifisert"}


def seen(*records: Record, reverse: tuple[str, ...] = ()) -> SalesView:
    view = SalesView(TOMTER, "0099", reverse=reverse)
    assert list(view.tap(records)) == list(records)  # passed on as they are
    SALG.check(view.frame())
    return view


def test_a_lot_that_sales_has_not_been_at():
    (row,) = seen(Record("rec1", OURS)).frame().to_dict("records")
    assert (row["tomt_id"], row["fase"], row["er_roert"], row["er_beholdt"]) == (
        "0099-000001",
        "Identifisert",
        False,
        False,
    )


@pytest.mark.parametrize(
    "theirs",
    [
        {"Notat": "Ring"},
        {"Fase": "Dialog"},
        {"Ansvarlig": {"id": "usr1"}},
        {"Behold": True},
        {"Parkert til": "2027-01-01"},
        {"Aktiviteter": ["rec9"]},
    ],
)
def test_whatever_sales_has_written_is_a_touch(theirs):
    (row,) = seen(Record("rec1", OURS | theirs), reverse=("Aktiviteter",)).frame().to_dict("records")
    assert row["er_roert"]


def test_dates_and_flags_are_kept_and_no_text():
    fields = OURS | {"Parkert til": "2027-01-01", "Behold": True, "Til vurdering": True, "Notat": "Kari, tlf. 900"}
    frame = seen(Record("rec1", fields)).frame()
    (row,) = frame.to_dict("records")
    assert (row["parkert_til"], row["er_beholdt"], row["til_vurdering"]) == ("2027-01-01", True, True)
    assert row["sist_kontaktet"] is None
    assert "Kari" not in frame.to_json()


def test_fields_that_sales_has_given_another_type_are_passed_over_with_one_word_each_and_no_values(caplog):
    odd = {"Fase": ["Dialog", "Kari"], "Parkert til": 20270101, "Neste steg dato": "til våren", "Behold": ["ja"]}
    dated = OURS | {"Sist kontaktet": "2026-11-20T10:00:00.000Z"}
    view = seen(Record("rec1", OURS | odd), Record("rec2", dated | odd | {"Tomt-id": "0099-000002"}))
    first, second = view.frame().to_dict("records")
    assert [first[c] for c in ("fase", "parkert_til", "neste_steg_dato")] == [None] * 3
    assert (first["er_beholdt"], first["er_roert"], second["sist_kontaktet"]) == (True, True, "2026-11-20")
    said = [record.getMessage() for record in caplog.records]
    assert [message.split()[1] for message in said] == ["Tomter.Fase", "Tomter.Parkert", "Tomter.Neste"]
    assert not [m for m in said for value in ("Kari", "2027", "våren") if value in m]


def test_people_s_own_lots_are_no_rows_and_are_handed_on():
    view = seen(Record("rec1", OURS), Record("rec2", {"Navn": "Tips"}))
    assert view.own == [("rec2", {"Navn": "Tips"})]
    assert view.teiger == {"0099-000001": "t1"}
    assert len(view.frame()) == 1


def test_a_key_typed_over_is_the_lot_that_it_was_made_as():
    view = seen(Record("rec1", OURS | {"Tomt-id": "noe annet"}, ours="0099-000001"))
    assert view.frame()["tomt_id"].tolist() == ["0099-000001"]


def test_no_lots_is_an_empty_frame():
    SALG.check(seen().frame())
