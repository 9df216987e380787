"""The login of a source: the names of the variables that hold it."""

from __future__ import annotations


def variables(legitimasjon: str) -> str:
    """Return the names of the variables of a login, for a message in Norwegian.

    Examples
    --------
    >>> variables("nap")
    'TOMT_NAP_USERNAME og TOMT_NAP_PASSWORD'
    """
    return f"TOMT_{legitimasjon.upper()}_USERNAME og TOMT_{legitimasjon.upper()}_PASSWORD"
