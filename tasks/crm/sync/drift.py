"""Drift: what moves a little every day by itself, and is not worth a call of its own. Pure."""

from __future__ import annotations

from typing import Any

from config.base import Felt


def has_drifted(felt: Felt, wanted: Any, present: Any) -> bool:
    """Return True for canonical values that are as good as the same: see `Felt.minste_endring`, `drivende_linje`."""
    if felt.minste_endring is not None and isinstance(wanted, (int, float)) and isinstance(present, (int, float)):
        return abs(wanted - present) < felt.minste_endring - 1e-9  # float noise is no drift
    if felt.drivende_linje is not None and isinstance(wanted, str) and isinstance(present, str):
        return _still(wanted, felt.drivende_linje) == _still(present, felt.drivende_linje)
    return False


def _still(text: str, drifting: str) -> list[str]:
    """Return the lines of a text that do not drift."""
    return [line for line in text.split("\n") if not line.startswith(drifting)]
