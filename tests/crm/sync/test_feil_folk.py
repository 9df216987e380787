"""What people do in the base, before a sync and during one: what is theirs stays, what is not is put right and told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.crm.onde_servere import Asked, creates, first, lose_answer, reads, refuse, then, writes
from tests.crm.proevebase import Verden, fasit, saker, without
from tests.crm.stordata import change_lots, matrikkelenhet, omraade_id, tomt_id
from tests.crm.sync_prosess import TOMTEVIK

TOMT, SISTE = tomt_id(TOMTEVIK, 0), tomt_id(TOMTEVIK, 22)
EIENDOM = matrikkelenhet(TOMTEVIK, 4)
OMRAADE = omraade_id(TOMTEVIK, 1)
THEIRS: dict[str, Any] = {
    "Notat": 'Ringte eier: «helst ikke» \U0001f600\n=HYPERLINK("x")',
    "Fase": "Dialog",
    "Neste steg": "{Score}",
    "Neste steg dato": "2027-01-15",
    "Behold": True,
}


def but_long(short: Any, *long: Any) -> list[Any]:
    """Return parameters of which only the first is tried in the normal run."""
    return [short, *(pytest.param(p, marks=pytest.mark.long) for p in long)]


TABLES = {"Tomter": TOMT, "Områder": OMRAADE, "Eiendommer": EIENDOM}


def settled(verden: Verden) -> None:
    """Assert that a further sync finds nothing to do."""
    verden.proxy.behave()
    assert verden.sync().failure is None
    assert [asked for asked in verden.proxy.seen if asked.is_write] == []


# --- sales' own fields ---


@pytest.mark.parametrize("nth", but_long(3, 1, 2, 4))
def test_a_sales_field_written_during_a_sync_is_never_overwritten(verden, nth):
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    verden.proxy.when(
        lambda asked: asked.tabell == "Tomter" or asked.is_write,
        first(lambda: verden.person.change("Tomter", TOMT, THEIRS)),
        nth=nth,
    )
    assert verden.sync().failure is None
    row = verden.person.one("Tomter", TOMT)
    assert {name: row.get(name) for name in THEIRS} == THEIRS
    assert row["Areal m²"] == fasit()["Tomter"][TOMT]["Areal m²"] + 111
    settled(verden)
    assert {name: verden.person.one("Tomter", TOMT)[name] for name in THEIRS} == THEIRS


@pytest.mark.parametrize("fault", but_long(lose_answer, None), ids=["answers lost", "undisturbed"])
def test_a_stage_set_on_a_record_made_a_moment_ago_stays(tom_verden, pauser, fault):
    def work() -> None:
        tom_verden.person.change("Tomter", TOMT, {"Fase": "Kontaktet", "Til vurdering": False, "Notat": "Min"})

    tom_verden.proxy.when(writes("Tomter"), first(work), nth=2)
    if fault is not None:
        tom_verden.proxy.when(writes("Tomter"), fault, times=100)
    tom_verden.sync()
    tom_verden.proxy.behave()
    assert tom_verden.sync().failure is None
    row = tom_verden.person.one("Tomter", TOMT)
    assert (row["Fase"], row["Notat"]) == ("Kontaktet", "Min")
    expected = fasit()["Tomter"][TOMT] | {"Fase": "Kontaktet", "Notat": "Min"}
    expected.pop("Til vurdering", None)
    assert tom_verden.stand()["Tomter"] == fasit()["Tomter"] | {TOMT: expected}


def test_a_stage_that_was_cleared_stays_cleared_and_a_tick_taken_away_does_not_come_back(verden):
    ticked = [key for key, row in fasit()["Tomter"].items() if row.get("Til vurdering")]
    assert len(ticked) > 1, "no lots of tier A among the lots of the test"
    matter = next(iter(fasit()["Kontroll"]))
    verden.person.change("Tomter", ticked[0], {"Fase": None, "Til vurdering": None})
    verden.person.change("Kontroll", matter, {"Status": None})
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    assert verden.sync().failure is None
    row = verden.person.one("Tomter", ticked[0])
    assert "Fase" not in row
    assert "Til vurdering" not in row
    assert verden.person.one("Tomter", ticked[1])["Til vurdering"] is True
    assert "Status" not in verden.person.one("Kontroll", matter)


# --- the program's fields, written by hand ---


def test_what_a_person_wrote_in_a_field_of_the_program_is_put_right_and_told_with_both_values(verden):
    verden.person.change("Tomter", TOMT, {"Areal m²": 77, "Begrunnelse": "Min egen"})
    verden.person.change("Områder", OMRAADE, {"Soner": "Tull"})
    assert verden.sync().failure is None
    now = verden.stand()
    assert without(now, "Kontroll") == without(fasit(), "Kontroll")
    told = saker(now, "endret")
    assert len(told) == 3
    area, reason = (next(row for key, row in told.items() if word in str(row)) for word in ("Areal m²", "Begrunnelse"))
    assert "77" in str(area)
    assert str(fasit()["Tomter"][TOMT]["Areal m²"]) in str(area).replace("\u00a0", "").replace(" ", "")
    assert "Min egen" in str(reason)
    assert all(row["Tilstand"] == "Åpen" for row in told.values())
    settled(verden)
    assert saker(verden.stand(), "endret") == told


@pytest.mark.long
def test_it_is_told_apart_from_what_the_data_say_anew(verden):
    changed = change_lots(verden.geodata, TOMTEVIK, 1.0)
    verden.person.change("Tomter", TOMT, {"Areal m²": 77})
    assert verden.sync().failure is None
    now = verden.stand()
    assert len(saker(now, "endret")) == 1
    assert len(changed) == 23
    assert now["Tomter"][TOMT]["Areal m²"] == fasit()["Tomter"][TOMT]["Areal m²"] + 111


def test_two_runs_killed_on_different_files_blame_nobody(verden, pauser):
    """What the first run sent and the second never came to is the program's own."""
    for share in (1.0, 0.0):
        if share:
            change_lots(verden.geodata, TOMTEVIK, share)
            verden.proxy.when(writes("Tomter"), refuse(500, carried_out=True), nth=2, times=100)
        else:
            change_lots(verden.geodata, TOMTEVIK, 1.0)  # again: another area
            verden.proxy.when(writes("Tomter"), refuse(500), times=100)
        assert verden.sync().failure is not None
        verden.proxy.behave()
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    assert verden.sync().failure is None
    now = verden.stand()
    assert saker(now, "endret") == {}
    assert now["Tomter"][SISTE]["Areal m²"] == fasit()["Tomter"][SISTE]["Areal m²"] + 333


