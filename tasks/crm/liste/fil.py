"""A list that people keep in a file, csv or xlsx, read into rows of cells. Nothing in it is trusted.

A row of a `Liste` is a row as Excel numbers it. Sizes are bounded before and while reading; formulas stay text or
are what Excel last made of them; nothing outside the file is opened.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import islice
from pathlib import Path

from tasks.crm.liste.celler import Celle, any_said
from tasks.crm.liste.kolonner import MOST_ROWS_ABOVE, Kolonner, find_columns, recognised
from tasks.errors import TomtError

MOST_BYTES = 20_000_000
MOST_ROWS = 20_000
MOST_COLUMNS = 200

TEXT_FILES = (".csv", ".tsv", ".txt")
SEPARATORS = (";", "\t", ",")
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

NEEDED = (
    f"No headings were found in the first {MOST_ROWS_ABOVE} rows. One row must have headings, among them Tomt (or "
    "Adresse or Navn), Matrikkelnummer, or Gnr and Bnr."
)


class ListeError(TomtError, ValueError):
    """A file cannot be read as a list; says what to do, and nothing of what stands in it."""


@dataclass(frozen=True)
class Liste:
    """The rows of one sheet, the row of headings and what stands above it included.

    Attributes
    ----------
    ark
        Name of the sheet; None for csv.
    andre_ark
        Sheets that are not read.
    rader
        Cells from the first row on; empty rows are there, so that the place of a row is its number less 1.
    kolonner
        The headings, understood.
    """

    ark: str | None
    andre_ark: tuple[str, ...]
    rader: tuple[tuple[Celle, ...], ...]
    kolonner: Kolonner


def read_list(path: Path, *, ark: str | None = None) -> Liste:
    """Read a file.

    Parameters
    ----------
    ark
        Name of the sheet; None takes the only one that has headings.

    Raises
    ------
    ListeError
        Naming the file, what is wrong and what to do.
    """
    content = _content(path)
    suffix = path.suffix.lower()
    if content.startswith(ZIP) and suffix == ".xlsx":
        from tasks.crm.liste.xlsx import read_xlsx

        return read_xlsx(content, path.name, ark=ark)
    if suffix == ".xlsx" or suffix not in TEXT_FILES or content.startswith((ZIP, OLE)):
        raise ListeError(
            f"{path.name}: no xlsx or csv file by name and content (a password makes it one no longer). Open it in a "
            "spreadsheet and save it as xlsx or csv."
        )
    if ark is not None:
        raise ListeError(f"{path.name}: a text file has no sheets. Leave --sheet away.")
    return _read_csv(_decoded(content, path.name), path.name)


def _content(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise ListeError(f"{path}: no such file. Check the path.")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise ListeError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from None
    if len(content) > MOST_BYTES:
        raise ListeError(
            f"{path.name}: larger than {MOST_BYTES // 1_000_000} MB. Save the sheet with the lots alone, without "
            "pictures, and read that."
        )
    return content


def check_size(rows: Iterable[Sequence[Celle]], name: str) -> tuple[tuple[Celle, ...], ...]:
    """Return rows without empty cells at their ends; stop at the first that is too many or too wide.

    Raises
    ------
    ListeError
        Naming the row.
    """
    kept: list[tuple[Celle, ...]] = []
    filled = 0
    for number, row in enumerate(rows, 1):
        if not row:
            kept.append(())
            continue
        width = len(row)
        while width and (row[width - 1] is None or not any_said(row[width - 1 : width])):
            width -= 1
        if width > MOST_COLUMNS:
            raise ListeError(f"{name}: row {number} has more than {MOST_COLUMNS} columns. Remove those not needed.")
        filled += width > 0
        if filled > MOST_ROWS:
            raise ListeError(f"{name}: more than {MOST_ROWS} rows. Split the file, and read the parts one by one.")
        kept.append(tuple(row[:width]))
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


# --- csv ---


def _decoded(content: bytes, name: str) -> str:
    """Return text of UTF-8, UTF-16 or Windows-1252, with or without a byte order mark."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return _strictly(content, (encoding,), name)
    evens, odds = content[:2000:2].count(0), content[1:2000:2].count(0)
    if evens or odds:  # every second byte of plain letters in UTF-16 is 0
        return _strictly(content, ("utf-16-le" if odds > evens else "utf-16-be",), name)
    return _strictly(content, ("utf-8", "cp1252"), name)


def _strictly(content: bytes, encodings: tuple[str, ...], name: str) -> str:
    for encoding in encodings:
        try:
            said = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in said:
            return said
    raise ListeError(f"{name}: not text in UTF-8, UTF-16 or Windows-1252. Save it as xlsx, or as csv in UTF-8.")


def _read_csv(said: str, name: str) -> Liste:
    first, _, rest = said.partition("\n")
    separators: tuple[str, ...]
    if first.strip().lower().startswith("sep=") and len(first.strip()) == 5:  # Excel's own way to name the separator
        separators, said = (first.strip()[4],), rest
    else:
        separators = _by_promise(said)
    rows: tuple[tuple[Celle, ...], ...] = ()
    for separator in separators:
        rows = check_size(_parsed(said, separator, name), name)
        columns = find_columns(rows)
        if columns is not None:
            return Liste(None, (), rows, columns)
    raise ListeError(f"{name}: {NEEDED}")


def _by_promise(said: str) -> tuple[str, ...]:
    """Return separators, those first under which most headings are recognised."""
    beginning = said[:50_000]

    def promise(separator: str) -> int:
        rows = islice(csv.reader(StringIO(beginning, newline=""), delimiter=separator), MOST_ROWS_ABOVE)
        return max((sum(recognised(cell) is not None for cell in row) for row in rows), default=0)

    return tuple(sorted(SEPARATORS, key=promise, reverse=True))


def _parsed(said: str, separator: str, name: str) -> Iterable[list[str]]:
    """Yield rows; a quotation mark that is never closed is an error, as it would swallow the rows after it."""
    reader = csv.reader(StringIO(said, newline=""), delimiter=separator, strict=True)
    try:
        yield from reader
    except csv.Error:
        raise ListeError(
            f"{name}: the quotation marks near line {reader.line_num} do not close. Correct them, or open the file "
            "in a spreadsheet and save it as xlsx."
        ) from None
