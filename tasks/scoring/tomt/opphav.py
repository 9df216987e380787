"""Opphav: who tells what a part of a score rests on, as of when, and whether it can be relied on.

Dates are those of the content, not of the last look: a card does not change because a day has passed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from config.tomtefaktorer import Ferskhet

ALDRI_SPURT = "ingen er spurt"
HVORFOR_UKJENT = {"ikke_dekket": "kilden dekker ikke kommunen", "feilet": "kilden svarte ikke"}
RESERVE = {
    "ikke_dekket": "kilden dekker ikke kommunen lenger, siste gode svar brukes",
    "feilet": "kilden svarte ikke sist, siste gode svar brukes",
}

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
    land
        Contract dekning of the kommune; None: not known.
    ferskhet
        What age costs: an answer is told to be old when half of `dager` have passed.
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
            rows.setdefault(str(row["tema"]), {**row, "er_kjent": er_kjent})
        return rows

    def kilde(self, *lag: str) -> Kilde:
        """Return what a part that rests on these layers rests on: those of them that are known."""
        rows = [r for name in lag if (r := self.rader.get(name)) is not None and r["er_kjent"]]
        dates = [d for r in rows if (d := dato(r["hentet_tid"]))]
        notes = [note for r in rows if (note := self._merknad(r))]
        names = list(dict.fromkeys(_navn(r) for r in rows))
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

    def alder(self, lag: Iterable[str]) -> list[float]:
        """Return the age in days of those of the layers that are known, NaN where that is not."""
        rows = [r for name in lag if (r := self.rader.get(name)) is not None and r["er_kjent"]]
        return [float(r["alder_dager"]) for r in rows]

    def _merknad(self, row: dict[Any, Any]) -> str:
        is_old = float(row["alder_dager"]) > self.ferskhet.dager / 2
        said = [RESERVE.get(str(row["svar"]), "")]
        said.append(f"gammelt, sist bekreftet {dato(row['sett_tid']) or 'ukjent når'}" if is_old else "")
        return ", ".join(s for s in said if s)


def dato(tid: object) -> str | None:
    """Return the date of an ISO time, None where there is none."""
    return tid[:10] if isinstance(tid, str) and tid else None


def _navn(row: dict[Any, Any]) -> str:
    """Return who a person knows as the source: the first words of its licence."""
    lisens = row.get("lisens")
    name = lisens.split(",")[0].strip() if isinstance(lisens, str) else ""
    return name or str(row["kilde"])
