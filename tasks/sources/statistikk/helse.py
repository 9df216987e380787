"""Helse: whether the services that the figures come from answer, with one request each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

from config.registers import regler
from config.settings import Settings
from config.statistikk import statistikk
from tasks.errors import SourceError
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.sources.statistikk.stilletid import quiet_until


@dataclass(frozen=True)
class Svar:
    """What one service said.

    Attributes
    ----------
    er_oppe
        False when it did not answer; True also for one that is not to be asked now.
    """

    tjeneste: str
    er_oppe: bool
    funn: str


def ask_services(settings: Settings, *, naa: datetime | None = None) -> Iterator[Svar]:
    """Ask SSB, Klass and the election results whether they are there.

    Parameters
    ----------
    settings
        With the address of the local sources in the sandbox profile.
    naa
        The time, with zone; None for now. In SSB's quiet hours its two services are not asked.
    """
    rules = statistikk()
    local = settings.sources_url if settings.is_sandbox else None
    ssb, klass, valg = (one.address(local) for one in (rules.ssb, rules.klass, rules.valg))
    codes = f"{klass}/classifications/{rules.klass.klassifikasjon}/codesAt.json?date={date.today():%Y-01-01}"  # noqa: DTZ011
    asked = {"SSB": f"{ssb}/config", "Klass": codes, "valgresultat.no": f"{valg}/{rules.valg.aar[0]}/ko"}
    quiet = None if local else quiet_until(naa or datetime.now(UTC), rules.ssb.stille, rules.ssb.tidssone)
    for name, address in asked.items():
        if quiet is not None and name != "valgresultat.no":
            yield Svar(name, er_oppe=True, funn=f"not asked: its tables are being updated until {quiet:%H:%M}")
            continue
        try:
            with Client(address, limits=Limits.of(regler().hent), contact=settings.contact) as client:
                client.get(address, expected="json")
        except SourceError as error:
            yield Svar(name, er_oppe=False, funn=str(error))
        else:
            yield Svar(name, er_oppe=True, funn=f"answers at {address.partition('?')[0]}")
