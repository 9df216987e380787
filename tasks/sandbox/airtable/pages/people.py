"""Who uses the pages: one of three made-up people of a made-up team, as a cookie says."""

from __future__ import annotations

from fastapi import Request

from tasks.sandbox.airtable.actor import Actor

COOKIE = "person"
PEOPLE = (
    Actor(id="usrKariSelger0001", email="kari.selger@example.com", name="Kari Selger", source="client"),
    Actor(id="usrOlaSelger00002", email="ola.selger@example.com", name="Ola Selger", source="client"),
    Actor(id="usrLinLeder000003", email="lin.leder@example.com", name="Lin Leder", source="client"),
)


def person(person_id: str | None) -> Actor | None:
    """Return the one with this id, None when nobody has it."""
    return next((p for p in PEOPLE if p.id == person_id), None)


def current(request: Request) -> Actor:
    """Return who the browser says it is; the first when it says nothing, or names nobody."""
    return person(request.cookies.get(COOKIE)) or PEOPLE[0]
