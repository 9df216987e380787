"""Sammenslåing: neighbouring lots of one område or one owner that together reach what none of them does alone.

A row is one assembly, key `sammenslaaing_id`: "3207-S000123" of the first of its first lots. It is the same one as long
as lots of it go on together, also when that lot is gone. Every lot is in one assembly at most; of new ones, those
within an område go first, since one plan can settle them.

Who owns is not known, only how many and of what kind. Two lots have the same owner when their land belongs to the same
matrikkelenheter, all of them, or when the kommune alone owns both: a shared matrikkelenhet beside others is a shared
owner beside others. An equal kind of owner says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from config.sammenslaaing import Sammenslaaingsregler
from tasks.crs import STORAGE_CRS
from tasks.scoring.tomt.grupper import Gruppe, Grupperer
from tasks.scoring.tomt.nabolag import neighbours, net
from tasks.scoring.tomt.samlet import merged_shares, merged_tomter, only_owner, union_facts
from tasks.tekst import tall
from tasks.tomtekontrakter import SAMMENSLAAINGER

AKTIV, BORTE = "aktiv", "borte"
OMRAADE, EIER = "område", "eier"
M2_PER_DAA = 1000.0
AREAL = ("areal_m2", "byggbar_m2")
POENG = ("score", "hoyest", "nivaa", "boliger_lav", "boliger", "boliger_hoy")
SLIK = (
    "Regnet som én tomt: areal og kjerne er summen, avstander den korteste av dem, folk og bygninger rundt det meste "
    "rundt én av dem, konflikter vektet etter areal, eiere lagt sammen."
)

Poenggiver = Callable[[pd.DataFrame, pd.DataFrame, pd.DataFrame], pd.DataFrame]
"""Contracts `tomtefakta`, `konfliktandeler` and (of what it has) `tomter` of merged lots → their `scorer`."""
Poengrad = Mapping[str, Any]
"""A row of contract `scorer`, with areal_m2 and (instead of the score's) byggbar_m2 of the facts."""

Lots = Sequence[Mapping[Any, Any]]
"""Of each lot: tomt_id, kommunenummer, omraade_id, score, kommunal."""


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
        Contract `sammenslaainger` of the last run: the living assemblies go on with the lots that they have left
        (`Grupperer`).
    poeng
        Scores merged lots by the same rules as the others.

    Returns
    -------
    GeoDataFrame
        Contract `sammenslaainger`, by id.
    """
    lots = _taking_part(tomter, fakta, scorer)
    found = _groups(lots, foer, regler)
    named = dict(zip(_names(found, lots["tomt_id"].tolist(), foer, kommunenummer), found, strict=True))
    scores = _scores(named, lots, andeler, poeng=poeng, kommunenummer=kommunenummer)
    told = lots[["tomt_id", "kommunenummer", "omraade_id", "score", "kommunal"]].to_dict("records")
    rows = [
        _row(name, group.grunnlag, scores[name], [told[k] for k in group.lots], grense=regler.byggbar_m2)
        for name, group in named.items()
    ]
    shapes = lots.geometry.to_numpy()
    made = _frame(rows, [shapely.union_all(shapes[list(group.lots)]) for group in found])
    if foer is None or not len(foer):
        return made
    gone = foer[~foer["sammenslaaing_id"].isin(made["sammenslaaing_id"])].assign(tilstand=BORTE)
    parts = [part for part in (made, gone) if len(part)]
    every = pd.concat(parts, ignore_index=True).sort_values("sammenslaaing_id", ignore_index=True)
    return gpd.GeoDataFrame(every, geometry="geometry", crs=STORAGE_CRS)


def _taking_part(tomter: gpd.GeoDataFrame, fakta: pd.DataFrame, scorer: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return living lots that are not stopped, by id, with facts (their own columns win) and score."""
    own = ["tomt_id", "kommunenummer", "omraade_id", "matrikkelenheter", "kjerne_grunnlag", "har_tvist", "geometry"]
    living = tomter.loc[tomter["tilstand"] == AKTIV, own]
    frame = living.merge(fakta[~fakta["er_stoppet"].astype(bool)], on="tomt_id")
    frame = frame.merge(scorer[["tomt_id", "score"]], on="tomt_id")
    ordered: gpd.GeoDataFrame = frame.sort_values("tomt_id", ignore_index=True)
    return ordered


def _groups(lots: gpd.GeoDataFrame, foer: pd.DataFrame | None, regler: Sammenslaaingsregler) -> list[Gruppe]:
    """Return which lots go together; the living assemblies of the last run go on."""
    ground = lots["byggbar_m2"].to_numpy(dtype=float)
    below = ground < regler.byggbar_m2  # what is not known is no reason
    naboer = neighbours(lots.geometry.to_numpy(), avstand_m=regler.avstand_m)
    marks = {OMRAADE: list(lots["omraade_id"]), EIER: [only_owner(lot) for lot in lots.to_dict("records")]}
    nett = {grunnlag: net(naboer, mark, er_med=below) for grunnlag, mark in marks.items()}
    place = {tomt_id: k for k, tomt_id in enumerate(lots["tomt_id"])}
    living = [] if foer is None else foer[foer["tilstand"] == AKTIV].sort_values("sammenslaaing_id").to_dict("records")
    before = [
        Gruppe(row["grunnlag"], tuple(place[lot] for lot in row["tomt_ider"] if lot in place), row["sammenslaaing_id"])
        for row in living
    ]
    return Grupperer(nett, ground, grense=regler.byggbar_m2, maks=regler.maks_tomter).grupper(before)


def _names(
    found: Sequence[Gruppe], tomt_ider: Sequence[str], foer: pd.DataFrame | None, kommunenummer: str
) -> Iterator[str]:
    """Yield the id of each group: the one it has, or that of its first lot whose id is free.

    An id is free when no assembly has had it, or when the one that had it and is gone had a lot of this group: what
    people wrote on it is of this land.
    """
    used = {group.ident for group in found if group.ident}
    had = {} if foer is None else dict(zip(foer["sammenslaaing_id"], map(set, foer["tomt_ider"]), strict=True))
    for group in found:
        own = [tomt_ider[k] for k in group.lots]
        free = (
            name
            for lot in own
            if (name := lot.replace("-", "-S", 1)) not in used and not had.get(name, set(own)).isdisjoint(own)
        )
        ident = group.ident or next(free, None) or _unused(tomt_ider, used | set(had), kommunenummer)
        used.add(ident)
        yield ident


def _unused(tomt_ider: Iterable[str], used: Iterable[str], kommunenummer: str) -> str:
    """Return an id after every lot and every assembly: for lots whose ids all went on with others."""
    last = max(int(name.rpartition("-")[2].removeprefix("S")) for name in (*tomt_ider, *used))
    return f"{kommunenummer}-S{last + 1:06d}"


def _scores(
    named: Mapping[str, Gruppe],
    lots: gpd.GeoDataFrame,
    andeler: pd.DataFrame,
    *,
    poeng: Poenggiver,
    kommunenummer: str,
) -> dict[str, Poengrad]:
    """Return the row of scores of each group, by its name, with its areas."""
    if not named:
        return {}
    rows = [(name, lot) for name, group in named.items() for lot in group.lots]
    of = lots.drop(columns=["geometry", "score"]).iloc[[lot for _, lot in rows]].reset_index(drop=True)
    of.insert(0, "gruppe", [name for name, _ in rows])
    fakta = union_facts(of)
    scores = poeng(fakta, merged_shares(andeler, of), merged_tomter(of, kommunenummer)).set_index("tomt_id")
    areas = fakta.set_index("tomt_id")[list(AREAL)]
    full = scores.assign(**{name: areas[name] for name in AREAL})
    told = [{str(column): value for column, value in row.items()} for row in full.to_dict("records")]
    return dict(zip(map(str, full.index), told, strict=True))


def _row(ident: str, grunnlag: str, score: Poengrad, of: Lots, *, grense: float) -> dict[str, object]:
    areas = {lot["omraade_id"] for lot in of}
    return {
        "sammenslaaing_id": ident,
        "kommunenummer": of[0]["kommunenummer"],
        "grunnlag": grunnlag,
        "omraade_id": areas.pop() if len(areas) == 1 else None,
        "tomt_ider": [lot["tomt_id"] for lot in of],
        "beste_tomt_score": float(max(lot["score"] for lot in of)),
        "hvorfor": _why(grunnlag, score, of, grense=grense),
        "tilstand": AKTIV,
        **{name: score[name] for name in (*AREAL, *POENG)},
    }


def _why(grunnlag: str, score: Poengrad, of: Lots, *, grense: float) -> str:
    reached, limit = (tall(m2 / M2_PER_DAA, 1).removesuffix(",0") for m2 in (score["byggbar_m2"], grense))
    owner = "som kommunen eier" if all(lot["kommunal"] == "eier" for lot in of) else "på de samme matrikkelenhetene"
    where = f"i område {of[0]['omraade_id']}" if grunnlag == OMRAADE else owner
    card = score.get("hvorfor")
    return (
        f"{len(of)} nabotomter {where}: {', '.join(lot['tomt_id'] for lot in of)}. Til sammen {reached} daa byggbart; "
        f"ingen av dem når {limit} daa byggbart alene. Score {tall(score['score'], 1)}, den beste alene "
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
