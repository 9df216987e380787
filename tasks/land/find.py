"""Land: from the cleaned input of one kommune to its områder and tomter, with persisted ids and a ledger.

Reads core/{grenser, soner, planomraader, reguleringsplaner, reguleringsformaal, hindre, teiger} and what the last run
left; writes out/{omraader, tomter, kjerner, hendelser} and work/minne.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import Klasse, Kommune, Regler, housing_classes, regler
from tasks.account import Account, Accounts
from tasks.contracts import HENDELSER, KJERNER, OMRAADER, STORAGE_EPSG, TOMTER, Contract
from tasks.land import ledger
from tasks.land.aarsak import FOERSTE, UKJENT
from tasks.land.funn import UREGULERT, Funn, second_class
from tasks.land.identity import AKTIV, carry_ids, with_gone
from tasks.land.inndata import Core, options, prepare, read_core, rule_texts
from tasks.land.kjerne import core_areas, find_kjerner
from tasks.land.minne import Husket, changes_since, keep, recall
from tasks.land.motor import VERSJON, Minne, beregn
from tasks.land.omraade import touching_plans
from tasks.store import Geodata

AARSAK_BORTE = "Ligger ikke lenger i differansen"
AARSAK_UNDER = "For liten eller for smal nå"
AARSAK_SAMMEN = "Slått sammen med {}"
IDS_SHOWN = 5
BYGNINGER, FORM = "bygninger", "form"
MOST_THREADS = 4
"""More bring nothing: reading, cleaning and attributes are the same whatever the threads."""


@dataclass(frozen=True)
class Forrige:
    """What the last run left: contracts omraader, tomter, kjerner, hendelser, and its memory; None where nothing is."""

    omraader: gpd.GeoDataFrame | None = None
    tomter: gpd.GeoDataFrame | None = None
    kjerner: gpd.GeoDataFrame | None = None
    hendelser: gpd.GeoDataFrame | None = None
    husket: Husket | None = None


@dataclass(frozen=True)
class Land:
    """The result of the land engine, EPSG:25833: contracts omraader, tomter, kjerner and hendelser (the whole ledger).

    Attributes
    ----------
    minne, regler, stempel
        What the next run needs to go on from here.
    """

    omraader: gpd.GeoDataFrame
    tomter: gpd.GeoDataFrame
    kjerner: gpd.GeoDataFrame
    hendelser: gpd.GeoDataFrame
    minne: Minne
    regler: Mapping[str, str]
    stempel: str
    accounts: Accounts

    def as_forrige(self, *, epsg: int) -> Forrige:
        """Return what the next run finds of this one."""
        lag = {"soner": self.minne.soner, "planer": self.minne.planer, "teiger": self.minne.teiger}
        husket = Husket(self.minne, lag, self.regler, self.stempel, VERSJON, epsg)
        return Forrige(self.omraader, self.tomter, self.kjerner, self.hendelser, husket)


def find_land(
    kommune: Kommune,
    core: Core,
    *,
    forrige: Forrige,
    rules: Regler,
    klasser: Mapping[tuple[str, str], Klasse],
    tid: str,
    traader: int = 1,
) -> Land:
    """Return the områder and tomter of a kommune, and what has happened to them since the last run.

    Parameters
    ----------
    forrige
        What the last run left: ids are carried over, and what no change has reached is not computed again.
    tid
        ISO time of the run, UTC, for the ledger.
    traader
        Threads.

    Raises
    ------
    LandError
        When a layer has no usable CRS, or nothing of a layer lies in the kommune (wrong CRS, swapped axes).
    """
    accounts = Accounts()
    klargjort = prepare(kommune, core, rules=rules, klasser=klasser, accounts=accounts)
    inndata, hindre = klargjort.inndata, klargjort.hindre
    husket = forrige.husket if forrige.husket is not None and forrige.husket.epsg == kommune.epsg else None
    resultat = beregn(inndata, options(rules, traader=traader), forrige=husket.minne if husket else None)
    found = Funn.of(inndata, resultat, UREGULERT, accounts=accounts)
    if klargjort.formaal is not None:
        second = second_class(inndata, resultat, klargjort.formaal, klasser, rules=rules, accounts=accounts)
        found = found.plus(second)
    for frame in (found.omraader, found.tomter):
        frame["planer_under_arbeid"] = touching_plans(frame.geometry.to_numpy(), klargjort.under_arbeid)
    omraader, tomter = _with_ids(kommune, found, forrige, rules=rules)
    stempel = core_stamp(rules, hindre)
    kjerner = _cores(
        found.tomter.assign(tomt_id=tomter["tomt_id"].to_numpy()),
        tomter,
        hindre,
        forrige=forrige if husket is not None and husket.kjerner == stempel else Forrige(),
        rules=rules,
        traader=traader,
        account=accounts.step("kjerner"),
    )
    tomter = tomter.assign(
        kjerne_m2=core_areas(tomter["tomt_id"], kjerner).round(1), kjerne_grunnlag=FORM if hindre is None else BYGNINGER
    )
    omraader, tomter = _with_the_gone(omraader, tomter, forrige, accounts=accounts)
    texts = rule_texts(rules, klasser)
    new = ledger.hendelser(
        ledger.replay(forrige.hendelser),
        tomter,
        rester=found.rester.to_crs(STORAGE_EPSG).to_numpy(),
        endringer=changes_since(husket, resultat.minne, texts),
        kommunenummer=kommune.nummer,
        dato=tid,
        start_nr=ledger.next_nr(forrige.hendelser),
    )
    tomter = _with_causes(tomter, new)
    hendelser = ledger.append(forrige.hendelser, new)
    _tell(accounts.step("hendelser"), forrige.hendelser, hendelser)
    return Land(omraader, tomter, kjerner, hendelser, resultat.minne, texts, stempel, accounts)


def _with_ids(
    kommune: Kommune, found: Funn, forrige: Forrige, *, rules: Regler
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the living områder and lots, with ids, EPSG:25833."""
    min_iou = rules.identitet.minste_iou
    omraader = found.omraader.to_crs(STORAGE_EPSG).assign(kommunenummer=kommune.nummer)
    omraader["omraade_id"] = carry_ids(
        omraader,
        forrige.omraader,
        id_column="omraade_id",
        id_format=kommune.nummer + "-O{:05d}",
        group_column=None,
        min_iou=min_iou,
    )
    tomter = _with_points(found.tomter.to_crs(STORAGE_EPSG).assign(kommunenummer=kommune.nummer))
    tomter["omraade_id"] = omraader["omraade_id"].to_numpy()[found.tomter["omraade"].to_numpy(dtype=np.intp)]
    tomter["tomt_id"] = carry_ids(
        tomter,
        forrige.tomter,
        id_column="tomt_id",
        id_format=kommune.nummer + "-{:06d}",
        group_column="teig_id",
        min_iou=min_iou,
    )
    return omraader, tomter


