"""The same invented kommune gives the same lots whichever way its plans are published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from config.kilder import themes
from config.registers import find_kommune
from config.settings import Profile, Settings
from tasks.answer import Empty, Rows
from tasks.contracts import TOMTER
from tasks.land.find import find_tomter_task
from tasks.sandbox import filer
from tasks.sandbox.arcgis_lag import KP, RP
from tasks.sandbox.upstream import UpstreamServer
from tasks.sources import kolonner
from tasks.sources.core import read_core
from tasks.sources.fetch import fetch
from tasks.store import Geodata
from tests import mapserver

NUMMER = "0099"
PLAN_THEMES = ("kommuneplan", "kommunedelplan", "reguleringsplan")
OBJECT_TYPES = {
    "kommuneplan": ["KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde"],
    "kommunedelplan": ["KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde"],
    "reguleringsplan": ["RpOmråde"],
}


COLUMN_NAMES = {name: column for name, column in mapserver.KOLONNER.items() if name in kolonner.COLUMNS}
"""What MapServer's layers call things; a kommuneplan has no vertikalnivå."""


@pytest.fixture(scope="module")
def upstream() -> Iterator[UpstreamServer]:
    with UpstreamServer(username="nap", password="hemmelig") as server:
        yield server


def run(upstream: UpstreamServer, folder: Path, *, kilder: str = "") -> gpd.GeoDataFrame:
    """Fetch, read and find the lots of the kommune; return the living ones.

    Parameters
    ----------
    kilder
        TOML of own sources, all of which must have served.
    """
    file = folder / "kilder.toml"
    file.write_text(kilder, encoding="utf-8")
    settings = Settings(  # type: ignore[call-arg]
        _env_file=None,
        profile=Profile.SANDBOX,
        sources_url=upstream.url,
        nap_username="nap",
        nap_password="hemmelig",
        kilder=file,
    )
    kommune, geodata = find_kommune(NUMMER, sandbox=True), Geodata(folder)
    answers: dict[Any, Any] = {}
    for tema in themes(ikke_bolig_i_plan=False):
        answers[tema] = fetch(kommune, tema, settings=settings, geodata=geodata, hittil=answers)
        assert isinstance(answers[tema], Rows | Empty), answers[tema]
        assert not answers[tema].forsoek, answers[tema]
    if kilder:
        assert not [answers[t].kilde for t in PLAN_THEMES if answers[t].kilde.startswith("nap_")]
    read_core(kommune, answers, geodata=geodata, egne=file)
    find_tomter_task.fn(kommune, geodata)
    found = geodata.read(NUMMER, layer="out", contract=TOMTER)
    assert isinstance(found, gpd.GeoDataFrame)
    alive: gpd.GeoDataFrame = found[found["tilstand"] == "aktiv"].reset_index(drop=True)
    return alive


@pytest.fixture(scope="module")
def lots(upstream: UpstreamServer, tmp_path_factory: pytest.TempPathFactory) -> gpd.GeoDataFrame:
    """The lots as the national copy gives them: OGC API Features."""
    found = run(upstream, tmp_path_factory.mktemp("nap"))
    assert len(found) > 50
    return found


def require_same(found: gpd.GeoDataFrame, wanted: gpd.GeoDataFrame) -> None:
    """Check that every lot is there, with the same attributes and the same land to 1 m²."""
    assert len(found) == len(wanted)
    pairs = gpd.sjoin(
        found.assign(geometry=found.representative_point()), wanted, predicate="within", lsuffix="a", rsuffix="b"
    )
    assert sorted(pairs["index_b"]) == list(range(len(wanted)))
    for column in ("teig_id", "klasse", "arealstatus", "differanse"):
        assert pairs[f"{column}_a"].tolist() == pairs[f"{column}_b"].tolist(), column
    assert [list(v) for v in pairs["plan_ider_a"]] == [list(v) for v in pairs["plan_ider_b"]]
    assert [list(v) for v in pairs["planer_under_arbeid_a"]] == [list(v) for v in pairs["planer_under_arbeid_b"]]
    here, there = found.geometry.loc[pairs.index].to_numpy(), wanted.geometry.iloc[pairs["index_b"]].to_numpy()
    assert shapely.area(shapely.symmetric_difference(here, there)).max() < 1
    assert abs(pairs["areal_m2_a"] - pairs["areal_m2_b"]).max() < 1


