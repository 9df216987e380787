"""Tallgrunnlag: the figures that a ranking rests on, from geodata where they are fresh, else from the sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from config.profil import profiler
from config.registers import FOLDER
from config.settings import Settings, is_loopback
from config.statistikk import FILE as TABLES
from config.statistikk import statistikk
from flows.run import Call
from tasks.errors import ConfigError, TomtError
from tasks.kommunekontrakter import KOMMUNESCORER, NORGE, STATISTIKK, STATISTIKKILDER
from tasks.sources.statistikk.hent import Hentet, fetch_statistics_task
from tasks.store import Geodata

Progress = Callable[[str, int, int], None]
"""What is done now, steps done, steps in all."""

ANSWERED = ("hentet", "uendret")


@dataclass(frozen=True, eq=False)
class Tallgrunnlag:
    """Contracts statistikk and statistikkilder, and how many requests it took to get them."""

    statistikk: pd.DataFrame
    kilder: pd.DataFrame
    foresporsler: int = 0


def is_invented(settings: Settings) -> bool:
    """Return whether the figures of these settings come from the sandbox."""
    return settings.is_sandbox or (settings.sources_url is not None and is_loopback(settings.sources_url))


def is_fresh(settings: Settings, *, naa: datetime | None = None) -> bool:
    """Return whether the figures in geodata are of the right world, complete and new enough not to be asked for again.

    Parameters
    ----------
    settings
        Addresses need not be filled in: no source is asked.
    """
    geodata = Geodata(settings.geodata)
    try:
        kilder = geodata.read(NORGE, layer="core", contract=STATISTIKKILDER)
        written = datetime.fromtimestamp(geodata.path("core", STATISTIKK, NORGE).stat().st_mtime, UTC)
        configured = datetime.fromtimestamp((FOLDER / TABLES).stat().st_mtime, UTC)
    except (OSError, TomtError):  # there are none, or they cannot be read: they are fetched
        return False
    if kilder is None or kilder.empty or not kilder["svar"].isin(ANSWERED).all():
        return False
    age = (naa or datetime.now(UTC)) - written
    is_new = timedelta() <= age < timedelta(hours=statistikk().ssb.fersk_timer) and written > configured
    return is_new and bool((kilder["er_oppdiktet"] == is_invented(settings)).all())


def kept_figures(geodata: Geodata) -> Tallgrunnlag | None:
    """Return the figures that geodata has, however old; None for none."""
    statistics = geodata.attributes(NORGE, layer="core", contract=STATISTIKK)  # checked when it was written
    kilder = geodata.read(NORGE, layer="core", contract=STATISTIKKILDER)
    return None if statistics is None or kilder is None else Tallgrunnlag(statistics, kilder)


def get_figures(geodata: Geodata, settings: Settings, *, progress: Progress, call: Call) -> Tallgrunnlag:
    """Return the figures, fetched where those of geodata are not fresh.

    Raises
    ------
    SourceError
        When no source answers and geodata has none.
    """
    if is_fresh(settings) and (kept := kept_figures(geodata)) is not None:
        return kept
    return fetch_figures(geodata, settings, progress=progress, call=call)


def fetch_figures(
    geodata: Geodata, settings: Settings, *, progress: Progress, call: Call, per_aar: int | None = None
) -> Tallgrunnlag:
    """Fetch the figures and keep them; `per_aar` names a year that they are to reach back to.

    Raises
    ------
    SourceError
        As `get_figures`.
    """
    got: Hentet = call(fetch_statistics_task, geodata, settings, progress=progress, per_aar=per_aar)
    return Tallgrunnlag(got.statistikk, got.kilder, got.foresporsler)


def require_own_world(geodata: Geodata, settings: Settings) -> None:
    """Raise when invented figures would take the place of a ranking of real ones.

    Raises
    ------
    ConfigError
        Naming the folder and what to do.
    """
    if not is_invented(settings):
        return
    for name in profiler():
        standing = geodata.read(name, layer="out", contract=KOMMUNESCORER)
        if standing is None:
            continue
        if not standing.loc[~standing["er_oppdiktet_kommune"], "har_oppdiktede_tall"].all():
            raise ConfigError(
                f"{geodata.root} holds a ranking of real figures ({name}), and those of the sandbox are invented. Set "
                "TOMT_PROFILE=staging to rank with real ones, or TOMT_GEODATA to another folder."
            )
