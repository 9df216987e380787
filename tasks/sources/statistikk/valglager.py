"""Valglager: what is kept on disk of one election: where its kommuner are found, and what each has answered."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from tasks.fil import write_whole

log = logging.getLogger("tomt.sources")


@dataclass
class Valglager:
    """What lies on disk of one election.

    Attributes
    ----------
    lenker, lenker_hentet
        Number → address of all kommuner, and when they were found, ISO.
    er_hel
        Every fylke has said which kommuner it has.
    kommuner
        Number → its result (`valgsvar.read_result`) and when it was fetched.
    doede
        Number → when it last gave no usable answer, ISO.
    er_endret
        There is something to keep.
    """

    path: Path
    lenker: dict[str, str] = field(default_factory=dict)
    lenker_hentet: str | None = None
    er_hel: bool = False
    kommuner: dict[str, dict[str, Any]] = field(default_factory=dict)
    doede: dict[str, str] = field(default_factory=dict)
    er_endret: bool = False

    @classmethod
    def read(cls, path: Path) -> Valglager:
        """Return what a file holds; nothing where it cannot be used."""
        try:
            data = json.loads(path.read_bytes())
            times = [*data["doede"].values(), *(its["hentet"] for its in data["kommuner"].values())]
            if data["lenker_hentet"] is not None:
                times.append(data["lenker_hentet"])
            if any(datetime.fromisoformat(time).tzinfo is None for time in times):
                raise ValueError("a time without time zone")
            for its in data["kommuner"].values():
                if not isinstance(its["er_ferdig"], bool) or not all(len(row) == 4 for row in its["lister"]):
                    raise ValueError("not what was written")
            return cls(
                path,
                lenker=dict(data["lenker"]),
                lenker_hentet=data["lenker_hentet"],
                er_hel=data["er_hel"] is True,
                kommuner=dict(data["kommuner"]),
                doede=dict(data["doede"]),
            )
        except FileNotFoundError:
            return cls(path)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            log.warning("%s cannot be read (%s): it is fetched anew", path, type(error).__name__)
            return cls(path)

    def keep(self) -> None:
        """Write the file where something has changed; that the disk refuses costs requests next time, no more."""
        if not self.er_endret:
            return
        kept = ("er_hel", "lenker", "lenker_hentet", "doede", "kommuner")
        data = {name: getattr(self, name) for name in kept}
        try:
            write_whole(self.path, json.dumps(data, ensure_ascii=False).encode())
        except OSError as error:
            log.warning("%s could not be kept (%s): it is fetched again next time", self.path, error.strerror)
