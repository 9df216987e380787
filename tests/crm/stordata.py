"""Files of a kommune of any size, written as the land engine and the sources would have, without running them.

The same size gives the same files. Every lot scores above any sensible threshold unless told otherwise, lies on a teig
of its own, in the område and on the eiendommer that its number points to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from pyproj import Transformer

from config.kilder import kontekst_themes
from config.konflikt import konflikter
from config.nivaa import nivaaer
from config.registers import Kommune
from tasks import contracts
from tasks.contracts import Contract
from tasks.crs import STORAGE_CRS
from tasks.store import Geodata, Layer
from tasks.tomtekontrakter import FAKTORER, KONFLIKTER, KONTEKSTDEKNING, SAMMENSLAAINGER, SCORER, TOMTEFAKTA

TID = "2026-11-01T05:00:00+00:00"
SIDE_M = 60.0
ROUND_THE_LOT_M = 100.0
SOUTH_WEST = (200_000.0, 6_600_000.0)
"""Easting and northing of the first lot, EPSG:25833."""
LINK = "https://www.arealplaner.no/tomtevik/kpa"


@dataclass(frozen=True)
class Omfang:
    """How much there is of a kommune.

    Attributes
    ----------
    lavest, hoeyest
        Scores are spread evenly between these.
    ord
        Text that names, places and reasons are made with, one after the other: hostile ones are welcome.
    """

    tomter: int
    omraader: int
    eiendommer: int
    lavest: float = 45.0
    hoeyest: float = 99.0
    ord: Sequence[str] = ("Åsen",)

    def word(self, n: int) -> str:
        """Return the word of the nth thing."""
        return self.ord[n % len(self.ord)]


def write_kommune(geodata: Geodata, kommune: Kommune, omfang: Omfang) -> None:
    """Write core/ and out/ of a kommune."""
    for layer, contract, frame in frames(kommune, omfang):
        geodata.write(frame, kommune.nummer, layer=layer, contract=contract)


def frames(kommune: Kommune, omfang: Omfang) -> list[tuple[Layer, Contract, pd.DataFrame]]:
    """Return what `write_kommune` writes."""
    out: list[tuple[Contract, Callable[[Kommune, Omfang], pd.DataFrame]]] = [
        (contracts.OMRAADER, _omraader),
        (contracts.TOMTER, _tomter),
        (contracts.KJERNER, _kjerner),
        (SCORER, _scorer),
        (TOMTEFAKTA, _tomtefakta),
        (SAMMENSLAAINGER, _sammenslaainger),
        (contracts.HENDELSER, _hendelser),
        (contracts.DEKNING, _dekning),
        (contracts.KONTROLL, _kontroll),
    ]
    core: list[tuple[Contract, Callable[[Kommune, Omfang], pd.DataFrame]]] = [
        (contracts.SONER, _soner),
        (contracts.PLANOMRAADER, _planomraader),
        (contracts.TEIGER, _teiger),
        (contracts.ADRESSER, _adresser),
        (KONTEKSTDEKNING, _kontekstdekning),
        (KONFLIKTER, _konflikter),
    ]
    return [
        *(("core", contract, _fitted(make(kommune, omfang), contract)) for contract, make in core),
        *(("out", contract, _fitted(make(kommune, omfang), contract)) for contract, make in out),
    ]


def change_lots(geodata: Geodata, kommune: Kommune, share: float) -> list[str]:
    """Give a share of the lots another area, score and number of dwellings, and return their ids.

    Parameters
    ----------
    share
        0–1; the lots are taken evenly from all of them.
    """
    tomter = _read(geodata, kommune, contracts.TOMTER)
    scorer = _read(geodata, kommune, SCORER)
    chosen = np.unique(np.linspace(0, len(tomter) - 1, round(share * len(tomter))).astype(int))
    ids = tomter["tomt_id"].iloc[chosen].tolist()
    tomter.loc[tomter.index[chosen], "areal_m2"] += 111.0
    is_chosen = scorer["tomt_id"].isin(ids)
    scorer.loc[is_chosen, "boliger"] += 1.0
    scorer.loc[is_chosen, "score"] = np.where(scorer.loc[is_chosen, "score"] > 70, 69.5, 70.5)
    scorer["nivaa"] = _levels(scorer["score"])
    geodata.write(tomter, kommune.nummer, layer="out", contract=contracts.TOMTER)
    geodata.write(scorer, kommune.nummer, layer="out", contract=SCORER)
    return ids


def set_score(geodata: Geodata, kommune: Kommune, scores: dict[str, float]) -> None:
    """Give some lots another score."""
    scorer = _read(geodata, kommune, SCORER)
    scorer["score"] = scorer["tomt_id"].map(scores).fillna(scorer["score"])
    scorer["nivaa"] = _levels(scorer["score"])
    geodata.write(scorer, kommune.nummer, layer="out", contract=SCORER)


def tomt_id(kommune: Kommune, n: int) -> str:
    """Return the id of the nth lot, from 0."""
    return f"{kommune.nummer}-{n + 1:06d}"


def omraade_id(kommune: Kommune, n: int) -> str:
    """Return the id of the nth område, from 0."""
    return f"{kommune.nummer}-O{n + 1:05d}"


def matrikkelenhet(kommune: Kommune, n: int) -> str:
    """Return the nth eiendom, from 0."""
    return f"{kommune.nummer}-{n // 500 + 1}/{n % 500 + 1}/0/0"


def _read(geodata: Geodata, kommune: Kommune, contract: Contract) -> pd.DataFrame:
    frame = geodata.read(kommune.nummer, layer="out", contract=contract)
    assert frame is not None
    return frame


def _fitted(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return a frame with every column of the contract: what nobody has given is missing."""
    empty: dict[str, Any] = {"number": float("nan"), "text": None, "flag": False}
    late = {c: empty[kind] for c, kind in contract.columns.items() if c not in frame}
    for column in (c for c, kind in contract.columns.items() if kind == "text"):
        if column in frame:
            frame[column] = frame[column].astype(object)
    wanted = [*contract.columns, *(["geometry"] if contract.has_geometry else [])]
    filled = frame.assign(
        **{c: pd.Series([v] * len(frame), dtype=object if v is None else type(v)) for c, v in late.items()}
    )
    return filled[wanted]


