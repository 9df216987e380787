"""Attachments: files beside the database, named by their id; the name that was sent is never a path.

A file is there before a cell names it, and goes when no cell of its base does any more: a stop in between leaves a file
too many, which the next start removes.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from tasks.sandbox.airtable import loopback, pictures
from tasks.sandbox.airtable.errors import bad_attachment, invalid, too_large
from tasks.sandbox.airtable.ids import is_id, new_id

if TYPE_CHECKING:
    from tasks.sandbox.airtable.base import Base, RecordChange
    from tasks.sandbox.airtable.store import Store

MAX_BYTES = 5_000_000
PICTURES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}
"""Types that a page may show; anything else is saved, for it could be a page with a script."""
FILES = "multipleAttachments"
_turns = loopback.Turns()


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
    return _keep(folder, data, name=name, kind=kind)


def fetch(folder: Path, given: dict[str, Any], *, until: float | None = None) -> dict[str, Any]:
    """Fetch the file that an address of this machine names, and keep it as `keep` does.

    Airtable answers at once and fetches afterwards; here it is there when the request is answered.

    Parameters
    ----------
    given
        `url`, and `filename` if it is to be called otherwise than in the address.
    until
        When it must be there, of `time.monotonic`: one deadline for all files of a request; `loopback.TIME_S` from now
        when None.

    Raises
    ------
    ApiError
        422 when it could not be fetched: another machine, a redirect, nothing there, too large or too slow.
    """
    url, name = given.get("url"), given.get("filename")
    if set(given) - {"url", "filename"} or not isinstance(url, str) or not isinstance(name, str | None):
        raise bad_attachment()
    until = loopback.deadline() if until is None else until
    try:
        with _turns.one(until):
            answer = loopback.call("GET", url, until=until)
    except loopback.LoopbackError:
        raise bad_attachment() from None
    if answer.status != 200:
        raise bad_attachment()
    name = name or unquote(urlsplit(url).path.rpartition("/")[2]) or "fil"
    size = pictures.size_of(answer.data)
    return _keep(folder, answer.data, name=name, kind=_kind(answer.kind, answer.data) if size else answer.kind)


def _kind(told: str, data: bytes) -> str:
    """Return the type of a picture, also where its server did not tell: this one does not tell it of others' files."""
    if told in PICTURES:
        return told
    marks = {b"\x89PNG": "image/png", b"GIF8": "image/gif", b"RIFF": "image/webp", b"\xff\xd8": "image/jpeg"}
    return next((kind for mark, kind in marks.items() if data.startswith(mark)), told)


def _keep(folder: Path, data: bytes, *, name: str, kind: str) -> dict[str, Any]:
    attachment = {"id": new_id("att"), "filename": name[:255], "size": len(data), "type": kind[:100]}
    if kind in PICTURES and (size := pictures.size_of(data)) is not None:
        attachment |= {"width": size[0], "height": size[1]}
    (folder / "attachments").mkdir(exist_ok=True)
    _write(folder / "attachments" / f"{attachment['id']}{PICTURES.get(kind, '')}", data)
    return attachment


def drop(folder: Path, attachment_id: str) -> None:
    """Delete a file that no record speaks of."""
    found = find(folder, attachment_id)
    if found is not None:
        found[0].unlink(missing_ok=True)


def watch(store: Store) -> None:
    """Drop the files that no cell holds, now and after every change to a base of a store."""
    drop_strays(store)
    store.listeners.append(lambda base, by, changes: drop_let_go(store, base, changes))


def drop_let_go(store: Store, base: Base, changes: Sequence[RecordChange]) -> None:
    """Delete the files that a change has taken out of cells, and that no other cell of the base holds."""
    gone = {a for c in changes if c.before for a in ids_in(c.before)}
    gone -= {a for c in changes if c.after for a in ids_in(c.after)}
    if gone:
        gone -= _held(base)
    if gone:
        store.settle()  # a power cut may not bring a cell back without its file
        for attachment_id in gone:
            drop(store.folder, attachment_id)


def drop_strays(store: Store) -> None:
    """Delete the files that no cell holds: a stop may come between a file and its cell, or a cell and its file."""
    there = {path.name[:17] for path in (store.folder / "attachments").glob("att*")}
    for attachment_id in there.difference(*map(_held, store.bases.values())):
        drop(store.folder, attachment_id)


def ids_in(cells: Mapping[str, Any]) -> Iterator[str]:
    """Yield the ids of the attachments in some cells; what a cell is shows in it, also when its field is gone."""
    for cell in cells.values():
        if isinstance(cell, list):
            yield from (a["id"] for a in cell if isinstance(a, dict) and is_id(a.get("id"), "att"))


def _held(base: Base) -> set[str]:
    """Return the ids of the attachments in the cells of a base."""
    held: set[str] = set()
    for table in base.tables:
        fields = [f["id"] for f in table["fields"] if f["type"] == FILES]
        for record in base.records[table["id"]] if fields else ():
            held.update(a["id"] for field in fields for a in record.cells.get(field, ()))
    return held


def shown(attachment: dict[str, Any], address: str) -> dict[str, Any]:
    """Return an attachment as the Web API shows it, at a server's address; pictures with thumbnails.

    A thumbnail's address answers the picture itself: nothing is made smaller here.
    """
    url = address + path_of(attachment)
    if "width" not in attachment:
        return {**attachment, "url": url}
    width, height = attachment["width"], attachment["height"]
    thumbnails = {}
    for name, side in pictures.BOXES.items():
        wide, high = pictures.fitted(width, height, side)
        thumbnails[name] = {"url": url, "width": wide, "height": high}
    return {**attachment, "url": url, "thumbnails": thumbnails}


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
