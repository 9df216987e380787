"""Land: from the cleaned input of one kommune to its områder and tomter, with persisted ids and a ledger.

Reads core/{grenser, soner, planomraader, reguleringsplaner, reguleringsformaal, hindre, teiger} and what the last run
left; writes out/{omraader, tomter, kjerner, hendelser} and minne/.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import Klasse, Kommune, Regler, housing_classes, regler
from tasks.account import Account, Accounts
from tasks.contracts import HENDELSER, KJERNER, OMRAADER, TOMTER, Contract
from tasks.crs import STORAGE_CRS
from tasks.errors import IdentityError
from tasks.land import ledger
from tasks.land.aarsak import FOERSTE, REGEL_ENDRET, UKJENT
from tasks.land.clean import in_storage_crs
from tasks.land.funn import UREGULERT, Funn, second_class
from tasks.land.identity import AKTIV, carry_ids, with_gone
from tasks.land.inndata import Core, options, prepare, read_core, rule_texts
from tasks.land.kjerne import core_areas, current_kjerner
from tasks.land.lag import Lag
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
    minne, regler, formaal
        What the next run needs to go on from here.
    """

    omraader: gpd.GeoDataFrame
    tomter: gpd.GeoDataFrame
    kjerner: gpd.GeoDataFrame
    hendelser: gpd.GeoDataFrame
    minne: Minne
    regler: Mapping[str, str]
    formaal: Lag | None
    accounts: Accounts

    def as_forrige(self, *, epsg: int) -> Forrige:
        """Return what the next run finds of this one."""
        lag = {"soner": self.minne.soner, "planer": self.minne.planer, "teiger": self.minne.teiger}
        if self.formaal is not None:
            lag["formaal"] = self.formaal
        husket = Husket(self.minne, lag, self.regler, VERSJON, epsg)
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
    IdentityError
        When the ledger tells of lots or områder that the last run's frames do not hold.
    """
    _require_known(forrige, kommune)
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
        frame["planer_under_arbeid"] = touching_plans(
            frame.geometry.to_numpy(), klargjort.under_arbeid, toleranse_m=rules.geometri.toleranse_m
        )
    omraader, tomter = _with_ids(kommune, found, forrige, rules=rules)
    kjerner = current_kjerner(
        found.tomter.assign(tomt_id=tomter["tomt_id"].to_numpy()),
        hindre,
        before=forrige.kjerner,
        regler=rules.kjerne,
        traader=traader,
        account=accounts.step("kjerner"),
    )
    tomter = tomter.assign(
        kjerne_m2=core_areas(tomter["tomt_id"], kjerner).round(1), kjerne_grunnlag=FORM if hindre is None else BYGNINGER
    )
    omraader, tomter = _with_the_gone(omraader, tomter, forrige, accounts=accounts)
    texts, formaal = rule_texts(rules, klasser), _purposes(klargjort.formaal)
    new = ledger.hendelser(
        ledger.replay(forrige.hendelser),
        tomter,
        rester=in_storage_crs(found.rester.to_frame("geometry").set_geometry("geometry")).geometry.to_numpy(),
        endringer=changes_since(forrige.husket, resultat.minne, texts, epsg=kommune.epsg, formaal=formaal),
        kommunenummer=kommune.nummer,
        dato=tid,
        start_nr=ledger.next_nr(forrige.hendelser),
    )
    tomter = _with_causes(tomter, new)
    hendelser = ledger.append(forrige.hendelser, new)
    _tell(accounts.step("hendelser"), forrige.hendelser, hendelser)
    return Land(omraader, tomter, kjerner, hendelser, resultat.minne, texts, formaal, accounts)


def _with_ids(
    kommune: Kommune, found: Funn, forrige: Forrige, *, rules: Regler
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the living områder and lots, with ids, EPSG:25833."""
    min_iou = rules.identitet.minste_iou
    omraader = in_storage_crs(found.omraader).assign(kommunenummer=kommune.nummer)
    omraader["omraade_id"] = carry_ids(
        omraader,
        forrige.omraader,
        id_column="omraade_id",
        id_format=kommune.nummer + "-O{:05d}",
        group_column=None,
        min_iou=min_iou,
    )
    tomter = _with_points(in_storage_crs(found.tomter).assign(kommunenummer=kommune.nummer))
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


def _purposes(formaal: gpd.GeoDataFrame | None) -> Lag | None:
    """Return the purposes inside plans as a layer, by everything that matters of them."""
    if formaal is None:
        return None
    columns = ("formaal_id", "objekttype", "kode", "plan_id", "vertikalnivaa")
    ider, *merker = (formaal[name].to_numpy(dtype=object) for name in columns)
    return Lag(ider, formaal.geometry.to_numpy(), merker)


def _with_points(lots: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    inside = gpd.GeoSeries(shapely.point_on_surface(lots.geometry.to_numpy()), crs=STORAGE_CRS)
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
    why = {event.tomt_id: f"{words[event.hendelse]}: {_cause(event)}" for event in gone.itertuples()}
    return tomter.assign(aarsak=[why.get(i, a) for i, a in zip(tomter["tomt_id"], tomter["aarsak"], strict=True)])


def _cause(event: Any) -> str:
    """Return the cause of an event in words for sales: names of rules are the operator's."""
    ids = [] if event.aarsak == REGEL_ENDRET else event.aarsak_ider[:IDS_SHOWN]
    return f"{event.aarsak} {', '.join(ids)}".strip()


def _require_known(forrige: Forrige, kommune: Kommune) -> None:
    """Raise when the ledger tells of lots or områder that out/ does not hold: their ids would go to other land.

    Raises
    ------
    IdentityError
    """
    if forrige.hendelser is None:
        return
    for noun, frame, key in (("tomter", forrige.tomter, "tomt_id"), ("omraader", forrige.omraader, "omraade_id")):
        lost = sorted(set(forrige.hendelser[key]) - (set() if frame is None else set(frame[key])))
        if lost:
            raise IdentityError(
                f"{kommune.label}: the ledger tells of {len(lost)} {noun} that out/{noun} does not hold, first "
                f"{', '.join(lost[:3])}: their ids would be given to other land. Bring back out/{noun} from the "
                "backup; or, to begin anew, move the kommune's files in out/hendelser, tomter and omraader away."
            )


def _columns(frame: gpd.GeoDataFrame, contract: Contract) -> gpd.GeoDataFrame:
    result: gpd.GeoDataFrame = frame[[c for c in (*contract.columns, "geometry") if c in frame]]
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

    husket = recall(geodata.memory_path(kommune.nummer))
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
    path = geodata.memory_path(kommune.nummer)
    keep(land.minne, path, regler=land.regler, epsg=kommune.epsg, formaal=land.formaal)


@task(name="finn tomter", task_run_name="finn tomter {kommune.nummer}", cache_policy=NO_CACHE)
def find_tomter_task(kommune: Kommune, geodata: Geodata) -> Accounts:
    """Read core/ and what the last run left, find the lots, write out/ and minne/; return the accounts."""
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
