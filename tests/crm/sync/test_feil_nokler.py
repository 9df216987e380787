"""Keys, kommuner and links that people have typed over, and records that stand where nobody asked for them."""

from __future__ import annotations

import pytest

from tasks.contracts import TOMTER
from tasks.crm.sync.basesync import today
from tasks.crm.sync.state import BaseState
from tasks.errors import AirtableError, IdentityError
from tests.crm.onde_servere import Exchange, Svar, creates, refuse, then, writes
from tests.crm.proevebase import LITEN, Verden, fasit, saker
from tests.crm.stordata import matrikkelenhet, tomt_id, write_kommune
from tests.crm.sync_prosess import PROEVEDAL, TOMTEVIK

pytestmark = pytest.mark.long

TOMT = tomt_id(TOMTEVIK, 0)
EIENDOM = matrikkelenhet(TOMTEVIK, 4)


def as_if_counted(verden: Verden) -> None:
    """Let the base be known to hold records of every table."""
    state = BaseState(verden.geodata, verden.person.base.id)
    counts, _ = state.counts()
    state.keep_counts(dict.fromkeys(counts, 1), today().isoformat())
    state.close()


def set_lot(verden: Verden, **values: object) -> None:
    """Change the first lot in the files."""
    lots = verden.geodata.read("0099", layer="out", contract=TOMTER)
    for column, value in values.items():
        lots.at[lots.index[0], column] = value
    verden.geodata.write(lots, "0099", layer="out", contract=TOMTER)


def test_a_link_of_ours_to_a_neighbours_property_was_written_by_nobody(verden):
    set_lot(verden, matrikkelenheter=["7001-1/1/0/0"])
    assert verden.sync().failure is None
    set_lot(verden, matrikkelenheter=[EIENDOM])
    assert verden.sync().failure is None
    assert saker(verden.stand(), "endret") == {}


def test_a_matrikkelenhet_that_stands_twice_is_linked_once_and_comes_to_rest(verden):
    set_lot(verden, matrikkelenheter=[EIENDOM, EIENDOM])
    assert verden.sync().failure is None
    again = verden.sync()
    assert [d.counts()["updated"] for d in again.diffs] == [0] * len(again.diffs)
    assert saker(verden.stand(), "endret") == {}


def test_a_lot_that_a_person_moved_to_another_kommune_stops_neither(verden):
    write_kommune(verden.geodata, PROEVEDAL, LITEN)
    verden.person.change("Tomter", TOMT, {"Kommunenummer": "7001"})
    assert verden.sync(PROEVEDAL).failure is None
    assert verden.sync().failure is None
    assert verden.person.one("Tomter", TOMT)["Kommunenummer"] == "0099"


def test_an_id_that_a_person_made_up_is_told_of_and_left_alone(verden):
    fields = {"Tomt-id": "0099-000999", "Kommunenummer": "0099", "Notat": "min"}
    made = verden.person.table("Tomter").create(fields)
    assert verden.sync().failure is None
    assert verden.person.table("Tomter").get(made["id"])["fields"] == fields
    assert list(saker(verden.stand(), "ukjent")) == ["0099-ukjent-0099-000999"]
    verden.person.table("Tomter").update(made["id"], {"Tomt-id": None})
    assert verden.sync().failure is None
    assert [row["Tilstand"] for row in saker(verden.stand(), "ukjent").values()] == ["Lukket"]


def test_many_ids_that_nobody_gave_are_another_geodata(verden):
    for n in range(4):
        verden.person.table("Tomter").create({"Tomt-id": f"0099-00099{n}", "Kommunenummer": "0099"})
    with pytest.raises(IdentityError, match="4 lots"):
        verden.sync()


def test_a_first_load_that_broke_off_goes_on_when_the_source_has_renumbered_a_teig(tom_verden, pauser):
    tom_verden.proxy.when(writes("Tomter"), refuse(500), nth=2, times=100)
    assert tom_verden.sync().failure is not None
    tom_verden.proxy.behave()
    set_lot(tom_verden, teig_id="nytt nummer")
    assert tom_verden.sync().failure is None
    assert tom_verden.person.one("Tomter", TOMT)["Teig"] == "nytt nummer"


