"""Raw to core: what a source brought and cannot be used is refused by theme and source, never dropped in silence."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from config.registers import find_kommune, regler
from tasks.answer import Provenance, Rows
from tasks.contracts import REGULERINGSPLANER, TEIGER
from tasks.errors import UnusableError
from tasks.sources.core import read_core
from tasks.store import Geodata

TOMTEVIK = find_kommune("0099", sandbox=True)
PLACE = shapely.box(-120_000, 6_740_000, -119_900, 6_740_100)
POINT = shapely.Point(-120_000, 6_740_000)


def brought(folder: Path, kilde: str, rows: Sequence[dict[str, Any]]) -> Rows:
    """Return the answer whose snapshot holds these rows."""
    plain = [{k: v for k, v in row.items() if k != "geometry"} for row in rows]
    frame = gpd.GeoDataFrame(plain, geometry=[row.get("geometry", PLACE) for row in rows], crs=25833)
    path = folder / f"{kilde}.parquet"
    frame.to_parquet(path)
    told = Provenance(
        kilde=kilde,
        adresse="https://example.no",
        hentet_tid="2026-11-21T08:00:00+00:00",
        antall_ventet=len(rows),
        antall_mottatt=len(rows),
        sha256="x",
        crs="EPSG:25833",
        lisens="x",
    )
    return Rows(kilde, path, told)


def plan(number: int, status: str | None = "3", **more: Any) -> dict[str, Any]:
    ident = {"arealplanId.planidentifikasjon": f"P{number}", "arealplanId.kommunenummer": "0099"}
    return {
        "objekttypenavn": "RpOmråde",
        "STATUSKODE_X": "?",
        **ident,
        "planstatus": status,
        "vertikalnivå": "2",
        **more,
    }


def teig(number: int, kommune: str | None = "0099", **more: Any) -> dict[str, Any]:
    return {
        "teig_id": str(number),
        "kommunenummer": kommune,
        "matrikkelenheter": [f"0099-1/{number + 1}/0/0"],
        "matrikkelnummer_tekst": "1/1",
        "registrert_areal_m2": 10_000.0,
        "har_tvist": False,
        **more,
    }


def refused(folder: Path, **answers: Rows) -> UnusableError:
    with pytest.raises(UnusableError) as caught:
        read_core(TOMTEVIK, answers, geodata=Geodata(folder / "geodata"))  # type: ignore[arg-type]
    assert not (folder / "geodata" / "core").exists()
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_few_plans_of_unknown_status_are_kept_as_under_way(tmp_path: Path) -> None:
    plans = [plan(n) for n in range(19)] + [plan(19, "Sjekk saken")]
    geodata = Geodata(tmp_path / "geodata")
    (account,) = read_core(
        TOMTEVIK, {"reguleringsplan": brought(tmp_path, "nap_reguleringsplan", plans)}, geodata=geodata
    )
    frame = geodata.read("0099", layer="core", contract=REGULERINGSPLANER)
    assert frame is not None
    assert frame.set_index("plan_id")["planstatus"]["0099_P19"] in regler().plan.under_arbeid_status
    assert account.merknader == {"uleselig planstatus": 1}


@pytest.mark.parametrize("unread", ["Sjekk saken", None, "Forslag til vedtatt plan"])
def test_more_than_a_few_plans_of_unknown_status_are_refused(tmp_path: Path, unread: str | None) -> None:
    plans = [plan(n) for n in range(18)] + [plan(18, unread), plan(19, unread)]
    error = refused(tmp_path, reguleringsplan=brought(tmp_path, "nap_reguleringsplan", plans))
    assert (error.tema, error.kilde) == ("reguleringsplan", "nap_reguleringsplan")
    assert "18 of 20 rows has planstatus that can be read" in str(error)
    assert ("Sjekk saken" in str(error)) == (unread == "Sjekk saken")
    assert "STATUSKODE_X" in str(error)  # what the source itself calls its columns


def test_a_column_of_the_registry_that_is_gone_names_the_theme(tmp_path: Path) -> None:
    egne = tmp_path / "kilder.toml"
    egne.write_text(
        '[egen]\ntema = "reguleringsplan"\nprotokoll = "wfs"\nadresse = "https://own.example"\nlag = ["RpOmråde"]\n'
        'lisens = "x"\nkolonner = { planstatus = "borte" }\n'
    )
    answers = {"reguleringsplan": brought(tmp_path, "egen", [plan(1)])}
    with pytest.raises(UnusableError, match="'borte'") as caught:
        read_core(TOMTEVIK, answers, geodata=Geodata(tmp_path / "geodata"), egne=egne)  # type: ignore[arg-type]
    assert (caught.value.tema, caught.value.kilde) == ("reguleringsplan", "egen")


@pytest.mark.parametrize("shape", [None, POINT, shapely.Polygon()])
def test_plans_and_zones_all_without_a_polygon_are_refused(tmp_path: Path, shape: shapely.Geometry | None) -> None:
    kp, kdp = ("nap_kommuneplan", "nap_kommunedelplan")
    extent = {"objekttypenavn": "KpOmråde", "planstatus": "3", "plantype": "20", "arealformål": None}
    zone = {"objekttypenavn": "KpArealformålOmråde", "planstatus": None, "plantype": None, "arealformål": "1110"}
    whole = brought(tmp_path, kdp, [extent, zone])
    error = refused(
        tmp_path, kommuneplan=brought(tmp_path, kp, [extent, zone | {"geometry": shape}]), kommunedelplan=whole
    )
    assert (error.tema, error.kilde) == ("kommuneplan", kp)
    assert "none of 1 rows of KpArealformålOmråde" in str(error)
    error = refused(tmp_path, reguleringsplan=brought(tmp_path, "nap_reguleringsplan", [plan(1, geometry=shape)]))
    assert "none of 1 rows of RpOmråde has a polygon" in str(error)


@pytest.mark.parametrize("others", [4, 3])
def test_teiger_most_of_which_are_of_another_kommune_are_refused(tmp_path: Path, others: int) -> None:
    rows = [teig(n, "9999" if n < others else "0099") for n in range(4)]
    error = refused(tmp_path, teig=brought(tmp_path, "kartverket_teig", rows))
    assert (error.tema, error.kilde) == ("teig", "kartverket_teig")
    assert f"{others} of 4 teiger are left out (annen kommune {others})" in str(error)


def test_teiger_of_which_half_are_left_out_are_taken(tmp_path: Path) -> None:
    geodata = Geodata(tmp_path / "geodata")
    rows = [teig(n, "9999" if n < 2 else "0099") for n in range(4)]
    read_core(TOMTEVIK, {"teig": brought(tmp_path, "kartverket_teig", rows)}, geodata=geodata)
    kept = geodata.read("0099", layer="core", contract=TEIGER)
    assert kept is not None
    assert len(kept) == 2


def test_the_error_crosses_processes_whole() -> None:
    again = pickle.loads(pickle.dumps(UnusableError("why", "teig", "kartverket_teig")))
    assert isinstance(again, UnusableError)
    assert (str(again), again.tema, again.kilde) == ("why", "teig", "kartverket_teig")
