"""What a formula can give, as far as its text tells: Airtable formats a formula field by it.

A formula that may give a text gives texts only, numbers among them as text; one that gives dates or blanks gives dates.

Source: kuovonne's guide to Airtable (coda.io/@kuovonne/kuovonnes-guide-to-airtable), on the data type of a rollup.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

Kind = Literal["text", "number", "date", "dateTime", "list", "blank", "any"]


class Shape(NamedTuple):
    """A kind, and of a list that of its elements."""

    kind: Kind
    of: Kind = "any"

    @property
    def element(self) -> Kind:
        """Return the kind of one value: of an element when it is a list."""
        return self.of if self.kind == "list" else self.kind


TEXT, NUMBER, DATE, TIME, BLANK, ANY = (
    Shape("text"), Shape("number"), Shape("date"), Shape("dateTime"), Shape("blank"), Shape("any")
)  # fmt: skip


def either(shapes: Iterable[Shape]) -> Shape:
    """Return the shape of what may have any of these."""
    found = {s for s in shapes if s.kind != "blank"}
    if not found:
        return BLANK
    if len(found) == 1:
        return found.pop()
    kinds = {s.kind for s in found}
    if "any" in kinds:
        return ANY
    if kinds == {"list"}:
        return Shape("list")
    return TIME if kinds <= {"date", "dateTime"} else TEXT


def elements(shapes: Iterable[Shape]) -> Shape:
    """Return the shape of one of the values that these hold."""
    return either(Shape(s.element) for s in shapes)
