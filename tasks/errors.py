"""The errors of the product: one base class (`config.errors.TomtError`), each with a builtin parent."""

from config.errors import ConfigError, TomtError, UnknownKommuneError

__all__ = [
    "AirtableError",
    "BackupError",
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
    "UnusableError",
]


class ContractError(TomtError, ValueError):
    """A frame breaks its contract (columns, types, CRS, key)."""


class StoreError(TomtError, OSError):
    """geodata/ cannot be read or written."""


class BusyError(TomtError, RuntimeError):
    """Another run holds the lock."""


class SourceError(TomtError, RuntimeError):
    """A source could not be read; becomes the answer `Failed`."""


class UnusableError(SourceError):
    """What a source brought says nothing that can be used.

    Attributes
    ----------
    tema, kilde
        Theme and source that it stands for.
    """

    def __init__(self, message: str, tema: str, kilde: str) -> None:
        # all three: an error that crosses processes is made anew from its arguments
        super().__init__(message, tema, kilde)
        self.tema, self.kilde = tema, kilde

    def __str__(self) -> str:
        """Return the message alone."""
        return str(self.args[0])


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


class BackupError(TomtError, ValueError):
    """A backup is damaged, partial or of another form, and nothing is made of it."""
