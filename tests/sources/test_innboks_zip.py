"""Archives: unpacked within bounds, never outside their folder, and called by their names in errors."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.errors import SourceError
from tasks.sources import zipfil
from tests.sources.innboksdata import LIMITS, Innboks, written, zones


@pytest.fixture
def inbox(tmp_path: Path) -> Innboks:
    box_ = Innboks(tmp_path)
    box_.folder.mkdir(parents=True)
    return box_


def packed(*paths: Path, under: str = "") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in paths:
            for part in sorted(path.rglob("*")) if path.is_dir() else [path]:
                archive.write(part, under + str(part.relative_to(path.parent)))
    return out.getvalue()


def shapefile(inbox: Innboks, name: str = "KpArealformålOmråde") -> list[Path]:
    path = written(zones(), inbox.mappe / "laget" / f"{name}.shp")
    return sorted(path.parent.iterdir())


def refused(inbox: Innboks, *words: str) -> None:
    with pytest.raises(SourceError) as caught:
        inbox.read()
    for word in ("innboks/3207/a.zip", *words):
        assert word in str(caught.value)
    assert str(inbox.mappe) not in str(caught.value)


def only_inside(inbox: Innboks) -> bool:
    outside = {p for p in inbox.mappe.rglob("*") if p.is_file() and "arbeid" not in str(p) and "innboks" not in str(p)}
    return not [p for p in outside if "laget" not in str(p)]


def test_shapefiles_in_a_zip(inbox):
    (inbox.folder / "a.zip").write_bytes(packed(*shapefile(inbox), under="levering/"))
    assert len(inbox.read()) == 3
    assert [p.name for p in inbox.folder.iterdir()] == ["a.zip"]


def test_filegdb_in_a_zip_with_and_without_its_folder(inbox):
    path = written(zones(), inbox.mappe / "laget" / "plan.gdb", layer="KpArealformålOmråde")
    (inbox.folder / "a.zip").write_bytes(packed(path))
    (inbox.folder / "b.zip").write_bytes(packed(*path.iterdir()))
    assert len(inbox.read()) == 6


def test_a_zip_in_a_zip_one_level_deep(inbox):
    inner = packed(*shapefile(inbox))
    for name in ("inner.zip", "a.zip"):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("plan/inner.zip", inner)
        inner = out.getvalue()
        (inbox.folder / "a.zip").write_bytes(inner)
        if name == "inner.zip":
            assert len(inbox.read()) == 3
    refused(inbox, "inner.zip", "a zip in a zip in a zip")


@pytest.mark.parametrize("characters", ["cp850", "utf-8"])
def test_names_in_the_characters_of_the_machine_that_packed(inbox, characters):
    written_as = "KpArealformålOmråde".encode(characters)
    raw = packed(*shapefile(inbox, "K" * len(written_as)))
    path = inbox.folder / "a.zip"
    path.write_bytes(raw.replace(b"K" * len(written_as), written_as))
    zipfil.unpack(path, inbox.mappe / "ut", plass=zipfil.Plass(10**6), navn="a.zip")
    assert {p.stem for p in (inbox.mappe / "ut").iterdir()} == {"KpArealformålOmråde"}


@pytest.mark.parametrize("name", ["../ute.gpkg", "/tmp/ute.gpkg", "a/../../ute.gpkg", "C:\\ute.gpkg", "..\\ute.gpkg"])
def test_no_entry_leaves_the_folder(inbox, name):
    with zipfile.ZipFile(inbox.folder / "a.zip", "w") as archive:
        archive.writestr("x.txt", "x")
        archive.writestr(zipfile.ZipInfo(name), b"x")
    refused(inbox, "outside the archive")
    assert only_inside(inbox)


def test_no_entry_is_a_link(inbox):
    info = zipfile.ZipInfo("KpOmråde.gpkg")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(inbox.folder / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    refused(inbox, "link to another file")


def test_a_password_is_named(inbox):
    raw = bytearray(packed(*shapefile(inbox)))
    for head, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = raw.find(head)
        while start >= 0:
            raw[start + place] |= 1
            start = raw.find(head, start + 4)
    (inbox.folder / "a.zip").write_bytes(bytes(raw))
    refused(inbox, "password")


def test_a_bomb_stops_at_the_limit(inbox):
    with zipfile.ZipFile(inbox.folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.gml", b"\0" * 5_000_000)
    inbox.limits = replace(LIMITS, maks_bytes=4_999_999)
    refused(inbox, "5000000 bytes", "maks_bytes")
    assert sum(p.stat().st_size for p in inbox.mappe.rglob("*.gml")) == 0


def test_a_bomb_that_lies_about_its_size_stops_too(inbox):
    with zipfile.ZipFile(inbox.folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.gml", b"\0" * 5_000_000)
    raw = (inbox.folder / "a.zip").read_bytes()
    (inbox.folder / "a.zip").write_bytes(raw.replace(struct.pack("<I", 5_000_000), struct.pack("<I", 1000)))
    inbox.limits = replace(LIMITS, maks_bytes=1_000_000)
    refused(inbox, "damaged")
    assert sum(p.stat().st_size for p in inbox.mappe.rglob("*.gml")) <= 1000


def test_the_limit_holds_for_all_archives_together(inbox):
    for name in ("0.zip", "a.zip"):
        with zipfile.ZipFile(inbox.folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.txt", b"\0" * 700_000)
    inbox.limits = replace(LIMITS, maks_bytes=1_000_000)
    refused(inbox, "maks_bytes")


def test_an_archive_still_being_copied_is_refused(inbox):
    raw = packed(*shapefile(inbox))
    (inbox.folder / "a.zip").write_bytes(raw[: len(raw) // 2])
    refused(inbox, "not yet whole")


def test_damaged_content_is_refused(inbox):
    raw = bytearray(packed(*shapefile(inbox)))
    raw[200:220] = b"\xff" * 20
    (inbox.folder / "a.zip").write_bytes(bytes(raw))
    refused(inbox, "damaged")


def test_one_name_twice_is_refused(inbox):
    with zipfile.ZipFile(inbox.folder / "a.zip", "w") as archive:
        archive.writestr("A.gml", "<a/>")
        archive.writestr("a.gml", "<b/>")
    refused(inbox, "twice")


def test_an_empty_archive_is_refused(inbox):
    with zipfile.ZipFile(inbox.folder / "a.zip", "w"):
        pass
    refused(inbox, "empty")


def test_what_a_mac_packs_beside_is_left_out(inbox):
    with zipfile.ZipFile(inbox.folder / "a.zip", "w") as archive:
        for part in shapefile(inbox):
            archive.write(part, part.name)
        archive.writestr("__MACOSX/._KpOmråde.gpkg", "x")
        archive.writestr(".DS_Store", "x")
    assert len(inbox.read()) == 3


def test_errors_name_the_file_in_the_archive(inbox):
    with zipfile.ZipFile(inbox.folder / "a.zip", "w") as archive:
        archive.writestr("plan/KpOmråde.gpkg", b"SQLite format 3\0" + b"\0" * 20)
    refused(inbox, "innboks/3207/a.zip/plan/KpOmråde.gpkg")


def test_damage_in_every_kind_of_packing_is_one_error(inbox):
    for kind in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", kind) as archive:
            archive.writestr("a.gml", bytes(range(60, 90)) * 20)
        raw = out.getvalue()
        for place in range(35, 60):
            (inbox.folder / "a.zip").write_bytes(raw[:place] + bytes([raw[place] ^ 255]) + raw[place + 1 :])
            refused(inbox)


def test_a_list_of_files_without_end_is_refused_before_it_is_taken_apart(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZipInfo", None)  # of which one would be made for every entry
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"a"
    for count, words in ((20_001, "20001 files"), (220_000, "a list of files of 10340000 bytes")):
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, count * len(entry), 0, 0)
        (tmp_path / "a.zip").write_bytes(entry * count + end)
        with pytest.raises(SourceError, match=words):
            zipfil.unpack(tmp_path / "a.zip", tmp_path / "ut", plass=zipfil.Plass(10**9), navn="a.zip")
