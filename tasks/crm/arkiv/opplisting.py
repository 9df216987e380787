"""Listed: all records of a table in a file as they come, then in the order in which they were made.

A listing that expires starts over with an empty file: what came before may have changed.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

JSON = dict[str, Any]


class Mellomfil:
    """Records of one table on their way: a file without a name, which nothing can leave behind, and where each begins.

    Parameters
    ----------
    folder
        On the disk of the backups.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # it lives as long as this
        self._places: dict[str, tuple[str, int, int]] = {}
        self._end = 0

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, record_id: object) -> bool:
        return record_id in self._places

    def restart(self) -> None:
        """Forget everything."""
        self._file.seek(0)
        self._file.truncate()
        self._places.clear()
        self._end = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Write a record; all are written before the first is read."""
        data = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
        self._places[record["id"]] = (record["createdTime"], self._end, len(data))
        self._file.write(data)
        self._end += len(data)

    def pop(self, record_id: str) -> JSON | None:
        """Return a record by its id, and hold it for seen; None for one that is not there."""
        place = self._places.pop(record_id, None)
        return None if place is None else self._read(place[1], place[2])

    def left(self) -> Iterator[str]:
        """Yield the ids of the records that were not seen."""
        yield from self._places

    def in_order(self) -> Iterator[JSON]:
        """Yield the records, those made first first."""
        for _, place, size in sorted(self._places.values()):
            yield self._read(place, size)

    def _read(self, place: int, size: int) -> JSON:
        self._file.seek(place)
        record: JSON = json.loads(self._file.read(size).decode("utf-8", "surrogatepass"))
        return record

    def close(self) -> None:
        """Let the file go."""
        self._file.close()
