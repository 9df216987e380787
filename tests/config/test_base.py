"""The base as code: every field the papers name, and that nothing which does not fit can be loaded."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from config.base import BaseRegister, base_register, reverse_links
from config.errors import ConfigError
from config.formel import FUNCTIONS, check_formula, fields_of, parse, texts_of
from config.haand import Automatisering, Formelfelt, Gruppe, Visning
from config.registers import load_model, read_toml

# Papers §5, what every record keeps, and §1 and §7 → where it stands. Geometry is not in the base: it lies in
# GeoParquet under geodata/ (core/soner, core/planomraader, out/omraader, out/tomter), where the maps and the engine
# read it.
PAPERS = {
    "kommune: number": "Kommuner.Kommunenummer",
    "kommune: name": "Kommuner.Navn",
    "kommune: political score": "Kommuner.Score politikk",
    "kommune: demographic score": "Kommuner.Score demografi",
    "kommune: total score": "Kommuner.Score",
    "kommune: economic score": "Kommuner.Score økonomi",
    "kommune: property score": "Kommuner.Score eiendom",
    "kommune: tier": "Kommuner.Prioritet",
    "kommune: population change, 5 years": "Kommuner.Folketall 5 år %",
    "kommune: housing cost ratio": "Kommuner.Boutgift %",
    "kommune: median income": "Kommuner.Medianinntekt kr",
    "kommune: unemployment": "Kommuner.Arbeidsledighet %",
    "kommune: labour party strength": "Kommuner.Ap %",
    "kommune: property value index": "Kommuner.Prisindeks",
    "kommune: strength of Høyre": "Kommuner.Høyre %",
    "kommune: coalition": "Kommuner.Venstreblokk %",
    "kommune: turnout": "Kommuner.Valgdeltakelse %",
    "kommune: price trend": "Kommuner.Prisvekst 5 år %",
    "kommune: housing stock": "Kommuner.Boligmasse",
    "kommune: development appetite": "Kommuner.Holdning",
    "kommune: planning department's contacts": "Kontakter.Kommune",
    "kommune: relationship": "Kommuner.Relasjon",
    # A zone has no row of its own: områder are cut of them, and carry the largest one's purpose and the list of all.
    "zone: kommune": "Områder.Kommune",
    "zone: arealformål": "Områder.Sonetype",
    "zone: updated": "Kommuner.Data hentet",
    "plan: kommune": "Områder.Kommune",
    "plan: planstatus": "Områder.Planstatus",
    "plan: vedtatt dato": "Områder.Plan vedtatt",
    "lot: kommune": "Tomter.Kommune",
    "lot: zone ids": "Tomter.Soner",
    "lot: sonetype": "Tomter.Sonetype",
    "lot: area": "Tomter.Areal m²",
    "lot: estimated capacity": "Tomter.Boliger (anslag)",
    "lot: score total": "Tomter.Score",
    "lot: score per factor, capacity": "Tomter.Poeng kapasitet",
    "lot: score per factor, size": "Tomter.Poeng størrelse",
    "lot: status": "Tomter.Fase",
    "lot: created": "Tomter.Opprettet",
    "lot: updated": "Tomter.Oppdatert",
    "property: kommune": "Eiendommer.Kommune",
    "property: gnr": "Eiendommer.Gnr",
    "property: bnr": "Eiendommer.Bnr",
    "property: fnr": "Eiendommer.Fnr",
    "property: snr": "Eiendommer.Snr",
    "property: teig id": "Eiendommer.Teiger",
    "property: area": "Eiendommer.Areal m²",
    "property: address": "Eiendommer.Adresse",
    "property: owner": "Eiere.Eiendommer",
    "property: owner name": "Eiere.Navn",
    "property: owner address": "Eiere.Adresse",
    "property: owner contacted": "Eiendommer.Eier kontaktet",
    "property: contact date": "Eiendommer.Kontaktdato",
    "lot–property: overlap area": "Tomter.Overlapp m²",
    # §7
    "crm: stage": "Tomter.Fase",
    "crm: response status": "Eiere.Svarstatus",
    "crm: communication preferences": "Eiere.Ønsket kanal",
    "crm: do not contact": "Eiere.Ikke kontakt",
    "crm: contact history": "Aktiviteter.Tidspunkt",
    "crm: follow-up": "Tomter.Neste steg dato",
}
TABLES = [
    "Kommuner", "Områder", "Eiendommer", "Tomter", "Sammenslåinger", "Eiere", "Kontakter", "Meglere", "Mandater",
    "Aktiviteter",
]  # fmt: skip
SALES = {"Kontakter", "Meglere", "Mandater"}


@pytest.mark.parametrize("field", PAPERS.values(), ids=PAPERS)
def test_what_the_papers_name_has_a_field(field):
    table, _, name = field.partition(".")
    assert base_register().table(table).field(name).betyr


def test_the_tables_and_who_writes_them():
    base = base_register()
    assert [t.navn for t in base.tabell] == [*TABLES, "Utsendinger", "Kontroll", "Kjøringer"]
    assert {t.navn for t in base.tabell if not t.is_written} == SALES
    for table in base.tabell:
        if table.navn in SALES:
            assert {f.eier for f in table.felt} == {"sales"}
    initial = {(t.navn, f.navn): f.start for t in base.tabell for f in t.felt if f.start is not None}
    assert initial == {
        ("Tomter", "Fase"): "Identifisert",
        ("Tomter", "Til vurdering"): True,
        ("Kontroll", "Status"): "Ny",
        ("Utsendinger", "Status"): "Utkast",
    }
    review = base.table("Tomter").field("Til vurdering").naar
    assert review is not None
    assert (review.felt, review.er) == ("Nivå", "A")
    for name in ("Fra fase", "Ny fase"):
        assert base.table("Aktiviteter").field(name).valg == base.table("Tomter").field("Fase").valg


def test_of_an_activity_the_program_keeps_the_id_alone():
    table = base_register().table("Aktiviteter")
    assert (table.noekkel, base_register().primary("Aktiviteter")) == ("Aktivitets-id", "Aktivitet")
    assert [f.navn for f in table.felt if f.eier == "pipeline"] == ["Aktivitets-id"]
    assert {f.navn for f in table.felt if f.eier == "initial"} >= {"Aktivitet", "Aktivitetstype", "Tidspunkt", "Tomter"}


def test_limits_and_the_threshold_are_those_of_the_plan():
    base = base_register()
    assert (base.grenser.poster_per_base, base.grenser.kall_per_maaned) == (50_000, 100_000)
    assert base.publisering.minste_score == 40


def test_the_other_ends_of_links_are_known():
    ends = {table: [m.navn for m in others] for table, others in reverse_links(base_register().tabell).items()}
    assert ends["Eiendommer"] == ["Tomter", "Eiere"]
    assert ends["Tomter"] == ["Sammenslåinger", "Mandater", "Aktiviteter", "Utsendinger"]


def test_every_view_that_sales_needs_is_described():
    views = {(v.tabell, v.navn) for v in base_register().visning}
    wanted = ["Innboks", "Til vurdering", "Pipeline", "Mine neste steg", "Kalde leads", "Kilde endret", "Per kommune"]
    assert {("Tomter", name) for name in wanted} | {("Eiere", "Eier 360"), ("Kontroll", "Kontroll")} <= views


# --- what is made by hand says what it should --------------------------------------------------------------------

CALLED_FROM = (
    "Innboks",
    "Til vurdering",
    "Pipeline",
    "Må følges opp",
    "Mine neste steg",
    "Kalde leads",
    "Kilde endret",
    "Kommunal grunn",
    "Kan bli nivå A",
    "Parkerte",
)
"""Views of Tomter from which people call."""


def view(navn: str, tabell: str = "Tomter") -> Visning:
    return next(v for v in base_register().visning if (v.tabell, v.navn) == (tabell, navn))


def computed(navn: str, tabell: str = "Tomter") -> Formelfelt:
    return next(f for f in base_register().formel if (f.tabell, f.navn) == (tabell, navn))


def automation(navn: str) -> Automatisering:
    return next(a for a in base_register().automatisering if a.navn == navn)


def test_untouched_is_a_lot_on_which_no_field_of_sales_is_set():
    asked = set(fields_of(parse(str(computed("Ingen har rørt den").formel))))
    sales = {f.navn for f in base_register().table("Tomter").felt if f.eier == "sales"}
    assert sales <= asked
    assert {"Fase", "Antall aktiviteter", "Antall mandater"} <= asked


def test_every_field_of_sales_on_a_lot_is_shown_somewhere():
    shown = {name for v in base_register().visning if v.tabell == "Tomter" for name in v.felt}
    assert {f.navn for f in base_register().table("Tomter").felt if f.eier == "sales"} <= shown
    assert {"Sist kontaktet", "Ikke aktuell fordi", "Behold"} <= set(view("Pipeline").felt)


def test_every_field_of_sales_and_of_the_ranking_on_a_kommune_is_shown_somewhere():
    shown = {name for v in base_register().visning if v.tabell == "Kommuner" for name in v.felt}
    hidden = {f.navn for f in base_register().table("Kommuner").felt} - shown
    of_runs = {"Antall områder", "Areal områder m²", "Kilder", "Data hentet", "Kildelenker"}
    assert hidden == of_runs | {"Oppdiktet", "Rang sist"}
    assert "Kontakter" in view("Må møtes", "Kommuner").felt
    assert {"Planavdeling", "Politiker"} <= set(base_register().table("Kontakter").field("Rolle").valg)


def test_wherever_people_call_from_they_see_who_does_not_want_to_be_called():
    column = "Vil ikke kontaktes"
    assert [name for name in CALLED_FROM if column not in view(name).felt] == []
    # A lot's number counts owners and, through them, their contacts.
    assert [computed(column, t).felt for t in ("Tomter", "Eiendommer")] == [column, column]
    assert "Kontakter som ikke vil kontaktes" in fields_of(parse(str(computed(column, "Eiere").formel)))
    for table in ("Eiere", "Kontakter", "Meglere"):
        assert [(c.felt, c.verdi) for c in view("Skal ikke kontaktes", table).filter] == [("Ikke kontakt", "checked")]


def test_what_the_sources_changed_is_shown_for_the_lots_of_the_pipeline():
    kilde = view("Kilde endret")
    within, group = kilde.filter
    assert (within.felt, within.er, within.verdi) == ("Kilde endret", "is within", "the past 14 days")
    assert isinstance(group, Gruppe)
    assert (group,) == view("Pipeline").filter
    assert {"Kilde endret", "Hva er endret"} <= set(kilde.felt)


def test_a_lot_without_a_date_of_contact_is_not_cold():
    assert {"Kald", "Ikke registrert", "Urørt"} <= set(texts_of(parse(str(computed("Temperatur").formel))))
    assert ("Temperatur", "Kald") in [(c.felt, c.verdi) for c in view("Kalde leads").filter]
    dated = automation("Sist kontaktet på tomten")
    assert {(c.felt, c.er) for c in dated.utloeser.filter} == {("Fase", "is any of"), ("Sist kontaktet", "is empty")}
    assert [v.felt for v in dated.handling[0].sett] == ["Sist kontaktet"]


def test_what_the_flow_does_is_no_automation():
    assert [a.navn for a in base_register().automatisering] == ["Sist kontaktet på tomten", "Sist kontaktet på eieren"]
    told = view("Må følges opp")
    assert [(c.felt, c.er) for c in told.filter] == [("Påminnelse", "is not empty")]
    # What the flow writes is no contact: else a reminder would make a lot warm.
    for table, name in (("Tomter", "Siste aktivitet"), ("Tomter", "Antall aktiviteter"), ("Eiere", "Siste aktivitet")):
        assert [c.verdi for c in computed(name, table).filter] == [("Faseskifte", "Påminnelse")]


def test_who_changed_the_stage_and_when_is_told_by_fields_that_see_it_alone():
    assert [(computed(n).type, computed(n).ser) for n in ("Fase endret", "Fase endret av")] == [
        ("lastModifiedTime", ("Fase",)),
        ("lastModifiedBy", ("Fase",)),
    ]


def test_an_owner_s_page_shows_the_lots_and_where_the_sale_stands():
    assert {"Tomter", "Tomter med fase"} <= set(view("Eier 360", "Eiere").felt)
    assert (computed("Tomter", "Eiere").lenke, computed("Tomter", "Eiere").felt) == ("Eiendommer", "Tomter")
    assert "Fase" in fields_of(parse(str(computed("Tittel og fase").formel)))


def test_every_table_says_who_may_delete_from_it():
    rights = {r.tabell: r.slette for r in base_register().rettighet}
    assert rights == {t.navn: "Creators and up" for t in base_register().tabell}


def test_the_pages_of_sales_are_as_the_views_but_for_what_they_add():
    (interface,) = base_register().grensesnitt
    pages = {p.visning: base_register().page(p) for p in interface.side}
    others = {"Per kommune", "Å slå sammen", "Eier 360", "Kontroll", "Rangering"}
    assert {*CALLED_FROM[:-1], *others} == set(pages)
    assert pages["Innboks"] == view("Innboks")
    mine = pages["Mine neste steg"]
    assert mine.filter[:-1] == view("Mine neste steg").filter
    assert mine.filter[-1].verdi == "Current user"
    assert [g.felt for g in mine.gruppering] == ["Frist"]


def test_lots_and_owners_are_called_by_their_title():
    base = base_register()
    assert {t.navn: base.primary(t.navn) for t in base.tabell if base.primary(t.navn) != t.noekkel} == {
        "Tomter": "Tittel",
        "Eiere": "Tittel",
        "Aktiviteter": "Aktivitet",
    }


# --- what cannot be loaded -------------------------------------------------------------------------------------


def table(data: dict[str, Any], navn: str) -> dict[str, Any]:
    return next(t for t in data["tabell"] if t["navn"] == navn)


def field(data: dict[str, Any], navn: str, felt: str) -> dict[str, Any]:
    return next(f for f in table(data, navn)["felt"] if f["navn"] == felt)


def part(data: dict[str, Any], kind: str, navn: str, tabell: str = "Tomter") -> dict[str, Any]:
    return next(p for p in data[kind] if p["navn"] == navn and p.get("tabell", tabell) == tabell)


def new(**more: Any) -> dict[str, Any]:
    return {"navn": "Ny", "type": "singleLineText", "eier": "pipeline", "betyr": "x", **more}


def add(tabell: str, **more: Any):
    return lambda data: table(data, tabell)["felt"].append(new(**more))


FIELDS = {
    "a name twice, whatever the case": (add("Tomter", navn="SCORE"), "SCORE"),
    "a brace in a name": (add("Tomter", navn="Score {ny}"), "formula cannot name"),
    "a padded name": (add("Tomter", navn="Score "), "padded"),
    "a name that a link takes": (add("Kommuner", navn="tomter"), "(?i)tomter"),
    "a table twice": (lambda d: table(d, "Meglere").update(navn="TOMTER"), "(?i)tomter"),
    "a link to nowhere": (add("Tomter", type="multipleRecordLinks", til="Hus"), "stands above"),
    "a link to a table below": (add("Kommuner", type="multipleRecordLinks", til="Tomter"), "stands above"),
    "a link without a table": (add("Tomter", type="multipleRecordLinks"), "needs `til`"),
    "a select without options": (add("Tomter", type="singleSelect"), "needs `valg`"),
    "an option twice": (add("Tomter", type="singleSelect", valg=["a", "a"]), "stands twice"),
    "options of a text": (add("Tomter", valg=["a"]), "takes no `valg`"),
    "a number without decimals": (add("Tomter", type="number"), "needs `desimaler`"),
    "an amount without a symbol": (add("Tomter", type="currency", desimaler=0), "needs `symbol`"),
    "a least change of a text": (add("Tomter", minste_endring=0.1), "`minste_endring` is for numbers"),
    "a least change of nothing": (add("Tomter", type="number", desimaler=0, minste_endring=0), "minste_endring"),
    "a drifting line of one line": (add("Tomter", drivende_linje="x"), "`drivende_linje` is for texts of several"),
    "an unknown type": (add("Tomter", type="formula"), "type"),
    "a long description": (add("Tomter", betyr="x" * 20_001), "20000"),
    "a start of a field of sales": (add("Tomter", eier="sales", start="x"), "`start` is for initial"),
    "naar without a start": (add("Tomter", eier="initial", naar={"felt": "Nivå", "er": "A"}), "`naar` goes with"),
    "no such key": (lambda d: table(d, "Tomter").update(noekkel="Nummer"), "key"),
    "a start that is no option": (lambda d: field(d, "Tomter", "Fase").update(start="Ukjent"), "no value"),
    "an unticked start": (lambda d: field(d, "Tomter", "Til vurdering").update(start=False), "no value"),
    "naar of another field": (
        lambda d: field(d, "Tomter", "Til vurdering").update(naar={"felt": "Nivå", "er": "E"}),
        "`naar`",
    ),
    "naar of a field of sales": (
        lambda d: field(d, "Tomter", "Til vurdering").update(naar={"felt": "Ikke aktuell fordi", "er": "For dyr"}),
        "`naar`",
    ),
    "another key": (lambda d: table(d, "Tomter").update(noekkel="Score"), "key"),
    "our field in a table of sales": (add("Meglere"), "key is sales'"),
    "a limit of nothing": (lambda d: d["grenser"].update(kall_per_maaned=0), "kall_per_maaned"),
    "a threshold beyond 100": (lambda d: d["publisering"].update(minste_score=101), "minste_score"),
}


def formula(called: str, **more: Any):
    return lambda data: part(data, "formel", called).update(more)


def action(data: dict[str, Any], navn: str) -> dict[str, Any]:
    return part(data, "automatisering", navn)


def page(navn: str, **more: Any):
    return lambda data: next(s for s in data["grensesnitt"][0]["side"] if s["visning"] == navn).update(more)


def condition(navn: str, **more: Any):
    return lambda data: part(data, "visning", navn)["filter"].append(more)


HAND = {
    "a formula of an unknown field": (formula("Temperatur", formel="{Skore}"), "Tomter.Temperatur.*Skore"),
    "a formula of a field below": (formula("Tittel", formel="{Frist}"), "Frist"),
    "an unknown function": (formula("Temperatur", formel="IFF({Score}, 1)"), "IFF"),
    "a function in lower case": (formula("Temperatur", formel="if({Score}, 1)"), "spelt so"),
    "too few arguments": (formula("Temperatur", formel="IF({Score})"), "IF takes 2 to 3"),
    "an option that is none": (formula("Temperatur", formel='{Fase} = "Dialogg"'), "Dialogg"),
    "an option that is none, turned round": (formula("Temperatur", formel='"Dialogg" = {Fase}'), "Dialogg"),
    "an unknown unit": (formula("Temperatur", formel='DATEADD(TODAY(), 1, "dager")'), "days"),
    "no formula": (formula("Temperatur", formel="IF({Score}"), "no formula"),
    "a field without braces": (formula("Temperatur", formel="Score + 1"), "without braces"),
    "a rollup of no link": (formula("Minutter brukt", lenke="Score"), "Score is no link"),
    "a rollup of an unknown field": (formula("Minutter brukt", felt="Timer"), "Timer"),
    "a rollup with another function": (formula("Minutter brukt", formel="ROUND(values)"), "a rollup has no"),
    "a rollup of more than values": (formula("Minutter brukt", formel="SUM({Minutter})"), "Minutter"),
    "a count that reads a field": (formula("Antall aktiviteter", felt="Minutter"), "do not fit a count"),
    "a computed field that is there already": (formula("Temperatur", navn="Score"), "called so"),
    "a view of an unknown field": (lambda d: part(d, "visning", "Innboks")["felt"].append("Pris"), "Innboks.*Pris"),
    "a view twice": (lambda d: part(d, "visning", "Kalender").update(navn="innboks"), "innboks"),
    "a filter on an unknown field": (condition("Innboks", felt="Pris", er="is empty"), "Pris"),
    "an operator of another type": (condition("Innboks", felt="Score", er="is", verdi=1), "no operator 'is'"),
    "an operator of no type": (condition("Innboks", felt="Score", er="==", verdi=1), "no operator"),
    "an unknown option": (condition("Innboks", felt="Fase", er="is", verdi="Ringt"), "none of the field's"),
    "an unknown option in a list": (
        condition("Innboks", felt="Fase", er="is any of", verdi=["LOI", "X"]),
        "none of the field's",
    ),
    "one option where several stand": (
        condition("Innboks", felt="Fase", er="is any of", verdi="LOI"),
        "list of values",
    ),
    "a value that emptiness takes": (condition("Innboks", felt="Fase", er="is empty", verdi="LOI"), "too much"),
    "no value": (condition("Innboks", felt="Fase", er="is"), "missing"),
    "an unknown date": (
        condition("Innboks", felt="Oppdatert", er="is before", verdi="i går"),
        "none of the field's",
    ),
    "a text for a number": (condition("Innboks", felt="Score", er=">", verdi="40"), "none of the field's"),
    "what a formula never shows": (
        condition("Innboks", felt="Temperatur", er="is", verdi="Iskald"),
        "none of the field's",
    ),
    "the current user in a view": (
        condition("Innboks", felt="Ansvarlig", er="is", verdi="Current user"),
        "none of the field's",
    ),
    "a kanban without a stack": (lambda d: part(d, "visning", "Pipeline").pop("stabel"), "`stabel`"),
    "a kanban stacked by a number": (lambda d: part(d, "visning", "Pipeline").update(stabel="Score"), "stacked"),
    "a calendar of a number": (lambda d: part(d, "visning", "Kalender").update(dato="Score"), "no date"),
    "a sort by attachments": (
        lambda d: part(d, "visning", "Innboks").update(sortering=[{"felt": "Vedlegg"}]),
        "sort or group",
    ),
    "an automation of an unknown field": (
        lambda d: action(d, "Sist kontaktet på eieren")["utloeser"]["filter"][0].update(felt="Stadium"),
        "på eieren.*Stadium",
    ),
    "an automation that writes our field": (
        lambda d: action(d, "Sist kontaktet på eieren")["handling"][0]["sett"].append(
            {"felt": "Tilstand", "verdi": "Aktiv"}
        ),
        "not sales' to write",
    ),
    "an automation that writes no option": (
        lambda d: action(d, "Sist kontaktet på eieren")["handling"][0]["sett"].append(
            {"felt": "Svarstatus", "verdi": "Kanskje"}
        ),
        "no option of Svarstatus",
    ),
    "an automation that writes no date": (
        lambda d: action(d, "Sist kontaktet på eieren")["handling"][0]["sett"][0].update(verdi="i dag"),
        "Sist kontaktet is a date",
    ),
    "a watched field that is none": (formula("Fase endret", ser=["Stadium"]), "Stadium"),
    "nothing watched": (formula("Fase endret", ser=[]), "do not fit a lastModifiedTime"),
    "a time that is given as a number": (formula("Fase endret", gir="number", desimaler=0), "gives a date"),
    "a condition that nothing follows": (
        formula("Fase endret", filter=[{"felt": "Fase", "er": "is not empty"}]),
        "do not fit",
    ),
    "a view that begins with another field than the primary one": (
        lambda d: part(d, "visning", "Innboks")["felt"].reverse(),
        "Innboks: Tittel always stands first",
    ),
    "a primary field that is a rollup": (formula("Kommunenavn", hovedfelt=True), "cannot be a primary field"),
    "two primary fields": (formula("Temperatur", hovedfelt=True), "Tomter.*stands twice"),
    "a page of an unknown table": (lambda d: d["grensesnitt"][0]["side"][0].update(tabell="Hus"), "Hus is no table"),
    "a page of an unknown view": (page("Innboks", visning="Postkasse"), "no view Postkasse"),
    "a list of a kanban": (page("Pipeline", layout="List"), "a kanban view is no List"),
    "a grouped kanban": (page("Pipeline", gruppering=[{"felt": "Ansvarlig"}]), "only a grid"),
    "a permission of an unknown field": (lambda d: d["rettighet"][5]["unntatt"].append("Pris"), "rettighet Eiere"),
}


@pytest.mark.parametrize(("change", "says"), [*FIELDS.values(), *HAND.values()], ids=[*FIELDS, *HAND])
def test_what_does_not_fit_is_not_loaded(change, says):
    data = copy.deepcopy(read_toml("airtable.toml"))
    change(data)
    with pytest.raises(ConfigError, match=says):
        load_model(BaseRegister, data, "airtable.toml")


def test_a_link_of_a_table_to_itself_is_allowed():
    data = copy.deepcopy(read_toml("airtable.toml"))
    add("Tomter", navn="Delt fra", type="multipleRecordLinks", til="Tomter")(data)
    loaded = load_model(BaseRegister, data, "airtable.toml")
    assert loaded.table("Tomter").field("Delt fra").til == "Tomter"


# --- formulas --------------------------------------------------------------------------------------------------


def test_every_formula_names_fields_and_the_checker_sees_them():
    for felt in base_register().formel:
        if felt.type == "formula":
            assert fields_of(parse(str(felt.formel))), felt.navn


@pytest.mark.parametrize(
    "text",
    [
        '-1 + 2 * (3 - {A}) / 4 & "tekst \\" med {klammer}"',
        "IF({A b (c) m²} >= 1.5, 'ja')",
        "SWITCH({V}, 'x', 1, 'y', 2, 3)",
        "{V} = ''",
    ],
)
def test_formulas_that_airtable_takes(text):
    check_formula(text, {"A": (), "A b (c) m²": (), "V": ("x", "y")})


@pytest.mark.parametrize("text", ["", "=", "IF(", "{}", "{A}}", "'åpen", "1 2", "{A} AND {A}", "SWITCH({V}, 'z', 1)"])
def test_formulas_that_it_does_not(text):
    with pytest.raises(ValueError, match=r"\w"):
        check_formula(text, {"A": (), "V": ("x", "y")})


def test_a_function_has_room_for_its_arguments():
    assert all(0 <= least <= most for least, most in FUNCTIONS.values())
