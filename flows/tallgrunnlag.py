"""Tallgrunnlag: the figures that a ranking rests on, from geodata where they are fresh, else from the sources."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pandas as pd

from config.profil import profiler
from config.registers import FOLDER
from config.settings import Settings, is_loopback
from config.statistikk import FILE as TABLES
from config.statistikk import statistikk
from flows.framgang import Progress
from flows.steg import Call, Steg
from tasks.errors import ConfigError, TomtError
from tasks.kommunekontrakter import KOMMUNESCORER, NORGE, STATISTIKK, STATISTIKKILDER
from tasks.sources.statistikk.hent import Hentet, fetch_statistics
from tasks.store import Geodata

ANSWERED = ("hentet", "uendret")

HENT = Steg(fetch_statistics, "hent statistikk", "hent statistikk")


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
    return is_new and _is_of_world(kilder, settings)


def _is_of_world(frame: pd.DataFrame, settings: Settings) -> bool:
    """Return whether figures, or what came of their sources, are of the world that these settings ask."""
    return bool((frame["er_oppdiktet"] == is_invented(settings)).all())


def kept_figures(geodata: Geodata, settings: Settings) -> Tallgrunnlag | None:
    """Return the figures that geodata has, however old; None for none, or for those of the other world."""
    kilder = geodata.read(NORGE, layer="core", contract=STATISTIKKILDER)
    if kilder is None or not _is_of_world(kilder, settings):
        return None
    statistics = geodata.attributes(NORGE, layer="core", contract=STATISTIKK)  # checked when it was written
    return None if statistics is None or not _is_of_world(statistics, settings) else Tallgrunnlag(statistics, kilder)


def get_figures(
    geodata: Geodata, settings: Settings, *, ferskt: bool = False, progress: Progress, call: Call
) -> Tallgrunnlag:
    """Return the figures, fetched where those of geodata are not fresh.

    Parameters
    ----------
    ferskt
        Ask every source, however young the figures are.

    Raises
    ------
    SourceError
        When no source answers and geodata has none.
    """
    if not ferskt and is_fresh(settings) and (kept := kept_figures(geodata, settings)) is not None:
        return kept
    return fetch_figures(geodata, settings, ferskt=ferskt, progress=progress, call=call)


def fetch_figures(
    geodata: Geodata,
    settings: Settings,
    *,
    ferskt: bool = False,
    progress: Progress,
    call: Call,
    per_aar: int | None = None,
) -> Tallgrunnlag:
    """Fetch the figures and keep them; `per_aar` names a year that they are to reach back to.

    Raises
    ------
    SourceError
        As `get_figures`.
    """
    got: Hentet = call(HENT, geodata, settings, progress=progress, ferskt=ferskt, per_aar=per_aar)
    return Tallgrunnlag(got.statistikk, got.kilder, got.foresporsler)


def require_own_world(geodata: Geodata, settings: Settings, *, publish: bool = False) -> None:
    """Raise when invented figures would take the place of real ones, in geodata or in a base that people work in.

    Parameters
    ----------
    publish
        Whether the ranking goes to Airtable.

    Raises
    ------
    ConfigError
        Naming the folder or the profile, and what to do.
    """
    if not is_invented(settings):
        return
    if publish and not settings.is_sandbox:
        raise ConfigError(
            f"The figures of {settings.sources_url} are invented, and the profile is {settings.effective_profile}: "
            "they are not brought to its base. Take TOMT_SOURCES_URL away, or set TOMT_PROFILE=sandbox."
        )
    if what := _real_figures(geodata, settings):
        raise ConfigError(
            f"{geodata.root} holds {what}, and those of the sandbox are invented. Set TOMT_PROFILE=staging to rank "
            "with real ones, or TOMT_GEODATA to another folder."
        )


def _real_figures(geodata: Geodata, settings: Settings) -> str | None:
    """Return what geodata holds of real figures, or None."""
    kilder = geodata.read(NORGE, layer="core", contract=STATISTIKKILDER)
    if kilder is not None and not _is_of_world(kilder, settings):
        return "real figures"
    for name in profiler():
        standing = geodata.read(name, layer="out", contract=KOMMUNESCORER)
        if standing is not None and not standing.loc[~standing["er_oppdiktet_kommune"], "har_oppdiktede_tall"].all():
            return f"a ranking of real figures ({name})"
    return None
