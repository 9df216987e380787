"""Utfall: what came of one table or election in one fetch: its figures and its row of STATISTIKKILDER."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pandas as pd

from config.statistikk import VALGRESULTAT
from tasks.contracts import TEXT, Contract
from tasks.errors import StoreError
from tasks.fil import write_whole
from tasks.kommunekontrakter import NORGE, STATISTIKK, STATISTIKKILDER
from tasks.store import Geodata

log = logging.getLogger("tomt.sources")

SSB, KLASS = "SSB", "Klass"
CAME = ("hentet", "uendret")
LAGER, MANGLER = "lager", "mangler"
PRINTS = "avtrykk.json"
VERSION = 2
"""Of how figures are made of answers: another one makes those of the last run anew."""


@dataclass(frozen=True, eq=False)
class Utfall:
    """What came of one table or election.

    Attributes
    ----------
    rader
        Rows of STATISTIKK; None for none.
    avtrykk
        Of all that the rows follow from; "" where they are not to be taken again without looking.
    er_nytt
        False: the rows are those of the last run.
    er_varig
        It failed for a reason that does not pass by itself: another table may stand in.

    The others are as in STATISTIKKILDER.
    """

    kilde: str
    tabell: str
    svar: str
    maal: tuple[str, ...]
    rader: pd.DataFrame | None = field(default=None, repr=False)
    grunn: str | None = None
    oppdatert: str | None = None
    hentet_tid: str | None = None
    foresporsler: int = 0
    avtrykk: str = ""
    er_nytt: bool = True
    er_varig: bool = False

    @property
    def navn(self) -> str:
        """The table as STATISTIKK names it: ``06913``, ``valgresultat.no 2023``."""
        return f"{VALGRESULTAT} {self.tabell}" if self.kilde == VALGRESULTAT else self.tabell

    @property
    def kom(self) -> bool:
        """Whether the source gave it, now or unchanged."""
        return self.svar in CAME


def as_statistikk(rows: pd.DataFrame, *, er_oppdiktet: bool) -> pd.DataFrame:
    """Return figures as contract STATISTIKK wants them, texts plain."""
    made = rows.assign(er_oppdiktet=er_oppdiktet)[list(STATISTIKK.columns)]
    made["er_omregnet"] = made["er_omregnet"].astype(bool)
    return _plain_texts(made, STATISTIKK)


def _plain_texts(frame: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return a frame whose texts are plain ones, None where there is none: as they come from disk."""
    for column, kind in contract.columns.items():
        if kind == TEXT:
            texts = frame[column].astype(object)
            frame[column] = texts.where(texts.notna(), None)
    return frame


def as_kilder(outcomes: Iterable[Utfall], *, er_oppdiktet: bool) -> pd.DataFrame:
    """Return the frame of contract STATISTIKKILDER."""
    rows = [
        {
            "kilde": its.kilde,
            "tabell": its.tabell,
            "svar": its.svar,
            "grunn": its.grunn,
            "maal": list(its.maal),
            "oppdatert": its.oppdatert,
            "hentet_tid": its.hentet_tid,
            "antall_foresporsler": its.foresporsler,
            "antall_verdier": 0 if its.rader is None else int(its.rader["verdi"].notna().sum()),
            "er_oppdiktet": er_oppdiktet,
        }
        for its in outcomes
    ]
    return _plain_texts(pd.DataFrame(rows, columns=list(STATISTIKKILDER.columns)), STATISTIKKILDER)


class Sist:
    """What the last fetch left in core/, of the same world: real figures, or invented ones.

    Parameters
    ----------
    mappe
        Where the prints lie that say what the figures followed from.
    """

    def __init__(self, geodata: Geodata, mappe: Path, *, er_oppdiktet: bool) -> None:
        self._path = mappe / PRINTS
        self._rows = _of_world(geodata, er_oppdiktet=er_oppdiktet)
        self._prints = _read_prints(self._path)
        self._fetched = _fetched(geodata) if self._rows else {}

    @property
    def size(self) -> int:
        """How many rows there are."""
        return sum(len(rows) for rows in self._rows.values())

    def rows(self, table: str, measures: Iterable[str] | None = None) -> pd.DataFrame | None:
        """Return the figures of a table, those of some measures alone; None for none."""
        rows = self._rows.get(table)
        if rows is None or measures is None:
            return rows
        its = rows[rows["maal"].isin(list(measures))]
        return its if len(its) else None

    def same(self, table: str, avtrykk: str) -> pd.DataFrame | None:
        """Return the figures of a table when they follow from the very same; None otherwise."""
        return self._rows.get(table) if avtrykk and self._prints.get(table) == avtrykk else None

    def fetched(self, kilde: str, table: str) -> str | None:
        """Return when the figures of a table were fetched, ISO."""
        return self._fetched.get((kilde, table))

    def keep(self, outcomes: Iterable[Utfall]) -> None:
        """Remember what the figures that were written followed from."""
        prints = {its.navn: its.avtrykk for its in outcomes if its.avtrykk and its.rader is not None}
        if prints == self._prints:
            return
        try:
            write_whole(self._path, json.dumps(prints).encode())
        except OSError as error:
            log.warning("%s could not be kept (%s): tables are read anew next time", self._path, error.strerror)


