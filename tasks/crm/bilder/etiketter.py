"""Etiketter: which numbers and names stand where in the map. Pure: pixels in, pixels out.

The lot's own parcel first, on the lot or beside it where that is too narrow, then plans, then the other parcels, each
by how much is seen of it. What would lie upon another, or not within its own land, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import shapely
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from config.bilder import Etiketter
from tasks.crm.bilder.motiv import Motiv, Plan
from tasks.crm.bilder.skrift import CAP_HEIGHT, Snitt, line_of

Box = tuple[float, float, float, float]
AIR_PX, FAR_PX = 4.0, 1e5
"""Between two labels, and between a label and the edge of the map."""
LEAST_WITHIN = 0.8
"""Share of a label that must lie on its own land."""
OUTLINE_PX = 5.0
"""What the lot's outline takes on either side of it."""
PLANS_TRIED = 12
"""The largest ones in view."""
Slag = Literal["egen", "teig", "plan", "planarbeid"]
SLAG: Mapping[bool, Slag] = {True: "plan", False: "planarbeid"}
"""By whether the plan is adopted."""
CUTS: Mapping[Slag, Snitt] = {"egen": "fet", "teig": "vanlig", "plan": "kursiv", "planarbeid": "kursiv"}
HALO_PX: Mapping[str, float] = {"egen": 6.0, "teig": 4.5, "plan": 4.0, "planarbeid": 4.0}
"""Width of the white line around the letters."""


@dataclass(frozen=True)
class Etikett:
    """A text in the map: its outline in pixels, the box of its letters, and the box that it takes with its halo."""

    tekst: str
    slag: Slag
    path: Path
    letters: Box
    box: Box


@dataclass
class _Sheet:
    """What is taken of the map."""

    width: float
    height: float
    taken: list[Box] = field(default_factory=list)

    def has_room(self, box: Box, *, air: float = AIR_PX) -> bool:
        """Return True for a box within the map that touches none of those taken, nor comes as close as `air`."""
        west, south, east, north = box
        if west < AIR_PX or south < AIR_PX or east > self.width - AIR_PX or north > self.height - AIR_PX:
            return False
        return all(
            east + air <= w or e + air <= west or north + air <= s or n + air <= south for w, s, e, n in self.taken
        )


def place(motiv: Motiv, rules: Etiketter, *, taken: Iterable[Box] = ()) -> list[Etikett]:
    """Return the labels of a map.

    Parameters
    ----------
    taken
        Boxes that are kept free: scale bar and arrow.
    """
    sheet = _Sheet(motiv.utsnitt.bredde, motiv.utsnitt.hoyde, list(taken))
    found = _own(motiv, motiv.nummer, rules.egen_stoerrelse, sheet)
    found += _plans([p for p in motiv.planer if p.navn], motiv.tomt, rules, sheet=sheet)
    others = [(t.form, t.nummer) for t in motiv.teiger if t.nummer and not t.er_egen]
    room = max(rules.storste_antall - len(found), 0)
    return found + _parcels(others, rules.stoerrelse, sheet, most=room)


def _own(motiv: Motiv, number: str, size: float, sheet: _Sheet) -> list[Etikett]:
    """Return the number of the lot's own parcel: on the lot, else beside it, else on it all the same."""
    seen = shapely.intersection(motiv.tomt, shapely.box(0, 0, sheet.width, sheet.height))
    if not number or seen.is_empty:
        return []
    part = largest(seen)
    point = shapely.point_on_surface(part)
    label = _label(number, "egen", size, point.x, point.y)
    if not (sheet.has_room(label.box) and _lies_on(label.letters, part)):
        beside = (_label(number, "egen", size, *place) for place in _beside(label, part))
        label = next((one for one in beside if sheet.has_room(one.box) and _is_clear(one.box, seen)), label)
    west, south, east, north = label.box
    right = max(AIR_PX - west, 0) - max(east - sheet.width + AIR_PX, 0)
    up = max(AIR_PX - south, 0) - max(north - sheet.height + AIR_PX, 0)
    if right or up:
        west, south, east, north = label.letters
        label = _label(number, "egen", size, (west + east) / 2 + right, (south + north) / 2 + up)
    sheet.taken.append(label.box)
    return [label]


def _beside(label: Etikett, part: Any) -> Iterator[tuple[float, float]]:
    """Yield middles to the right, left, above and below of the lot where the label stands."""
    west, south, east, north = label.box
    x, y, width, height = (west + east) / 2, (south + north) / 2, east - west, north - south
    w, _, e, _ = shapely.clip_by_rect(part, -FAR_PX, south, FAR_PX, north).bounds
    _, s, _, n = shapely.clip_by_rect(part, west, -FAR_PX, east, FAR_PX).bounds
    yield e + OUTLINE_PX + width / 2, y
    yield w - OUTLINE_PX - width / 2, y
    yield x, n + OUTLINE_PX + height / 2
    yield x, s - OUTLINE_PX - height / 2