def test_a_property_that_a_person_had_made_is_taken_over_and_what_stood_there_is_told(tom_verden):
    as_if_counted(tom_verden)
    theirs = {"Matrikkelnummer": EIENDOM, "Adresse": "Min egen adresse 7", "Notat": "x"}
    tom_verden.person.table("Eiendommer").create(theirs)
    assert tom_verden.sync().failure is None
    row = tom_verden.person.one("Eiendommer", EIENDOM)
    assert row["Notat"] == "x"
    assert row["Adresse"] != "Min egen adresse 7"
    (matter,) = saker(tom_verden.stand(), "endret").values()
    assert "Min egen adresse 7" in matter["Hvorfor"]


def test_a_property_that_people_had_made_twice_stops_its_table(tom_verden):
    as_if_counted(tom_verden)
    for _ in range(2):
        tom_verden.person.table("Eiendommer").create({"Matrikkelnummer": EIENDOM})
    published = tom_verden.sync()
    assert "Nothing was written to Eiendommer" in published.failure
    assert len(saker(tom_verden.stand(), "dobbelt")) == 1


def test_without_its_memory_a_lot_whose_kommune_was_emptied_is_still_found(verden):
    verden.person.change("Tomter", TOMT, {"Kommunenummer": None, "Notat": "viktig", "Fase": "Dialog"})
    for path in (verden.geodata.root / "crm").rglob("hukommelse.sqlite*"):
        path.unlink()
    assert verden.sync().failure is None
    row = verden.person.one("Tomter", TOMT)
    assert (row["Notat"], row["Fase"], row["Kommunenummer"]) == ("viktig", "Dialog", "0099")


@pytest.mark.long
def test_a_tick_taken_away_after_a_kill_does_not_come_back(tom_verden):
    assert tom_verden.sync_killed(creates("Tomter"), then) is None
    tom_verden.proxy.behave()
    ticked = next(key for key, row in tom_verden.stand()["Tomter"].items() if row.get("Til vurdering"))
    tom_verden.person.change("Tomter", ticked, {"Til vurdering": False, "Fase": "Kontaktet"})
    assert tom_verden.sync().failure is None
    row = tom_verden.person.one("Tomter", ticked)
    assert (row.get("Til vurdering"), row["Fase"]) == (None, "Kontaktet")


def test_of_two_copies_the_one_that_keeps_the_id_is_ours(verden):
    (original,) = verden.person.find("Tomter", TOMT)
    copy = verden.person.duplicate("Tomter", TOMT)
    assert "Nothing was written to Tomter" in verden.sync().failure
    verden.person.table("Tomter").update(original["id"], {"Tomt-id": None})
    assert verden.sync().failure is None
    (record,) = verden.person.find("Tomter", TOMT)
    assert record["id"] == copy
    assert [row["Tilstand"] for row in saker(verden.stand(), "dobbelt").values()] == ["Lukket"]


def test_what_people_write_in_the_queue_itself_is_told_before_it_is_put_right(verden):
    matter = next(iter(fasit()["Kontroll"]))
    verden.person.change("Kontroll", matter, {"Forslag": "Min egen kommentar"})
    assert verden.sync().failure is None
    stand = verden.stand()
    assert stand["Kontroll"][matter]["Forslag"] == fasit()["Kontroll"][matter]["Forslag"]
    assert any("Min egen kommentar" in row["Hvorfor"] for row in saker(stand, "endret").values())


def test_when_most_of_a_table_is_gone_it_is_not_made_anew(verden):
    for record in verden.person.table("Tomter").all():
        verden.person.table("Tomter").delete(record["id"])
    published = verden.sync()
    assert "23 records that were sent are not there" in published.failure
    assert verden.stand()["Tomter"] == {}


def test_a_listing_without_end_is_given_up(verden):
    verden.proxy.when(lambda asked: asked.tabell == "Tomter" and not asked.is_write, endless, times=10**6)
    with pytest.raises(AirtableError, match="does not end"):
        verden.sync()
    assert len(verden.proxy.seen) < 50


def endless(exchange: Exchange) -> None:
    exchange.answer(Svar.of(200, {"records": [], "offset": "itrX/recY"}))
