"""A large base there and back: time, calls, memory."""

from __future__ import annotations

import gzip
import time

import pytest

from tests.crm.airtable_prosess import AirtableProsess
from tests.crm.arkiv.proevearkiv import PNG, api_of, attach, backup_of, empty_base, filled_base, restoring
from tests.memory import peak_mb

pytestmark = pytest.mark.long


def test_five_thousand_records_and_two_hundred_attachments(tmp_path):
    with AirtableProsess(tmp_path / "airtable", 0.0) as server, api_of(server.url, tmp_path) as api:
        full = filled_base(api, rows=5000)
        for n in range(194):
            rec = full.records["Tomter"][n * 7]
            attach(full.base, rec, "Kart", filename=f"{n}.png", kind="image/png", data=PNG * 20 + bytes([n]))
        before, began = peak_mb(), time.monotonic()
        taken = backup_of(server.url, tmp_path, full.base.id)
        took = time.monotonic() - began
        print(f"\nbackup: {took:.1f} s, {taken.manifest.kall} calls, +{peak_mb() - before:.0f} MB")
        assert (taken.manifest.poster, taken.manifest.vedlegg.antall) == (5007, 200)
        assert taken.manifest.kall <= 60
        sizes = sum(p.stat().st_size for p in taken.folder.iterdir())
        print(f"{sizes / 1e6:.2f} MB of records, {taken.manifest.vedlegg.byte / 1e6:.1f} MB of attachments")
        assert all(gzip.decompress(p.read_bytes()) is not None for p in taken.folder.glob("*.gz"))

        base, began = empty_base(api), time.monotonic()
        with restoring(server.url, tmp_path, taken.folder, base.id) as opened:
            planned = opened.look()
            done = opened.write(lambda _: None)
        print(
            f"restore: {time.monotonic() - began:.1f} s, {done.kall} of {planned.kall} calls, peak {peak_mb():.0f} MB"
        )
        assert (done.funn.forskjeller, done.funn.poster, done.funn.vedlegg) == ([], 5007, 200)
        assert done.kall <= planned.kall + 60
        assert peak_mb() - before < 150