def source(tema: str, *, protokoll: str, adresse: str = "", lag: Any, **more: Any) -> str:
    """Return a source of one theme that goes before the national copy."""
    lines = [f"[prove_{tema}]", f'tema = "{tema}"', f'protokoll = "{protokoll}"', 'lisens = "x"', "prioritet = 5"]
    lines += [f'adresse = "{adresse}"'] if adresse else []
    lines.append("lag = { " + ", ".join(f'"{k}" = "{v}"' for k, v in lag.items()) + " }")
    for name, value in more.items():
        table = "{ " + ", ".join(f'"{k}" = "{v}"' for k, v in value.items()) + " }" if isinstance(value, dict) else ""
        lines.append(f"{name} = {table or repr(value)}")
    return "\n".join(lines) + "\n"


@pytest.mark.long
@pytest.mark.parametrize("services", ["MapServer", "FeatureServer"])
def test_through_arcgis(upstream: UpstreamServer, lots: gpd.GeoDataFrame, tmp_path: Path, services: str) -> None:
    root = f"{upstream.url}/arcgis/rest/services"
    if services == "MapServer":
        kp, rp = f"{root}/Plan/Kommuneplan/MapServer", f"{root}/Plan/Reguleringsplaner_på_grunnen/MapServer"
        layers = {name: str(number) for number, name in (*KP.items(), *RP.items())}
    else:
        kp = rp = f"{root}/Plandata/FeatureServer"
        layers = {name: str(number) for number, name in enumerate((*KP.values(), *RP.values()))}
    wanted = {tema: {t: layers[t] for t in types} for tema, types in OBJECT_TYPES.items()}
    text = source("kommuneplan", protokoll="arcgis", adresse=kp, lag=wanted["kommuneplan"], omfatter=["kommunedelplan"])
    text += source("reguleringsplan", protokoll="arcgis", adresse=rp, lag=wanted["reguleringsplan"])
    require_same(run(upstream, tmp_path, kilder=text), lots)


@pytest.mark.parametrize("versjon", ["2.0.0", pytest.param("1.1.0", marks=pytest.mark.long)])
def test_through_mapserver(upstream: UpstreamServer, lots: gpd.GeoDataFrame, tmp_path: Path, versjon: str) -> None:
    with mapserver.serving(tmp_path) as server:
        text = ""
        for tema in PLAN_THEMES:
            lag = {t: mapserver.LAYERS[tema][t] for t in OBJECT_TYPES[tema]}
            text += source(
                tema,
                protokoll="wfs",
                adresse=server.address(NUMMER, tema),
                lag=lag,
                kolonner={n: c for n, c in COLUMN_NAMES.items() if tema == "reguleringsplan" or n != "vertikalnivå"},
                kommunefelt=mapserver.KOMMUNEFELT,
                versjon=versjon,
            )
        require_same(run(upstream, tmp_path, kilder=text), lots)


@pytest.mark.parametrize(
    "form", ["shp", *(pytest.param(form, marks=pytest.mark.long) for form in ("gml", "gpkg", "geojson", "gdb"))]
)
def test_through_files(upstream: UpstreamServer, lots: gpd.GeoDataFrame, tmp_path: Path, form: Any) -> None:
    for tema in ("kommuneplan", "reguleringsplan"):
        filer.write(NUMMER, Geodata(tmp_path).inbox(NUMMER) / tema, form=form, tema=tema)
    found = run(upstream, tmp_path)
    served = {p.parent.parent.name for p in (tmp_path / "raw").rglob("*Z.parquet")}
    assert {"innboks_kommuneplan", "innboks_reguleringsplan"} <= served
    assert not {name for name in served if name.startswith("nap_")}
    require_same(found, lots)
