"""A fortnight of sales, morning by morning, against the local Airtable."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from tasks.crm.oppfolging import lager
from tasks.crm.oppfolging.faser import latest
from tasks.errors import BaseIncompleteError
from tasks.sandbox.airtable.actor import API_USER
from tests.crm.oppfolging.hjelp import dag, fase_id
from tests.crm.oppfolging.uke import Uke, only_ours


@pytest.fixture
def uke(verden, pauser) -> Iterator[Uke]:
    with Uke(verden) as made:
        yield made


def ledger(uke):
    found = lager.read_ledger(uke.verden.geodata, uke.person.base.id)
    assert found is not None
    return found


def test_a_fortnight(uke):
    person, kontakt = uke.person, uke.person.table("Aktiviteter")
    assert uke.morning(0).sendt.total() == 0  # nobody has done anything
    uke.sell(0, Fase="Kontaktet", Neste_steg_dato="2026-05-06", Neste_steg="Ring Kari Eiersen")
    uke.sell(1, Fase="Dialog", Navn="Låvetomta")
    mine = kontakt.create({"Aktivitet": "Ringte", "Aktivitetstype": "Telefon", "Tidspunkt": dag(1).isoformat()})
    kontakt.update(mine["id"], {"Tomter": [uke.record(0)]})
    before = only_ours(person)

    uke.morning(1)
    assert uke.told() == ["fase-sett:#0:0505:Kontaktet", "fase-sett:#1:0505:Dialog"]
    row = uke.history()[fase_id(uke.lot(1), 1, "Dialog")]
    assert (row["Aktivitet"], row["Fra fase"], row["Ny fase"], row["Tomter"]) == (
        "Fase: Identifisert → Dialog – Låvetomta", "Identifisert", "Dialog", [uke.record(1)],
    )  # fmt: skip
    assert row["Tidspunkt"] == "2026-05-05T04:30:00.000Z"

    uke.morning(2)  # the day of the next step
    assert uke.reminder(0) == "Neste steg har frist 06.05.2026"
    assert uke.morning(2.4).sendt.total() == 0
    assert uke.writes() == []
    assert only_ours(person) == before
    assert "Eiersen" not in str(uke.history())
    snapshots = list(uke.verden.geodata.raw_folder(lager.SOURCE, person.base.id).glob("*.parquet"))
    assert len(snapshots) == 2  # of none, and of the two; the second morning saw the same
    assert pd.read_parquet(max(snapshots))["fase"].to_list() == [
        {uke.record(0): "Kontaktet", uke.record(1): "Dialog"}[rec] for rec in sorted((uke.record(0), uke.record(1)))
    ]

    uke.sell(0, Neste_steg_dato="2026-06-30", Påminnelse="Skrevet for hånd")
    uke.sell(1, Fase="Kontaktet")
    uke.morning(3)
    assert (uke.reminder(0), uke.told()[-1]) == (None, "steg:#0:2026-05-06")
    uke.sell(1, Fase="Identifisert")  # out of sight, and still followed
    uke.morning(4)
    assert latest(ledger(uke))[uke.record(1)].til == "Identifisert"

    assert uke.morning(13).sendt["Aktiviteter"] == 0
    uke.morning(15)  # a fortnight after the call
    assert uke.reminder(0) == "Ingen kontakt siden 05.05.2026 (grense i Kontaktet: 14 dager)"
    kontakt.create({"Aktivitetstype": "Møte", "Tidspunkt": dag(15).isoformat(), "Tomter": [uke.record(0)]})
    uke.morning(16)
    assert uke.reminder(0) is None
    assert uke.told() == [
        "fase-sett:#0:0505:Kontaktet", "fase-sett:#1:0505:Dialog", "fase-sett:#1:0507:Kontaktet",
        "fase-sett:#1:0508:Identifisert",
        "steg:#0:2026-05-06", "stille:#0:2026-05-05:1",
    ]  # fmt: skip
    uke.sell(0, Stoppet=True, Stoppet_fordi="Naturvern: 72 %")  # as a run says it
    uke.morning(17)
    assert (uke.reminder(0), uke.told()[-2]) == ("Stoppet: Naturvern: 72 %", "stille:#0:2026-05-05:1")
    assert uke.told()[-1] == "stoppet:#0:-"


@pytest.mark.long
def test_the_figures_stand_on_the_kommune(uke):
    uke.morning(0)
    uke.sell(0, Fase="Kontaktet")
    uke.sell(1, Fase="Dialog")
    uke.sell(2, Fase="Ikke aktuell")
    uke.person.table("Mandater").create({"Status": "Sendt", "Beløp": 3_000_000, "Tomter": [uke.record(1)]})
    uke.person.table("Mandater").create({"Status": "Utløpt", "Beløp": 9_000_000, "Tomter": [uke.record(1)]})
    uke.morning(1)
    uke.sell(0, Fase="Dialog")
    uke.morning(5)
    row = uke.person.one("Kommuner", "0099")
    homes = [uke.person.one("Tomter", uke.lot(nr))["Boliger (anslag)"] for nr in (0, 1)]
    assert {name: row.get(name) for name in row if "pipeline" in name or name.startswith(("Kon", "Dager i"))} == {
        "Konvertering kontaktet %": 67,
        "Konvertering dialog %": 100,
        "Konvertering LOI %": 0,
        "Dager i kontaktet": 4,
        "Tomter i pipeline": 2,
        "Boliger i pipeline": sum(homes),
        "Boliger i pipeline (vektet)": round(sum(homes) * 0.15, 1),
        "Beløp i pipeline kr": 3_000_000,
    }


@pytest.mark.long
def test_a_lot_that_changes_and_goes_is_told_of_while_it_is_worked_with(uke):
    uke.morning(0)
    for nr in (0, 1, 2):
        uke.sell(nr, Fase="Dialog" if nr < 2 else "Parkert")
    uke.morning(1)
    for nr in (0, 2):
        uke.sell(nr, Kilde_endret="2026-05-06", Hva_er_endret="Areal m²")
    uke.sell(1, Tilstand="Borte", Årsak="regulert", Oppdatert="2026-05-06")
    uke.morning(2)
    assert [uke.reminder(nr) for nr in (0, 1, 2)] == [
        "Kildene endret 06.05.2026: Areal m²", "Borte fra dataene: regulert", None,
    ]  # fmt: skip
    uke.sell(1, Fase="Ikke aktuell")
    uke.morning(20)
    assert [uke.reminder(nr) for nr in (0, 1)] == [None, None]
    assert [i for i in uke.told() if not i.startswith("fase")] == ["borte:#1:2026-05-06", "endret:#0:2026-05-06"]


def test_answers_are_told_of_on_their_lots(uke):
    person = uke.person
    owner = person.table("Eiere").create({"Eier-id": "E1", "Navn": "Kari Eiersen", "Svarstatus": "Ikke nå"})
    person.table("Utsendinger").create({"Utsending": "gammel", "Svar": "Interessert"})
    assert uke.morning(0).sendt.total() == 0  # answers from before the follow-up are history
    letter = person.table("Utsendinger").create(
        {"Utsending": "U1", "Svar": "Vil vite mer", "Tomter": [uke.record(3)], "Eiere": [owner["id"]]}
    )
    person.table("Utsendinger").create({"Utsending": "u2", "Svar": "Ikke svart"})
    person.table("Eiere").update(owner["id"], {"Svarstatus": "Interessert"})
    uke.morning(1)
    rows = uke.history()
    assert sorted(rows) == ["svar:E1:2026-05-05:Interessert", "svar:U1:2026-05-05:Vil vite mer"]
    row = rows["svar:U1:2026-05-05:Vil vite mer"]
    assert (row["Aktivitetstype"], row["Retning"], row["Tomter"], row["Eiere"]) == (
        "Svar", "Inn", [uke.record(3)], [owner["id"]],
    )  # fmt: skip
    assert "Eiersen" not in str(rows)
    assert uke.reminder(3) == "Svar på brev 05.05.2026: Vil vite mer"  # of a lot that nobody has moved
    person.table("Utsendinger").update(letter["id"], {"Svar": "Ikke interessert", "Svardato": "2026-05-06"})
    uke.morning(3)
    assert uke.reminder(3) == "Svar på brev 06.05.2026: Ikke interessert"
    assert uke.history()["svar:U1:2026-05-07:Ikke interessert"]["Tidspunkt"] == "2026-05-06T10:00:00.000Z"
    uke.morning(30)
    assert uke.reminder(3) is None
    assert len(uke.history()) == 3


def test_what_an_owner_answers_is_told_of_on_the_lots_of_the_owners_eiendommer(uke):
    uke.morning(0)
    owners, tomter = uke.person.table("Eiere"), uke.person.table("Tomter")
    (eiendom, *_) = uke.person.one("Tomter", uke.lot(0))["Eiendommer"]
    tomter.update(uke.record(4), {"Eiendommer": [eiendom]})
    owner = owners.create({"Eier-id": "E1", "Svarstatus": "Interessert", "Eiendommer": [eiendom]})
    owners.create({"Eier-id": "E2", "Svarstatus": "Ikke svart", "Eiendommer": [eiendom]})
    wanted = {r["id"] for r in tomter.all() if eiendom in r["fields"].get("Eiendommer", ())}
    assert {uke.record(0), uke.record(4)} <= wanted
    for day in (1, 15):
        uke.morning(day)
        assert uke.reminder(4) == "Eierens svar 05.05.2026: Interessert"
    (row,) = uke.history().values()
    assert ({*row["Tomter"]}, row["Eiere"]) == (wanted, [owner["id"]])
    assert uke.morning(19.5).sendt["Tomter"] == len(wanted)
    assert uke.reminder(0) is None
    assert "Eiendommer" not in [asked.tabell for asked in uke.verden.proxy.seen]


@pytest.mark.long
def test_two_answers_with_the_same_key_are_two(uke):
    uke.morning(0)
    letters = uke.person.table("Utsendinger")
    letters.create({"Utsending": "U1", "Svar": "Interessert", "Tomter": [uke.record(0)]})
    uke.morning(1)
    letters.create({"Utsending": "U1", "Svar": "Interessert", "Tomter": [uke.record(1)]})
    uke.morning(2)  # the first is told of, whatever it is called now
    assert [row["Tomter"] for row in uke.history().values()] == [[uke.record(0)], [uke.record(1)]]


def test_a_stage_that_a_person_has_renamed_stops_the_run_before_it_writes(uke):
    uke.morning(0)
    uke.sell(0, Fase="Dialog", Neste_steg_dato="2026-05-06")
    uke.morning(1)
    _rename_option(uke, "Dialog", "I dialog")
    with pytest.raises(BaseIncompleteError, match=r"no option 'Dialog' any more.*1 lots"):
        uke.morning(2)
    assert uke.writes() == []


@pytest.mark.long
def test_a_stage_that_nobody_was_seen_in_may_be_renamed_until_a_lot_is_in_it(uke):
    uke.sell(0, Fase="Dialog")
    uke.morning(1)
    _rename_option(uke, "LOI", "Intensjon")
    assert uke.morning(3).skifter == []
    uke.sell(1, Fase="Intensjon")
    with pytest.raises(BaseIncompleteError, match="'LOI'"):
        uke.morning(4)
    _rename_option(uke, "Intensjon", "LOI")
    assert [row.til for row in uke.morning(5).skifter] == ["LOI"]


def _rename_option(uke, before, after):
    """Rename an option of Fase as a person does, which the API cannot."""
    hand, base_id = uke.verden.server.hand, uke.person.base.id
    base, table = hand._table(base_id, "Tomter")
    field = next(f for f in table["fields"] if f["name"] == "Fase")
    with hand._store.change(base):
        hand._store.keep_schema(base)
        next(c for c in field["options"]["choices"] if c["name"] == before)["name"] = after
        for record in list(base.records[table["id"]]):
            if record.cells.get(field["id"]) == before:
                hand._store.update(base, table, record.id, {field["id"]: after})
    uke.reconnect()


@pytest.mark.long
def test_peoples_own_lots_take_part(uke):
    uke.morning(0)
    own = {"Navn": "Tunet", "Kommune (egen)": "0099", "Fase": "LOI", "Neste steg dato": "2026-05-05"}
    record = uke.person.table("Tomter").create(own)["id"]
    uke.morning(1)
    assert sorted(uke.history()) == [fase_id(record, 1, "LOI"), f"steg:{record}:2026-05-05"]
    assert uke.person.one("Kommuner", "0099")["Tomter i pipeline"] == 1


def test_a_dry_run_writes_nothing_anywhere(uke):
    uke.sell(0, Fase="Dialog", Neste_steg_dato="2026-05-01")
    root = uke.verden.geodata.root
    uke.morning(0, dry_run=True)  # remembers the ids of fields, and counts calls, as every look at the base does
    before = {p: p.stat().st_mtime_ns for p in root.rglob("*") if "crm" not in p.parts and "locks" not in p.parts}
    found = uke.morning(1, dry_run=True)
    assert found.planned() == {"Aktiviteter": 2, "Tomter": 1, "Kommuner": 1, "Kommentarer": 0}
    assert uke.writes() == []
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert not list(root.rglob("oppfolging.sqlite"))
    assert not list(root.rglob("*salgsstand*"))


@pytest.mark.long
def test_sales_fields_are_kept_when_they_change_without_names_or_notes(uke):
    geodata, base_id = uke.verden.geodata, uke.person.base.id
    uke.sell(0, Fase="Dialog", Navn="Hos Kari Eiersen", Notat="Ring Kari Eiersen", Neste_steg="Kari Eiersen")
    for nr in (0, 1, 2):
        uke.morning(nr)
    (path,) = geodata.raw_folder(lager.SOURCE, base_id).glob("*.parquet")
    frame = pd.read_parquet(path)
    assert frame[["tomt_id", "fase"]].to_numpy().tolist() == [[uke.lot(0), "Dialog"]]
    assert geodata.provenance(path).antall_mottatt == 1
    assert b"Eiersen" not in path.read_bytes()
    uke.sell(0, Fase="LOI")
    uke.morning(3)
    assert len(list(geodata.raw_folder(lager.SOURCE, base_id).glob("*.parquet"))) == 2


@pytest.mark.long
def test_a_field_that_sales_has_deleted_or_retyped_stops_nothing(uke):
    uke.morning(0)
    uke.sell(0, Fase="Dialog", Neste_steg_dato="2026-05-01")
    uke.reconnect()
    for tabell, felt in (("Tomter", "Neste steg dato"), ("Aktiviteter", "Fra fase"), ("Mandater", "Beløp")):
        uke.verden.drop(tabell, felt)
    uke.verden.drop_option("Aktiviteter", "Ny fase", "Dialog")
    uke.morning(1)
    assert uke.told() == ["fase-sett:#0:0505:Dialog"]


@pytest.mark.long
def test_airtable_tells_when_and_by_whom_where_the_fields_are_made(uke):
    base = uke.person.base
    table = base.schema(force=True).table("Tomter")
    for name, kind in (("Fase endret", "lastModifiedTime"), ("Fase endret av", "lastModifiedBy")):
        uke.person.api.post(
            f"{uke.verden.server.url}/own/bases/{base.id}/tables/{table.id}/fields",
            json={"name": name, "type": kind, "options": {"referencedFieldIds": [table.field("Fase").id]}},
        )
    uke.morning(0, naa=datetime.now(UTC))
    uke.sell(0, Fase="Dialog")
    after = datetime.now(UTC) + timedelta(hours=5)
    (row,) = uke.morning(1, naa=after).skifter
    assert (row.er_noeyaktig, row.endret_av) == (True, API_USER.id)
    assert after - row.tidspunkt > timedelta(hours=4)
    assert uke.history()[row.aktivitets_id]["Utført av"]["id"] == API_USER.id
