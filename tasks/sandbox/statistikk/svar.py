"""SSB's answers: a table's metadata and data as json-stat2, the lists of tables and codes, its settings."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tasks.sandbox.statistikk.preg import Tall
from tasks.sandbox.statistikk.regioner import KODELISTER, SAMMENSLAATT, STATUS, Svar, innhold_av, koder, verdier
from tasks.sandbox.statistikk.tabell import INNHOLD, TID, Innhold, Tabell
from tasks.sandbox.statistikk.utvalg import MAKS_CELLER, Utvalg
from tasks.sandbox.statistikk.visning import KILDE, MERKE, Visning

Json = dict[str, Any]
SPRAAK = "no"
FORMATER = ("json-stat2",)
VERDISETT, SAMLING = "Valueset", "Aggregation"
TIDSENHETER = {"år": "Annual", "kvartal": "Quarterly", "måned": "Monthly"}
MERKNAD = "Alle tall er oppdiktet. De kommer fra en lokal sandkasse og ikke fra Statistisk sentralbyrå."


def konfigurasjon() -> Json:
    """Return ``/config``; the limits of calls are 0, which does not mean that there are none."""
    return {
        "apiVersion": "2.3.2",
        "appVersion": "2.5.0+sandkasse",
        "languages": [{"id": SPRAAK, "label": "Norsk"}],
        "defaultLanguage": SPRAAK,
        "maxDataCells": MAKS_CELLER,
        "maxCallsPerTimeWindow": 0,
        "timeWindow": 0,
        "license": "https://www.ssb.no/diverse/lisens",
        "sourceReferences": [{"language": SPRAAK, "text": f"Kilde: {KILDE}"}],
        "defaultDataFormat": FORMATER[0],
        "dataFormats": list(FORMATER),
        "features": [{"id": "CORS", "params": [{"key": "enabled", "value": "False"}]}],
    }


def omtale(visning: Visning, rot: str) -> Json:
    """Return what is told of a table in ``/tables`` and ``/tables/{id}``."""
    table, periods = visning.tabell, list(visning.koder(TID))
    emne, navn = table.emne
    return {
        "language": SPRAAK,
        "type": "Table",
        "id": table.id,
        "label": f"{visning.tittel} {periods[0]}-{periods[-1]}",
        "description": MERKNAD,
        "sortCode": table.id,
        "updated": visning.oppdatert,
        "firstPeriod": periods[0],
        "lastPeriod": periods[-1],
        "category": "public",
        "variableNames": [visning.etikett(name) for name in table.dimensjoner],
        "discontinued": table.er_avsluttet,
        "source": KILDE,
        "subjectCode": emne,
        "timeUnit": TIDSENHETER[table.tidsenhet],
        "paths": [[{"id": emne, "label": navn, "sortCode": emne}]],
        "links": [
            _link("self", f"{rot}/tables/{table.id}?lang={SPRAAK}"),
            _link("metadata", f"{rot}/tables/{table.id}/metadata?lang={SPRAAK}"),
            _link("data", f"{rot}/tables/{table.id}/data?lang={SPRAAK}&outputFormat=json-stat2"),
        ],
    }


def liste(visninger: list[Visning], rot: str, *, side: int, per_side: int) -> Json:
    """Return one page of ``/tables``."""
    pages = max(-(-len(visninger) // per_side), 1)
    shown = visninger[(side - 1) * per_side : side * per_side]
    return {
        "language": SPRAAK,
        "tables": [omtale(visning, rot) for visning in shown],
        "page": {
            "pageNumber": side,
            "pageSize": per_side,
            "totalElements": len(visninger),
            "totalPages": pages,
            "links": [],
        },
        "links": [_link("self", f"{rot}/tables/?lang={SPRAAK}&pagesize={per_side}&pageNumber={side}")],
    }


def _link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "hreflang": SPRAAK, "href": href}


def kodeliste(navn: str) -> Json:
    """Return ``/codelists/{id}``; of merged series with the numbers that each code adds up."""
    merged = navn == SAMMENSLAATT
    codes = koder(_ANY, navn)
    values = [
        {"code": code, "label": label, "valueMap": list(innhold_av(code)) if merged else [code]}
        for code, label in codes.items()
    ]
    return {
        "language": SPRAAK,
        "id": navn,
        "label": f"{KODELISTER[navn]} {MERKE}",
        "languages": [SPRAAK],
        "elimination": False,
        "type": SAMLING if merged else VERDISETT,
        "values": values,
    }


_ANY = Tabell("", "", ("", ""), (), (), "")
"""Code lists are the same for all tables."""


# --- metadata ---


def metadata(visning: Visning, rot: str, *, kodelister: dict[str, str]) -> Json:
    """Return ``/tables/{id}/metadata``: a dataset with every code and no figure."""
    table = visning.tabell
    dimension = {}
    for name in table.dimensjoner:
        shown = visning.koder(name, kodelister.get(name))
        dimension[name] = _dimension(visning, name, shown)
        extension = dimension[name]["extension"]
        extension["codelists"] = [
            {
                "id": one,
                "label": KODELISTER[one],
                "type": SAMLING if one == SAMMENSLAATT else VERDISETT,
                "links": [_link("metadata", f"{rot}/codelists/{one}?lang={SPRAAK}")],
            }
            for one in visning.kodelister(name)
        ]
    names = [visning.etikett(name) for name in table.dimensjoner]
    head = _head(visning, table.dimensjoner, names, dimension)
    return {**head, "value": []}


def _dimension(visning: Visning, name: str, codes: dict[str, str]) -> Json:
    category: Json = {"index": {code: k for k, code in enumerate(codes)}, "label": dict(codes)}
    extension: Json = {"elimination": visning.kan_utelates(name), "show": "code" if name == TID else "value"}
    if name == INNHOLD:
        chosen = [i for i in visning.innhold if i.kode in codes]
        category["unit"] = {i.kode: {"base": i.enhet, "decimals": i.desimaler} for i in chosen}
        extension |= {
            "refperiod": {i.kode: "" for i in chosen},
            "measuringType": {i.kode: "Stock" for i in chosen},
            "priceType": {i.kode: "NotApplicable" for i in chosen},
            "adjustment": {i.kode: "None" for i in chosen},
            "alternativeText": {i.kode: i.etikett for i in chosen},
        }
    return {"label": visning.etikett(name), "category": category, "extension": extension}


def _head(visning: Visning, names: tuple[str, ...], labels: list[str], dimension: Json) -> Json:
    table = visning.tabell
    roles = {"time": [TID], "geo": [table.region], "metric": [INNHOLD]}
    return {
        "version": "2.0",
        "class": "dataset",
        "label": f"{visning.tittel}, etter {', '.join(labels[:-1])} og {labels[-1]}",
        "source": KILDE,
        "updated": visning.oppdatert,
        "note": [MERKNAD],
        "role": {role: its for role, its in roles.items() if its[0] in names},
        "id": list(names),
        "size": [len(dimension[name]["category"]["index"]) for name in names],
        "dimension": dimension,
        "extension": {
            "noteMandatory": {"0": True},
            "px": {
                "infofile": "None",
                "tableid": table.id,
                "decimals": max(i.desimaler for i in table.innhold),
                "official-statistics": False,
                "aggregallowed": True,
                "copyright": False,
                "language": SPRAAK,
                "contents": table.tittel,
                "descriptiondefault": False,
                "heading": [INNHOLD, TID],
                "stub": [name for name in names if name not in {INNHOLD, TID}],
                "matrix": table.id,
                "subject-code": table.emne[0],
                "subject-area": table.emne[1],
            },
            "discontinued": table.er_avsluttet,
            "contact": [],
        },
    }


# --- data ---


def datasett(visning: Visning, utvalg: Utvalg) -> Json:
    """Return ``/tables/{id}/data`` as json-stat2; codes that have no figure are null, and stand in `status`."""
    names = utvalg.dimensjoner
    dimension = {}
    for name in names:
        listed = utvalg.kodeliste if name == visning.tabell.region else None
        labels = visning.koder(name, listed)
        dimension[name] = _dimension(visning, name, {code: labels[code] for code in utvalg.koder[name] or ()})
    shown = [visning.etikett(name) for name in names if name != INNHOLD] or [visning.etikett(INNHOLD)]
    head = _head(visning, names, shown if len(shown) > 1 else [visning.etikett(INNHOLD), *shown], dimension)
    values, status, whole = _figures(visning.tabell, utvalg)
    flat, marks = values.ravel(), status.ravel()
    listed_values: list[Any] = (np.nan_to_num(flat).astype(np.int64) if whole else flat.round(4)).tolist()
    marked = np.flatnonzero(marks).tolist()
    for k in marked:
        listed_values[k] = None
    made: Json = {**head, "value": listed_values}
    if marked:
        made["status"] = {str(k): STATUS[marks[k]] for k in marked}
    return made


def _figures(tabell: Tabell, utvalg: Utvalg) -> tuple[Tall, Any, bool]:
    """Return figures and statuses in the order of the dimensions, and whether all are whole numbers."""
    chosen = [i for i in tabell.innhold if i.kode in (utvalg.koder[INNHOLD] or ())]
    parts = [_of_measure(tabell, innhold, utvalg) for innhold in chosen]
    values = np.stack([part[0] for part in parts], axis=-2)
    status = np.stack([part[1] for part in parts], axis=-2)
    return values, status, all(i.desimaler == 0 for i in chosen)


def _of_measure(tabell: Tabell, innhold: Innhold, utvalg: Utvalg) -> Svar:
    """Return one measure: (regions, *variables that are there, periods)."""
    periods = utvalg.koder[TID] or ()
    where = [tabell.perioder.index(p) for p in periods]
    years = tuple(int(p[:4]) for p in periods)
    regions = utvalg.koder[tabell.region]
    whole = ("0",) if regions is None else regions
    if innhold.av_numre is not None:
        figures = _cut(innhold.av_numre(whole), tabell, utvalg)[..., where]
        values, status = figures, np.where(np.isnan(figures), STATUS.index("."), 0).astype(np.uint8)
    else:
        figures = _cut(_all_figures(innhold), tabell, utvalg)[..., where]
        values, status = verdier(tabell, innhold, whole, figurer=figures, aar=years)
    return (values, status) if regions is not None else (values[0], status[0])


@lru_cache(maxsize=64)
def _all_figures(innhold: Innhold) -> Tall:
    return innhold.tall()


def _cut(figures: Tall, tabell: Tabell, utvalg: Utvalg) -> Tall:
    """Return figures of the chosen codes; variables that are left out are added up."""
    axis = 1
    for variable in tabell.variabler:
        codes = utvalg.koder[variable.kode]
        if codes is None:
            figures = figures.sum(axis=axis)
        else:
            order = list(variable.koder)
            figures = figures.take([order.index(code) for code in codes], axis=axis)
            axis += 1
    return figures
