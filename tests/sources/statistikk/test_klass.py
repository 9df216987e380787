"""Klass: real answers, what lies on disk, and a service that is down or says something else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from config.registers import kommune_register
from config.statistikk import statistikk
from tasks.sources.statistikk import klass
from tasks.sources.statistikk.klass import fetch_kommuner
from tasks.sources.statistikk.tidsserie import Endring, Kommunenumre
from tests.sources.conftest import Upstream, shared

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CODES = [{"code": k.nummer, "name": k.navn, "level": "1"} for k in kommune_register().kommune]
CHANGES = [
    {"oldCode": "3020", "oldName": "Nordre Follo", "newCode": "3207", "newName": "Nordre Follo"},
    {"oldCode": "9999", "oldName": "Uoppgitt", "newCode": "9999", "newName": "Uoppgitt"},
]


@pytest.fixture(autouse=True)
def _one_try(monkeypatch):
    monkeypatch.setattr(klass, "LIMITS", klass.Limits(**{**klass.LIMITS.__dict__, "forsoek": 1}))


def serve(upstream: Upstream, codes=None, changes=None) -> None:
    rows = [{**c, "changeOccurred": "2024-01-01"} for c in CHANGES] if changes is None else changes
    listed = [*CODES, {"code": "9999", "name": "Uoppgitt"}] if codes is None else codes

    def answer(handler):
        if "/codesAt.json?date=2026-11-21" in handler.path:
            handler.json({"codes": listed})
        elif "/changes.json?from=2000-01-01&to=2026-11-21" in handler.path:
            handler.json({"codeChanges": rows})
        else:
            handler.send(b"", status=404)

    upstream.answer = answer


def ask(upstream: Upstream, folder, *, naa=NOW, **more):
    return fetch_kommuner(
        statistikk().klass, adresse=f"{upstream.url}/klass/v1", mappe=folder, contact=None, naa=naa, **more
    )


def test_kommuner_and_changes_are_fetched_and_kept(upstream, tmp_path):
    serve(upstream)
    got = ask(upstream, tmp_path)
    assert (got.svar, got.grunn, got.foresporsler, len(got.kommuner)) == ("hentet", None, 2, 357)
    assert got.endringer == (Endring("2024-01-01", "3020", "3207"),)
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


def test_numbers_of_the_config_serve_when_nothing_else_is_there(upstream, tmp_path):
    upstream.answer = lambda h: h.send(b"", status=503)
    got = ask(upstream, tmp_path)
    assert got.svar == "mangler"
    assert "Klass svarte ikke" in got.grunn
    assert set(got.kommuner) == {k.nummer for k in kommune_register().kommune}
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("codes", "changes"),
    [
        ([{"code": "0301", "name": "Oslo"}], None),
        ([{"code": f"{n}", "name": "x"} for n in range(5000)], None),
        ([*CODES, {"code": "32O7", "name": "x"}], None),
        ([{"kode": "0301"}], None),
        (None, [{"oldCode": "3020", "newCode": "3207", "changeOccurred": "i fjor"}]),
        (None, "ingen"),
    ],
)
def test_answers_that_cannot_be_norway_are_none(upstream, tmp_path, codes, changes):
    serve(upstream, codes, changes)
    assert ask(upstream, tmp_path).svar == "mangler"
    assert not list(tmp_path.iterdir())


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
