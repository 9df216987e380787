"""Answers that are incomplete, of another place or damaged are Failed; paging, counts and CRS of each protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks.answer import Rows

from .conftest import (
    CONTENT_CRS,
    Env,
    Handler,
    ask,
    collection,
    failed,
    feature,
    serve_plans,
    serve_teiger,
    square,
    teig_xml,
)

# --- OGC API Features ---


def test_endless_paging_ends(env: Env) -> None:
    def answer(h: Handler) -> None:
        page = [feature(len(env[0].asked), pad="x" * 20_000)]
        serve_plans(page, numberMatched=10**9)(h)

    env[0].answer = answer
    assert "more than 100000 bytes" in failed(env, maks_bytes=100_000)
    assert len(env[0].asked) < 10


def test_the_same_page_twice(env: Env) -> None:
    env[0].answer = serve_plans([feature(1)], numberMatched=2)
    assert "same page came twice" in failed(env)


@pytest.mark.parametrize("said", [0, 3])
def test_wrong_count(env: Env, said: int) -> None:
    def answer(h: Handler) -> None:
        serve_plans([] if "offset=2" in h.path else [feature(1), feature(2)], numberMatched=said)(h)

    env[0].answer = answer
    assert f"says {said} features, 2 came" in failed(env)


def test_count_that_changes_between_pages(env: Env) -> None:
    def answer(h: Handler) -> None:
        first = "offset=0" in h.path
        serve_plans([feature(1 if first else 2)], numberMatched=3 if first else 2)(h)

    env[0].answer = answer
    assert "changed from 3 to 2" in failed(env)


def test_truncated_json(env: Env) -> None:
    env[0].answer = lambda h: h.send(b'{"collections": [{"id": "rpom')
    assert "not valid JSON" in failed(env)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_numbers_that_are_none(env: Env, number: str) -> None:
    good = serve_plans([feature(1)])
    ring = f"[[{number}, 1], [2, 3], [4, 5], [{number}, 1]]"
    page = (
        '{"type": "FeatureCollection", "numberMatched": 1, "features": [{"type": "Feature", "properties": {}, '
        f'"geometry": {{"type": "Polygon", "coordinates": [{ring}]}}}}]}}'
    )
    env[0].answer = lambda h: good(h) if h.path.endswith("collections") else h.send(page.encode(), **CONTENT_CRS)
    failed(env)


@pytest.mark.parametrize("number", ["NaN", "-Infinity"])
def test_json_is_read_strictly(env: Env, number: str) -> None:
    env[0].answer = lambda h: h.send(f'{{"collections": [], "extent": {number}}}'.encode())
    assert "not valid JSON" in failed(env)


def test_exception_json_with_200(env: Env) -> None:
    env[0].answer = lambda h: h.json({"code": "InvalidParameterValue", "description": "unknown crs"})
    assert "unknown crs" in failed(env)


def test_crs_not_honoured(env: Env) -> None:
    good = serve_plans([feature(1)])

    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            good(h)
        else:
            h.json({"features": [], "numberMatched": 0}, Content_Crs="<http://www.opengis.net/def/crs/OGC/1.3/CRS84>")

    env[0].answer = answer
    assert "CRS84" in failed(env)


def test_degrees_in_place_of_metres(env: Env) -> None:
    env[0].answer = serve_plans([feature(1) | {"geometry": square(10.7, 59.9, 0.01)}])
    assert "outside Norway" in failed(env)


def test_filter_not_honoured(env: Env) -> None:
    env[0].answer = serve_plans([feature(1), feature(2, **{"kopidata.områdeId": "301"})])
    assert "0301" in failed(env)


def test_required_layer_missing_names_the_layers_seen(env: Env) -> None:
    env[0].answer = lambda h: h.json({"collections": [{"id": "noe_annet", "title": "Annet"}]})
    grunn = failed(env)
    assert "RpOmråde" in grunn
    assert "noe_annet" in grunn


def test_zones_without_their_plan_are_no_answer(env: Env) -> None:
    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            h.json({"collections": [{"id": "KpOmråde"}, {"id": "KpArealformålOmråde"}, {"id": "KpArealbrukOmråde"}]})
            return
        features = [feature(1)] if "Arealform" in h.path else []
        h.json({"features": features, "numberMatched": len(features)}, **CONTENT_CRS)

    env[0].answer = answer
    assert "none of KpOmråde" in failed(env, "kommuneplan")


def test_paging_by_offset_and_by_next(env: Env) -> None:
    features = [feature(n) for n in range(5)]

    def answer(h: Handler) -> None:
        query = httpx.URL(h.path).params
        at = int(query.get("offset", 0))
        links = [{"rel": "next", "href": f"http://evil.example{httpx.URL(h.path).path}?offset={at + 2}"}]
        if at == 2:
            links = [{"rel": "next", "href": f"{env[0].url}{h.path.replace('offset=2', 'offset=4&cursor=a')}"}]
        serve_plans(features[at : at + 2], numberMatched=5, links=links)(h)

    env[0].answer = answer
    rows = ask(env)
    assert isinstance(rows, Rows)
    assert rows.antall == rows.provenance.antall_ventet == 5
    assert "cursor=a" in env[0].asked[-2].path
    assert "offset=5" in env[0].asked[-1].path  # a next page is spoken of


# --- WFS ---


def test_lying_header_is_not_believed(env: Env) -> None:
    env[0].answer = serve_teiger(collection(teig_xml(1), teig_xml(2)), hits=2)
    rows = ask(env, "teig")
    assert isinstance(rows, Rows)
    assert rows.antall == 2
    assert b"0099" in env[0].asked[0].body


@pytest.mark.parametrize(("hits", "says"), [(1, "says 1 features, 2 came"), (3, "features that have come already")])
def test_wrong_count_of_members(env: Env, hits: int, says: str) -> None:
    env[0].answer = serve_teiger(collection(teig_xml(1), teig_xml(2)), hits=hits)
    assert says in failed(env, "teig")


def test_hits_unknown(env: Env) -> None:
    env[0].answer = lambda h: h.send(collection(), "text/xml")
    assert "completeness cannot be checked" in failed(env, "teig")


def test_hits_that_change(env: Env) -> None:
    def answer(h: Handler) -> None:
        serve_teiger(collection(teig_xml(1)), hits=len(env[0].asked))(h)

    env[0].answer = answer
    assert "changed from 1 to 3" in failed(env, "teig")


def test_truncated_gml(env: Env) -> None:
    env[0].answer = serve_teiger(collection(teig_xml(1), teig_xml(2))[:-400], hits=2)
    assert "cut short or damaged" in failed(env, "teig")


def test_external_entity(env: Env, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("0099")
    doctype = f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}"><!ENTITY n SYSTEM "{env[0].url}/stolen">]>'
    evil = collection(teig_xml(1, kommune="&e;&n;")).replace(b"?>", b"?>" + doctype.encode(), 1)
    env[0].answer = serve_teiger(evil, hits=1)
    assert "DOCTYPE" in failed(env, "teig")
    env[0].answer = lambda h: h.send(evil.replace(b'"unknown"', b'"1"'), "text/xml")
    assert "DOCTYPE" in failed(env, "teig")
    assert not [a for a in env[0].asked if "stolen" in a.path]


# --- kommuneinfo ---


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kommunenummer": "0301"}, "got '0301'"),
        ({"kommunenavn": "Oslo"}, "renamed or renumbered"),
        ({"omrade": {"type": "Point", "coordinates": [1, 2]}}, "without area"),
        ({"omrade": square(10, 60, 1)}, "not in EPSG"),
        ({"omrade": square() | {"crs": {"properties": {"name": "EPSG:4258"}}}}, "got EPSG:4258"),
        ({"omrade": None}, "no `omrade`"),
    ],
)
def test_boundary_that_is_not_the_one(env: Env, changed: dict[str, Any], said: str) -> None:
    good = {"kommunenummer": "0099", "kommunenavn": "Tomtevik", "omrade": square(side=5000)}
    env[0].answer = lambda h: h.json(good)
    assert isinstance(ask(env, "grense"), Rows)
    env[0].answer = lambda h: h.json(good | changed)
    answer = ask(env, "grense")
    assert isinstance(answer, Rows)
    assert answer.reserve is not None
    assert said in answer.reserve
