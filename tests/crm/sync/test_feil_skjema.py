"""Fields, options and tables that people rename or delete: a sync goes on, or stops before it has written anything."""

from __future__ import annotations

import pytest

from tasks.crm.sync.publish import open_connection
from tasks.errors import BaseIncompleteError
from tests.crm.onde_servere import first, writes
from tests.crm.proevebase import Verden, fasit, without
from tests.crm.stordata import change_lots, tomt_id
from tests.crm.sync_prosess import TOMTEVIK

TOMT = tomt_id(TOMTEVIK, 0)
AREAL = "Areal m²"


@pytest.fixture
def staging(verden) -> Verden:
    verden.become_staging()
    return verden


def assert_nothing_was_written(verden: Verden) -> None:
    assert [
        asked for asked in verden.proxy.seen if asked.metode != "GET" and not asked.path.endswith("listRecords")
    ] == []


def assert_up_to_date(verden: Verden) -> None:
    areas = {key: row[AREAL] for key, row in verden.stand()["Tomter"].items()}
    assert areas == {key: row[AREAL] + 111 for key, row in fasit()["Tomter"].items()}


# --- renamed ---


def test_a_renamed_field_is_written_under_its_new_name(staging):
    staging.person.rename("Tomter", AREAL, "Størrelse i kvm")
    staging.person.rename("Tomter", "Notat", "Våre notater")
    staging.person.rename("Tomter", "Tomt-id", "Nr.")
    staging.person.rename("Eiendommer", "Kommunenummer", "Knr")
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    assert staging.sync().failure is None
    rows = staging.stand()["Tomter"]
    assert {key: row["Størrelse i kvm"] for key, row in rows.items()} == {
        key: row[AREAL] + 111 for key, row in fasit()["Tomter"].items()
    }
    assert not any(AREAL in row for row in rows.values())


@pytest.mark.long
def test_a_field_renamed_during_the_sync(staging):
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    staging.proxy.when(writes("Tomter"), first(lambda: staging.person.rename("Tomter", AREAL, "Størrelse")))
    assert staging.sync().failure is None
    assert staging.person.one("Tomter", TOMT)["Størrelse"] == fasit()["Tomter"][TOMT][AREAL] + 111


@pytest.mark.long
def test_a_renamed_table(staging):
    table = staging.person.base.schema().table("Tomter")
    table.name = "Leads"
    table.save()
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    assert staging.sync().failure is None
    rows = staging.stand()["Leads"]
    assert {key: row[AREAL] for key, row in rows.items()} == {
        key: row[AREAL] + 111 for key, row in fasit()["Tomter"].items()
    }


@pytest.mark.long
def test_two_fields_that_swap_names_keep_what_is_theirs(staging):
    for old, new in ((AREAL, "midlertidig"), ("Kjerne m²", AREAL), ("midlertidig", "Kjerne m²")):
        staging.person.rename("Tomter", old, new)
    assert staging.sync().failure is None
    assert_nothing_was_written(staging)


# --- deleted ---


@pytest.mark.parametrize(
    "felt", [AREAL, *(pytest.param(f, marks=pytest.mark.long) for f in ("Fase", "Kommune", "Kommunenummer"))]
)
def test_a_field_of_the_program_that_was_deleted_stops_the_sync_and_setup_heals_it(staging, felt):
    staging.drop("Tomter", felt)
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    with pytest.raises(BaseIncompleteError, match=rf"Tomter\.{felt}.*tomt base setup"):
        staging.sync()
    assert_nothing_was_written(staging)
    assert staging.setup() == [f"field Tomter.{felt}"]
    assert staging.sync().failure is None
    assert_up_to_date(staging)
    now, before = staging.stand(), fasit()
    if felt != "Fase":  # what people had set there went with the field: only they know it
        assert {key: row[felt] for key, row in now["Tomter"].items() if felt != AREAL} == {
            key: row[felt] for key, row in before["Tomter"].items() if felt != AREAL
        }
    staging.proxy.behave()
    assert staging.sync().failure is None
    assert_nothing_was_written(staging)


