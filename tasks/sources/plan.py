"""Plans: raw flat frames of the plan services → zones, plan extents and reguleringsplaner; EPSG:25833.

A row of `SONER` is one zone of a kommune(del)plan (key sone_id), of `PLANOMRAADER` and `REGULERINGSPLANER` one
extent of a plan. Everything that the sources have is kept, whatever its status; what is dropped is counted. The
functions are pure: frames in, frames and accounts out.
"""

from __future__ import annotations

import geopandas as gpd

from tasks.account import Account
from tasks.contracts import PLANOMRAADER, REGULERINGSPLANER, SONER, Contract
from tasks.sources import koder, planrader
from tasks.sources.numre import Numre
from tasks.sources.planrader import LOKAL_ID, Result, Texts

CODE_COLUMN = {"KpArealformålOmråde": "arealformål", "KpArealbrukOmråde": "arealbruk"}
DATES = ("vedtakEndeligPlanDato", "ikrafttredelsesdato")
UNKNOWN_STATUS = "ukjent"
"""Stands where a reguleringsplan has no planstatus that can be read: it is under way, never adopted nor nothing."""


def soner(raw: gpd.GeoDataFrame, numre: Numre, *, manglende_arealstatus: str) -> Result:
    """Return the zones of a kommuneplan or kommunedelplan frame after contract `SONER`.

    Parameters
    ----------
    raw
        Flat frame of text, with `objekttypenavn`.
    numre
        Kommunenummer of the run and of old.
    manglende_arealstatus
        Stands where a zone has no arealbruksstatus.
    """
    picked, objekttype = planrader.of_types(raw, tuple(CODE_COLUMN))
    account = Account(SONER.name, len(picked))
    statuses = planrader.codes(picked, ("arealbruksstatus",), koder.AREALSTATUS)
    account.note("uten arealbruksstatus", statuses.count(None))
    frame = planrader.frame_of(
        picked,
        {
            "sone_id": planrader.first(picked, LOKAL_ID),
            "objekttype": objekttype,
            "kode": planrader.codes_by_type(picked, objekttype, CODE_COLUMN),
            "arealstatus": [s or manglende_arealstatus for s in statuses],
            "plan_id": planrader.plan_ids(picked, numre, account),
            "navn": planrader.first(picked, ("områdenavn",)),
        },
    )
    frame = planrader.polygons(frame, account, "sone_id")
    return planrader.done(planrader.with_unique_ids(frame, account, "sone_id"), account, SONER)


def planomraader(raw: gpd.GeoDataFrame, numre: Numre, *, manglende_plantype: str) -> Result:
    """Return the plan extents (KpOmråde) after contract `PLANOMRAADER`.

    Parameters
    ----------
    manglende_plantype
        Stands where a plan has no plantype: the one that the service holds.
    """
    picked, _ = planrader.of_types(raw, ("KpOmråde",))
    account = Account(PLANOMRAADER.name, len(picked))
    columns, _ = _extent_columns(picked, numre, account)
    account.note("uten plantype", columns["plantype"].count(None))
    columns["plantype"] = [t or manglende_plantype for t in columns["plantype"]]
    return _extents(picked, columns, account, PLANOMRAADER)


def reguleringsplaner(raw: gpd.GeoDataFrame, numre: Numre, *, manglende_nivaa: str) -> Result:
    """Return the reguleringsplaner (RpOmråde) after contract `REGULERINGSPLANER`.

    Words for status and level that cannot be read are noted in the account and count as missing.

    Parameters
    ----------
    manglende_nivaa
        Stands where a plan has no vertikalnivå: the one that the service holds.
    """
    picked, _ = planrader.of_types(raw, ("RpOmråde",))
    account = Account(REGULERINGSPLANER.name, len(picked))
    columns, missing = _extent_columns(picked, numre, account)
    account.note("uten vertikalnivå", missing["vertikalnivaa"])
    account.note("uten planstatus", missing["planstatus"])
    columns["vertikalnivaa"] = [n or manglende_nivaa for n in columns["vertikalnivaa"]]
    columns["planstatus"] = [s or UNKNOWN_STATUS for s in columns["planstatus"]]
    return _extents(picked, columns, account, REGULERINGSPLANER)


def _extent_columns(raw: gpd.GeoDataFrame, numre: Numre, account: Account) -> tuple[dict[str, Texts], dict[str, int]]:
    """Return the columns, and how many rows say nothing of status and level."""
    status, no_status = planrader.read_codes(raw, "planstatus", koder.status, account)
    level, no_level = planrader.read_codes(raw, "vertikalnivå", koder.nivaa, account)
    columns: dict[str, Texts] = {
        "plan_id": list(planrader.plan_ids(raw, numre, account)),
        "plantype": planrader.codes(raw, ("plantype",), koder.PLANTYPE),
        "planstatus": status,
        "vertikalnivaa": level,
        "navn": planrader.first(raw, ("plannavn",)),
        "vedtatt_dato": planrader.first(raw, DATES, koder.iso_date),
        "lenke": planrader.first(raw, ("link",), koder.link),
    }
    return columns, {"planstatus": no_status, "vertikalnivaa": no_level}


def _extents(raw: gpd.GeoDataFrame, columns: dict[str, Texts], account: Account, contract: Contract) -> Result:
    frame = planrader.polygons(planrader.frame_of(raw, columns), account, "plan_id")
    return planrader.done(planrader.without_repetition(frame, account, "plan_id"), account, contract)
