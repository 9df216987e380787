"""GML of buildings, invented and real; a building source that fails; what is done when it does."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from config.kilder import kilder
from tasks.account import Account
from tasks.answer import Failed, NotCovered, Rows
from tasks.contracts import HINDRE
from tasks.errors import SourceError
from tasks.sources import bygning
from tasks.sources.core import read_core
from tasks.sources.numre import Numre

from .conftest import Env, Handler, ask, failed, shared, square

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><wfs:FeatureCollection xmlns:wfs="http://www.opengis.net/wfs/2.0" '
    'xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:app="{app}" numberMatched="{matched}" numberReturned="0">'
)
UTM33 = "urn:ogc:def:crs:EPSG::25833"
EAST, NORTH = -120_000.0, 6_740_000.0


def point(east: float | str, north: float | str, srs: str = UTM33) -> str:
    return f'<gml:Point gml:id="p" srsName="{srs}"><gml:pos>{east} {north}</gml:pos></gml:Point>'


def bygning_xml(number: int, place: str | None = None, *, status: str = "TB", kommune: str = "0099") -> str:
    place = point(EAST + 10 * number, NORTH) if place is None else place
    return (
        f'<wfs:member><app:Bygning gml:id="bygning.{number}"><app:bygningsnummer>3000{number}</app:bygningsnummer>'
        f"<app:bygningsstatus>{status}</app:bygningsstatus><app:kommunenummer>{kommune}</app:kommunenummer>"
        "<app:bruksenhet><app:Bruksenhet><app:adresseId>17</app:adresseId><app:eier>OLA NORDMANN</app:eier>"
        "</app:Bruksenhet></app:bruksenhet><app:representasjonspunkt><!--Inlined geometry-->"
        f"{place}</app:representasjonspunkt><app:bygningstype>111</app:bygningstype>"
        f"<app:identBygning><app:IdentBygning><app:bygningId>{number}</app:bygningId></app:IdentBygning>"
        "</app:identBygning></app:Bygning></wfs:member>"
    )


def collection(*members: str, matched: str = "unknown", app: str = bygning.NAMESPACE) -> bytes:
    return (HEAD.format(matched=matched, app=app) + "".join(members) + "</wfs:FeatureCollection>").encode()


def read(content: bytes, where: str = "x") -> gpd.GeoDataFrame:
    """Return all pieces of a GML as one frame."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bygning.gml"
        path.write_bytes(content)
        pieces = list(bygning.parts(path, where=where))
    return pd.concat(pieces, ignore_index=True) if pieces else bygning.nothing()


def only(number: str) -> Numre:
    return Numre(number, frozenset({number}), {})


def hindre(*members: str, **options: Any) -> tuple[gpd.GeoDataFrame, Account]:
    raw = read(collection(*members, **options))
    frame, account = bygning.hindre(raw, only("0099"), utelat=kilder()["kartverket_bygning"].utelat)
    HINDRE.check(frame)
    assert account.inn - sum(d.antall for d in account.utelatt.values()) == account.ut == len(frame)
    return frame, account


def serve(env: Env, content: bytes, hits: int) -> None:
    def answer(h: Handler) -> None:
        asked = h.server.asked[-1].body
        h.send(collection(matched=str(hits)) if b"hits" in asked else content, "text/xml")

    env[0].answer = answer


# --- reading ---


def test_a_building_is_its_id_and_point_and_nothing_of_a_person() -> None:
    raw = read(collection(bygning_xml(7)))
    assert raw.drop(columns="geometry").to_dict("records") == [
        {"bygning_id": "7", "kommunenummer": "0099", "status": "TB", "bygningstype": "111"}
    ]
    frame, _ = hindre(bygning_xml(7))
    assert frame.drop(columns="geometry").to_dict("records") == [{"hinder_id": "bygning-7", "slag": "bygningspunkt"}]
    assert frame.geometry[0].coords[:] == [(EAST + 70, NORTH)]


@pytest.mark.parametrize(
    "place",
    [
        "<gml:Point><gml:pos>-120000 6740000</gml:pos></gml:Point>",
        f'<gml:Point><gml:pos srsName="{UTM33}" srsDimension="3">-120000.0 6740000.0 12.5</gml:pos></gml:Point>',
        '<gml:Point srsName="EPSG:25833"><gml:coordinates>-120000,6740000</gml:coordinates></gml:Point>',
        '<gml:Point srsName="http://www.opengis.net/def/crs/EPSG/0/25833"><gml:coordinates>-120000, 6740000,3 '
        "</gml:coordinates></gml:Point>",
        f'<gml:MultiPoint srsName="{UTM33}"><gml:pointMember><gml:Point><gml:pos>\n -120000\t6740000 </gml:pos>'
        "</gml:Point></gml:pointMember></gml:MultiPoint>",
    ],
)
def test_ways_of_writing_a_point(place: str) -> None:
    frame, _ = hindre(bygning_xml(1, place))
    assert frame.geometry[0].coords[:] == [(EAST, NORTH)]


