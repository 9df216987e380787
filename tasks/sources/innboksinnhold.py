"""What lies in a kommune's inbox and what of it is recognised: a row is one layer, or one file that is not read.

For a person who has put files there and wants to know what a run will make of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import shapely

from config.kilder import LANDTEMAER, Kilde
from config.registers import Kommune
from tasks.errors import SourceError
from tasks.sources import innboksfiler, innbokslag
from tasks.sources.innboksfiler import Fil
from tasks.sources.innbokslag import Innhold, Lag
from tasks.sources.innbokssted import Sted


@dataclass(frozen=True, kw_only=True)
class Funnet:
    """One layer, or one file that is not read.

    Attributes
    ----------
    fil, lag
        As a person knows them; `lag` is "" for a file that is not read.
    objekttyper
        SOSI object types that the layer holds; none where it holds nothing of use.
    rader
        How many the file says that the layer has.
    grunn
        Why it is not used, in Norwegian; "" for what is.
    stanser
        Whether it stops the themes of the inbox until somebody has mended it or taken it away.
    """

    fil: str
    lag: str = ""
    objekttyper: tuple[str, ...] = ()
    rader: int = 0
    grunn: str = ""
    stanser: bool = False

    @property
    def er_lest(self) -> bool:
        """Whether a run takes its rows."""
        return bool(self.objekttyper) and not self.grunn

    def as_dict(self) -> dict[str, Any]:
        """Return the row as JSON-ready values."""
        return asdict(self) | {"objekttyper": list(self.objekttyper)}

    def line(self) -> str:
        """Return the row in one line of Norwegian."""
        where = f"{self.fil}: {self.lag}" if self.lag and self.lag != Path(self.fil).stem else self.fil
        if self.er_lest:
            return f"{where}: {', '.join(self.objekttyper)}, {self.rader} rader"
        held = f" ({', '.join(self.objekttyper)}, {self.rader} rader)" if self.objekttyper else ""
        return f"{where}{held}: {self.grunn}."


def overview(
    kommune: Kommune,
    kilder: Sequence[Kilde],
    folder: Path,
    *,
    omraade: shapely.Geometry | None,
    mappe: Path,
    maks_bytes: int,
) -> list[Funnet]:
    """Return what is recognised in the inbox of a kommune, and what is not.

    Parameters
    ----------
    kilder
        The sources that read the inbox: what they name is recognised.
    folder
        geodata/innboks/<kommunenummer>; may be absent.
    omraade
        The kommune's boundary, EPSG:25833; without it, nobody can tell whose file it is.
    mappe
        Folder in which archives are unpacked.
    maks_bytes
        What they may unpack to, all together.
    """
    try:
        found = innboksfiler.contents(folder, temaer=frozenset(LANDTEMAER), mappe=mappe, maks_bytes=maks_bytes)
    except SourceError as error:
        return [Funnet(fil=f"{folder.parent.name}/{folder.name}", grunn=str(error).rstrip("."), stanser=True)]
    rows = [row for fil in found.filer for row in _layers(fil, kommune, kilder, omraade)]
    return rows + [Funnet(fil=one.navn, grunn=one.grunn, stanser=one.kan_ha_data) for one in found.uleste]


def _layers(fil: Fil, kommune: Kommune, kilder: Sequence[Kilde], omraade: shapely.Geometry | None) -> list[Funnet]:
    try:
        return [_layer(lag, kommune, kilder, omraade) for lag in innbokslag.layers(fil)]
    except SourceError as error:
        said = str(error).replace(str(fil.path), fil.navn).replace(str(fil.path.parent), fil.navn.rpartition("/")[0])
        return [Funnet(fil=fil.navn, grunn=innboksfiler.unreadable(SourceError(said)), stanser=True)]


def _layer(lag: Lag, kommune: Kommune, kilder: Sequence[Kilde], omraade: shapely.Geometry | None) -> Funnet:
    about = Funnet(fil=lag.fil.navn, lag=lag.navn, rader=lag.rader)
    innhold = _recognised(lag, kilder)
    if innhold is None:
        columns = ", ".join(lag.kolonner[:8])
        return replace(about, grunn=f"ikke kjent igjen ({columns}), og kan være planer", stanser=True)
    if not innhold.objekttyper:
        return replace(about, grunn=innhold.grunn)
    about = replace(about, objekttyper=innhold.objekttyper)
    if not set(innhold.objekttyper) & {objekttype for kilde in kilder for objekttype in kilde.lag}:
        return replace(about, grunn="ingen kilde for innboksen tar dette")
    sted = Sted(lag.fil.navn, kommune, omraade)
    for piece in lag.pieces():
        sted.look(piece)
        if sted.touches:
            break
    if sted.boxes and not sted.touches:
        return replace(about, grunn=f"ligger utenfor {kommune.label}, og er trolig en annen kommunes", stanser=True)
    return about


def _recognised(lag: Lag, kilder: Sequence[Kilde]) -> Innhold | None:
    """Return what a layer holds, by the source that knows it best."""
    found = [innbokslag.recognise(lag, kilde) for kilde in kilder]
    named = [one for one in found if one is not None and one.grunn == "navnet"]
    return next(iter([*named, *(one for one in found if one is not None)]), None)
