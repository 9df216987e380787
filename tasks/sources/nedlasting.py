"""Geonorge's download API: a file of one dataset for one kommune, ordered, waited for, streamed to disk and read.

A dataset that is made for the whole country alone (`landsdekkende`) is ordered once for all kommuner: see `landsfil`.

The API lies below `/api` of the source's address: code lists say what can be ordered, an order answers with its
files, each of them a zip of GML. Nothing of an archive is trusted: see `zipfil`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

from tasks.errors import SourceError
from tasks.sources import geojson, landsfil, lesere
from tasks.sources.address import CHECK_ADDRESS, plain_address, same_origin
from tasks.sources.asked import Asked, Take
from tasks.sources.http import Body
from tasks.sources.jsonsvar import read_json
from tasks.sources.refusal import NotHereError, NotInFileError
from tasks.sources.unntak import shorten
from tasks.sources.zipfil import Plass, unpack

log = logging.getLogger("tomt.sources")

READY, WAITING = "readyfordownload", "waitingforprocessing"
MAX_FILES = 50
REFERENCE = re.compile(r"(?!.*\.\.)[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Bestilt:
    """One file of an order that is ready: what it is called, and where it lies."""

    navn: str
    url: str


def read(asked: Asked, take: Take) -> int | None:
    """Hand over the features of the files that are made for the kommune; see `asked.Protocol`.

    Parameters
    ----------
    asked
        `kilde.datasett` is the dataset's uuid; `mappe` holds the archive and what is in it.

    Returns
    -------
    int or None
        None, since a file does not tell; of the whole country's, how many rows touch the kommune's box.

    Raises
    ------
    NotHereError
        When the dataset is not to be had for this kommune.
    SourceError
        When it is not to be had in the CRS or as GML, is not made in time, or the file cannot be read.
    """
    if asked.kilde.landsdekkende:
        return landsfil.read(asked, take, _read_files)
    _read_files(asked, take)
    return None


def _read_files(asked: Asked, take: Take) -> None:
    base = f"{asked.adresse.rstrip('/')}/api"
    ordered = _order(asked, base)
    room = Plass(asked.limits.maks_bytes)
    without: NotInFileError | None = None
    read = 0
    for number, file in enumerate(_wait(asked, base, ordered)):
        for path in _unpacked(asked, file, number, room):
            try:
                lesere.read_gml(
                    path, asked.kilde, where=f"{plain_address(file.url)} ({path.name})", take=_typed(asked, take)
                )
                read += 1
            except NotInFileError as error:  # the next one may have what is wanted
                without = without or error
            path.unlink()
    if without is not None and not read:
        raise without
    log.info("%s %s: %d files read", asked.kommune.nummer, asked.kilde.navn, read)


def _unpacked(asked: Asked, file: Bestilt, number: int, room: Plass) -> list[Path]:
    """Return the GML files of an archive."""
    where = plain_address(file.url)
    archive, folder = asked.mappe / f"bestilt-{number}.zip", asked.mappe / f"bestilt-{number}"
    asked.client.download(file.url, to=archive, expected="zip")
    unpack(archive, folder, plass=room, navn=f"{where} ({file.navn})", dypere=False)
    archive.unlink()
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".gml" and p.is_file())
    if not found:
        seen = shorten(", ".join(sorted(p.name for p in folder.rglob("*") if p.is_file())))
        raise SourceError(f"{where}: no GML in {file.navn}, but {seen}. Tell whoever runs the source.")
    return found


def _typed(asked: Asked, take: Take) -> Take:
    """Return a `Take` for readers that know one object type alone and do not write it into the rows."""
    objekttype = next(iter(asked.kilde.lag))
    return lambda piece: take(piece if "objekttypenavn" in piece else geojson.typed(piece, objekttype))


# --- the order ---


def _order(asked: Asked, base: str) -> dict[str, Any]:
    """Order the dataset for the kommune and return the receipt."""
    uuid = asked.kilde.datasett or ""
    line = {
        "metadataUuid": uuid,
        "areas": [_area(asked, _codelist(asked, base, "area"))],
        "projections": [_projection(asked, _codelist(asked, base, "projection"), base)],
        "formats": [_format(_codelist(asked, base, "format"), base)],
    }
    url = f"{base}/order"
    receipt = read_json(asked.client.order(url, {"email": "", "orderLines": [line]}))
    if not REFERENCE.fullmatch(str(receipt.get("referenceNumber", ""))):
        keys = shorten(str(sorted(receipt)[:6]))
        raise SourceError(f"{plain_address(url)}: an order without a reference (keys {keys}). {CHECK_ADDRESS}")
    return receipt


def _codelist(asked: Asked, base: str, name: str) -> list[dict[str, Any]]:
    url = f"{base}/codelists/{name}/{asked.kilde.datasett}"
    rows = _read_list(asked.client.get(url, expected="json"))
    if not all(isinstance(row, dict) for row in rows):
        raise SourceError(f"{plain_address(url)}: no code list. {CHECK_ADDRESS}")
    return rows


def _read_list(body: Body) -> list[Any]:
    """Return a JSON list, read as strictly as an object."""
    wrapped = Body(b'{"rows":' + body.content.lstrip(b"\xef\xbb\xbf") + b"}", body.url, body.headers)
    rows = read_json(wrapped).get("rows")
    if not isinstance(rows, list):
        raise SourceError(f"{plain_address(body.url)}: a JSON {type(rows).__name__}, no list. {CHECK_ADDRESS}")
    return rows


def _area(asked: Asked, offered: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    nummer = asked.kommune.nummer
    if asked.kilde.landsdekkende:
        return _country(asked, offered)
    for row in offered:
        if str(row.get("type")).lower() == "kommune" and str(row.get("code")).zfill(4) == nummer:
            return {"code": str(row.get("code")), "type": "kommune", "name": str(row.get("name") or "")}
    kinds = sorted({str(row.get("type")) for row in offered})
    wider = shorten(", ".join(kinds) or "nothing")
    raise NotHereError(
        f"{plain_address(asked.adresse)}: dataset {asked.kilde.datasett} is not offered for {asked.kommune.label}; it "
        f"has {len(offered)} areas ({wider}). Order a larger area by hand and put the file into the inbox."
    )


def _country(asked: Asked, offered: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    for row in offered:
        code, kind = str(row.get("code")), str(row.get("type"))
        if kind.lower() == "landsdekkende" or code == landsfil.LANDET:
            return {"code": code, "type": kind, "name": str(row.get("name") or "")}
    kinds = shorten(", ".join(sorted({str(row.get("type")) for row in offered})) or "nothing")
    raise SourceError(
        f"{plain_address(asked.adresse)}: dataset {asked.kilde.datasett} is not offered for the whole country, but for "
        f"{len(offered)} areas ({kinds}). Take `landsdekkende` off {asked.kilde.navn} in config/kontekst.toml."
    )


def _projection(asked: Asked, offered: Sequence[Mapping[str, Any]], base: str) -> dict[str, str]:
    for row in offered:
        if str(row.get("code")) == str(asked.kilde.epsg):
            return {key: str(row.get(key) or "") for key in ("code", "name", "codespace")}
    seen = shorten(", ".join(str(row.get("code")) for row in offered) or "none")
    raise SourceError(
        f"{plain_address(base)}: the dataset is not to be had in EPSG:{asked.kilde.epsg}, but in {seen}. Correct "
        f"`epsg` of {asked.kilde.navn} in config/plankilder.toml."
    )


def _format(offered: Sequence[Mapping[str, Any]], base: str) -> dict[str, str]:
    for row in offered:
        if str(row.get("name", "")).upper().startswith("GML"):
            return {"name": str(row["name"]), "version": str(row.get("version") or "")}
    seen = shorten(", ".join(str(row.get("name")) for row in offered) or "none")
    raise SourceError(f"{plain_address(base)}: the dataset is not to be had as GML, but as {seen}. Use the inbox.")


# --- the files ---


def _wait(asked: Asked, base: str, receipt: Mapping[str, Any]) -> list[Bestilt]:
    """Return the files of an order when all are ready; the client's deadline ends the patience."""
    url = f"{base}/order/{receipt['referenceNumber']}"
    pause = asked.limits.pause_foerst
    while True:
        files = _files(receipt, url)
        if all(str(f.get("status")).lower() == READY for f in files):
            return [Bestilt(shorten(str(f.get("name") or "file")), _download_url(f, url)) for f in files]
        log.info("%s: %d files ordered, waiting %.1f s for them", plain_address(url), len(files), pause)
        asked.client.pause(pause)
        pause = min(pause * 2, asked.limits.pause_lengst)
        receipt = read_json(asked.client.get(url, expected="json"))


