"""The layers of one service judged: which hold plans, whether a page of them makes sense, what source they would be.

Pure but for the pages that are asked for. What is found is proposed with its reasons, never used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely

from config.kilder import Kilde, Tema
from config.registers import Kommune, is_known_code
from tasks.account import Account
from tasks.errors import SourceError
from tasks.sources import kolonner
from tasks.sources.forslag import KP_ZONES, PRIORITET, RP_ZONES, TEMA_AV, Forslag, is_own, source_name
from tasks.sources.gjenkjenning import Recognised, recognise
from tasks.sources.kandidat import Kandidat
from tasks.sources.koder import fold, kommunenummer_of
from tasks.sources.sosi import KODER
from tasks.sources.tjeneste import Lag, Tjeneste
from tasks.sources.unntak import shorten

KOMMUNE_COLUMNS = frozenset(
    {"kommunenummer", "kommunenr", "komm", "kommune", "knr", "nasjonalar", "omradeid", "kopidataomradeid"}
)
KOMMUNEDELPLAN = "21"
"""SOSI plantype."""
LEAST_SURE = 0.4
"""What is recognised by a name alone; below, the columns leave open which kind of plan it is."""
LEAST_KNOWN = 0.5
"""Of the codes in a page, fewer than this in the list means that the column is another one."""
MERKNAD = "Foreslått av tomt sources --finn; ikke sett over."

Look = Callable[[Lag], gpd.GeoDataFrame]
"""Brings a page of a layer."""


@dataclass(frozen=True, eq=False)
class Sett:
    """One layer that was recognised, and its page."""

    lag: Lag
    hva: Recognised
    side: gpd.GeoDataFrame


def recognised(tjeneste: Tjeneste, lag: Lag, side: gpd.GeoDataFrame | None = None) -> Recognised | None:
    """Return what a layer holds, told by the names of service and layer, its columns and its page."""
    columns = list(lag.kolonner) if side is None else [c for c in side.columns if c != "geometry"]
    values = None if side is None else {c: [v for v in side[c] if isinstance(v, str)] for c in columns}
    number = lag.navn.isdecimal()
    name = " ".join(dict.fromkeys(n for n in (tjeneste.tittel, lag.tittel, "" if number else lag.navn) if n))
    return recognise(name, columns, sample=values)


def holds_plans(hva: Recognised) -> bool:
    """Return whether a layer holds what is fetched, and surely enough to show it to a person."""
    return hva.tillit >= LEAST_SURE and bool(set(hva.objekttyper) & set(TEMA_AV))


def propose(
    kandidat: Kandidat,
    tjeneste: Tjeneste,
    sett: Sequence[Sett],
    *,
    kommune: Kommune,
    omraade: shapely.Geometry | None,
    legitimasjon: str | None,
) -> tuple[list[Forslag], list[str]]:
    """Return a proposal for every theme that the layers bring, and why others are none.

    Parameters
    ----------
    sett
        Recognised layers with their pages, as they stand in the service.
    omraade
        The kommune's boundary, EPSG:25833, or None.
    legitimasjon
        Name of the configured login of this address, if it has one.
    """
    found: list[Forslag] = []
    passed: list[str] = []
    for tema, wanted in _by_theme(sett).items():
        kilde = _source(kandidat, tjeneste, wanted, tema=tema, kommune=kommune, legitimasjon=legitimasjon)
        try:
            found.append(_judged(kandidat, kilde, wanted, omraade=omraade))
        except SourceError as error:
            passed.append(f"{tema}: {error}")
    return found, passed


def _by_theme(sett: Sequence[Sett]) -> dict[Tema, dict[str, Sett]]:
    """Return theme → object type → the layer that is surest to hold it; a layer once, under the first of its types."""
    by_theme: dict[Tema, dict[str, Sett]] = {}
    for one in sorted(sett, key=lambda s: -s.hva.tillit):
        for objekttype in (o for o in TEMA_AV if o in one.hva.objekttyper):
            tema = TEMA_AV[objekttype]
            if tema == "kommuneplan" and _is_partial(one):
                tema = "kommunedelplan"
            layers = by_theme.setdefault(tema, {})
            if one not in layers.values():
                layers.setdefault(objekttype, one)
    zones = by_theme.get("reguleringsformaal")
    if zones and "reguleringsplan" not in by_theme:
        by_theme["reguleringsplan"] = dict(zones)  # extents are made of the zones
    return by_theme


def _is_partial(one: Sett) -> bool:
    return "kommunedelplan" in fold(one.lag.tittel)


def _source(
    kandidat: Kandidat,
    tjeneste: Tjeneste,
    wanted: Mapping[str, Sett],
    *,
    tema: Tema,
    kommune: Kommune,
    legitimasjon: str | None,
) -> Kilde:
    """Return the source that the layers would be."""
    extent = {"reguleringsplan": "RpOmråde"}.get(tema, "KpOmråde")
    has_extent = extent in wanted or tema == "reguleringsformaal"
    zones = [o for o in (*KP_ZONES, *RP_ZONES) if o in wanted]
    felt = None if kandidat.protokoll == "wfs" else _kommune_column(wanted.values(), kommune)
    own = is_own(kommune, kandidat)
    return Kilde(
        navn=source_name(kommune, tema, kandidat.adresse),
        tema=tema,
        protokoll=kandidat.protokoll,
        adresse=kandidat.adresse,
        # One that serves others too, and cannot be asked by kommune, is asked by the box: see `kommunefelt`.
        kommuner=(kommune.nummer,) if own or felt else None,
        prioritet=PRIORITET,
        lag={objekttype: one.lag.navn for objekttype, one in wanted.items()},
        paakrevd=(extent,) if extent in wanted else (),
        innhold=tuple(zones) if tema == "kommuneplan" else (),
        kommunefelt=None if own else felt,
        epsg=tjeneste.epsg,
        versjon=tjeneste.versjon,
        omrade_av_soner=not has_extent,
        faste={} if has_extent else _fixed(tema),
        legitimasjon=legitimasjon,
        lisens=_licence(kandidat, tjeneste),
        merknad=MERKNAD,
    )


def _licence(kandidat: Kandidat, tjeneste: Tjeneste) -> str:
    """Return whose the data are; what a catalogue says of access is no licence."""
    said = shorten("; ".join(dict.fromkeys(t for t in (kandidat.lisens, tjeneste.bruk) if t)))
    return f"{kandidat.eier or 'Ukjent eier'}; vilkår må avklares før bruk" + (f" (oppgitt: {said})" if said else "")


def _fixed(tema: Tema) -> dict[str, str]:
    """Return what rows without an extent of their plan lack; a person must see that it holds."""
    plantype = {"kommuneplan": "20", "kommunedelplan": "21"}.get(tema)
    return {"planstatus": "3"} | ({"plantype": plantype} if plantype else {"vertikalnivå": "2"})


def _kommune_column(layers: Iterable[Sett], kommune: Kommune) -> str | None:
    """Return the column that all layers have and that says the kommune's number in every row."""
    common: set[str] | None = None
    for one in layers:
        side = one.side
        holding = {
            c
            for c in side.columns
            if fold(c) in KOMMUNE_COLUMNS
            and len(values := side[c].dropna())
            and all(kommunenummer_of(v) == kommune.nummer for v in values)
        }
        common = holding if common is None else common & holding
    return min(common, key=len) if common else None


