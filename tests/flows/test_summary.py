"""What people read of a run: the state's message, the artifact, the line on the terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely import box

from config.registers import Kommune
from flows.artifacts import best_lots
from flows.markdown import plain
from flows.sammendrag import as_markdown
from flows.summary import IKKE_DEKKET, Summary, totals
from tasks.answer import Failed, NotCovered, Provenance, Rows
from tasks.contracts import PLANOMRAADER, TOMTER
from tasks.store import Geodata
from tasks.tomtekontrakter import SCORER
from tests.land.golden import KOMMUNE, core


def summary(**changes: object) -> Summary:
    provenance = Provenance(
        kilde="nap_kommuneplan",
        adresse="https://kilde.example",
        hentet_tid="2026-11-21T08:00:00+00:00",
        antall_ventet=3,
        antall_mottatt=3,
        sha256="a",
        crs="EPSG:25833",
        lisens="CC BY 4.0",
    )
    made = Summary(KOMMUNE, datetime(2026, 11, 21, 8, tzinfo=UTC), dry_run=False)
    made.kilder = {"kommuneplan": Rows("nap_kommuneplan", Path("x"), provenance)}
    made.tabeller = {"Tomter": {"created": 2, "updated": 1, "unchanged": 5, "refused": 0}}
    step = {
        "inn": 3,
        "ut": 2,
        "utelatt": {"ikke | bolig": {"antall": 1, "ider": ["a"]}},
        "merknader": {"areal_m2": 12345.0},
    }
    made.regnskap = {"kilder": {"soner": step}, "land": {"omraader": step, "tomter": step}}
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_a_run_that_did_its_work():
    done = summary()
    assert done.kort() == (
        "9901 Gullkommune: 2 tomter på 2 områder. Airtable: 2 opprettet, 1 endret, 5 uendret, 0 avvist."
    )
    assert "2 created, 1 updated, 5 unchanged, 0 refused" in done.as_text()
    assert done.as_dict()["created"] == 2
    assert "**Oppdiktet kommune" in as_markdown(done)
    assert "12\u00a0345" in as_markdown(done)


def test_sales_reads_norwegian_and_nothing_untrue_when_a_source_failed():
    failed = summary(
        tabeller={}, kilder={"reguleringsplan": Failed("nap", "HTTP 503 from nap.example. Try again later.")}
    )
    failed.fail("HTTP 503 from nap.example. Try again later.")
    assert failed.kort().startswith(
        "9901 Gullkommune: Feilet. Kilden for reguleringsplan svarte ikke som den skal. Ingen tomt er endret."
    )
    uncovered = summary(tabeller={}, kilder={"kommuneplan": NotCovered("nap", "ukjent, ikke tomt.")})
    uncovered.fail("ukjent, ikke tomt.", IKKE_DEKKET)
    assert "Kilden for kommuneplan dekker ikke kommunen. Ingen tomt er endret." in uncovered.kort()
    half = summary()
    half.fail("the network is gone")
    assert "2 rader ble opprettet og 1 endret før det stoppet" in half.kort()
    assert "Ingen tomt er endret" not in half.kort()
    assert totals([half.as_dict()])["ok"] is False
    surprise = summary(tabeller={}, sekunder_per_steg={"airtable": 1.0})
    surprise.fail("Unexpected KeyError.")
    assert "endret" not in surprise.kort()  # how far it came is not known, so nothing is claimed


def test_text_from_outside_stays_text_in_the_artifact():
    hostile = "<script>alert(1)</script> [x](javascript:y) | **z** \n# h"
    failed = summary(kilder={"teig": Failed("k", hostile)})
    failed.fail(hostile)
    text = as_markdown(failed)
    assert "<script>" not in text
    assert "](javascript" not in text
    assert all(line.count("|") == 7 for line in text.splitlines() if line.startswith("| teig"))
    assert plain("a\nb") == "a b"


def test_a_dry_run_shows_what_would_change_in_the_artifact():
    dry = summary(
        dry_run=True, endringer={"Tomter": {"create": ["9901-000001"], "update": {}, "linjer": ["+ 9901-000001"]}}
    )
    assert "- Tomter: + 9901-000001" in as_markdown(dry)
    assert "ingenting er skrevet" in as_markdown(dry)


@pytest.fixture
def geodata(tmp_path) -> Geodata:
    """Three lots of the golden kommune: one better than the other, and one that is gone."""
    made = Geodata(tmp_path)
    lot = {
        "kommunenummer": "9901",
        "omraade_id": "9901-O00001",
        "teig_id": "t",
        "differanse": "uregulert",
        "kjerne_m2": 800.0,
        "kjerne_grunnlag": "bygninger",
        "klasse": "bolig",
        "arealstatus": "2",
        "plan_ider": ["9901_KPA"],
        "planer_under_arbeid": [],
        "har_tvist": False,
        "ost_25833": 500_000.0,
        "nord_25833": 7_000_000.0,
        "lengdegrad": 15.0,
        "breddegrad": 63.0,
        "aarsak": None,
    }
    rows = [
        lot | {"tomt_id": "9901-000001", "areal_m2": 1500.0, "tilstand": "aktiv", "matrikkelenheter": []},
        lot
        | {"tomt_id": "9901-000002", "areal_m2": 9000.0, "tilstand": "aktiv", "matrikkelenheter": ["9901-1/2/0/0"] * 3},
        lot | {"tomt_id": "9901-000003", "areal_m2": 9999.0, "tilstand": "borte", "matrikkelenheter": []},
    ]
    tomter = gpd.GeoDataFrame(pd.DataFrame(rows), geometry=[box(0, 0, 1, 1)] * 3, crs=25833)
    scorer = SCORER.empty().reindex(range(3))
    scorer = scorer.assign(
        tomt_id=tomter["tomt_id"],
        profil="prøve 1",
        score=[73.0, 100.0, 100.0],
        hoyest=[80.0, 100.0, 100.0],
        nivaa=["B", "A", "A"],
        er_stoppet=[False, False, False],
        boliger_lav=900.0,
        boliger=1200.0,
        boliger_hoy=2000.0,
        begrunnelse="x",
    )
    texts = [c for c, kind in SCORER.columns.items() if kind == "text"]
    scorer[texts] = scorer[texts].astype(object).where(scorer[texts].notna(), None)
    planer = core().planomraader
    planer["lenke"] = "https://plan.example/a b)(c<d>"
    made.write(tomter[[*TOMTER.columns, "geometry"]], "9901", layer="out", contract=TOMTER)
    made.write(scorer, "9901", layer="out", contract=SCORER)
    made.write(planer, "9901", layer="core", contract=PLANOMRAADER)
    return made


def test_the_best_lots_come_first_with_links_that_cannot_be_broken_out_of(geodata):
    table = best_lots(geodata, KOMMUNE)
    assert [row["Tomt"] for row in table] == ["9901-000002", "9901-000001"]
    assert (table[0]["Score"], table[0]["Areal m²"]) == ("100,0", "9\u00a0000")
    assert table[0]["Eiendom"] == "[9901-1/2/0/0](https://seeiendom.kartverket.no/eiendom/9901/1/2/0/0) og 2 til"
    assert table[1]["Eiendom"] == "uten matrikkelnummer"
    assert table[0]["Plan"] == "[Plan](https://plan.example/a%20b%29%28c%3Cd%3E)"
    assert best_lots(geodata, KOMMUNE, count=1) == table[:1]
    assert best_lots(geodata, Kommune(nummer="9902", navn="X", fylke="Y", epsg=25833)) == []
