"""From raw to core: the snapshots of a run's answers → the contracts of the land engine, checked and written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import geopandas as gpd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.registers import Kommune, Tema, earlier_numbers, kilder, numbers_in_use, regler
from tasks.account import Account
from tasks.answer import Answer, Empty, Rows
from tasks.contracts import (
    GRENSER,
    HINDRE,
    PLANOMRAADER,
    REGULERINGSFORMAAL,
    REGULERINGSPLANER,
    SONER,
    STORAGE_EPSG,
    TEIGER,
    Contract,
)
from tasks.errors import SourceError, StoreError
from tasks.sources import bygning, flat, formaal, plan, teig
from tasks.sources.numre import Numre
from tasks.store import Geodata, read_parquet

log = logging.getLogger("tomt.sources")

Made = tuple[Contract, gpd.GeoDataFrame, Account]


def known_numbers(kommune: Kommune, *, sandbox: bool) -> Numre:
    """Return what is known of kommunenummer, for a run of this kommune."""
    return Numre(kommune.nummer, numbers_in_use(sandbox=sandbox), earlier_numbers(sandbox=sandbox))


def read_core(kommune: Kommune, answers: Mapping[Tema, Answer], *, geodata: Geodata) -> list[Account]:
    """Map the raw snapshots to the contracts and write them under core/.

    A frame is written only when all the sources it is made of answered with `Rows` or `Empty`; otherwise the old
    file stays as it was. What an optional source brought last is used again, and its account says so.

    Parameters
    ----------
    answers
        Theme → answer, as `fetch` gave them.

    Returns
    -------
    list of Account
        One per frame written, and that of buildings that were left as they were.

    Raises
    ------
    SourceError
        When a required source's data lie outside the kommune.
    """
    required = [(tema, answer) for tema, answer in answers.items() if tema != "bygning"]
    raws: dict[str, gpd.GeoDataFrame] = {t: raw for t, answer in required if (raw := _raw(answer)) is not None}
    made = _mapped(raws, kommune)
    _check_place(made, kommune)
    accounts = [account for _, _, account in made]
    if "bygning" in answers:
        frame, account = _buildings(answers["bygning"], made, kommune, geodata)
        made += [(HINDRE, frame, account)] if frame is not None else []
        accounts.append(account)
    for contract, frame, _ in made:
        geodata.write(frame, kommune.nummer, layer="core", contract=contract)
    return accounts


def _mapped(raws: Mapping[str, gpd.GeoDataFrame], kommune: Kommune) -> list[Made]:
    """Return the frames of the required themes whose every source has something to say."""
    numre, rules = known_numbers(kommune, sandbox=kommune.oppdiktet), regler().plan
    made: list[Made] = []
    if "grense" in raws and len(raws["grense"]):
        made.append(_boundary(raws["grense"]))
    if "kommuneplan" in raws and "kommunedelplan" in raws:
        made += _kommuneplaner(raws["kommuneplan"], raws["kommunedelplan"], numre)
    if (raw := raws.get("reguleringsplan")) is not None:
        made.append((REGULERINGSPLANER, *plan.reguleringsplaner(raw, numre, manglende_nivaa=rules.bakkenivaa)))
    if (raw := raws.get("reguleringsformaal")) is not None:
        made.append((REGULERINGSFORMAAL, *formaal.reguleringsformaal(raw, numre, manglende_nivaa=rules.bakkenivaa)))
    if "teig" in raws:
        made.append((TEIGER, *teig.teiger(raws["teig"], kommunenummer=kommune.nummer)))
    return made


def _buildings(
    answer: Answer, made: Sequence[Made], kommune: Kommune, geodata: Geodata
) -> tuple[gpd.GeoDataFrame | None, Account]:
    """Return the obstacles, from the last good snapshot when there is no answer now, and the account.

    None leaves core as it is. Lots are found without buildings too: nothing that is wrong with them stops a run.
    """
    kilde = kilder()["bygning"]
    try:
        path = answer.path if isinstance(answer, Rows) else geodata.latest(kilde.navn, kommune.nummer)
        if path is not None:
            raw = gpd.GeoDataFrame(read_parquet(path))
            frame, account = bygning.hindre(raw, kommunenummer=kommune.nummer, utelat=kilde.utelat)
            _check_place([*made, (HINDRE, frame, account)], kommune)
            if not isinstance(answer, Rows):
                day = geodata.provenance(path).hentet_tid[:10]
                account.note(f"ikke hentet nå, bygninger fra {day}", len(frame))
            return frame, account
    except (SourceError, StoreError) as error:
        log.warning("%s: buildings are left as they were: %s", kommune.nummer, error)
    account = Account(HINDRE.name)
    is_known = geodata.path("core", HINDRE, kommune.nummer).exists()
    account.note("ikke lest nå, bygninger som før" if is_known else "bygninger ukjent", 1)
    return None, account


def _raw(answer: Answer) -> gpd.GeoDataFrame | None:
    """Return the raw frame of an answer: without rows when `Empty`, None when nothing may be concluded."""
    if isinstance(answer, Rows):
        return gpd.GeoDataFrame(read_parquet(answer.path))
    return flat.concat([], epsg=STORAGE_EPSG) if isinstance(answer, Empty) else None


def _boundary(raw: gpd.GeoDataFrame) -> Made:
    account = Account(GRENSER.name, len(raw))
    account.close(len(raw))
    return GRENSER, raw, account


def _kommuneplaner(kommuneplan: gpd.GeoDataFrame, kommunedelplan: gpd.GeoDataFrame, numre: Numre) -> list[Made]:
    rules = regler().plan
    both = flat.concat([kommuneplan, kommunedelplan], epsg=STORAGE_EPSG)
    zones, zone_account = plan.soner(both, numre, manglende_arealstatus=rules.manglende_arealstatus)
    parts = [
        plan.planomraader(raw, numre, manglende_plantype=plantypes[0])
        for raw, plantypes in ((kommuneplan, rules.kommuneplan_typer), (kommunedelplan, rules.kommunedelplan_typer))
    ]
    extents = flat.concat([frame for frame, _ in parts], epsg=STORAGE_EPSG)
    account = parts[0][1].plus(parts[1][1])
    return [(SONER, zones, zone_account), (PLANOMRAADER, extents, account)]


def _check_place(made: list[Made], kommune: Kommune) -> None:
    """Refuse frames that lie nowhere near the kommune: the wrong kommune, or a CRS that is not what it says."""
    boundary = next((frame for contract, frame, _ in made if contract is GRENSER), None)
    if boundary is None:
        return
    west, south, east, north = boundary.total_bounds
    for contract, frame, _ in made:
        if len(frame) and frame.cx[west:east, south:north].empty:
            raise SourceError(
                f"{contract.name}: none of {len(frame)} rows touches {kommune.label}, bounds "
                f"{[round(float(v)) for v in frame.total_bounds]}. Wrong kommune or CRS; tell whoever runs the source."
            )


# The name stands in a graph whose letters lack ø, so it holds the number instead of the name.
read_core_task = task(name="les kildedata", task_run_name="les {kommune.nummer}", cache_policy=NO_CACHE)(read_core)
