"""Fliser: background tiles from a server that may be slow, wrong or gone, kept on disk for a while.

Only small PNG and JPEG files of the expected size are taken. A server that does not answer costs one short question a
run; one that stops answering costs the background of the pictures after it, and one line in the log. A tile that the
server says it does not have is no fault of it: that is remembered on disk, and its place in the map stays plain.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from config.bilder import Fliser, Flissett
from config.settings import Settings, host_of, is_loopback
from tasks.avsender import user_agent
from tasks.crm.bilder.bakgrunn import Bakgrunn, Flis, decode
from tasks.crm.bilder.flisgitter import Ruter, metres, tiles_of
from tasks.crm.bilder.utsnitt import Utsnitt
from tasks.fil import write_whole

log = logging.getLogger("tomt.bilder")

DAY_S = 86_400.0
MISSING = "mangler"
"""Suffix of the note that a tile is not there: how many runs have found it so."""
REPEATED = 3
"""Runs in which a tile is something else than a picture before it counts as not there; a 404 counts at once."""
MOST_LOST = 10
"""Tiles of one run that may fail, in a row or not, before the rest goes without: each may cost its whole time."""
GONE = (httpx.codes.NOT_FOUND, httpx.codes.GONE)


class FlisError(Exception):
    """A tile that is not taken, and why."""


class NotAPictureError(FlisError):
    """The server answers, with something else than a tile."""


class NoSuchTileError(FlisError):
    """The server says that it has no such tile."""


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
        self._lost = 0
        self._odd: set[Path] = set()
        self.hentet = 0
        self._http = httpx.Client(
            headers={
                "User-Agent": user_agent(kontakt),
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
        """Return whether the server answers; the first question of a run asks it for a tile of this map.

        Where it says that it has no such tile, up to as many others are asked for as may fail in a row.
        """
        sett = self._rules.of(view.epsg)
        if sett is None:
            return False
        if self._is_up is None:
            self._probe(sett, tiles_of(view, sett, self._rules))
        return self._is_up is not False

    def _probe(self, sett: Flissett, block: Ruter) -> None:
        """Ask for a tile; a map whose tiles are all known to be missing tells nothing of the server."""
        wanted = [(x, y) for x, y in _from_the_middle(block) if not self._is_missing(self._path(sett, block, x, y))]
        why = ""
        for x, y in wanted[: self._rules.feil_foer_stopp]:
            try:
                self._ask(sett, block.nivaa, x, y, seconds=self._rules.sekunder_proeve)
            except NoSuchTileError as error:
                why = str(error)
                continue
            except FlisError as error:
                why = str(error)
                break
            self._is_up = True
            return
        if why:
            self._stop(f"{why}; pictures are drawn without a background")

    def under(self, view: Utsnitt) -> Bakgrunn | None:
        """Return the tiles under a map, those that the server does not have as plain ones; None when one fails."""
        sett = self._rules.of(view.epsg)
        if sett is None or not self.is_up(view):
            return None
        block = tiles_of(view, sett, self._rules)
        found = []
        for row in range(block.rader):
            for column in range(block.kolonner):
                path = self._path(sett, block, block.kolonne + column, block.rad + row)
                try:
                    found.append(Flis(self._tile(sett, block, path), column, row))
                except FlisError:
                    return None
        fine = metres(sett, block.nivaa)
        length = fine * self._rules.side
        corner = (sett.vest + block.kolonne * length, sett.nord - block.rad * length)
        source = self._rules.kilde if any(tile.fil is not None for tile in found) else ""
        return Bakgrunn(tuple(found), *corner, fine, self._rules.side, source)

    def _path(self, sett: Flissett, block: Ruter, x: int, y: int) -> Path:
        return self._folder / _folder_name(self._adresse, sett) / str(block.nivaa) / str(x) / f"{y}.flis"

    def _tile(self, sett: Flissett, block: Ruter, path: Path) -> Path | None:
        """Return the file of a tile, fetched where it is missing or old; None for one that the server does not have.

        Raises
        ------
        FlisError
            When it cannot be had in this run.
        """
        if _is_fresh(path, self._rules.alder_dager):
            self._failures = 0
            return path
        if self._is_missing(path):
            return None
        if path in self._odd or not self._is_up:
            raise FlisError("is not asked for again")
        if self.hentet >= self._rules.maks_per_kjoring:
            why = f"{self.hentet:,} tiles are asked for, the most of one run; the rest go without a background"
            self._stop(why)
            raise FlisError(why)
        x, y = int(path.parent.name), int(path.stem)
        try:
            write_whole(path, self._ask(sett, block.nivaa, x, y, seconds=self._rules.sekunder))
        except NoSuchTileError:
            self._note(path, REPEATED)
            return None
        except (FlisError, OSError) as error:
            if isinstance(error, NotAPictureError):
                self._odd.add(path)
                self._note(path, self._times(path) + 1)
            self._count(error)
            raise FlisError(str(error)) from None
        self._failures = 0
        return path

    def _count(self, error: Exception) -> None:
        """Take note of a tile that failed."""
        self._failures, self._lost = self._failures + 1, self._lost + 1
        if self._failures >= self._rules.feil_foer_stopp or self._lost >= MOST_LOST:
            self._stop(f"{error}; the rest of the pictures go without a background")

    def _is_missing(self, path: Path) -> bool:
        return self._times(path) >= REPEATED

    def _times(self, path: Path) -> int:
        """Return how many runs have found no tile there, as far as that is not too long ago."""
        note = path.with_suffix(f".{MISSING}")
        if not _is_fresh(note, self._rules.alder_dager):
            return 0
        try:
            return len(note.read_bytes())
        except OSError:
            return 0

    def _note(self, path: Path, times: int) -> None:
        try:
            write_whole(path.with_suffix(f".{MISSING}"), b"x" * times)
        except OSError as error:
            log.warning("Background tiles: what is missing cannot be noted: %s.", error.strerror)

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
            raise NotAPictureError(f"answers with something else than a PNG or JPEG of {self._rules.side} pixels")
        return data

    def _body(self, address: str, seconds: float) -> bytes:
        deadline, data = time.monotonic() + seconds, bytearray()
        with self._http.stream("GET", address, timeout=seconds) as answer:
            if answer.status_code in GONE:
                raise NoSuchTileError(f"answers {answer.status_code}")
            if answer.status_code != httpx.codes.OK:
                raise FlisError(f"answers {answer.status_code}")
            for part in answer.iter_raw():
                data += part
                if len(data) > self._rules.maks_bytes:
                    raise NotAPictureError(f"answers with more than {self._rules.maks_bytes:,} bytes for a tile")
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


def _from_the_middle(block: Ruter) -> Iterator[tuple[int, int]]:
    """Yield column and row of the tiles of a block: the one under the lot first, then from corner to corner."""
    middle = (block.kolonne + block.kolonner // 2, block.rad + block.rader // 2)
    yield middle
    for x in range(block.kolonne, block.kolonne + block.kolonner):
        for y in range(block.rad, block.rad + block.rader):
            if (x, y) != middle:
                yield x, y


def prune(folder: Path, days: float) -> int:
    """Remove tiles, and notes of missing ones, that are too old to be used; return how many they were."""
    old = [
        path
        for kind in ("flis", MISSING)
        for path in folder.glob(f"*/*/*/*.{kind}")
        if path.is_file() and not _is_fresh(path, days)
    ]
    removed = 0
    for path in old:
        try:
            path.unlink(missing_ok=True)
            removed += 1
        except OSError as error:  # no reason to draw nothing
            log.debug("%s stays: %s", path, error.strerror)
    return removed
