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

from config.registers import Kommune
from tasks import contracts
from tasks.contracts import Contract
from tasks.crs import STORAGE_CRS
from tasks.store import Geodata, Layer

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
        (contracts.SCORER, _scorer),
        (contracts.HENDELSER, _hendelser),
        (contracts.DEKNING, _dekning),
        (contracts.KONTROLL, _kontroll),
    ]
    core: list[tuple[Contract, Callable[[Kommune, Omfang], pd.DataFrame]]] = [
        (contracts.SONER, _soner),
        (contracts.PLANOMRAADER, _planomraader),
        (contracts.TEIGER, _teiger),
        (contracts.ADRESSER, _adresser),
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
    scorer = _read(geodata, kommune, contracts.SCORER)
    chosen = np.unique(np.linspace(0, len(tomter) - 1, round(share * len(tomter))).astype(int))
    ids = tomter["tomt_id"].iloc[chosen].tolist()
    tomter.loc[tomter.index[chosen], "areal_m2"] += 111.0
    is_chosen = scorer["tomt_id"].isin(ids)
    scorer.loc[is_chosen, "boliger"] += 1.0
    scorer.loc[is_chosen, "score"] = np.where(scorer.loc[is_chosen, "score"] > 70, 69.5, 70.5)
    geodata.write(tomter, kommune.nummer, layer="out", contract=contracts.TOMTER)
    geodata.write(scorer, kommune.nummer, layer="out", contract=contracts.SCORER)
    return ids


def set_score(geodata: Geodata, kommune: Kommune, scores: dict[str, float]) -> None:
    """Give some lots another score."""
    scorer = _read(geodata, kommune, contracts.SCORER)
    scorer["score"] = scorer["tomt_id"].map(scores).fillna(scorer["score"])
    geodata.write(scorer, kommune.nummer, layer="out", contract=contracts.SCORER)


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
    empty: dict[str, Any] = {"number": float("nan"), "text": None}
    late = {c: empty[kind] for c, kind in contract.columns.items() if c not in frame}
    for column in (c for c, kind in contract.columns.items() if kind == "text"):
        if column in frame:
            frame[column] = frame[column].astype(object)
    wanted = [*contract.columns, *(["geometry"] if contract.has_geometry else [])]
    filled = frame.assign(
        **{c: pd.Series([v] * len(frame), dtype=object if v is None else float) for c, v in late.items()}
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
    # 7919 is a prime: neighbours get scores that are far from each other.
    share = (np.arange(count) * 7919 % max(count, 1)) / max(count - 1, 1)
    area = 1000.0 + 14.0 * (np.arange(count) % 1000)
    return pd.DataFrame(
        {
            "tomt_id": [tomt_id(kommune, n) for n in range(count)],
            "profil": "grov",
            "boliger": np.floor(area / 80),
            "poeng_kapasitet": 25 * share,
            "poeng_storrelse": 15 * share,
            "score": omfang.lavest + (omfang.hoeyest - omfang.lavest) * share,
            "begrunnelse": [f"Kapasitet: {omfang.word(n)}\nStørrelse: {n}" for n in range(count)],
        }
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
