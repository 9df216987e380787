"""Klass: real answers, what lies on disk, and a service that is down or says something else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from config.kommuneendringer import kommuneendringer
from config.registers import kommune_register
from config.statistikk import statistikk
from tasks.sources.statistikk import klass
from tasks.sources.statistikk.klass import fetch_kommuner
from tasks.sources.statistikk.tidsserie import Endring, Kommunenumre
from tasks.sources.statistikk.tur import Tur
from tests.sources.conftest import Upstream, shared

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CODES = [{"code": k.nummer, "name": k.navn, "level": "1"} for k in kommune_register().kommune]
CHANGES = [{"oldCode": c.gammel, "newCode": c.ny, "changeOccurred": c.dato.isoformat()} for c in kommuneendringer()] + [
    {"oldCode": "9999", "oldName": "Uoppgitt", "newCode": "9999", "newName": "Uoppgitt", "changeOccurred": "2024-01-01"}
]


@pytest.fixture(autouse=True)
def _one_try(monkeypatch):
    monkeypatch.setattr(klass, "LIMITS", klass.Limits(**{**klass.LIMITS.__dict__, "forsoek": 1}))


def serve(upstream: Upstream, codes=None, changes=None) -> None:
    rows = CHANGES if changes is None else changes
    listed = [*CODES, {"code": "9999", "name": "Uoppgitt"}] if codes is None else codes

    def answer(handler):
        if "/codesAt.json?date=2026-11-21" in handler.path:
            handler.json({"codes": listed})
        elif "/changes.json?from=2000-01-01&to=2026-11-22" in handler.path:
            handler.json({"codeChanges": rows})
        else:
            handler.send(b"", status=404)

    upstream.answer = answer


def ask(upstream: Upstream, folder, *, naa=NOW, tur=None, **more):
    adresse = f"{upstream.url}/klass/v1"
    turn = tur or Tur(statistikk().ssb, adresse=adresse, mappe=folder)
    return fetch_kommuner(statistikk().klass, adresse=adresse, mappe=folder, contact=None, naa=naa, tur=turn, **more)


def test_kommuner_and_changes_are_fetched_and_kept(upstream, tmp_path):
    serve(upstream)
    got = ask(upstream, tmp_path)
    assert (got.svar, got.grunn, got.foresporsler, len(got.kommuner)) == ("hentet", None, 2, 357)
    assert Endring("2024-01-01", "3020", "3207") in got.endringer
    assert len(got.endringer) == len(CHANGES) - 1
    again = ask(upstream, tmp_path, naa=NOW + timedelta(days=6))
    assert (again.svar, again.foresporsler) == ("uendret", 0)
    assert again.kommuner == got.kommuner
    assert again.endringer == got.endringer
    assert again.hentet == NOW.isoformat()
    assert len(upstream.asked) == 2
    assert ask(upstream, tmp_path, naa=NOW + timedelta(minutes=1), ferskt=True).foresporsler == 0 + 2


def test_old_answer_serves_while_klass_is_down(upstream, tmp_path):
    serve(upstream)
    ask(upstream, tmp_path)
    upstream.answer = lambda h: h.send(b"", status=503)
    got = ask(upstream, tmp_path, naa=NOW + timedelta(days=8))
    assert (got.svar, got.grunn, len(got.kommuner)) == ("lager", "Klass svarte ikke", 357)
    assert got.endringer


def test_it_is_not_asked_while_ssb_updates_its_tables(upstream, tmp_path):
    early = datetime(2026, 11, 21, 6, tzinfo=UTC)
    tur = Tur(statistikk().ssb, adresse=upstream.url, mappe=tmp_path, med_takt=True, naa=lambda: early)
    got = ask(upstream, tmp_path, tur=tur)
    assert (got.svar, got.foresporsler, upstream.asked) == ("lager", 0, [])
    assert "stille tid til kl. 08:20" in got.grunn


def test_facts_of_the_config_serve_when_nothing_else_is_there(upstream, tmp_path):
    upstream.answer = lambda h: h.send(b"", status=503)
    got = ask(upstream, tmp_path)
    assert (got.svar, got.hentet) == ("lager", None)
    assert got.grunn == "Klass svarte ikke: endringene i config/kommuneendringer.toml er brukt"
    assert not list(tmp_path.iterdir())
    serve(upstream)
    real = ask(upstream, tmp_path)
    print_ = Kommunenumre(real.kommuner, real.endringer).avtrykk
    assert Kommunenumre(got.kommuner, got.endringer).avtrykk == print_


def test_what_is_not_yet_in_force_is_left_out(upstream):
    before = klass.of_register(datetime(2023, 12, 31, tzinfo=UTC), "")
    assert max(c.dato for c in before.endringer) == "2023-01-01"


def without(*lost):
    return [c for c in CHANGES if (c["oldCode"], c["newCode"], c["changeOccurred"][:4]) not in lost]


BAD = [
    (CODES[:210], None),
    (None, []),
    (None, without(("1141", "1103", "2020"))),  # Finnøy in Stavanger
    (None, without(("1103", "1103", "2020"))),  # Stavanger in itself
    (None, without(("3020", "3207", "2024"))),
    ([{"code": "0301", "name": "Oslo"}], None),
    ([*CODES, *({"code": f"{n}", "name": "x"} for n in range(5000, 9000))], None),
    ([*CODES, {"code": "32O7", "name": "x"}], None),
    ([{"kode": "0301"}], None),
    (None, [*CHANGES, {"oldCode": "3020", "newCode": "3207", "changeOccurred": "i fjor"}]),
    (None, "ingen"),
]


@pytest.mark.parametrize(("codes", "changes"), BAD)
def test_answers_that_are_not_all_of_norway_are_refused(upstream, tmp_path, codes, changes):
    serve(upstream, codes, changes)
    got = ask(upstream, tmp_path)
    assert (got.svar, len(got.kommuner), len(got.endringer)) == ("lager", 357, len(CHANGES) - 1)
    assert "svaret fra Klass var ufullstendig" in got.grunn
    assert not list(tmp_path.iterdir())


def test_a_good_answer_is_not_written_over_by_half_of_one(upstream, tmp_path):
    serve(upstream, [*CODES, {"code": "0399", "name": "Ny"}])
    ask(upstream, tmp_path)
    serve(upstream, CODES[:210])
    got = ask(upstream, tmp_path, ferskt=True)
    assert (got.svar, len(got.kommuner)) == ("lager", 358)
    assert got.grunn.startswith("svaret fra Klass var ufullstendig")
    assert ask(upstream, tmp_path).svar == "uendret"


def test_half_an_answer_that_lies_on_disk_is_fetched_anew(upstream, tmp_path):
    half = {"hentet": NOW.isoformat(), "kommuner": {c["code"]: c["name"] for c in CODES}, "endringer": []}
    (tmp_path / klass.FILE).write_text(json.dumps(half))
    serve(upstream)
    assert ask(upstream, tmp_path).svar == "hentet"


@pytest.mark.parametrize("content", [b"", b"{", b'{"hentet": "2026-11-20T00:00:00", "kommuner": {"0301": "Oslo"}}'])
def test_damaged_file_is_fetched_anew(upstream, tmp_path, content):
    serve(upstream)
    (tmp_path / klass.FILE).write_bytes(content)
    assert ask(upstream, tmp_path).svar == "hentet"
    assert ask(upstream, tmp_path).svar == "uendret"


def test_other_kommuner_than_those_of_the_config_are_told(upstream, tmp_path):
    serve(upstream, [{**c, "code": "3299"} if c["code"] == "3207" else c for c in CODES])
    got = ask(upstream, tmp_path)
    assert "3299" in got.kommuner
    assert "nye: 1, borte: 1" in got.grunn


def test_real_answers_are_read(upstream, tmp_path):
    version = json.loads(shared("data/klass/klass_131_version_2024.json").read_text(encoding="utf-8"))
    changes = json.loads(shared("data/klass/klass_131_changetables.json").read_text(encoding="utf-8"))
    serve(upstream, version["classificationItems"], changes["codeChanges"])
    got = ask(upstream, tmp_path)
    assert (got.svar, got.grunn, len(got.kommuner)) == ("hentet", None, 357)
    assert Kommunenumre(got.kommuner, got.endringer).earlier({"3207"}) >= {"0213", "0217", "3020", "3207"}
