"""The tables that the local SSB has, by id."""

from __future__ import annotations

from functools import cache

from tasks.sandbox.statistikk.folketabeller import dwellings, people, settlements
from tasks.sandbox.statistikk.grunnkretser import circles
from tasks.sandbox.statistikk.kommunetabeller import elections, kostra, money, work
from tasks.sandbox.statistikk.tabell import Tabell


@cache
def tabeller() -> dict[str, Tabell]:
    """Return all tables by id; their figures are made when they are first asked for."""
    made = (*people(), *dwellings(), settlements(), circles(), money(), *work(), *kostra(), elections())
    return {tabell.id: tabell for tabell in sorted(made, key=lambda tabell: tabell.id)}
