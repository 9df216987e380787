"""Tabell: one table of SSB as figures of the kommuner of today; a row per kommune, measure, group and period.

What came is added up to groups and carried over to the numbers of today: by SSB's own code list where the table has
it, else by Klass' changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from config.statistikk import Tabell
from tasks.kommunekontrakter import LANDET
from tasks.sources.statistikk.feil import CONFIG, BadAnswerError
from tasks.sources.statistikk.pxweb import PxWeb
from tasks.sources.statistikk.tabellplan import PERCENT, SUM, Deltakere, Plan, group_codes
from tasks.sources.statistikk.tidsserie import NO_CASE, SERIE, add_up_country, carry_over, mark_carried

MOST_PERCENT = 150.0
"""No share here is larger; a table that has larger ones holds numbers, not percents."""
MOST = 1e13
"""Nothing of a country of five million is larger, in whatever unit."""
HIDDEN, GAP = ":", ".."
COLUMNS = ("kommunenummer", *SERIE, "verdi", "status", "er_omregnet", "tabell", "kode", "oppdatert")


def read_table(px: PxWeb, plan: Plan, hvem: Deltakere) -> pd.DataFrame:
    """Ask for what is planned and return it as rows of STATISTIKK, without `er_oppdiktet`.

    Raises
    ------
    StatistikkError
        When SSB does not answer, or what came cannot be what was asked for.
    """
    table = plan.tabell
    frames = []
    if plan.kodeliste is not None:
        rows = _long(px.hent(table.id, plan.kodeliste), plan)
        rows["kommunenummer"] = rows.pop("nummer").str.removeprefix(table.prefiks).astype(object)
        frames.append(mark_carried(rows, hvem.numre))
    if plan.numre is not None:
        rows = _long(px.hent(table.id, plan.numre), plan)
        frames += _of_numbers(rows, plan, hvem)
    made = pd.concat([f for f in frames if len(f)] or frames, ignore_index=True)
    _check_range(made, table)
    made["kode"] = made["maal"].map(plan.koder).astype(object)
    made = made.assign(tabell=table.id, oppdatert=plan.metadata.oppdatert)
    made["aar"] = made["aar"].astype("int64")
    made["er_omregnet"] = made["er_omregnet"].astype(bool)
    return made[list(COLUMNS)]


def _long(frame: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Return `nummer`, the columns of `SERIE`, `verdi`, `status` of the cells of a query, groups added up."""
    metadata, table = plan.metadata, plan.tabell
    names = {code: maal for maal, code in plan.koder.items()}
    frame = frame.rename(columns={table.region: "nummer", metadata.tid: "periode"})
    frame["maal"] = frame.pop(metadata.innhold).astype(object).map(names)
    frame["gruppe"] = ""
    for its in table.utvalg:
        if its.grupper:
            groups = {g.navn: group_codes(metadata.variabler[its.variabel], g) for g in its.grupper}
            frame = add_up_groups(frame, its.variabel, groups)
        elif len(its.koder) > 1:
            frame["gruppe"] = frame.pop(its.variabel).astype(object)
        else:
            frame = frame.drop(columns=its.variabel)
    for column in ("nummer", "periode", "gruppe", "maal"):
        frame[column] = frame[column].astype(object)
    frame["aar"] = frame["periode"].str[:4].astype("int64")
    status = frame["status"].astype(object)
    frame["status"] = status.where(status.notna(), None)
    return frame[["nummer", *SERIE, "verdi", "status"]]


