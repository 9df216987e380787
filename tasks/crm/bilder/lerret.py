"""Lerret: the one figure that all pictures of a process are drawn on, in pixels from its lower left corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, Bbox
from PIL import Image

DPI = 100
POINTS = 72 / DPI
"""Points of a pixel: matplotlib takes widths of lines in points."""
HATCH_PX = 1.6
Colour = str | tuple[str, float]
Stroke = Sequence[float] | None
"""Pixels on and off along a line; None for a whole one."""


class Lerret:
    """A figure of a fixed size; `begin` wipes it, `image` draws what was put on it since."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI)
        self._canvas = FigureCanvasAgg(self._figure)
        self._shift = Affine2D()
        self._clip = Bbox.from_bounds(0, 0, width, height)

    def begin(self, farge: str) -> None:
        """Wipe the figure; `farge` may be ``none``."""
        self._figure.clear()
        self._figure.set_facecolor(farge)
        self.within(0, 0, self.width, self.height)

    def within(self, x: float, y: float, width: float, height: float) -> None:
        """Let what is put from now on count from (x, y) and be seen in this rectangle alone."""
        self._shift = Affine2D().translate(x, y)
        self._clip = Bbox.from_bounds(x, y, width, height)

    def put(
        self,
        path: Path,
        *,
        fyll: Colour = "none",
        strek: Colour = "none",
        bredde: float = 0.0,
        stiplet: Stroke = None,
        skravur: str | None = None,
    ) -> None:
        """Put a path on top of what was put before.

        Parameters
        ----------
        fyll, strek
            Colour, or colour and opacity.
        bredde
            Of the line, pixels.
        skravur
            Pattern of matplotlib, in the colour of the line.
        """
        if not np.size(path.vertices):
            return
        style: Any = "solid" if stiplet is None else (0, [step / bredde for step in stiplet])
        layer = PathPatch(  # with all of a layer in one path: a collection of many costs ten times as much
            path,
            facecolor=fyll,
            edgecolor=strek,
            linewidth=bredde * POINTS,
            linestyle=style,
            hatch=skravur,
            transform=self._shift,
            zorder=len(self._figure.artists),
            joinstyle="round",
            capstyle="butt",
            snap=False,
        )
        layer.set_hatch_linewidth(HATCH_PX * POINTS)
        self._figure.add_artist(layer)
        layer.set_clip_path(None)
        layer.set_clip_box(self._clip)

    def image(self, mode: Literal["RGB", "RGBA"] = "RGB") -> Image.Image:
        """Return what has been put on the figure."""
        self._canvas.draw()  # type: ignore[no-untyped-call]
        pixels = self._canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        whole = Image.fromarray(np.asarray(pixels).copy())
        return whole if mode == "RGBA" else whole.convert("RGB")