@pytest.mark.long
def test_the_sandbox_heals_itself(verden):
    verden.drop("Tomter", AREAL)
    assert verden.sync().failure is None
    assert without(verden.stand(), "Kontroll") == without(fasit(), "Kontroll")


@pytest.mark.long
@pytest.mark.parametrize("felt", ["Notat", "Behold", "Neste steg dato", "Kommune (egen)"])
def test_a_field_of_sales_that_was_deleted_stops_nobody(staging, felt):
    staging.drop("Tomter", felt)
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    assert staging.sync().failure is None
    assert_up_to_date(staging)


def test_all_fields_of_sales_that_were_deleted_stop_nobody(staging):
    connection = open_connection(staging.geodata, staging.oppdrag.settings(), dry_run=True)
    connection.api.session.close()
    for tabell in connection.register.tabell:
        for felt in tabell.felt:
            if felt.eier == "sales" and felt.navn != tabell.noekkel:
                staging.drop(tabell.navn, felt.navn)
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    assert staging.sync().failure is None
    assert_up_to_date(staging)


@pytest.mark.long
def test_a_field_that_is_deleted_during_the_sync_stops_it_with_a_word(staging):
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    staging.proxy.when(writes("Tomter"), first(lambda: staging.drop("Tomter", AREAL)), nth=2)
    assert "tomt base check" in str(staging.sync().failure)
    staging.proxy.behave()
    staging.setup()
    assert staging.sync().failure is None
    assert_up_to_date(staging)


@pytest.mark.long
def test_a_field_that_was_made_again_as_another_type_is_not_written(staging):
    staging.drop("Tomter", AREAL)
    staging.person.table("Tomter").create_field(AREAL, "singleLineText")
    with pytest.raises(BaseIncompleteError, match=rf"Tomter\.{AREAL}"):
        staging.sync()
    assert_nothing_was_written(staging)


# --- options ---


def test_an_option_of_the_program_that_was_deleted_stops_the_sync_until_a_person_adds_it(staging):
    staging.drop_option("Tomter", "Klasse", "bolig")
    with pytest.raises(BaseIncompleteError, match=r"bolig.*Tomter\.Klasse|Tomter\.Klasse.*bolig"):
        staging.sync()
    assert_nothing_was_written(staging)
    (record,) = staging.person.find("Tomter", TOMT)
    staging.person.table("Tomter").update(record["id"], {"Klasse": "bolig"}, typecast=True)  # as a person adds it
    assert staging.sync().failure is None
    assert without(staging.stand(), "Kontroll") == without(fasit(), "Kontroll")


@pytest.mark.long
def test_an_option_of_sales_that_was_deleted_stops_nobody(staging):
    staging.drop_option("Tomter", "Fase", "LOI")
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    assert staging.sync().failure is None
    assert_up_to_date(staging)


@pytest.mark.long
def test_an_option_that_is_not_in_use_is_the_programs_all_the_same(staging):
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    staging.drop_option("Områder", "Klasse", "mulig")
    with pytest.raises(BaseIncompleteError, match="mulig"):
        staging.sync()
    assert_nothing_was_written(staging)


@pytest.mark.long
def test_an_option_that_is_deleted_during_the_sync_costs_no_other_lot(staging):
    staging.person.change("Tomter", TOMT, {"Klasse": "mulig"})
    change_lots(staging.geodata, TOMTEVIK, 1.0)
    staging.proxy.when(writes("Tomter"), first(lambda: staging.drop_option("Tomter", "Klasse", "bolig")))
    staging.sync()
    now = staging.stand()["Tomter"]
    assert {key for key, row in now.items() if row[AREAL] == fasit()["Tomter"][key][AREAL] + 111} >= set(now) - {TOMT}
    staging.person.table("Tomter").update(
        staging.person.find("Tomter", TOMT)[0]["id"], {"Klasse": "bolig"}, typecast=True
    )
    assert staging.sync().failure is None
    assert_up_to_date(staging)
