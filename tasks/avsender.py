"""Avsender: who is asking, as the services that are asked are told."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def user_agent(contact: str | None) -> str:
    """Return ``tomtesourcing/<version> (+contact)``, safe as a header."""
    try:
        name = f"tomtesourcing/{version('tomtesourcing')}"
    except PackageNotFoundError:
        name = "tomtesourcing"
    plain = "".join(c for c in contact or "" if " " < c <= "~" and c not in "()")
    return f"{name} (+{plain})" if plain else name
