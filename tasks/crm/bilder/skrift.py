"""Skrift: text as outlines of DejaVu Sans, which comes with matplotlib, measured without drawing it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Literal, NamedTuple

import numpy as np
from matplotlib import get_data_path
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

Snitt = Literal["vanlig", "fet", "kursiv"]
FILES: Mapping[Snitt, str] = {
    "vanlig": "DejaVuSans.ttf",
    "fet": "DejaVuSans-Bold.ttf",
    "kursiv": "DejaVuSans-Oblique.ttf",
}
UNKNOWN = "?"
CAP_HEIGHT = 0.73
"""Height of a capital letter or digit, of the size of the font."""
BASE = 100.0
"""Outlines are made at this size, once for each text, and scaled."""


class Linje(NamedTuple):
    """One line of text: its outline from the left end of its base line, and its width in pixels."""

    path: Path
    bredde: float


def line_of(text: str, stoerrelse: float, *, snitt: Snitt = "vanlig") -> Linje:
    """Return the outline of a text.

    Parameters
    ----------
    stoerrelse
        Of the font, pixels.

    Examples
    --------
    >>> round(line_of("46/1", 20).bredde)
    43
    """
    path, width = _outline(text, snitt)
    factor = stoerrelse / BASE
    return Linje(path.transformed(Affine2D().scale(factor)), width * factor)


def fitted(text: str, stoerrelse: float, *, most_px: float, least: float, snitt: Snitt = "vanlig") -> Linje:
    """Return a text that is no wider than `most_px`: in smaller letters down to `least`, then cut with ``…``."""
    width = line_of(text, stoerrelse, snitt=snitt).bredde
    size = max(min(stoerrelse, stoerrelse * most_px / width), least) if width > 0 else stoerrelse
    found = line_of(text, size, snitt=snitt)
    while found.bredde > most_px and len(text) > 2:
        keep = min(int(len(text) * most_px / found.bredde), len(text) - 2)
        text = text[: max(keep, 1)].rstrip(" ,.·") + "…"
        found = line_of(text, size, snitt=snitt)
    return found


@lru_cache(maxsize=8192)
def _outline(text: str, snitt: Snitt) -> tuple[Path, float]:
    prop = _font(snitt)
    known = _letters(snitt)
    blanks = text.replace("\u00a0", " ")
    plain = "".join(c if ord(c) in known else UNKNOWN for c in blanks if c.isprintable())
    if not plain.strip():
        return Path(np.empty((0, 2))), 0.0
    # a pair of dollars would be read as a formula
    path = TextPath((0, 0), plain.replace("$", r"\$"), size=BASE, prop=prop)
    return path, float(np.asarray(path.vertices)[:, 0].max())


@cache
def _font(snitt: Snitt) -> FontProperties:
    return FontProperties(fname=_file(snitt))


@cache
def _letters(snitt: Snitt) -> frozenset[int]:
    return frozenset(get_font(_file(snitt)).get_charmap())


def _file(snitt: Snitt) -> str:
    """Return the file that comes with matplotlib: a machine may have others of the same name."""
    return f"{get_data_path()}/fonts/ttf/{FILES[snitt]}"
