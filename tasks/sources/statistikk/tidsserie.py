"""Tidsserie: figures in numbers of their time, carried over to the kommuner of today by Klass' changes; pure.

A kommune that only got another number keeps its figures. Kommuner that merged are added up where the measure is a
count, and have none otherwise. What was split has no figure before that: nobody has said which part belongs where. A
number says nothing outside the years in which it was in use: tables have 0 there, which is no figure.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from tasks.kommunekontrakter import LANDET

TODAY = 9999
"""A year after every change."""
NO_CASE = "."
"""SSB's sign for a figure that cannot be: adds nothing to a sum."""
GAP = ".."
"""SSB's sign for a figure that is not known; stands here for one that the answer does not have at all, too."""
SERIE = ["maal", "gruppe", "aar", "periode"]
"""Columns that, beside the kommune, say which figure it is."""


class Endring(NamedTuple):
    """A kommune that got another number or name, merged, was split, or gave land away; the date is ISO."""

    dato: str
    gammel: str
    ny: str


Pairs = frozenset[tuple[str, str]]
"""(number of then, number of today that it lies in)."""


class Inndeling:
    """The numbers that were in use from one date until the next.

    Parameters
    ----------
    fra
        ISO date; "" for the oldest.
    pairs
        What lies in what.
    delt, slaatt
        Number of today → status of a series that cannot be carried over its last split, its last merger.
    """

    def __init__(self, fra: str, pairs: Pairs, delt: Mapping[str, str], slaatt: Mapping[str, str]) -> None:
        self.fra, self.pairs, self._delt, self._slaatt = fra, pairs, delt, slaatt

    @cached_property
    def numre(self) -> frozenset[str]:
        """The numbers in use."""
        return frozenset(old for old, _ in self.pairs)

    @cached_property
    def deler(self) -> pd.DataFrame:
        """One row per pair (`gammel`, `ny`), with `er_delt`, `er_slaatt`, `status_delt`, `status_slaatt` of `ny`."""
        split, merged = _split_and_merged(self.pairs)
        frame = pd.DataFrame(sorted(self.pairs), columns=["gammel", "ny"], dtype=object)
        frame["er_delt"] = [number in split for number in frame["ny"]]
        frame["er_slaatt"] = [number in merged for number in frame["ny"]]
        for kind, flag, said in (("delt", "er_delt", self._delt), ("slaatt", "er_slaatt", self._slaatt)):
            frame[f"status_{kind}"] = frame["ny"].map(said).astype(object).where(frame[flag], None)
        return frame


def _split_and_merged(pairs: Pairs) -> tuple[set[str], set[str]]:
    """Return the numbers of today that hold a part of a number only, and those that hold several."""
    heirs, parts = Counter(old for old, _ in pairs), Counter(now for _, now in pairs)
    return {now for old, now in pairs if heirs[old] > 1}, {now for now, count in parts.items() if count > 1}


class Kommunenumre:
    """The numbers of today and all those before them.

    Parameters
    ----------
    idag
        Numbers of today.
    endringer
        Changes as Klass has them, in any order: several in a row, mergers, splits, names, borders.
    """

    def __init__(self, idag: Collection[str], endringer: Iterable[Endring] = ()) -> None:
        self.idag = frozenset(idag)
        changes = sorted(set(endringer))
        self.avtrykk = hashlib.sha256(repr((sorted(self.idag), changes)).encode()).hexdigest()
        """What tells these numbers and changes from others."""
        self._hendelser = _Hendelser(self.idag, changes)
        self._inndelinger = self._walk()
        self._valgt: dict[int, Inndeling] = {}

    def inndeling(self, aar: int) -> Inndeling:
        """Return the division on 1 January of a year."""
        if aar not in self._valgt:
            day = f"{aar:04d}-01-01"
            self._valgt[aar] = next(i for i in self._inndelinger if i.fra <= day)
        return self._valgt[aar]

    def numbers(self, years: Iterable[int]) -> tuple[str, ...]:
        """Return all numbers that were in use in any of the years, or in the year before or after, in order."""
        near = {near for year in years for near in (year - 1, year, year + 1)}
        return tuple(sorted(self.idag.union(*(self.inndeling(year).numre for year in near))))

    def earlier(self, numbers: Collection[str]) -> frozenset[str]:
        """Return numbers of today and all that they were before."""
        wanted = frozenset(numbers)
        return wanted.union(*({old for old, now in i.pairs if now in wanted} for i in self._inndelinger))

    def _walk(self) -> list[Inndeling]:
        """Return the divisions, the newest first, by undoing one date after the other."""
        pairs: Pairs = frozenset((number, number) for number in self.idag)
        delt: dict[str, str] = {}
        slaatt: dict[str, str] = {}
        found: list[Inndeling] = []
        for day in sorted(self._hendelser.dates, reverse=True):
            found.append(Inndeling(day, pairs, delt, slaatt))
            before = self._hendelser.before(day)
            pairs = frozenset((old, now) for number, now in pairs for old in before.get(number, (number,)))
            split, merged = _split_and_merged(pairs)
            for number in split:  # of several times, the last one stands: nothing is carried over it
                delt.setdefault(number, f"delt {day[:4]}")
            for number in merged:
                slaatt.setdefault(number, f"sammenslått {day[:4]}")
        return [*found, Inndeling("", pairs, delt, slaatt)]