def _judged(
    kandidat: Kandidat, kilde: Kilde, wanted: Mapping[str, Sett], *, omraade: shapely.Geometry | None
) -> Forslag:
    """Return the proposal with what its pages show.

    Raises
    ------
    SourceError
        When they make no sense; in Norwegian, since it is shown to whoever asked.
    """
    antall = sum(len(one.side) for one in wanted.values())
    if not antall:
        raise SourceError("ingen objekter i kommunen.")
    inni = _inside([one.side for one in wanted.values()], omraade)
    if inni == 0.0:
        raise SourceError(f"ingen av {antall} objekter ligger i kommunen.")
    if inni is None and kilde.kommuner is None:
        raise SourceError("kommunens grense er ukjent, og ingenting sier at tjenesten gjelder kommunen.")
    read = {objekttype: _read(objekttype, one, kilde) for objekttype, one in wanted.items()}
    codes = [ok for objekttype, frame in read.items() for ok in _codes(objekttype, frame)]
    known = float(np.mean(codes)) if codes else None
    if known is not None and known < LEAST_KNOWN:
        raise SourceError(f"bare {_percent(known)} av kodene står i kodelisten.")
    if kilde.tema == "kommuneplan" and any((frame["plantype"] == KOMMUNEDELPLAN).any() for frame in read.values()):
        kilde = kilde.model_copy(update={"omfatter": ("kommunedelplan",)})
    return Forslag(
        kilde=kilde,
        kandidat=kandidat,
        tillit=min(one.hva.tillit for one in wanted.values()),
        andel_inni=inni,
        andel_koder=known,
        antall_sett=antall,
        grunner=tuple(_reasons(kilde, wanted, antall=antall, inni=inni, known=known)),
    )


def _reasons(
    kilde: Kilde, wanted: Mapping[str, Sett], *, antall: int, inni: float | None, known: float | None
) -> list[str]:
    """Return why a source is proposed, and what a person must look at."""
    reasons = [f"{grunn[:1].upper()}{grunn[1:]}." for grunn in dict.fromkeys(one.hva.grunn for one in wanted.values())]
    reasons.append(f"{antall} objekter sett på.")
    reasons += [f"{_percent(inni)} av dem ligger i kommunen."] if inni is not None else []
    reasons += [f"{_percent(known)} av kodene står i kodelisten."] if known is not None else []
    if kilde.omfatter:
        reasons.append("Kommunedelplanene ser ut til å være med: kontroller omfatter.")
    if kilde.omrade_av_soner:
        reasons.append("Planområdene lages av sonene: kontroller at laget bare har vedtatte planer.")
    if kilde.kommuner is None:
        reasons.append("Tjenesten ser ut til å dekke flere kommuner: kontroller kommuner.")
    return reasons


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _inside(sider: Sequence[gpd.GeoDataFrame], omraade: shapely.Geometry | None) -> float | None:
    """Return the share of features that touch the kommune, of those that have a geometry."""
    shapes = np.concatenate([np.asarray(side.geometry.array, dtype=object) for side in sider])
    shapes = shapes[~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)]
    if omraade is None or not len(shapes):
        return None
    shapely.prepare(omraade)
    return float(np.mean(shapely.intersects(omraade, shapely.envelope(shapes))))


def _read(objekttype: str, one: Sett, kilde: Kilde) -> gpd.GeoDataFrame:
    """Return a page as the product would read it."""
    side = one.side if "objekttypenavn" in one.side else one.side.assign(objekttypenavn=objekttype)
    # Extents are not made here: a page shows corners, not areas.
    return kolonner.standardise(side, kilde.model_copy(update={"omrade_av_soner": False}), Account("prøve"))


def _codes(objekttype: str, read: gpd.GeoDataFrame) -> list[bool]:
    """Return for every row of its type whether its code is in the list; nothing for an extent."""
    if objekttype not in KODER:
        return []
    rows = read[read["objekttypenavn"] == objekttype]
    return [is_known_code(objekttype, v) for v in rows[KODER[objekttype].sosi]]
