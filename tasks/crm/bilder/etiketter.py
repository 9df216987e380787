"""Etiketter: which numbers and names stand where in the map. Pure: pixels in, pixels out.

The lot's own parcel first, then plans, then the other parcels, each by how much is seen of it. What would lie upon
another, or not within its own land, is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import shapely
from matplotlib.path import Path
from matplotlib.transforms import Affine2D

from config.bilder import Etiketter
from tasks.crm.bilder.motiv import Motiv
from tasks.crm.bilder.skrift import CAP_HEIGHT, Snitt, line_of

Box = tuple[float, float, float, float]
AIR_PX = 4.0
"""Between two labels, and between a label and the edge of the map."""
LEAST_WITHIN = 0.8
"""Share of a label that must lie on its own land."""
Slag = Literal["egen", "teig", "plan"]
CUTS: Mapping[Slag, Snitt] = {"egen": "fet", "teig": "vanlig", "plan": "kursiv"}


@dataclass(frozen=True)
class Etikett:
    """A text in the map: its outline in pixels, and the box that it takes."""

    tekst: str
    slag: Slag
    path: Path
    box: Box


@dataclass
class _Sheet:
    """What is taken of the map."""

    width: float
    height: float
    taken: list[Box] = field(default_factory=list)

    def has_room(self, box: Box) -> bool:
        """Return True for a box within the map that touches none of those taken."""
        west, south, east, north = box
        if west < AIR_PX or south < AIR_PX or east > self.width - AIR_PX or north > self.height - AIR_PX:
            return False
        return all(
            east + AIR_PX <= w or e + AIR_PX <= west or north + AIR_PX <= s or n + AIR_PX <= south
            for w, s, e, n in self.taken
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
    plans = [(p.form, p.navn) for p in motiv.planer if p.navn]
    found += _within(plans, rules.plan_stoerrelse, sheet, slag="plan", most=rules.planer)
    others = [(t.form, t.nummer) for t in motiv.teiger if t.nummer and not t.er_egen]
    room = max(rules.storste_antall - len(found), 0)
    return found + _within(others, rules.stoerrelse, sheet, slag="teig", most=room)


def _own(motiv: Motiv, number: str, size: float, sheet: _Sheet) -> list[Etikett]:
    """Return the number of the lot's own parcel, on the lot, whether it fits there or not."""
    seen = shapely.intersection(motiv.tomt, shapely.box(0, 0, sheet.width, sheet.height))
    if not number or seen.is_empty:
        return []
    point = shapely.point_on_surface(largest(seen))
    label = _label(number, "egen", size, point.x, point.y)
    west, south, east, north = label.box
    right = max(AIR_PX - west, 0) - max(east - sheet.width + AIR_PX, 0)
    up = max(AIR_PX - south, 0) - max(north - sheet.height + AIR_PX, 0)
    if right or up:
        label = _label(number, "egen", size, point.x + right, point.y + up)
    sheet.taken.append(label.box)
    return [label]


def _within(wanted: Sequence[tuple[Any, str]], size: float, sheet: _Sheet, *, slag: Slag, most: int) -> list[Etikett]:
    """Return labels that lie on their own land and have room, those of the largest visible parts first."""
    if not wanted or not most:
        return []
    window = shapely.box(0, 0, sheet.width, sheet.height)
    forms = shapely.intersection(shapely.make_valid(np.array([form for form, _ in wanted])), window)
    parts = np.array([largest(form) for form in forms])
    points = shapely.get_coordinates(shapely.point_on_surface(parts[~shapely.is_empty(parts)]))
    texts = [text for (_, text), part in zip(wanted, parts, strict=True) if not part.is_empty]
    parts = parts[~shapely.is_empty(parts)]
    found: list[Etikett] = []
    said: set[str] = set()
    for n in np.lexsort((points[:, 1], points[:, 0], -shapely.area(parts))):
        if len(found) == most:
            break
        if slag == "plan" and texts[n] in said:  # a plan in several parts is named once
            continue
        label = _label(texts[n], slag, size, *points[n])
        if sheet.has_room(label.box) and _lies_on(label.box, parts[n]):
            sheet.taken.append(label.box)
            found.append(label)
            said.add(texts[n])
    return found


def _lies_on(box: Box, form: Any) -> bool:
    area = (box[2] - box[0]) * (box[3] - box[1])
    if form.area < LEAST_WITHIN * area:
        return False
    return bool(shapely.area(shapely.clip_by_rect(form, *box)) >= LEAST_WITHIN * area)


def _label(text: str, slag: Slag, size: float, x: float, y: float) -> Etikett:
    """Return a label around a point."""
    outline, width = line_of(text, size, snitt=CUTS[slag])
    height = size * CAP_HEIGHT
    corner = (x - width / 2, y - height / 2)
    path = outline.transformed(Affine2D().translate(*corner))
    return Etikett(text, slag, path, (corner[0], corner[1], corner[0] + width, corner[1] + height))


def largest(form: Any) -> Any:
    """Return the largest polygon of a geometry; an empty one where there is none."""
    parts = shapely.get_parts(shapely.get_parts(form))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON]
    return parts[int(np.argmax(shapely.area(parts)))] if len(parts) else shapely.Polygon()