class _Hendelser:
    """Changes by date, and which numbers existed around them."""

    def __init__(self, idag: frozenset[str], endringer: Iterable[Endring]) -> None:
        self._idag = idag
        self._rows: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for change in endringer:
            self._rows[change.dato].add((change.gammel, change.ny))
        self._old: dict[str, list[str]] = defaultdict(list)
        self._new: dict[str, list[str]] = defaultdict(list)
        for day, rows in self._rows.items():
            for old, new in rows:
                self._old[old].append(day)
                self._new[new].append(day)

    @property
    def dates(self) -> Collection[str]:
        return self._rows.keys()

    def before(self, day: str) -> Mapping[str, set[str]]:
        """Return number after a date → the numbers that it was before; not for those that nothing happened to."""
        before: dict[str, set[str]] = defaultdict(set)
        for old, new in self._rows[day]:
            if old != new and self._lives_on(old, day) and self._existed(new, day):
                continue  # a border was moved: both go on
            before[new].add(old)
        for new, its in before.items():
            if self._existed(new, day):
                its.add(new)
        return before

    def _lives_on(self, number: str, day: str) -> bool:
        """Say whether a number is in use after a date on which it is named as the old one."""
        if day in self._new[number]:
            return True
        later = [d for d in (*self._old[number], *self._new[number]) if d > day]
        return min(later) in self._old[number] if later else number in self._idag

    def _existed(self, number: str, day: str) -> bool:
        """Say whether a number was in use before a date on which it is named as the new one."""
        if (number, number) in self._rows[day]:
            return True
        earlier = [d for d in (*self._old[number], *self._new[number]) if d < day]
        if not earlier:
            return False
        last = max(earlier)
        return last in self._new[number] or self._lives_on(number, last)


def carry_over(
    rows: pd.DataFrame, numre: Kommunenumre, *, additive: Collection[str], er_tett: bool = True
) -> pd.DataFrame:
    """Return figures of the kommuner of today from figures in the numbers of their time.

    Parameters
    ----------
    rows
        `nummer` and the columns of `SERIE`; `verdi` (float), `status` (None for a figure).
    additive
        Measures that are added up where kommuner merged.
    er_tett
        False: no row where nothing is said, for groups that most kommuner do not have, such as local lists.

    Returns
    -------
    pd.DataFrame
        `kommunenummer`, the columns of `SERIE`, `verdi`, `status`, `er_omregnet`: one row per kommune of today and
        figure that `rows` have of anything. A part of a merger that `rows` lack makes the sum missing (``..``). A
        status beside SSB's own says why a series is not carried over: ``delt 2024``, ``sammenslått 2020``.

    Notes
    -----
    A table may write the figures of a year in the numbers of the year after, or all of them in those of today: of the
    divisions of the year itself, the next, the last and today, that one is taken whose numbers have most figures.
    """
    if rows.empty:
        return pd.DataFrame(columns=["kommunenummer", *SERIE, "verdi", "status", "er_omregnet"])
    parts = _parts(rows, numre, er_tett=er_tett)
    made = _summed(parts, ["ny", *SERIE])
    its = ["er_delt", "er_slaatt", "status_delt", "status_slaatt", "gammel"]
    made = made.merge(parts.drop_duplicates(["ny", "aar"])[["ny", "aar", *its]], on=["ny", "aar"])
    not_carried = made["er_slaatt"] & ~made["maal"].isin(list(additive))
    made["status"] = made["status"].mask(not_carried, made["status_slaatt"])
    made["status"] = made["status"].mask(made["er_delt"], made["status_delt"])
    made["verdi"] = made["verdi"].where(made["status"].isna()).astype("float64")
    made["er_omregnet"] = made["er_slaatt"] | made["er_delt"] | (made["gammel"] != made["ny"])
    return made.rename(columns={"ny": "kommunenummer"})[["kommunenummer", *SERIE, "verdi", "status", "er_omregnet"]]


