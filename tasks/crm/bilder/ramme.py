"""Ramme: what stands in and around every map: scale bar, north arrow, title, legend, whose data it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, TypedDict

import numpy as np
import shapely
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from config.bilder import BilderRegister, Farger
from tasks.crm.bilder.etiketter import Box
from tasks.crm.bilder.lerret import Colour, Lerret, Stroke
from tasks.crm.bilder.motiv import Motiv
from tasks.crm.bilder.skrift import Linje, Snitt, fitted, line_of
from tasks.crm.bilder.stier import path_of
from tasks.crm.bilder.utsnitt import scale_bar as round_length
from tasks.tekst import tall

WHITE = "#ffffff"
MARGIN_PX = 16.0
BAR_SHARE = 0.3
"""Of the map's width, that the scale bar takes at most."""
ARROW = np.array([(0.0, 30.0), (12.0, -22.0), (0.0, -10.0), (-12.0, -22.0)])
ARROW_RADIUS_PX = 36.0
LEGEND_PX, LEGEND_ROWS, LEGEND_ROW_PX = 17.0, 2, 27.0
SWATCH = (26.0, 15.0)
BORDER_DASHES = (12, 6)
SOFT_OPACITY = 0.6


@dataclass(frozen=True)
class Maalestokk:
    """The scale bar in pixels of the map."""

    tekst: Linje
    lengde: float
    box: Box

    def put_on(self, canvas: Lerret, register: BilderRegister) -> None:
        """Put it on the map, on paper of its own."""
        west, south, _, _ = self.box
        canvas.put(path_of([shapely.box(*self.box)]), fyll=(WHITE, 0.85))
        left, base = west + 10, south + 12
        bar = [(left, base + 7), (left, base), (left + self.lengde, base), (left + self.lengde, base + 7)]
        canvas.put(Path(bar), strek=register.farger.tekst, bredde=3.0)
        middle = left + (self.lengde - self.tekst.bredde) / 2
        canvas.put(_at(self.tekst.path, max(middle, left), base + 12), fyll=register.farger.tekst)


def scale_bar(motiv: Motiv) -> Maalestokk:
    """Return the scale bar of a map."""
    view = motiv.utsnitt
    metres, pixels = round_length(view.opplosning, most_px=BAR_SHARE * view.bredde)
    whole = f"{tall(metres / 1000)} km" if metres >= 1000 else f"{tall(metres)} m"
    text = line_of(whole, 20, snitt="fet")
    width = max(pixels, text.bredde) + 20
    return Maalestokk(text, pixels, (MARGIN_PX, MARGIN_PX, MARGIN_PX + width, MARGIN_PX + 52))


@dataclass(frozen=True)
class Nordpil:
    """The north arrow: its middle in pixels of the map, and true north clockwise of up."""

    x: float
    y: float
    grader: float

    @property
    def box(self) -> Box:
        """What it takes of the map."""
        r = ARROW_RADIUS_PX
        return self.x - r, self.y - r, self.x + r, self.y + r

    def put_on(self, canvas: Lerret, register: BilderRegister) -> None:
        """Put it on the map, with a halo."""
        turned = Affine2D().rotate_deg(-self.grader).translate(self.x, self.y)
        arrow = Path(ARROW, closed=False).transformed(Affine2D().scale(0.75).translate(0, -8)).transformed(turned)
        points = np.asarray(arrow.vertices)
        arrow = Path(np.vstack([points, points[:1]]), closed=True)
        letter = line_of("N", 21, snitt="fet")
        above = math.radians(self.grader)
        north = _at(letter.path, self.x + 24 * math.sin(above) - letter.bredde / 2, self.y + 24 * math.cos(above) - 7)
        for path in (arrow, north):
            canvas.put(path, strek=WHITE, bredde=7.0, fyll=WHITE)
        canvas.put(arrow, fyll=register.farger.tekst)
        canvas.put(north, fyll=register.farger.tekst)


def north_arrow(motiv: Motiv) -> Nordpil:
    """Return the north arrow of a map, in its upper right corner."""
    away = MARGIN_PX + ARROW_RADIUS_PX
    return Nordpil(motiv.utsnitt.bredde - away, motiv.utsnitt.hoyde - away, motiv.nord_grader)


