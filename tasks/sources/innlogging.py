"""The login of a source: whether it is needed and set, and the names of the variables that hold it."""

from __future__ import annotations

from typing import Literal

from config.kilder import Kilde
from config.registers import Kommune
from config.settings import Settings

SANDBOX = "nap"
"""The one login that the sandbox sets, for the invented kommuner that its sources hold."""

Innlogging = Literal["åpen", "satt", "mangler"]


def state(kilde: Kilde, settings: Settings, kommune: Kommune | None = None) -> Innlogging:
    """Return whether a source needs a login, and whether it is set.

    Parameters
    ----------
    kommune
        For which the source is to be asked; None for any that the profile has.
    """
    if kilde.legitimasjon is None:
        return "åpen"
    starts = settings.is_sandbox and settings.sources_url is None  # its own sources, for which it makes a login
    by_sandbox = starts and kilde.legitimasjon == SANDBOX and (kommune is None or kommune.oppdiktet)
    return "satt" if by_sandbox or settings.credentials(kilde.legitimasjon) is not None else "mangler"


def variables(legitimasjon: str) -> str:
    """Return the names of the variables of a login, for a message in Norwegian.

    Examples
    --------
    >>> variables("nap")
    'TOMT_NAP_USERNAME og TOMT_NAP_PASSWORD'
    """
    return f"TOMT_{legitimasjon.upper()}_USERNAME og TOMT_{legitimasjon.upper()}_PASSWORD"
