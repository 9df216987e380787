"""Klass: which kommuner there are today, and what their numbers were before: SSB's classification 131.

Two questions, kept on disk for some days. Where Klass does not answer, or says half of what is known, what lay on disk
serves, and else the facts of config/kommuner.toml and config/kommuneendringer.toml.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from config.kommuneendringer import kommuneendringer
from config.registers import invented_kommuner, kommune_register
from config.statistikk import Klass
from tasks.errors import SourceError
from tasks.fil import write_whole
from tasks.sources.http import Client
from tasks.sources.jsonsvar import read_json
from tasks.sources.limits import Limits
from tasks.sources.statistikk.feil import QuietHoursError
from tasks.sources.statistikk.tidsserie import Endring
from tasks.sources.statistikk.tur import Tur
from tasks.sources.statistikk.utfall import joined_reasons

log = logging.getLogger("tomt.sources")

FILE = "kommuner.json"
UNKNOWN = "9999"
"""Stands in Klass for a kommune that is not known."""
NUMBER = re.compile(r"\d{4}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
MOST = 1_000
"""Kommuner that an answer may hold."""
MOST_CHANGES = 20_000
LIMITS = Limits(
    sekunder_tilkobling=10,
    sekunder_lesing=30,
    sekunder_kilde=60,
    forsoek=2,
    per_sekund=2,
    maks_bytes=20_000_000,
    side=1,
    tabell=None,
)
DOWN, HALF = "Klass svarte ikke", "svaret fra Klass var ufullstendig"
REGISTER = "endringene i config/kommuneendringer.toml er brukt"


class _HalfAnswerError(SourceError):
    """An answer that cannot be of Norway, or lacks what is known."""


@dataclass(frozen=True)
class Kommunesvar:
    """What Klass has said.

    Attributes
    ----------
    kommuner
        Number → name of the kommuner of today.
    endringer
        All changes that are known.
    svar, grunn
        As in STATISTIKKILDER.
    hentet
        When it was fetched, ISO; None: never.
    foresporsler
        Requests that it took.
    """

    kommuner: Mapping[str, str]
    endringer: tuple[Endring, ...]
    svar: Literal["hentet", "uendret", "lager"]
    grunn: str | None
    hentet: str | None
    foresporsler: int


def fetch_kommuner(
    regler: Klass, *, adresse: str, mappe: Path, contact: str | None, naa: datetime, tur: Tur, ferskt: bool = False
) -> Kommunesvar:
    """Return the kommuner of today and their changes; never raises for a service that is down.

    Parameters
    ----------
    adresse
        Of the service.
    mappe
        Where the answer lies.
    naa
        The time, with time zone.
    tur
        When a request may leave: Klass stands in the line of SSB's tables.
    ferskt
        Ask, however young what lies on disk is.
    """
    today = naa.date()
    kept = _read(mappe / FILE, regler, today)
    if kept is not None and not ferskt and naa - timedelta(days=regler.fersk_dager) < kept[0] <= naa:
        return _answer(kept[1], "uendret", None, kept[0].isoformat(), 0)
    asked = 0
    try:
        with Client(adresse, limits=LIMITS, contact=contact) as client:
            base = f"{adresse}/classifications/{regler.klassifikasjon}"
            with tur.take("Klass"):
                asked += 1
                codes = client.get(f"{base}/codesAt.json", params={"date": today.isoformat()}, expected="json")
            until = today + timedelta(days=1)  # Klass leaves out the last day
            span = {"from": f"{regler.endringer_fra}-01-01", "to": until.isoformat()}
            with tur.take("Klass"):
                asked += 1
                changes = client.get(f"{base}/changes.json", params=span, expected="json")
        data = _parsed(read_json(codes), read_json(changes), adresse)
        _check(data, regler, today, adresse)
    except SourceError as error:
        log.warning("Klass: %s", error)
        why = HALF if isinstance(error, _HalfAnswerError) else DOWN
        if isinstance(error, QuietHoursError):
            why = error.grunn
        if kept is not None:
            return _answer(kept[1], "lager", why, kept[0].isoformat(), asked)
        return of_register(naa, why, foresporsler=asked)
    _keep(mappe / FILE, data, naa)
    return _answer(data, "hentet", None, naa.isoformat(), asked)


def of_register(naa: datetime, grunn: str, *, foresporsler: int = 0) -> Kommunesvar:
    """Return the kommuner and changes that the config knows, for want of an answer."""
    kommuner = {k.nummer: k.navn for k in kommune_register().kommune}
    changes = _known(0, naa.date())
    return Kommunesvar(kommuner, changes, "lager", f"{grunn}: {REGISTER}", None, foresporsler)


def _known(first_year: int, today: date) -> tuple[Endring, ...]:
    """Return the changes of the register from a year until today."""
    rows = (c for c in kommuneendringer() if first_year <= c.dato.year and c.dato <= today)
    return tuple(Endring(c.dato.isoformat(), c.gammel, c.ny) for c in rows)


def _parsed(codes: Mapping[str, Any], changes: Mapping[str, Any], adresse: str) -> dict[str, Any]:
    """Return what is used of two answers: ``kommuner`` and ``endringer``."""
    try:
        found = {str(row["code"]): str(row["name"]) for row in codes["codes"]}
        its = [
            [str(row["changeOccurred"]), str(row["oldCode"]), str(row["newCode"])]
            for row in changes["codeChanges"]
            if row.get("oldCode") and row.get("newCode")
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise _HalfAnswerError(f"{adresse}: no list of codes and changes ({type(error).__name__} {error}).") from None
    found.pop(UNKNOWN, None)
    its = [row for row in its if UNKNOWN not in row]
    numbers = [*found, *(number for _, *pair in its for number in pair)]
    if wrong := [n for n in numbers if not NUMBER.fullmatch(n)] or [d for d, *_ in its if not DATE.fullmatch(d)]:
        raise _HalfAnswerError(f"{adresse}: {wrong[0][:20]!r} is no kommunenummer and no date.")
    if len(found) > MOST or len(its) > MOST_CHANGES:
        raise _HalfAnswerError(f"{adresse}: {len(found)} kommuner and {len(its)} changes are not those of Norway.")
    return {"kommuner": found, "endringer": its}


def _check(data: Mapping[str, Any], regler: Klass, today: date, where: str) -> None:
    """Refuse an answer that was cut short: a merger that is not told of would leave a part for the whole.

    Raises
    ------
    _HalfAnswerError
        Saying what is lacking.
    """
    numbers = {k.nummer for k in kommune_register().kommune}
    has = numbers.intersection(data["kommuner"])
    if len(has) < regler.minste_andel * len(numbers):
        raise _HalfAnswerError(f"{where}: {len(has)} of the {len(numbers)} kommuner of config/kommuner.toml.")
    lacks = set(_known(regler.endringer_fra, today)) - {Endring(*row) for row in data["endringer"]}
    if lacks:
        first = min(lacks)
        raise _HalfAnswerError(
            f"{where}: {len(lacks)} changes of config/kommuneendringer.toml are not there, such as {first.gammel} → "
            f"{first.ny} on {first.dato}."
        )


def _answer(
    data: Mapping[str, Any], svar: Literal["hentet", "uendret", "lager"], grunn: str | None, hentet: str, asked: int
) -> Kommunesvar:
    kommuner: dict[str, str] = data["kommuner"]
    changes = tuple(Endring(*row) for row in data["endringer"])
    return Kommunesvar(kommuner, changes, svar, joined_reasons(grunn, _differs(kommuner)), hentet, asked)


def _differs(kommuner: Mapping[str, str]) -> str | None:
    """Return how the numbers differ from those of config/kommuner.toml."""
    known = {k.nummer for k in kommune_register().kommune}
    real = set(kommuner) - {k.nummer for k in invented_kommuner()}
    if real == known:
        return None
    new, gone = sorted(real - known), sorted(known - real)
    log.warning("Klass has other kommuner than config/kommuner.toml: new %s, gone %s. Correct the file.", new, gone)
    return f"Klass har andre kommuner enn config/kommuner.toml (nye: {len(new)}, borte: {len(gone)})"


def _keep(path: Path, data: Mapping[str, Any], naa: datetime) -> None:
    try:
        write_whole(path, json.dumps({"hentet": naa.isoformat(), **data}, ensure_ascii=False).encode())
    except OSError as error:
        log.warning("%s could not be kept (%s): it is fetched again next time", path, error.strerror)


def _read(path: Path, regler: Klass, today: date) -> tuple[datetime, dict[str, Any]] | None:
    """Return when a file was fetched and what it holds; None for a file that cannot be used."""
    try:
        data = json.loads(path.read_bytes())
        fetched = datetime.fromisoformat(data["hentet"])
        if fetched.tzinfo is None or not all(len(row) == 3 for row in data["endringer"]):
            raise ValueError("not what was written")
        _check(data, regler, today, str(path))
    except FileNotFoundError:
        return None
    except SourceError as error:
        log.warning("%s It is fetched anew.", error)
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("%s cannot be read (%s): it is fetched anew", path, type(error).__name__)
        return None
    return fetched, data