def checked(outcome: Utfall) -> Utfall:
    """Return an outcome whose figures stand there once each: one that is twice would cost those of all others.

    Raises
    ------
    ValueError
        When one stands there twice.
    """
    if outcome.er_nytt and outcome.rader is not None and outcome.rader.duplicated(list(STATISTIKK.key)).any():
        raise ValueError(f"{outcome.navn}: a figure stands there twice")
    return outcome


def believed(outcome: Utfall, sist: Sist, *, andel: float, perioder: int | None) -> Utfall:
    """Return an outcome; what the last run had in its place where it has far fewer figures, or none.

    Parameters
    ----------
    andel
        Share of the figures of the last run that a table must have.
    perioder
        Periods that are asked for, None for those that are named: a run may have asked for more the last time.
    """
    rows = checked(outcome).rader
    if rows is None or not outcome.er_nytt:
        return outcome
    has = int(rows["verdi"].notna().sum())
    last = sist.rows(outcome.navn, outcome.maal)
    had = 0 if last is None else _comparable(last, rows, perioder)
    if has and has >= andel * had:
        return outcome
    name = f"{outcome.kilde} {outcome.tabell}"
    if last is None or not had:
        return replace(outcome, svar=MANGLER, rader=None, grunn=f"{name}: ingen tall", avtrykk="", er_varig=True)
    log.warning(
        "%s: %d figures, %d the last time, which are kept. Remove core/statistikk/norge.parquet to take what came.",
        name,
        has,
        had,
    )
    return replace(
        outcome,
        svar=LAGER,
        rader=last,
        grunn=f"{name}: bare {has} tall mot {had} sist, som er beholdt",
        oppdatert=None,
        hentet_tid=sist.fetched(outcome.kilde, outcome.tabell),
        avtrykk="",
        er_nytt=False,
    )


def _comparable(last: pd.DataFrame, rows: pd.DataFrame, perioder: int | None) -> int:
    """Return how many figures the last run had of the groups of `rows`, in as many of its newest periods."""
    its = last[last["verdi"].notna() & last["gruppe"].isin(list(rows["gruppe"].unique()))]
    periods = sorted(its["periode"].unique())
    return len(its if perioder is None else its[its["periode"].isin(periods[-perioder:])])


def failed_unexpectedly(kilde: str, tabell: str, maal: tuple[str, ...], error: Exception, sist: Sist) -> Utfall:
    """Return the outcome of an error that nobody thought of: what the last run had, and the kind of error."""
    log.warning("%s %s: unexpected %s; the rest goes on", kilde, tabell, type(error).__name__)
    log.debug("%s %s", kilde, tabell, exc_info=error)
    made = Utfall(
        kilde,
        tabell,
        MANGLER,
        maal,
        grunn=f"{kilde} {tabell}: uventet feil ({type(error).__name__})",
        hentet_tid=sist.fetched(kilde, tabell),
        er_nytt=False,
    )
    rows = sist.rows(made.navn, maal)
    return made if rows is None else replace(made, svar=LAGER, rader=rows)


def joined_reasons(*reasons: str | None) -> str | None:
    """Return reasons as one text, None for none."""
    return "; ".join(r for r in reasons if r) or None


def fingerprint(*parts: object) -> str:
    """Return a print of things whose texts say all of them."""
    return hashlib.sha256("\n".join(str(part) for part in parts).encode("utf-8", "replace")).hexdigest()


def _of_world(geodata: Geodata, *, er_oppdiktet: bool) -> dict[str, pd.DataFrame]:
    try:
        rows = geodata.attributes(NORGE, layer="core", contract=STATISTIKK)
    except StoreError as error:
        log.warning("%s The figures are made anew.", error)
        return {}
    if rows is None or set(rows.columns) != set(STATISTIKK.columns):
        return {}
    rows = rows[rows["er_oppdiktet"] == er_oppdiktet]
    return {str(table): its for table, its in rows.groupby("tabell", sort=False)}


def _fetched(geodata: Geodata) -> Mapping[tuple[str, str], str | None]:
    try:
        kilder = geodata.attributes(NORGE, layer="core", contract=STATISTIKKILDER)
    except StoreError:
        return {}
    if kilder is None:
        return {}
    return dict(zip(zip(kilder["kilde"], kilder["tabell"], strict=True), kilder["hentet_tid"], strict=True))


def _read_prints(path: Path) -> dict[str, str]:
    try:
        data = json.loads(path.read_bytes())
        return {str(k): str(v) for k, v in data.items()}
    except (OSError, ValueError, AttributeError, RecursionError):  # tables are then read anew, which costs time alone
        return {}
