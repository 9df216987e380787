"""The errors of the product: one base class (`config.errors.TomtError`), each with a builtin parent."""

from config.errors import ConfigError, TomtError, UnknownKommuneError

__all__ = [
    "AirtableError",
    "BaseIncompleteError",
    "BudgetError",
    "BusyError",
    "ConfigError",
    "ContractError",
    "IdentityError",
    "LandError",
    "OwnershipError",
    "SourceError",
    "StoreError",
    "TomtError",
    "UnknownKommuneError",
]


class ContractError(TomtError, ValueError):
    """A frame breaks its contract (columns, types, CRS, key)."""


class StoreError(TomtError, OSError):
    """geodata/ cannot be read or written."""


class BusyError(TomtError, RuntimeError):
    """Another run holds the lock."""


class SourceError(TomtError, RuntimeError):
    """A source could not be read; becomes the answer `Failed`."""


class LandError(TomtError, ValueError):
    """The geometry handed to the land engine cannot be used."""


class IdentityError(TomtError, RuntimeError):
    """The persisted ids of lots and the base do not belong together."""


class AirtableError(TomtError, RuntimeError):
    """Airtable refused, or could not be reached."""


class BaseIncompleteError(AirtableError):
    """The base lacks tables or fields."""


class BudgetError(AirtableError):
    """A limit of Airtable's plan would burst."""


class OwnershipError(TomtError, AssertionError):
    """A write would touch a field that belongs to sales: a mistake in the program, refused before it leaves."""