@pytest.mark.parametrize("place", ["", point("x", 1), point("NaN", NORTH), point("1e999", NORTH), point("", "")])
def test_a_building_without_a_readable_point_is_counted(place: str) -> None:
    frame, account = hindre(bygning_xml(1, place), bygning_xml(2))
    assert frame["hinder_id"].to_list() == ["bygning-2"]
    assert account.utelatt["uten geometri"].ider == ("1",)


@pytest.mark.parametrize(
    "namespace", ["http://x.no/Matrikkelen-Bygningspunkt/20300101", "http://www.opengis.net/gml/3.2"]
)
def test_a_new_edition_of_the_specification_still_reads(namespace: str) -> None:
    assert len(hindre(bygning_xml(1), app=namespace)[0]) == 1


def test_what_does_not_stand_there_is_dropped_by_status_and_counted() -> None:
    gone = ["GR", "BR", "BF", "br "]
    there = ["TB", "FA", "MB", "IG", "RA", "MF", "", "?"]
    frame, account = hindre(*(bygning_xml(n, status=s) for n, s in enumerate(gone + there)))
    assert len(frame) == len(there)
    assert {r: (d.antall, d.ider) for r, d in account.utelatt.items()} == {
        "bygningsstatus GR": (1, ("0",)),
        "bygningsstatus BR": (2, ("1", "3")),
        "bygningsstatus BF": (1, ("2",)),
    }
    assert account.merknader == {"uten bygningsstatus": 1}


def test_other_drops_and_repetitions_whatever_the_order() -> None:
    members = [
        bygning_xml(1),
        bygning_xml(1),
        bygning_xml(2, kommune="0097"),
        bygning_xml(3).replace("<app:bygningId>3</app:bygningId>", ""),
        bygning_xml(4),
        bygning_xml(4, point(EAST, NORTH)),
    ]
    frame, account = hindre(*members)
    assert frame["hinder_id"].to_list() == ["bygning-1", "bygning-4", "bygning-4#2"]
    assert {r: d.antall for r, d in account.utelatt.items()} == {
        "uten bygningsId": 1,
        "annen kommune": 1,
        "nøyaktig dobbel": 1,
    }
    assert account.merknader == {"samme bygningsId, ulike punkt": 2}
    turned, _ = hindre(*members[::-1])
    assert turned.to_wkb().equals(frame.to_wkb())


def test_no_buildings_keep_the_contract() -> None:
    frame, account = bygning.hindre(bygning.nothing(), only("0099"), utelat=("BR",))
    HINDRE.check(frame)
    assert account.ut == 0
    assert len(hindre()[0]) == 0


@pytest.mark.parametrize("srs", ["urn:ogc:def:crs:EPSG::25832", "EPSG:4326", "urn:ogc:def:crs:EPSG::125833", "x"])
def test_another_crs_is_refused(srs: str) -> None:
    with pytest.raises(SourceError, match=r"https://a\.no: asked for EPSG:25833, got "):
        read(collection(bygning_xml(1, point(EAST, NORTH, srs))), where="https://a.no")


def test_degrees_under_the_name_of_metres_are_refused() -> None:
    with pytest.raises(SourceError, match="2 of 3 points lie outside Norway"):
        read(
            collection(bygning_xml(1, point(10.7, 59.9)), bygning_xml(2, point(59.9, 10.7)), bygning_xml(3)), where="x"
        )


@pytest.mark.parametrize("content", [b"<a/>", b"<a", b"", b"text"])
def test_what_is_no_collection_is_a_named_error(content: bytes) -> None:
    with pytest.raises(SourceError, match=r"https://a\.no"):
        read(content, where="https://a.no")


def test_real_answer_oslo() -> None:
    content = shared("data/real/bygning_wfs_excerpt.gml").read_bytes()
    with pytest.raises(SourceError, match="got urn:ogc:def:crs:EPSG::4326"):
        read(content)
    ours = content.replace(b"EPSG::4326", b"EPSG::25833").replace(b"59.930069 10.715834", b"260000.1 6651000.2")
    frame, account = bygning.hindre(read(ours, where="x"), only("0301"), utelat=())
    assert (frame["hinder_id"].to_list(), account.inn) == (["bygning-286646689"], 1)
    assert frame.geometry[0].coords[:] == [(260_000.1, 6_651_000.2)]


# --- the source ---


def test_asked_in_its_own_namespace_for_its_own_kommune(env: Env) -> None:
    serve(env, collection(bygning_xml(1), bygning_xml(2)), hits=2)
    rows = ask(env, "bygning")
    assert isinstance(rows, Rows)
    assert rows.antall == 2
    for asked in env[0].asked:
        assert b'xmlns:app="' + bygning.NAMESPACE.encode() in asked.body
        assert b'typeNames="app:Bygning" srsName="urn:ogc:def:crs:EPSG::25833"' in asked.body
        assert b"<fes:Literal>0099</fes:Literal>" in asked.body


