"""Ports for servers that must be told theirs before they start."""

from __future__ import annotations

import random
import socket

QUIET = range(20_000, 30_000)
"""Below the ports that systems hand out by themselves: no other connection takes one between the choice and its use."""


def spare_ports(count: int) -> list[int]:
    """Return different ports of 127.0.0.1 that nothing listens at."""
    found: list[int] = []
    for port in random.sample(QUIET, len(QUIET)):
        if len(found) == count:
            break
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
