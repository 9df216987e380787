"""Endret: the content of a register with one value changed."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any


def with_value(data: Mapping[str, Any], where: Sequence[str], value: object) -> dict[str, Any]:
    """Return a copy in which one key has another value; None takes the key away.

    Parameters
    ----------
    where
        Names of the tables, the outermost first, and of the key.
    """
    changed = copy.deepcopy(dict(data))
    table = changed
    for name in where[:-1]:
        table = table[name]
    if value is None:
        del table[where[-1]]
    else:
        table[where[-1]] = value
    return changed
