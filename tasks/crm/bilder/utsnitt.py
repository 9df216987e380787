"""Utsnitt: the piece of land that a picture shows, in the kommune's own UTM zone, and what follows from it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np
import shapely
from pyproj import Proj

from config.bilder import Bildemaal, Utsnittregler

Bounds = tuple[float, float, float, float]
STEP_M = 0.1
"""Corners are put on this raster, so that a lot which moves by less is seen from the same place."""
PRECISION_PX = 0.1
ROUND = (1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Utsnitt:
    """A rectangle of land and of pixels.

    Attributes
    ----------
    epsg
        The zone that it is drawn in.
    vest, sor
        Its lower left corner, metres.
    opplosning
        Metres a pixel.
    bredde, hoyde
        Pixels.
    """

    epsg: int
    vest: float
    sor: float
    opplosning: float
    bredde: int
    hoyde: int

    @property
    def bounds(self) -> Bounds:
        """West, south, east and north, metres."""
        return (
            self.vest,
            self.sor,
            self.vest + self.bredde * self.opplosning,
            self.sor + self.hoyde * self.opplosning,
        )

    def to_pixels(self, shapes: Any) -> Any:
        """Return geometry in pixels from the lower left corner, to a tenth of one."""
        move = partial(_moved, corner=np.array([self.vest, self.sor]), metres=self.opplosning)
        return shapely.transform(shapes, move)


def _moved(points: np.ndarray[Any, Any], *, corner: np.ndarray[Any, Any], metres: float) -> np.ndarray[Any, Any]:
    moved: np.ndarray[Any, Any] = np.round((points - corner) / (metres * PRECISION_PX)) * PRECISION_PX
    return moved


def frame(tomt: Bounds, epsg: int, *, regler: Utsnittregler, bilde: Bildemaal) -> Utsnitt:
    """Return the piece of land around a lot: a margin on every side, none smaller or larger than the rules say.

    Parameters
    ----------
    tomt
        Bounds of the lot in the zone of `epsg`, metres.

    Examples
    --------
    >>> from config.bilder import bilder
    >>> seen = frame((0, 0, 30, 30), 25833, regler=bilder().utsnitt, bilde=bilder().bilde)
    >>> round(seen.bounds[2] - seen.bounds[0])  # 30 m of lot, 45 m on each side, and what the form of the map adds
    123
    """
    width, height = tomt[2] - tomt[0], tomt[3] - tomt[1]
    margin = min(max(regler.marg * max(width, height), regler.minste_marg_m), regler.storste_marg_m)
    pixels = (bilde.bredde, bilde.kart_hoyde)
    metres = max((width + 2 * margin) / pixels[0], (height + 2 * margin) / pixels[1])
    metres = min(metres, regler.storste_m / max(pixels))
    metres = math.ceil(metres * 10_000) / 10_000
    east, north = (tomt[0] + tomt[2]) / 2, (tomt[1] + tomt[3]) / 2
    return Utsnitt(
        epsg,
        round((east - metres * pixels[0] / 2) / STEP_M) * STEP_M,
        round((north - metres * pixels[1] / 2) / STEP_M) * STEP_M,
        metres,
        *pixels,
    )


def scale_bar(opplosning: float, *, most_px: float) -> tuple[float, float]:
    """Return metres and pixels of the longest bar of a round length.

    Examples
    --------
    >>> scale_bar(0.2, most_px=240)
    (20.0, 100.0)
    >>> scale_bar(3.0, most_px=240)
    (500.0, 166.66666666666666)
    """
    most = opplosning * most_px
    ten = 10.0 ** math.floor(math.log10(most))
    metres = max(ten * factor for factor in ROUND if ten * factor <= most)
    return metres, metres / opplosning


def north_angle(epsg: int, *, lengdegrad: float, breddegrad: float) -> float:
    """Return how far true north lies clockwise of grid north, degrees.

    West of the zone's meridian it lies to the right, by up to 5° in northern Norway.

    Examples
    --------
    >>> round(north_angle(25833, lengdegrad=9.0, breddegrad=60.0), 1)
    5.2
    >>> round(north_angle(25833, lengdegrad=18.0, breddegrad=60.0), 1)
    -2.6
    """
    convergence: float = _projection(epsg).get_factors(lengdegrad, breddegrad).meridian_convergence
    return -convergence


@cache
def _projection(epsg: int) -> Any:
    return Proj(f"EPSG:{epsg}")