def add_up_groups(frame: pd.DataFrame, variable: str, groups: Mapping[str, Sequence[str]]) -> pd.DataFrame:
    """Return the sums of groups of codes of a variable; a code may be in several.

    Parameters
    ----------
    frame
        `nummer`, `maal`, `periode`, the variable, `verdi`, `status`.
    groups
        Name → codes.

    Returns
    -------
    pd.DataFrame
        `nummer`, `maal`, `periode`, `gruppe`, `verdi`, `status`. A part that is hidden or not known makes the sum
        missing; one that cannot be (``.``) adds nothing.
    """
    keys = ["nummer", "maal", "periode"]
    numbered = [pd.factorize(frame[key]) for key in keys]
    place = np.zeros(len(frame), dtype=np.int64)
    for numbers, names in numbered:
        place = place * len(names) + numbers
    cell, row = np.unique(place, return_inverse=True)
    codes, labels = pd.factorize(frame[variable])
    shape = (len(cell), len(labels))
    values = np.zeros(shape)
    is_figure, is_gap, is_hidden = (np.zeros(shape, dtype=bool) for _ in range(3))
    verdi, status = frame["verdi"].to_numpy(dtype=float), frame["status"].to_numpy(dtype=object)
    has = ~np.isnan(verdi)
    values[row, codes] = np.where(has, verdi, 0.0)
    is_figure[row, codes] = has
    is_gap[row, codes] = ~has & (status != NO_CASE)
    is_hidden[row, codes] = ~has & (status == HIDDEN)
    first = np.zeros(len(cell), dtype=np.int64)
    first[row] = np.arange(len(frame))
    base = frame[keys].iloc[first].reset_index(drop=True)
    made = []
    at = {str(label): k for k, label in enumerate(labels)}
    for name, members in groups.items():
        part = [at[code] for code in members if code in at]
        gap, hidden = is_gap[:, part].any(axis=1), is_hidden[:, part].any(axis=1)
        said = np.select([hidden, gap, ~is_figure[:, part].any(axis=1)], [HIDDEN, GAP, NO_CASE], default="")
        total = np.where(said == "", values[:, part].sum(axis=1), np.nan)
        made.append(base.assign(gruppe=name, verdi=total, status=_none_where_blank(said)))
    return pd.concat(made, ignore_index=True)


def _none_where_blank(said: npt.NDArray[np.str_]) -> npt.NDArray[np.object_]:
    made = said.astype(object)
    made[said == ""] = None
    return made


def _of_numbers(rows: pd.DataFrame, plan: Plan, hvem: Deltakere) -> list[pd.DataFrame]:
    """Return the figures of the country and of the kommuner of today, from figures in the numbers of their time."""
    table, frames = plan.tabell, []
    is_country = rows["nummer"] == table.land
    country = rows[is_country].assign(er_omregnet=False, nummer=LANDET)
    frames.append(country.rename(columns={"nummer": "kommunenummer"}))
    rows = rows[~is_country]
    additive = {maal.navn for maal in table.maal if maal.er_additiv}
    if table.land == SUM:
        counts = rows[rows["maal"].isin(list(additive))]
        frames.append(add_up_country(counts, hvem.numre, uten=hvem.oppdiktede))
    its = carry_over(rows, hvem.numre, additive=additive)
    if plan.kodeliste is not None:
        its = its[its["kommunenummer"].isin(list(hvem.oppdiktede))]
    present = set(rows["nummer"])
    unknown = {n for n in hvem.oppdiktede if n not in present}
    frames.append(its[~its["kommunenummer"].isin(list(unknown))])
    return frames


def _check_range(rows: pd.DataFrame, tabell: Tabell) -> None:
    """Refuse figures that cannot be: a result in percent may be below 0, nothing else is."""
    for maal in tabell.maal:
        values = rows.loc[rows["maal"] == maal.navn, "verdi"]
        low, high = (-MOST_PERCENT, MOST_PERCENT) if maal.enhet == PERCENT else (0.0, MOST)
        odd = values[(values < low) | (values > high)]
        if len(odd):
            raise BadAnswerError(
                f"SSB {tabell.id}, {maal.navn}: {odd.iloc[0]:g} {maal.enhet} cannot be. The table holds something "
                f"else; check it in {CONFIG}.",
                tabell.id,
            )
