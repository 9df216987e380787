"""GML of teiger, invented and real."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from tasks.contracts import TEIGER
from tasks.errors import SourceError
from tasks.sources import teig
from tasks.sources.numre import Numre

from .conftest import collection, shared, teig_xml


def only(number: str) -> Numre:
    return Numre(number, frozenset({number}), {})


def read(content: bytes, where: str = "x") -> gpd.GeoDataFrame:
    """Return all pieces of a GML as one frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "teig.gml"
        path.write_bytes(content)
        pieces = list(teig.parts(path, where=where))
    return pd.concat(pieces, ignore_index=True) if pieces else teig.nothing()


def unit(gnr: int | str, bnr: int | str, *, kommune: str = "0099", **more: int | str) -> str:
    inner = "".join(f"<app:{k}>{v}</app:{k}>" for k, v in {"gardsnummer": gnr, "bruksnummer": bnr, **more}.items())
    return (
        f"<app:matrikkelenhet><app:Matrikkelenhet><app:kommunenummer>{kommune}</app:kommunenummer>{inner}"
        "<app:bruksnavn>OLA NORDMANN</app:bruksnavn></app:Matrikkelenhet></app:matrikkelenhet>"
    )


def test_matrikkelenheter_none_one_and_many() -> None:
    gml = collection(
        teig_xml(1),
        teig_xml(2, units=unit(46, 1)),
        teig_xml(3, units=unit(46, 1) + unit(46, 7, festenummer=3, seksjonsnummer=2) + unit(46, 1)),
    )
    raw = read(gml)
    assert raw["matrikkelenheter"].to_list() == [[], ["0099-46/1/0/0"], ["0099-46/1/0/0", "0099-46/7/3/2"]]
    assert "NORDMANN" not in raw.to_csv()
    frame, account = teig.teiger(raw, only("0099"))
    TEIGER.check(frame)
    assert (account.inn, account.ut, account.utelatt) == (3, 3, {})


@pytest.mark.parametrize("odd", ["4a", "-4", "4/7", "٤", "9" * 7, "4 6"])
@pytest.mark.parametrize("where", ["gardsnummer", "bruksnummer", "festenummer", "seksjonsnummer"])
def test_a_matrikkelenhet_whose_number_is_none_is_left_out_and_counted(odd: str, where: str) -> None:
    numbers: dict[str, int | str] = {"gardsnummer": 46, "bruksnummer": 1, where: odd}
    gnr, bnr = numbers.pop("gardsnummer"), numbers.pop("bruksnummer")
    gml = collection(teig_xml(1), teig_xml(2, units=unit(46, 2) + unit(gnr, bnr, **numbers)))
    frame, account = teig.teiger(read(gml), only("0099"))
    assert frame["matrikkelenheter"].to_list() == [[], ["0099-46/2/0/0"]]
    assert account.merknader == {"matrikkelenhet uten lesbart nummer": 1}
    assert account.ider == {"matrikkelenhet uten lesbart nummer": ("2",)}


def test_drops_are_counted_with_ids() -> None:
    gml = collection(
        teig_xml(1),
        teig_xml(1),
        teig_xml(2),
        teig_xml(2, x=-110_000.0, units=unit(1, 1), gml_id="teig.2b").replace(" 6740100", " 6740200"),
        teig_xml(3, kommune="0301"),
        teig_xml(4).replace("<app:teigId>4</app:teigId>", ""),
    )
    raw = read(gml)
    assert len(raw) == 6
    frame, account = teig.teiger(raw, only("0099"))
    TEIGER.check(frame)
    assert frame["teig_id"].to_list() == ["1", "2"]
    assert frame.geometry.area.to_list() == [10_000, 20_000]
    assert {r: (d.antall, d.ider) for r, d in account.utelatt.items() if r != "uten teigId"} == {
        "nøyaktig dobbel": (1, ("1",)),
        "samme teigId, ulikt innhold": (1, ("2",)),
        "annen kommune": (1, ("3",)),
    }
    assert account.utelatt["uten teigId"].antall == 1
    turned, _ = teig.teiger(raw.iloc[::-1], only("0099"))
    assert turned.to_wkb().equals(frame.to_wkb())


