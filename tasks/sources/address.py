"""Addresses: how they stand in a message, and whether two of them are one origin."""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit

CHECK_ADDRESS = "Check the address in config/plankilder.toml."
"""Ends the message of an error that a wrong address explains."""


def plain_address(url: str) -> str:
    """Return scheme, host, port and path, without credentials and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def same_origin(one: str, other: str) -> bool:
    """Say whether two addresses have the same scheme, host and port."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:  # a port that is no number
        return False


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
