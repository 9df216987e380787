"""The main job over real parts: local sources over HTTP, pyairtable against the local Airtable."""

from __future__ import annotations

import json
import shutil

import pytest
from pydantic import SecretStr

from config.registers import base_register
from flows.run import run_kommune
from flows.summary import FEILET, IKKE_DEKKET, totals
from tasks.contracts import TOMTER
from tasks.crm.base import find_base, open_base, read_schema, resolve, setup
from tasks.crm.client import connect
from tasks.errors import AirtableError, BaseIncompleteError, BusyError
from tasks.store import Geodata


def table(ready, navn):
    """Return a pyairtable table with fields by name."""
    api = connect(ready)
    api.use_field_ids = False
    base = find_base(api, ready)
    return base.table(resolve(read_schema(base), base_register())[navn].id)


def everything(ready) -> dict[str, list]:
    return {
        t.navn: sorted(((r["id"], r["fields"]) for r in table(ready, t.navn).all()), key=lambda r: r[0])
        for t in base_register().tabell
        if t.navn != "Kjøringer"
    }


def test_a_run_fills_the_base_and_a_second_run_changes_nothing(ready, tomtevik):
    first = run_kommune(tomtevik, ready)
    assert first.ok
    assert first.count("created") > 200
    before = everything(ready)
    second = run_kommune(tomtevik, ready)
    assert second.ok
    assert (second.count("created"), second.count("updated"), second.count("refused")) == (0, 0, 0)
    assert second.count("unchanged") == first.count("created")
    assert second.run_record == {"created": 1}
    assert everything(ready) == before
    assert len(table(ready, "Kjøringer").all()) == 2
    one = totals([second.as_dict()])
    assert (one["created"], one["updated"], one["ok"]) == (0, 0, True)
    json.dumps(one)


def test_every_lot_is_linked_and_can_be_opened(ready, tomtevik):
    run_kommune(tomtevik, ready)
    lots = [r["fields"] for r in table(ready, "Tomter").all()]
    omraader = {r["id"]: r["fields"] for r in table(ready, "Områder").all()}
    eiendommer = {r["id"]: r["fields"] for r in table(ready, "Eiendommer").all()}
    (kommune,) = table(ready, "Kommuner").all()
    assert len(lots) == kommune["fields"]["Antall tomter"] == len(kommune["fields"]["Tomter"])
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
    assert summary.count("created") > 200
    assert len(summary.endringer["Tomter"]["create"]) == summary.tabeller["Tomter"]["created"]
    assert "would be created" in summary.as_text()
    assert "+ 0099-000001" in summary.as_text()
    assert summary.mangler_i_basen
    assert summary.run_record == {"created": 0}
    assert connect(ready).bases(force=True) == []
    # The same, when the tables are there.
    setup(*open_base(ready), base_register())
    again = run_kommune(tomtevik, ready, dry_run=True)
    assert again.count("created") == summary.count("created")
    assert again.mangler_i_basen == ()
    assert all(not rows for rows in everything(ready).values())
    assert table(ready, "Kjøringer").all() == []


def test_what_sales_writes_stays_and_what_is_ours_is_put_right(ready, tomtevik):
    run_kommune(tomtevik, ready)
    tomter = table(ready, "Tomter")
    lot, other = tomter.all(sort=["Tomt-id"])[:2]
    tomter.update(lot["id"], {"Notat": "Ring eier mandag", "Fase": "Dialog", "Score": 1, "Areal m²": None})
    own = tomter.create({"Notat": "Tips fra Kari", "Fase": "Kontaktet"})
    summary = run_kommune(tomtevik, ready)
    assert (summary.count("created"), summary.count("updated")) == (0, 1)
    after = tomter.get(lot["id"])["fields"]
    assert after == lot["fields"] | {"Notat": "Ring eier mandag", "Fase": "Dialog"}
    assert tomter.get(own["id"])["fields"] == own["fields"]
    assert tomter.get(other["id"]) == other


