"""Who uses the pages: one of the made-up team, as a cookie says."""

from __future__ import annotations

from fastapi import Request

from tasks.sandbox.airtable.actor import PEOPLE, Actor

COOKIE = "person"


def person(person_id: str | None) -> Actor | None:
    """Return the one with this id, None when nobody has it."""
    return next((p for p in PEOPLE if p.id == person_id), None)


def current(request: Request) -> Actor:
    """Return who the browser says it is; the first when it says nothing, or names nobody."""
    return person(request.cookies.get(COOKIE)) or PEOPLE[0]
