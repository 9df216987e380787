"""Utfall: what came of one table or election in one fetch: its figures and its row of STATISTIKKILDER."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
VERSION = 1
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
