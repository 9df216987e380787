"""Restores that are broken off: at any request, before it is sent or after its answer."""

from __future__ import annotations

from collections import Counter

from tasks.crm.client import AirtableAdapter
from tests.crm.arkiv.proevearkiv import restoring

REFUSED = {"error": {"type": "INVALID_VALUE_FOR_COLUMN", "message": "Field cannot accept the provided value"}}


def is_create(asked):
    return asked.metode == "POST" and asked.sti.startswith("/v0/app") and not is_upload(asked)


def is_upload(asked):
    return asked.path.endswith("/uploadAttachment")


class Killed(BaseException):
    """Ends a restore as a kill does: nothing is handled."""


def restore(server_url, liten, base, **options):
    geodata, folder = liten
    with restoring(server_url, geodata, folder, base.id) as opened:
        return opened.write(lambda _: None, **options)


def counts(base):
    """Table → records, and the name of each file."""
    records = base.table("Tomter").all()
    files = Counter(f["filename"] for r in records for name in ("Filer", "Kart") for f in r["fields"].get(name, []))
    return len(records), len(base.table("Områder").all()), files.total()


def killed_at(monkeypatch, number, *, after):
    """Let the nth request of the next restore be the last, carried out or not."""
    seen = {"n": 0}
    real = AirtableAdapter._once

    def once(self, request, **options):
        seen["n"] += 1
        if seen["n"] == number and not after:
            raise Killed
        answer = real(self, request, **options)
        if seen["n"] == number:
            raise Killed
        return answer

    monkeypatch.setattr(AirtableAdapter, "_once", once)
    return seen
