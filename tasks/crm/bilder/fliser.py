"""Fliser: background tiles from a server that may be slow, wrong or gone, kept on disk for a while.

Only small PNG and JPEG files of the expected size are taken. A server that does not answer costs one short question a
run; one that stops answering costs the background of the pictures after it, and one line in the log.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from config.bilder import Fliser, Flissett
from config.settings import Settings, host_of, is_loopback
from tasks.crm.bilder.bakgrunn import Bakgrunn, Flis, decode
from tasks.crm.bilder.flisgitter import Ruter, metres, tiles_of
from tasks.crm.bilder.utsnitt import Utsnitt

log = logging.getLogger("tomt.bilder")

DAY_S = 86_400.0


class FlisError(Exception):
    """A tile that is not taken, and why."""


def is_wanted(rules: Fliser, settings: Settings) -> bool:
    """Return True when tiles may be asked for: in the sandbox only of a server on this machine."""
    return rules.adresse is not None and (not settings.is_sandbox or is_loopback(rules.adresse))


class Fliskilde:
    """The tiles of one run; use it as a context manager.

    Parameters
    ----------
    folder
        Where tiles are kept.
    kontakt
        Sent in the User-Agent, so that whoever runs the server knows whom to write to.

    Attributes
    ----------
    hentet
        Tiles asked for so far.
    """

    def __init__(self, rules: Fliser, folder: Path, *, kontakt: str | None = None) -> None:
        self._rules, self._folder = rules, folder
        self._adresse = rules.adresse or ""
        self._is_up: bool | None = None if rules.adresse else False
        self._failures = 0
        self.hentet = 0
        self._http = httpx.Client(
            headers={
                "User-Agent": _user_agent(kontakt),
                "Accept": "image/png,image/jpeg",
                "Accept-Encoding": "identity",
            },
            trust_env=not is_loopback(self._adresse),
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._http.close()

    @property
    def navn(self) -> str:
        """What stands for this background in the digest of a picture."""
        return self._adresse

    def is_up(self, view: Utsnitt) -> bool:
        """Return whether the server answers; the first question of a run asks it for one tile of this map."""
        sett = self._rules.of(view.epsg)
        if sett is None:
            return False
        if self._is_up is None:
            try:
                block = tiles_of(view, sett, self._rules)
                self._ask(sett, block.nivaa, block.kolonne, block.rad, seconds=self._rules.sekunder_proeve)
                self._is_up = True
            except FlisError as error:
                self._stop(f"{error}; pictures are drawn without a background")
        return bool(self._is_up)

    def under(self, view: Utsnitt) -> Bakgrunn | None:
        """Return the tiles under a map; None when one of them cannot be had."""
        sett = self._rules.of(view.epsg)
        if sett is None or not self.is_up(view):
            return None
        block = tiles_of(view, sett, self._rules)
        found = []
        for row in range(block.rader):
            for column in range(block.kolonner):
                file = self._tile(sett, block, column, row)
                if file is None:
                    return None
                found.append(Flis(file, column, row))
        fine = metres(sett, block.nivaa)
        length = fine * self._rules.side
        corner = (sett.vest + block.kolonne * length, sett.nord - block.rad * length)
        return Bakgrunn(tuple(found), *corner, fine, self._rules.side, self._rules.kilde)

    def _tile(self, sett: Flissett, block: Ruter, column: int, row: int) -> Path | None:
        """Return the file of a tile, fetched where it is missing or old."""
        x, y = block.kolonne + column, block.rad + row
        path = self._folder / _folder_name(self._adresse, sett) / str(block.nivaa) / str(x) / f"{y}.flis"
        if _is_fresh(path, self._rules.alder_dager):
            return path
        if not self._is_up:
            return None
        try:
            if self.hentet >= self._rules.maks_per_kjoring:
                self._stop(
                    f"{self.hentet:,} tiles are asked for, the most of one run; the rest go without a background"
                )
                return None
            _keep(path, self._ask(sett, block.nivaa, x, y, seconds=self._rules.sekunder))
        except (FlisError, OSError) as error:
            self._failures += 1
            if self._failures >= self._rules.feil_foer_stopp:
                self._stop(f"{error}; the rest of the pictures go without a background")
            return None
        self._failures = 0
        return path

    def _ask(self, sett: Flissett, nivaa: int, x: int, y: int, *, seconds: float) -> bytes:
        """Return a tile as the server has it.

        Raises
        ------
        FlisError
            Saying what is wrong with the answer.
        """
        self.hentet += 1
        address = self._adresse
        for place, value in (("{sett}", sett.navn), ("{z}", nivaa), ("{x}", x), ("{y}", y)):
            address = address.replace(place, str(value))
        try:
            data = self._body(address, seconds)
        except httpx.HTTPError as error:
            raise FlisError(f"does not answer ({type(error).__name__})") from None
        if decode(data, self._rules.side) is None:
            raise FlisError(f"answers with something else than a PNG or JPEG of {self._rules.side} pixels")
        return data

    def _body(self, address: str, seconds: float) -> bytes:
        deadline, data = time.monotonic() + seconds, bytearray()
        with self._http.stream("GET", address, timeout=seconds) as answer:
            if answer.status_code != httpx.codes.OK:
                raise FlisError(f"answers {answer.status_code}")
            for part in answer.iter_raw():
                data += part
                if len(data) > self._rules.maks_bytes:
                    raise FlisError(f"answers with more than {self._rules.maks_bytes:,} bytes for a tile")
                if time.monotonic() > deadline:
                    raise FlisError(f"takes more than {seconds:.0f} s for a tile")
        return bytes(data)

    def _stop(self, why: str) -> None:
        """Ask no more in this run, and say so."""
        self._is_up = False
        log.warning("Background tiles: %s %s.", host_of(self._adresse), why)


def _folder_name(adresse: str, sett: Flissett) -> str:
    return f"{blake2b(adresse.encode(), digest_size=6).hexdigest()}-{sett.navn}"


def _is_fresh(path: Path, days: float) -> bool:
    try:
        age = time.time() - path.stat().st_mtime
    except OSError:
        return False
    return -DAY_S < age <= days * DAY_S


def _keep(path: Path, data: bytes) -> None:
    """Write a tile so that another process sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def prune(folder: Path, days: float) -> int:
    """Remove tiles that are too old to be used, and return how many they were."""
    old = [path for path in folder.glob("*/*/*/*.flis") if not _is_fresh(path, days)]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _user_agent(kontakt: str | None) -> str:
    """Return ``tomtesourcing/<version> (+contact)``, safe as a header."""
    try:
        name = f"tomtesourcing/{version('tomtesourcing')}"
    except PackageNotFoundError:
        name = "tomtesourcing"
    plain = "".join(c for c in kontakt or "" if " " < c <= "~" and c not in "()")
    return f"{name} (+{plain})" if plain else name
