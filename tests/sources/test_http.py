"""The parts of the client that need no server."""

from __future__ import annotations

import pytest

from config.registers import regler
from tasks.avsender import user_agent
from tasks.sources.address import plain_address, same_origin
from tasks.sources.limits import Limits, Pacer
from tasks.sources.unntak import recognise, shorten


def test_turns_are_handed_out_per_host(monkeypatch) -> None:
    monkeypatch.setattr("tasks.sources.limits.time.monotonic", lambda: 100.0)
    pacer = Pacer()
    assert [pacer.turn("a", 1.0) for _ in range(3)] == [0, 1, 2]
    assert pacer.turn("b", 1.0) == 0


def test_limits_come_from_the_register() -> None:
    limits = Limits.of(regler().hent)
    assert limits.sekunder_kilde == regler().hent.sekunder_kilde
    assert limits.side == regler().hent.side


def test_addresses() -> None:
    assert plain_address("https://ola:x@h.no:8443/a/b?token=y#z") == "https://h.no:8443/a/b"
    assert same_origin("https://h.no/a", "https://h.no:443/b")
    assert not same_origin("http://h.no/a", "https://h.no/a")
    assert not same_origin("https://h.no.evil/a", "https://h.no/a")
    assert not same_origin("https://h.no:x/a", "https://h.no/a")
    assert not same_origin("https://h.no@evil.no/a", "https://h.no/a")


def test_user_agent_is_safe_as_a_header() -> None:
    assert user_agent("post@firma.no").endswith("(+post@firma.no)")
    assert user_agent("a\r\nX-Evil: 1(æ)").endswith("(+aX-Evil:1)")
    assert "(" not in user_agent(None)


@pytest.mark.parametrize(
    ("body", "slag"),
    [
        (b"\xef\xbb\xbf\n <!doctype HTML><title>x</title>", "an HTML page"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>', "an HTML page"),
        (b"<ServiceException>busy</ServiceException>", "a ServiceException"),
        (b'{"error": {"code": 400, "message": "Invalid"}}', "an error document"),
        (b'{"title": "Not found", "status": 404}', "an exception document"),
        (b'{"features": [], "code": 1, "description": 2}', None),
        (b"<wfs:FeatureCollection/>", None),
        (b"{", None),
        (b"", None),
        (b"[1]", None),
    ],
)
def test_refusals_are_recognised_by_the_body(body: bytes, slag: str | None) -> None:
    found = recognise(body)
    assert (found.slag if found else None) == slag


def test_entities_in_an_exception_are_not_resolved() -> None:
    evil = (
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><ServiceException>x &e; Exception</ServiceException>'
    )
    found = recognise(evil)
    assert found is not None
    assert found.tekst in {"x Exception", "x &e; Exception"}


def test_foreign_text_is_shortened_to_one_line() -> None:
    assert shorten("a\n\x1b[31mb\u202e") == "a [31mb"
    assert len(shorten("x" * 10_000)) == 200
