"""Servers that fail end in Failed, naming the address and what to do; the four answers; the whole way for 0099."""

from __future__ import annotations

import gzip
import logging
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import httpx
import pytest

from config.registers import Kommune, find_kommune, kilder
from config.settings import Settings
from tasks.answer import Answer, Empty, Failed, NotCovered, Rows
from tasks.contracts import GRENSER, PLANOMRAADER, REGULERINGSPLANER, SONER, TEIGER
from tasks.errors import SourceError
from tasks.sources.fetch import fetch, fetch_task, read_core, read_core_task
from tasks.sources.limits import Limits
from tasks.store import Geodata

from .conftest import (
    CONTENT_CRS,
    Handler,
    Upstream,
    collection,
    feature,
    make_settings,
    serve_plans,
    serve_teiger,
    square,
    teig_xml,
)

Env = tuple[Upstream, Settings, Geodata, Kommune, Limits]


@pytest.fixture
def env(upstream: Upstream, settings: Settings, geodata: Geodata, kommune: Kommune, limits: Limits) -> Env:
    return upstream, settings, geodata, kommune, limits


def ask(env: Env, tema: Any = "reguleringsplan", **changed: Any) -> Answer:
    _, settings, geodata, kommune, limits = env
    small = Limits(**{**limits.__dict__, **changed})
    return fetch(kommune, tema, settings=settings, geodata=geodata, limits=small)


def failed(env: Env, tema: Any = "reguleringsplan", **changed: Any) -> str:
    """Fetch, and see it fail with the address in the message and nothing on disk."""
    answer = ask(env, tema, **changed)
    assert isinstance(answer, Failed), answer
    assert f"127.0.0.1:{env[0].server_port}" in answer.grunn
    assert "hemmelig" not in answer.grunn
    assert not [p for p in env[2].root.rglob("*") if p.is_file()]
    return answer.grunn


# --- http ---


def test_login_missing(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"{}", status=401, WWW_Authenticate="Basic")
    grunn = failed(env)
    assert "HTTP 401" in grunn
    assert "TOMT_NAP_USERNAME" in grunn
    assert "Norge digitalt" in grunn
    assert len(env[0].asked) == 1


@pytest.mark.parametrize(("status", "asked"), [(429, 2), (500, 2), (503, 2), (403, 1), (400, 1)])
def test_only_what_may_pass_is_asked_again(env: Env, status: int, asked: int) -> None:
    env[0].answer = lambda h: h.send(b"", status=status)
    assert f"HTTP {status}" in failed(env)
    assert len(env[0].asked) == asked


def test_retry_after_is_waited_for(env: Env) -> None:
    good = serve_plans([feature(1)])

    def answer(h: Handler) -> None:
        if len(env[0].asked) == 1:
            h.send(b"", status=503, Retry_After="0")
        else:
            good(h)

    env[0].answer = answer
    assert isinstance(ask(env), Rows)


def test_retry_after_beyond_the_deadline_ends_at_once(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"", status=503, Retry_After="3600")
    assert "3600 s" in failed(env)
    assert len(env[0].asked) == 1


@pytest.mark.parametrize(
    "body",
    [
        b'<?xml version="1.0"?><ServiceExceptionReport><ServiceException>Too many requests</ServiceException>'
        b"</ServiceExceptionReport>",
        b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"><ows:Exception '
        b'exceptionCode="NoApplicableCode">'
        b"<ows:ExceptionText>Too many requests</ows:ExceptionText></ows:Exception></ows:ExceptionReport>",
    ],
)
@pytest.mark.parametrize("tema", ["reguleringsplan", "teig", "grense"])
def test_exception_with_200_is_asked_again_and_fails(env: Env, tema: str, body: bytes) -> None:
    env[0].answer = lambda h: h.send(body, "text/xml")
    grunn = failed(env, tema)
    assert "Too many requests" in grunn
    assert len(env[0].asked) == 2


def test_permanent_exception_is_not_asked_again(env: Env) -> None:
    env[0].answer = lambda h: h.send(
        b'<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows/1.1"><ows:Exception '
        b'exceptionCode="InvalidParameterValue" locator="typeName"/></ows:ExceptionReport>',
        "text/xml",
    )
    assert "InvalidParameterValue" in failed(env, "teig")
    assert len(env[0].asked) == 1


