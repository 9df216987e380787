"""Attachments: files beside the database, named by their id; the name that was sent is never a path."""

from __future__ import annotations

import base64
import binascii
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tasks.sandbox.airtable.errors import invalid, too_large
from tasks.sandbox.airtable.ids import is_id, new_id

MAX_BYTES = 5_000_000
PICTURES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}
"""Types that a page may show; anything else is saved, for it could be a page with a script."""


def keep(folder: Path, body: dict[str, Any]) -> dict[str, Any]:
    """Write the file of an upload, through to the disk, and return what its cell says of it.

    Parameters
    ----------
    folder
        The data folder.
    body
        `contentType`, `filename` and `file` in base64.

    Raises
    ------
    ApiError
        422 for a malformed body, 413 for more than `MAX_BYTES`.
    """
    kind, name, content = (body.get(k) for k in ("contentType", "filename", "file"))
    if not isinstance(kind, str) or not isinstance(name, str) or not isinstance(content, str) or not name:
        raise invalid()
    try:
        data = base64.b64decode(re.sub(r"\s", "", content), validate=True)
    except (binascii.Error, ValueError):
        raise invalid() from None
    if len(data) > MAX_BYTES:
        raise too_large("An attachment has at most 5 MB.")
    attachment = {"id": new_id("att"), "filename": name[:255], "size": len(data), "type": kind[:100]}
    (folder / "attachments").mkdir(exist_ok=True)
    _write(folder / "attachments" / f"{attachment['id']}{PICTURES.get(kind, '')}", data)
    return attachment


def _write(path: Path, data: bytes) -> None:
    """Write a file so that it outlives a power cut, name and content, before a record speaks of it."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    parent = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)


def find(folder: Path, attachment_id: str) -> tuple[Path, str | None] | None:
    """Return where a file lies and its type when it is a picture; None when there is none."""
    if not is_id(attachment_id, "att"):
        return None
    for kind, suffix in [*PICTURES.items(), (None, "")]:
        path = folder / "attachments" / f"{attachment_id}{suffix}"
        if path.is_file():
            return path, kind
    return None


def path_of(attachment: dict[str, Any]) -> str:
    """Return the path below the server's address where a file is served."""
    name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", attachment["filename"])
    return f"/attachments/{attachment['id']}/{quote(name if name.strip('.') else 'fil', safe='')}"
