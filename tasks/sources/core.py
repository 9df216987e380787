"""From raw to core: the snapshots of a run's answers → the contracts of the land engine, checked and written."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import pandas as pd
from prefect import task
from prefect.cache_policies import NO_CACHE

from config.kilder import Kilde, Tema, kilder
from config.registers import Kommune, earlier_numbers, numbers_in_use, regler
from tasks.account import Account
from tasks.answer import Answer, Empty, Rows
from tasks.contracts import (
    GRENSER,
    HINDRE,
    PLANOMRAADER,
    POLYGONS,
    REGULERINGSFORMAAL,
    REGULERINGSPLANER,
    SONER,
    TEIGER,
    Contract,
)
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError, StoreError, UnusableError
from tasks.sources import bygning, flat, formaal, koder, kolonner, plan, planrader, teig
from tasks.sources.numre import Numre
from tasks.sources.unntak import shorten
from tasks.store import Geodata, read_parquet

log = logging.getLogger("tomt.sources")

PLAN_THEMES = frozenset({"kommuneplan", "kommunedelplan", "reguleringsplan", "reguleringsformaal"})

TEMA_AV: Mapping[str, tuple[Tema, ...]] = {
    GRENSER.name: ("grense",),
    SONER.name: ("kommuneplan", "kommunedelplan"),
    PLANOMRAADER.name: ("kommuneplan", "kommunedelplan"),
    REGULERINGSPLANER.name: ("reguleringsplan",),
    REGULERINGSFORMAAL.name: ("reguleringsformaal",),
    TEIGER.name: ("teig",),
    HINDRE.name: ("bygning",),
}
"""Frame → the themes that it is made of."""

WORDS_SHOWN = 3

Made = tuple[Contract, gpd.GeoDataFrame, Account]


@dataclass(frozen=True)
class Raw:
    """What a source brought, with the columns that NAP has; without rows for `Empty`.

    Attributes
    ----------
    columns
        What the source itself calls its columns.
    """

    kilde: Kilde
    frame: gpd.GeoDataFrame
    notes: Account
    columns: tuple[str, ...] = ()

    def unusable(self, why: str) -> UnusableError:
        """Return the error that says why the rows cannot be used."""
        return UnusableError(f"{self.kilde.navn}: {why}", self.kilde.tema, self.kilde.navn)


def known_numbers(kommune: Kommune, *, sandbox: bool) -> Numre:
    """Return what is known of kommunenummer, for a run of this kommune."""
    return Numre(kommune.nummer, numbers_in_use(sandbox=sandbox), earlier_numbers(sandbox=sandbox))


def read_core(
    kommune: Kommune, answers: Mapping[Tema, Answer], *, geodata: Geodata, egne: Path | None = None
) -> list[Account]:
    """Map the raw snapshots to the contracts and write them under core/.

    A frame is written only when all the sources it is made of answered with `Rows` or `Empty`; otherwise the old
    file stays as it was. What an optional source brought last is used again, and its account says so.

    Parameters
    ----------
    answers
        Theme → answer, as `fetch` gave them.
    egne
        File of the operator's own sources.

    Returns
    -------
    list of Account
        One per frame written, and that of buildings that were left as they were.

    Raises
    ------
    UnusableError
        When a required source's data lie outside the kommune, or say nothing that can be used.
    """
    known = kilder(egne)
    raws: dict[str, Raw] = {}
    for tema, answer in answers.items():
        if tema != "bygning" and isinstance(answer, Rows | Empty):
            raws[tema] = _raw(answer, known[answer.kilde])
    made = _mapped(raws, kommune)
    _check_place(made, kommune, raws)
    accounts = [account for _, _, account in made]
    if "bygning" in answers:
        frame, account = _buildings(answers["bygning"], known, made, kommune, geodata)
        made += [(HINDRE, frame, account)] if frame is not None else []
        accounts.append(account)
    for contract, frame, _ in made:
        geodata.write(frame, kommune.nummer, layer="core", contract=contract)
    return accounts


def _raw(answer: Rows | Empty, kilde: Kilde) -> Raw:
    notes = Account(kilde.navn)
    if isinstance(answer, Empty):
        return Raw(kilde, flat.concat([], epsg=STORAGE_EPSG), notes)
    frame = gpd.GeoDataFrame(read_parquet(answer.path))
    if answer.reserve is not None:
        notes.note(f"ikke hentet nå, fra {answer.sett_tid[:10]}", len(frame))
    columns = tuple(str(c) for c in frame.columns if c != frame.geometry.name)
    if kilde.tema in PLAN_THEMES:
        try:
            frame = kolonner.standardise(frame, kilde, notes)
        except SourceError as error:
            raise UnusableError(str(error), kilde.tema, kilde.navn) from None
    return Raw(kilde, frame, notes, columns)


def _mapped(raws: Mapping[str, Raw], kommune: Kommune) -> list[Made]:
    """Return the frames of the required themes whose every source has something to say."""
    rules = regler().plan
    made: list[Made] = []
    boundary = None
    if (raw := raws.get("grense")) is not None and len(raw.frame):
        made.append(_boundary(raw))
        boundary = raw.frame.geometry.iloc[0]
    numre = replace(known_numbers(kommune, sandbox=kommune.oppdiktet), grense=boundary)
    if "kommuneplan" in raws and "kommunedelplan" in raws:
        made += _kommuneplaner(raws["kommuneplan"], raws["kommunedelplan"], numre)
    if (raw := raws.get("reguleringsplan")) is not None:
        _require_polygons(raw, ("RpOmråde",))
        planer = plan.reguleringsplaner(raw.frame, numre, manglende_nivaa=rules.bakkenivaa)
        is_known = planer[0]["planstatus"] != plan.UNKNOWN_STATUS
        _require_said(is_known, raw, "planstatus", storste_andel_uten=rules.storste_andel_uten_status)
        made.append(_noted(REGULERINGSPLANER, planer, raw))
    if (raw := raws.get("reguleringsformaal")) is not None:
        _require_polygons(raw, tuple(formaal.CODE_COLUMN))
        purposes = formaal.reguleringsformaal(raw.frame, numre, manglende_nivaa=rules.bakkenivaa)
        made.append(_noted(REGULERINGSFORMAAL, purposes, raw))
    if (raw := raws.get("teig")) is not None:
        made.append(_noted(TEIGER, _teiger(raw, numre), raw))
    return made


def _noted(contract: Contract, made: tuple[gpd.GeoDataFrame, Account], *raws: Raw) -> Made:
    """Return a frame with what was noted while its columns were read."""
    frame, account = made
    for raw in raws:
        account = account.plus(raw.notes)
    return contract, frame, account


def _require_said(said: pd.Series, raw: Raw, name: str, *, storste_andel_uten: float = 1.0) -> None:
    """Refuse a source that does not say what everything depends on: its plans would count for nothing.

    Parameters
    ----------
    said
        Row → whether it does.
    storste_andel_uten
        Share of rows that may not; that none does is always too much.
    """
    silent = int((~said.to_numpy(dtype=bool)).sum())
    if not silent or (silent < len(said) and silent <= storste_andel_uten * len(said)):
        return
    known = len(said) - silent
    seen = raw.frame[name].dropna() if name in raw.frame else []
    words = [shorten(str(v)) for v in dict.fromkeys(seen) if koder.status(v) is None][:WORDS_SHOWN]
    raise raw.unusable(
        f"{known or 'none'} of {len(said)} rows has {name} that can be read"
        + (f" (others say {', '.join(map(repr, words))})" if words else "")
        + f"; the columns are {', '.join(raw.columns)[:300]}. Name the column with `kolonner`, or the value with "
        "`faste`, in config/plankilder.toml."
    )


def _require_polygons(raw: Raw, types: Sequence[str]) -> None:
    """Refuse a source whose rows of these types are all without a polygon: they would be dropped without a trace."""
    picked, _ = planrader.of_types(raw.frame, types)
    if len(picked) and not (picked.geom_type.isin(POLYGONS) & ~picked.geometry.is_empty).any():
        raise raw.unusable(
            f"none of {len(picked)} rows of {' and '.join(types)} has a polygon, so nothing of them can be used. Ask "
            "whoever runs the source for the areas, or correct `lag` in config/plankilder.toml."
        )


def _teiger(raw: Raw, numre: Numre) -> tuple[gpd.GeoDataFrame, Account]:
    """Return the teiger; refuse a source most of whose rows are left out."""
    frame, account = teig.teiger(raw.frame, numre)
    if account.inn and (account.inn - account.ut) > regler().hent.storste_frafall_teiger * account.inn:
        why = ", ".join(f"{reason} {gone.antall}" for reason, gone in account.utelatt.items())
        raise raw.unusable(
            f"{account.inn - account.ut} of {account.inn} teiger are left out ({why}): the answer is not of "
            f"{numre.kommunenummer}, or damaged. Ask again later, or tell whoever runs the source."
        )
    return frame, account


def _buildings(
    answer: Answer, known: Mapping[str, Kilde], made: Sequence[Made], kommune: Kommune, geodata: Geodata
) -> tuple[gpd.GeoDataFrame | None, Account]:
    """Return the obstacles and the account; None leaves core as it is.

    Lots are found without buildings too: nothing that is wrong with them stops a run.
    """
    try:
        if isinstance(answer, Rows):
            raw = _raw(answer, known[answer.kilde])
            boundary = next((frame.geometry.iloc[0] for c, frame, _ in made if c is GRENSER and len(frame)), None)
            numre = replace(known_numbers(kommune, sandbox=kommune.oppdiktet), grense=boundary)
            hindre = _noted(HINDRE, bygning.hindre(raw.frame, numre, utelat=raw.kilde.utelat), raw)
            _check_place([*made, hindre], kommune, {"bygning": raw})
            return hindre[1], hindre[2]
    except (SourceError, StoreError) as error:
        log.warning("%s: buildings are left as they were: %s", kommune.nummer, error)
    account = Account(HINDRE.name)
    is_known = geodata.path("core", HINDRE, kommune.nummer).exists()
    account.note("ikke lest nå, bygninger som før" if is_known else "bygninger ukjent", 1)
    return None, account


def _boundary(raw: Raw) -> Made:
    account = Account(GRENSER.name, len(raw.frame))
    account.close(len(raw.frame))
    return _noted(GRENSER, (raw.frame[[*GRENSER.columns, "geometry"]], account), raw)


def _kommuneplaner(kommuneplan: Raw, kommunedelplan: Raw, numre: Numre) -> list[Made]:
    rules = regler().plan
    for raw in (kommuneplan, kommunedelplan):
        _require_polygons(raw, tuple(plan.CODE_COLUMN))
        _require_polygons(raw, ("KpOmråde",))
    both = flat.concat([kommuneplan.frame, kommunedelplan.frame], epsg=STORAGE_EPSG)
    zones = plan.soner(both, numre, manglende_arealstatus=rules.manglende_arealstatus)
    _require_said(zones[0]["kode"].notna(), kommuneplan, "arealformål or arealbruk")
    parts = []
    for raw, plantypes in ((kommuneplan, rules.kommuneplan_typer), (kommunedelplan, rules.kommunedelplan_typer)):
        part = plan.planomraader(raw.frame, numre, manglende_plantype=plantypes[0])
        _require_said(part[0]["planstatus"].notna(), raw, "planstatus")
        parts.append(part)
    extents = flat.concat([frame for frame, _ in parts], epsg=STORAGE_EPSG)
    account = parts[0][1].plus(parts[1][1])
    return [
        _noted(SONER, zones, kommuneplan, kommunedelplan),
        (PLANOMRAADER, extents, account),
    ]


def _check_place(made: Sequence[Made], kommune: Kommune, raws: Mapping[str, Raw]) -> None:
    """Refuse frames that lie nowhere near the kommune: the wrong kommune, or a CRS that is not what it says."""
    boundary = next((frame for contract, frame, _ in made if contract is GRENSER), None)
    if boundary is None:
        return
    west, south, east, north = boundary.total_bounds
    for contract, frame, _ in made:
        if len(frame) and frame.cx[west:east, south:north].empty:
            # zones are of two themes: the kommuneplan is the one that every kommune has
            raw = raws[next(t for t in TEMA_AV[contract.name] if t in raws)]
            raise raw.unusable(
                f"none of {len(frame)} {contract.name} touches {kommune.label}, bounds "
                f"{[round(float(v)) for v in frame.total_bounds]}. Wrong kommune or CRS; tell whoever runs the source."
            )


# The name stands in a graph whose letters lack ø, so it holds the number instead of the name.
read_core_task = task(name="les kildedata", task_run_name="les {kommune.nummer}", cache_policy=NO_CACHE)(read_core)