def _squares(count: int, side: float, apart: float) -> gpd.GeoSeries:
    across = max(int(np.ceil(np.sqrt(count))), 1)
    n = np.arange(count)
    x, y = SOUTH_WEST[0] + apart * (n % across), SOUTH_WEST[1] + apart * (n // across)
    return gpd.GeoSeries(shapely.box(x, y, x + side, y + side), crs=STORAGE_CRS)


def _plan_id(kommune: Kommune, omfang: Omfang, n: int = 0) -> str:
    return f"{kommune.nummer}_KPA 2023 {omfang.word(n)}"


def _plans(kommune: Kommune, omfang: Omfang) -> list[str]:
    return [_plan_id(kommune, omfang, n) for n in range(len(omfang.ord))]


def _tomter(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    count = omfang.tomter
    numbers = range(count)
    squares = _squares(count, SIDE_M, ROUND_THE_LOT_M)
    east, north = squares.centroid.x.to_numpy(), squares.centroid.y.to_numpy()
    lon, lat = Transformer.from_crs(25833, 4326, always_xy=True).transform(east, north)
    plans = _plans(kommune, omfang)
    enheter = [matrikkelenhet(kommune, n) for n in range(omfang.eiendommer)]
    is_shared = [n % 50 == 49 and omfang.eiendommer > 1 for n in numbers]
    return gpd.GeoDataFrame(
        {
            "tomt_id": [tomt_id(kommune, n) for n in numbers],
            "kommunenummer": kommune.nummer,
            "omraade_id": [omraade_id(kommune, n % omfang.omraader) for n in numbers],
            "teig_id": [f"teig {omfang.word(n)} {n}" for n in numbers],
            "matrikkelenheter": [
                [enheter[(n + k) % omfang.eiendommer] for k in range(2 if is_shared[n] else 1)] for n in numbers
            ],
            "differanse": "uregulert",
            "areal_m2": 1000.0 + 14.0 * (np.arange(count) % 1000),
            "kjerne_m2": 800.0 + 11.0 * (np.arange(count) % 1000),
            "kjerne_grunnlag": "bygninger",
            "klasse": "bolig",
            "arealstatus": "2",
            "plan_ider": [[plans[n % len(plans)]] for n in numbers],
            "planer_under_arbeid": [
                [f"{kommune.nummer}_R{n} {omfang.word(n)}"] if n % 20 == 0 else [] for n in numbers
            ],
            "har_tvist": np.arange(count) % 30 == 0,
            "ost_25833": east,
            "nord_25833": north,
            "lengdegrad": lon,
            "breddegrad": lat,
            "tilstand": "aktiv",
        },
        geometry=squares,
    )


def _omraader(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    numbers = range(omfang.omraader)
    plans = _plans(kommune, omfang)
    areas = (5000.0 + 22.0 * (np.arange(omfang.omraader) % 1000)).tolist()
    return gpd.GeoDataFrame(
        {
            "omraade_id": [omraade_id(kommune, n) for n in numbers],
            "kommunenummer": kommune.nummer,
            "differanse": "uregulert",
            "areal_m2": areas,
            "klasse": "bolig",
            "arealstatus": "2",
            "sone_ider": [[_sone_id(omfang, n)] for n in numbers],
            "sone_areal_m2": [[area] for area in areas],
            "plan_ider": [[plans[n % len(plans)]] for n in numbers],
            "andel_regulert": 0.25,
            "reguleringsplaner": [[] for _ in numbers],
            "planer_under_arbeid": [[] for _ in numbers],
            "tilstand": "aktiv",
        },
        geometry=_squares(omfang.omraader, SIDE_M, ROUND_THE_LOT_M),
    )


def _sone_id(omfang: Omfang, n: int) -> str:
    return f"sone {omfang.word(n)} {n}"


def _soner(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    numbers = range(omfang.omraader)
    plans = _plans(kommune, omfang)
    return gpd.GeoDataFrame(
        {
            "sone_id": [_sone_id(omfang, n) for n in numbers],
            "objekttype": "KpArealformålOmråde",
            "kode": "1110",
            "arealstatus": "2",
            "plan_id": [plans[n % len(plans)] for n in numbers],
            "navn": [f"{omfang.word(n)} felt B{n}" for n in numbers],
        },
        geometry=_squares(omfang.omraader, SIDE_M, ROUND_THE_LOT_M),
    )


def _planomraader(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    plans = _plans(kommune, omfang)
    return gpd.GeoDataFrame(
        {
            "plan_id": plans,
            "plantype": "20",
            "planstatus": "3",
            "navn": [f"Kommuneplan {word}" for word in omfang.ord],
            "vedtatt_dato": "2023-06-14",
            "lenke": [LINK if n == 0 else word for n, word in enumerate(omfang.ord)],
        },
        geometry=_squares(len(plans), 10_000.0, 0.0),
    )


def _teiger(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    tomter = _tomter(kommune, omfang)
    return gpd.GeoDataFrame(
        {
            "teig_id": tomter["teig_id"],
            "kommunenummer": kommune.nummer,
            "matrikkelenheter": tomter["matrikkelenheter"],
            "matrikkelnummer_tekst": [
                ",".join(e.partition("-")[2][:-4] for e in es) for es in tomter["matrikkelenheter"]
            ],
            "registrert_areal_m2": tomter["areal_m2"] + 500.0,
            "har_tvist": tomter["har_tvist"],
        },
        geometry=tomter.geometry,
    )


def _kjerner(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    tomter = _tomter(kommune, omfang)
    return gpd.GeoDataFrame(
        {
            "tomt_id": tomter["tomt_id"],
            "areal_m2": tomter["kjerne_m2"],
            "lengde_m": 40.0,
            "bredde_m": 20.0,
            "kompakthet": 0.79,
        },
        geometry=tomter.geometry,
    )


def _scorer(kommune: Kommune, omfang: Omfang) -> pd.DataFrame:
    count = omfang.tomter
    numbers = range(count)
    # 7919 is a prime: neighbours get scores that are far from each other.
    share = (np.arange(count) * 7919 % max(count, 1)) / max(count - 1, 1)
    area = 1000.0 + 14.0 * (np.arange(count) % 1000)
    score = omfang.lavest + (omfang.hoeyest - omfang.lavest) * share
    of_each = {f"poeng_{faktor}": score / len(FAKTORER) for faktor in FAKTORER}
    return pd.DataFrame(
        {
            "tomt_id": [tomt_id(kommune, n) for n in numbers],
            "profil": "eier-7 1",
            "score": score,
            "hoyest": np.minimum(score + 10.0, 100.0),
            "nivaa": _levels(score),
            **of_each,
            **{f"ukjent_{faktor}": 0.0 for faktor in FAKTORER},
            "er_stoppet": False,
            "boliger_lav": np.floor(area / 120),
            "boliger": np.floor(area / 80),
            "boliger_hoy": np.floor(area / 50),
            "byggbar_m2": area / 2,
            "verste_tema": [omfang.ord[0] if n % 9 == 8 else "flom" if n % 3 == 0 else None for n in numbers],
            "verste_andel": 0.4,
            "sikkerhet": 0.87,
            "kommunal": [("ukjent", "nei", "tegn", "eier")[n % 4] for n in numbers],
            "selvkost_lav_kr": 1_000_000.0,
            "selvkost_hoy_kr": 2_500_000.0,
            "begrunnelse": [f"Kapasitet: {omfang.word(n)}\nStørrelse: {n}" for n in numbers],
            "hvorfor": [f"Kapasitet 10 av 22: {omfang.word(n)} (2026-11-01)" for n in numbers],
            "loft": [f"Slå opp eieren {omfang.word(n)}" for n in numbers],
            "mangler": [f"Støy {omfang.word(n)}" for n in numbers],
            "noekkel": "x",
        }
    )


def _tomtefakta(kommune: Kommune, omfang: Omfang) -> pd.DataFrame:
    numbers = range(omfang.tomter)
    return pd.DataFrame(
        {
            "tomt_id": [tomt_id(kommune, n) for n in numbers],
            "er_stoppet": False,
            "ukjente_tema": [["stoy_fly"] for _ in numbers],
            "kommunal": [("ukjent", "nei", "tegn", "eier")[n % 4] for n in numbers],
            "kommunal_grunn": [f"Barneskole {omfang.word(n)}" for n in numbers],
        }
    )


def _levels(scores: Any) -> list[str | None]:
    return [nivaaer().of(score) for score in scores]


def _sammenslaainger(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    """Return one of three lots for each hundred lots, and one for what is left."""
    tomter = _tomter(kommune, omfang)
    firsts = range(0, max(omfang.tomter - 2, 0), 100)
    lots = [tomter.iloc[n : n + 3] for n in firsts]
    return gpd.GeoDataFrame(
        {
            "sammenslaaing_id": [f"{kommune.nummer}-S{n + 1:06d}" for n in firsts],
            "kommunenummer": kommune.nummer,
            "grunnlag": ["område" if n % 200 == 0 else "eier" for n in firsts],
            "omraade_id": [some["omraade_id"].iloc[0] for some in lots],
            "tomt_ider": [some["tomt_id"].tolist() for some in lots],
            "areal_m2": [float(some["areal_m2"].sum()) for some in lots],
            "score": 88.0,
            "hoyest": 90.0,
            "nivaa": "A",
            "hvorfor": [f"Sammen {omfang.word(n)}" for n in firsts],
            "ost_25833": [float(some["ost_25833"].iloc[0]) for some in lots],
            "nord_25833": [float(some["nord_25833"].iloc[0]) for some in lots],
            "tilstand": "aktiv",
        },
        geometry=tomter.geometry.iloc[list(firsts)].to_list(),
        crs=STORAGE_CRS,
    )


def _kontekstdekning(kommune: Kommune, omfang: Omfang) -> pd.DataFrame:
    """Return every layer known but noise of planes, which nobody covers."""
    lag, of = kontekst_themes(), konflikter().lag
    is_known = [name != "stoy_fly" for name in lag]
    return pd.DataFrame(
        {
            "lag": lag,
            "tema": [of[name].tema if name in of else None for name in lag],
            "svar": ["tom" if known else "ikke_dekket" for known in is_known],
            "er_kjent": is_known,
            "kilde": "prøve",
            "grunn": [None if known else f"Dekker ikke {omfang.word(0)}" for known in is_known],
            "hentet_tid": TID,
            "sett_tid": TID,
            "alder_dager": 1.0,
        }
    )


def _konflikter(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    """Return a flood over the western half of the first lots, and slighter things over all of them."""
    count = min(omfang.tomter, 20)
    west = _squares(count, SIDE_M / 2, ROUND_THE_LOT_M)
    return gpd.GeoDataFrame(
        {"lag": "flom_faresone", "tema": "flom", "alvor": ["hard", "myk"] * (count // 2) + ["hard"] * (count % 2)},
        geometry=west,
    )


def _hendelser(kommune: Kommune, omfang: Omfang) -> gpd.GeoDataFrame:
    tomter = _tomter(kommune, omfang)
    return gpd.GeoDataFrame(
        {
            "nr": np.arange(1, omfang.tomter + 1),
            "tomt_id": tomter["tomt_id"],
            "kommunenummer": kommune.nummer,
            "dato": TID,
            "hendelse": "ny",
            "aarsak": "første kjøring",
            "aarsak_ider": [[] for _ in range(omfang.tomter)],
            "areal_etter_m2": tomter["areal_m2"],
            "fra": [[] for _ in range(omfang.tomter)],
            "til": [[] for _ in range(omfang.tomter)],
            "teig_id": tomter["teig_id"],
            "omraade_id": tomter["omraade_id"],
            "differanse": "uregulert",
        },
        geometry=tomter.geometry,
    )


def _adresser(kommune: Kommune, omfang: Omfang) -> pd.DataFrame:
    tomter = _tomter(kommune, omfang)
    return pd.DataFrame(
        {
            "tomt_id": tomter["tomt_id"],
            "adresse": [f"{omfang.word(n)} {n}" for n in range(omfang.tomter)],
            "postnummer": "0099",
            "poststed": "TOMTEVIK",
            "avstand_m": 0.0,
            "hentet_dato": TID[:10],
            "ost_25833": tomter["ost_25833"],
            "nord_25833": tomter["nord_25833"],
        }
    )


def _dekning(kommune: Kommune, omfang: Omfang) -> pd.DataFrame:
    temaer = ["kommuneplan", "teig"]
    return pd.DataFrame(
        {
            "kommunenummer": kommune.nummer,
            "tema": temaer,
            "er_paakrevd": True,
            "kilde": ["nap", "kartverket_teig"],
            "svar": "rader",
            "forsoek": [[], []],
            "hentet_tid": TID,
            "sett_tid": TID,
            "alder_dager": 1.0,
            "nyeste_plan": ["2023-06-14", None],
            "andel_dekket": [0.97, np.nan],
            "karakter": ["B", "A"],
            "grunner": [[f"Gammel kopi {omfang.word(0)}"], []],
            "kilde_adresse": "https://nap.example/wfs",
            "lisens": "NLOD",
        }
    )


def _kontroll(kommune: Kommune, omfang: Omfang) -> pd.DataFrame:
    words = [omfang.word(n) for n in range(max(2, len(omfang.ord)))]
    return pd.DataFrame(
        {
            "kontroll_id": [f"{kommune.nummer}-teig-prøve-{n} {word}" for n, word in enumerate(words)],
            "kommunenummer": kommune.nummer,
            "opphav": "kjoering",
            "hva": [f"Kilden svarer ikke {word}" for word in words],
            "hvor": [f"teig {word}" for word in words],
            "hvorfor": words,
            "forslag": words,
            "alvor": "høy",
            "tilstand": "aapen",
            "foerst_sett": "2026-11-01",
            "sist_sett": "2026-11-01",
        }
    )
