"""The letters of shapefiles: names of ten bytes, tables in any characters, with a .cpg that lies or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.innboksdata import Innboks, written, zones

NAVN = "Østre Blåbærås"


@pytest.fixture
def inbox(tmp_path: Path) -> Innboks:
    box_ = Innboks(tmp_path)
    box_.folder.mkdir(parents=True)
    return box_


def shapefile(inbox: Innboks, characters: str, **columns: object) -> Path:
    frame = zones(3, OMRNAVN=[NAVN, None, "B2"], OBJTYPE=["KpArealformålOmråde"] * 3, **columns)
    return written(frame, inbox.folder / "flater.shp", encoding=characters)


def set_language(path: Path, byte: int) -> None:
    raw = bytearray(path.with_suffix(".dbf").read_bytes())
    raw[29] = byte
    path.with_suffix(".dbf").write_bytes(bytes(raw))


@pytest.mark.parametrize(
    ("characters", "cpg", "language"),
    [
        ("CP1252", None, 0),
        ("CP1252", "1252", 0),
        ("CP1252", "UTF-8", 0),
        ("CP1252", "ISO 8859-1", 0),
        ("CP1252", "ukjent", 0x57),
        ("UTF-8", None, 0),
        ("UTF-8", "UTF-8", 0),
        ("UTF-8", "1252", 0x57),
        ("CP850", "850", 0),
        ("CP865", None, 0x08),
    ],
)
def test_letters_come_out_whatever_the_cpg_says(inbox, characters, cpg, language):
    path = shapefile(inbox, characters)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if cpg is not None:
        path.with_suffix(".cpg").write_text(cpg)
    set_language(path, language)
    rows = inbox.read()
    assert rows["OMRNAVN"].tolist() == [NAVN, None, "B2"]
    assert set(rows["OBJTYPE"]) == {"KpArealformålOmråde"}


def test_a_letter_cut_in_two_at_the_end_of_a_name_or_a_value(inbox):
    path = shapefile(inbox, "UTF-8", AREALFORMX=["1110"] * 3, NAVN=["åååZ"] * 3)
    raw = path.with_suffix(".dbf").read_bytes()
    cut = raw.replace(b"AREALFORMX", b"AREALFORM\xc3").replace("åZ".encode(), b"\xc3\xa5\xc3")
    assert cut != raw
    path.with_suffix(".dbf").write_bytes(cut)
    rows = inbox.read()
    assert "AREALFORM" in rows.columns
    assert set(rows["NAVN"]) == {"ååå"}


def test_names_that_collide_stay_apart(inbox):
    shapefile(inbox, "CP1252", NASJONALAR=["3207"] * 3, NASJONAL00=["KPA1"] * 3)
    rows = inbox.read()
    assert set(rows["NASJONALAR"]) == {"3207"}
    assert set(rows["NASJONAL00"]) == {"KPA1"}


@pytest.mark.parametrize("missing", [".dbf", ".shx"])
def test_a_missing_part_is_named(inbox, missing):
    path = shapefile(inbox, "CP1252")
    path.with_suffix(missing).unlink()
    with pytest.raises(Exception, match=rf"innboks/3207/flater.shp.*: flater{missing} is not beside it"):
        inbox.read()


@pytest.mark.parametrize("said", ["hex", "zip", "rot13", "idna", "undefined", "unicode_escape", "a\0b", "utf-7", "cp0"])
def test_what_is_no_text_codec_is_taken_for_nothing_said(inbox, said):
    path = shapefile(inbox, "CP1252", NAVN=["blå"] * 3)
    path.with_suffix(".cpg").write_bytes(said.encode())
    assert set(inbox.read()["NAVN"]) == {"blå"}
