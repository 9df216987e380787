"""The characters of a shapefile's table: said by .cpg or the table's head, often wrong, and seen in the bytes."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from pathlib import Path
from typing import overload

CHUNK = 1 << 20
WINDOWS = "cp1252"
LANGUAGES = {0x02: "cp850", 0x03: "cp1252", 0x08: "cp865", 0x17: "cp865", 0x57: "cp1252", 0x65: "cp866", 0x66: "cp865"}
"""Byte 29 of the head → code page, those that occur in the Nordic countries."""
ANSI = {"ansi1252", "ansi", "iso88591", "88591", "latin1", "1252", "cp1252", "windows1252", "oem"}

TEXT = re.compile(r"cp\d{3,4}|iso8859-\d+|utf-8|ascii|koi8-[ru]|mac-\w+")
"""Names of codecs that characters are written in; among the others are those that unpack, escape or refuse."""


@dataclass(frozen=True)
class Tegnsett:
    """The characters of one table."""

    navn: str

    @classmethod
    def of(cls, shp: Path) -> Tegnsett:
        """Return the characters of the table beside a .shp.

        UTF-8 is what its bytes show, whatever is said: no other text looks like it by chance.
        """
        beside = {p.suffix.lower(): p for p in shp.parent.iterdir() if p.stem == shp.stem}
        if _looks_utf8(beside[".dbf"]):
            return cls("utf-8")
        said = _said(beside.get(".cpg")) or _language(beside[".dbf"])
        return cls(WINDOWS if said is None or said == "utf-8" else said)

    @overload
    def text(self, value: str) -> str: ...

    @overload
    def text(self, value: None) -> None: ...

    @overload
    def text(self, value: str | None) -> str | None: ...

    def text(self, value: str | None) -> str | None:
        """Return text whose bytes were read as ISO 8859-1; a letter that was cut in two at the end is left out."""
        if value is None or value.isascii():
            return value
        try:
            raw = value.encode("latin-1")
        except UnicodeEncodeError:  # text already
            return value
        return raw.decode(self.navn, errors="replace").rstrip("\ufffd")


def _said(cpg: Path | None) -> str | None:
    """Return what .cpg says; None for nothing, or for nothing known."""
    if cpg is None:
        return None
    with cpg.open("rb") as file:
        word = file.read(40).decode("ascii", errors="ignore").strip().lower().replace("-", "").replace(" ", "")
    if word in ANSI:
        return WINDOWS
    try:
        name = codecs.lookup(word if not word.isdecimal() else f"cp{word}").name
    except (LookupError, ValueError):  # a NUL in it
        return None
    return name if TEXT.fullmatch(name) else None


def _language(dbf: Path) -> str | None:
    with dbf.open("rb") as file:
        head = file.read(32)
    return LANGUAGES.get(head[29]) if len(head) == 32 else None


def _looks_utf8(dbf: Path) -> bool:
    """Return whether the letters outside ASCII are mostly whole letters of UTF-8; some are cut where a field ends."""
    whole = broken = 0
    decode = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape").decode
    with dbf.open("rb") as file:
        file.seek(32)  # the first bytes are numbers
        while chunk := file.read(CHUNK):
            text = decode(chunk)
            if not text.isascii():
                lone = sum(0xDC80 <= ord(c) <= 0xDCFF for c in text)
                broken += lone
                whole += sum(ord(c) > 127 for c in text) - lone
    return whole > broken
