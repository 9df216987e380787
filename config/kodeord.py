"""Words for the codes of plans and zones, as a salesperson reads them; see config/kodeord.toml."""

from __future__ import annotations

from functools import cache

from config.registers import Register, load_model, read_toml


class Kodeord(Register):
    """Code → word, of each list.

    Attributes
    ----------
    formaal
        Objekttype → code → word: the same code means different things in different lists.
    """

    planstatus: dict[str, str]
    arealstatus: dict[str, str]
    formaal: dict[str, dict[str, str]]


@cache
def kodeord() -> Kodeord:
    """Load config/kodeord.toml."""
    return load_model(Kodeord, read_toml("kodeord.toml"), "kodeord.toml")
