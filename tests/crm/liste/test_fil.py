"""Files that people keep lists in: every way a spreadsheet saves them, and those that are not to be trusted."""

from __future__ import annotations

import resource
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.crm.liste.fil import MOST_BYTES, MOST_COLUMNS, ListeError, check_size, read_list
from tests.crm.liste.listefiler import MAIN, SHEET, csv_file, inline, sheet_of, tampered, xlsx_file

LIST = 'Tomt;Gnr;Bnr;Merknad\r\nÅsen;46;1;"to\nlinjer"\r\nBlåbærlia;47;2;"sagt ""ja"""\r\n'
NOON = datetime(2026, 12, 24, 12)  # noqa: DTZ001  # Excel's have no time zone
ROWS = (("Tomt", "Gnr", "Bnr", "Merknad"), ("Åsen", "46", "1", "to\nlinjer"), ("Blåbærlia", "47", "2", 'sagt "ja"'))


def refused(path: Path, **how: str) -> str:
    with pytest.raises(ListeError) as caught:
        read_list(path, **how)
    said = str(caught.value)
    assert "\n" not in said
    return said


# --- csv ---


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_text_is_read_as_any_spreadsheet_saves_it(tmp_path, encoding, separator):
    path = csv_file(tmp_path / "liste.csv", LIST.replace(";", separator).encode(encoding))
    assert read_list(path).rader == ROWS


def test_a_line_may_name_the_separator(tmp_path):
    assert read_list(csv_file(tmp_path / "a.csv", "sep=|\r\nTomt|Gnr\r\nÅs;en|46\r\n")).rader[1] == ("Ås;en", "46")


def test_rows_keep_the_numbers_that_a_spreadsheet_gives_them(tmp_path):
    liste = read_list(csv_file(tmp_path / "a.csv", 'Tomt;Gnr\n"a\nb";1\n;\n\nc;2;\n\n;;\n'))
    assert liste.rader == (("Tomt", "Gnr"), ("a\nb", "1"), (), (), ("c", "2"))


def test_odd_line_ends_and_letters_part_no_rows(tmp_path):
    liste = read_list(csv_file(tmp_path / "a.csv", "Tomt;Gnr\rÅ\u2028s\x85en;46\r"))
    assert liste.rader[1] == ("Å\u2028s\x85en", "46")


def test_a_quotation_mark_that_never_closes_swallows_nothing(tmp_path):
    said = refused(csv_file(tmp_path / "a.csv", 'Tomt;Gnr\n"Åsen;46\nLia;47\n'))
    assert "quotation marks" in said
    assert "Åsen" not in said


@pytest.mark.parametrize("content", [b"", b"\n\n", b"Kommune;Notat\n3207;x\n", b"\xff\xfe", b"1;2\n3;4"])
def test_a_file_without_headings_of_lots_says_which_it_needs(tmp_path, content):
    assert "Gnr and Bnr" in refused(csv_file(tmp_path / "a.csv", content))


@pytest.mark.parametrize("content", [b"Tomt;\x81\x8d", b"Tomt\0;\0\0\0", b"\xff\xfeT\0o", b"\xef\xbb\xbf\xff"])
def test_what_is_no_text_is_said_to_be_none(tmp_path, content):
    said = refused(csv_file(tmp_path / "a.csv", content))
    assert "UTF-8" in said or "Gnr and Bnr" in said


def test_formulas_stay_text(tmp_path):
    assert read_list(csv_file(tmp_path / "a.csv", 'Tomt\n"=HYPERLINK(""http://x"")"\n')).rader[1] == (
        '=HYPERLINK("http://x")',
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xls", b"\xd0\xcf\x11\xe0rest"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0with a password"),
        ("a.ods", b"PK\x03\x04"),
        ("a.xlsm", b"PK\x03\x04"),
        ("a.csv", b"PK\x03\x04"),
        ("a.xlsx", b"Tomt;Gnr"),
        ("a.pdf", b"%PDF"),
        ("a", b"Tomt"),
    ],
)
def test_other_files_are_to_be_saved_as_xlsx_or_csv(tmp_path, name, content):
    said = refused(csv_file(tmp_path / name, content))
    assert said.endswith("save it as xlsx or csv.")


def test_a_path_that_is_no_file_says_so(tmp_path):
    assert "no such file" in refused(tmp_path / "a.csv")
    assert "no such file" in refused(tmp_path)


