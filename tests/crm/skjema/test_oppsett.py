"""How a base differs from the code, and setting it up over HTTP: what is made, what stops, what is left to people."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyairtable import Api
from pyairtable.models.schema import BaseSchema

from config.settings import Profile, Settings
from tasks.crm.client import calls_of
from tasks.crm.skjema.avvik import Avvik
from tasks.crm.skjema.ids import as_memory, find_base, locate, read_schema, resolve
from tasks.crm.skjema.oppsett import differences, setup
from tasks.errors import BaseIncompleteError, ConfigError
from tests.crm.skjema.skjemaer import (
    REGISTER,
    as_json,
    connected,
    drop,
    field,
    fresh,
    parsed,
    serving,
    settings_of,
    table,
)


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Iterator[Settings]:
    with serving(tmp_path_factory.mktemp("airtable")) as server:
        yield settings_of(server.url)


@pytest.fixture
def api(settings) -> Iterator[Api]:
    with connected(settings) as api:
        yield api


def found(schema: BaseSchema) -> list[Avvik]:
    """Return the differences but those of the manual parts, which no fresh base has."""
    return [a for a in differences(schema, REGISTER, {}) if "step " not in a.hva]


# --- differences -----------------------------------------------------------------------------------------------


def test_a_base_as_setup_leaves_it_differs_in_nothing_but_what_people_make():
    left = differences(parsed(fresh()), REGISTER, {})
    assert [a for a in left if "step " not in a.hva] == []
    assert len(left) == len(REGISTER.formel) + len(REGISTER.visning)
    assert {(a.tiltak, a.stopper) for a in left} == {("hand", False)}


def test_no_base_lacks_every_table_and_only_the_program_s_own_stop_a_run():
    left = differences(None, REGISTER, {})
    assert [a.hvor for a in left] == [t.navn for t in REGISTER.tabell]
    assert {a.tiltak for a in left} == {"setup"}
    assert {a.hvor for a in left if not a.stopper} == {"Kontakter", "Meglere", "Mandater"}


def change_type(tabell: str, felt: str):
    return lambda s: field(s, tabell, felt).update(type="multilineText", options={})


def drop_option(tabell: str, felt: str, option: str):
    def change(schema: dict) -> None:
        options = field(schema, tabell, felt)["options"]
        options["choices"] = [c for c in options["choices"] if c["name"] != option]

    return change


def other_key(tabell: str):
    return lambda s: table(s, tabell).update(primaryFieldId=table(s, tabell)["fields"][1]["id"])


def link_elsewhere(tabell: str, felt: str):
    return lambda s: field(s, tabell, felt)["options"].update(linkedTableId=table(s, "Kontroll")["id"])


CHANGES = {
    "our table is gone": (lambda s: drop(s, "Kontroll"), "Kontroll", "setup", True),
    "our field is gone": (lambda s: drop(s, "Tomter", "Score"), "Tomter.Score", "setup", True),
    "an initial field is gone": (lambda s: drop(s, "Tomter", "Fase"), "Tomter.Fase", "setup", True),
    "our field is of another type": (change_type("Tomter", "Score"), "Tomter.Score", "hand", True),
    "our link goes elsewhere": (link_elsewhere("Tomter", "Kommune"), "Tomter.Kommune", "hand", True),
    "our option is gone": (drop_option("Tomter", "Tilstand", "Borte"), "Tomter.Tilstand", "hand", True),
    "the first stage is gone": (drop_option("Tomter", "Fase", "Identifisert"), "Tomter.Fase", "hand", True),
    "another stage is gone": (drop_option("Tomter", "Fase", "LOI"), "Tomter.Fase", "hand", False),
    "another primary field": (other_key("Tomter"), "Tomter", "info", False),
    "sales' field is gone": (lambda s: drop(s, "Tomter", "Notat"), "Tomter.Notat", "setup", False),
    "sales' field is of another type": (change_type("Tomter", "Behold"), "Tomter.Behold", "hand", False),
    "sales' option is gone": (
        drop_option("Tomter", "Ikke aktuell fordi", "For dyr"),
        "Tomter.Ikke aktuell fordi",
        "hand",
        False,
    ),
    "sales' table is gone": (lambda s: drop(s, "Mandater"), "Mandater", "setup", False),
    "sales' key is another": (other_key("Kontakter"), "Kontakter", "info", False),
    "sales' own field is of another type": (
        change_type("Kontakter", "Telefon"),
        "Kontakter.Telefon",
        "info",
        False,
    ),
    "sales' own option is gone": (
        drop_option("Kontakter", "Rolle", "Arving"),
        "Kontakter.Rolle",
        "info",
        False,
    ),
    "a field is described otherwise": (
        lambda s: field(s, "Tomter", "Score").update(description="Poeng"),
        "Tomter.Score",
        "info",
        False,
    ),
    "a table is described otherwise": (
        lambda s: table(s, "Tomter").update(description="Leads"),
        "Tomter",
        "info",
        False,
    ),
    "more decimals": (
        lambda s: field(s, "Tomter", "Score")["options"].update(precision=3),
        "Tomter.Score",
        "info",
        False,
    ),
    "another date format": (
        lambda s: field(s, "Tomter", "Opprettet")["options"].update(dateFormat={"name": "us", "format": "M/D/YYYY"}),
        "Tomter.Opprettet",
        "info",
        False,
    ),
    "another symbol": (
        lambda s: field(s, "Mandater", "Beløp")["options"].update(symbol="$"),
        "Mandater.Beløp",
        "info",
        False,
    ),
}


@pytest.mark.parametrize(("change", "hvor", "tiltak", "stops"), CHANGES.values(), ids=CHANGES)
def test_what_a_change_means(change, hvor, tiltak, stops):
    schema = fresh()
    change(schema)
    read = parsed(schema)
    left = found(read)
    one = next(a for a in left if a.hvor == hvor)
    assert (one.tiltak, one.stopper) == (tiltak, stops)
    assert {a.stopper for a in left} == {stops}
    if stops:
        with pytest.raises(BaseIncompleteError, match=hvor):
            resolve(read, REGISTER, {})
    else:
        resolve(read, REGISTER, {})


def test_a_deleted_option_is_named_with_its_field():
    schema = fresh()
    drop_option("Tomter", "Klasse", "spredt")(schema)
    (one,) = found(parsed(schema))
    assert str(one) == "Tomter.Klasse lacks the option 'spredt': add it by hand, spelt exactly so"


def test_what_people_add_is_not_listed():
    schema = fresh()
    table(schema, "Tomter")["fields"].append({"id": "fldEget0000000001", "name": "Eget felt", "type": "rating"})
    schema["tables"].append({**table(schema, "Kontroll"), "id": "tblEget0000000001", "name": "Salgs egen tabell"})
    field(schema, "Tomter", "Fase")["options"]["choices"].append({"id": "selEget", "name": "Befart"})
    assert found(parsed(schema)) == []


def test_without_fields_of_sales_the_ids_lack_them_and_nothing_else():
    schema = fresh()
    drop(schema, "Tomter", "Behold")
    drop(schema, "Mandater")
    ids = resolve(parsed(schema), REGISTER, {})
    assert "Mandater" not in ids
    assert {f.navn for f in REGISTER.table("Tomter").felt} - set(ids["Tomter"].fields) == {"Behold"}


# --- names and ids ---------------------------------------------------------------------------------------------


def test_what_is_renamed_is_found_by_its_id():
    schema = fresh()
    memory = as_memory(resolve(parsed(schema), REGISTER, {}))
    field(schema, "Tomter", "Score")["name"] = "Poengsum"
    table(schema, "Tomter")["name"] = "Leads"
    ids = resolve(parsed(schema), REGISTER, memory)
    assert ids["Tomter"].fields["Score"] == field(schema, "Leads", "Poengsum")["id"]
    with pytest.raises(BaseIncompleteError, match="Tomter is missing as a table"):
        resolve(parsed(schema), REGISTER, {})


def test_fields_that_swap_names_are_told_apart():
    schema = fresh()
    memory = as_memory(resolve(parsed(schema), REGISTER, {}))
    score, areal = field(schema, "Tomter", "Score"), field(schema, "Tomter", "Kjerne m²")
    score["name"], areal["name"] = areal["name"], score["name"]
    assert resolve(parsed(schema), REGISTER, memory)["Tomter"].fields == memory["Tomter"]["fields"]


def test_a_field_that_took_the_name_of_a_deleted_one_is_not_taken_for_it():
    schema = fresh()
    memory = as_memory(resolve(parsed(schema), REGISTER, {}))
    drop(schema, "Tomter", "Areal m²")
    field(schema, "Tomter", "Kjerne m²")["name"] = "Areal m²"
    located = locate(parsed(schema), REGISTER, memory)["Tomter"].fields
    assert "Areal m²" not in located
    assert located["Kjerne m²"].id == memory["Tomter"]["fields"]["Kjerne m²"]
    one = next(a for a in differences(parsed(schema), REGISTER, memory) if a.stopper)
    assert (one.hvor, one.tiltak) == ("Tomter.Areal m²", "hand")
    assert "rename" in one.hva


def test_a_name_in_another_case_is_the_same_name():
    schema = fresh()
    field(schema, "Tomter", "Score")["name"] = "SCORE"
    assert found(parsed(schema)) == []


@pytest.mark.parametrize("base_id", ["../../etc", "tblX", "app1/../x", ""])
def test_a_base_that_is_no_id_is_refused(settings, api, base_id):
    wrong = settings.model_copy(update={"airtable_base": base_id, "profile": Profile.STAGING})
    with pytest.raises(ConfigError, match="TOMT_AIRTABLE_BASE"):
        find_base(api, wrong)


# --- setup -----------------------------------------------------------------------------------------------------


def test_setting_up_takes_a_call_a_table_and_one_to_read_and_the_next_time_only_that(settings, api):
    base, lines = setup(api, None, REGISTER, {}, settings=settings)
    assert calls_of(api) == 1 + len(REGISTER.tabell)
    assert [line.split(" with ")[0] for line in lines[1:]] == [f"table {t.navn}" for t in REGISTER.tabell]
    again, nothing = setup(api, base, REGISTER, {}, settings=settings)
    assert calls_of(api) == 2 + len(REGISTER.tabell)
    assert (again.id, nothing) == (base.id, [])
    assert found(read_schema(base)) == []


def shorter(*tables: str, without: tuple[str, ...] = ()):
    """Return a register of an earlier day: these tables, without these fields."""
    kept = [
        t.model_copy(update={"felt": tuple(f for f in t.felt if f.navn not in without)})
        for t in REGISTER.tabell
        if t.navn in tables
    ]
    return REGISTER.model_copy(update={"tabell": tuple(kept)})


def test_a_setup_that_stopped_half_way_is_finished_and_what_was_made_stays(settings, api):
    late = ("Områder.Flyfoto", "Tomter.Nivå", "Tomter.Til vurdering", "Tomter.Flyfoto")
    early = shorter("Kommuner", "Områder", "Eiendommer", "Tomter", without=("Nivå", "Flyfoto", "Til vurdering"))
    base, _ = setup(api, None, early, {}, settings=settings)
    before = {t.name: t.id for t in read_schema(base).tables}
    _, lines = setup(api, base, REGISTER, {}, settings=settings)
    assert lines[:4] == [f"field {name}" for name in late]
    assert [line.split(" ")[0] for line in lines[4:]] == ["table"] * (len(REGISTER.tabell) - 4)
    assert before.items() <= {t.name: t.id for t in read_schema(base).tables}.items()
    assert found(read_schema(base)) == []


def test_a_table_that_links_to_itself_gets_the_link_after_it_is_made(settings, api):
    tomter = REGISTER.table("Tomter")
    link = tomter.field("Kommune").model_copy(update={"navn": "Delt fra", "til": "Tomter"})
    own = tomter.model_copy(update={"felt": (*tomter.felt, link)})
    register = REGISTER.model_copy(
        update={"tabell": tuple(own if t is tomter else t for t in shorter("Kommuner", "Områder", "Eiendommer").tabell)}
    )
    register = register.model_copy(update={"tabell": (*register.tabell, own)})
    base, lines = setup(api, None, register, {}, settings=settings)
    made = read_schema(base).table("Tomter")
    assert made.field("Delt fra").options.linked_table_id == made.id
    assert setup(api, base, register, {}, settings=settings)[1] == []
    assert lines[-1].startswith("table Tomter")


def test_what_people_renamed_or_retyped_is_neither_made_again_nor_changed(settings, api):
    base, _ = setup(api, None, shorter("Kommuner", "Kjøringer"), {}, settings=settings)
    memory = as_memory(resolve(read_schema(base), shorter("Kommuner", "Kjøringer"), {}))
    field_of = read_schema(base).table("Kommuner").field("Navn")
    field_of.name = "Kommunens navn"
    field_of.save()
    assert setup(api, base, shorter("Kommuner", "Kjøringer"), memory, settings=settings)[1] == []
    assert setup(api, base, shorter("Kommuner", "Kjøringer"), {}, settings=settings)[1] == ["field Kommuner.Navn"]


def test_setup_for_another_profile_writes_nothing(settings, api):
    base, _ = setup(api, None, shorter("Kommuner", "Kjøringer"), {}, settings=settings)
    before = as_json(base)
    for profile in (Profile.STAGING, Profile.PRODUCTION):
        with pytest.raises(ConfigError, match=f"'sandbox'.*'{profile}'"):
            setup(api, base, REGISTER, {}, settings=settings.model_copy(update={"profile": profile}))
    assert as_json(base) == before
