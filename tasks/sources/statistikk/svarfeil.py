"""Svarfeil: what a refusal of SSB means: HTTP status and title as the error that says what to do."""

from __future__ import annotations

from tasks.errors import SourceError
from tasks.sources.address import CHECK_ADDRESS
from tasks.sources.refusal import MayPassError
from tasks.sources.statistikk.feil import (
    CONFIG,
    AddressError,
    BadAnswerError,
    NoAnswerError,
    RateLimitError,
    StatistikkError,
    TooManyCellsError,
    UnknownCodeError,
    UnknownTableError,
    UnknownVariableError,
)
from tasks.sources.statistikk.nett import OutOfTimeError, PageError, RefusedError

TITLES: tuple[tuple[str, type[StatistikkError]], ...] = (
    ("non-existent table", UnknownTableError),
    ("non-existent variable", UnknownVariableError),
    ("non-existent value", UnknownCodeError),
    ("non-existent codelist", UnknownVariableError),
    ("missing selection", UnknownVariableError),
    ("too many cells", TooManyCellsError),
    ("illegal selection", UnknownCodeError),
)
"""What SSB's titles hold, in small letters."""


def may_pass(error: BaseException) -> bool:
    """Say whether the same request may be answered when it is sent again, soon."""
    if isinstance(error, RefusedError):
        return error.status == 429 or error.status >= 500
    return isinstance(error, MayPassError | BadAnswerError | PageError)


def is_silent(error: BaseException) -> bool:
    """Say whether an error means that nothing else is to be asked now either."""
    return isinstance(error, MayPassError | OutOfTimeError) or (isinstance(error, RefusedError) and error.status == 429)


def translated(error: SourceError, tabell: str, *, variabel: str | None, tries: int) -> StatistikkError:
    """Return the error of a request as that of a table.

    Parameters
    ----------
    variabel
        What its title may be about, where the question leaves one alone.
    tries
        How often the request was sent.
    """
    if isinstance(error, StatistikkError):
        return error
    times = "Asked once" if tries == 1 else f"Asked {tries} times"
    if isinstance(error, MayPassError | OutOfTimeError):
        return NoAnswerError(f"SSB {tabell}: {_plain(error)} {times}; try again later.", tabell)
    if isinstance(error, RefusedError):
        return _refused(error, tabell, variabel, times)
    again = f" {times}; try again later." if isinstance(error, PageError) else ""
    return BadAnswerError(f"SSB {tabell}: {_plain(error)}{again}", tabell)


def _refused(error: RefusedError, tabell: str, variabel: str | None, times: str) -> StatistikkError:
    where = f"SSB {tabell}{f', {variabel}' if variabel else ''}: {_plain(error)}"
    if error.status == 429:
        asked = f" It asks for {error.vent:.0f} s of patience." if error.vent else ""
        return RateLimitError(
            f"{where}{asked} {times}. Who else asks SSB from this address? Try again later, or lower ssb.per_minutt in "
            f"{CONFIG}.",
            tabell,
            None,
            error.tittel,
        )
    if error.status >= 500:
        return NoAnswerError(
            f"{where}{'' if error.tittel else ' It says nothing.'} {times}. A fault of SSB's own, or a question that "
            f"it cannot digest: try again later, or choose less of the table in {CONFIG}.",
            tabell,
            None,
            error.tittel,
        )
    if 300 <= error.status < 400:
        return StatistikkError(f"{where} Redirects are not followed: correct ssb.adresse in {CONFIG}.", tabell)
    if error.status == 404 and not error.tittel:
        return AddressError(f"{where} {_advice(StatistikkError)}", tabell, variabel)
    title = (error.tittel or "").casefold()
    kind = next((kind for words, kind in TITLES if words in title), StatistikkError)
    if error.status == 403 and "cell" in title:
        kind = TooManyCellsError
    return kind(f"{where} {_advice(kind)}", tabell, variabel, error.tittel)


def _advice(kind: type[StatistikkError]) -> str:
    if kind is UnknownTableError:
        return f"Renamed or withdrawn? Look it up at ssb.no/statbank, and correct {CONFIG}."
    if kind is TooManyCellsError:
        return f"Lower ssb.maks_celler in {CONFIG}."
    if kind is StatistikkError:
        return f"Check ssb.adresse and the table in {CONFIG}."
    return f"Correct the table in {CONFIG}."


def _plain(error: SourceError) -> str:
    """Return a message of the client, whose addresses stand in another file."""
    return str(error).replace(CHECK_ADDRESS, f"Check ssb.adresse in {CONFIG}.")
