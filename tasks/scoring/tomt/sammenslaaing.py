"""Sammenslåing: neighbouring lots of one område or one owner that together reach what none of them does alone.

A row is one assembly, key `sammenslaaing_id`: "3207-S000123" of its first lot. Every lot is in one assembly at most;
those within an område go first, since one plan can settle them.

Who owns is not known, only how many and of what kind. Two lots have the same owner when their land belongs to the same
matrikkelenheter, all of them, or when the kommune alone owns both: a shared matrikkelenhet beside others is a shared
owner beside others. An equal kind of owner says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from config.sammenslaaing import Maal, Sammenslaaingsregler
from tasks.crs import STORAGE_CRS
from tasks.scoring.tomt.nabolag import groups, neighbours
from tasks.scoring.tomt.samlet import merged_shares, merged_tomter, only_owner, union_facts
from tasks.tekst import tall
from tasks.tomtekontrakter import SAMMENSLAAINGER

AKTIV, BORTE = "aktiv", "borte"
OMRAADE, EIER = "område", "eier"
MAAL_ORD: Mapping[Maal, tuple[str, float, int]] = {
    "areal_m2": ("daa", 1000.0, 1),
    "byggbar_m2": ("daa byggbart", 1000.0, 1),
    "score": ("poeng", 1.0, 0),
}
"""What a limit is of → its unit in words, what a unit is, decimals."""
POENG = ("areal_m2", "byggbar_m2", "score", "hoyest", "nivaa", "boliger_lav", "boliger", "boliger_hoy")
SLIK = (
    "Regnet som én tomt: areal og kjerne er summen, avstander den korteste av dem, folk og bygninger rundt det meste "
    "rundt én av dem, konflikter vektet etter areal, eiere lagt sammen."
)

Poenggiver = Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Contracts `tomtefakta`, `konfliktandeler` and (of what it has) `tomter` of merged lots → their `scorer`."""
Poengrad = Mapping[str, Any]
"""A row of contract `scorer`, with areal_m2 and (instead of the score's) byggbar_m2 of the facts."""

Lots = Sequence[Mapping[Any, Any]]
"""Of each lot: tomt_id, omraade_id, score, kommunal."""


@dataclass(frozen=True)
class Tilbud:
    """A group of lots that is offered, or may be.

    Attributes
    ----------
    lots
        Positions of its lots.
    maal, grense
        What it reaches and none of them alone.
    """

    ident: str
    lots: tuple[int, ...]
    grunnlag: str
    maal: Maal
    grense: float


def sammenslaainger(
    tomter: gpd.GeoDataFrame,
    fakta: pd.DataFrame,
    andeler: pd.DataFrame,
    scorer: pd.DataFrame,
    *,
    foer: pd.DataFrame | None,
    poeng: Poenggiver,
    regler: Sammenslaaingsregler,
    kommunenummer: str,
) -> gpd.GeoDataFrame:
    """Return the assemblies of a kommune, those that are no more among them.

    Parameters
    ----------
    tomter
        Contract `tomter`, EPSG:25833; gone and stopped lots take no part, nor do lots without facts.
    fakta, andeler, scorer
        Contracts `tomtefakta`, `konfliktandeler` and `scorer` of the living lots.
    foer
        Contract `sammenslaainger` of the last run: an assembly keeps its id as long as the lot that it is called by is
        one of its lots; of two that become one, the lower id stays.
    poeng
        Scores merged lots by the same rules as the others.

    Returns
    -------
    GeoDataFrame
        Contract `sammenslaainger`, by id.
    """
    lots = _taking_part(tomter, fakta, scorer)
    found = _Sok(lots, andeler, poeng, _ids(foer), regler, kommunenummer).offers() if len(lots) > 1 else []
    told = lots[["tomt_id", "omraade_id", "score", "kommunal"]].to_dict("records")
    rows = [_row(offer, score, [told[k] for k in offer.lots], kommunenummer) for offer, score in found]
    shapes = lots.geometry.to_numpy()
    made = _frame(rows, [shapely.union_all(shapes[list(offer.lots)]) for offer, _ in found])
    if foer is None or not len(foer):
        return made
    gone = foer[~foer["sammenslaaing_id"].isin(made["sammenslaaing_id"])].assign(tilstand=BORTE)
    parts = [part for part in (made, gone) if len(part)]
    every = pd.concat(parts, ignore_index=True).sort_values("sammenslaaing_id", ignore_index=True)
    return gpd.GeoDataFrame(every, geometry="geometry", crs=STORAGE_CRS)