@pytest.mark.parametrize("number", but_long(None, "7001"), ids=["none", "another"])
@pytest.mark.parametrize("key", but_long(None, "min egen", "0099-000999"), ids=["emptied", "other", "another lot's"])
def test_records_whose_kommune_or_key_was_changed_are_known_by_their_ids(verden, key, number):
    for tabell, kept in TABLES.items():
        verden.person.change(tabell, kept, {"Kommunenummer": number})
    verden.person.change("Tomter", SISTE, {"Tomt-id": key, "Notat": "Ringte"})
    assert verden.sync().failure is None
    now = verden.stand()
    assert without(now, "Kontroll", "Tomter") == without(fasit(), "Kontroll", "Tomter")
    assert now["Tomter"] == fasit()["Tomter"] | {SISTE: fasit()["Tomter"][SISTE] | {"Notat": "Ringte"}}
    assert saker(now, "slettet") == {}
    settled(verden)


def test_what_a_person_wrote_is_not_put_right_while_it_cannot_be_told(verden):
    matter = next(iter(fasit()["Kontroll"]))
    copy = verden.person.duplicate("Kontroll", matter)
    verden.person.change("Tomter", TOMT, {"Areal m²": 77})
    assert "Kontroll: 1 key stands in several records" in str(verden.sync().failure)
    stands = verden.person.one("Tomter", TOMT)["Areal m²"]
    verden.person.table("Kontroll").delete(copy)
    assert verden.sync().failure is None
    now = verden.stand()
    assert without(now, "Kontroll") == without(fasit(), "Kontroll")
    assert ["77" in str(row) for row in saker(now, "endret").values()] == [True], f"the lot had {stands}"


@pytest.mark.long
def test_a_field_of_the_program_written_during_the_sync_is_told_by_the_next(verden):
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    verden.proxy.when(writes("Tomter"), first(lambda: verden.person.change("Tomter", TOMT, {"Begrunnelse": "Min"})))
    assert verden.sync().failure is None
    verden.proxy.behave()
    assert verden.sync().failure is None
    assert verden.person.one("Tomter", TOMT)["Begrunnelse"] == fasit()["Tomter"][TOMT]["Begrunnelse"]
    assert ["Min" in str(row) for row in saker(verden.stand(), "endret").values()] == [True]