@pytest.mark.parametrize("tema", ["reguleringsplan", "teig", "grense"])
def test_login_page_with_200(env: Env, tema: str) -> None:
    page = b"<!DOCTYPE html><html><head><title>Logg inn</title></head><body><script>alert(1)</script></body></html>"
    env[0].answer = lambda h: h.send(page, "text/html")
    grunn = failed(env, tema)
    assert "HTML page: Logg inn" in grunn
    assert "script" not in grunn


@pytest.mark.parametrize("layers", [1, 2])
def test_gzip_bomb(env: Env, layers: int) -> None:
    bomb = gzip.compress(b" " * 300_000_000, 9)
    if layers == 2:
        bomb = gzip.compress(bomb, 9)
    kind = ", ".join(["gzip"] * layers)
    env[0].answer = lambda h: h.send(bomb, Content_Encoding=kind)
    tracemalloc.start()
    try:
        grunn = failed(env)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ("5000000 bytes" if layers == 1 else "Content-Encoding") in grunn
    assert peak < 40_000_000


def test_gzip_is_read_and_truncated_gzip_is_not(env: Env) -> None:
    good = serve_plans([feature(1)])
    sent: dict[str, bytes] = {}

    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            good(h)
            return
        h.send(sent["body"], Content_Encoding="gzip", **CONTENT_CRS)

    env[0].answer = answer
    page = b'{"type": "FeatureCollection", "features": [], "numberMatched": 0}'
    sent["body"] = gzip.compress(page)
    assert isinstance(ask(env), NotCovered)
    sent["body"] = gzip.compress(page)[:-12]
    assert "ends too early" in failed(env)
    sent["body"] = zlib.compress(page)
    assert "damaged compression" in failed(env)


@pytest.mark.parametrize("where", ["header", "body"])
def test_slow_drip_ends_at_the_deadline(env: Env, where: str) -> None:
    def answer(h: Handler) -> None:
        h.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"\r\n{" if where == "body" else b"X-Long: "))
        while not env[0].gone.wait(0.02):
            h.wfile.write(b" ")
            h.wfile.flush()

    env[0].answer = answer
    before = time.monotonic()
    assert "not done within 0.4 s" in failed(env, sekunder_kilde=0.4)
    assert time.monotonic() - before < 5


def test_server_that_never_answers(env: Env) -> None:
    env[0].answer = lambda h: env[0].gone.wait()  # type: ignore[assignment,return-value]
    assert "did not answer in time. Asked 2 times" in failed(env, sekunder_lesing=0.1)


def test_nobody_listens(env: Env) -> None:
    env[0].server_close()
    assert "connection failed" in failed(env)


def test_redirect_to_another_host_is_refused(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"", status=302, Location="http://localhost:1/collections")
    grunn = failed(env)
    assert "another host (localhost:1)" in grunn
    assert len(env[0].asked) == 1


def test_redirect_on_the_same_host_is_followed_and_loops_end(env: Env) -> None:
    good = serve_plans([feature(1)])
    moved = "/nytt/collections"
    env[0].answer = lambda h: (
        h.send(b"", status=302, Location=moved) if h.path != moved and "items" not in h.path else good(h)
    )
    assert isinstance(ask(env), Rows)
    assert "Basic" in env[0].asked[1].headers["Authorization"]


def test_redirects_without_end(env: Env) -> None:
    env[0].answer = lambda h: h.send(b"", status=302, Location=h.path)
    assert "redirects" in failed(env)


