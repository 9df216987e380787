"""The guide: everything by hand stands in it once, and what of it a base lacks is seen."""

from __future__ import annotations

import re

import pytest
from pyairtable.models.schema import BaseSchema

from tasks.crm.oppsett import differences, setup
from tasks.crm.veiledning import guide, steps
from tests.crm.skjemaer import (
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
    for name in (*shown, *(f"`{s.felt}` {s.retning}" for s in (*view.sortering, *view.gruppering))):
        assert name in text


def test_conditions_read_as_on_the_screen():
    kilde = part_of("`Tomter`: `Kilde endret`")
    assert "- `Fase` *is none of* `Identifisert`, `Ikke aktuell`" in kilde
    assert "- *Condition group*, én av dem er nok (*Or*):" in kilde
    assert "- `Oppdatert` *is within* *the past number of days*: 14" in kilde
    assert "- `Under terskel` *is* ☑" in kilde
    assert "- `Ingen har rørt den` *=* `1`" in part_of("`Tomter`: `Innboks`")
    assert "- `Ansvarlig` *is* `Current user`" in part_of("`Salg`")


def test_an_automation_is_told_in_full():
    text = part_of("`Faseskifte blir aktivitet`")
    for word in ("*When record updated*", "*Table*: `Tomter`", "*Fields*: `Fase`", "*Conditional group*"):
        assert word in text
    assert "*Field* `Tomter`: `{Airtable record ID}`" in text
    assert "*Repeating group*" in part_of("`Påminnelse om neste steg`")


def test_exactly_the_program_s_fields_are_locked_and_their_other_ends():
    text = next(t for t in TEXT.split("## Rettigheter")[1].split("### ") if "`Eiendommer`" in t.splitlines()[0])
    locked = re.findall(r"`([^`]+)`", text.split("for disse feltene:")[1])
    ours = [f.navn for f in REGISTER.table("Eiendommer").felt if f.eier == "pipeline"]
    assert locked == [*ours, "Tomter", "Eiere"]
    eiere = next(t for t in TEXT.split("## Rettigheter")[1].split("### ") if "`Eiere`" in t.splitlines()[0])
    assert "`Eier-id`" in eiere
    assert "`Navn`" not in eiere


# --- what a base shows of it -----------------------------------------------------------------------------------


def test_when_everything_is_made_nothing_is_left():
    assert left(finish(fresh())) == []


def test_the_same_over_http_by_a_person(tmp_path):
    with serving(tmp_path) as server, connected(settings_of(server.url)) as api:
        settings = settings_of(server.url)
        base, _ = setup(api, None, REGISTER, {}, settings=settings)
        for felt in REGISTER.formel:
            server.hand.add_field(base.id, felt.tabell, as_made_by_hand(felt, as_json(base)))
        for view in REGISTER.visning:
            server.hand.add_view(base.id, view.tabell, view.navn, kind=view.type)
        schema: BaseSchema = base.schema(force=True)
    assert differences(schema, REGISTER, {}) == []


def test_the_text_of_a_formula_may_be_laid_out_otherwise_and_its_fields_renamed():
    schema = finish(fresh())
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
    schema = finish(fresh())
    field(schema, "Tomter", "Frist")["options"]["formula"] = "1"
    field(schema, "Tomter", "Tittel")["options"]["isValid"] = False
    field(schema, "Tomter", "Temperatur").update(type="singleLineText", options={})
    minutter = field(schema, "Tomter", "Minutter brukt")["options"]
    minutter["fieldIdInLinkedTable"] = field(schema, "Aktiviteter", "Innhold")["id"]
    antall = field(schema, "Tomter", "Antall aktiviteter")["options"]
    antall["recordLinkFieldId"] = field(schema, "Tomter", "Område")["id"]
    drop(schema, "Eiendommer", "Eiernavn")
    views = {v["name"]: v for v in table(schema, "Tomter")["views"]}
    views["Pipeline"]["type"] = "grid"
    table(schema, "Tomter")["views"].remove(views["Innboks"])
    number = {(getattr(s.del_, "tabell", ""), getattr(s.del_, "navn", "")): s.nummer for s in steps(REGISTER)}
    wanted = {
        "Eiendommer.Eiernavn is missing as a rollup field": ("Eiendommer", "Eiernavn"),
        "Tomter.Tittel is not valid in Airtable": ("Tomter", "Tittel"),
        "Tomter.Antall aktiviteter does not follow Aktiviteter": ("Tomter", "Antall aktiviteter"),
        "Tomter.Minutter brukt does not read Minutter": ("Tomter", "Minutter brukt"),
        "Tomter.Temperatur is singleLineText, wanted is formula": ("Tomter", "Temperatur"),
        "Tomter.Frist has another formula": ("Tomter", "Frist"),
        "Tomter/Innboks is missing as a grid view": ("Tomter", "Innboks"),
        "Tomter/Pipeline is a grid view, wanted is kanban": ("Tomter", "Pipeline"),
    }
    expected = {f"{text}: step {number[which]} of the guide" for text, which in wanted.items()}
    # What reads the field that is gone: its own step stands first.
    assert set(left(schema)) - expected == {
        f"Tomter.Eiernavn does not read Eiernavn: step {number['Tomter', 'Eiernavn']} of the guide"
    }
    assert expected <= set(left(schema))
