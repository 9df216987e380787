"""Rangeringsfil: a ranking as a file for a spreadsheet, all kommuner, one row each.

CSV as Norwegian Excel opens it: UTF-8 with a mark, semicolons, decimal comma. XLSX with sheets for the ranking, the
factors (the why-card), the figures and where they are from. A text that a spreadsheet would take for a formula is none.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pandas as pd

from config.indikatorer import indikatorer
from flows.rangeringsrader import AREAS, OPPDIKTET, Row, label
from tasks.errors import TomtError
from tasks.fil import write_whole

Celle = str | float | int | None

LISENS = "Kilde: Statistisk sentralbyrå (CC BY 4.0) og valgresultat.no; poeng og rang er vår egen beregning."

_FORMULA = re.compile(r"^\s*[=+\-@\t\r|%]")
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
WIDEST = 60
"""Of a column, in letters."""


def require_writable(path: Path, option: str) -> None:
    """Raise unless a file can be put there, also in the place of one.

    Raises
    ------
    TomtError
        Naming the option and what to do.
    """
    if not path.parent.is_dir():
        raise TomtError(f"{option} {path}: there is no folder {path.parent}. Make it, or give another file.")
    if path.is_dir():
        raise TomtError(f"{option} {path}: is a folder. Give the name of a file in it.")
    try:
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise _unwritable(path, option, error) from None


def write_csv(path: Path, rows: Sequence[Row]) -> None:
    """Write all kommuner to a CSV file, as a whole.

    Raises
    ------
    TomtError
        When the disk refuses.
    """
    text = StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    head, *table = ranking_table(rows)
    writer.writerow([*head, "Kilder og lisens"])
    for row, cells in zip(rows, table, strict=True):
        writer.writerow([_csv_cell(cell) for cell in (*cells, "; ".join([*_sources(row), _licence([row])]))])
    _write(path, "--csv", text.getvalue().encode("utf-8-sig"))


def write_xlsx(path: Path, rows: Sequence[Row], kilder: pd.DataFrame) -> None:
    """Write all kommuner to a workbook, as a whole.

    Parameters
    ----------
    kilder
        Contract statistikkilder.

    Raises
    ------
    TomtError
        When the disk refuses.
    """
    from openpyxl import Workbook

    workbook = Workbook(write_only=True)
    sheets = {
        "Rangering": ranking_table(rows),
        "Faktorer": factor_table(rows),
        "Nøkkeltall": figure_table(rows),
        "Kilder": source_table(rows, kilder),
    }
    for title, table in sheets.items():
        _fill(workbook.create_sheet(title), list(table))
    content = BytesIO()
    workbook.save(content)
    _write(path, "--xlsx", content.getvalue())


def _write(path: Path, option: str, content: bytes) -> None:
    require_writable(path, option)
    try:
        write_whole(path, content)
    except OSError as error:
        raise _unwritable(path, option, error) from None


def _unwritable(path: Path, option: str, error: OSError) -> TomtError:
    why = error.strerror or type(error).__name__
    return TomtError(f"{option} {path}: cannot be written ({why}). Give another file.")


# --- the tables ---


def ranking_table(rows: Sequence[Row]) -> Iterator[list[Celle]]:
    """Yield the headings, and one line per kommune: rank, score, points, key figures, why.

    Which kommune it is comes first: of a number by itself Excel drops the zeros when it opens a CSV file.
    """
    known = indikatorer().indikator
    factors = [(f["faktor"], f"Poeng: {f['navn']} (av {f['maks']:g})") for f in (rows[0]["faktorer"] if rows else ())]
    figures = [name for name in known if rows and name in rows[0]["noekkeltall"]]
    yield [
        "Kommune", "Rang", "Rang sist", "Kommunenummer", "Navn", "Fylke", "Score", "Score høyest", "Nivå", "Persentil",
        "Blant de beste", "Robusthet %", "Tallgrunnlag %", *(f"Score {name}" for name in AREAS.values()),
        *(label for _, label in factors), *(_heading(name) for name in figures),
        "Hvorfor", "Mangler", "Profil", "Per år", "Rangert", "Oppdiktede tall",
    ]  # fmt: skip
    for row in rows:
        points = {f["faktor"]: f["poeng"] for f in row["faktorer"]}
        yield [
            label(row), row["rang"], row["rang_sist"], row["kommunenummer"], row["kommunenavn"], row["fylke"],
            _round(row["score"], 2), _round(row["score_hoy"], 2), row["nivaa"], _round(row["persentil"], 1),
            _yes(row["er_topp"]), _percent(row["robusthet"]), _percent(row["dekning"]),
            *(_round(row["omraader"].get(area, {}).get("score"), 2) for area in AREAS),
            *(_round(points.get(name), 2) for name, _ in factors),
            *(_round(row["noekkeltall"][name]["verdi"], known[name].desimaler + 1) for name in figures),
            "\n".join(f["hvorfor"] for f in row["faktorer"]), "\n".join(missing(row)), row["profil"], row["per_aar"],
            row["rangert_dato"], _yes(row["har_oppdiktede_tall"]),
        ]  # fmt: skip


def factor_table(rows: Sequence[Row]) -> Iterator[list[Celle]]:
    """Yield the headings, and one line per kommune and factor."""
    yield [
        "Kommunenummer", "Kommune", "Faktor", "Område", "Poeng", "Av", "Nøkkeltall", "Verdi", "Enhet", "År", "Kilde",
        "Status", "Hvorfor", "Oppdiktede tall",
    ]  # fmt: skip
    for row in rows:
        for f in row["faktorer"]:
            yield [
                row["kommunenummer"], row["kommunenavn"], f["navn"], AREAS.get(f["omraade"], f["omraade"]), f["poeng"],
                f["maks"], f["indikator"], f["verdi"], f["enhet"], f["aar"], f["kilde"], f["status"], f["hvorfor"],
                _yes(row["har_oppdiktede_tall"]),
            ]  # fmt: skip


def figure_table(rows: Sequence[Row]) -> Iterator[list[Celle]]:
    """Yield the headings, and one line per kommune and key figure."""
    known = indikatorer().indikator
    yield [
        "Kommunenummer", "Kommune", "Nøkkeltall", "Indikator", "Verdi", "Enhet", "År", "Landet", "Persentil", "Trend",
        "Kilde", "Mangler", "Oppdiktede tall",
    ]  # fmt: skip
    for row in rows:
        for name, f in row["noekkeltall"].items():
            label = known[name].etikett if name in known else name
            yield [
                row["kommunenummer"], row["kommunenavn"], label, name, f["verdi"], f["enhet"], f["aar"], f["landstall"],
                _round(f["persentil"], 1), f["trend"], f["kilde"], f["mangler"], _yes(row["har_oppdiktede_tall"]),
            ]  # fmt: skip


def source_table(rows: Sequence[Row], kilder: pd.DataFrame) -> Iterator[list[Celle]]:
    """Yield the headings, one line per table that was asked for, and what is to be known of all."""
    yield ["Kilde", "Tabell", "Svar", "Grunn", "Mål", "Oppdatert", "Hentet", "Antall tall", "Oppdiktede tall"]
    for one in kilder.to_dict("records"):
        yield [
            one["kilde"], one["tabell"], one["svar"], one["grunn"], ", ".join(one["maal"]), one["oppdatert"],
            one["hentet_tid"], int(one["antall_verdier"]), _yes(one["er_oppdiktet"]),
        ]  # fmt: skip
    yield [_licence(rows)]


def missing(row: Row) -> list[str]:
    """Return what a kommune has no figure for, each with the reason."""
    known = indikatorer().indikator
    return [
        f"{known[name].etikett if name in known else name}: {f['mangler']}"
        for name, f in row["noekkeltall"].items()
        if f["mangler"]
    ]


def _sources(row: Row) -> list[str]:
    """Return what the figures of a kommune are from, each once: of several behind a figure each by itself."""
    told = (f["kilde"] for f in row["noekkeltall"].values() if not f["mangler"])
    return list(dict.fromkeys(one for several in told for one in (several or "").split("; ") if one))


def _licence(rows: Sequence[Row]) -> str:
    """Return whose the figures are; invented ones are nobody's."""
    return OPPDIKTET if any(row["har_oppdiktede_tall"] for row in rows) else LISENS


