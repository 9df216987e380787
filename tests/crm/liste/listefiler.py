"""Lists as people keep them, made for the tests: text files, workbooks, and workbooks tampered with."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

from openpyxl import Workbook

SHEET = "xl/worksheets/sheet1.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def csv_file(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def xlsx_file(path: Path, rows: Sequence[Sequence[Any]], **others: Sequence[Sequence[Any]]) -> Path:
    """Write a workbook; its first sheet is called Tomter, the others as given."""
    workbook = Workbook()
    sheet = workbook.active
    assert sheet is not None
    sheet.title = "Tomter"
    for name, more in {"Tomter": rows, **others}.items():
        target = workbook[name] if name in workbook.sheetnames else workbook.create_sheet(name)
        for row in more:
            target.append(list(row))
    workbook.save(path)
    return path


def tampered(path: Path, change: Mapping[str, bytes | Callable[[bytes], bytes]]) -> Path:
    """Replace parts of a workbook, or add them."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    for name, new in change.items():
        parts[name] = new if isinstance(new, bytes) else new(parts[name])
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    path.write_bytes(packed.getvalue())
    return path


def sheet_of(rows: str) -> bytes:
    """Return the part of a sheet with these rows."""
    return f"<worksheet {MAIN}><sheetData>{rows}</sheetData></worksheet>".encode()


def inline(place: str, said: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{said}</t></is></c>'
