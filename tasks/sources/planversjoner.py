"""Which plans stand in several files with different content: two versions, of which perhaps one should go."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from tasks.sources import sosi
from tasks.sources.radtype import COLUMN

SHOWN = 5
MODULUS = 1 << 64


@dataclass
class Planversjoner:
    """Sums of where the rows of each plan lie, by object type and file; the order of rows does not count."""

    summer: dict[tuple[str, str], dict[str, int]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, piece: gpd.GeoDataFrame, fil: str) -> None:
        """Take note of rows.

        Parameters
        ----------
        piece
            With `objekttypenavn`.
        fil
            What the file is called.
        """
        columns = sosi.columns_of(sosi.PLANIDENT, [str(c) for c in piece.columns if c != "geometry"])
        if not columns:
            return
        shapes = np.asarray(piece.geometry.array, dtype=object)
        # The same shape is written in another order of vertices, or in another CRS, from file to file.
        places = np.round(np.column_stack([shapely.bounds(shapes), shapely.area(shapes)]))
        for objekttype, value, place in zip(piece[COLUMN], piece[columns[0]], places, strict=True):
            planid = sosi.PLANIDENT.clean(value)
            if planid is not None and objekttype is not None:
                sums = self.summer[str(objekttype), planid]
                sums[fil] = (sums.get(fil, 0) + _number(place)) % MODULUS

    def different(self) -> Mapping[tuple[str, ...], list[str]]:
        """Return the plans that differ from file to file, by the files that they stand in."""
        found: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for (objekttype, planid), sums in self.summer.items():
            if len(set(sums.values())) > 1:
                found[tuple(sums)].append(f"{planid} ({objekttype})")
        return found

    def lines(self) -> Iterator[str]:
        """Yield one line for each set of files that tell different things of the same plans."""
        for files, plans in self.different().items():
            more = f" and {len(plans) - SHOWN} more" if len(plans) > SHOWN else ""
            yield (
                f"{' and '.join(files)} hold different versions of {', '.join(plans[:SHOWN])}{more}: all are taken. "
                "Take away the file that is out of date."
            )


def _number(place: npt.NDArray[np.float64]) -> int:
    return int.from_bytes(hashlib.blake2b(place.tobytes(), digest_size=8).digest(), "big")
