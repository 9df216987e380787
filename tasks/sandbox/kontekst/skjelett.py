"""What the invented context of a kommune is drawn on: its lattice, towns and zones, and shapes between them.

Shapes are given in cells of the lattice (`tasks.sandbox.landskap`) and come out in EPSG:25833, whole millimetres: what
never folds there needs no buffering, and is the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString, Polygon

from tasks.sandbox.landskap import CELL_M, Landskap, Rect, noise
from tasks.sandbox.soner import tegn_sentre, tegn_soner
from tasks.sandbox.utkast import Fakta, Sone, Utkast, fakta

Floats = npt.NDArray[np.float64]
Verdi = str | int | float | None
UTENFOR = 0.12
"""How far lines and bands run out beyond the mainland, as a share of its breadth."""
STEG = 4.0
"""Cells between the corners of a line."""


@dataclass(frozen=True, slots=True)
class Objekt:
    """One invented feature: its number within the layer, geometry in EPSG:25833, and attributes."""

    nr: int
    geometri: shapely.Geometry
    verdier: dict[str, Verdi]


@dataclass(frozen=True, eq=False)
class Skjelett:
    """What a kommune's context is drawn on.

    Attributes
    ----------
    sentre
        The towns, in cells.
    soner
        The zones of its kommuneplan, roads among them.
    """

    fakta: Fakta
    land: Landskap
    sentre: tuple[tuple[float, float], ...]
    soner: tuple[Sone, ...]

    @cached_property
    def boliger(self) -> tuple[Sone, ...]:
        """The whole housing zones, the most central first."""
        return tuple(sorted((s for s in self.soner if s.er_bolig and s.hel), key=lambda s: (s.avstand, s.lokal_id)))

    @property
    def side(self) -> int:
        """Breadth of the kommune in cells."""
        return self.land.side

    def naer(self, u: float, v: float) -> float:
        """Return how far from a town a place is: the measure that zones are drawn by."""
        nearest = min((u - a) ** 2 + (v - b) ** 2 for a, b in self.sentre)
        return nearest / self.side**2 * len(self.sentre)

    def flekk(self, u: float, v: float, radius: float, *, fro: int, uro: float = 0.25) -> Polygon:
        """Return a wobbling disc around a place; `radius` in cells, `uro` how much it wobbles."""
        angle = np.array([2 * math.pi * k / 72 for k in range(72)])
        x, y = np.array([math.cos(a) for a in angle]), np.array([math.sin(a) for a in angle])
        r = radius * (1 + uro * noise(x * 1.2 + 9.0, y * 1.2 + 9.0, wavelength=0.9, seed=self._seed(fro)))
        return Polygon(self.land.xy(u + r * x, v + r * y, nodes=False))

    def baand(self, linje: Linje, halv: float | Callable[[Floats], Floats], *, fro: int, uro: float = 0.3) -> Polygon:
        """Return what lies within `halv` cells of a line on either side, a little more or less."""
        t = linje.t
        half = halv(t) if callable(halv) else np.full_like(t, halv)
        left, right = (
            half * (1 + uro * noise(t, np.zeros_like(t) + k, wavelength=18.0, seed=self._seed(fro)))
            for k in (5.0, 55.0)
        )
        at = linje.avvik
        along, across = np.concatenate([t, t[::-1]]), np.concatenate([at - left, (at + right)[::-1]])
        return Polygon(self._xy(linje, along, across))

    def strek(self, linje: Linje) -> LineString:
        """Return a line."""
        return LineString(self._xy(linje, linje.t, linje.avvik))

    def rute(self, rect: Rect | tuple[float, float, float, float]) -> Polygon:
        """Return a rectangle of the lattice with smooth sides."""
        u0, v0, u1, v1 = rect
        us, vs = _steps(u0, u1), _steps(v0, v1)
        u = np.concatenate([us, np.full_like(vs, u1), us[::-1], np.full_like(vs, u0)])
        v = np.concatenate([np.full_like(us, v0), vs, np.full_like(us, v1), vs[::-1]])
        return Polygon(self.land.xy(u, v, nodes=False))

    def linje(
        self,
        midt: float,
        *,
        langs_v: bool,
        fro: int,
        sving: float = 0.06,
        fra: float = -UTENFOR,
        til: float = 1 + UTENFOR,
    ) -> Linje:
        """Return a winding line from one side of the kommune to the other.

        Parameters
        ----------
        midt
            Where it crosses, in cells.
        langs_v
            Whether it runs along v; else along u.
        sving
            How far it winds, as a share of the breadth.
        fra, til
            Its ends, as shares of the breadth.
        """
        t = _steps(fra * self.side, til * self.side)
        bend = noise(t, np.full_like(t, 3.0), wavelength=0.4 * self.side, seed=self._seed(fro))
        return Linje(langs_v, t, midt + sving * self.side * bend)

    def punkt(self, u: float, v: float) -> shapely.Point:
        """Return a place."""
        ((x, y),) = self.land.xy(np.array([float(u)]), np.array([float(v)]), nodes=False).tolist()
        return shapely.Point(x, y)

    def trekk(self, fro: int) -> np.random.Generator:
        """Return a generator of one matter's own: nothing else moves when it is used."""
        return np.random.Generator(np.random.PCG64([self.fakta.seed, 8, fro]))

    def _seed(self, fro: int) -> int:
        return self.fakta.seed * 1_000 + fro

    def _xy(self, linje: Linje, along: Floats, across: Floats) -> Floats:
        u, v = (across, along) if linje.langs_v else (along, across)
        return self.land.xy(u, v, nodes=False)


@dataclass(frozen=True)
class Linje:
    """A line in cells: positions along v (or u), and where it lies across at each of them."""

    langs_v: bool
    t: Floats
    avvik: Floats

    def del_av(self, fra: float, til: float) -> Linje:
        """Return the part between two shares of its length."""
        n = len(self.t)
        chosen = slice(round(fra * (n - 1)), round(til * (n - 1)) + 1)
        return Linje(self.langs_v, self.t[chosen], self.avvik[chosen])


def rett(langs_v: bool, at: float, fra: float, til: float) -> Linje:
    """Return a line that is straight on the lattice."""
    t = _steps(fra, til)
    return Linje(langs_v, t, np.full_like(t, at))


def _steps(fra: float, til: float) -> Floats:
    made: Floats = np.linspace(fra, til, max(math.ceil((til - fra) / STEG), 1) + 1)
    return made


@cache
def skjelett(nummer: str) -> Skjelett:
    """Return what the context of an invented kommune is drawn on; kept for the life of the process."""
    f = fakta()[nummer]

    def utkast() -> Utkast:
        land = Landskap(seed=f.seed, origo=f.origo, side=int(f.side_m / CELL_M), oy=f.oy)
        return Utkast(fakta=f, landskap=land, rng=np.random.Generator(np.random.PCG64(f.seed)))

    sentre, drawn = tegn_sentre(utkast()), utkast()
    tegn_soner(drawn)
    return Skjelett(f, drawn.landskap, tuple(sentre), tuple(drawn.soner))


def midt_i(rect: Rect) -> tuple[float, float]:
    """Return the middle of a rectangle."""
    return (rect[0] + rect[2]) / 2, (rect[1] + rect[3]) / 2


def nummerert(rader: Sequence[tuple[shapely.Geometry, dict[str, Verdi]]], nummer: str) -> tuple[Objekt, ...]:
    """Return rows as features with numbers that no other kommune's have."""
    return tuple(Objekt(int(nummer) * 100_000 + k + 1, shape, values) for k, (shape, values) in enumerate(rader))