@pytest.mark.parametrize("hits", [1, 3])
def test_wrong_count(env: Env, hits: int) -> None:
    serve(env, collection(bygning_xml(1), bygning_xml(2)), hits=hits)
    assert f"says {hits} features, 2 came" in failed(env, "bygning")


def test_truncated(env: Env) -> None:
    serve(env, collection(bygning_xml(1), bygning_xml(2))[:-300], hits=2)
    assert "cut short or damaged" in failed(env, "bygning")


def test_html_page(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"<!doctype html><html><title>Logg inn</title></html>", "text/html")
    assert "HTML page: Logg inn" in failed(env, "bygning")


def test_exception_with_200(env: Env) -> None:
    body = b"<ServiceExceptionReport><ServiceException>Too many requests</ServiceException></ServiceExceptionReport>"
    env[0].answer = lambda h: h.send(body, "text/xml")
    assert "Too many requests" in failed(env, "bygning")


def test_a_type_that_the_source_does_not_have(env: Env) -> None:
    body = (
        b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"><ows:Exception '
        b'exceptionCode="InvalidParameterValue" locator="typeName"><ows:ExceptionText>Feature type with name '
        b"'Bygning' is not served by this WFS.</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"
    )
    env[0].answer = lambda h: h.send(body, "text/xml", status=400)
    assert "'Bygning' is not served" in failed(env, "bygning")


def test_external_entity(env: Env, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0099")
    doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}"><!ENTITY n SYSTEM "{env[0].url}/stolen">]>'
    evil = collection(bygning_xml(1, kommune="&e;&n;")).replace(b"?>", b"?>" + doctype.encode(), 1)
    serve(env, evil, hits=1)
    assert "DOCTYPE" in failed(env, "bygning")
    assert not [a for a in env[0].asked if "stolen" in a.path]


# --- what is done without it ---


def core_of(env: Env, answer: Any, **others: Any) -> tuple[gpd.GeoDataFrame | None, Account]:
    accounts = read_core(env[3], {**others, "bygning": answer}, geodata=env[2])
    frame = env[2].read("0099", layer="core", contract=HINDRE)
    return frame, accounts[-1]  # type: ignore[return-value]


def test_a_source_that_never_answered_leaves_buildings_unknown(env: Env) -> None:
    frame, account = core_of(env, Failed("kartverket_bygning", "x"))
    assert frame is None
    assert account.merknader == {"bygninger ukjent": 1}


@pytest.mark.parametrize("answer", [Failed("kartverket_bygning", "x"), NotCovered("kartverket_bygning", "x")])
def test_a_source_that_fails_leaves_the_last_good_ones(env: Env, answer: Any) -> None:
    serve(env, collection(bygning_xml(1), bygning_xml(2), bygning_xml(3, status="BR")), hits=3)
    rows = ask(env, "bygning")
    assert isinstance(rows, Rows)
    core_of(env, rows)
    before = env[2].path("core", HINDRE, "0099").read_bytes()
    frame, account = core_of(env, answer)
    assert frame is not None
    assert len(frame) == 2
    assert env[2].path("core", HINDRE, "0099").read_bytes() == before
    assert account.merknader == {"ikke lest nå, bygninger som før": 1}


def test_a_snapshot_that_cannot_be_read_leaves_core_as_it_was(env: Env) -> None:
    serve(env, collection(bygning_xml(1)), hits=1)
    rows = ask(env, "bygning")
    assert isinstance(rows, Rows)
    core_of(env, rows)
    rows.path.write_bytes(b"damaged")
    for answer in (rows, Failed("kartverket_bygning", "x")):
        frame, account = core_of(env, answer)
        assert frame is not None
        assert len(frame) == 1
        assert account.merknader == {"ikke lest nå, bygninger som før": 1}


def test_buildings_far_from_the_kommune_are_not_believed_and_stop_nothing(env: Env) -> None:
    env[0].answer = lambda h: h.json(
        {"kommunenummer": "0099", "kommunenavn": "Tomtevik", "omrade": square(600_000, 7_000_000, 5000)}
    )
    grense = ask(env, "grense")
    serve(env, collection(bygning_xml(1)), hits=1)
    frame, account = core_of(env, ask(env, "bygning"), grense=grense)
    assert frame is None
    assert account.merknader == {"bygninger ukjent": 1}


def test_buildings_under_an_earlier_number_stand_in_the_kommune_that_it_led_to() -> None:
    raw = read(collection(bygning_xml(1, kommune="0098"), bygning_xml(2), bygning_xml(3, kommune="0097")))
    numre = Numre("0099", frozenset({"0099", "0097"}), {"0098": ("0099",)})
    frame, account = bygning.hindre(raw, numre, utelat=())
    assert sorted(frame["hinder_id"]) == ["bygning-1", "bygning-2"]
    assert account.utelatt["annen kommune"].ider == ("3",)
    assert account.merknader["tidligere kommunenummer"] == 1
