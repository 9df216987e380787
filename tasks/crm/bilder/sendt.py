"""Sendt: what the pictures of a kommune weighed when they were sent, which tells them from what people make of them.

    geodata/bilder/sendt/<kommunenummer>.json   name of the file → bytes, of each time it was sent

Without it, on another machine, a file of one of our names counts as ours.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from pathlib import Path

from tasks.fil import write_whole

log = logging.getLogger("tomt.bilder")


class Sendt:
    """The sizes; `add` writes them at once: the answer to an upload may get lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes = _read(path)

    @property
    def sizes(self) -> Mapping[str, Collection[int]]:
        """Name → bytes."""
        return self._sizes

    def keep(self, names: Collection[str]) -> None:
        """Forget what no cell holds any more."""
        self._sizes = {name: sizes for name, sizes in self._sizes.items() if name in names}

    def add(self, name: str, size: int) -> None:
        """Remember a file that is about to be sent."""
        known = self._sizes.setdefault(name, [])
        if size in known:
            return
        known.append(size)
        try:
            write_whole(self._path, json.dumps(self._sizes, sort_keys=True).encode())
        except OSError as error:  # no reason to send nothing
            log.warning("%s cannot be written: %s.", self._path, error.strerror)


def _read(path: Path) -> dict[str, list[int]]:
    """Return what was written; nothing for what has another form."""
    try:
        whole = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    rows = whole.items() if isinstance(whole, dict) else ()
    return {n: [s for s in sizes if isinstance(s, int)] for n, sizes in rows if isinstance(sizes, list)}
