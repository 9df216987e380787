"""The guide: everything by hand stands in it once, and what of it a base lacks is seen."""

from __future__ import annotations

import re

import pytest
from pyairtable.models.schema import BaseSchema

from tasks.crm.skjema.oppsett import differences, setup
from tasks.crm.skjema.veiledning import direction, guide, steps
from tests.crm.skjema.skjemaer import (
    REGISTER,
    as_json,
    as_made_by_hand,
    connected,
    drop,
    field,
    finish,
    fresh,
    parsed,
    serving,
    settings_of,
    table,
)

TEXT = guide(REGISTER)


def left(schema: dict) -> list[str]:
    return [str(a) for a in differences(parsed(schema), REGISTER, {}) if a.tiltak == "hand"]


def finished() -> dict:
    """Return a schema on which everything that a schema shows is done by hand."""
    schema = finish(fresh())
    for felt in REGISTER.formel:
        if felt.hovedfelt:
            table(schema, felt.tabell)["primaryFieldId"] = field(schema, felt.tabell, felt.navn)["id"]
    return schema


def test_every_part_is_a_step_and_they_are_numbered_in_order():
    numbers = [int(n) for n in re.findall(r"^### Steg (\d+)\.", TEXT, flags=re.MULTILINE)]
    parts = (REGISTER.formel, REGISTER.visning, REGISTER.automatisering, REGISTER.grensesnitt, REGISTER.rettighet)
    assert numbers == list(range(1, sum(map(len, parts)) + len(REGISTER.deling) + 1))
    assert [s.nummer for s in steps(REGISTER)] == numbers


def part_of(tittel: str) -> str:
    return next(text for text in TEXT.split("### ") if tittel in text.splitlines()[0])


@pytest.mark.parametrize("felt", REGISTER.formel, ids=lambda f: f"{f.tabell}.{f.navn}")
def test_a_computed_field_is_told_in_full(felt):
    text = part_of(f"`{felt.tabell}`: `{felt.navn}`")
    for word in (felt.formel, felt.lenke, felt.felt, felt.betyr, *(c.felt for c in felt.filter)):
        assert word is None or word in text


@pytest.mark.parametrize("view", REGISTER.visning, ids=lambda v: f"{v.tabell}/{v.navn}")
def test_a_view_is_told_in_full(view):
    text = next(
        t
        for t in TEXT.split("### ")
        if f"`{view.tabell}`: `{view.navn}`" in t.splitlines()[0] and "Felt som vises" in t
    )
    shown = [f"`{name}`" for name in (*view.felt, view.stabel, view.dato) if name]
    own = REGISTER.columns()[view.tabell]
    sorts = (f"`{s.felt}` {direction(s, own[s.felt].kind)}" for s in (*view.sortering, *view.gruppering))
    for name in (*shown, *sorts):
        assert name in text


def test_conditions_read_as_on_the_screen():
    kilde = part_of("`Tomter`: `Kilde endret`")
    assert "- *Condition group*, én av dem er nok (*Or*):" in kilde
    assert "- `Kilde endret` *is within* *the past number of days*: 14" in kilde
    assert "- `Behold` *is* ☑" in kilde
    assert "- `Fase` *is any of* `Kontaktet`, `Dialog`, `LOI`, `Opsjon`" in part_of("`Tomter`: `Kalde leads`")
    assert "- `Ingen har rørt den` *=* `1`" in part_of("`Tomter`: `Innboks`")
    assert "- `Ansvarlig` *is* `Current user`" in part_of("`Salg`")


def test_sorts_and_numbers_read_as_on_the_screen():
    per_kommune = part_of("`Tomter`: `Per kommune`")
    assert "*Group*: `Kommunenavn` *A → Z*, `Nivå` *First → Last* (første valg først)" in per_kommune
    assert "*Sort*: `Score` *9 → 1* (største først)" in per_kommune
    assert "*Sort*: `Til` *1 → 9* (eldste først)" in part_of("`Mandater`: `Utløper snart`")
    assert "Formatting: *Integer*\n" in part_of("`Tomter`: `Vil ikke kontaktes`")
    assert "Formatting: *Decimal*, *Precision* `1.0`\n" in part_of("`Eiere`: `Beste score`")
    assert "Decimal* eller" not in TEXT


def test_the_token_s_user_comes_before_setup_and_everything_else_after():
    before, after = TEXT.split("## Felt som regnes ut")
    assert "### Steg 1. Brukeren som programmets token tilhører" in before
    assert "Brukeren som programmets" not in after
    assert "ikke filtre" in before


def test_a_title_is_made_the_primary_field_in_the_step_that_makes_it():
    for tabell, key in (("Tomter", "Tomt-id"), ("Eiere", "Eier-id")):
        text = part_of(f"`{tabell}`: `Tittel`")
        assert f"`{key}` → *Change primary field* → velg `Tittel`" in text
    assert TEXT.count("→ *Change primary field*.") == 2
    assert "står alltid først og kan ikke skjules" in TEXT


def test_an_automation_is_told_in_full():
    text = part_of("`Sist kontaktet på tomten`")
    for word in ("*When record matches conditions*", "*Table*: `Tomter`", "*Record ID*: `{Airtable record ID}`"):
        assert word in text
    assert "`Fase` *is any of* `Kontaktet`, `Dialog`" in text
    assert "*Field* `Sist kontaktet`: `Actual trigger time`" in text


