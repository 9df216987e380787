"""The main job over real parts: local sources over HTTP, pyairtable against the local Airtable."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from types import SimpleNamespace

import pyairtable
import pytest
import requests
from pydantic import SecretStr

from config.base import base_register
from config.settings import Profile
from flows.run import run_kommune
from flows.sammendrag import as_markdown
from flows.summary import FEILET, IKKE_DEKKET, totals
from tasks.contracts import TOMTER
from tasks.crm.client import connect
from tasks.crm.skjema.ids import find_base, open_base
from tasks.crm.skjema.oppsett import setup
from tasks.crm.sync.connection import open_connection
from tasks.crm.sync.publish import publish
from tasks.store import Geodata


def table(ready, navn):
    """Return a pyairtable table with fields by name."""
    api = connect(ready)
    api.use_field_ids = False
    base = find_base(api, ready)
    return base.table(navn)


def everything(ready) -> dict[str, list]:
    return {
        t.navn: sorted(((r["id"], r["fields"]) for r in table(ready, t.navn).all()), key=lambda r: r[0])
        for t in base_register().tabell
        if t.navn != "Kjøringer"
    }


def but_card(row: dict) -> dict:
    """Return a lot without what it says of its sources: that one did not answer, and how sure its score then is."""
    return {name: value for name, value in row.items() if name not in {"Hvorfor", "Mangler", "Sikkerhet"}}


def test_a_run_fills_the_base_and_a_second_run_changes_nothing(ran, first_run, tomtevik):
    first = first_run.summary
    assert first.count("created") > 100
    before = everything(ran)
    second = run_kommune(tomtevik, ran)
    assert second.ok
    assert (second.count("created"), second.count("updated"), second.count("refused")) == (0, 0, 0)
    assert second.count("unchanged") == first.count("created")
    assert second.run_record == {"created": 1, "updated": 0}
    assert everything(ran) == before
    assert len(table(ran, "Kjøringer").all()) == 2
    one = totals([second.as_dict()])
    assert (one["created"], one["updated"], one["ok"]) == (0, 0, True)
    json.dumps(one)


def test_the_best_lots_get_a_picture_once(ran, tomtevik, med_bilder):
    drawn = run_kommune(tomtevik, ran)
    assert f"pictures: {med_bilder} sent" in drawn.as_text()
    assert f"Kartbilder: {med_bilder} laget." in drawn.kort()
    with_picture = {r["id"]: r["fields"]["Kartbilde"] for r in table(ran, "Tomter").all() if "Kartbilde" in r["fields"]}
    best = sorted((r["fields"]["Score"] for r in table(ran, "Tomter").all()), reverse=True)[:med_bilder]
    assert len(with_picture) == med_bilder
    assert sorted((table(ran, "Tomter").get(i)["fields"]["Score"] for i in with_picture), reverse=True) == best
    again = run_kommune(tomtevik, ran)
    assert again.as_dict()["bilder"]["uendret"] == med_bilder
    assert "pictures" not in again.as_text()
    assert "Kartbilder" not in as_markdown(again)
    assert again.count("updated") == 0


def test_every_lot_is_linked_and_can_be_opened(ran):
    lots = [r["fields"] for r in table(ran, "Tomter").all()]
    omraader = {r["id"]: r["fields"] for r in table(ran, "Områder").all()}
    eiendommer = {r["id"]: r["fields"] for r in table(ran, "Eiendommer").all()}
    (kommune,) = table(ran, "Kommuner").all()
    assert 50 < len(lots) == len(kommune["fields"]["Tomter"]) < kommune["fields"]["Antall tomter"]  # of all that are
    for lot in lots:
        assert lot["Kommune"] == [kommune["id"]]
        assert omraader[lot["Område"][0]]["Areal m²"] >= 2000
        assert lot["Areal m²"] >= 1000
        assert lot["Kart"].startswith("https://norgeskart.no/#!?")
        assert lot["Plan"].startswith("http")
        assert 0 < lot["Score"] <= 100
        assert lot["Fase"] == "Identifisert"
        if lot.get("Eiendommer"):
            assert lot["Se eiendom"].startswith("https://seeiendom.kartverket.no/eiendom/0099/")
            assert all(eiendommer[e]["Kommunenummer"] == "0099" for e in lot["Eiendommer"])
    assert any(len(lot.get("Eiendommer", [])) > 1 for lot in lots)  # a teig with several eiendommer keeps them all


def test_a_dry_run_against_an_empty_base_leaves_it_empty(ready, tomtevik):
    summary = run_kommune(tomtevik, ready, dry_run=True)
    assert summary.ok
    assert summary.count("created") > 100
    assert len(summary.endringer["Tomter"]["create"]) == summary.tabeller["Tomter"]["created"]
    assert "would be created" in summary.as_text()
    assert "+ 0099-000001" in summary.as_text()
    assert summary.mangler_i_basen
    assert summary.run_record == {"created": 0, "updated": 0}
    assert connect(ready).bases(force=True) == []
    # The same, when the tables are there.
    setup(*open_base(ready), base_register(), {}, settings=ready)
    again = run_kommune(tomtevik, ready, dry_run=True)
    assert again.count("created") == summary.count("created")
    assert again.mangler_i_basen == ()
    assert all(not rows for rows in everything(ready).values())
    assert table(ready, "Kjøringer").all() == []


def test_what_sales_writes_stays_and_what_is_ours_is_put_right(ran, tomtevik):
    tomter = table(ran, "Tomter")
    lot, other = tomter.all(sort=["Tomt-id"])[:2]
    tomter.update(lot["id"], {"Notat": "Ring eier mandag", "Fase": "Dialog", "Score": 1, "Areal m²": None})
    own = tomter.create({"Notat": "Tips fra Kari", "Fase": "Kontaktet"})
    summary = run_kommune(tomtevik, ran)
    assert summary.tabeller["Tomter"]["updated"] == 1
    assert summary.tabeller["Kontroll"]["created"] == 2
    assert summary.count("created") == 2
    told = {r["fields"]["Kontroll-id"]: r["fields"]["Hvorfor"] for r in table(ran, "Kontroll").all()}
    assert all(key.startswith("0099-endret-") for key in told)
    assert any("«1»" in why or " 1" in why for why in told.values())
    after = tomter.get(lot["id"])["fields"]
    assert after == lot["fields"] | {"Notat": "Ring eier mandag", "Fase": "Dialog"}
    assert tomter.get(own["id"])["fields"] == own["fields"]
    assert tomter.get(other["id"]) == other


BROKEN = [
    pytest.param("reguleringsplaner", {"status": 503}, FEILET, marks=pytest.mark.long),
    ("reguleringsplaner", {"empty": True}, IKKE_DEKKET),
    pytest.param("kommuneplaner", {"empty": True}, IKKE_DEKKET, marks=pytest.mark.long),
    ("wfs.matrikkelen-eiendomskart-teig", {"truncated": True}, FEILET),
    pytest.param("kommuneinfo", {"html": True}, FEILET, marks=pytest.mark.long),
]


@pytest.mark.parametrize(("service", "broken", "result"), BROKEN)
def test_a_source_that_has_never_answered_stops_the_run_and_says_so(
    ready, tomtevik, faulty_sources, service, broken, result
):
    faulty_sources.breaks(service, **broken)
    summary = run_kommune(tomtevik, ready.model_copy(update={"sources_url": faulty_sources.url}))
    assert summary.resultat == result
    assert summary.grunn
    found = everything(ready)
    assert [t for t in ("Områder", "Eiendommer", "Tomter") if found[t]] == []
    (matter,) = (fields for _, fields in found["Kontroll"] if fields["Alvor"] == "Høy")
    assert matter["Kommunenummer"] == "0099"
    assert matter["Status"] == "Ny"
    assert found["Kommuner"][0][1]["Datakvalitet"] == "D"
    newest = table(ready, "Kjøringer").all(sort=["-Start"])[0]["fields"]
    assert newest["Resultat"] == result
    assert "Ingen tomt er endret" in newest["Sammendrag"]


@pytest.mark.parametrize(
    ("service", "broken"),
    [
        pytest.param("reguleringsplaner", {"empty": True}, marks=pytest.mark.long),
        pytest.param("kommuneplaner", {"empty": True}, marks=pytest.mark.long),
        ("wfs.matrikkelen-eiendomskart-teig", {"truncated": True}),
    ],
)
def test_the_last_good_answer_serves_while_a_source_is_silent(ran, tomtevik, faulty_sources, service, broken):
    before = everything(ran)
    faulty_sources.breaks(service, **broken)
    silent = ran.model_copy(update={"sources_url": faulty_sources.url})
    summary = run_kommune(tomtevik, silent)
    assert summary.ok
    after = everything(ran)
    assert {t: after[t] for t in ("Områder", "Eiendommer")} == {t: before[t] for t in ("Områder", "Eiendommer")}
    assert [but_card(row) for _, row in after["Tomter"]] == [but_card(row) for _, row in before["Tomter"]]
    (matter,) = (fields for _, fields in after["Kontroll"])
    assert matter["Tilstand"] == "Åpen"
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert f"data fra {today} er brukt" in summary.kort()
    newest = table(ran, "Kjøringer").all(sort=["-Start"])[0]["fields"]
    assert newest["Sammendrag"] == summary.kort()
    assert [k for k, v in summary.as_dict()["kilder"].items() if v["svar"] != "Rows"]
    assert run_kommune(tomtevik, silent).count("updated") == 0  # the same again: nothing new to tell
    assert run_kommune(tomtevik, ran).ok
    (matter,) = (fields for _, fields in everything(ran)["Kontroll"])
    assert matter["Tilstand"] == "Lukket"


def breaks_down_at(monkeypatch, call: int, *, before: bool) -> None:
    """Let the network go with the n-th write to Tomter, before it is sent or after it was accepted."""
    left = [call]
    create, upsert = pyairtable.Table.batch_create, pyairtable.Table.batch_upsert

    def gone(*_, **__):
        raise requests.ConnectionError("the network is gone")

    def creating(self, rows, **options):
        rows = list(rows)
        if any("Identifisert" in row.values() for row in rows):
            left[0] -= 1
            if left[0] < 0:
                if not before:
                    create(self, rows, **options)
                gone()
        return create(self, rows, **options)

    def upserting(self, *arguments, **options):
        if left == [-1]:  # the rows of the lost create, sent again
            left[0] = -2
            gone()
        return upsert(self, *arguments, **options)

    monkeypatch.setattr(pyairtable.Table, "batch_create", creating)
    monkeypatch.setattr(pyairtable.Table, "batch_upsert", upserting)
    monkeypatch.setattr("tasks.crm.sync.writing.SETTLE_S", 0.0)


@pytest.mark.long
@pytest.mark.parametrize("before", [True, False])
def test_a_crash_on_the_way_is_made_good_by_the_next_run(ready, first_run, tomtevik, monkeypatch, before):
    breaks_down_at(monkeypatch, 3, before=before)
    broken = run_kommune(tomtevik, ready)
    assert broken.resultat == FEILET
    assert broken.tabeller["Tomter"]["created"] == 30
    assert len(table(ready, "Tomter").all()) == (30 if before else 40)
    newest = table(ready, "Kjøringer").all()[0]["fields"]
    assert newest["Opprettet"] == broken.count("created") > 30
    assert "Ingen tomt er endret" not in newest["Sammendrag"]
    monkeypatch.undo()
    mended = run_kommune(tomtevik, ready)
    assert mended.ok
    lots = [r["fields"] for r in table(ready, "Tomter").all()]
    ids = [lot["Tomt-id"] for lot in lots]
    assert len(ids) == len(set(ids)) == first_run.summary.tabeller["Tomter"]["created"]
    assert {lot.get("Fase") for lot in lots} == {"Identifisert"}
    again = run_kommune(tomtevik, ready)
    assert (again.count("created"), again.count("updated")) == (0, 0)


@pytest.mark.long
def test_an_upsert_whose_answer_is_lost_still_gets_its_first_stage(ready, tomtevik, monkeypatch):
    real = requests.adapters.HTTPAdapter.send
    lost = []

    def send(self, request, **options):
        answer = real(self, request, **options)
        if request.method == "PATCH" and b"performUpsert" in (request.body or b"") and len(lost) < 3:
            lost.append(request.url)
            raise requests.ConnectionError("the answer got lost")
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    monkeypatch.setattr("tasks.crm.client._pause", lambda state: 0.0)
    assert run_kommune(tomtevik, ready).ok
    assert len(lost) == 3
    assert {r["fields"].get("Fase") for r in table(ready, "Tomter").all()} == {"Identifisert"}
    ids = [r["fields"]["Tomt-id"] for r in table(ready, "Tomter").all()]
    assert len(ids) == len(set(ids))


@pytest.mark.long
def test_ids_given_anew_never_reach_the_base(ran, tomtevik):
    before = everything(ran)
    geodata = Geodata(ran.geodata)
    lots = geodata.read("0099", layer="out", contract=TOMTER)
    # out/tomter was damaged, moved away and made again, in another order.
    lots["tomt_id"] = lots["tomt_id"].to_numpy()[::-1]
    geodata.write(lots.sort_values("tomt_id", ignore_index=True), "0099", layer="out", contract=TOMTER)
    summary = run_kommune(tomtevik, ran)
    assert summary.resultat == FEILET
    assert "Restore out/tomter/0099.parquet" in summary.grunn
    assert everything(ran) == before


@pytest.mark.long
def test_a_renamed_table_and_a_renamed_field_are_still_ours(ran, tomtevik):
    base = find_base(connect(ran), ran)
    schema = base.schema(force=True)
    tomter = schema.table("Tomter")
    score = tomter.field("Score")
    tomter.name, score.name = "Lots", "Poengsum"
    tomter.save()
    score.save()
    again = run_kommune(tomtevik, ran)
    assert (again.count("created"), again.count("updated")) == (0, 0)
    assert "Tomter" not in {t.name for t in base.schema(force=True).tables}


@pytest.mark.long
def test_a_lot_that_is_gone_with_an_omraade_never_published_does_not_wedge_the_run(ran, tomtevik):
    geodata = Geodata(ran.geodata)
    lots = geodata.read("0099", layer="out", contract=TOMTER)
    lots.loc[0, ["tilstand", "aarsak", "omraade_id"]] = ["borte", "prøve", "0099-O09999"]
    lots.loc[0, "geometry"] = lots.loc[0, "geometry"].buffer(-1)
    geodata.write(lots, "0099", layer="out", contract=TOMTER)
    connection = open_connection(geodata, ran, dry_run=False)
    answers = run_kommune(tomtevik, ran, dry_run=True).kilder
    geodata.write(lots, "0099", layer="out", contract=TOMTER)
    published = publish(tomtevik, geodata, connection, answers=answers, dry_run=False)
    assert published.failure is None
    assert table(ran, "Tomter").first(formula="{Tomt-id}='0099-000001'")["fields"]["Tilstand"] == "Borte"


@pytest.mark.long
def test_a_key_that_stands_twice_stops_its_table_and_is_reported_everywhere(ran, tomtevik):
    lot = table(ran, "Tomter").all(sort=["Tomt-id"])[0]["fields"]
    copy = table(ran, "Tomter").create({"Tomt-id": lot["Tomt-id"], "Kommunenummer": "0099"})
    before = everything(ran)["Tomter"]
    summary = run_kommune(tomtevik, ran)
    assert summary.resultat == FEILET
    assert summary.count("refused") == 1
    assert lot["Tomt-id"] in summary.avvist["Tomter"]
    assert lot["Tomt-id"] in json.dumps(summary.as_dict())
    for text in (summary.as_text(), summary.kort(), as_markdown(summary)):
        assert lot["Tomt-id"] in text
    assert everything(ran)["Tomter"] == before
    (matter,) = (r["fields"] for r in table(ran, "Kontroll").all())
    assert matter["Kontroll-id"].startswith("0099-dobbelt-")
    assert copy["id"] in matter["Hvorfor"] + matter["Forslag"]
    table(ran, "Tomter").delete(copy["id"])
    assert run_kommune(tomtevik, ran).ok
    assert [r["fields"]["Tilstand"] for r in table(ran, "Kontroll").all()] == ["Lukket"]


@pytest.mark.long
def test_without_its_geodata_a_base_is_not_written(ran, tomtevik):
    first = table(ran, "Tomter").all(sort=["Tomt-id"])[0]
    table(ran, "Tomter").update(first["id"], {"Teig": "en annen teig"})
    before = everything(ran)
    for part in ("out", "crm"):
        shutil.rmtree(ran.geodata / part)
    summary = run_kommune(tomtevik, ran)
    assert summary.resultat == FEILET
    assert "Restore the geodata folder" in summary.grunn
    assert everything(ran) == before


def test_two_runs_of_one_kommune_at_once_are_refused(ready, tomtevik):
    geodata = Geodata(ready.geodata)
    geodata.ensure_usable()
    with geodata.lock("0099"):
        summary = run_kommune(tomtevik, ready)
    assert summary.resultat == FEILET
    assert "Another run works on 0099" in summary.grunn


def test_a_refused_token_is_said_before_anything_is_fetched(ready, tomtevik):
    wrong = ready.model_copy(update={"airtable_token": SecretStr("patWRONG")})
    summary = run_kommune(tomtevik, wrong)
    assert summary.resultat == FEILET
    assert "TOMT_AIRTABLE_TOKEN" in summary.grunn
    assert "patWRONG" not in json.dumps(summary.as_dict())
    assert not (ready.geodata / "raw").exists()


def test_a_base_without_the_tables_is_refused_outside_the_sandbox(ready, tomtevik):
    api = connect(ready)
    first = {"name": "X", "fields": [{"name": "A", "type": "singleLineText"}]}
    empty = api.create_base("wspSandkasse00000", "Tom", [first])
    # What a real base would be: a base that is named, in a profile that is not the sandbox.
    real = ready.model_copy(update={"profile": Profile.STAGING, "airtable_base": empty.id})
    assert "tomt base setup" in run_kommune(tomtevik, real).grunn
    assert [t.name for t in empty.schema(force=True).tables] == ["X"]
    nowhere = real.model_copy(update={"airtable_base": "appDoesNotExist00"})
    assert "TOMT_AIRTABLE_BASE" in run_kommune(tomtevik, nowhere).grunn


def test_a_surprise_is_recorded_and_does_not_escape(ran, tomtevik, monkeypatch):
    monkeypatch.setattr("flows.run.score_task", SimpleNamespace(fn=lambda *_: 1 / 0))
    summary = run_kommune(tomtevik, ran)
    assert summary.resultat == FEILET
    assert "ZeroDivisionError" in summary.grunn
    results = [r["fields"]["Resultat"] for r in table(ran, "Kjøringer").all()]
    assert results.count(FEILET) == 1
