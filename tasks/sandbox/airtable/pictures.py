"""How wide and high a picture is, read from the first bytes of the file: PNG, JPEG, GIF and WebP.

Sources: PNG (W3C, IHDR), JPEG (ITU T.81, frame headers), GIF89a (logical screen), WebP container (VP8, VP8L, VP8X).
"""

from __future__ import annotations

import struct

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG that begin a frame header."""
BOXES = {"small": 36, "large": 512, "full": 3000}
"""The sides that Airtable's thumbnails fit into; those of the recorded answers fit the first two."""


def size_of(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels; None for what is no picture, or a broken one."""
    try:
        if data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR":
            found = struct.unpack(">II", data[16:24])
        elif data[:6] in (b"GIF87a", b"GIF89a"):
            found = struct.unpack("<HH", data[6:10])
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            found = _webp(data)
        elif data[:2] == b"\xff\xd8":
            found = _jpeg(data)
        else:
            return None
    except (struct.error, IndexError):
        return None
    width, height = found
    return (width, height) if width and height else None


def fitted(width: int, height: int, side: int) -> tuple[int, int]:
    """Return width and height of a picture made small enough for a square of this side, never larger than it is."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _webp(data: bytes) -> tuple[int, ...]:
    if data[12:16] == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if data[12:16] == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(data: bytes) -> tuple[int, ...]:
    place = 2
    while True:
        while data[place] != 0xFF or data[place + 1] == 0xFF:
            place += 1
        marker = data[place + 1]
        if marker in FRAMES:
            height, width = struct.unpack(">HH", data[place + 5 : place + 9])
            return width, height
        if marker == 0xDA:
            raise IndexError("the picture begins, and no frame was described")
        place += 2 + int(struct.unpack(">H", data[place + 2 : place + 4])[0])
