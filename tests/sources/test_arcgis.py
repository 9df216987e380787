"""ArcGIS REST: the invented kommuner in full through every kind of service, and what a wrong configuration says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import shapely

from config.registers import Kommune
from tasks.sandbox.kommune import invent
from tasks.sandbox.upstream import UpstreamServer
from tasks.sources import arcgis
from tasks.sources.limits import Limits

from .asking import Asking

KP = ("KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde")
RP = ("RpOmråde", "RpArealformålOmråde", "RbFormålOmråde")
SERVICES = "/arcgis/rest/services"


@pytest.fixture(scope="module")
def local() -> Iterator[UpstreamServer]:
    with UpstreamServer(username="nap", password="hemmelig") as running:
        yield running


# --- the invented kommune, whatever the service is able to ---


@pytest.mark.parametrize(
    ("sti", "lag", "felt"),
    [
        ("Plan/Kommuneplan/MapServer", KP, "OMRADEID"),
        pytest.param("Plan/Kommuneplan/MapServer", KP, None, marks=pytest.mark.long),
        ("Plan/Reguleringsplaner_på_grunnen/MapServer", RP, "omradeid"),
        ("Plan/Reguleringsplaner_på_grunnen/MapServer", dict(zip(RP, ("44", "45", "46"), strict=True)), None),
        pytest.param("Plandata/FeatureServer", (*KP, *RP), "OMRADEID", marks=pytest.mark.long),
        ("Plandata/FeatureServer", KP, None),
        pytest.param("Plandata/FeatureServer", (*KP, *RP), None, marks=pytest.mark.long),
    ],
)
def test_every_service_gives_what_the_kommune_has(
    local: UpstreamServer, kommune: Kommune, limits: Limits, tmp_path: Path, sti: str, lag: Any, felt: str | None
) -> None:
    ask = Asking(arcgis.read, f"{local.url}{SERVICES}/{sti}", protokoll="arcgis", lag=lag, kommunefelt=felt)
    rows = ask(kommune, limits, tmp_path, area=invent("0099").grense)
    plan = invent("0099").plan
    services = ("kommuneplaner", "kommunedelplaner", "reguleringsplaner/vn2")
    expected = {
        o["properties"]["identifikasjon.lokalId"]: o
        for s in services
        for name in lag
        for o in plan.get(f"{s}/{name}", ())
        if felt is not None or o["geometry"] is not None  # a box does not reach what has no geometry
    }
    assert ask.said == len(rows) == len(expected)
    assert rows.crs.to_epsg() == 25833
    found = rows.set_index("LOKALID")
    for lokal_id, objekt in expected.items():
        row = found.loc[lokal_id]
        assert row["objekttypenavn"] == objekt["properties"]["objekttypenavn"]
        assert row["KOMM"] == objekt["properties"]["arealplanId.kommunenummer"]
        if objekt["geometry"] is None:
            assert row.geometry is None
            continue
        # Rings come back in another order; what they enclose does not change.
        wanted, got = cleaned(objekt["geometry"]), cleaned(row.geometry)
        assert shapely.area(got) == pytest.approx(shapely.area(wanted), abs=1.0)
        assert shapely.hausdorff_distance(got.boundary, wanted.boundary) < 0.01


def cleaned(shape: shapely.Geometry) -> shapely.Geometry:
    return shapely.make_valid(shapely.force_2d(shape), method="structure", keep_collapsed=False)


def test_values_are_text_as_the_service_writes_them(
    local: UpstreamServer, kommune: Kommune, limits: Limits, tmp_path: Path
) -> None:
    url = f"{local.url}{SERVICES}/Plan"
    ask = Asking(arcgis.read, f"{url}/Kommuneplan/MapServer", protokoll="arcgis", lag=KP, kommunefelt="OMRADEID")
    rows = ask(kommune, limits, tmp_path)
    zones = rows[rows["objekttypenavn"] == "KpArealformålOmråde"]
    assert "1110" in set(zones["KPAREALFORMAL"])
    assert set(rows["OMRADEID"]) == {"99", "0099"}  # a number in one layer, text in the next
    assert "1655337600000" in set(rows["IKRAFT"])
    ask = Asking(
        arcgis.read,
        f"{url}/Reguleringsplaner_på_grunnen/MapServer",
        protokoll="arcgis",
        lag={"RpOmråde": "44"},
        kommunefelt="OMRADEID",
    )
    dates = ask(kommune, limits, tmp_path)["IKRAFT"].dropna()
    assert all(len(d) == 8 and d.isdecimal() for d in dates)  # 20100615.0 without its false fraction


def test_nothing_there_is_no_rows(local: UpstreamServer, limits: Limits, tmp_path: Path) -> None:
    other = Kommune(nummer="0301", navn="Oslo", fylke="Oslo", epsg=25832)
    ask = Asking(
        arcgis.read, f"{local.url}{SERVICES}/Plandata/FeatureServer", protokoll="arcgis", lag=KP, kommunefelt="OMRADEID"
    )
    assert len(ask(other, limits, tmp_path)) == ask.said == 0


@pytest.mark.parametrize(
    ("login", "said"),
    [(None, "an open address or a login"), ("tomtevik", "TOMT_TOMTEVIK_USERNAME and TOMT_TOMTEVIK_PASS")],
)
def test_closed_service_names_the_login(
    local: UpstreamServer, kommune: Kommune, limits: Limits, tmp_path: Path, login: str | None, said: str
) -> None:
    ask = Asking(arcgis.read, f"{local.url}{SERVICES}/Lukket/Plandata/MapServer", protokoll="arcgis", lag=["0"])
    message = ask.fails(kommune, limits, tmp_path, legitimasjon=login)
    assert said in message
    assert "499" in message


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lag": {"KpOmråde": "9"}}, "404"),
        ({"lag": {"KpOmråde": "Noe annet"}}, "it has: 0 KpOmråde, 1 KpArealformålOmråde"),
        ({"kommunefelt": "KOMMUNENR"}, "no column KOMMUNENR; it has: OBJECTID, OBJTYPE, KOMM"),
        ({"kommunefelt": "IKRAFT"}, "cannot tell the kommune"),
    ],
)
def test_wrong_configuration_says_what_there_is(
    local: UpstreamServer, kommune: Kommune, limits: Limits, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    url = f"{local.url}{SERVICES}/Plan/Kommuneplan/MapServer"
    ask = Asking(arcgis.read, url, protokoll="arcgis", lag={"KpOmråde": "0"})
    assert said in ask.fails(kommune, limits, tmp_path, **changed)