def test_netrc_is_not_sent(env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ola password nordmann\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    env[0].answer = lambda h: h.send(b"", status=404)
    assert isinstance(ask(env, "grense"), NotCovered)
    assert "Authorization" not in env[0].asked[0].headers
    assert env[0].asked[0].headers["User-Agent"].startswith("tomtesourcing")


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
    assert "cursor=a" in env[0].asked[-1].path


# --- WFS ---


def test_lying_header_is_not_believed(env: Env) -> None:
    env[0].answer = serve_teiger(collection(teig_xml(1), teig_xml(2)), hits=2)
    rows = ask(env, "teig")
    assert isinstance(rows, Rows)
    assert rows.antall == 2
    assert b"0099" in env[0].asked[0].body


@pytest.mark.parametrize("hits", [1, 3])
def test_wrong_count_of_members(env: Env, hits: int) -> None:
    env[0].answer = serve_teiger(collection(teig_xml(1), teig_xml(2)), hits=hits)
    assert f"says {hits} features, 2 came" in failed(env, "teig")


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
    assert isinstance(answer, Failed)
    assert said in answer.grunn


# --- the four answers ---


def test_extents_without_a_single_zone_tell_nothing(env: Env) -> None:
    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            return h.json(
                {"collections": [{"id": "KpOmråde"}, {"id": "KpArealformålOmråde"}, {"id": "KpArealbrukOmråde"}]}
            )
        features = [feature(1)] if "KpOmr" in h.path else []
        return h.json({"features": features, "numberMatched": len(features)}, **CONTENT_CRS)

    env[0].answer = answer
    kommuneplan = ask(env, "kommuneplan")
    assert isinstance(kommuneplan, NotCovered)
    assert "arealformål" in kommuneplan.grunn
    assert isinstance(ask(env, "kommunedelplan"), Rows)  # a kommunedelplan may be about something else


def test_empty_means_what_the_register_says(env: Env) -> None:
    env[0].answer = lambda h: (
        h.json(
            {"collections": [{"id": i} for i in ("KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde", "RpOmråde")]}
        )
        if h.path.endswith("/collections")
        else h.json({"features": [], "numberMatched": 0}, **CONTENT_CRS)
    )
    assert isinstance(ask(env, "kommunedelplan"), Empty)
    assert isinstance(ask(env, "kommuneplan"), NotCovered)
    assert isinstance(ask(env, "reguleringsplan"), NotCovered)
    env[0].answer = serve_teiger(b"", hits=0)
    answer = ask(env, "teig")
    assert isinstance(answer, NotCovered)
    assert "0099 Tomtevik" in answer.grunn
    assert not env[2].root.exists()


def test_plans_that_vanish_without_a_word_are_no_answer_until_a_person_says_so(env: Env) -> None:
    features = [feature(1)]

    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            return h.json(
                {"collections": [{"id": "KpOmråde"}, {"id": "KpArealformålOmråde"}, {"id": "KpArealbrukOmråde"}]}
            )
        found = features if "KpOmr" in h.path else []
        return h.json({"features": found, "numberMatched": len(found)}, **CONTENT_CRS)

    env[0].answer = answer
    rows = ask(env, "kommunedelplan")
    assert isinstance(rows, Rows)
    features.clear()
    vanished = ask(env, "kommunedelplan")
    assert isinstance(vanished, Failed)
    assert "0099 Tomtevik" in vanished.grunn
    assert str(rows.path.parent) in vanished.grunn
    assert rows.path.exists()
    rows.path.parent.rename(env[2].root.parent / "moved-away")
    assert isinstance(ask(env, "kommunedelplan"), Empty)


def test_sandbox_never_asks_the_real_services(env: Env) -> None:
    _, _, geodata, kommune, limits = env
    answer = fetch(kommune, "grense", settings=make_settings(None), geodata=geodata, limits=limits)
    assert isinstance(answer, Failed)
    assert "TOMT_SOURCES_URL" in answer.grunn


def test_snapshot_is_kept_once_and_a_failure_leaves_it(env: Env) -> None:
    env[0].answer = serve_plans([feature(1), feature(2, plannavn="A")], timeStamp="1")
    first = ask(env)
    assert isinstance(first, Rows)
    moved = [f | {"id": n} for n, f in enumerate([feature(2, plannavn="A"), feature(1)])]
    env[0].answer = serve_plans(moved, timeStamp="2")
    again = ask(env)
    assert isinstance(again, Rows)
    assert again.path == first.path
    kept = first.path.read_bytes()
    env[0].answer = lambda h: h.send(b"", status=500)
    assert isinstance(ask(env), Failed)
    assert first.path.read_bytes() == kept
    assert len(list(first.path.parent.iterdir())) == 1
    env[0].answer = serve_plans([feature(1), feature(2, plannavn="B")])
    changed = ask(env)
    assert isinstance(changed, Rows)
    assert changed.path != first.path
    delivered = {"kopidata": {"områdeId": "0099", "kopidato": "2026-11-22T00:00:00Z"}}
    env[0].answer = serve_plans([feature(1, **delivered), feature(2, plannavn="B", **delivered)])
    again = ask(env)
    assert isinstance(again, Rows)
    assert again.path == changed.path


def test_log_holds_counts_and_no_password(env: Env, caplog: pytest.LogCaptureFixture) -> None:
    env[0].answer = serve_plans([feature(1)])
    with caplog.at_level(logging.DEBUG):
        ask(env)
    assert "RpOmråde: 1 features received, 1 said" in caplog.text
    assert "hemmelig" not in caplog.text
    assert "bmFwOmhlbW1lbGln" not in caplog.text


# --- raw to core ---


def test_nothing_is_concluded_from_a_source_that_failed(env: Env) -> None:
    env[0].answer = serve_plans([feature(1)])
    rows = ask(env)
    accounts = read_core(
        env[3],
        {"reguleringsplan": rows, "kommuneplan": Failed("k", "x"), "kommunedelplan": Empty("d", "x")},
        geodata=env[2],
    )
    assert [a.navn for a in accounts] == ["reguleringsplaner"]
    assert env[2].read("0099", layer="core", contract=SONER) is None


def test_rows_far_from_the_kommune_are_refused(env: Env) -> None:
    env[0].answer = lambda h: h.json(
        {"kommunenummer": "0099", "kommunenavn": "Tomtevik", "omrade": square(600_000, 7_000_000, 5000)}
    )
    grense = ask(env, "grense")
    env[0].answer = serve_plans([feature(1)])
    with pytest.raises(SourceError, match="reguleringsplaner: none of 1 rows touches 0099"):
        read_core(env[3], {"grense": grense, "reguleringsplan": ask(env)}, geodata=env[2])
    assert not (env[2].root / "core").exists()


def test_tasks_are_the_functions() -> None:
    assert fetch_task.fn is fetch
    assert read_core_task.fn is read_core
    assert fetch_task.retries == 0


@pytest.fixture(scope="module")
def local_sources() -> Any:
    module = pytest.importorskip("tasks.sandbox.upstream")
    with module.UpstreamServer(username="nap", password="hemmelig") as server:
        yield server


def test_the_whole_way_for_an_invented_kommune(local_sources: Any, geodata: Geodata) -> None:
    kommune = find_kommune("0099", sandbox=True)
    settings = make_settings(local_sources.url)
    answers = {tema: fetch(kommune, tema, settings=settings, geodata=geodata) for tema in kilder()}  # type: ignore[arg-type]
    assert all(isinstance(a, Rows) for a in answers.values()), answers
    accounts = read_core(kommune, answers, geodata=geodata)  # type: ignore[arg-type]
    for account in accounts:
        assert account.inn - sum(d.antall for d in account.utelatt.values()) == account.ut
    frames = {c.name: geodata.read("0099", layer="core", contract=c) for c in (SONER, REGULERINGSPLANER, TEIGER)}
    extents = geodata.read("0099", layer="core", contract=PLANOMRAADER)
    assert extents is not None
    assert set(frames["soner"]["plan_id"]) <= set(extents["plan_id"])
    assert set(frames["teiger"]["kommunenummer"]) == {"0099"}
    assert set(extents["plantype"]) == {"20", "21"}
    assert "1" in set(frames["reguleringsplaner"]["vertikalnivaa"])
    assert not frames["reguleringsplaner"]["vedtatt_dato"].dropna().str.startswith("1800").any()
    assert len(geodata.read("0099", layer="core", contract=GRENSER)) == 1  # type: ignore[arg-type]
    again = {tema: fetch(kommune, tema, settings=settings, geodata=geodata) for tema in kilder()}  # type: ignore[arg-type]
    assert [a.path for a in again.values()] == [a.path for a in answers.values()]  # type: ignore[union-attr]


def test_wrong_password_at_the_local_sources(local_sources: Any, geodata: Geodata, kommune: Kommune) -> None:
    settings = make_settings(local_sources.url, nap_password="feil")
    answer = fetch(kommune, "reguleringsplan", settings=settings, geodata=geodata)
    assert isinstance(answer, Failed)
    assert "HTTP 401" in answer.grunn
    assert "feil" not in answer.grunn