def _taking_part(tomter: gpd.GeoDataFrame, fakta: pd.DataFrame, scorer: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return living lots that are not stopped, by id, with facts (their own columns win) and score."""
    own = ["tomt_id", "omraade_id", "matrikkelenheter", "kjerne_grunnlag", "har_tvist", "geometry"]
    living = tomter.loc[tomter["tilstand"] == AKTIV, own]
    scores = scorer.loc[~scorer["er_stoppet"].astype(bool), ["tomt_id", "score"]]
    frame = living.merge(fakta[~fakta["er_stoppet"].astype(bool)], on="tomt_id").merge(scores, on="tomt_id")
    ordered: gpd.GeoDataFrame = frame.sort_values("tomt_id", ignore_index=True)
    return ordered


def _ids(foer: pd.DataFrame | None) -> dict[str, str]:
    """Return lot → id of the living assembly that is called by it."""
    if foer is None:
        return {}
    living = foer.loc[foer["tilstand"] == AKTIV, "sammenslaaing_id"]
    return {ident.replace("-S", "-", 1): ident for ident in living}


@dataclass(frozen=True)
class _Sok:
    """The search for assemblies of one kommune."""

    lots: gpd.GeoDataFrame
    andeler: pd.DataFrame
    poeng: Poenggiver
    ids: Mapping[str, str]
    regler: Sammenslaaingsregler
    kommunenummer: str

    def offers(self) -> list[tuple[Tilbud, Poengrad]]:
        """Return what is offered with its score, by basis and limit; a lot that is taken is not looked at again."""
        naboer = neighbours(self.lots.geometry.to_numpy(), avstand_m=self.regler.avstand_m)
        marks = {OMRAADE: list(self.lots["omraade_id"]), EIER: [only_owner(r) for r in self.lots.to_dict("records")]}
        is_open = np.ones(len(self.lots), dtype=bool)
        found: list[tuple[Tilbud, Poengrad]] = []
        for grunnlag, mark in marks.items():
            for maal, limit in self.regler.terskel.limits.items():
                below = is_open & (self.lots[maal].to_numpy(dtype=float) < limit)  # what is not known is no reason
                candidates = groups(naboer, mark, er_med=below, maks=self.regler.maks_tomter)
                for group, score in self._reaching(candidates, maal, limit):
                    is_open[group] = False
                    found.append((Tilbud(self._ident(group), tuple(group), grunnlag, maal, limit), score))
        return found

    def _reaching(self, groups: Sequence[list[int]], maal: Maal, limit: float) -> list[tuple[list[int], Poengrad]]:
        """Return the groups that reach a limit, each with its row of scores and its areas."""
        if not groups:
            return []
        by_name = {self._ident(group): group for group in groups}
        rows = [(name, lot) for name, group in by_name.items() for lot in group]
        lots = self.lots.drop(columns=["geometry", "score"]).iloc[[lot for _, lot in rows]].reset_index(drop=True)
        lots.insert(0, "gruppe", [name for name, _ in rows])
        fakta = union_facts(lots)
        if maal != "score":  # known before any points are given
            fakta = fakta[fakta[maal] >= limit].reset_index(drop=True)
            lots = lots[lots["gruppe"].isin(fakta["tomt_id"])].reset_index(drop=True)
        if not len(fakta):
            return []
        scores = self.poeng(fakta, merged_shares(self.andeler, lots), merged_tomter(lots, self.kommunenummer))
        areas = fakta.set_index("tomt_id")[["areal_m2", "byggbar_m2"]]
        full = scores.set_index("tomt_id").assign(areal_m2=areas["areal_m2"], byggbar_m2=areas["byggbar_m2"])
        reaching = full[full[maal] >= limit]
        found = [{str(name): value for name, value in row.items()} for row in reaching.to_dict("records")]
        return [(by_name[str(name)], score) for name, score in zip(reaching.index, found, strict=True)]

    def _ident(self, group: Sequence[int]) -> str:
        """Return the id of a group: the one it has had, or that of its first lot."""
        lots = [self.tomt_ider[k] for k in group]
        kept = sorted(self.ids[lot] for lot in lots if lot in self.ids)
        return kept[0] if kept else lots[0].replace("-", "-S", 1)

    @cached_property
    def tomt_ider(self) -> list[str]:
        """Lot ids by position."""
        return list(map(str, self.lots["tomt_id"]))


def _row(offer: Tilbud, score: Poengrad, of: Lots, kommunenummer: str) -> dict[str, object]:
    areas = {lot["omraade_id"] for lot in of}
    return {
        "sammenslaaing_id": offer.ident,
        "kommunenummer": kommunenummer,
        "grunnlag": offer.grunnlag,
        "omraade_id": areas.pop() if len(areas) == 1 else None,
        "tomt_ider": [lot["tomt_id"] for lot in of],
        "beste_tomt_score": float(max(lot["score"] for lot in of)),
        "hvorfor": _why(offer, score, of),
        "tilstand": AKTIV,
        **{name: score[name] for name in POENG},
    }


def _why(offer: Tilbud, score: Poengrad, of: Lots) -> str:
    unit, size, decimals = MAAL_ORD[offer.maal]
    reached, limit = (
        f"{tall(n / size, decimals).removesuffix(',0')} {unit}" for n in (score[offer.maal], offer.grense)
    )
    owner = "som kommunen eier" if all(lot["kommunal"] == "eier" for lot in of) else "på de samme matrikkelenhetene"
    where = f"i område {of[0]['omraade_id']}" if offer.grunnlag == OMRAADE else owner
    card = score.get("hvorfor")
    return (
        f"{len(of)} nabotomter {where}: {', '.join(lot['tomt_id'] for lot in of)}. Til sammen {reached}; ingen av dem "
        f"når {limit} alene. Score {tall(score['score'], 1)}, den beste alene "
        f"{tall(max(lot['score'] for lot in of), 1)}. {SLIK}"
        + (f"\n\n{card}" if isinstance(card, str) and card else "")
    )


def _frame(rows: Sequence[Mapping[str, object]], shapes: Sequence[Any]) -> gpd.GeoDataFrame:
    """Return rows as contract `sammenslaainger`, each with its shape and a point inside it."""
    if not rows:
        empty: gpd.GeoDataFrame = SAMMENSLAAINGER.empty()
        return empty
    frame = gpd.GeoDataFrame(list(rows), geometry=list(shapes), crs=STORAGE_CRS)
    inside = gpd.GeoSeries(shapely.point_on_surface(frame.geometry.to_numpy()), crs=STORAGE_CRS)
    degrees = inside.to_crs(4326)
    frame = frame.assign(
        ost_25833=inside.x.round(1),
        nord_25833=inside.y.round(1),
        lengdegrad=degrees.x.round(6),
        breddegrad=degrees.y.round(6),
    )
    ordered: gpd.GeoDataFrame = frame[[*SAMMENSLAAINGER.columns, "geometry"]]
    return ordered.sort_values("sammenslaaing_id", ignore_index=True)
