"""GML of plan objects: members, attributes, geometry and its CRS, the Arealplan that others refer to."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from tasks.errors import SourceError
from tasks.sources import flat, geometri, gml, medlemmer

Write = Callable[[bytes | str], Path]

APP = "http://skjema.geonorge.no/SOSI/produktspesifikasjon/Kommuneplan/20190401"
HEAD = (
    f'<wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" xmlns:gml="http://www.opengis.net/gml/3.2" '
    f'xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:app="{APP}" numberMatched="unknown" numberReturned="0">'
)
UTM = "urn:ogc:def:crs:EPSG::{}"
WEST, SOUTH = 260_000.0, 6_650_000.0
LAG = {"KpArealformålOmråde": "KpArealformålOmråde", "KpOmråde": "KpOmråde"}


def ring(*points: tuple[float, float]) -> str:
    text = " ".join(f"{x} {y}" for x, y in (*points, points[0]))
    return f"<gml:LinearRing><gml:posList>{text}</gml:posList></gml:LinearRing>"


def polygon(x: float = WEST, y: float = SOUTH, *, side: float = 100.0, srs: str | None = UTM.format(25833)) -> str:
    named = "" if srs is None else f' srsName="{srs}"'
    outer = ring((x, y), (x + side, y), (x + side, y + side), (x, y + side))
    return f"<gml:Polygon{named}><gml:exterior>{outer}</gml:exterior></gml:Polygon>"


def feature(inner: str = "", *, kind: str = "KpArealformålOmråde", gml_id: str = "a", shape: str | None = None) -> str:
    place = f"<app:område>{polygon() if shape is None else shape}</app:område>" if shape != "" else ""
    return f'<app:{kind} gml:id="{gml_id}">{place}{inner}</app:{kind}>'


def collection(*features: str, head: str = HEAD) -> str:
    return head + "".join(f"<wfs:member>{f}</wfs:member>" for f in features) + "</wfs:FeatureCollection>"


def read(path: Path, lag: dict[str, str] | None = None) -> gpd.GeoDataFrame:
    return pd.concat(list(gml.parts(path, lag or LAG, where="https://a.no/x")), ignore_index=True)


def refused(path: Path, lag: dict[str, str] | None = None) -> str:
    with pytest.raises(SourceError) as caught:
        read(path, lag)
    said = str(caught.value)
    assert said.startswith("https://a.no/x")
    assert "\n" not in said
    return said


# --- members ---


def test_members_of_every_kind_of_collection(written: Write) -> None:
    one, two = feature(gml_id="a"), feature(gml_id="b", kind="KpOmråde")
    gml32 = HEAD.replace("wfs:FeatureCollection", "gml:FeatureCollection")
    ways = [
        collection(one, two),
        f"{gml32}<gml:featureMember>{one}</gml:featureMember><gml:featureMember>{two}</gml:featureMember>"
        "</gml:FeatureCollection>",
        f"{gml32}<gml:featureMembers>\n<!-- c -->{one}\n{two}</gml:featureMembers></gml:FeatureCollection>",
        f"{HEAD}<wfs:member><wfs:FeatureCollection><wfs:member>{one}</wfs:member></wfs:FeatureCollection></wfs:member>"
        f"<wfs:member><wfs:FeatureCollection><wfs:member>{two}</wfs:member></wfs:FeatureCollection></wfs:member>"
        "</wfs:FeatureCollection>",
        collection(one, two).replace("gml/3.2", "gml"),
    ]
    for way in ways:
        path = written(way)
        assert gml.layers(path, where="x") == {"KpArealformålOmråde": 1, "KpOmråde": 1}
        frame = read(path)
        assert frame["objekttypenavn"].to_list() == ["KpArealformålOmråde", "KpOmråde"]
        assert frame.geometry.area.to_list() == [10_000, 10_000]


def test_layers_are_found_whatever_their_prefix_and_case_and_others_left_alone(written: Write) -> None:
    path = written(collection(feature(), feature(kind="KpSikringSone", shape="<gml:Polygon><broken/></gml:Polygon>")))
    assert len(read(path, {"KpArealformålOmråde": "app:kparealformalomrade"})) == 1
    assert "KpArealformålOmråde, KpSikringSone" in refused(path, {"RpOmråde": "RpOmråde"})
    assert list(gml.parts(written(collection()), LAG, where="x")) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (collection(feature(), feature())[:-60], "cut short or damaged"),
        (collection().replace("wfs:F", "wfs:X"), "no FeatureCollection but"),
        ("", "cut short or damaged"),
        ("<!DOCTYPE a [<!ENTITY e 'x'>]>" + collection(feature("<app:navn>&e;</app:navn>")), "DOCTYPE"),
        (HEAD + "<wfs:truncatedResponse>boom</wfs:truncatedResponse></wfs:FeatureCollection>", "gave up"),
        (collection(feature()).replace("</wfs:F", "<wfs:truncatedResponse>tom</wfs:truncatedResponse></wfs:F"), "tom"),
        (HEAD + "<wfs:x/>" * 1100 + "</wfs:FeatureCollection>", "no features in the first"),
    ],
)
def test_a_file_that_is_not_whole_is_a_named_error(written: Write, content: str, said: str) -> None:
    assert said in refused(written(content))


def test_an_external_entity_reads_no_file(written: Write, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hemmelig")
    evil = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>' + collection(feature("<app:navn>&e;</app:navn>"))
    assert "hemmelig" not in refused(written(evil))


def test_pieces_are_small_and_hold_every_feature(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometri, "ROWS", 7)
    path = written(collection(*(feature(f"<app:navn>{n}</app:navn>") for n in range(40))))
    pieces = list(gml.parts(path, LAG, where="x"))
    assert [len(p) for p in pieces] == [7, 7, 7, 7, 7, 5]
    assert [v for p in pieces for v in p["navn"]] == [str(n) for n in range(40)]
    monkeypatch.setattr(geometri, "BYTES", 1)
    assert {len(p) for p in gml.parts(path, LAG, where="x")} == {1}


# --- attributes ---


def test_attributes_are_text_with_dotted_names(written: Write) -> None:
    inner = (
        "<app:identifikasjon><app:Identifikasjon><app:lokalId>x-1</app:lokalId></app:Identifikasjon></app:identifikasjon>"
        "<app:arealplanId><app:NasjonalArealplanId><app:kommunenummer>0301</app:kommunenummer>"
        "<app:planidentifikasjon> 007 </app:planidentifikasjon></app:NasjonalArealplanId></app:arealplanId>"
        "<app:arealformål>1110</app:arealformål><app:navn/><app:PLANID>7</app:PLANID>"
        "<app:utnytting><app:Utnytting><app:tall>30</app:tall></app:Utnytting></app:utnytting>"
        "<app:utnytting><app:Utnytting><app:tall>040</app:tall></app:Utnytting></app:utnytting>"
        '<app:plan xlink:href="#p"/>'
    )
    frame = read(written(collection(feature(inner))))
    assert frame.drop(columns="geometry").to_dict("records") == [
        {
            "identifikasjon.lokalId": "x-1",
            "arealplanId.kommunenummer": "0301",
            "arealplanId.planidentifikasjon": "007",
            "arealformål": "1110",
            "navn": None,
            "PLANID": "7",
            "utnytting": '[{"tall": "30"}, {"tall": "040"}]',
            "plan.href": "#p",
            "objekttypenavn": "KpArealformålOmråde",
        }
    ]


def test_a_row_that_says_its_own_object_type_is_believed(written: Write) -> None:
    own = "<app:objekttypenavn>KpArealbrukOmråde</app:objekttypenavn>"
    frame = read(written(collection(feature(own), feature("<app:objekttypenavn> </app:objekttypenavn>"))))
    assert frame["objekttypenavn"].to_list() == ["KpArealbrukOmråde", "KpArealformålOmråde"]


def test_nesting_without_end_ends(written: Write) -> None:
    deep = "<app:a>" * 60 + "bunn" + "</app:a>" * 60
    said = read(written(collection(feature(deep)))).iloc[0].drop("geometry").to_list()
    assert any("bunn" in value for value in said)


def test_an_arealplan_tells_of_those_that_refer_to_it_near_and_far(written: Write) -> None:
    plan = (
        "<app:identifikasjon><app:Identifikasjon><app:lokalId>plan</app:lokalId></app:Identifikasjon>"
        "</app:identifikasjon><app:planstatus>3</app:planstatus><app:navn>planens</app:navn>"
    )
    path = written(
        collection(
            feature('<app:planområde xlink:href="#omr"/><app:navn>eget</app:navn>', gml_id="sone"),
            feature('<app:arealplan xlink:href="other.gml#plan"/>', kind="KpOmråde", gml_id="omr"),
            feature('<app:arealplan xlink:href="#gone"/>', gml_id="alene"),
            feature(plan, kind="Arealplan", gml_id="plan", shape=""),
            feature("<app:planstatus>4</app:planstatus>", kind="Arealplan", gml_id="annen", shape=""),
        )
    )
    frame = read(path)
    assert frame["planstatus"].to_list() == ["3", "3", None]
    assert frame["navn"].to_list() == ["eget", "planens", None]
    assert "identifikasjon.lokalId" not in frame
    alone = read(path, {"Arealplan": "Arealplan"})
    assert alone.geometry.isna().all()


# --- geometry ---


def test_the_surface_counts_whatever_stands_beside_it(written: Write) -> None:
    point = '<app:punkt><gml:Point srsName="EPSG:25833"><gml:pos>1 2</gml:pos></gml:Point></app:punkt>'
    both = feature(point + "<app:navn>x</app:navn>").replace("<app:område>", point + "<app:område>")
    frame = read(written(collection(both)))
    assert frame.geom_type.to_list() == ["Polygon"]
    assert list(frame.columns) == ["navn", "objekttypenavn", "geometry"]


def test_an_arc_is_read_finely(written: Write) -> None:
    disc = (
        f'<gml:Polygon srsName="{UTM.format(25833)}"><gml:exterior><gml:Ring><gml:curveMember><gml:Curve><gml:segments>'
        "<gml:ArcString><gml:posList>260000 6650000 260100 6650100 260200 6650000 260100 6649900 260000 6650000"
        "</gml:posList></gml:ArcString></gml:segments></gml:Curve></gml:curveMember></gml:Ring></gml:exterior>"
        "</gml:Polygon>"
    )
    frame = read(written(collection(feature(shape=disc))))
    assert frame.geometry.area[0] == pytest.approx(math.pi * 100**2, rel=1e-4)


@pytest.mark.parametrize("epsg", [25832, 25835, 4258, 4326])
@pytest.mark.parametrize("name", ["urn:ogc:def:crs:EPSG::{}", "http://www.opengis.net/def/crs/EPSG/0/{}", "EPSG:{}"])
def test_every_crs_of_norway_comes_out_in_the_same_place(written: Write, epsg: int, name: str) -> None:
    srs = name.format(epsg)
    here = shapely.box(WEST, SOUTH, WEST + 100, SOUTH + 100)
    there = shapely.get_coordinates(gpd.GeoSeries([here], crs=25833).to_crs(epsg).iloc[0])[:-1]
    if epsg < 10_000 and not name.startswith("EPSG"):
        there = there[:, ::-1]
    shape = f'<gml:Polygon srsName="{srs}"><gml:exterior>{ring(*map(tuple, there))}</gml:exterior></gml:Polygon>'
    frame = read(written(collection(feature(shape=shape))))
    assert frame.crs == 25833
    assert shapely.hausdorff_distance(frame.geometry[0], here) < 0.01


def test_swapped_axes_of_a_short_name_are_named(written: Write) -> None:
    assert "wrong order of axes (swapped)" in refused(
        written(collection(feature(shape=polygon(59.9, 10.7, side=0.01, srs="EPSG:4258"))))
    )
    assert "swapped" in refused(written(collection(feature(shape=polygon(SOUTH, WEST)))))
    assert "degrees where metres belong" in refused(written(collection(feature(shape=polygon(10.7, 59.9, side=0.01)))))
    assert "metres where degrees belong" in refused(written(collection(feature(shape=polygon(srs="EPSG:4258")))))


def test_the_crs_may_stand_on_the_envelope_and_heights_beside_it(written: Write) -> None:
    crs = "http://www.opengis.net/def/crs/EPSG/0/5972"
    box = f'<gml:boundedBy><gml:Envelope srsName="{crs}" srsDimension="3"/></gml:boundedBy>'
    high = "500000 6650000 7 500100 6650000 8 500100 6650100 9 500000 6650000 7"
    exterior = f"<gml:LinearRing><gml:posList>{high}</gml:posList></gml:LinearRing>"
    shape = f"<gml:Polygon><gml:exterior>{exterior}</gml:exterior></gml:Polygon>"
    path = written(collection(feature(shape=shape)).replace("<wfs:member>", box + "<wfs:member>", 1))
    frame = read(path)
    assert not frame.geometry.has_z.any()
    assert frame.geometry.to_crs(25832).area[0] == pytest.approx(5_000, abs=1)
    no_crs = written(collection(feature(shape=shape)))
    assert "does not say its CRS" in refused(no_crs)


@pytest.mark.parametrize("srs", ["EPSG:3857", "urn:ogc:def:crs:EPSG::32633", "urn:ogc:def:crs:EPSG::125833", "tull"])
def test_another_crs_is_refused_by_name(written: Write, srs: str) -> None:
    assert f"a is in {srs}, which is none of EPSG:4258" in refused(written(collection(feature(shape=polygon(srs=srs)))))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("260000.0 6650000.0", "tull 6650000.0", "no numbers"),
        ("260000.0 6650000.0", "NaN 6650000.0", "no numbers"),
        ("260000.0 6650000.0", "1e999 6650000.0", "nowhere"),
        ("260000.0 6650000.0", "9e99 6650000.0", "nowhere"),
        ("260000.0 6650100.0 260000.0 6650000.0<", "260000.0 6650100.0<", "cannot be read"),
        ("260000.0 6650100.0 260000.0 6650000.0<", "260000.0 6650100.0 260000.0<", "cannot be read"),
        ("<gml:exterior>", "<gml:exteriør>", "cannot be read"),
    ],
)
def test_the_feature_with_a_broken_geometry_is_named(written: Write, old: str, new: str, said: str) -> None:
    broken = (
        polygon()
        .replace(old, new)
        .replace("</gml:exterior>", f"</{new[1:]}" if "exteriør" in new else "</gml:exterior>")
    )
    assert broken != polygon()
    features = [feature(gml_id=f"god{n}") for n in range(50)]
    features.insert(31, feature(gml_id="skjev", shape=broken))
    message = refused(written(collection(*features)))
    assert "skjev" in message
    assert said in message


def test_terrain_is_no_geometry_and_hides_no_neighbour(written: Write) -> None:
    tin = f'<gml:TriangulatedSurface srsName="{UTM.format(25833)}"><gml:patches/></gml:TriangulatedSurface>'
    frame = read(written(collection(feature(gml_id="t", shape=tin), feature(), feature(shape=""))))
    assert frame.geometry.notna().to_list() == [False, True, False]


def test_nothing_is_written_beside_the_file(written: Write) -> None:
    path = written(collection(feature()))
    read(path)
    assert list(path.parent.iterdir()) == [path]


# --- bombs ---


def test_features_with_names_of_their_own_do_not_fill_the_memory(
    written: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flat, "MAX_COLUMNS", 10)
    many = [feature(f"<app:c{n}>1</app:c{n}>") for n in range(12)]
    assert "more than 10 different attributes in one answer" in refused(written(collection(*many)))
    assert len(read(written(collection(*many[:8])))) == 8


def test_attributes_count_in_the_size_of_a_piece(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geometri, "BYTES", 1000)
    path = written(collection(*(feature(f"<app:navn>{'x' * 600}</app:navn>", shape="") for _ in range(4))))
    assert [len(p) for p in gml.parts(path, LAG, where="x")] == [2, 2]


@pytest.mark.parametrize("where", ["in a member", "beside members", "before members", "in one collection"])
def test_elements_without_end_end(written: Write, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    monkeypatch.setattr(medlemmer, "MAX_MARKS", 40_000)
    junk, one = "<a/>" * 100_000, feature("<app:navn>x</app:navn>")
    member = f"<wfs:member>{one}</wfs:member>"
    inner = {
        "in a member": f"<wfs:member>{feature(junk)}</wfs:member>",
        "beside members": member + junk,
        "before members": f"{member}<app:x>{junk}</app:x>{member}",
        "in one collection": f"<gml:featureMembers>{one}{feature(junk)}</gml:featureMembers>",
    }[where]
    said = refused(written(f"{HEAD}{inner}</wfs:FeatureCollection>"))
    assert "more than 20000 elements in one feature of the GML, or outside any" in said
    small = inner.replace(junk, "<a/>" * 100)
    assert len(read(written(f"{HEAD}{small}</wfs:FeatureCollection>"))) >= 1


def test_what_stands_before_a_member_is_forgotten(written: Write) -> None:
    inner = f"<app:x><wfs:member>{feature()}</wfs:member><a/><b/></app:x>" * 3
    path = written(f"{HEAD}{inner}</wfs:FeatureCollection>")
    for member in medlemmer.members(path, where="x"):
        root = member.getroottree().getroot()
        last = sum(1 for _ in root.iter())
    assert last < 20 + sum(1 for _ in member.iter())
    assert len(root) == 0 or len(root) == 1


def test_a_feature_beside_a_collection_in_one_member_is_kept(written: Write) -> None:
    nested = f"<wfs:FeatureCollection><wfs:member>{feature(gml_id='b')}</wfs:member></wfs:FeatureCollection>"
    assert len(read(written(collection(feature() + nested)))) == 2


@pytest.mark.parametrize("name", ["IBM037", "UTF-7", "EBCDIC-CP-US"])
def test_an_encoding_in_which_nothing_can_be_counted(written: Write, name: str) -> None:
    assert f"the GML is in {name}" in refused(
        written(f'<?xml version="1.0" encoding="{name}"?>{collection(feature())}')
    )


def test_encodings_that_occur_are_read(written: Write) -> None:
    for name in ("utf-8", "UTF-16", "ISO-8859-1", "windows-1252"):
        text = f'<?xml version="1.0" encoding="{name}"?>{collection(feature("<app:navn>Å</app:navn>"))}'
        assert read(written(text.encode(name)))["navn"].to_list() == ["Å"]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (polygon(SOUTH, WEST), "of 1 of 4 rows in EPSG:25833 are in the wrong order of axes (swapped)"),
        (polygon(10.7, 59.9, side=0.01), "of 1 of 4 rows in EPSG:25833 are degrees where metres belong"),
    ],
)
def test_one_row_that_is_turned_is_enough(written: Write, shape: str, said: str) -> None:
    assert said in refused(written(collection(feature(), feature(), feature(), feature(shape=shape))))


def test_one_row_that_is_nowhere_is_left_to_who_knows_the_kommune(written: Write) -> None:
    assert len(read(written(collection(feature(), feature(), feature(shape=polygon(0, 0)))))) == 3
