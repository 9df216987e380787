"""Fakta: everything that is measured of each living lot (contract tomtefakta), and the key that says from what.

`noekkel` is a digest of the lot, of the conflicts that touch its box, of its owners, of every layer of the
surroundings, and of the program that measures: a lot whose key is as before has the facts of before, and is not
measured again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from config.konflikt import Konflikter, konflikter
from tasks.scoring.tomt.befolkning import maal_befolkning
from tasks.scoring.tomt.eier import maal_eier
from tasks.scoring.tomt.infrastruktur import maal_infrastruktur
from tasks.scoring.tomt.konflikt import Konfliktmaal
from tasks.scoring.tomt.omgivelser import Omgivelser
from tasks.scoring.tomt.sentralitet import maal_sentralitet
from tasks.scoring.tomt.stempel import maalestempel
from tasks.tomtekontrakter import TOMTEFAKTA

LAG = {
    "bygninger": ("slag",),
    "tettsteder": ("tettstedsnummer", "navn", "folketall"),
    "grunnkretser": ("grunnkretsnummer", "folketall", "areal_m2"),
    "holdeplasser": ("stopp_id", "navn"),
    "veglenker": ("lenke_id", "vegkategori", "fra_node", "til_node"),
    "tjenester": ("tjeneste_id", "slag"),
    "adressepunkter": (),
}
"""Layers that every lot is measured against, and their columns that matter."""
KONFLIKTKOLONNER = ("lag", "tema", "alvor", "verdi", "navn")


def maal_fakta(
    lag: Omgivelser, konfliktmaal: Konfliktmaal, *, epsg: int, noekkel: pd.Series | None = None
) -> pd.DataFrame:
    """Return the facts of every lot, contract tomtefakta, in the order of the lots.

    Parameters
    ----------
    lag
        As read: EPSG:25833.
    konfliktmaal
        Of the same lots.
    epsg
        The kommune's own UTM zone, in which distances are measured.
    noekkel
        From `noekler`, of these lots at least, where that has been asked already.
    """
    lag = replace(lag, tomter=lag.tomter.reset_index(drop=True))
    tomter = lag.tomter
    there = pd.Index(konfliktmaal.tomter["tomt_id"])
    conflicts = konfliktmaal.tomter.iloc[there.get_indexer(pd.Index(tomter["tomt_id"]))].reset_index(drop=True)
    local = lag.i_sone(epsg)
    keys = noekler(lag, epsg=epsg) if noekkel is None else noekkel
    about = lag.om_kommunen
    facts = pd.concat(
        [
            tomter[["tomt_id", "areal_m2", "kjerne_m2"]],
            conflicts[["byggbar_m2", "fri_m2", "er_stoppet", "stopp_grunn", "ukjente_tema"]],
            maal_sentralitet(local),
            maal_befolkning(local),
            maal_infrastruktur(local),
            maal_eier(local),
        ],
        axis=1,
    ).assign(
        kommuneklasse=pd.Series([about.kommuneklasse] * len(tomter), dtype=object),
        politikk=float(about.politikk),
        politikk_tid=pd.Series([about.politikk_tid] * len(tomter), dtype=object),
        noekkel=tomter["tomt_id"].map(keys).astype(object),
    )
    return pd.DataFrame(facts[list(TOMTEFAKTA.columns)])


def noekler(lag: Omgivelser, *, epsg: int, register: Konflikter | None = None) -> pd.Series:
    """Return for each lot a digest of everything that its facts depend on, by tomt_id.

    Parameters
    ----------
    lag
        As read: EPSG:25833.
    register
        Themes of conflict; None: config/konflikter.toml.
    """
    tomter = lag.tomter.reset_index(drop=True)
    common = hashlib.sha256(_of_all(lag, register or konflikter(), epsg=epsg)).digest()
    shapes = _wkb(tomter)
    cores = dict(zip(lag.kjerner["tomt_id"], _wkb(lag.kjerner), strict=True))
    conflicts = _touching(tomter, lag.konflikter)
    own = maal_eier(replace(lag, tomter=tomter)).astype(object)
    columns = [tomter[c].tolist() for c in ("tomt_id", "areal_m2", "kjerne_m2", "teig_id")]
    told = [str(row).encode() for row in zip(*columns, *(own[c].tolist() for c in own), strict=True)]
    keys = [
        hashlib.sha256(b"|".join([common, shape, cores.get(tomt_id, b"-"), conflict.tobytes(), words])).hexdigest()[:32]
        for tomt_id, shape, conflict, words in zip(tomter["tomt_id"], shapes, conflicts, told, strict=True)
    ]
    return pd.Series(keys, index=tomter["tomt_id"].to_numpy(dtype=object), dtype=object)


def _of_all(lag: Omgivelser, register: Konflikter, *, epsg: int) -> bytes:
    """Return a digest of what is the same for all lots: layers, rules, which themes are known."""
    known = sorted(lag.dekning.loc[lag.dekning["er_kjent"].astype(bool), "lag"])
    rules = [lag.faktorer.model_dump(mode="json"), register.model_dump(mode="json")]
    about, nowhere = lag.om_kommunen, sorted(lag.konflikter.loc[~_is_somewhere(lag.konflikter), "tema"])
    told = [maalestempel(), epsg, known, nowhere, rules, about.kommuneklasse, str(about.politikk), about.politikk_tid]
    stamp = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for navn, columns in LAG.items():
        frame = getattr(lag, navn)
        stamp.update(navn.encode() + (b"-" if frame is None else _of_frame(frame, columns)))
    return stamp.digest()


def _of_frame(frame: gpd.GeoDataFrame, columns: tuple[str, ...]) -> bytes:
    """Return a digest of a frame that does not hang on the order of its rows."""
    total: bytes = _rows(frame, columns).sum(axis=0, dtype=np.uint64).tobytes()
    return len(frame).to_bytes(8, "big") + total


def _rows(frame: gpd.GeoDataFrame, columns: tuple[str, ...]) -> npt.NDArray[np.uint64]:
    """Return a digest of each row as two numbers, which may be added up: n × 2."""
    told = zip(*(frame[c].tolist() for c in columns), strict=True) if columns else [()] * len(frame)
    digests = [
        hashlib.blake2b(shape + str(words).encode(), digest_size=16).digest()
        for shape, words in zip(_wkb(frame), told, strict=True)
    ]
    return np.frombuffer(b"".join(digests), dtype=np.uint64).reshape(-1, 2)


def _touching(tomter: gpd.GeoDataFrame, features: gpd.GeoDataFrame) -> npt.NDArray[np.uint64]:
    """Return for each lot the sum of the digests of the features whose box touches its own: n × 2."""
    features = features[_is_somewhere(features)]
    digests = _rows(features, KONFLIKTKOLONNER)
    total = np.zeros((len(tomter), 2), dtype=np.uint64)
    boxes = [shapely.box(*shapely.bounds(np.asarray(f.geometry.to_numpy(), object)).T) for f in (features, tomter)]
    lot, feature = shapely.STRtree(boxes[0]).query(boxes[1])
    np.add.at(total, lot, digests[feature])
    return total


def _is_somewhere(features: gpd.GeoDataFrame) -> npt.NDArray[np.bool_]:
    bounds = shapely.bounds(np.asarray(features.geometry.to_numpy(), dtype=object))
    return np.asarray(np.isfinite(bounds).all(axis=1), dtype=bool)


def _wkb(frame: gpd.GeoDataFrame) -> list[bytes]:
    return [wkb or b"-" for wkb in shapely.to_wkb(np.asarray(frame.geometry.to_numpy(), dtype=object))]
