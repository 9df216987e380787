"""Who is linked to whom in one base, seen from both sides.

A link stands in two cells, the one that it was made in and the reciprocal one, each with an order of its own: that of
a number, its place there. Adding or cutting one costs the same in a cell of 50,000.
"""

from __future__ import annotations

from collections.abc import Mapping

from tasks.sandbox.airtable.values import Field

LINK = "multipleRecordLinks"
_NONE: Mapping[str, int] = {}


def inverse_of(field: Field) -> str:
    """Return the id of the field that shows the other side.

    A link within a table has no such field; its other side is kept under an id that no field has, to find who links to
    a record that is deleted.
    """
    inverse: str = field["options"].get("inverseLinkFieldId") or f"{field['id']}<"
    return inverse


class Links:
    """The cells of all link fields of one base."""

    def __init__(self) -> None:
        self._cells: dict[str, dict[str, dict[str, int]]] = {}

    def targets(self, field_id: str, rec: str) -> list[str]:
        """Return the record ids in a cell, in order."""
        cell = self.places(field_id, rec)
        return sorted(cell, key=cell.__getitem__) if len(cell) > 1 else list(cell)

    def places(self, field_id: str, rec: str) -> Mapping[str, int]:
        """Return a cell as it is kept: record id → place, in no order."""
        return self._cells.get(field_id, {}).get(rec, _NONE)

    def put(self, field_id: str, rec: str, target: str, *, place: int | None) -> int | None:
        """Set the place of a record in a cell, or take it out (None), and return where it stood."""
        cells = self._cells.setdefault(field_id, {})
        cell = cells.setdefault(rec, {})
        before = cell.get(target)
        if place is not None:
            cell[target] = place
            return before
        cell.pop(target, None)
        if not cell:
            del cells[rec]
        return before
