"""The history of a lot, as its kommune's ledger tells it: what happened, when, why, and how it stands today."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import geopandas as gpd
import numpy as np
import pandas as pd

from config.registers import Kommune, find_kommune
from tasks.contracts import HENDELSER, PLANOMRAADER, REGULERINGSPLANER, SONER, TEIGER
from tasks.errors import TomtError
from tasks.land.funn import UREGULERT
from tasks.land.identity import BORTE, numbers_of
from tasks.land.ledger import replay
from tasks.store import Geodata
from tasks.tekst import tall

LOT = re.compile(r"(\d{4})\s*[-–—_./ ]\s*(\d{1,9})|(\d{4})(\d{6})")
OMRAADE = re.compile(r"\d{4}\s*[-–—_./ ]?\s*[oO]\d+")

NAMES = (
    (REGULERINGSPLANER, "plan_id", "navn"),
    (PLANOMRAADER, "plan_id", "navn"),
    (SONER, "sone_id", "navn"),
    (TEIGER, "teig_id", "matrikkelnummer_tekst"),
)
"""Where a name for an id in the ledger is found."""

LONGEST_NAME = 80
HEADINGS = ("Dato", "Hendelse", "Areal før", "etter", "Årsak", "Slekt")


def parse_lot(text: str, *, sandbox: bool) -> tuple[Kommune, str]:
    """Return the kommune and the id that a person means by ``3207-123``, ``3207 000123`` or ``3207000123``.

    Raises
    ------
    TomtError
        When it is the id of something else, or none.
    UnknownKommuneError
        When there is no such kommune.
    """
    given = text.strip()
    found = LOT.fullmatch(given)
    if found is None:
        what = "is the id of an område; a lot has" if OMRAADE.fullmatch(given) else "is no id of a lot; it has"
        raise TomtError(f"{given[:40]!r} {what} the kommune and six digits, such as 3207-000123.")
    knr, number = (group for group in found.groups() if group is not None)
    return find_kommune(knr, sandbox=sandbox), f"{knr}-{int(number):06d}"


@dataclass(frozen=True)
class Ledger:
    """The ledger of a kommune and the names of what it speaks of."""

    kommune: Kommune
    geodata: Geodata
    rows: gpd.GeoDataFrame

    @classmethod
    def read(cls, kommune: Kommune, geodata: Geodata) -> Ledger:
        """Read the ledger of a kommune.

        Raises
        ------
        TomtError
            When there is none yet, saying what to run.
        """
        rows = geodata.read(kommune.nummer, layer="out", contract=HENDELSER)
        if rows is None:
            raise TomtError(f"{kommune.label} has no ledger yet. Run `tomt run {kommune.nummer}`.")
        return cls(kommune, geodata, gpd.GeoDataFrame(rows))

    def history(self, tomt_id: str) -> History:
        """Return the history of one lot.

        Raises
        ------
        TomtError
            When there is no such lot, naming the nearest ids.
        """
        rows = self.rows[self.rows["tomt_id"] == tomt_id].sort_values("nr")
        if not len(rows):
            raise TomtError(f"{self.kommune.label} has no lot {tomt_id}. {self._nearest(tomt_id)}")
        return History(tomt_id, rows)

    def _nearest(self, tomt_id: str) -> str:
        ids = pd.Series(sorted(set(self.rows["tomt_id"])), dtype=object)
        if not len(ids):
            return "Its ledger is empty: it has had no lots."
        away = np.abs(numbers_of(ids) - int(tomt_id.rpartition("-")[2]))
        nearest = ids.iloc[np.sort(np.argsort(away, kind="stable")[:3])]
        return f"The nearest are {', '.join(nearest)}."

    def relatives(self, history: History) -> Iterator[History]:
        """Yield the histories of the lots that land came from or went to, theirs too, by id."""
        kin: dict[str, set[str]] = {}
        for lot, fra, til in self.rows[["tomt_id", "fra", "til"]].itertuples(index=False):
            kin.setdefault(lot, set()).update(fra, til)
        seen, waiting = {history.tomt_id}, [history.tomt_id]
        while waiting:
            new = kin.get(waiting.pop(), set()) - seen
            seen |= new
            waiting += new
        for lot in sorted(seen - {history.tomt_id}):
            yield self.history(lot)

    @cached_property
    def names(self) -> dict[str, str]:
        """Id → name, of the plans, zones and teiger that the sources have today."""
        names: dict[str, str] = {}
        for contract, key, column in NAMES:
            try:
                frame = self.geodata.read(self.kommune.nummer, layer="core", contract=contract)
            except TomtError:  # a name is an adornment: what happened is told without it
                continue
            if frame is not None:
                known = frame[[key, column]].dropna()
                names.update((k, n) for k, n in known.itertuples(index=False) if n.strip())
        return {key: clean_text(name) for key, name in names.items()}


@dataclass(frozen=True)
class History:
    """The events of one lot, oldest first: rows of contract hendelser."""

    tomt_id: str
    rows: gpd.GeoDataFrame

    def as_dict(self) -> dict[str, Any]:
        """Return the history as plain data: no geometry, times in UTC as recorded."""
        state = replay(self.rows).iloc[0]
        columns = [c for c in HENDELSER.columns if c not in {"tomt_id", "kommunenummer"}]
        events = [{c: _plain(row[c]) for c in columns} for _, row in self.rows.iterrows()]
        now = {c: _plain(state[c]) for c in ("tilstand", "areal_m2", "teig_id", "omraade_id", "differanse")}
        return {"tomt_id": self.tomt_id, **now, "hendelser": events}

    def as_text(self, names: dict[str, str]) -> str:
        """Return the history as a table, and how the lot stands today."""
        before = [UREGULERT, *self.rows["differanse"].fillna(UREGULERT)]
        events = zip(before[:-1], self.rows.iterrows(), strict=True)
        lines = [HEADINGS, *(self._line(row, names, klasse=klasse) for klasse, (_, row) in events)]
        widths = [max(len(line[k]) for line in lines) for k in range(len(HEADINGS))]
        table = [
            "  ".join(
                cell.rjust(w) if k in (2, 3) else cell.ljust(w)
                for k, (cell, w) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        ]
        return "\n".join([f"Tomt {self.tomt_id}", self._today(names), "", *table])

    def _today(self, names: dict[str, str]) -> str:
        state = replay(self.rows).iloc[0]
        place = f"teig {named(state['teig_id'], names)}, område {clean_text(state['omraade_id'])}"
        if state["tilstand"] == BORTE:
            last = self.rows.iloc[-1]
            return f"I dag: borte ({last['hendelse']} {oslo(last['dato'])[:10]}); sist sett på {place}"
        land = "" if state["differanse"] in (UREGULERT, None) else f"{clean_text(state['differanse'])}, "
        return f"I dag: aktiv, {tall(state['areal_m2'])} m², {land}{place}"

    @staticmethod
    def _line(row: pd.Series, names: dict[str, str], *, klasse: str) -> tuple[str, ...]:
        """Return the cells of an event; `klasse` is the class of differanse that the lot was of before it."""
        what, now = row["hendelse"], row["differanse"] or UREGULERT
        if now != klasse:
            what += f" ({clean_text(now)})"
        why = row["aarsak"]
        if row["aarsak_ider"]:
            why += ": " + ", ".join(named(k, names) for k in row["aarsak_ider"])
        kin = [f"{word} {', '.join(row[word])}" for word in ("fra", "til") if row[word]]
        return (
            oslo(row["dato"]),
            what,
            square_metres(row["areal_foer_m2"]),
            square_metres(row["areal_etter_m2"]),
            why,
            "; ".join(kin),
        )


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if isinstance(value, list):
        return value
    if pd.isna(value):
        return None
    return value.item() if isinstance(value, np.generic) else value


def square_metres(area: float) -> str:
    """Return an area in whole m², a dash for none."""
    return f"{tall(area)} m²" if area > 0 else "–"


def named(key: str, names: dict[str, str]) -> str:
    """Return an id with its name, when it has one."""
    text = clean_text(key)
    return f"{names[key]} ({text})" if key in names and names[key] != text else text


def clean_text(text: str) -> str:
    """Return text of a source fit for a terminal: one line, nothing that steers it, not endless."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST_NAME else line[: LONGEST_NAME - 1] + "…"


