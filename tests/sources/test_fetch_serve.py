"""Which source serves: precedence, the last good snapshot in reserve, and answers held back for a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.kilder import Kilde, kilder, kilder_for
from config.registers import Kommune
from tasks.answer import Empty, Failed, NotCovered, Rows
from tasks.sources.fetch import fetch

from .conftest import CONTENT_CRS, Env, Handler, ask, feature, has, make_settings, serve_plans, square

NAP = "nap_reguleringsplan"


def many(count: int, **properties: Any) -> list[dict[str, Any]]:
    return [feature(n, **properties) for n in range(count)]


def down(handler: Handler) -> None:
    handler.send(b"", status=500)


# --- in reserve ---


def test_the_last_good_snapshot_serves_while_the_source_is_down(env: Env) -> None:
    env[0].answer = serve_plans(many(3))
    first = ask(env)
    assert isinstance(first, Rows)
    assert first.reserve is None
    env[0].answer = down
    again = ask(env)
    assert isinstance(again, Rows)
    assert (again.path, again.sett_tid) == (first.path, first.sett_tid)
    assert again.reserve is not None
    assert "HTTP 500" in again.reserve
    assert f"{datetime.now(UTC):%Y-%m-%d}" in again.reserve
    env[0].answer = serve_plans(many(3))
    fresh = ask(env)
    assert isinstance(fresh, Rows)
    assert fresh.reserve is None
    assert fresh.sett_tid > first.sett_tid


def test_a_snapshot_that_is_too_old_says_nothing_about_today(env: Env) -> None:
    env[0].answer = serve_plans(many(3))
    ask(env)
    (env[2].raw_folder(NAP, "0099") / "sett.json").unlink()
    last = env[2].latest(NAP, "0099")
    assert last is not None
    old = datetime.now(UTC) - timedelta(days=91)
    kept = env[2].provenance(last)
    env[0].answer = down
    assert isinstance(ask(env), Rows)
    _rewrite(last, kept.as_dict() | {"hentet_tid": old.isoformat()})
    answer = ask(env)
    assert isinstance(answer, Failed)
    assert "HTTP 500" in answer.grunn


def _rewrite(path: Path, provenance: dict[str, Any]) -> None:
    from tasks.store import read_parquet

    frame = read_parquet(path)
    frame.attrs = {"provenance": provenance}
    frame.to_parquet(path)


def test_rows_of_another_place_never_become_the_good_ones(env: Env) -> None:
    boundary = {"kommunenummer": "0099", "kommunenavn": "Tomtevik", "omrade": square(side=5000)}
    env[0].answer = lambda h: h.json(boundary)
    assert isinstance(ask(env, "grense"), Rows)
    env[0].answer = serve_plans(many(3))
    good = ask(env)
    assert isinstance(good, Rows)
    elsewhere = [f | {"geometry": square(600_000, 7_000_000)} for f in many(3)]
    env[0].answer = serve_plans(elsewhere)
    answer = ask(env)
    assert isinstance(answer, Rows)
    assert answer.path == good.path
    assert answer.reserve is not None
    assert "none of 3 features touches 0099" in answer.reserve


# --- held back ---


@pytest.mark.parametrize(("left", "is_held"), [(8, False), (7, True), (0, True)])
def test_a_fall_of_more_than_a_fifth_is_held_back(env: Env, left: int, is_held: bool) -> None:
    env[0].answer = serve_plans(many(10))
    good = ask(env)
    assert isinstance(good, Rows)
    env[0].answer = serve_plans(many(left))
    answer = ask(env)
    assert isinstance(answer, Rows)
    assert (answer.holdt is not None) is is_held
    assert (answer.path == good.path) is is_held
    if answer.holdt is not None:
        assert (answer.holdt.antall_foer, answer.holdt.antall_naa) == (10, left)
        assert answer.reserve is not None
        assert "--godkjenn nap_reguleringsplan" in answer.reserve
        assert env[2].held(NAP, "0099") == answer.holdt.path


def test_a_fall_in_area_is_held_back_too(env: Env) -> None:
    env[0].answer = serve_plans(many(4))
    ask(env)
    small = [f | {"geometry": square(-120_000 + 200 * n, side=80)} for n, f in enumerate(many(4))]
    env[0].answer = serve_plans(small)
    answer = ask(env)
    assert isinstance(answer, Rows)
    assert answer.holdt is not None
    assert "arealet falt fra 0.04 til 0.03 km²" in answer.holdt.grunn


def test_a_person_decides_what_becomes_of_it(env: Env) -> None:
    geodata = env[2]
    env[0].answer = serve_plans(many(10))
    good = ask(env)
    assert isinstance(good, Rows)
    env[0].answer = serve_plans(many(5))
    ask(env)
    geodata.reject_held(NAP, "0099")
    rejected = ask(env)
    assert isinstance(rejected, Rows)
    assert (rejected.path, rejected.holdt) == (good.path, None)
    assert rejected.reserve is not None
    assert "avvist" in rejected.reserve
    env[0].answer = serve_plans(many(6))
    assert isinstance(ask(env), Rows)
    approved = geodata.approve_held(NAP, "0099")
    answer = ask(env)
    assert isinstance(answer, Rows)
    assert (answer.path, answer.reserve, answer.antall) == (approved, None, 6)


def test_what_is_gone_is_empty_only_when_a_person_has_said_so(env: Env) -> None:
    plans = [feature(1, objekttypenavn="KpOmråde")]

    def answer(handler: Handler) -> None:
        if handler.path.endswith("/collections"):
            names = ("KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde")
            return handler.json({"collections": [{"id": name} for name in names]})
        found = plans if "KpOmr" in handler.path else []
        return handler.json({"features": found, "numberMatched": len(found)}, **CONTENT_CRS)

    env[0].answer = answer
    hittil = has("nap_kommuneplan")
    rows = ask(env, "kommunedelplan", hittil=hittil)
    assert isinstance(rows, Rows)
    plans.clear()
    for _ in range(2):
        vanished = ask(env, "kommunedelplan", hittil=hittil)
        assert isinstance(vanished, Rows)
        assert vanished.path == rows.path
        assert vanished.holdt is not None
        assert "nå ingenting" in vanished.holdt.grunn
    env[2].approve_held("nap_kommunedelplan", "0099")
    assert isinstance(ask(env, "kommunedelplan", hittil=hittil), Empty)


# --- precedence ---


def own(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kilder.toml"
    path.write_text(text, encoding="utf-8")
    return path


def source(env: Env, navn: str, *, prioritet: int, more: str = "") -> str:
    return (
        f'[{navn}]\ntema = "reguleringsplan"\nprotokoll = "ogc_features"\nadresse = "{env[0].url}/{navn}"\n'
        f'lag = ["RpOmråde"]\nlisens = "x"\nprioritet = {prioritet}\nkommunefelt = "kopidata.områdeId"\n{more}\n'
    )


def by_path(answers: dict[str, Any]) -> Any:
    def answer(handler: Handler) -> None:
        answers[handler.path.split("/")[1]](handler)

    return answer


def test_the_first_that_answers_serves_and_the_others_are_told_of(env: Env, tmp_path: Path) -> None:
    upstream, _, geodata, kommune, limits = env
    text = source(env, "b_kilde", prioritet=20) + source(env, "a_kilde", prioritet=30)
    settings = make_settings(upstream.url, kilder=own(tmp_path, text))
    served = {"b_kilde": serve_plans(many(2)), "a_kilde": serve_plans(many(3)), "nap": serve_plans(many(4))}

    def run() -> Any:
        upstream.answer = by_path(served)
        return fetch(kommune, "reguleringsplan", settings=settings, geodata=geodata, limits=limits)

    assert (run().kilde, run().forsoek) == ("b_kilde", ())
    served["b_kilde"] = down
    reserve = run()
    assert (reserve.kilde, reserve.antall) == ("b_kilde", 2)  # its own last answer, before another source's
    assert reserve.reserve is not None
    for path in geodata.raw_folder("b_kilde", "0099").glob("*"):
        path.unlink()
    second = run()
    assert (second.kilde, second.antall) == ("a_kilde", 3)
    assert [name for name, _ in second.forsoek] == ["b_kilde"]
    assert "HTTP 500" in second.forsoek[0][1]
    served |= {"a_kilde": down, "nap": down}
    for name in ("a_kilde", NAP):
        for path in geodata.raw_folder(name, "0099").glob("*"):
            path.unlink()
    none = run()
    assert isinstance(none, Failed)
    assert none.kilde == "b_kilde"
    assert [name for name, _ in none.forsoek][-2:] == ["a_kilde", NAP]


def test_another_source_with_much_less_is_held_back_too(env: Env, tmp_path: Path) -> None:
    upstream, settings, geodata, kommune, limits = env
    upstream.answer = serve_plans(many(10))
    nap = ask(env)
    assert isinstance(nap, Rows)
    settings = make_settings(upstream.url, kilder=own(tmp_path, source(env, "egen", prioritet=20)))
    upstream.answer = by_path({"egen": serve_plans(many(1)), "nap": serve_plans(many(10))})

    def run() -> Any:
        return fetch(kommune, "reguleringsplan", settings=settings, geodata=geodata, limits=limits)

    held = run()
    assert (held.kilde, held.path) == (NAP, nap.path)
    assert held.holdt.kilde == "egen"
    assert "falt fra 10 til 1" in held.reserve
    assert f"mot {NAP}, som ga data til nå" in held.reserve
    assert "--godkjenn egen" in held.reserve
    geodata.approve_held("egen", "0099")
    for _ in range(2):
        approved = run()
        assert (approved.kilde, approved.antall, approved.reserve) == ("egen", 1, None)
    upstream.answer = by_path({"egen": serve_plans(many(2)), "nap": serve_plans(many(10))})
    grown = run()  # compared with what serves now, no longer with what served before the person said so
    assert (grown.kilde, grown.antall, grown.reserve) == ("egen", 2, None)


def test_what_is_held_back_goes_when_the_source_says_again_what_it_said(env: Env) -> None:
    env[0].answer = serve_plans(many(10))
    ask(env)
    env[0].answer = serve_plans(many(3))
    ask(env)
    assert env[2].held(NAP, "0099") is not None
    env[0].answer = serve_plans(many(10))
    ask(env)
    assert env[2].held(NAP, "0099") is None


def test_a_rejection_can_be_taken_back(env: Env) -> None:
    env[0].answer = serve_plans(many(10))
    ask(env)
    env[0].answer = serve_plans(many(3))
    ask(env)
    env[2].reject_held(NAP, "0099")
    approved = env[2].approve_held(NAP, "0099")
    answer = ask(env)
    assert isinstance(answer, Rows)
    assert (answer.path, answer.reserve) == (approved, None)


def test_a_damaged_snapshot_is_set_aside_and_the_one_before_counts(env: Env) -> None:
    env[0].answer = serve_plans(many(10))
    first = ask(env)
    assert isinstance(first, Rows)
    env[0].answer = serve_plans(many(11))
    second = ask(env)
    assert isinstance(second, Rows)
    second.path.write_bytes(b"PAR1")
    env[0].answer = down
    answer = ask(env)
    assert isinstance(answer, Rows)
    assert answer.path == first.path
    assert [p.name for p in first.path.parent.glob("*.skadet")] == [f"{second.path.name}.skadet"]


def test_a_clock_that_was_ahead_does_not_make_a_snapshot_the_newest(env: Env) -> None:
    env[0].answer = serve_plans(many(10))
    first = ask(env)
    assert isinstance(first, Rows)
    (first.path.parent / "20990101T000000000000Z.parquet").write_bytes(first.path.read_bytes())
    assert env[2].latest(NAP, "0099") == first.path


def test_silence_tells_only_when_the_sister_shows_that_the_kommune_is_there(env: Env) -> None:
    def answer(handler: Handler) -> None:
        if handler.path.endswith("/collections"):
            names = ("KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde")
            return handler.json({"collections": [{"id": name} for name in names]})
        return handler.json({"features": [], "numberMatched": 0}, **CONTENT_CRS)

    env[0].answer = answer
    assert isinstance(ask(env, "kommunedelplan"), NotCovered)
    assert isinstance(ask(env, "kommunedelplan", hittil=has("nap_kommuneplan")), Empty)
    assert isinstance(ask(env, "kommunedelplan", hittil=has("bergen_kommuneplan")), NotCovered)


def test_a_source_of_another_kommune_is_not_asked(env: Env, tmp_path: Path) -> None:
    text = source(env, "bergen", prioritet=1, more='kommuner = ["4601"]')
    settings = make_settings(env[0].url, kilder=own(tmp_path, text))
    env[0].answer = by_path({"bergen": down, "nap": serve_plans(many(1))})
    answer = fetch(env[3], "reguleringsplan", settings=settings, geodata=env[2], limits=env[4])
    assert isinstance(answer, Rows)
    assert answer.kilde == NAP
    assert not [a for a in env[0].asked if "bergen" in a.path]


@pytest.mark.parametrize("plantype", ["21", "20", "Kommunedelplan"])
def test_a_theme_that_another_source_holds_is_fetched_only_when_it_has_none(
    env: Env, tmp_path: Path, plantype: str
) -> None:
    upstream, _, geodata, kommune, limits = env
    text = source(env, "alt", prioritet=1, more='omfatter = ["kommunedelplan"]')
    text = text.replace('"reguleringsplan"', '"kommuneplan"').replace('["RpOmråde"]', '["KpOmråde"]')
    settings = make_settings(upstream.url, kilder=own(tmp_path, text))
    plans = many(2, objekttypenavn="KpOmråde", plantype=plantype)

    def answer(handler: Handler) -> None:
        if "/nap/" in handler.path:
            return down(handler)
        if handler.path.endswith("/collections"):
            return handler.json({"collections": [{"id": "KpOmråde"}]})
        return handler.json({"features": plans, "numberMatched": 2}, **CONTENT_CRS)

    upstream.answer = answer
    rows = fetch(kommune, "kommuneplan", settings=settings, geodata=geodata, limits=limits)
    hittil = {"kommuneplan": rows}
    empty = fetch(kommune, "kommunedelplan", settings=settings, geodata=geodata, limits=limits, hittil=hittil)
    assert isinstance(empty, Empty)
    assert empty.kilde == "alt"
    assert [name for name, _ in empty.forsoek] == (["nap_kommunedelplan"] if plantype == "20" else [])
    assert ("ingen annen kilde vet mer" in empty.grunn) is (plantype == "20")


def test_a_theme_without_a_source_is_not_covered(env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.sources.fetch.kilder", lambda egne: {})
    answer = ask(env)
    assert isinstance(answer, NotCovered)
    assert "Ingen kilde til reguleringsplan for 0099" in answer.grunn


def test_who_goes_first_is_said_by_prioritet_alone() -> None:
    bergen = Kommune(nummer="4601", navn="Bergen", fylke="Vestland", epsg=25832)
    oslo = Kommune(nummer="0301", navn="Oslo", fylke="Oslo", epsg=25832)
    every: list[Kilde] = list(kilder().values())
    assert [k.navn for k in kilder_for("kommuneplan", bergen, among=reversed(every))] == [
        "innboks_kommuneplan",
        "bergen_kommuneplan",
        "nap_kommuneplan",
    ]
    assert [k.navn for k in kilder_for("kommuneplan", oslo, among=every)] == [
        "innboks_kommuneplan",
        "nap_kommuneplan",
    ]


def test_a_boundary_that_has_not_changed_is_not_sent_again(env: Env) -> None:
    boundary = {"kommunenummer": "0099", "kommunenavn": "Tomtevik", "omrade": square(side=5000)}

    def answer(handler: Handler) -> None:
        if handler.headers.get("If-None-Match") == '"en"':
            return handler.send(b"", status=304)
        return handler.json(boundary, ETag='"en"')

    env[0].answer = answer
    first, again = ask(env, "grense"), ask(env, "grense")
    assert isinstance(first, Rows)
    assert isinstance(again, Rows)
    assert again.path == first.path
    assert again.reserve is None
    assert again.sett_tid > first.sett_tid
    assert [a.headers.get("If-None-Match") for a in env[0].asked] == [None, '"en"']


def test_a_source_that_has_renamed_what_decides_is_not_believed(env: Env) -> None:
    env[0].answer = serve_plans(many(3))
    good = ask(env)
    assert isinstance(good, Rows)
    renamed = []
    for plan in many(3):
        properties = {k: v for k, v in plan["properties"].items() if k != "planstatus"}
        renamed.append(plan | {"properties": properties | {"gjeldende_status": "3"}})
    env[0].answer = serve_plans(renamed)
    answer = ask(env)
    assert isinstance(answer, Rows)
    assert answer.path == good.path
    assert answer.holdt is not None
    assert answer.reserve is not None
    assert "planstatus hadde verdier sist" in answer.reserve
    assert "gjeldende_status" in answer.reserve
    spelt = [p | {"properties": {k.upper(): v for k, v in p["properties"].items()}} for p in many(3)]
    env[0].answer = serve_plans(spelt)  # the same names in other letters are no change of what they mean
    again = ask(env)
    assert isinstance(again, Rows)
    assert again.reserve is None
