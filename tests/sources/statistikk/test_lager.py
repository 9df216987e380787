"""The answers on disk: by table, question and stamp; bounded; nothing outside the folder."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tasks.sources.statistikk import lager
from tasks.sources.statistikk.lager import MAX_FILES, Lager

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def kept(tmp_path) -> Lager:
    return Lager(tmp_path / "ssb", maks_bytes=10_000)


def keep(kept: Lager, nokkel: str = "a1", stamp: str = "one", svar: bytes = b'{"value": [1]}') -> None:
    kept.keep_data("06913", nokkel, svar, oppdatert=stamp, hentet=NOW, sporring=["x"])


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "ssb" / "06913").iterdir())


def test_an_answer_is_kept_with_its_time_and_question(kept, tmp_path):
    keep(kept, svar=b'\xef\xbb\xbf{"value": [1]}')
    found = kept.data("06913", "a1", oppdatert="one")
    assert found is not None
    assert (found.svar, found.hentet, found.oppdatert) == ({"value": [1]}, NOW, "one")
    (path,) = files(tmp_path)
    assert json.loads(gzip.decompress(path.read_bytes())) == {
        "hentet": NOW.isoformat(),
        "tabell": "06913",
        "oppdatert": "one",
        "sporring": ["x"],
        "svar": {"value": [1]},
    }


def test_another_stamp_is_another_answer_and_drops_the_old(kept, tmp_path):
    keep(kept, "a1")
    keep(kept, "a2")
    assert kept.data("06913", "a1", oppdatert="two") is None
    keep(kept, "a1", "two")
    assert len(files(tmp_path)) == 1
    assert kept.data("06913", "a1", oppdatert="one") is None


def test_the_stamp_within_the_file_is_what_counts(kept, tmp_path):
    keep(kept)
    (path,) = files(tmp_path)
    data = json.loads(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(json.dumps(data | {"oppdatert": "other"}).encode()))
    assert kept.data("06913", "a1", oppdatert="one") is None


def test_the_oldest_questions_go_first(kept, tmp_path):
    for n in range(MAX_FILES + 3):
        keep(kept, f"q{n}")
        newest = max(files(tmp_path), key=lambda p: p.stat().st_mtime_ns)
        os.utime(newest, (1_000 + n, 1_000 + n))
    assert len(files(tmp_path)) == MAX_FILES
    assert kept.data("06913", "q2", oppdatert="one") is None
    assert kept.data("06913", "q3", oppdatert="one") is not None


def test_a_bomb_is_not_unpacked(kept, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(lager, "HEADER_BYTES", 100)
    small = Lager(tmp_path / "ssb", maks_bytes=1_000)
    keep(small, svar=b'{"value": [' + b" " * 5_000_000 + b"]}")
    assert files(tmp_path)[0].stat().st_size > 1_100
    assert small.data("06913", "a1", oppdatert="one") is None
    keep(small, svar=b'{"value": [' + b" " * 5_000 + b"]}")
    assert files(tmp_path)[0].stat().st_size < 1_000
    assert small.data("06913", "a1", oppdatert="one") is None
    assert caplog.text.count("fetched anew") == 2


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "vs_CKM02Län", "a" * 300, "", ".", "a/b", "a\0b"])
def test_no_name_leaves_the_folder(kept, tmp_path, name):
    kept.keep_metadata(name, b'{"values": []}', hentet=NOW)
    found = kept.metadata(name)
    assert found is not None
    assert found.svar == {"values": []}
    (path,) = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert path.parent.parent == tmp_path / "ssb"
    assert kept.metadata(f"{name}_") is None


def test_what_is_not_there_is_none(kept):
    assert kept.metadata("06913") is None
    assert kept.data("06913", "a1", oppdatert="one") is None