def oslo(moment: str) -> str:
    """Return a recorded time by the clocks of Norway, day and clock; by UTC where no time zones are known.

    Examples
    --------
    >>> oslo("2026-07-01T22:30:00+00:00")
    '02.07.2026 00:30'
    """
    when = datetime.fromisoformat(moment)
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    try:
        return f"{when.astimezone(ZoneInfo('Europe/Oslo')):%d.%m.%Y %H:%M}"
    except ZoneInfoNotFoundError:
        return f"{when.astimezone(UTC):%d.%m.%Y %H:%M} UTC"


@dataclass(frozen=True)
class Answer:
    """What was asked for: the history of a lot, and those of its relatives when these were wanted too."""

    ledger: Ledger
    history: History
    slekt: tuple[History, ...] | None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data, with slekt only when that was asked for."""
        data = {"kommunenummer": self.ledger.kommune.nummer, **self.history.as_dict()}
        if self.slekt is not None:
            data["slekt"] = [other.as_dict() for other in self.slekt]
        return data

    def as_text(self) -> str:
        """Return one table a lot."""
        return "\n\n".join(h.as_text(self.ledger.names) for h in (self.history, *(self.slekt or ())))


def look_up(tomt_id: str, geodata: Geodata, *, sandbox: bool, with_kin: bool) -> Answer:
    """Return the history of a lot.

    Parameters
    ----------
    tomt_id
        As a person writes it.
    with_kin
        True for those of its relatives too.

    Raises
    ------
    TomtError
        When there is no such kommune, ledger or lot.
    """
    kommune, lot = parse_lot(tomt_id, sandbox=sandbox)
    ledger = Ledger.read(kommune, geodata)
    history = ledger.history(lot)
    return Answer(ledger, history, tuple(ledger.relatives(history)) if with_kin else None)