@pytest.mark.long
def test_links_that_a_person_changed_are_put_right(verden):
    (other,) = verden.person.find("Områder", omraade_id(TOMTEVIK, 2))
    verden.person.change("Tomter", TOMT, {"Område": [other["id"]], "Eiendommer": []})
    assert verden.sync().failure is None
    assert without(verden.stand(), "Kontroll") == without(fasit(), "Kontroll")
    assert len(saker(verden.stand(), "endret")) == 2


# --- records that people delete ---


@pytest.mark.parametrize("tables", but_long([*TABLES], *([t] for t in TABLES)), ids=["all", *TABLES])
def test_records_that_were_deleted_come_back_and_it_is_told(verden, tables):
    for tabell in tables:
        verden.person.delete(tabell, TABLES[tabell])
    verden.sync()
    verden.proxy.behave()
    assert verden.sync().failure is None
    now = verden.stand()
    assert without(now, "Kontroll") == without(fasit(), "Kontroll")
    told = saker(now, "slettet").values()
    assert [[TABLES[t] in str(row) for row in told].count(True) for t in tables] == [1] * len(tables)
    assert saker(now, "endret") == {}, "that Airtable empties what linked to it is nobody's writing"
    settled(verden)


@pytest.mark.long
def test_a_kommune_that_was_deleted_is_one_matter(verden):
    verden.person.delete("Kommuner", "0099")
    assert verden.sync().failure is None
    now = verden.stand()
    assert without(now, "Kontroll") == without(fasit(), "Kontroll")
    assert (len(saker(now, "slettet")), saker(now, "endret")) == (1, {})


@pytest.mark.long
def test_a_kommune_that_was_copied_stops_what_links_to_it_until_the_copy_is_gone(verden):
    copy = verden.person.duplicate("Kommuner", "0099")
    before = verden.stand()
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    assert "Kommuner: 1 key stands in several records" in str(verden.sync().failure)
    assert without(verden.stand(), "Kontroll") == without(before, "Kontroll")
    verden.person.table("Kommuner").delete(copy)
    assert verden.sync().failure is None
    assert {row["Tilstand"] for row in saker(verden.stand(), "dobbelt").values()} == {"Lukket"}
    settled(verden)


@pytest.mark.parametrize("nth", but_long(2, 1, 3, 4))
@pytest.mark.parametrize("tabell", but_long("Tomter", "Eiendommer", "Områder"))
def test_a_record_that_is_deleted_during_the_sync_costs_no_other(verden, pauser, tabell, nth):
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    key = TABLES[tabell]
    verden.proxy.when(lambda asked: asked.is_write, first(lambda: verden.person.delete(tabell, key)), nth=nth)
    verden.sync()
    assert not verden.person.find(tabell, key) or tabell == "Tomter"
    now = verden.stand()["Tomter"]
    expected = {k: row["Areal m²"] + 111 for k, row in fasit()["Tomter"].items() if k != TOMT}
    assert {k: now[k]["Areal m²"] for k in expected} == expected
    verden.proxy.behave()
    assert verden.sync().failure is None
    after = without(verden.stand(), "Kontroll")
    assert {t: set(rows) for t, rows in after.items()} == {
        t: set(rows) for t, rows in without(fasit(), "Kontroll").items()
    }
    links = {k: (row.get("Område"), row.get("Eiendommer"), row["Fase"]) for k, row in after["Tomter"].items()}
    assert links == {k: (r["Område"], r["Eiendommer"], "Identifisert") for k, r in fasit()["Tomter"].items()}
    settled(verden)


@pytest.mark.long
def test_a_record_deleted_while_it_is_read(verden):
    verden.proxy.when(reads("Tomter"), then(lambda: verden.person.delete("Tomter", TOMT)))
    verden.sync()
    verden.proxy.behave()
    assert verden.sync().failure is None
    assert without(verden.stand(), "Kontroll") == without(fasit(), "Kontroll")


