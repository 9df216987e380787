"""PNG: an image as bytes of at most so many, in a palette; the same image always gives the same bytes. Pure."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from config.bilder import Bildemaal
from tasks.errors import ContractError

COLOURS = (128, 64, 32)
"""Palettes that are tried, the richest first: flat colours need few, tiles in grey some tens."""
SMALLER = 0.85


def encode(image: Image.Image, size: Bildemaal) -> bytes:
    """Return an image as PNG: with fewer colours, then smaller, until it is small enough.

    Raises
    ------
    ContractError
        When it is still too large at the smallest size that is allowed.
    """
    for step in _steps(image, size):
        data = _bytes(step)
        if len(data) <= size.storste_bytes:
            return data
    raise ContractError(
        f"The picture is larger than {size.storste_bytes:,} bytes at {size.minste_bredde} pixels. Raise storste_bytes "
        "or lower minste_bredde in config/bilder.toml."
    )


def _steps(image: Image.Image, size: Bildemaal) -> Iterator[Image.Image]:
    """Yield the image in ever fewer bytes."""
    width = image.width
    while width >= size.minste_bredde:
        smaller = image
        if width < image.width:
            height = round(image.height * width / image.width)
            smaller = image.resize((width, height), Image.Resampling.LANCZOS)
        for colours in COLOURS:
            yield smaller.quantize(colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        width = int(width * SMALLER)


def _bytes(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="PNG", compress_level=6)
    return out.getvalue()