def test_what_a_time_of_change_watches_is_told():
    text = part_of("`Tomter`: `Fase endret av`")
    assert "*Last modified by*" in text
    assert "*Specific fields*, bare disse: `Fase`" in text


def test_exactly_the_program_s_fields_are_locked_and_their_other_ends():
    text = next(t for t in TEXT.split("## Rettigheter")[1].split("### ") if "`Eiendommer`" in t.splitlines()[0])
    locked = re.findall(r"`([^`]+)`", text.split("for disse feltene:")[1])
    ours = [f.navn for f in REGISTER.table("Eiendommer").felt if f.eier == "pipeline"]
    assert locked == [*ours, "Tomter", "Eiere"]
    eiere = next(t for t in TEXT.split("## Rettigheter")[1].split("### ") if "`Eiere`" in t.splitlines()[0])
    assert "`Eier-id`" in eiere
    assert "`Navn`" not in eiere
    assert "må derfor gjøres av en som er Creator eller Owner" in TEXT.split("## Rettigheter")[1]


# --- what a base shows of it -----------------------------------------------------------------------------------


def test_when_everything_is_made_nothing_is_left():
    assert differences(parsed(finished()), REGISTER, {}) == []


def test_a_title_that_is_not_the_primary_field_is_left_to_do():
    lines = left(finish(fresh()))
    assert [line.split(":")[0] for line in lines] == [
        f"{t}.Tittel is not the primary field" for t in ("Eiere", "Tomter")
    ]


def test_the_same_over_http_by_a_person(tmp_path):
    with serving(tmp_path) as server, connected(settings_of(server.url)) as api:
        settings = settings_of(server.url)
        base, _ = setup(api, None, REGISTER, {}, settings=settings)
        for felt in REGISTER.formel:
            server.hand.add_field(base.id, felt.tabell, as_made_by_hand(felt, as_json(base)))
        for view in REGISTER.visning:
            server.hand.add_view(base.id, view.tabell, view.navn, kind=view.type)
        schema: BaseSchema = base.schema(force=True)
    # The local Airtable's primary fields stay what they are.
    assert {a.hva.split(":")[0] for a in differences(schema, REGISTER, {})} == {"is not the primary field"}


def test_the_text_of_a_formula_may_be_laid_out_otherwise_and_its_fields_renamed():
    schema = finished()
    frist = field(schema, "Tomter", "Dager siden kontakt")
    frist["options"]["formula"] = frist["options"]["formula"].replace(", ", " ,\n  ")
    field(schema, "Tomter", "Siste kontakt")["name"] = "SISTE KONTAKT"
    memory = {
        "Tomter": {
            "id": table(schema, "Tomter")["id"],
            "fields": {"Fase": field(schema, "Tomter", "Fase")["id"]},
        }
    }
    field(schema, "Tomter", "Fase")["name"] = "Stadium"
    assert [a for a in differences(parsed(schema), REGISTER, memory) if a.tiltak == "hand"] == []


def test_what_is_otherwise_is_named_with_its_step():
    schema = finished()
    field(schema, "Tomter", "Frist")["options"]["formula"] = "1"
    field(schema, "Tomter", "Tittel")["options"]["isValid"] = False
    field(schema, "Tomter", "Temperatur").update(type="singleLineText", options={})
    minutter = field(schema, "Tomter", "Minutter brukt")["options"]
    minutter["fieldIdInLinkedTable"] = field(schema, "Aktiviteter", "Innhold")["id"]
    antall = field(schema, "Tomter", "Antall aktiviteter")["options"]
    antall["recordLinkFieldId"] = field(schema, "Tomter", "Område")["id"]
    drop(schema, "Eiendommer", "Eiernavn")
    field(schema, "Tomter", "Fase endret")["options"]["referencedFieldIds"] = []
    views = {v["name"]: v for v in table(schema, "Tomter")["views"]}
    views["Pipeline"]["type"] = "grid"
    table(schema, "Tomter")["views"].remove(views["Innboks"])
    number = {(getattr(s.del_, "tabell", ""), getattr(s.del_, "navn", "")): s.nummer for s in steps(REGISTER)}
    wanted = {
        "Eiendommer.Eiernavn is missing as a multipleLookupValues field": ("Eiendommer", "Eiernavn"),
        "Tomter.Tittel is not valid in Airtable": ("Tomter", "Tittel"),
        "Tomter.Antall aktiviteter does not follow Aktiviteter": ("Tomter", "Antall aktiviteter"),
        "Tomter.Minutter brukt does not read Minutter": ("Tomter", "Minutter brukt"),
        "Tomter.Temperatur is singleLineText, wanted is formula": ("Tomter", "Temperatur"),
        "Tomter.Frist has another formula": ("Tomter", "Frist"),
        "Tomter.Fase endret does not tell of Fase": ("Tomter", "Fase endret"),
        "Tomter/Innboks is missing as a grid view": ("Tomter", "Innboks"),
        "Tomter/Pipeline is a grid view, wanted is kanban": ("Tomter", "Pipeline"),
    }
    expected = {f"{text}: step {number[which]} of the guide" for text, which in wanted.items()}
    # What reads the field that is gone: its own step stands first.
    assert set(left(schema)) - expected == {
        f"Tomter.Eiernavn does not read Eiernavn: step {number['Tomter', 'Eiernavn']} of the guide"
    }
    assert expected <= set(left(schema))