def _is_clear(box: Box, form: Any) -> bool:
    return bool(shapely.clip_by_rect(form, *box).is_empty)


def _plans(plans: Sequence[Plan], tomt: Any, rules: Etiketter, *, sheet: _Sheet) -> list[Etikett]:
    """Return names of plans, each once: beside the lot where no other plan is, else upon them and well apart."""
    if not plans or not rules.planer:
        return []
    parts = _visible([p.form for p in plans], sheet)
    order = [n for n in np.argsort(-shapely.area(parts), kind="stable") if not parts[n].is_empty][:PLANS_TRIED]
    found: list[Etikett] = []
    for n in order:
        name, slag = plans[n].navn, SLAG[plans[n].er_vedtatt]
        if len(found) == rules.planer:
            break
        if any(name == label.tekst for label in found):  # a plan in several parts is named once
            continue
        others = [tomt, *(parts[m] for m in order if plans[m].navn != name)]
        alone = largest(shapely.difference(parts[n], shapely.union_all(others)))
        for land, air in ((alone, AIR_PX), (parts[n], float(rules.plan_stoerrelse))):
            if label := _on(land, name, slag, rules.plan_stoerrelse, sheet=sheet, air=air):
                found.append(label)
                break
    return found


def _on(land: Any, text: str, slag: Slag, size: float, *, sheet: _Sheet, air: float = AIR_PX) -> Etikett | None:
    """Return a label on its own land, None where that is too small or taken."""
    if land.is_empty:
        return None
    point = shapely.point_on_surface(land)
    label = _label(text, slag, size, point.x, point.y)
    if not (sheet.has_room(label.box, air=air) and _lies_on(label.letters, land)):
        return None
    sheet.taken.append(label.box)
    return label


def _parcels(wanted: Sequence[tuple[Any, str]], size: float, sheet: _Sheet, *, most: int) -> list[Etikett]:
    """Return numbers that lie on their own land and have room, those of the largest visible parts first."""
    if not wanted or not most:
        return []
    parts = _visible([form for form, _ in wanted], sheet)
    there = np.flatnonzero(~shapely.is_empty(parts))
    points = shapely.get_coordinates(shapely.point_on_surface(parts[there]))
    found: list[Etikett] = []
    for n in np.lexsort((points[:, 1], points[:, 0], -shapely.area(parts[there]))):
        if len(found) == most:
            break
        label = _label(wanted[there[n]][1], "teig", size, *points[n])
        if sheet.has_room(label.box) and _lies_on(label.letters, parts[there[n]]):
            sheet.taken.append(label.box)
            found.append(label)
    return found


def _visible(forms: Sequence[Any], sheet: _Sheet) -> Any:
    """Return the largest part of each that is seen."""
    window = shapely.box(0, 0, sheet.width, sheet.height)
    return np.array([largest(f) for f in shapely.intersection(shapely.make_valid(np.array(forms)), window)])


def _lies_on(box: Box, form: Any) -> bool:
    area = (box[2] - box[0]) * (box[3] - box[1])
    if form.area < LEAST_WITHIN * area:
        return False
    return bool(shapely.area(shapely.clip_by_rect(form, *box)) >= LEAST_WITHIN * area)


def _label(text: str, slag: Slag, size: float, x: float, y: float) -> Etikett:
    """Return a label around a point: its capitals stand around it, and what hangs below them counts as well."""
    outline, width = line_of(text, size, snitt=CUTS[slag])
    left, base = x - width / 2, y - size * CAP_HEIGHT / 2
    path = outline.transformed(Affine2D().translate(left, base))
    points = np.asarray(path.vertices)
    low, high = (points[:, 1].min(), points[:, 1].max()) if len(points) else (y, y)
    letters = (left, float(min(low, base)), left + width, float(max(high, base)))
    halo = HALO_PX[slag] / 2
    box = (letters[0] - halo, letters[1] - halo, letters[2] + halo, letters[3] + halo)
    return Etikett(text, slag, path, letters, box)


def largest(form: Any) -> Any:
    """Return the largest polygon of a geometry; an empty one where there is none."""
    parts = shapely.get_parts(shapely.get_parts(form))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return parts[int(np.argmax(shapely.area(parts)))] if len(parts) else shapely.Polygon()