def _heading(name: str) -> str:
    one = indikatorer().indikator[name]
    unit = indikatorer().enhet[one.enhet].tegn.strip()
    return f"{one.etikett} ({unit})" if unit else one.etikett


def _round(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value, 1)


def _yes(value: object) -> str:
    return "ja" if value else "nei"


# --- cells ---


def _csv_cell(value: Celle) -> str:
    """Return a cell that a spreadsheet takes literally: a number with a decimal comma, a text that is no formula."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(int(value) if float(value).is_integer() else value).replace(".", ",")
    text = _UNPRINTABLE.sub(" ", value)
    return f"'{text}" if _FORMULA.match(text) else text


def _fill(sheet: Any, table: list[list[Celle]]) -> None:
    """Put a table on a sheet: the first line stands when one scrolls, every column can be filtered."""
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    sheet.freeze_panes = "A2"
    bold = Font(bold=True)
    for k, letter in enumerate(map(get_column_letter, range(1, len(table[0]) + 1))):
        sheet.column_dimensions[letter].width = _width(table, k)
    for number, row in enumerate(table):
        cells: list[Any] = []
        for value in row:
            text = _UNPRINTABLE.sub(" ", value) if isinstance(value, str) else None
            if text is None or (number and not text.startswith(("=", "#"))):
                cells.append(value if text is None else text)
                continue
            cell = WriteOnlyCell(sheet, value=text)
            cell.data_type = "s"  # also what begins as a formula or an error does
            if number == 0:
                cell.font = bold
            cells.append(cell)
        sheet.append(cells)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(table[0]))}{len(table)}"


def _width(table: list[list[Celle]], column: int) -> int:
    """Return how wide a column is, from its heading and first lines."""
    cells = (str(row[column]) for row in table[:100] if column < len(row))
    longest = max((len(line) for cell in cells for line in cell.splitlines()), default=8)
    return min(longest + 2, WIDEST)
