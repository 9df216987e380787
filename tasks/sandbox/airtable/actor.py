"""Who writes: the user whom the token belongs to, or a person at the pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Actor:
    """One who writes.

    Attributes
    ----------
    id
        ``usr…``.
    source
        ``publicApi`` or ``client``, as webhooks tell them apart.
    """

    id: str
    email: str
    name: str
    source: str

    def as_cell(self) -> dict[str, str]:
        """Return the person as a cell holds one."""
        return {"id": self.id, "email": self.email, "name": self.name}

    def as_json(self) -> str:
        """Return all of it, to be kept."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Actor:
        """Return the one that `as_json` wrote."""
        return cls(**json.loads(text))


PEOPLE = (
    Actor("usrKariSelger0001", "kari.selger@example.com", "Kari Selger", "client"),
    Actor("usrOlaSelger00002", "ola.selger@example.com", "Ola Selger", "client"),
    Actor("usrLinLeder000003", "lin.leder@example.com", "Lin Leder", "client"),
)
"""The made-up team that uses the pages."""
API_USER = Actor("usrSandkasse00000", "program@lokal.invalid", "Programmet", "publicApi")
"""Whom the token belongs to."""


class People:
    """Who has access to the bases of one server: the token's user, the made-up team, and who else is added."""

    def __init__(self) -> None:
        self._all = {actor.id: actor for actor in (API_USER, *PEOPLE)}

    def add(self, actor: Actor) -> None:
        """Give a person access."""
        self._all[actor.id] = actor

    def find(self, person: Mapping[str, str]) -> Actor | None:
        """Return who is meant by an id or, without one, by an address; None for a stranger."""
        if "id" in person:
            return self._all.get(person["id"])
        email = person.get("email", "").casefold()
        return next((a for a in self._all.values() if a.email.casefold() == email), None)


_EVERYWHERE = People()


def known(person: Mapping[str, str]) -> Actor | None:
    """Return who is meant by an id or an address, of those who have access to every base; None for a stranger."""
    return _EVERYWHERE.find(person)
