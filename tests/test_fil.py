"""A file is there as a whole or as it was."""

from __future__ import annotations

import os

import pytest

from tasks.fil import write_whole


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "a" / "b" / "fil"
    write_whole(path, b"en", mode=0o600)
    assert path.stat().st_mode & 0o777 == 0o600
    write_whole(path, b"to")
    assert path.read_bytes() == b"to"
    assert os.listdir(path.parent) == ["fil"]


def test_a_disk_that_refuses_leaves_the_old_file_alone(tmp_path, monkeypatch):
    path = tmp_path / "fil"
    write_whole(path, b"en")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"to")
    assert path.read_bytes() == b"en"
    assert os.listdir(tmp_path) == ["fil"]
    with pytest.raises(OSError, match=r"Not a directory|exists"):
        write_whole(path / "x", b"to")
