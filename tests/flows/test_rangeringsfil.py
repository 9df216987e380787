"""The files: all kommuner in each, read back as a spreadsheet reads them; a text is never a formula."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest
from openpyxl import load_workbook

from config.registers import kommuner
from flows.rangeringsfil import LISENS, OPPDIKTET, require_writable, write_csv, write_xlsx
from flows.rangeringsrader import Row, as_rows
from tasks.errors import TomtError
from tests.flows.rangeringsdata import HOSTILE, figures, ranked, sources

SAID = HOSTILE.replace("\x07", " ")


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    frame = figures(kommuner(sandbox=False), missing="medianinntekt_forhold", invented=True)
    found = ranked("boligsosial", frame, kommuner(sandbox=False))
    made = as_rows(found.scorer, found.faktorer, frame)
    made[1]["kommunenavn"] = "=1+1"
    return made


def test_the_csv_opens_in_norwegian_excel(rows, tmp_path):
    path = tmp_path / "rangering.csv"
    write_csv(path, rows)
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    read = list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline=""), delimiter=";"))
    assert len(read) == 357
    assert {line["Kommunenummer"] for line in read} == {k.nummer for k in kommuner(sandbox=False)}
    assert [float(line["Score"].replace(",", ".")) for line in read] == [round(row["score"], 2) for row in rows]
    assert read[1]["Navn"] == "'=1+1"
    by_number = {line["Kommunenummer"]: line["Kommune"] for line in read}
    assert by_number["0301"] == "0301 Oslo"  # which Excel leaves alone
    assert content.startswith("\ufeffKommune;Rang;".encode())
    assert {line["Oppdiktede tall"] for line in read} == {"ja"}
    assert read[0]["Kilder og lisens"] == f"SSB 06913 Folkemengde 2025; {OPPDIKTET}"
    minus = [line["Endring i folketallet på 5 år (%)"] for line in read]
    assert any(text.startswith("-") and "," in text for text in minus)  # a number stays one
    assert not any(text.startswith(("=", "+", "@", "\t")) for line in read for text in line.values())


def test_the_workbook_has_ranking_factors_figures_and_sources(rows, tmp_path):
    path = tmp_path / "rangering.xlsx"
    write_xlsx(path, rows[:8], sources(svar="mangler", grunn="Non-existent table", invented=True))
    book = load_workbook(path, read_only=True)
    assert book.sheetnames == ["Rangering", "Faktorer", "Nøkkeltall", "Kilder"]
    ranking, factors, figures_, told = ([list(row) for row in sheet.iter_rows()] for sheet in book.worksheets)
    head = [cell.value for cell in ranking[0]]
    assert len(ranking) == 9
    assert ranking[2][head.index("Navn")].value == "=1+1"
    assert ranking[2][head.index("Navn")].data_type == "s"
    assert [row[head.index("Rang")].value for row in ranking[1:]] == list(range(1, 9))
    assert {row[head.index("Oppdiktede tall")].value for row in ranking[1:]} == {"ja"}
    assert len(factors) == 1 + 8 * 8
    points = [row[4].value for row in factors[1:9]]
    assert sum(points) == pytest.approx(rows[0]["score"])
    assert len(figures_) == 1 + 8 * len(rows[0]["noekkeltall"])
    reasons = {row[11].value for row in figures_[1:]}
    assert SAID in reasons
    assert [cell.value for cell in told[2]][:4] == ["SSB", "06944", "mangler", "Non-existent table"]
    assert [row[0].value for row in told[3:]] == [OPPDIKTET]
    assert not any(cell.data_type == "f" for row in (*ranking, *factors, *figures_, *told) for cell in row)


def test_a_reason_that_is_a_formula_is_text_in_both(rows, tmp_path):
    hostile = [rows[0] | {"fylke": '=cmd|" /C calc"!A0'}, rows[1] | {"fylke": "  @SUM(A1)"}]
    write_csv(tmp_path / "a.csv", hostile)
    read = list(csv.DictReader(StringIO((tmp_path / "a.csv").read_text("utf-8-sig"), newline=""), delimiter=";"))
    assert [line["Fylke"][0] for line in read] == ["'", "'"]
    write_xlsx(tmp_path / "a.xlsx", hostile, sources())
    sheet = load_workbook(tmp_path / "a.xlsx")["Rangering"]
    assert [(row[5].value, row[5].data_type) for row in sheet.iter_rows(min_row=2)] == [
        ('=cmd|" /C calc"!A0', "s"),
        ("  @SUM(A1)", "s"),
    ]


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(TomtError, match=r"--csv .*there is no folder .*borte\. Make it"):
        require_writable(tmp_path / "borte" / "a.csv", "--csv")
    with pytest.raises(TomtError, match=r"--xlsx .*is a folder"):
        require_writable(tmp_path, "--xlsx")
    require_writable(Path("a.csv"), "--csv")


def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_done():
    with pytest.raises(TomtError, match=r"--csv /proc/a\.csv: cannot be written"):
        require_writable(Path("/proc/a.csv"), "--csv")


def test_real_figures_carry_their_licence_and_whole_numbers_stay_whole(rows, tmp_path):
    figure = {"verdi": 7.0, "kilde": "SSB 05940 Igangsatte 2025; SSB 06913 Folkemengde 2025", "mangler": None}
    figures = {name: {**its, **figure} for name, its in rows[0]["noekkeltall"].items()}
    write_csv(tmp_path / "a.csv", [rows[0] | {"har_oppdiktede_tall": False, "noekkeltall": figures}])
    (line,) = csv.DictReader(StringIO((tmp_path / "a.csv").read_text("utf-8-sig"), newline=""), delimiter=";")
    assert line["Kilder og lisens"] == f"SSB 05940 Igangsatte 2025; SSB 06913 Folkemengde 2025; {LISENS}"
    assert line["Endring i folketallet på 5 år (%)"] == "7"


def test_an_earlier_file_stays_when_the_disk_refuses(rows, tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    path = tmp_path / "a.csv"
    path.write_text("gammel")
    monkeypatch.setattr("tasks.fil.os.replace", refuse)
    with pytest.raises(TomtError, match=r"a\.csv: cannot be written \(No space left on device\)"):
        write_csv(path, rows[:1])
    assert [p.name for p in tmp_path.iterdir()] == ["a.csv"]
    assert path.read_text() == "gammel"
