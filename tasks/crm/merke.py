"""The marker of a base: which profile it belongs to, so that a staging run never writes into production.

It stands in the description of a table, ``[tomt: profil=staging]``, where people may write around it. A base is read
as a whole: a marker counts wherever it stands, since tables are renamed.
"""

from __future__ import annotations

import re

from pyairtable.models.schema import BaseSchema, TableSchema

from config.base import BaseRegister
from config.settings import Settings
from tasks.errors import BaseIncompleteError, ConfigError

MARKER = re.compile(r"\s*\[\s*tomt\s*:\s*profil\s*=\s*([^\[\]]*?)\s*\]", re.IGNORECASE)
MARKED = "Kjøringer"
"""The table whose description carries it."""


def marked(text: str, profile: str) -> str:
    """Return a description with the marker at its end.

    Examples
    --------
    >>> marked("En rad per kjøring.", "staging")
    'En rad per kjøring. [tomt: profil=staging]'
    """
    return f"{text} [tomt: profil={profile}]".strip()


def without(text: str) -> str:
    """Return a description without markers."""
    return MARKER.sub("", text).strip()


def read(schema: BaseSchema) -> str | None:
    """Return the profile that a base is marked with, or None.

    Raises
    ------
    ConfigError
        When it carries several.
    """
    found = [(m[1].lower(), t.name) for t in schema.tables for m in MARKER.finditer(t.description or "")]
    if len(found) > 1:
        said = " and ".join(f"{profile} (table {name})" for profile, name in found)
        raise ConfigError(
            f"The base is marked more than once: {said}. Nothing was written. Leave one of the markers "
            f"[tomt: profil=…] in the description of the table {MARKED}, and delete the others in Airtable."
        )
    return found[0][0] if found else None


def check(schema: BaseSchema, register: BaseRegister, settings: Settings) -> None:
    """Raise unless the base belongs to the profile in force.

    Raises
    ------
    ConfigError
        When it is marked for another profile, or more than once.
    BaseIncompleteError
        When it is not marked.
    """
    if is_marked(schema, settings):
        return
    ours = {t.navn for t in register.tabell}
    state = "is not marked with its profile" if ours & {t.name for t in schema.tables} else "is not set up"
    raise BaseIncompleteError(
        f"The base {state}. Run `tomt base setup`, which marks it as {settings.effective_profile}."
    )


def is_marked(schema: BaseSchema, settings: Settings) -> bool:
    """Return True for a base of the profile in force, False for one without a marker.

    Raises
    ------
    ConfigError
        As `check`.
    """
    theirs, ours = read(schema), str(settings.effective_profile)
    if theirs is not None and theirs != ours:
        raise ConfigError(
            f"The base is marked as {theirs!r}, and the profile is {ours!r}. Nothing was written. Set "
            f"TOMT_AIRTABLE_BASE (or TOMT_{ours.upper()}_AIRTABLE_BASE) to the base of {ours}, or TOMT_PROFILE to that "
            f"of the base. If the base is a copy that shall serve {ours}, change [tomt: profil={theirs}] in the "
            f"description of its table {MARKED}."
        )
    return theirs is not None


def mark(table: TableSchema, settings: Settings) -> None:
    """Write the marker at the end of a table's description: one request."""
    table.description = marked(table.description or "", settings.effective_profile)
    table.save()
