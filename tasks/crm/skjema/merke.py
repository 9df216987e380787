"""The marker of a base: which profile it belongs to, so that a staging run never writes into production.

It stands in the description of a table, ``[tomt: profil=staging]``, where people may write around it. A base is read
as a whole: a marker counts wherever it stands, since tables are renamed. A person may delete it there, so the profile
is also kept under geodata/crm/<base>/, and no other one is let in. The sandbox keeps nothing: its bases come and go.
"""

from __future__ import annotations

import re
from pathlib import Path

from pyairtable.models.schema import BaseSchema, TableSchema

from config.base import BaseRegister
from config.settings import BASE_ID, Settings
from tasks.errors import BaseIncompleteError, ConfigError, StoreError
from tasks.fil import write_whole

MARKER = re.compile(r"\s*\[\s*tomt\s*:\s*profil\s*=\s*([^\[\]]*?)\s*\]", re.IGNORECASE)
MARKED = "Kjøringer"
"""The table whose description carries it."""
KEPT = "profil.txt"
MAX_KEPT = 100
"""Characters that are read of it."""


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


def profile_of(schema: BaseSchema) -> str | None:
    """Return the profile that a base is marked with, or None.

    Raises
    ------
    ConfigError
        When it carries several, or what is left of one.
    """
    for table in schema.tables:
        rest = without(table.description or "").casefold()
        if re.search(r"\btomt\b", rest) and "profil" in rest:
            raise ConfigError(
                f"The description of the table {table.name} holds a broken marker. Nothing was written. Correct it in "
                "Airtable to [tomt: profil=staging] or [tomt: profil=production], whichever the base is, or take the "
                "words tomt and profil out of it."
            )
    found = [(m[1].lower(), t.name) for t in schema.tables for m in MARKER.finditer(t.description or "")]
    if len(found) > 1:
        said = " and ".join(f"{profile} (table {name})" for profile, name in found)
        raise ConfigError(
            f"The base is marked more than once: {said}. Nothing was written. Leave one of the markers "
            f"[tomt: profil=…] in the description of the table {MARKED}, and delete the others in Airtable."
        )
    return found[0][0] if found else None


def check(schema: BaseSchema, register: BaseRegister, settings: Settings) -> None:
    """Raise unless the base belongs to the profile in force, and keep that it does.

    Raises
    ------
    ConfigError
        As `is_marked`.
    BaseIncompleteError
        When it is not marked.
    """
    if is_marked(schema, settings):
        keep(settings)
        return
    there = {t.name.casefold() for t in schema.tables}
    if MARKED.casefold() in there:
        raise BaseIncompleteError(how_to_mark(settings))
    ours = {t.navn.casefold() for t in register.tabell}
    state = "set up in part" if ours & there else "not set up"
    raise BaseIncompleteError(f"The base is {state}. Run `tomt base setup`, after `tomt base setup --dry-run`.")


def is_marked(schema: BaseSchema, settings: Settings) -> bool:
    """Return True for a base of the profile in force, False for one without a marker.

    Raises
    ------
    ConfigError
        When it is marked for another profile, or more than once, or is remembered as another profile's.
    """
    theirs, ours = profile_of(schema), str(settings.effective_profile)
    if theirs is not None and theirs != ours:
        raise ConfigError(
            f"The base is marked as {theirs!r}, and the profile is {ours!r}. Nothing was written. Set "
            f"TOMT_AIRTABLE_BASE (or TOMT_{ours.upper()}_AIRTABLE_BASE) to the base of {ours}, or TOMT_PROFILE to that "
            f"of the base. If the base is a copy that shall serve {ours}, change [tomt: profil={theirs}] in the "
            f"description of its table {MARKED}."
        )
    kept = remembered(settings)
    if kept is not None and kept != ours:
        raise ConfigError(
            f"The base was last used as {kept!r} from here, and the profile is {ours!r}. Nothing was written. Set "
            f"TOMT_AIRTABLE_BASE (or TOMT_{ours.upper()}_AIRTABLE_BASE) to the base of {ours}, or TOMT_PROFILE to "
            f"{kept}. Only if the base shall serve {ours} from now on, delete {_kept_in(settings)}."
        )
    return theirs is not None


def shall_mark(schema: BaseSchema, settings: Settings, *, is_new: bool, mark_as: str | None = None) -> bool:
    """Return True when setting up is to mark the base, False when it is marked.

    Parameters
    ----------
    is_new
        True when the table that carries the marker is yet to be made.
    mark_as
        The profile that a person has said the base is.

    Raises
    ------
    ConfigError
        As `is_marked`; also when `mark_as` is not the profile in force.
    BaseIncompleteError
        When the base may be another profile's, whose marker a person has deleted: somebody must say so.
    """
    if mark_as is not None and mark_as != settings.effective_profile:
        raise ConfigError(
            f"--mark-as {mark_as}: the profile in force is {settings.effective_profile}. Nothing was written. Set "
            f"TOMT_PROFILE={mark_as}, with the token and base of {mark_as}, or leave the base alone."
        )
    if is_marked(schema, settings):
        return False
    if not (is_new or settings.is_sandbox or mark_as):
        raise BaseIncompleteError(how_to_mark(settings))
    return True


def how_to_mark(settings: Settings) -> str:
    """Return what to do with a base that has lost its marker, or never had one."""
    profile = settings.effective_profile
    return (
        f"The base is not marked with its profile: the description of its table {MARKED} holds no [tomt: profil=…]. "
        f"Look in Airtable whose base it is. If it is that of {profile}, run `tomt base setup --mark-as {profile}`; if "
        f"not, that would let runs of {profile} write into it."
    )


def remembered(settings: Settings) -> str | None:
    """Return the profile that the named base was last used as from here, or None.

    Raises
    ------
    StoreError
        When what is kept cannot be read.
    """
    path = _kept_in(settings)
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MAX_KEPT).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}. Check the folder and its permissions.") from None


def keep(settings: Settings) -> None:
    """Remember that the named base is that of the profile in force.

    Raises
    ------
    StoreError
        When it cannot be written.
    """
    path = _kept_in(settings)
    if path is None or settings.is_sandbox or remembered(settings) is not None:
        return
    try:
        write_whole(path, f"{settings.effective_profile}\n".encode())
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}. Check the disk and the folder's permissions.") from None


def _kept_in(settings: Settings) -> Path | None:
    """Return the file beside the memory of the base; None for a base that no setting names."""
    base = settings.airtable_base
    if base is None or not BASE_ID.fullmatch(base):
        return None
    return settings.geodata / "crm" / base / KEPT


def mark(table: TableSchema, settings: Settings) -> None:
    """Write the marker at the end of a table's description: one request."""
    table.description = marked(table.description or "", settings.effective_profile)
    table.save()
