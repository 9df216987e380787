"""A comment as people see it: who, when, and the names of those it mentions; and back, as it is kept."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from tasks.sandbox.airtable.actor import PEOPLE
from tasks.sandbox.airtable.comments import MENTION
from tasks.sandbox.airtable.pages.norsk import OSLO, time_text
from tasks.sandbox.airtable.pages.people import person

_NAMES = {p.name: p.id for p in PEOPLE}
_NAMED = re.compile("@(" + "|".join(map(re.escape, _NAMES)) + r")\b")


class Said(NamedTuple):
    """A comment: the name of who wrote it, when, what."""

    author: str
    when: str
    text: str


def as_kept(text: str) -> str:
    """Return a text with @Kari Selger as the API writes a mention: by id."""
    return _NAMED.sub(lambda match: f"@[{_NAMES[match[1]]}]", text)


def as_seen(comment: dict[str, Any]) -> Said:
    """Return a comment of the API's form with names for ids."""
    mentioned = comment.get("mentioned", {})

    def name(match: re.Match[str]) -> str:
        known = person(match[1])
        return f"@{known.name if known else mentioned.get(match[1], {}).get('displayName', match[1])}"

    author = comment["author"]
    return Said(
        author=author.get("name") or author.get("email") or author["id"],
        when=time_text(comment["createdTime"], OSLO),
        text=MENTION.sub(name, comment["text"]),
    )