def put_strips(canvas: Lerret, motiv: Motiv, register: BilderRegister, *, kilde: str) -> None:
    """Put title and legend above and below the map.

    Parameters
    ----------
    kilde
        Whose the background is; empty without one.
    """
    size, ink, text = register.bilde, register.farger, motiv.tekster
    canvas.within(0, 0, size.bredde, size.hoyde)
    top = size.hoyde - size.topp
    for low, high in ((0, size.bunn), (top, size.hoyde)):
        canvas.put(path_of([shapely.box(0, low, size.bredde, high)]), fyll=WHITE)
    for edge in (size.bunn, top):
        canvas.put(Path([(0, edge), (size.bredde, edge)]), strek=ink.svak_tekst, bredde=1.5)
    most = size.bredde - 2 * MARGIN_PX
    lines: tuple[tuple[str, float, Snitt, str, float], ...] = (
        (text.tittel, 34.0, "fet", ink.tekst, size.hoyde - 42),
        (text.sted, 23.0, "vanlig", ink.tekst, size.hoyde - 72),
        (text.vurdering, 23.0, "fet", ink.tomt, size.hoyde - 99),
        (_foot(motiv, kilde), 15.0, "vanlig", ink.svak_tekst, 28),
        (text.kilder, 15.0, "vanlig", ink.svak_tekst, 8),
    )
    for words, letters, snitt, colour, base in lines:
        if words:
            found = fitted(words, letters, most_px=most, least=letters * 0.7, snitt=snitt)
            canvas.put(_at(found.path, MARGIN_PX, base), fyll=colour)
    _put_legend(canvas, legend(motiv, ink), ink=ink.tekst, width=size.bredde, top=size.bunn - 8)


def _foot(motiv: Motiv, kilde: str) -> str:
    dato = motiv.tekster.dato
    return " · ".join(part for part in (f"Data hentet {dato}" if dato else "", kilde) if part)


class Tegn(NamedTuple):
    """One entry of the legend."""

    navn: str
    fyll: str = "none"
    strek: Colour = "none"
    bredde: float = 0.0
    stiplet: Stroke = None
    skravur: str | None = None


class Bundet(TypedDict):
    """How the outline of bound land is drawn."""

    strek: Colour
    bredde: float
    stiplet: Stroke


def bound_style(ink: Farger, *, is_soft: bool) -> Bundet:
    """Return how bound land is drawn: what is to be reckoned with paler, with a broken outline."""
    if is_soft:
        return {"strek": (ink.binding, SOFT_OPACITY), "bredde": 1.0, "stiplet": (6, 5)}
    return {"strek": ink.binding, "bredde": 1.4, "stiplet": None}


def legend(motiv: Motiv, ink: Farger) -> list[Tegn]:
    """Return what is seen, most needed first: lot, område, plans, constraints, buildings, border, zones by area."""
    found = [Tegn("Tomten", strek=ink.tomt, bredde=4.0)]
    if motiv.omraade is not None:
        found.append(Tegn("Området", strek=ink.omraade, bredde=2.0, stiplet=(2, 5)))
    window = shapely.box(0, 0, motiv.utsnitt.bredde, motiv.utsnitt.hoyde)
    planer = [p.er_vedtatt for p in motiv.planer if p.form.intersects(window)]
    if any(planer):
        found.append(Tegn("Reguleringsplan", strek=ink.plan, bredde=2.4, stiplet=(9, 3, 3, 3)))
    if not all(planer):
        found.append(Tegn("Plan under arbeid", strek=ink.plan_under_arbeid, bredde=2.4, stiplet=(6, 4)))
    bound = [b for b in motiv.bindinger if b.form.intersects(window)]
    bound.sort(key=lambda b: (not b.form.intersects(motiv.tomt), b.er_myk))  # there may not be room for all
    hatches = dict.fromkeys((b.er_myk, b.navn, b.skravur) for b in bound)
    # A sign of a soft hatch once is too little for a swatch: it would look empty on a phone.
    found += [Tegn(n, **bound_style(ink, is_soft=soft), skravur=2 * h if soft else h) for soft, n, h in hatches]
    if any(not h.er_veg and h.form.intersects(window) for h in motiv.hindre):
        found.append(Tegn("Bygning", fyll=ink.bygning))
    if motiv.kommune is not None:
        found.append(Tegn("Kommunegrense", strek=ink.grense, bredde=1.6, stiplet=BORDER_DASHES))
    area: dict[tuple[str, str], float] = {}
    for zone in motiv.soner:
        if zone.form.intersects(window):
            area[zone.navn, zone.farge] = area.get((zone.navn, zone.farge), 0.0) + zone.form.area
    zones = sorted(area, key=lambda z: (-area[z], z))
    found += [Tegn(navn, fyll=farge, strek=ink.svak_tekst, bredde=0.8) for navn, farge in zones]
    return found


def _put_legend(canvas: Lerret, entries: list[Tegn], *, ink: str, width: float, top: float) -> None:
    """Put entries in rows from the left; what has no room in the last row is left out."""
    left, row = MARGIN_PX, 0
    for entry in entries:
        text = line_of(entry.navn, LEGEND_PX)
        taken = SWATCH[0] + 7 + text.bredde
        if left + taken > width - MARGIN_PX:
            row, left = row + 1, MARGIN_PX
        if row == LEGEND_ROWS:
            return
        low = top - row * LEGEND_ROW_PX - SWATCH[1] - 4
        swatch = path_of([shapely.box(left, low, left + SWATCH[0], low + SWATCH[1])])
        canvas.put(swatch, **{name: getattr(entry, name) for name in Tegn._fields[1:]})
        canvas.put(_at(text.path, left + SWATCH[0] + 7, low + 1.5), fyll=ink)
        left += taken + 18


def _at(path: Path, x: float, y: float) -> Path:
    return path.transformed(Affine2D().translate(x, y))