def add_up_country(rows: pd.DataFrame, numre: Kommunenumre, *, uten: Collection[str] = ()) -> pd.DataFrame:
    """Return the sum of all kommuner, in their numbers of then: what was split counts here, and once.

    Parameters
    ----------
    rows
        As of `carry_over`; counts alone.
    uten
        Numbers of today that do not belong to the country: invented ones.

    Returns
    -------
    pd.DataFrame
        As `carry_over`, with `LANDET` for a number; missing where any kommune has no figure, with its status, or where
        a kommune of that year does not stand in `rows` at all (``..``).
    """
    columns = ["kommunenummer", *SERIE, "verdi", "status", "er_omregnet"]
    if rows.empty:
        return pd.DataFrame(columns=columns)
    parts = _parts(rows, numre)
    parts = parts[~parts["ny"].isin(list(uten))].drop_duplicates(["gammel", *SERIE])
    made = _summed(parts, SERIE)
    made["verdi"] = made["verdi"].where(made["status"].isna())
    return made.assign(kommunenummer=LANDET, er_omregnet=False)[columns]


def _summed(parts: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    """Return `keys`, `verdi` and `status`: of several reasons why a part is missing, the first."""
    made = parts.groupby(keys, sort=False)["verdi"].agg(verdi="sum", antall="count").reset_index()
    is_gap = parts["verdi"].isna() & (parts["status"] != NO_CASE)
    made = made.merge(parts.loc[is_gap, [*keys, "status"]].drop_duplicates(keys), on=keys, how="left")
    status = made["status"].astype(object)
    status = status.mask((made["antall"] == 0) & status.isna(), NO_CASE)
    return made.assign(status=status.where(status.notna(), None))


def mark_carried(rows: pd.DataFrame, numre: Kommunenumre) -> pd.DataFrame:
    """Return figures that the source itself has carried over, without those of kommuner that were split since.

    Parameters
    ----------
    rows
        `kommunenummer` of today, the columns of `SERIE`, `verdi`, `status`. SSB has 0 where a kommune was split.

    Returns
    -------
    pd.DataFrame
        The same with `er_omregnet`; verdi missing and status ``delt 2024`` before a split.
    """
    years = [numre.inndeling(int(aar)).deler.assign(aar=int(aar)) for aar in sorted(rows["aar"].unique())]
    if not years:
        return rows.assign(er_omregnet=False)
    known = pd.concat(years, ignore_index=True)
    known["er_omregnet"] = known["er_slaatt"] | known["er_delt"] | (known["gammel"] != known["ny"])
    known = known.drop_duplicates(["ny", "aar"]).set_index(["ny", "aar"])[["status_delt", "er_omregnet"]]
    found = known.reindex(pd.MultiIndex.from_frame(rows[["kommunenummer", "aar"]]))
    delt = found["status_delt"].to_numpy(dtype=object)
    is_split = pd.notna(delt)
    made = rows.reset_index(drop=True)
    made["verdi"] = made["verdi"].where(~is_split)
    made["status"] = made["status"].astype(object).where(~is_split, delt)
    made["er_omregnet"] = found["er_omregnet"].fillna(False).to_numpy(dtype=bool)
    return made


def _parts(rows: pd.DataFrame, numre: Kommunenumre, *, er_tett: bool = True) -> pd.DataFrame:
    """Return every figure that is wanted: those of `rows`, and a gap where `rows` do not have the number."""
    wanted = rows[SERIE].drop_duplicates()
    deler = pd.concat(
        [its.deler.assign(aar=aar) for aar, its in _best(rows, numre).items()],
        ignore_index=True,
    )
    parts = wanted.merge(deler, on="aar").merge(
        rows[["nummer", *SERIE, "verdi", "status"]].rename(columns={"nummer": "gammel"}),
        on=["gammel", *SERIE],
        how="left" if er_tett else "inner",
        indicator=True,
    )
    parts["status"] = parts["status"].where(parts["_merge"] == "both", GAP).astype(object)
    return parts.drop(columns="_merge")


def _best(rows: pd.DataFrame, numre: Kommunenumre) -> dict[int, Inndeling]:
    """Return year → the division that the figures of that year are written in."""
    figures = rows.loc[rows["verdi"].notna() & (rows["verdi"] != 0), ["aar", "nummer"]]
    counts = {aar: its["nummer"].value_counts().to_dict() for aar, its in figures.groupby("aar")}
    chosen = {}
    for aar in sorted(int(a) for a in rows["aar"].unique()):
        its = counts.get(aar, {})
        tried = [numre.inndeling(year) for year in (aar, aar + 1, aar - 1, TODAY)]
        fits = [sum(count for number, count in its.items() if number in i.numre) for i in tried]
        chosen[aar] = tried[fits.index(max(fits))]  # the first of equals
    return chosen