def test_arc_is_read_finely() -> None:
    line = teig_xml(1)
    start = line.index("<gml:exterior>")
    end = line.index("</gml:Polygon>")
    disc = (
        "<gml:exterior><gml:Ring><gml:curveMember><gml:Curve><gml:segments><gml:ArcString><gml:posList>"
        "-120000 6740000 -119900 6740100 -119800 6740000 -119900 6739900 -120000 6740000"
        "</gml:posList></gml:ArcString></gml:segments></gml:Curve></gml:curveMember></gml:Ring></gml:exterior>"
    )
    raw = read(collection(line[:start] + disc + line[end:]))
    assert raw.geometry.area[0] == pytest.approx(math.pi * 100**2, rel=1e-4)


def test_another_crs_of_norway_is_reprojected_and_any_other_refused() -> None:
    here = read(collection(teig_xml(1, x=500_000.0)))
    there = read(collection(teig_xml(1, x=500_000.0).replace("25833", "25832")))
    assert there.crs == here.crs
    # 9° E, the middle of zone 32, is six degrees west of that of zone 33
    assert there.total_bounds[0] == pytest.approx(175_000, abs=5_000)
    assert there.geometry.area[0] == pytest.approx(10_026, abs=1)
    with pytest.raises(SourceError, match=r"teig\.1 is in .*EPSG::32633, which is none of"):
        read(collection(teig_xml(1).replace("25833", "32633")))


@pytest.mark.parametrize("content", [b"<a/>", b"<a", b"", b"text"])
def test_what_is_no_collection_is_a_named_error(content: bytes) -> None:
    with pytest.raises(SourceError, match=r"https://a\.no"):
        read(content, where="https://a.no")


def test_real_answer_bergen() -> None:
    raw = read(shared("data/real/teig_wfs_bergen_4601_167.xml").read_bytes())
    frame, account = teig.teiger(raw, only("4601"))
    TEIGER.check(frame)
    assert (account.inn, account.ut) == (3, 3)
    assert frame["teig_id"].to_list() == ["261221547", "261221623", "261221636"]
    assert frame["matrikkelenheter"].to_list() == [["4601-167/714/0/0"], ["4601-167/717/0/0"], ["4601-167/718/0/0"]]
    assert frame["matrikkelnummer_tekst"].to_list() == ["167/714", "167/717", "167/718"]
    assert frame["registrert_areal_m2"].to_list() == [809.3, 165.6, 226.3]
    # EPSG:25833 overstates areas by 0.6 % in Bergen
    assert (frame.geometry.area / frame["registrert_areal_m2"]).between(1.005, 1.008).all()
    assert frame.total_bounds[0] < 0


def test_synthetic_answer_with_a_shared_teig() -> None:
    raw = read(shared("data/gml/teig_SYNTHETIC.gml").read_bytes())
    frame, _ = teig.teiger(raw, only("9999"))
    assert frame["matrikkelenheter"].to_list() == [["9999-10/1/0/0"], ["9999-46/1/0/0", "9999-46/7/0/0"]]
    assert frame.geometry.area.to_list() == [10_000, 9_600]


def test_teiger_under_an_earlier_number_belong_to_the_kommune_that_it_led_to() -> None:
    square = shapely.box(0, 0, 1000, 1000)
    numre = Numre("3218", frozenset({"3218", "3216"}), {"3021": ("3218",), "3020": ("3218", "3216")}, square)
    inside, outside = shapely.box(10, 10, 60, 60), shapely.box(5000, 0, 5050, 50)
    rows = [("a", "3021", outside), ("b", "3020", inside), ("c", "3020", outside), ("d", "3216", inside)]
    raw = gpd.GeoDataFrame(
        {
            "teig_id": [r[0] for r in rows],
            "kommunenummer": [r[1] for r in rows],
            "matrikkelenheter": [["3021-1/1/0/0"]] * 4,
            "matrikkelnummer_tekst": "1/1",
            "registrert_areal_m2": 1.0,
            "har_tvist": False,
        },
        geometry=[r[2] for r in rows],
        crs=25833,
    )
    frame, account = teig.teiger(raw, numre)
    assert frame["teig_id"].to_list() == ["a", "b"]
    assert set(frame["kommunenummer"]) == {"3218"}
    assert account.merknader == {"tidligere kommunenummer": 2}
    assert account.utelatt["annen kommune"].ider == ("c", "d")
