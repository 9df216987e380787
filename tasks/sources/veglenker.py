"""Veglenker: raw segments of NVDB → contract `VEGLENKER`: a line between two nodes; EPSG:25833.

NVDB cuts a road link into segments wherever something changes along it, and has nodes at the ends of the link alone.
Where a segment ends inside its link, the place along it stands for the node, so that the pieces hang together.
"""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from tasks.account import Account
from tasks.crs import STORAGE_CRS
from tasks.sources import planrader
from tasks.tomtekontrakter import VEGLENKER

KATEGORIER = frozenset("ERFKPS")
NOT_BUILT = frozenset({"P", "A"})
"""Fase of a road that is planned or being built."""
LINK = ["veglenkesekvensid", "veglenkenummer"]
TYPEVEG = ("typeVeg_sosi", "typeVeg")
LEST = (
    *LINK,
    *("segmentnummer", "startnode", "sluttnode", "fase", "startposisjon", "sluttposisjon", "lengde", "vegkategori"),
    *TYPEVEG,
)
"""Columns that are read."""
SAME_PLACE = 1e-7
"""Of positions 0–1 along a sequence; NVDB has eight decimals."""
NODE_M = 25.0
"""So far apart may the ends be that meet in a node."""


def veglenker(raw: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, Account]:
    """Return the road links of contract `VEGLENKER`, and the account.

    Parameters
    ----------
    raw
        As `nvdb` hands over.
    """
    account = Account(VEGLENKER.name, len(raw))
    texts = {c: planrader.first(raw, (c,)) for c in (*LINK, "segmentnummer", "startnode", "sluttnode", "fase")}
    frame = gpd.GeoDataFrame(
        {c: pd.Series(v, dtype=object) for c, v in texts.items()}
        | {
            "start": _floats(raw, "startposisjon"),
            "slutt": _floats(raw, "sluttposisjon"),
            "lengde_m": _floats(raw, "lengde"),
            "vegkategori": pd.Series([_kategori(v) for v in planrader.first(raw, ("vegkategori",))], dtype=object),
            "typeveg": pd.Series(planrader.first(raw, TYPEVEG), dtype=object),
        },
        geometry=gpd.GeoSeries(list(raw.geometry), crs=STORAGE_CRS),
        crs=STORAGE_CRS,
    )
    frame["lenke_id"] = [
        "-".join(str(v) for v in row) for row in frame[[*LINK, "segmentnummer"]].itertuples(index=False)
    ]
    frame = _kept(frame, account)
    frame = _with_nodes(frame.sort_values([*LINK, "start"], kind="stable").reset_index(drop=True))
    measured = shapely.length(frame.geometry.to_numpy())
    short = ~(frame["lengde_m"].to_numpy(dtype=float) > 0)
    frame["lengde_m"] = np.where(short, measured, frame["lengde_m"].to_numpy(dtype=float))
    account.note("lengde målt av linjen", int(short.sum()))
    made = frame.sort_values("lenke_id", kind="stable")[[*VEGLENKER.columns, "geometry"]].reset_index(drop=True)
    account.close(len(made))
    return made, account


def _kept(frame: gpd.GeoDataFrame, account: Account) -> gpd.GeoDataFrame:
    """Return the links that are lines, built, and each once."""
    kept = frame

    def drop(mask: pd.Series, reason: str) -> None:
        nonlocal kept
        account.drop(reason, kept.loc[mask, "lenke_id"])
        kept = kept[~mask]

    drop(kept["veglenkesekvensid"].isna(), "uten veglenkesekvensid")
    drop(kept.geometry.isna() | kept.geometry.is_empty | (kept.geom_type != "LineString"), "ikke linje")
    drop(kept.geometry.length <= 0, "uten lengde")
    drop(kept["fase"].isin(NOT_BUILT), "ikke bygd")
    drop(kept["lenke_id"].duplicated(), "samme lenke_id")
    return kept


def _with_nodes(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return links, sorted along their sequence, with the nodes that they run between."""
    same = (frame[LINK] == frame[LINK].shift()).all(axis=1).to_numpy(dtype=bool)
    meets = (frame["start"] - frame["slutt"].shift()).abs().to_numpy(dtype=float) <= SAME_PLACE
    goes_on = same & meets  # from the row before
    is_followed = np.append(goes_on[1:], False)
    rows = zip(*(frame[c] for c in ("veglenkesekvensid", "start", "slutt", "startnode", "sluttnode")), strict=True)
    ends = [
        (
            _inside(link, start) if before or first is None else str(first),
            _inside(link, slutt) if after or last is None else str(last),
        )
        for (link, start, slutt, first, last), before, after in zip(rows, goes_on, is_followed, strict=True)
    ]
    fra, til = _placed([e[0] for e in ends], [e[1] for e in ends], frame.geometry.to_numpy())
    return frame.assign(fra_node=pd.Series(fra, dtype=object), til_node=pd.Series(til, dtype=object))


def _placed(fra: list[str], til: list[str], lines: npt.NDArray[np.object_]) -> tuple[list[str], list[str]]:
    """Return nodes that are one place each.

    Of a link whose other segments are left out, a node may be told at an end that lies elsewhere: it would tie together
    roads that do not meet.
    """
    ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
    nodes = pd.DataFrame({"node": [*fra, *til], "x": shapely.get_x(ends), "y": shapely.get_y(ends)})
    by_node = nodes.groupby("node")[["x", "y"]]
    spread = (by_node.transform("max") - by_node.transform("min")).max(axis=1) > NODE_M
    places = [
        f"{n}/{x:.0f},{y:.0f}" if apart else n
        for n, x, y, apart in zip(nodes["node"], nodes["x"], nodes["y"], spread, strict=True)
    ]
    return places[: len(fra)], places[len(fra) :]


def _inside(link: str, position: float) -> str:
    return f"{link}@{'?' if math.isnan(position) else f'{position:.7f}'}"


def _floats(raw: gpd.GeoDataFrame, name: str) -> pd.Series:
    return pd.to_numeric(pd.Series(planrader.first(raw, (name,)), dtype=object), errors="coerce").astype(float)


def _kategori(value: str | None) -> str | None:
    plain = (value or "").strip().upper()[:1]
    return plain if plain in KATEGORIER else None
