"""Verdi: the one form in which a value is compared and sent, and the digest by which memory knows it. Pure.

Airtable leaves empty cells (null, "", [], false) out of its answers, and rounds what it shows; so does this form.
"""

from __future__ import annotations

import json
import math
from hashlib import blake2b
from typing import Any

from config.base import NUMBERS, Felt, Tabell
from tasks.crm.rader.records import Row
from tasks.crm.sync.state import Digests
from tasks.errors import OwnershipError


def canonical(felt: Felt, value: Any) -> Any:
    """Return a value as it is compared and sent: empty is None, numbers rounded as shown, links a sorted list."""
    if value is None or value is False or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if felt.type in NUMBERS:
        shown = (felt.desimaler or 0) + (2 if felt.type == "percent" else 0)  # 0.874 stands as 87 %
        rounded = round(float(value), shown)
        return int(rounded) if shown == 0 else rounded
    if felt.type == "multipleRecordLinks":
        return sorted(set(value)) or None
    if isinstance(value, str):
        return _whole(value).replace("\r\n", "\n").strip() or None
    return value


def _whole(text: str) -> str:
    """Return text that can be sent: half a surrogate pair, which a source may escape in its JSON, is replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def canonical_row(tabell: Tabell, row: Row) -> Row:
    """Return a row with every value in its canonical form.

    Raises
    ------
    OwnershipError
        For a field that is not the program's.
    """
    wanted = {}
    for name, value in row.items():
        felt = tabell.field(name)
        if felt.eier != "pipeline":
            raise OwnershipError(f"{tabell.navn}.{name} belongs to {felt.eier}; the run may not write it.")
        wanted[name] = canonical(felt, value)
    return wanted


def digest(value: Any) -> str:
    """Return a short digest of a canonical value, links as keys; the same number with more decimals is the same."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return blake2b(json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass"), digest_size=6).hexdigest()


def digests(row: Row) -> Digests:
    """Return field name → digest."""
    return {name: digest(value) for name, value in row.items()}
