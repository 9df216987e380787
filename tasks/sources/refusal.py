"""Refusals of a source: those that may pass when asked again, and those that do not."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS
from tasks.sources.unntak import Unntak


class MayPassError(SourceError):
    """A refusal that may pass when asked again; `wait` is what the server asked for, in seconds."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class NotFoundError(SourceError):
    """HTTP 404."""


def exception_error(where: str, unntak: Unntak) -> SourceError:
    """Return the error for an exception, or a page, that came with status 200."""
    said = f"{where}: HTTP 200 with {unntak.slag}: {unntak.tekst or 'no text'}."
    if unntak.slag == "an HTML page":
        return SourceError(f"{said} A login page or a maintenance notice? {CHECK_ADDRESS}")
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
