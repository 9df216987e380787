"""Runs whose sources answer with what cannot be used, and what is told of answers that were not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import pytest

from config.kilder import kilder
from config.settings import Settings
from flows.run import run_kommune
from flows.summary import FEILET, Summary
from tasks.answer import Holdt, Provenance, Rows
from tasks.contracts import TOMTER
from tasks.crm.client import connect
from tasks.crm.skjema.ids import find_base
from tasks.sandbox import filer
from tasks.store import Geodata


def everything(ready: Settings, navn: str) -> list[dict]:
    api = connect(ready)
    api.use_field_ids = False
    return [r["fields"] for r in find_base(api, ready).table(navn).all()]


@pytest.fixture
def without_status(ran: Settings, tmp_path: Path) -> Settings:
    """An inbox whose reguleringsplaner say nothing of their status in any column that is known."""
    box = Geodata(ran.geodata).inbox("0099")
    box.mkdir(parents=True)
    filer.write("0099", tmp_path / "files", form="gpkg", tema="reguleringsplan")
    (path,) = (tmp_path / "files").rglob("*.gpkg")
    frame = gpd.read_file(path, layer="RpOmråde").rename(columns={"planstatus": "saksgang"})
    frame.to_file(box / "rp.gpkg", layer="RpOmråde")
    return ran


def test_a_source_whose_rows_cannot_be_used_has_failed_and_everybody_is_told(without_status, tomtevik):
    before = everything(without_status, "Tomter")
    kept = Geodata(without_status.geodata).read("0099", layer="out", contract=TOMTER)
    summary = run_kommune(tomtevik, without_status)
    assert summary.resultat == FEILET
    assert summary.as_dict()["kilder"]["reguleringsplan"]["svar"] == "Failed"
    assert "Kilden for reguleringsplan svarte ikke som den skal. Ingen tomt er endret." in summary.kort()
    assert "saksgang" in summary.grunn
    assert everything(without_status, "Tomter") == before
    assert Geodata(without_status.geodata).read("0099", layer="out", contract=TOMTER).equals(kept)
    (matter,) = everything(without_status, "Kontroll")
    assert matter["Hva"] == "Kilden for reguleringsplan svarer ikke som den skal"
    assert "saksgang" in matter["Hvorfor"]
    (kommune,) = everything(without_status, "Kommuner")
    assert kommune["Datakvalitet"] == "D"
    assert summary.datakvalitet["karakter"] == "D"


@pytest.mark.long
def test_a_theme_that_the_operators_file_makes_optional_does_not_stop_a_run(ran, tomtevik, faulty_sources, tmp_path):
    own = kilder()["kartverket_teig"]
    egne = tmp_path / "kilder.toml"
    egne.write_text(
        "".join(
            f'[{navn}]\ntema = "teig"\nprotokoll = "wfs"\nadresse = "{own.adresse}"\nsandbox = "{own.sandbox}"\n'
            'lag = { Teig = "app:Teig" }\nkommunefelt = "kommunenummer"\nvalgfri = true\nlisens = "x"\n'
            for navn in (k.navn for k in kilder().values() if k.tema == "teig")
        )
    )
    faulty_sources.breaks("wfs.matrikkelen-eiendomskart-teig", status=503)
    for path in Geodata(ran.geodata).raw_folder("kartverket_teig", "0099").glob("*.parquet"):
        path.unlink()
    broken = ran.model_copy(update={"sources_url": faulty_sources.url, "kilder": egne})
    summary = run_kommune(tomtevik, broken)
    assert summary.ok, summary.grunn
    assert "Kilden for teig svarte ikke som den skal; tomtene er funnet uten ferske data derfra." in summary.kort()


@pytest.mark.parametrize(
    ("svar", "is_held", "said"),
    [
        ("Failed", False, "Kilden for teig svarte ikke som den skal; data fra 2026-11-20 er brukt."),
        ("NotCovered", False, "Kilden for teig dekker ikke kommunen; data fra 2026-11-20 er brukt."),
        ("Rows", True, "Nytt svar om teig er holdt tilbake; data fra 2026-11-20 er brukt."),
        ("Empty", True, "Nytt svar om teig er holdt tilbake; data fra 2026-11-20 er brukt."),
        ("Rows", False, "Nytt svar om teig er avvist; data fra 2026-11-20 er brukt."),
    ],
)
def test_why_the_last_good_answer_serves_is_said_by_what_the_source_answered(tomtevik, svar, is_held, said):
    told = Provenance(
        kilde="kartverket_teig",
        adresse="https://example.no",
        hentet_tid="2026-11-20T08:00:00+00:00",
        antall_ventet=1,
        antall_mottatt=1,
        sha256="x",
        crs="EPSG:25833",
        lisens="x",
    )
    answer = Rows("kartverket_teig", Path("x"), told, sett_tid=told.hentet_tid, svar=svar, reserve="why")
    if is_held:
        held = Holdt(
            kilde="kartverket_teig",
            path=None,
            grunn="why",
            antall_foer=2,
            antall_naa=1,
            areal_foer_m2=None,
            areal_naa_m2=1.0,
        )
        answer = replace(answer, holdt=held)
    step = {"ut": 1}
    summary = Summary(tomtevik, datetime(2026, 11, 21, tzinfo=UTC), dry_run=False)
    summary.kilder, summary.regnskap = {"teig": answer}, {"land": {"tomter": step, "omraader": step}}
    assert said in summary.kort()