@pytest.mark.parametrize(
    ("service", "broken", "result"),
    [
        ("reguleringsplaner", {"status": 503}, FEILET),
        ("reguleringsplaner", {"empty": True}, IKKE_DEKKET),
        ("kommuneplaner", {"empty": True}, IKKE_DEKKET),
        ("wfs.matrikkelen-eiendomskart-teig", {"truncated": True}, FEILET),
        ("kommuneinfo", {"html": True}, FEILET),
    ],
)
def test_a_source_that_does_not_answer_changes_no_lot(ready, tomtevik, faulty_sources, service, broken, result):
    assert run_kommune(tomtevik, ready).ok
    before = everything(ready)
    geodata = Geodata(ready.geodata)
    kept = {p: p.read_bytes() for p in geodata.root.rglob("*.parquet")}
    faulty_sources.breaks(service, **broken)
    summary = run_kommune(tomtevik, ready.model_copy(update={"sources_url": faulty_sources.url}))
    assert summary.resultat == result
    assert summary.grunn
    assert everything(ready) == before
    assert {p: p.read_bytes() for p in geodata.root.rglob("*.parquet")} == kept
    newest = table(ready, "Kjøringer").all(sort=["-Start"])[0]["fields"]
    assert newest["Resultat"] == result
    assert "Ingen tomt er endret" in newest["Sammendrag"]


def test_a_crash_on_the_way_is_made_good_by_the_next_run(ready, tomtevik, monkeypatch):
    from tasks.crm import sync

    left = 7
    real = sync.BaseSync._for_airtable

    def breaks_down(self, ids, row):
        nonlocal left
        if ids.tabell.navn == "Tomter":
            left -= 1
            if left < 0:
                raise AirtableError("the network is gone")
        return real(self, ids, row)

    monkeypatch.setattr(sync, "CHUNK", 3)
    monkeypatch.setattr(sync.BaseSync, "_for_airtable", breaks_down)
    assert run_kommune(tomtevik, ready).resultat == FEILET
    assert 0 < len(table(ready, "Tomter").all()) < 10
    monkeypatch.undo()
    assert run_kommune(tomtevik, ready).ok
    ids = [r["fields"]["Tomt-id"] for r in table(ready, "Tomter").all()]
    assert len(ids) == len(set(ids)) > 50
    assert run_kommune(tomtevik, ready).count("updated") == 0


def test_without_its_geodata_a_base_is_not_written(ready, tomtevik):
    run_kommune(tomtevik, ready)
    first = table(ready, "Tomter").all(sort=["Tomt-id"])[0]
    table(ready, "Tomter").update(first["id"], {"Teig": "en annen teig"})
    before = everything(ready)
    for part in ("out", "crm"):
        shutil.rmtree(ready.geodata / part)
    summary = run_kommune(tomtevik, ready)
    assert summary.resultat == FEILET
    assert "Restore the geodata folder" in summary.grunn
    assert everything(ready) == before


def test_the_ids_are_those_of_the_first_run_even_after_a_plan_is_gone(ready, tomtevik):
    run_kommune(tomtevik, ready)
    geodata = Geodata(ready.geodata)
    before = geodata.read("0099", layer="out", contract=TOMTER)
    run_kommune(tomtevik, ready)
    after = geodata.read("0099", layer="out", contract=TOMTER)
    assert list(before["tomt_id"]) == list(after["tomt_id"])
    assert list(before["teig_id"]) == list(after["teig_id"])


def test_two_runs_of_one_kommune_at_once_are_refused(ready, tomtevik):
    geodata = Geodata(ready.geodata)
    geodata.ensure_usable()
    with geodata.lock("0099"), pytest.raises(BusyError, match="Another run works on 0099"):
        run_kommune(tomtevik, ready)


def test_a_refused_token_and_an_unreachable_airtable_are_said_before_anything_is_fetched(ready, tomtevik):
    wrong = ready.model_copy(update={"airtable_token": SecretStr("patWRONG")})
    with pytest.raises(AirtableError, match="TOMT_AIRTABLE_TOKEN") as error:
        run_kommune(tomtevik, wrong)
    assert "patWRONG" not in str(error.value)
    assert not (ready.geodata / "raw").exists()


def test_a_base_without_the_tables_is_refused_outside_the_sandbox(ready, tomtevik):
    api = connect(ready)
    empty = api.create_base(
        "wspSandkasse00000", "Tom", [{"name": "X", "fields": [{"name": "A", "type": "singleLineText"}]}]
    )
    # What a real base would be: a base that is named, in a profile that is not the sandbox.
    real = ready.model_copy(update={"profile": "staging", "airtable_base": empty.id})
    with pytest.raises(BaseIncompleteError, match="tomt base setup"):
        run_kommune(tomtevik, real)
    with pytest.raises(AirtableError, match="TOMT_AIRTABLE_BASE"):
        run_kommune(tomtevik, real.model_copy(update={"airtable_base": "appDoesNotExist00"}))