@pytest.mark.long
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_property_that_is_deleted_while_its_lots_are_made(tom_verden, pauser, nth):
    tom_verden.proxy.when(creates("Tomter"), first(lambda: tom_verden.person.delete("Eiendommer", EIENDOM)), nth=nth)
    tom_verden.sync()
    tom_verden.proxy.behave()
    tom_verden.sync()
    assert tom_verden.sync().failure is None
    assert without(tom_verden.stand(), "Kontroll") == without(fasit(), "Kontroll")


# --- records that people copy ---


@pytest.mark.parametrize("tabell", but_long(*TABLES))
def test_a_copied_record_stops_its_table_alone_until_the_copy_is_gone(verden, tabell):
    key = TABLES[tabell]
    copy = verden.person.duplicate(tabell, key)
    before = verden.stand()
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    published = verden.sync()
    assert f"{tabell}: 1 key stands in several records" in str(published.failure)
    assert all(record["id"] in str(published.failure) for record in verden.person.find(tabell, key))
    now = verden.stand()
    assert now[tabell] == before[tabell]
    (told,) = saker(now, "dobbelt").values()
    assert told["Tilstand"] == "Åpen"
    assert copy in str(told)
    assert now["Kommuner"] != before["Kommuner"], "the other tables go on"
    verden.person.table(tabell).delete(copy)
    assert verden.sync().failure is None
    healed = verden.stand()
    (told,) = saker(healed, "dobbelt").values()
    assert told["Tilstand"] == "Lukket"
    assert set(healed[tabell]) == set(fasit()[tabell])
    assert {k: row["Areal m²"] for k, row in healed["Tomter"].items()} == {
        k: row["Areal m²"] + 111 for k, row in fasit()["Tomter"].items()
    }
    settled(verden)


@pytest.mark.long
def test_a_copy_that_takes_the_place_of_its_original_is_taken_for_it(verden):
    verden.person.change("Tomter", TOMT, {"Notat": "Ringte"})
    (original,) = verden.person.find("Tomter", TOMT)
    verden.person.duplicate("Tomter", TOMT)
    verden.person.table("Tomter").delete(original["id"])
    assert verden.sync().failure is None
    now = verden.stand()
    assert now["Tomter"] == fasit()["Tomter"] | {TOMT: fasit()["Tomter"][TOMT] | {"Notat": "Ringte"}}
    assert saker(now, "slettet") == saker(now, "endret") == {}
    settled(verden)


@pytest.mark.long
def test_a_copy_that_appears_during_the_sync_loses_nothing(verden):
    change_lots(verden.geodata, TOMTEVIK, 1.0)
    verden.proxy.when(writes("Tomter"), first(lambda: verden.person.duplicate("Tomter", SISTE)))
    verden.sync()
    verden.proxy.behave()
    assert "stands in several records" in str(verden.sync().failure)
    _, copy = verden.person.find("Tomter", SISTE)
    verden.person.table("Tomter").delete(copy["id"])
    assert verden.sync().failure is None
    settled(verden)


@pytest.mark.long
def test_a_copy_of_a_property_that_appears_before_it_is_made(tom_verden, pauser):
    """An upsert that finds two is refused by Airtable as a whole."""

    def work() -> None:
        for _ in range(2):
            tom_verden.person.table("Eiendommer").create({"Matrikkelnummer": EIENDOM, "Kommunenummer": "0099"})

    tom_verden.proxy.when(writes("Eiendommer"), first(work))
    tom_verden.sync()
    tom_verden.proxy.behave()
    assert "Eiendommer: 1 key stands in several records" in str(tom_verden.sync().failure)
    _, copy = tom_verden.person.find("Eiendommer", EIENDOM)
    tom_verden.person.table("Eiendommer").delete(copy["id"])
    tom_verden.sync()
    assert tom_verden.sync().failure is None
    assert without(tom_verden.stand(), "Kontroll") == without(fasit(), "Kontroll")


# --- lots of their own ---


def test_a_lot_of_their_own_is_never_written_nor_counted_as_a_copy(verden):
    own = {"Navn": "Tips fra Kari", "Notat": "Ved elva", "Gnr (egen)": 1, "Bnr (egen)": 1, "Kommune (egen)": "0099"}
    for _ in range(3):
        verden.person.table("Tomter").create(own)
    written: list[Asked] = verden.proxy.seen
    assert verden.sync().failure is None
    rows = [row for key, row in verden.stand()["Tomter"].items() if not key.strip().startswith("0099")]
    assert rows == [own] * 3
    assert not [asked for asked in written if asked.is_write and asked.tabell == "Tomter"]
