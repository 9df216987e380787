"""Sales at work for some days, and the follow-up every morning: over HTTP, with a clock of its own."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Any, Self

from config.oppfolging import Oppfolging, oppfolging
from tasks.crm.oppfolging.dag import Dag, follow_up
from tasks.crm.sync.connection import open_connection
from tests.crm.oppfolging.hjelp import dag
from tests.crm.proevebase import Row, Verden


class Uke:
    """A world in which the follow-up runs.

    Attributes
    ----------
    keys
        Tomt-ids, sorted.
    """

    def __init__(self, verden: Verden, regler: Oppfolging | None = None) -> None:
        self.verden, self.person = verden, verden.person
        self.regler = regler or comments(paa=False)
        self._connection: Any = None
        self.keys = sorted(r["fields"]["Tomt-id"] for r in self.person.table("Tomter").all())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.reconnect()

    def reconnect(self) -> None:
        """Let the next run open the base anew, as a new process does."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def morning(self, nr: float, *, dry_run: bool = False, naa: datetime | None = None) -> Dag:
        """Follow up on a day, 0 for the first."""
        if self._connection is None:
            settings = self.verden.oppdrag.settings()
            self._connection = open_connection(self.verden.geodata, settings, dry_run=dry_run)
        self.verden.proxy.seen.clear()
        return follow_up(
            self.verden.geodata,
            self._connection,
            naa=naa or dag(nr),
            dry_run=dry_run,
            regler=self.regler,
            sleep=lambda _: None,
        )

    def writes(self) -> list[str]:
        """Return what the last morning wrote: method and table."""
        return [f"{asked.metode} {asked.tabell}" for asked in self.verden.proxy.seen if asked.is_write]

    def lot(self, nr: int) -> str:
        """Return a lot's id, 0 for the first."""
        return self.keys[nr]

    def record(self, nr: int) -> str:
        """Return a lot's record."""
        (found,) = self.person.find("Tomter", self.lot(nr))
        return str(found["id"])

    def sell(self, nr: int, **fields: Any) -> None:
        """Write sales' fields of a lot; `_` stands for a space."""
        self.person.change("Tomter", self.lot(nr), {name.replace("_", " "): v for name, v in fields.items()})

    def reminder(self, nr: int) -> str | None:
        """Return what stands on a lot as a reminder."""
        return self.person.one("Tomter", self.lot(nr)).get("Påminnelse")

    def history(self) -> dict[str, Row]:
        """Return the program's rows of Aktiviteter, by Aktivitets-id; twice is an error."""
        rows = [r["fields"] for r in self.person.table("Aktiviteter").all() if r["fields"].get("Aktivitets-id")]
        found = {row["Aktivitets-id"]: row for row in rows}
        assert len(found) == len(rows)
        return found

    def told(self) -> list[str]:
        """Return the ids of the same, with lots by their number, and of changes of stage only the day."""
        names = {self.lot(nr): f"#{nr}" for nr in range(len(self.keys))}
        found = [re.sub(r"^(fase.*:)2026(\d\d)(\d\d)T\d{6}Z:", r"\1\2\3:", i) for i in self.history()]
        for key, name in names.items():
            found = [i.replace(key, name) for i in found]
        return sorted(found)

    def lose(self, *names: str) -> None:
        """Lose what the follow-up keeps: ``faseskifter``, ``oppfolging``."""
        root = self.verden.geodata.root
        for path in [*root.glob("out/faseskifter/*"), *root.glob("crm/*/oppfolging.sqlite*")]:
            if any(name in str(path) for name in names):
                with suppress(FileNotFoundError):
                    path.unlink()


def only_ours(person: Any) -> dict[str, dict[str, Row]]:
    """Return table → record → fields that the follow-up may not touch."""
    ours = {"Tomter": {"Påminnelse"}, "Kommuner": set()}
    stand = {}
    for tabell in ("Tomter", "Kommuner", "Eiere", "Utsendinger", "Mandater", "Eiendommer", "Kontroll"):
        stand[tabell] = {
            r["id"]: {
                n: v
                for n, v in r["fields"].items()
                if n not in ours.get(tabell, ()) and not _is_pipeline(n) and n != "Aktiviteter"
            }
            for r in person.table(tabell).all()
        }
    return stand


def _is_pipeline(name: str) -> bool:
    return "pipeline" in name or name.startswith(("Konvertering", "Dager i"))


def comments(**update: Any) -> Oppfolging:
    """Return the rules with other ones for comments."""
    rules = oppfolging()
    return rules.model_copy(update={"kommentarer": rules.kommentarer.model_copy(update=update)})
