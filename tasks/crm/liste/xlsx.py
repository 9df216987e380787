"""Workbooks: the rows of one sheet of an xlsx file, bounded before it is unpacked and while it is read.

openpyxl reads row by row and is plain Python, so that what a hostile file asks for ends in an error. Unpacked sizes
are checked against what the archive declares, which `zipfile` holds it to; a part that declares entities is refused,
whatever it is called: openpyxl finds parts by what others say of them.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from typing import Any
from xml.parsers import expat

from openpyxl import load_workbook

from tasks.crm.liste.celler import Celle
from tasks.crm.liste.fil import NEEDED, Liste, ListeError, check_size
from tasks.crm.liste.kolonner import MOST_ROWS_ABOVE, find_columns

MOST_UNPACKED = 60_000_000
MOST_OF_OTHER_PARTS = 10_000_000
"""Bytes of a part that is neither a sheet nor the texts of sheets: styles, relations, names."""
MOST_PARTS = 2_000
MEDIA = "xl/media/"
LARGE_PARTS = ("xl/worksheets/", "xl/sharedStrings.xml", MEDIA)
MOST_BEFORE_ROOT = 65_536
MOST_TEXTS = 400_000
"""Texts that cells share: openpyxl reads all of them before the first row."""
MOST_CELLS = 20_000_000
"""Looked at, empty ones included."""
LAST_ROW = 1_048_576
"""The last row of Excel's grid."""

TOO_MUCH = (
    "{}: unpacks to more than a list of lots needs. Copy the lots to a new workbook, as values, and save it as xlsx."
)
DAMAGED = "{}: damaged, or no workbook. Open it in a spreadsheet and save it as xlsx."

_TEXT = re.compile(rb"<(?:[\w.-]{1,60}:)?si[\s/>]")
LONGEST_TAG = 70
CHUNK = 1_000_000


def read_xlsx(content: bytes, name: str, *, ark: str | None) -> Liste:
    """Read one sheet.

    Parameters
    ----------
    content
        Of the file.
    name
        Of the file, for messages.
    ark
        Name of the sheet; None takes the only visible one that has headings.

    Raises
    ------
    ListeError
        Naming the file and what to do.
    """
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            _check_parts(archive, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on what it does not keep of a workbook: nothing is written back
            return _read(content, name, ark=ark)
    except ListeError:
        raise
    except (MemoryError, RecursionError, Exception):  # whatever a damaged file makes the reader raise
        raise ListeError(DAMAGED.format(name)) from None


def _check_parts(archive: zipfile.ZipFile, name: str) -> None:
    parts = archive.infolist()
    if "xl/workbook.xml" not in archive.namelist():
        raise ListeError(f"{name}: no xlsx workbook. Open it in a spreadsheet and save it as xlsx.")
    large = [p for p in parts if p.file_size > MOST_OF_OTHER_PARTS and not p.filename.startswith(LARGE_PARTS)]
    if len(parts) > MOST_PARTS or large or sum(p.file_size for p in parts) > MOST_UNPACKED:
        raise ListeError(TOO_MUCH.format(name))
    texts = 0
    for part in parts:
        if _declares(archive, part, name):
            raise ListeError(f"{name}: declares a document type, which no workbook does. It is not read.")
        texts += _texts(archive, part, most=MOST_TEXTS)
        if texts > MOST_TEXTS:
            raise ListeError(TOO_MUCH.format(name))


class _RootReached(Exception):  # noqa: N818  # no error: ends the reading of a prologue
    """Nothing can be declared from here on."""


def _declares(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> bool:
    """Return whether a part has a document type: only there can entities be declared.

    A picture may have one that declares nothing.
    """
    found = False

    def declared(_name: str, _system: str | None, _public: str | None, declares: int) -> None:
        nonlocal found
        found = bool(declares) or not part.filename.startswith(MEDIA)
        raise _RootReached

    def root(*_: Any) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = declared
    parser.StartElementHandler = root
    try:
        with archive.open(part) as file:
            beginning = file.read(MOST_BEFORE_ROOT)
            parser.Parse(beginning, False)
    except _RootReached:
        return found
    except expat.ExpatError:
        if part.filename.lower().endswith((".xml", ".rels")):
            raise
        return False  # no XML to openpyxl either
    if not beginning.strip() and not part.filename.lower().endswith((".xml", ".rels")):
        return False
    raise ListeError(DAMAGED.format(name))


def _texts(archive: zipfile.ZipFile, part: zipfile.ZipInfo, *, most: int) -> int:
    """Return how many texts a part holds for cells to share, or some number above `most`."""
    found, end = 0, b""
    with archive.open(part) as file:
        while found <= most and (read := file.read(CHUNK).replace(b"\0", b"")):  # 0: every second byte of UTF-16
            here = end + read
            found += sum(1 for _ in _TEXT.finditer(here))
            cut = here.rfind(b"<", -LONGEST_TAG)
            end = here[cut:] if cut >= 0 and not _TEXT.match(here, cut) else b""
    return found


def _read(content: bytes, name: str, *, ark: str | None) -> Liste:
    workbook = load_workbook(BytesIO(content), read_only=True, data_only=True, keep_links=False)
    try:
        sheets = {sheet.title: sheet for sheet in workbook.worksheets if sheet.sheet_state == "visible"}
        chosen = _choose(sheets, name, ark=ark)
        rows = check_size(_rows(sheets[chosen], name), name)
        columns = find_columns(rows)
        if columns is None:
            raise ListeError(f"{name}: sheet {_quoted(chosen)}: {NEEDED}")
        return Liste(chosen, tuple(title for title in sheets if title != chosen), rows, columns)
    finally:
        workbook.close()


def _choose(sheets: dict[str, Any], name: str, *, ark: str | None) -> str:
    if ark is not None:
        if ark not in sheets:
            raise ListeError(f"{name}: no sheet {_quoted(ark)}. It has {_listed(sheets)}.")
        return ark
    fitting = [
        title for title, sheet in sheets.items() if find_columns(list(islice(_rows(sheet, name), MOST_ROWS_ABOVE)))
    ]
    if len(fitting) > 1:
        raise ListeError(f"{name}: {_listed(fitting)} have headings of lots. Choose one with --sheet.")
    if not fitting:
        raise ListeError(f"{name}: {NEEDED}")
    return fitting[0]


def _rows(sheet: Any, name: str) -> Iterator[tuple[Celle, ...]]:
    """Yield the values of each row, as far as its last cell."""
    sheet.reset_dimensions()  # what a file says of its own size is not believed
    cells = 0
    for row in sheet.iter_rows(max_row=LAST_ROW, values_only=True):
        cells += len(row)
        if cells > MOST_CELLS:
            raise ListeError(TOO_MUCH.format(name))
        yield row


def _quoted(title: str) -> str:
    return f"“{title[:40]}”"


def _listed(titles: Any) -> str:
    some = [_quoted(title) for title in titles]
    return ", ".join(some[:10]) + (" …" if len(some) > 10 else "")
