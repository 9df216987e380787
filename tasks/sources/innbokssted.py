"""Where the rows of an inbox's layer lie: whether any touches the kommune whose inbox it is."""

from __future__ import annotations

from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import shapely

from config.registers import Kommune
from tasks.errors import SourceError


@dataclass
class Sted:
    """Looks at a layer piece by piece.

    Attributes
    ----------
    fil
        What a person knows the file by.
    omraade
        The kommune's boundary, EPSG:25833; where it is None, everything is taken to touch.
    """

    fil: str
    kommune: Kommune
    omraade: shapely.Geometry | None
    touches: bool = False
    boxes: list[tuple[float, float, float, float]] = field(default_factory=list)

    def look(self, piece: gpd.GeoDataFrame) -> None:
        """Take note of rows, EPSG:25833."""
        shapes = np.asarray(piece.geometry.array, dtype=object)
        bounds = shapely.bounds(shapes)
        bounds = bounds[np.isfinite(bounds).all(axis=1)]
        if self.touches or not len(bounds):
            return
        self.boxes.append((*bounds[:, :2].min(axis=0).tolist(), *bounds[:, 2:].max(axis=0).tolist()))
        area = self.omraade
        self.touches = area is None or bool(shapely.intersects(area, shapely.box(*bounds.T)).any())

    def check(self, layer: str) -> None:
        """Raise `SourceError` when there are rows, and none of them touches."""
        if self.boxes and not self.touches:
            boxes = np.array(self.boxes)
            whole = [round(v) for v in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))]
            raise SourceError(
                f"Innboksen: {self.fil}: ingenting i laget {layer!r} berører {self.kommune.label} (utstrekning {whole} "
                "i EPSG:25833). Filen oppgir feil koordinatsystem, eller gjelder en annen kommune: rett den, eller "
                "flytt den ut av innboksen."
            )
