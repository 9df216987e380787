"""Bakgrunn: tiles on disk become the image under one map. Every file is read as if a stranger had put it there."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tasks.crm.bilder.utsnitt import Utsnitt

FORMATS = ("PNG", "JPEG")


@dataclass(frozen=True)
class Flis:
    """A tile on disk, None where there is none and the paper stays plain; its column and row from the upper left."""

    fil: Path | None
    kolonne: int
    rad: int


@dataclass(frozen=True)
class Bakgrunn:
    """The tiles under one map.

    Attributes
    ----------
    vest, nord
        Upper left corner of the first one, metres.
    opplosning
        Metres a pixel of the tiles.
    side
        Pixels of a tile's side.
    kilde
        What a reader is told of whose they are.
    """

    fliser: tuple[Flis, ...]
    vest: float
    nord: float
    opplosning: float
    side: int
    kilde: str


def background(tiles: Bakgrunn, view: Utsnitt) -> Image.Image | None:
    """Return the image under a map; None when a tile cannot be read.

    Files that are no tiles are removed, so that the next run asks for them again.
    """
    columns = 1 + max(t.kolonne for t in tiles.fliser)
    rows = 1 + max(t.rad for t in tiles.fliser)
    mosaic = Image.new("RGB", (columns * tiles.side, rows * tiles.side), "white")
    is_whole = True
    for tile in tiles.fliser:
        if tile.fil is None:
            continue
        image = _read(tile.fil, tiles.side)
        if image is None:
            is_whole = False
        else:
            mosaic.paste(image, (tile.kolonne * tiles.side, tile.rad * tiles.side))
    if not is_whole:
        return None
    west, south, east, north = view.bounds
    seen = (
        (west - tiles.vest) / tiles.opplosning,
        (tiles.nord - north) / tiles.opplosning,
        (east - tiles.vest) / tiles.opplosning,
        (tiles.nord - south) / tiles.opplosning,
    )
    return mosaic.resize((view.bredde, view.hoyde), Image.Resampling.BICUBIC, box=seen)


def _read(file: Path, side: int) -> Image.Image | None:
    """Return a tile on disk; one that is damaged is removed."""
    try:
        image = decode(file.read_bytes(), side)
        if image is None:
            file.unlink(missing_ok=True)
    except OSError:
        return None
    return image


def decode(data: bytes, side: int) -> Image.Image | None:
    """Return a tile as RGB; None for what is no PNG or JPEG of `side` by `side` pixels.

    The size is known from the head of the file: nothing larger is ever unpacked.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.size != (side, side):
                    return None
                rgba = image.convert("RGBA")
    except Exception:  # a decoder of foreign data raises whatever it likes
        return None
    paper = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(paper, rgba).convert("RGB")
