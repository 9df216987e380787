"""Refusals of a source: those that may pass when asked again, and those that do not."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS
from tasks.sources.unntak import Unntak


class MayPassError(SourceError):
    """A refusal that may pass when asked again.

    Parameters
    ----------
    wait
        What the server asked for, in seconds.
    naadd
        Whether the question may have been taken and acted on all the same.
    """

    def __init__(self, message: str, wait: float | None = None, *, naadd: bool = True) -> None:
        super().__init__(message)
        self.wait, self.naadd = wait, naadd


class SilentError(MayPassError):
    """The host said nothing: no connection, or no answer in time."""


class NotFoundError(SourceError):
    """HTTP 404."""


class NoAccessError(SourceError):
    """The source wants a login, or refuses the one it got: HTTP 401 or 403, or ArcGIS's 498 or 499."""


NO_ACCESS = frozenset({401, 403, 498, 499})


def exception_error(where: str, unntak: Unntak) -> SourceError:
    """Return the error for an exception, or a page, that came with status 200."""
    said = f"{where}: HTTP 200 with {unntak.slag}: {unntak.tekst or 'no text'}."
    if unntak.slag == "an HTML page":
        return SourceError(f"{said} A login page or a maintenance notice? {CHECK_ADDRESS}")
    if unntak.kode in NO_ACCESS:
        return NoAccessError(said)
    return MayPassError(said) if unntak.kan_gaa_over else SourceError(f"{said} {CHECK_ADDRESS}")


def retry_after(value: str | None) -> float | None:
    """Return the seconds of a Retry-After header: a number or a date."""
    if not value:
        return None
    if value.strip().isdecimal():
        return min(float(value.strip()[:9]), 1e9)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


class NotHereError(SourceError):
    """The source holds nothing of this theme for this kommune, and says so: no failure, but not covered."""


class NotInFileError(SourceError):
    """A file has features, but none of those that were asked for; another file of the same answer may have them."""
