"""Klass: which kommuner there are today, and what their numbers were before: SSB's classification 131.

Two questions, kept on disk for some days. Where Klass does not answer, what lay on disk serves, and else the numbers of
config/kommuner.toml, which say nothing of when a number changed.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from config.registers import invented_kommuner, kommune_register
from config.statistikk import Klass
from tasks.errors import SourceError
from tasks.fil import write_whole
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.sources.ogc_features import read_json
from tasks.sources.statistikk.tidsserie import Endring

log = logging.getLogger("tomt.sources")

FILE = "kommuner.json"
UNKNOWN = "9999"
"""Stands in Klass for a kommune that is not known."""
NUMBER = re.compile(r"\d{4}")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
FEWEST, MOST = 200, 1_000
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
    svar: Literal["hentet", "uendret", "lager", "mangler"]
    grunn: str | None
    hentet: str | None
    foresporsler: int


def fetch_kommuner(
    regler: Klass, *, adresse: str, mappe: Path, contact: str | None, naa: datetime, ferskt: bool = False
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
    ferskt
        Ask, however young what lies on disk is.
    """
    kept = _read(mappe / FILE)
    if kept is not None and not ferskt and naa - timedelta(days=regler.fersk_dager) < kept[0] <= naa:
        return _answer(kept[1], "uendret", None, kept[0].isoformat(), 0)
    asked = 0
    try:
        with Client(adresse, limits=LIMITS, contact=contact) as client:
            base = f"{adresse}/classifications/{regler.klassifikasjon}"
            today = naa.date().isoformat()
            asked += 1
            codes = read_json(client.get(f"{base}/codesAt.json", params={"date": today}, expected="json"))
            asked += 1
            span = {"from": f"{regler.endringer_fra}-01-01", "to": today}
            changes = read_json(client.get(f"{base}/changes.json", params=span, expected="json"))
        data = _parsed(codes, changes, adresse)
    except SourceError as error:
        log.warning("Klass: %s", error)
        if kept is not None:
            return _answer(kept[1], "lager", "Klass svarte ikke", kept[0].isoformat(), asked)
        return _from_config(asked)
    _keep(mappe / FILE, data, naa)
    return _answer(data, "hentet", None, naa.isoformat(), asked)


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
        raise SourceError(f"{adresse}: no list of codes and changes ({type(error).__name__} {error}).") from None
    found.pop(UNKNOWN, None)
    its = [row for row in its if UNKNOWN not in row]
    numbers = [*found, *(number for _, *pair in its for number in pair)]
    if wrong := [n for n in numbers if not NUMBER.fullmatch(n)] or [d for d, *_ in its if not DATE.fullmatch(d)]:
        raise SourceError(f"{adresse}: {wrong[0][:20]!r} is no kommunenummer and no date.")
    if not FEWEST <= len(found) <= MOST or len(its) > MOST_CHANGES:
        raise SourceError(f"{adresse}: {len(found)} kommuner and {len(its)} changes are not those of Norway.")
    return {"kommuner": found, "endringer": its}


def _answer(
    data: Mapping[str, Any], svar: Literal["hentet", "uendret", "lager"], grunn: str | None, hentet: str, asked: int
) -> Kommunesvar:
    kommuner: dict[str, str] = data["kommuner"]
    changes = tuple(Endring(*row) for row in data["endringer"])
    return Kommunesvar(kommuner, changes, svar, _joined(grunn, _differs(kommuner)), hentet, asked)


def _differs(kommuner: Mapping[str, str]) -> str | None:
    """Return how the numbers differ from those of config/kommuner.toml."""
    known = {k.nummer for k in kommune_register().kommune}
    real = set(kommuner) - {k.nummer for k in invented_kommuner()}
    if real == known:
        return None
    new, gone = sorted(real - known), sorted(known - real)
    log.warning("Klass has other kommuner than config/kommuner.toml: new %s, gone %s. Correct the file.", new, gone)
    return f"Klass har andre kommuner enn config/kommuner.toml (nye: {len(new)}, borte: {len(gone)})"


def _from_config(asked: int) -> Kommunesvar:
    kommuner = {k.nummer: k.navn for k in kommune_register().kommune}
    return Kommunesvar(kommuner, (), "mangler", "Klass svarte ikke: eldre nummer kan ikke føres videre", None, asked)


def _joined(*reasons: str | None) -> str | None:
    return "; ".join(r for r in reasons if r) or None


def _keep(path: Path, data: Mapping[str, Any], naa: datetime) -> None:
    try:
        write_whole(path, json.dumps({"hentet": naa.isoformat(), **data}, ensure_ascii=False).encode())
    except OSError as error:
        log.warning("%s could not be kept (%s): it is fetched again next time", path, error.strerror)


def _read(path: Path) -> tuple[datetime, dict[str, Any]] | None:
    """Return when a file was fetched and what it holds; None for a file that cannot be used."""
    try:
        data = json.loads(path.read_bytes())
        fetched = datetime.fromisoformat(data["hentet"])
        if fetched.tzinfo is None or not data["kommuner"] or not all(len(row) == 3 for row in data["endringer"]):
            raise ValueError("not what was written")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        log.warning("%s cannot be read (%s): it is fetched anew", path, type(error).__name__)
        return None
    return fetched, data
