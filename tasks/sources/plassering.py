"""Whether coordinates fit the CRS that a file says they are in: metres or degrees, axis order, Norway or not.

Every reader accepts a wrong EPSG code, and swapped axes, without a word; where the rows lie is what tells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import shapely

Bounds = tuple[float, float, float, float]
Funn = Literal["grader", "meter", "byttet", "utenfor", "i orden"]

# West, south, east, north. Mainland, Svalbard and Jan Mayen, the sea between them, and a margin.
NORWAY_DEGREES: Bounds = (-15.0, 55.0, 40.0, 83.0)
NORWAY_UTM: Bounds = (-1_700_000.0, 6_100_000.0, 1_800_000.0, 9_400_000.0)
"""In any of the zones 32, 33 and 35: far from a zone's own middle, eastings are negative or above a million."""

PLAUSIBLE: Bounds = (-1_000_000.0, 6_000_000.0, 2_000_000.0, 9_500_000.0)
"""EPSG:25833, metres: Norway with its sea areas and Svalbard, generously. Degrees and swapped axes fall outside."""


@dataclass(frozen=True)
class Plassering:
    """Where the rows of a layer lie.

    Attributes
    ----------
    grenser
        West, south, east, north of all rows with finite coordinates; None where there are none.
    funn
        What most of the rows look like: "grader" in a metric CRS, "meter" in a geographic one, "byttet" (north
        stands first), "utenfor" Norway, or "i orden".
    """

    grenser: Bounds | None
    funn: Funn

    @property
    def tekst(self) -> str:
        """The bounds for a message."""
        return "none" if self.grenser is None else "[" + ", ".join(f"{v:.6g}" for v in self.grenser) + "]"


def place(shapes: npt.NDArray[np.object_], *, geographic: bool) -> Plassering:
    """Return where geometries lie and what their coordinates look like.

    Parameters
    ----------
    shapes : (n,) array of geometries
    geographic
        True where their CRS is in degrees.
    """
    with np.errstate(invalid="ignore"):
        boxes = shapely.bounds(shapes)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(boxes):
        return Plassering(None, "i orden")
    bounds = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
    return Plassering(bounds, _look_geographic(boxes) if geographic else _look_metric(boxes))


@dataclass(frozen=True)
class Avvik:
    """Rows that are in Norway only when their coordinates are read in another way: how many, and where they lie."""

    funn: Literal["grader", "meter", "byttet"]
    antall: int
    grenser: Bounds

    @property
    def tekst(self) -> str:
        """The bounds for a message."""
        return "[" + ", ".join(f"{v:.6g}" for v in self.grenser) + "]"


def strays(shapes: npt.NDArray[np.object_], *, geographic: bool) -> Avvik | None:
    """Return the rows, be it one alone, whose coordinates are those of Norway in another order or unit.

    None of them can lie in Norway as they stand, so that nothing right is taken for wrong. Parameters as `place`.
    """
    with np.errstate(invalid="ignore"):
        boxes = shapely.bounds(shapes)
    boxes = boxes[np.isfinite(boxes).all(axis=1)]
    frame, other = (NORWAY_DEGREES, NORWAY_UTM) if geographic else (NORWAY_UTM, NORWAY_DEGREES)
    swapped = _inside(boxes, _swapped(frame)) & ~_inside(boxes, frame)
    unit = _inside(boxes, other) | _inside(boxes, _swapped(other))
    for funn, rows in (("byttet", swapped), ("meter" if geographic else "grader", unit)):
        if rows.any():
            found = boxes[rows]
            bounds = (*found[:, :2].min(axis=0).tolist(), *found[:, 2:].max(axis=0).tolist())
            return Avvik(funn, int(rows.sum()), bounds)  # type: ignore[arg-type]  # one of the three
    return None


def apart(one: Bounds | None, other: Bounds | None) -> bool:
    """Return whether two bounds have no point in common; unknown ones are not apart."""
    if one is None or other is None:
        return False
    return one[0] > other[2] or other[0] > one[2] or one[1] > other[3] or other[1] > one[3]


def _look_geographic(boxes: npt.NDArray[np.float64]) -> Funn:
    if not _most(_inside(boxes, (-180.0, -90.0, 180.0, 90.0))):
        return "meter"
    if _most(_inside(boxes, NORWAY_DEGREES)):
        return "i orden"
    return "byttet" if _most(_inside(boxes, _swapped(NORWAY_DEGREES))) else "utenfor"


def _look_metric(boxes: npt.NDArray[np.float64]) -> Funn:
    if _most(_inside(boxes, NORWAY_UTM)):
        return "i orden"
    if _most(_inside(boxes, _swapped(NORWAY_UTM))):
        return "byttet"
    # As metres, all of Norway in degrees is a patch of 0.15 daa: no lot lies in it.
    degrees = _inside(boxes, NORWAY_DEGREES) | _inside(boxes, _swapped(NORWAY_DEGREES))
    return "grader" if _most(degrees) else "utenfor"


def _inside(boxes: npt.NDArray[np.float64], frame: Bounds) -> npt.NDArray[np.bool_]:
    west, south, east, north = frame
    inside: npt.NDArray[np.bool_] = (
        (boxes[:, 0] >= west) & (boxes[:, 1] >= south) & (boxes[:, 2] <= east) & (boxes[:, 3] <= north)
    )
    return inside


def _swapped(frame: Bounds) -> Bounds:
    west, south, east, north = frame
    return south, west, north, east


def _most(rows: npt.NDArray[np.bool_]) -> bool:
    return bool(2 * rows.sum() > len(rows))
