"""Vegnett: the roads as a graph, and how far it is along them.

Links (contract veglenker) are edges, their ends nodes. Ends are one node when they bear the same node id within
`SAMME_NODE_M`, or have the same place: a source may give the parts of a link the ids of its whole. Ways run in both
directions; lengths are those of the geometry, in the CRS of the links.

A place is tied to the link nearest to its edge: a leg from the edge, to the position beside its middle. Links that
hang together for less than `minste_nett_m` lead nowhere and nothing is tied to them.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

SAMME_NODE_M = 1.0
"""Ends farther apart than this are not the same node, whatever their ids say."""
SAMME_STED_M = 0.05
"""Ends in the same square of this side are the same node."""
MINST_M = 1e-9
"""A sparse matrix takes 0 for no edge."""

Geometries = npt.NDArray[np.object_]
Tall = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Tilknytning:
    """Places tied to links: one row for each link that is nearest; none for a place too far from every road.

    Attributes
    ----------
    sted
        Row number of the place, ascending.
    lenke, langs_m, bein_m
        The link, the position along it, and the straight leg to it, m.
    """

    sted: Indices
    lenke: Indices
    langs_m: Tall
    bein_m: Tall

    def of(self, chosen: npt.NDArray[np.bool_]) -> Tilknytning:
        """Return some of the rows."""
        return Tilknytning(self.sted[chosen], self.lenke[chosen], self.langs_m[chosen], self.bein_m[chosen])


@dataclass(frozen=True)
class Vegnett:
    """The graph.

    Attributes
    ----------
    lenker
        LineStrings that lead somewhere.
    lengde_m, fra, til
        Of each: length, and the nodes at its start and end.
    antall_noder
        Nodes are numbered from 0.
    """

    lenker: Geometries
    lengde_m: Tall
    fra: Indices
    til: Indices
    antall_noder: int

    def tilknytt(self, steder: Geometries, *, innen_m: float) -> Tilknytning:
        """Tie places (any geometry) to the nearest links within a distance; links as near as each other all count."""
        if not len(self.lenker) or not len(steder):
            none = np.empty(0, dtype=np.intp)
            return Tilknytning(none, none, np.empty(0), np.empty(0))
        tree = shapely.STRtree(self.lenker)
        sted, lenke = tree.query_nearest(steder, max_distance=innen_m)
        lines = self.lenker[lenke]
        # beside its middle: a side that runs along the road is as near to it everywhere
        along = shapely.line_locate_point(lines, shapely.point_on_surface(steder)[sted])
        bein = shapely.distance(steder[sted], shapely.line_interpolate_point(lines, along))
        return Tilknytning(sted, lenke, along, bein)

    def ender(self, innenfor: shapely.Geometry) -> Tilknytning:
        """Return where links meet an area, as places without a leg: nodes inside it and crossings of its edge."""
        tree = shapely.STRtree(self.lenker)
        lenke = np.sort(tree.query(innenfor, predicate="intersects"))
        lines = self.lenker[lenke]
        # the prepared area is asked for both ends at once
        ends = np.concatenate([shapely.get_point(lines, 0), shapely.get_point(lines, -1)])
        shapely.prepare(innenfor)
        inside = shapely.intersects(innenfor, ends)
        twice = np.concatenate([lenke, lenke])
        at = np.concatenate([np.zeros(len(lenke)), self.lengde_m[lenke]])
        edge = shapely.intersection(lines, shapely.boundary(innenfor))
        points, of = shapely.get_coordinates(edge, return_index=True)
        crossing = shapely.line_locate_point(lines[of], shapely.points(points))
        links, along = np.concatenate([twice[inside], lenke[of]]), np.concatenate([at[inside], crossing])
        return Tilknytning(np.arange(len(links)), links, along, np.zeros(len(links)))

    def avstander(self, fra: Tilknytning, til: Tilknytning, *, innen_m: float) -> pd.DataFrame:
        """Return the shortest way from each place to any of the targets.

        Parameters
        ----------
        innen_m
            Ways longer than this are not looked for.

        Returns
        -------
        DataFrame
            avstand_m: leg + along the links + the target's leg; maal: `sted` of the target. Index: `sted` of the
            places that reach one.
        """
        if not len(fra.sted) or not len(til.sted):
            return pd.DataFrame({"avstand_m": np.empty(0), "maal": np.empty(0, dtype=np.intp)})
        away, target = self._from_targets(til, innen_m=innen_m)
        start, end = self.fra[fra.lenke], self.til[fra.lenke]
        rows = pd.concat(
            [
                _ways(fra, away[start] + fra.langs_m, target[start]),
                _ways(fra, away[end] + self.lengde_m[fra.lenke] - fra.langs_m, target[end]),
                _on_same_link(fra, til),
            ]
        )
        rows = rows[rows["avstand_m"] <= innen_m].sort_values(["sted", "avstand_m", "maal"], kind="stable")
        return rows.drop_duplicates("sted").set_index("sted")

    def _from_targets(self, til: Tilknytning, *, innen_m: float) -> tuple[Tall, Indices]:
        """Return for each node how far the nearest target is, and its `sted`: one search from all at once."""
        n, k = self.antall_noder, len(til.sted)
        virtual = np.arange(n, n + k)
        row = np.concatenate([self.fra, self.til, virtual, virtual])
        col = np.concatenate([self.til, self.fra, self.fra[til.lenke], self.til[til.lenke]])
        before, after = til.bein_m + til.langs_m, til.bein_m + self.lengde_m[til.lenke] - til.langs_m
        weight = np.concatenate([self.lengde_m, self.lengde_m, before, after])
        graph = _shortest_edges(row, col, np.maximum(weight, MINST_M), n + k)
        away, _, source = dijkstra(
            graph, directed=True, indices=virtual, min_only=True, return_predecessors=True, limit=innen_m
        )
        target = np.full(n + k, -1, dtype=np.intp)
        reached = np.isfinite(away)
        target[reached] = til.sted[source[reached] - n]
        return away[:n], target[:n]


def bygg_vegnett(veglenker: gpd.GeoDataFrame, *, minste_nett_m: float) -> Vegnett:
    """Return the graph of road links.

    Parameters
    ----------
    veglenker
        lenke_id, fra_node, til_node; LineString, a projected CRS in metres.
    minste_nett_m
        Links that hang together for less than this are left out.
    """
    rows = veglenker.sort_values("lenke_id", kind="stable")
    lines = np.asarray(rows.geometry.to_numpy(), dtype=object)
    nodes, count = _nodes(lines, rows["fra_node"].to_numpy(object), rows["til_node"].to_numpy(object))
    length = np.asarray(shapely.length(lines), dtype=float)
    fra, til = nodes[: len(lines)], nodes[len(lines) :]
    if not len(lines):
        return Vegnett(lines, length, fra, til, 0)
    _, part = connected_components(coo_array((np.ones(len(fra)), (fra, til)), shape=(count, count)), directed=False)
    kept = np.bincount(part[fra], weights=length)[part[fra]] >= minste_nett_m
    return Vegnett(lines[kept], length[kept], fra[kept], til[kept], count)


def _nodes(lines: Geometries, fra: Geometries, til: Geometries) -> tuple[Indices, int]:
    """Return the node of each end – starts first, then ends – and how many nodes there are."""
    xy = shapely.get_coordinates([*shapely.get_point(lines, 0), *shapely.get_point(lines, -1)])
    ends = len(xy)
    square, _ = pd.factorize(pd.MultiIndex.from_arrays(np.floor(xy / SAMME_STED_M + 0.5).astype(np.int64).T))
    by_id, _ = pd.factorize(np.concatenate([fra, til]))  # -1 where a source gives none
    ends_of = pd.DataFrame(xy).groupby(by_id)
    place = (ends_of.transform("max") - ends_of.transform("min")).to_numpy()
    trusted = (by_id >= 0) & (np.hypot(place[:, 0], place[:, 1]) <= SAMME_NODE_M)
    squares = int(square.max(initial=-1)) + 1
    row, col = np.arange(ends), ends + square
    row = np.concatenate([row, np.flatnonzero(trusted)])
    col = np.concatenate([col, ends + squares + by_id[trusted]])
    size = ends + squares + int(by_id.max(initial=-1)) + 1
    _, part = connected_components(coo_array((np.ones(len(row)), (row, col)), shape=(size, size)), directed=False)
    nodes, found = pd.factorize(part[:ends])
    return nodes.astype(np.intp), len(found)


def _shortest_edges(row: Indices, col: Indices, weight: Tall, size: int) -> csr_array:
    """Return the graph with the shortest of parallel edges: a sparse matrix would add them up."""
    order = np.lexsort((weight, col, row))
    row, col, weight = row[order], col[order], weight[order]
    first = np.ones(len(row), dtype=bool)
    first[1:] = (row[1:] != row[:-1]) | (col[1:] != col[:-1])
    return csr_array((weight[first], (row[first], col[first])), shape=(size, size))


def _ways(fra: Tilknytning, along: Tall, maal: Indices) -> pd.DataFrame:
    return pd.DataFrame({"sted": fra.sted, "avstand_m": fra.bein_m + along, "maal": maal})


def _on_same_link(fra: Tilknytning, til: Tilknytning) -> pd.DataFrame:
    """Return the ways between places and targets on one link, which pass no node."""
    a = pd.DataFrame({"lenke": fra.lenke, "sted": fra.sted, "fra_m": fra.langs_m, "bein_m": fra.bein_m})
    b = pd.DataFrame({"lenke": til.lenke, "maal": til.sted, "til_m": til.langs_m, "maalbein_m": til.bein_m})
    both = a.merge(b, on="lenke")
    both["avstand_m"] = both["bein_m"] + (both["fra_m"] - both["til_m"]).abs() + both["maalbein_m"]
    return both[["sted", "avstand_m", "maal"]]
