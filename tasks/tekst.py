"""Numbers as Norwegians write them, and names from sources on one line."""

from __future__ import annotations

import unicodedata

HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode categories that are no letters: control and format characters, line and paragraph separators."""


def tall(number: float, decimals: int = 0) -> str:
    """Return a number with a decimal comma and hard spaces between thousands.

    Examples
    --------
    >>> tall(234.5, 1)
    '234,5'
    """
    return f"{number:,.{decimals}f}".replace(",", "\u00a0").replace(".", ",")


def navn(text: str, lengst: int = 80) -> str:
    r"""Return a name as a source writes it, fit to stand within a line of ours: one line, no longer than `lengst`.

    Line breaks, control characters and marks that turn the direction of writing become spaces, runs of spaces one; what
    is cut ends in an ellipsis. Empty when there was nothing else.

    Examples
    --------
    >>> navn("Skogen\r\n Poeng: 100\x1b[2J"), navn("Storevatnet naturreservat", 12)
    ('Skogen Poeng: 100 [2J', 'Storevatnet…')
    """
    shown = "".join(" " if unicodedata.category(c) in HIDDEN else c for c in text[: 20 * lengst])
    words = " ".join(shown.split())
    return words if len(words) <= lengst else words[: lengst - 1].rstrip() + "…"
