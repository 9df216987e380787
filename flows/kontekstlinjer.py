"""What is known around the lots of one kommune, in a few lines: which layers, which not and why, how old.

Read from core/kontekstdekning as the last run left it; nobody is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from config.kilder import Kilde, kilder_for, kontekst_themes
from config.registers import Kommune
from flows.kildedekning import figures, held_back
from tasks.store import Geodata
from tasks.tomtekontrakter import KONTEKSTDEKNING

OLD_DAYS = 30
"""An answer older than this is named."""


@dataclass(frozen=True, kw_only=True)
class Lag:
    """One layer: what was answered, whether that tells what is there, days since the source last said so."""

    lag: str
    svar: str
    er_kjent: bool
    kilde: str
    grunn: str
    dager: int | None


@dataclass(frozen=True, kw_only=True)
class Omgivelser:
    """What is known around the lots of a kommune.

    Attributes
    ----------
    kommunenummer
        Of the kommune.
    alle
        Layers that there are.
    lag
        Those that the last run asked for; none before the first run.
    holdt
        Answers that are held back, as `kildedekning.held_back`.
    """

    kommunenummer: str
    alle: int
    lag: tuple[Lag, ...]
    holdt: tuple[dict[str, Any], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {"alle": self.alle, "lag": [vars(one) for one in self.lag], "holdt": list(self.holdt)}

    def lines(self) -> list[str]:
        """Return it for a terminal: a line to head it, and what belongs to it."""
        if not self.lag:
            return ["Rundt tomtene og konflikter", f"Ingen av {self.alle} lag er hentet ennå.", *self._held()]
        known = [one for one in self.lag if one.er_kjent]
        lines = ["Rundt tomtene og konflikter", f"{len(known)} av {self.alle} lag er kjent."]
        ages = [one.dager for one in known if one.dager is not None]
        if ages:
            lines[-1] += f" Eldste svar: {_days(max(ages))}."
        silent = [one.lag for one in known if one.svar == "tom"]
        lines += [f"Har ingenting her: {', '.join(silent)}."] if silent else []
        uncovered = [one.lag for one in self.lag if not one.er_kjent and one.svar != "feilet"]
        lines += [f"Ikke dekket, altså ukjent: {', '.join(uncovered)}."] if uncovered else []
        lines += [f"Feilet: {one.lag} ({one.kilde}): {one.grunn}" for one in self.lag if self._is_failed(one)]
        old = [f"{one.lag} ({_days(one.dager)})" for one in known if one.dager is not None and one.dager > OLD_DAYS]
        lines += [f"Gamle: {', '.join(old)}."] if old else []
        return [*lines, *self._held()]

    @staticmethod
    def _is_failed(one: Lag) -> bool:
        return one.svar == "feilet" and not one.er_kjent

    def _held(self) -> list[str]:
        return [
            f"→ Et svar fra {one['kilde']} er holdt tilbake: {figures(one)}. Stemmer det: tomt sources "
            f"{self.kommunenummer} --godkjenn {one['kilde']}. Er det feil: --avvis {one['kilde']}."
            for one in self.holdt
        ]


def surroundings(
    kommune: Kommune, *, geodata: Geodata, among: Iterable[Kilde], now: datetime | None = None
) -> Omgivelser:
    """Return what is known around the lots of a kommune.

    Parameters
    ----------
    among
        The configured sources.
    now
        With its time zone; by default the present.

    Raises
    ------
    StoreError
        When a file under geodata is damaged.
    """
    every, themes = list(among), kontekst_themes()
    sources = [k for tema in themes for k in kilder_for(tema, kommune, among=every)]
    held = tuple(held_back(k.navn, kommune, geodata) for k in sources if geodata.held(k.navn, kommune.nummer))
    frame = geodata.read(kommune.nummer, layer="core", contract=KONTEKSTDEKNING)
    rows = [] if frame is None else frame.to_dict("records")
    at = now or datetime.now(UTC)
    lag = tuple(_layer(row, at) for row in sorted(rows, key=lambda row: _place(row["lag"], themes)))
    return Omgivelser(kommunenummer=kommune.nummer, alle=len(themes), lag=lag, holdt=held)


def _place(lag: str, themes: tuple[str, ...]) -> int:
    return themes.index(lag) if lag in themes else len(themes)


def _layer(row: dict[Any, Any], now: datetime) -> Lag:
    seen = row["sett_tid"]
    days = None if not seen else max((now - datetime.fromisoformat(seen)).days, 0)
    return Lag(
        lag=row["lag"],
        svar=row["svar"],
        er_kjent=bool(row["er_kjent"]),
        kilde=row["kilde"] or "",
        grunn=row["grunn"] or "",
        dager=days,
    )


def _days(days: int | None) -> str:
    return "i dag" if not days else "1 dag" if days == 1 else f"{days} dager"
