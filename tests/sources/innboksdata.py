"""An inbox on disk and a source that reads it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import geopandas as gpd
import pyogrio
import shapely
from shapely import box

from config.kilder import Kilde
from config.registers import find_kommune
from tasks.sources import flat, innboks
from tasks.sources.asked import Asked
from tasks.sources.http import Client
from tasks.sources.limits import Limits

LIMITS = Limits(
    sekunder_tilkobling=1.0,
    sekunder_lesing=1.0,
    sekunder_kilde=60.0,
    forsoek=1,
    per_sekund=100.0,
    maks_bytes=50_000_000,
    side=500,
)
EAST, NORTH = 250_000.0, 6_620_000.0
OMRAADE = box(EAST, NORTH, EAST + 1000, NORTH + 1000)
KP = ("KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde")


def zones(count: int = 3, crs: int | None = 25833, **columns: object) -> gpd.GeoDataFrame:
    """Zones of a kommuneplan, 10 × 20 m each."""
    data = {
        "KPAREALFORMAL": ["1110"] * count,
        "AREALST": ["2"] * count,
        "PLANID": ["KPA1"] * count,
        "LOKALID": [f"0{i}" for i in range(count)],
    }
    shapes = [box(EAST + 20 * i, NORTH, EAST + 20 * i + 10, NORTH + 20) for i in range(count)]
    frame = gpd.GeoDataFrame(data | columns, geometry=shapes, crs=25833)
    if crs is None:
        return frame.set_crs(None, allow_override=True)
    return frame.to_crs(crs) if crs != 25833 else frame


def written(frame: gpd.GeoDataFrame, path: Path, **more: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".gdb":
        pyogrio.write_dataframe(frame, path, driver="OpenFileGDB", **more)
    elif path.suffix == ".shp":
        pyogrio.write_dataframe(frame.rename(columns=lambda c: c[:10]), path, **more)
    else:
        pyogrio.write_dataframe(frame, path, **more)
    return path


@dataclass
class Innboks:
    """An inbox, and what was read from it."""

    mappe: Path
    tema: str = "kommuneplan"
    lag: tuple[str, ...] | dict[str, str] = KP
    omraade: shapely.Polygon | None = OMRAADE
    limits: Limits = LIMITS
    merknad: str = ""
    tatt: list[gpd.GeoDataFrame] = field(default_factory=list)
    take: Callable[[gpd.GeoDataFrame], None] | None = None
    ganger: int = 0

    @property
    def folder(self) -> Path:
        return self.mappe / "innboks" / "3207"

    def read(self) -> gpd.GeoDataFrame:
        self.ganger += 1
        work = self.mappe / f"arbeid{self.ganger}"
        work.mkdir()
        kilde = Kilde(
            navn="innboks", tema=self.tema, protokoll="innboks", lag=self.lag, lisens="-", merknad=self.merknad
        )
        asked = Asked(
            kilde=kilde,
            kommune=find_kommune("3207", sandbox=False),
            adresse="",
            client=cast(Client, None),
            limits=self.limits,
            omraade=self.omraade,
            mappe=work,
            innboks=self.folder,
        )
        self.tatt = []
        count = innboks.read(asked, self.take or self.tatt.append)
        frame = flat.concat(self.tatt, epsg=25833)
        assert self.take is not None or count == len(frame)
        return frame
