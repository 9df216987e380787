"""Opphav: who tells what a part of a score rests on, as of when, and whether it can be relied on.

Dates are those of the content, not of the last look: a card does not change because a day has passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from config.tomtefaktorer import Ferskhet
from tasks.scoring.tomt.ordlegging import norsk_dato

ALDRI_SPURT = "ingen er spurt"
# Failed is a source that is silent, one whose answer cannot be used, and one that was heard too long ago.
HVORFOR_UKJENT = {"ikke_dekket": "kilden dekker ikke kommunen", "feilet": "kilden svarte ikke som den skal"}

LAND = {"bygning", "teig", "kommuneplan"}
"""Themes of the contract dekning that scores rest on."""


@dataclass(frozen=True)
class Kilde:
    """What one part rests on.

    Attributes
    ----------
    navn
        Who tells; None when nobody does.
    dato
        ISO date of the content, the oldest of several.
    merknad
        What is old, or stands in.
    """

    navn: str | None = None
    dato: str | None = None
    merknad: str = ""


@dataclass(frozen=True)
class Opphav:
    """Where the layers around the lots, and the land itself, come from.

    Attributes
    ----------
    dekning
        Contract kontekstdekning.
    ferskhet
        What age costs: an answer is told to be old when half of `dager` have passed.
    land
        Contract dekning of the kommune; None: not known.
    """

    dekning: pd.DataFrame
    ferskhet: Ferskhet
    land: pd.DataFrame | None = None

    @cached_property
    def rader(self) -> dict[str, dict[Any, Any]]:
        """Layer or theme of the land → what is known of its coverage."""
        rows: dict[str, dict[Any, Any]] = {str(r["lag"]): r for r in self.dekning.to_dict("records")}
        if self.land is None:
            return rows
        for row in self.land[self.land["tema"].isin(LAND)].to_dict("records"):
            reserve = isinstance(row["reserve"], str)
            er_kjent = reserve or row["svar"] in ("rader", "tom")
            rows.setdefault(str(row["tema"]), {**row, "er_kjent": er_kjent, "er_reserve": reserve})
        return rows

    def kilde(self, *lag: str) -> Kilde:
        """Return what a part that rests on these layers rests on: those of them that are known."""
        rows = self._kjente(lag)
        dates = [d for r in rows if (d := dato(r["hentet_tid"]))]
        names = list(dict.fromkeys(_navn(r) for r in rows))
        notes = [(f"{_navn(r)} " if len(names) > 1 else "") + note for r in rows if (note := self._merknad(r))]
        return Kilde(", ".join(names) or None, min(dates, default=None), "; ".join(dict.fromkeys(notes)))

    def hvorfor_ukjent(self, lag: Iterable[str]) -> str:
        """Return why the first of these layers that is not known is not."""
        for name in lag:
            row = self.rader.get(name)
            if row is None:
                return ALDRI_SPURT
            if not row["er_kjent"]:
                return HVORFOR_UKJENT.get(str(row["svar"]), ALDRI_SPURT)
        return ""

    def fersk(self, lag: Iterable[str]) -> list[float]:
        """Return how fresh those of the layers are that are known, 0–1."""
        rows = self._kjente(lag)
        ages = np.array([row["alder_dager"] for row in rows], dtype=float)
        fresh: list[float] = self.ferskhet.andel(ages, [bool(row["er_reserve"]) for row in rows]).tolist()
        return fresh

    def _kjente(self, lag: Iterable[str]) -> list[dict[Any, Any]]:
        return [r for name in lag if (r := self.rader.get(name)) is not None and r["er_kjent"]]

    def _merknad(self, row: dict[Any, Any]) -> str:
        seen = norsk_dato(dato(row["sett_tid"])) or "ukjent når"
        if row["er_reserve"]:
            return f"svarte ikke nå, sist sett {seen}"
        return f"er gammelt, sist sett {seen}" if float(row["alder_dager"]) > self.ferskhet.dager / 2 else ""


def dato(tid: object) -> str | None:
    """Return the date of an ISO time, None where there is none."""
    return tid[:10] if isinstance(tid, str) and tid else None


def _navn(row: dict[Any, Any]) -> str:
    """Return who a person knows as the source: the first words of its licence."""
    lisens = row.get("lisens")
    name = lisens.split(",")[0].strip() if isinstance(lisens, str) else ""
    return name or str(row["kilde"])