def _files(receipt: Mapping[str, Any], url: str) -> list[Mapping[str, Any]]:
    files = receipt.get("files")
    where = plain_address(url)
    if not isinstance(files, list) or not files or not all(isinstance(f, dict) for f in files):
        raise SourceError(
            f"{where}: an order without files (keys {shorten(str(sorted(receipt)[:6]))}). Try again later."
        )
    if len(files) > MAX_FILES:
        raise SourceError(f"{where}: {len(files)} files for one kommune, more than {MAX_FILES}. {CHECK_ADDRESS}")
    for file in files:
        if str(file.get("status")).lower() not in {READY, WAITING}:
            raise SourceError(
                f"{where}: {shorten(str(file.get('name')))} is {shorten(str(file.get('status')))!r}, and will not "
                "come. Try again later; order it by hand if that does not help."
            )
    return files


def _download_url(file: Mapping[str, Any], url: str) -> str:
    said = str(file.get("downloadUrl") or "")
    try:
        target = str(httpx.URL(urljoin(url, said)))
    except (ValueError, httpx.InvalidURL):
        raise SourceError(
            f"{plain_address(url)}: {shorten(said)!r}, where the file should lie, is no address. Try again later."
        ) from None
    if not same_origin(target, url):
        raise SourceError(
            f"{plain_address(url)}: the file lies on another host ({shorten(plain_address(target))}), which is not "
            "asked. Order it by hand and put it into the inbox."
        )
    return target
