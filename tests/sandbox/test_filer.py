"""The files of the invented municipalities: what core makes of them is the same in every form, and as the services'."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import cast

import geopandas as gpd
import pyogrio
import pytest
import shapely

from config.kilder import kilder
from config.registers import find_kommune, regler
from tasks.account import Account
from tasks.sandbox import filer, nap
from tasks.sandbox.kommune import invent
from tasks.sources import flat, formaal, innboks, kolonner, plan
from tasks.sources.asked import Asked
from tasks.sources.core import known_numbers
from tasks.sources.http import Client
from tasks.sources.limits import Limits

NUMMER = "0099"
FORMS: tuple[filer.Form, ...] = ("gml", "gpkg", "shp", "geojson", "gdb")
SOURCES = {
    "innboks_kommuneplan": filer.KOMMUNEPLAN,
    "innboks_reguleringsplan": filer.REGULERINGSPLAN,
    "innboks_reguleringsformaal": filer.REGULERINGSPLAN,
}


@pytest.fixture(scope="module")
def inboxes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    found = {}
    for form in FORMS:
        found[form] = tmp_path_factory.mktemp(form) / "innboks" / NUMMER
        for tema in ("kommuneplan", "reguleringsplan"):
            filer.write(NUMMER, found[form], form=form, tema=tema)
    return found


def read(navn: str, folder: Path, work: Path) -> gpd.GeoDataFrame:
    taken: list[gpd.GeoDataFrame] = []
    asked = Asked(
        kilde=kilder()[navn],
        kommune=find_kommune(NUMMER, sandbox=True),
        adresse="",
        client=cast(Client, None),
        limits=Limits.of(regler().hent),
        omraade=invent(NUMMER).grense,
        mappe=work,
        innboks=folder,
    )
    innboks.read(asked, taken.append)
    return flat.concat(taken, epsg=25833)


def served(navn: str) -> gpd.GeoDataFrame:
    """Return what the plan services of the sandbox have of a source's theme."""
    texts = [text for c in SOURCES[navn] for text in nap.features(c, NUMMER, filer.NAP_CRS)]
    frame = flat.frame([json.loads(text) for text in texts], epsg=25833, where="nap")
    return frame[frame["objekttypenavn"].isin(list(kilder()[navn].lag))].reset_index(drop=True)


def core(navn: str, raw: gpd.GeoDataFrame) -> list[tuple[object, ...]]:
    """Return what core makes of a raw frame: every row with its area in whole m²."""
    standard = kolonner.standardise(raw, kilder()[navn], Account(navn, len(raw)))
    numre = known_numbers(find_kommune(NUMMER, sandbox=True), sandbox=True)
    if navn == "innboks_kommuneplan":
        made = [
            plan.soner(standard, numre, manglende_arealstatus="1"),
            plan.planomraader(standard, numre, manglende_plantype="20"),
        ]
    elif navn == "innboks_reguleringsplan":
        made = [plan.reguleringsplaner(standard, numre, manglende_nivaa="2")]
    else:
        made = [formaal.reguleringsformaal(standard, numre, manglende_nivaa="2")]
    rows: list[tuple[object, ...]] = []
    for frame, _ in made:
        columns = [frame[c].fillna("") for c in frame.columns if c != "geometry"]
        rows += zip(*columns, shapely.area(frame.geometry.array).round().tolist(), strict=True)
    return sorted(rows, key=str)


@pytest.mark.parametrize(
    ("form", "navn"),
    [
        # Every form once and every theme at least once; all with all among the `long` tests.
        pytest.param(form, navn, marks=() if k % len(SOURCES) == n else pytest.mark.long)
        for k, form in enumerate(FORMS)
        for n, navn in enumerate(SOURCES)
    ],
)
def test_every_form_says_what_the_services_say(inboxes, tmp_path, navn, form):
    raw, reference = read(navn, inboxes[form], tmp_path), served(navn)
    assert Counter(raw["objekttypenavn"]) == Counter(reference["objekttypenavn"])
    assert raw.geometry.isna().sum() == reference.geometry.isna().sum()
    assert core(navn, raw) == core(navn, reference)


def test_the_traps_are_in_the_files(inboxes):
    kommune = invent(NUMMER)
    text = (inboxes["gml"] / f"kommuneplan_{NUMMER}.gml").read_text()
    text += (inboxes["gml"] / f"reguleringsplan_{NUMMER}.gml").read_text()
    teiger_og_bygninger = {str(t.teig_id) for t in kommune.teiger} | {str(b.bygning_id) for b in kommune.bygninger}
    missing = [
        n for n, trap in kommune.traps.items() for i in trap.ids if i not in teiger_og_bygninger and i not in text
    ]
    assert missing == []


def test_shapefiles_have_the_faults_of_shapefiles(inboxes, tmp_path):
    with zipfile.ZipFile(inboxes["shp"] / f"reguleringsplan_{NUMMER}.zip") as archive:
        names = archive.namelist()
        archive.extractall(tmp_path)
    assert not [name for name in names if name.endswith(".cpg")]
    frame = pyogrio.read_dataframe(tmp_path / "shape" / "RpFormaal.shp", encoding="cp1252")
    assert set(frame["OBJTYPE"]) == {"RpArealform?lOmr?de", "RbForm?lOmr?de"}
    assert ((frame["RPAREALFOR"] == 0) == (frame["REGFORM"] != 0)).all()
    assert {"NASJONALAR", "NASJONAL00"} <= set(frame.columns)


def test_kommunedelplaner_stand_in_the_file_of_the_kommuneplan(tmp_path):
    path = tmp_path / f"kommuneplan_{NUMMER}.geojson"
    for tema in ("kommunedelplan", "kommuneplan"):
        assert filer.write(NUMMER, tmp_path, form="geojson", tema=tema) == [path]
    types = [f["properties"].get("plantype") for f in json.loads(path.read_text())["features"]]
    assert {"20", "21"} <= set(types)
    with pytest.raises(KeyError, match="teig"):
        filer.write(NUMMER, tmp_path, form="gml", tema="teig")