def _with_points(lots: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    inside = gpd.GeoSeries(shapely.point_on_surface(lots.geometry.to_numpy()), crs=STORAGE_EPSG)
    degrees = inside.to_crs(4326)
    return lots.assign(
        ost_25833=inside.x.to_numpy().round(1),
        nord_25833=inside.y.to_numpy().round(1),
        lengdegrad=degrees.x.to_numpy().round(6),
        breddegrad=degrees.y.to_numpy().round(6),
    )


def _with_the_gone(
    omraader: gpd.GeoDataFrame, tomter: gpd.GeoDataFrame, forrige: Forrige, *, accounts: Accounts
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    reasons = {"aarsak": AARSAK_BORTE, "sammen": AARSAK_SAMMEN}
    every = (
        with_gone(_columns(omraader, OMRAADER), forrige.omraader, id_column="omraade_id", **reasons),
        with_gone(_columns(tomter, TOMTER), forrige.tomter, id_column="tomt_id", **reasons),
    )
    for step, frame in zip(("omraader", "tomter"), every, strict=True):
        accounts.step(step).note("borte", int((frame["tilstand"] != AKTIV).sum()))
    return every


def _with_causes(tomter: gpd.GeoDataFrame, new: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the lots, those that have gone now with what the ledger knows of the reason."""
    words = {ledger.VEKK: AARSAK_BORTE, ledger.UNDER: AARSAK_UNDER}
    gone = new[new["hendelse"].isin(list(words)) & ~new["aarsak"].isin([FOERSTE, UKJENT])]
    why = {
        event.tomt_id: f"{words[event.hendelse]}: {event.aarsak} {', '.join(event.aarsak_ider[:IDS_SHOWN])}".strip()
        for event in gone.itertuples()
    }
    return tomter.assign(aarsak=[why.get(i, a) for i, a in zip(tomter["tomt_id"], tomter["aarsak"], strict=True)])


def _columns(frame: gpd.GeoDataFrame, contract: Contract) -> gpd.GeoDataFrame:
    result: gpd.GeoDataFrame = frame[[c for c in (*contract.columns, "geometry") if c in frame]]
    return result


def core_stamp(rules: Regler, hindre: gpd.GeoDataFrame | None) -> str:
    """Return a digest of everything but the lots that cores depend on."""
    parts = [json.dumps(rules.kjerne.model_dump(), sort_keys=True).encode(), str(VERSJON).encode()]
    if hindre is not None:
        rows = hindre.sort_values("hinder_id")
        parts += [str(rows["slag"].tolist()).encode(), b"".join(shapely.to_wkb(rows.geometry.to_numpy()))]
    return hashlib.sha256(b"|".join(parts)).hexdigest()


def _cores(
    tomter: gpd.GeoDataFrame,
    stored: gpd.GeoDataFrame,
    hindre: gpd.GeoDataFrame | None,
    *,
    forrige: Forrige,
    rules: Regler,
    traader: int,
    account: Account,
) -> gpd.GeoDataFrame:
    """Return the cores (contract kjerner) of lots.

    Parameters
    ----------
    tomter, stored
        The same living lots in the kommune's own UTM zone and in EPSG:25833.
    forrige
        Lots that are as they were then keep their cores; empty where obstacles or distances have changed since.
    """
    again = np.ones(len(tomter), dtype=bool)
    kept = KJERNER.empty()
    if forrige.kjerner is not None and forrige.tomter is not None:
        before = pd.Series(shapely.to_wkb(forrige.tomter.geometry.to_numpy()), index=forrige.tomter["tomt_id"])
        again = stored["tomt_id"].map(before).to_numpy() != shapely.to_wkb(stored.geometry.to_numpy())
        kept = forrige.kjerner[forrige.kjerner["tomt_id"].isin(stored["tomt_id"][~again])]
    account.note("som før", int((~again).sum()))
    fresh = find_kjerner(tomter[again], hindre, regler=rules.kjerne, account=account, traader=traader)
    fresh = fresh.to_crs(STORAGE_EPSG)
    parts = [_columns(frame, KJERNER) for frame in (fresh, kept) if len(frame)] or [KJERNER.empty()]
    joined = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), geometry="geometry", crs=STORAGE_EPSG)
    result: gpd.GeoDataFrame = joined.sort_values("tomt_id", ignore_index=True)
    return result


def _tell(account: Account, before: gpd.GeoDataFrame | None, now: gpd.GeoDataFrame) -> None:
    account.inn = 0 if before is None else len(before)
    for words, rows in now.iloc[account.inn :].groupby(["hendelse", "aarsak"], sort=True):
        account.note(": ".join(map(str, words)), len(rows), rows["tomt_id"])
    account.close(len(now))


def read_forrige(geodata: Geodata, kommune: Kommune) -> Forrige:
    """Read what the last run left."""

    def last(contract: Contract) -> gpd.GeoDataFrame | None:
        return geodata.read(kommune.nummer, layer="out", contract=contract)

    husket = recall(geodata.work_path("minne", kommune.nummer))
    return Forrige(last(OMRAADER), last(TOMTER), last(KJERNER), last(HENDELSER), husket)


def write_land(land: Land, geodata: Geodata, kommune: Kommune) -> None:
    """Write what a run found, the ledger after the lots it tells of, the memory last.

    A run that is stopped in between leaves lots without their events, which the next one makes up for: the ledger is
    compared with what its own replay gives, and causes with what the memory holds.
    """
    for frame, contract in (
        (land.omraader, OMRAADER),
        (land.tomter, TOMTER),
        (land.kjerner, KJERNER),
        (land.hendelser, HENDELSER),
    ):
        geodata.write(frame, kommune.nummer, layer="out", contract=contract)
    path = geodata.work_path("minne", kommune.nummer)
    keep(land.minne, path, regler=land.regler, kjerner=land.stempel, epsg=kommune.epsg)


@task(name="finn tomter", task_run_name="finn tomter {kommune.nummer}", cache_policy=NO_CACHE)
def find_tomter_task(kommune: Kommune, geodata: Geodata) -> Accounts:
    """Read core/ and what the last run left, find the lots, write out/ and work/; return the accounts."""
    rules = regler()
    forrige, core = read_forrige(geodata, kommune), read_core(geodata, kommune, rules)
    started = time.perf_counter()
    land = find_land(
        kommune,
        core,
        forrige=forrige,
        rules=rules,
        klasser=housing_classes(),
        tid=datetime.now(UTC).isoformat(timespec="seconds"),
        traader=min(MOST_THREADS, len(os.sched_getaffinity(0))),
    )
    land.accounts.sekunder = time.perf_counter() - started
    write_land(land, geodata, kommune)
    return land.accounts