def test_a_file_that_is_too_large_is_not_read(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    assert "20 MB" in refused(path)


def test_a_text_file_has_no_sheets(tmp_path):
    assert "--sheet" in refused(csv_file(tmp_path / "a.csv", LIST), ark="Tomter")


def test_too_many_rows_or_columns_are_refused_while_they_are_counted(monkeypatch):
    monkeypatch.setattr("tasks.crm.liste.fil.MOST_ROWS", 3)
    assert len(check_size([("a",), (), ("b",), ("c", None, ""), ()], "a.csv")) == 4
    with pytest.raises(ListeError, match="more than 3 rows"):
        check_size((("a",) for _ in range(10**12)), "a.csv")
    with pytest.raises(ListeError, match="row 2 has more than 200 columns"):
        check_size([("a",), ("a",) * (MOST_COLUMNS + 1)], "a.csv")


@given(st.binary(max_size=300))
@settings(max_examples=60)
def test_any_text_file_is_read_or_refused_in_one_line(tmp_path_factory, content):
    path = csv_file(tmp_path_factory.getbasetemp() / "any.csv", b"Tomt;Gnr\n" + content)
    try:
        liste = read_list(path)
    except ListeError:
        return
    assert liste.rader[liste.kolonner.hode]


# --- xlsx ---


def test_a_workbook_is_read_with_its_own_values(tmp_path):
    rows = [["Tomt", "Gnr", "Areal", "Frist", "Behold"], ["Åsen", 46, 5200.5, NOON, True], [None, 47]]
    liste = read_list(xlsx_file(tmp_path / "a.xlsx", rows))
    assert (liste.ark, liste.andre_ark) == ("Tomter", ())
    assert liste.rader[1] == ("Åsen", 46, 5200.5, NOON, True)
    assert liste.rader[2] == (None, 47)


def test_the_only_sheet_with_headings_is_taken_and_of_several_one_is_chosen(tmp_path):
    path = xlsx_file(tmp_path / "a.xlsx", [["Forside"]], Liste=[["Tomt"], ["Åsen"]], Ark3=[])
    assert (read_list(path).ark, read_list(path).andre_ark) == ("Liste", ("Tomter", "Ark3"))
    path = xlsx_file(tmp_path / "b.xlsx", [["Tomt"], ["Åsen"]], Gammel=[["Tomt"], ["Lia"]])
    assert "“Tomter”, “Gammel”" in refused(path)
    assert read_list(path, ark="Gammel").rader[1] == ("Lia",)
    assert "no sheet “Ny”" in refused(path, ark="Ny")


def test_a_hidden_sheet_is_not_read(tmp_path):
    path = xlsx_file(tmp_path / "a.xlsx", [["Tomt"], ["Åsen"]], Liste=[["Tomt"], ["Lia"]])
    tampered(
        path,
        {
            "xl/workbook.xml": lambda part: part.replace(b'name="Liste"', b'name="Liste" ').replace(
                b'name="Liste"  sheetId="2" state="visible"', b'name="Liste" sheetId="2" state="hidden"'
            )
        },
    )
    assert read_list(path).ark == "Tomter"
    assert "no sheet" in refused(path, ark="Liste")


def test_a_formula_is_what_the_spreadsheet_last_made_of_it(tmp_path):
    cells = inline("A2", "Åsen") + '<c r="B2"><f>40+6</f><v>46</v></c><c r="C2"><f>HYPERLINK("http://x")</f></c>'
    rows = f'<row r="1">{inline("A1", "Tomt")}{inline("B1", "Gnr")}{inline("C1", "Bnr")}</row><row r="2">{cells}</row>'
    path = tampered(xlsx_file(tmp_path / "a.xlsx", []), {SHEET: sheet_of(rows)})
    assert read_list(path).rader[1] == ("Åsen", 46)


def test_texts_that_sheets_share_are_read_as_spreadsheets_store_them(tmp_path):
    texts = "<si><t>Tomt</t></si><si><r><t>Å</t></r><r><rPr><b/></rPr><t xml:space='preserve'>sen </t></r></si>"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row>'
    path = tampered(
        xlsx_file(tmp_path / "a.xlsx", []),
        {
            SHEET: sheet_of(rows),
            "xl/sharedStrings.xml": f'<sst {MAIN} uniqueCount="4294967295">{texts}</sst>'.encode(),
            "[Content_Types].xml": lambda part: part.replace(b"</Types>", override),
        },
    )
    assert read_list(path).rader == (("Tomt",), ("Åsen ",))


def test_a_sheet_that_lies_about_its_size_is_read_whole(tmp_path):
    path = xlsx_file(tmp_path / "a.xlsx", [["Tomt", "Gnr"], ["Åsen", 46], ["Lia", 47]])
    tampered(path, {SHEET: lambda part: part.replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1:A1"')})
    assert read_list(path).rader[1:] == (("Åsen", 46), ("Lia", 47))


def test_a_workbook_that_declares_entities_is_not_read(tmp_path):
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    for part in (SHEET, "xl/styles.xml", "xl/_rels/workbook.xml.rels", "[Content_Types].xml"):
        path = xlsx_file(tmp_path / "a.xlsx", [["Tomt"], ["Åsen"]])

        def declared(data: bytes) -> bytes:
            head, sep, rest = data.partition(b"?>")
            return head + sep + bomb + rest if sep and head.startswith(b"<?xml") else bomb + data

        assert "document type" in refused(tampered(path, {part: declared})), part


@pytest.mark.parametrize("called", ["xl/worksheets/sheet1.dat", "xl/media/sheet1.png"])
def test_a_part_that_declares_entities_is_not_read_whatever_it_is_called(tmp_path, called):
    sheet = b'<!DOCTYPE x [<!ENTITY a "Tomt">]>' + sheet_of(f'<row r="1">{inline("A1", "&a;")}</row>')
    path = tampered(
        xlsx_file(tmp_path / "a.xlsx", [["Tomt"], ["Åsen"]]),
        {
            called: sheet,
            "xl/_rels/workbook.xml.rels": lambda part: part.replace(f"/{SHEET}".encode(), f"/{called}".encode()),
            "[Content_Types].xml": lambda part: part.replace(f"/{SHEET}".encode(), f"/{called}".encode()),
        },
    )
    assert "document type" in refused(path)


def test_pictures_and_other_parts_that_are_no_xml_are_let_be(tmp_path):
    svg = b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd"><svg/>'
    parts = {"xl/media/image1.svg": svg, "xl/media/image2.png": b"\x89PNG\r\n", "xl/printerSettings1.bin": b""}
    assert read_list(tampered(xlsx_file(tmp_path / "a.xlsx", [["Tomt"], ["Åsen"]]), parts)).rader[1] == ("Åsen",)


@pytest.mark.parametrize(("encoding", "tag"), [("utf-8", "si"), ("utf-16", "x:si"), ("utf-8", "x.y:si ")])
def test_more_texts_than_a_list_has_are_refused_before_they_are_read(tmp_path, monkeypatch, encoding, tag):
    monkeypatch.setattr("tasks.crm.liste.xlsx.CHUNK", 999)  # so that tags are cut in two
    monkeypatch.setattr("tasks.crm.liste.xlsx.MOST_TEXTS", 2_000)
    path = xlsx_file(tmp_path / "a.xlsx", [["Tomt"], ["Åsen"]])
    for count in (2_000, 2_001):
        head = f'<?xml version="1.0" encoding="{encoding}"?><sst>'
        tampered(path, {"xl/worksheets/strings.xml": f"{head}{f'<{tag}/>' * count}</sst>".encode(encoding)})
        if count == 2_000:
            assert read_list(path).rader[1] == ("Åsen",)
        else:
            assert "unpacks to more" in refused(path)


def test_external_entities_are_not_followed(tmp_path):
    secret = tmp_path / "hemmelig.txt"
    secret.write_text("hemmelig")
    sheet = f'<!DOCTYPE x [<!ENTITY a SYSTEM "file://{secret}">]>'.encode() + sheet_of(
        f'<row r="1">{inline("A1", "Tomt")}</row><row r="2">{inline("A2", "&a;")}</row>'
    )
    said = refused(tampered(xlsx_file(tmp_path / "a.xlsx", []), {SHEET: sheet}))
    assert "hemmelig" not in said


@pytest.mark.parametrize(("part", "size"), [(SHEET, 61_000_000), ("xl/styles.xml", 11_000_000)])
def test_what_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, part, size):
    path = tampered(xlsx_file(tmp_path / "a.xlsx", [["Tomt"]]), {part: b" " * size})
    assert path.stat().st_size < 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "unpacks to more" in refused(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_two_cells_at_the_corners_of_the_grid_cost_next_to_nothing(tmp_path):
    rows = f'<row r="1">{inline("A1", "Tomt")}</row><row r="1048576">{inline("XFD1048576", "x")}</row>'
    path = tampered(xlsx_file(tmp_path / "a.xlsx", []), {SHEET: sheet_of(rows)})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "row 1048576 has more than 200 columns" in refused(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB


def test_wide_rows_of_nothing_are_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.crm.liste.xlsx.MOST_CELLS", 50_000)
    rows = "".join(f'<row r="{n}">{inline(f"A{n}", "Tomt")}<c r="XFD{n}"/></row>' for n in range(1, 6))
    path = tampered(xlsx_file(tmp_path / "a.xlsx", []), {SHEET: sheet_of(rows)})
    assert "unpacks to more" in refused(path)


@pytest.mark.parametrize(
    "change",
    [
        {SHEET: b"<worksheet"},
        {SHEET: sheet_of('<row r="x"><c r="1A"><v>1</v></c></row>')},
        {SHEET: sheet_of('<row r="1"><c r="A1" t="s"><v>99</v></c></row>')},
        {"xl/styles.xml": b"none"},
    ],
)
def test_a_damaged_workbook_is_one_line(tmp_path, change):
    assert "save it as xlsx" in refused(tampered(xlsx_file(tmp_path / "a.xlsx", [["Tomt"], ["Åsen"]]), change))


def test_a_cut_off_workbook_is_one_line(tmp_path):
    path = xlsx_file(tmp_path / "a.xlsx", [["Tomt"], ["Åsen"]])
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in refused(path)


def test_dates_are_dates(tmp_path):
    (row,) = read_list(xlsx_file(tmp_path / "a.xlsx", [["Tomt", "Frist"], ["Åsen", date(2026, 1, 2)]])).rader[1:]
    assert row == ("Åsen", datetime(2026, 1, 2))  # noqa: DTZ001  # Excel's have none
