"""One protocol asked by itself: what it hands over, and what it fails with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import shapely

from config.kilder import Kilde
from config.registers import Kommune
from tasks.errors import SourceError
from tasks.sources import flat
from tasks.sources.asked import Asked, Take
from tasks.sources.http import Client
from tasks.sources.limits import Limits

AREA = shapely.box(-121_300, 6_738_700, -118_700, 6_741_300)


class Asking:
    """Asks a source at one address with one protocol.

    `kilde` holds the fields of the source that differ from a plain one.
    """

    def __init__(self, read: Callable[[Asked, Take], int | None], url: str, **kilde: Any) -> None:
        self.read, self.url = read, url
        self.kilde = {"navn": "prove", "tema": "reguleringsplan", "lisens": "ingen", "adresse": url} | kilde
        self.pieces: list[gpd.GeoDataFrame] = []
        self.said: int | None = None

    def __call__(
        self, kommune: Kommune, limits: Limits, folder: Path, *, area: Any = AREA, **kilde: Any
    ) -> gpd.GeoDataFrame:
        """Return everything that was handed over as one frame, each piece after the contract of `Take`."""
        made = Kilde(**{**self.kilde, **kilde})
        self.pieces = []
        with Client(self.url, limits=limits, auth=("nap", "hemmelig"), legitimasjon=made.legitimasjon) as client:
            asked = Asked(
                kilde=made,
                kommune=kommune,
                adresse=self.url,
                client=client,
                limits=limits,
                omraade=area,
                mappe=folder,
                innboks=folder,
            )
            self.said = self.read(asked, self.pieces.append)
        for piece in self.pieces:
            assert piece.crs.to_epsg() == 25833
            assert not piece.geometry.has_z.any()
            assert piece["objekttypenavn"].isin(made.lag).all()
            assert made.tema == "teig" or {type(v) for c in piece.columns if c != "geometry" for v in piece[c]} <= {
                str,
                type(None),
            }
        return flat.concat(self.pieces, epsg=25833)

    def fails(self, kommune: Kommune, limits: Limits, folder: Path, **kilde: Any) -> str:
        """Return the message of the refusal: one line that names the address."""
        with pytest.raises(SourceError) as caught:
            self(kommune, limits, folder, **kilde)
        said = str(caught.value)
        assert self.url in said
        assert "\n" not in said
        return said
