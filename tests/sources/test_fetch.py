"""The four answers and the snapshots they leave; from raw to core; the whole way for 0099."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from config.kilder import themes
from config.registers import Kommune, find_kommune
from tasks.answer import Empty, Failed, NotCovered, Rows
from tasks.contracts import GRENSER, PLANOMRAADER, REGULERINGSPLANER, SONER, TEIGER
from tasks.errors import SourceError
from tasks.sources.core import read_core, read_core_task
from tasks.sources.fetch import fetch, fetch_task
from tasks.store import Geodata

from .conftest import CONTENT_CRS, Env, Handler, ask, feature, make_settings, serve_plans, serve_teiger, square

# --- the four answers ---


def test_extents_without_a_single_zone_tell_nothing(env: Env) -> None:
    def answer(h: Handler) -> None:
        if h.path.endswith("/collections"):
            return h.json(
                {"collections": [{"id": "KpOmråde"}, {"id": "KpArealformålOmråde"}, {"id": "KpArealbrukOmråde"}]}
            )
        features = [feature(1, objekttypenavn="KpOmråde")] if "KpOmr" in h.path else []
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
    assert isinstance(ask(env, "kommunedelplan"), NotCovered)  # nothing shows that the copy holds the kommune
    assert isinstance(ask(env, "kommuneplan"), NotCovered)
    assert isinstance(ask(env, "reguleringsplan"), NotCovered)
    env[0].answer = serve_teiger(b"", hits=0)
    answer = ask(env, "teig")
    assert isinstance(answer, NotCovered)
    assert "0099 Tomtevik" in answer.grunn
    assert not env[2].root.exists()


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
    ask(env)
    assert first.path.read_bytes() == kept
    assert len(list(first.path.parent.glob("*.parquet"))) == 1
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
        {
            "reguleringsplan": rows,
            "kommuneplan": Failed("nap_kommuneplan", "x"),
            "kommunedelplan": Empty("nap_kommunedelplan", "x"),
        },
        geodata=env[2],
    )
    assert [a.navn for a in accounts] == ["reguleringsplaner"]
    assert env[2].read("0099", layer="core", contract=SONER) is None


def test_rows_far_from_the_kommune_are_refused(env: Env) -> None:
    env[0].answer = lambda h: h.json(
        {"kommunenummer": "0099", "kommunenavn": "Tomtevik", "omrade": square(600_000, 7_000_000, 5000)}
    )
    ask(env, "grense")
    env[0].answer = serve_plans([feature(1)])
    answer = ask(env)
    assert isinstance(answer, Failed)
    assert "none of 1 features touches 0099" in answer.grunn
    assert env[2].latest("nap_reguleringsplan", "0099") is None


def test_plans_that_all_lack_what_decides_are_no_answer(env: Env) -> None:
    env[0].answer = serve_plans([feature(1, planstatus=None), feature(2, planstatus="-")])
    with pytest.raises(SourceError, match=r"nap_reguleringsplan: none of 2 rows has planstatus .* `faste`"):
        read_core(env[3], {"reguleringsplan": ask(env)}, geodata=env[2])
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
    answers = {
        tema: fetch(kommune, tema, settings=settings, geodata=geodata) for tema in themes(ikke_bolig_i_plan=True)
    }
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
    again = {tema: fetch(kommune, tema, settings=settings, geodata=geodata) for tema in themes(ikke_bolig_i_plan=True)}
    assert [a.path for a in again.values()] == [a.path for a in answers.values()]  # type: ignore[union-attr]


def test_wrong_password_at_the_local_sources(local_sources: Any, geodata: Geodata, kommune: Kommune) -> None:
    settings = make_settings(local_sources.url, nap_password="feil")
    answer = fetch(kommune, "reguleringsplan", settings=settings, geodata=geodata)
    assert isinstance(answer, Failed)
    assert "HTTP 401" in answer.grunn
    assert "feil" not in answer.grunn
