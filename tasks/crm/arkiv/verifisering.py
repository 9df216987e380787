"""Is a backup whole: form, sizes, digests, counts, every line, every link and the bytes of every attachment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.settings import BASE_ID
from tasks.crm.arkiv import linjer
from tasks.crm.arkiv.felt import FILES, LINK, fields_of, files_in, links_in
from tasks.crm.arkiv.manifest import Manifest, Tabellfil, read_manifest
from tasks.crm.arkiv.mappe import SKJEMA, VEDLEGG, Vedleggslager, digest_of, open_plain
from tasks.errors import BackupError

JSON = dict[str, Any]
RECORD_ID = re.compile(r"rec[A-Za-z0-9]{1,40}", re.ASCII)


@dataclass(frozen=True)
class Arkiv:
    """A backup that has been found whole.

    Attributes
    ----------
    tables
        Tables and their fields as Airtable answered them.
    """

    folder: Path
    manifest: Manifest
    tables: tuple[JSON, ...]

    @property
    def vedlegg(self) -> Vedleggslager:
        """Where the bytes of attachments lie."""
        return Vedleggslager(self.folder.parent / "vedlegg")

    def records(self, table_id: str) -> Iterator[JSON]:
        """Yield the records of a table, those made first first: id, createdTime, fields by field id."""
        return linjer.read(self.folder / f"{table_id}.jsonl.gz")


def verify(folder: Path) -> Arkiv:
    """Return the backup in a folder, every byte of which has been read.

    Raises
    ------
    BackupError
        With the first thing that is wrong with it, in words that tell nothing of its content, and what to do then.
    """
    folder = folder.resolve()
    try:
        return _whole(folder)
    except BackupError as error:
        if not folder.is_dir():
            raise
        place = folder if BASE_ID.fullmatch(folder.name) else folder.parent
        raise BackupError(f"{error} Take another folder of {place}.") from None


def _whole(folder: Path) -> Arkiv:
    manifest = read_manifest(folder)
    for name, fil in manifest.filer.items():
        if digest_of(folder / name) != (fil.byte, fil.sha256):
            raise BackupError(f"{folder / name}: is not as it was written (size or sha256): it is damaged.")
    arkiv = Arkiv(folder, manifest, tuple(_schema(folder, manifest)))
    ids = {t.id: _ids(arkiv, t) for t in manifest.tabeller}
    _check_content(arkiv, ids)
    return arkiv


def _schema(folder: Path, manifest: Manifest) -> list[JSON]:
    path = folder / SKJEMA
    with open_plain(path) as file:
        tables = linjer.as_object(file.read(), f"{path}:").get("tables")
    if not isinstance(tables, list) or not all(map(_is_table, tables)):
        raise BackupError(f"{path}: holds something else than tables and fields.")
    if [(t["id"], t["name"]) for t in tables] != [(t.id, t.navn) for t in manifest.tabeller]:
        raise BackupError(f"{path}: has other tables than the manifest.")
    return tables


def _is_table(table: Any) -> bool:
    if not isinstance(table, dict) or not all(isinstance(table.get(k), str) for k in ("id", "name", "primaryFieldId")):
        return False
    fields = table.get("fields")
    return isinstance(fields, list) and all(
        isinstance(f, dict)
        and all(isinstance(f.get(k), str) for k in ("id", "name", "type"))
        and isinstance(f.get("options"), dict | None)
        for f in fields
    )


def _ids(arkiv: Arkiv, tabell: Tabellfil) -> set[str]:
    """Return the record ids of a table whose lines have the form of records."""
    path, found, last = arkiv.folder / tabell.fil, set[str](), ""
    for number, record in enumerate(arkiv.records(tabell.id), 1):
        key, created, fields = (record.get(name) for name in ("id", "createdTime", "fields"))
        if not isinstance(key, str) or not RECORD_ID.fullmatch(key) or key in found:
            raise BackupError(f"{path}: line {number} has no record id, or one that stands twice.")
        if not isinstance(created, str) or created < last or not isinstance(fields, dict):
            raise BackupError(f"{path}: line {number} is no record, or stands in the wrong order.")
        found.add(key)
        last = created
    if len(found) != tabell.poster:
        raise BackupError(f"{path}: holds {len(found)} records, and the manifest says {tabell.poster}.")
    return found


def _check_content(arkiv: Arkiv, ids: dict[str, set[str]]) -> None:
    """Check that links and attachments are as the manifest says."""
    loose, index = 0, _index(arkiv)
    for table in arkiv.tables:
        fields, path = fields_of(table), arkiv.folder / f"{table['id']}.jsonl.gz"
        for record in arkiv.records(table["id"]):
            if not record["fields"].keys() <= fields.keys():
                raise BackupError(f"{path}: the record {record['id']} has a field that the schema lacks.")
            if not all(map(_has_form, map(fields.get, record["fields"]), record["fields"].values())):
                raise BackupError(f"{path}: the record {record['id']} has a cell of another form than its field.")
            for field_id, targets in links_in(fields, record["fields"]):
                other = ids.get(str((fields[field_id].get("options") or {}).get("linkedTableId")), set())
                loose += sum(target not in other for target in targets)
            for _, attachments in files_in(fields, record["fields"]):
                for one in attachments:
                    if index.get(str(one.get("id"))) != (one.get("size"), one.get("sha256")):
                        raise BackupError(f"{path}: an attachment of the record {record['id']} is not in {VEDLEGG}.")
    if loose != arkiv.manifest.lose_lenker:
        raise BackupError(
            f"{arkiv.folder}: {loose} links lead to no record, and the manifest says {arkiv.manifest.lose_lenker}."
        )


def _has_form(field: JSON | None, cell: Any) -> bool:
    """Return True for a cell whose form is that of its field, where the restore goes by it."""
    kind = field["type"] if field else ""
    if kind == LINK:
        return isinstance(cell, list) and all(isinstance(target, str) for target in cell)
    if kind == "singleCollaborator":
        return _has_id(cell)
    return kind not in {FILES, "multipleCollaborators"} or (isinstance(cell, list) and all(map(_has_id, cell)))


def _has_id(thing: Any) -> bool:
    return isinstance(thing, dict) and isinstance(thing.get("id"), str)


def _index(arkiv: Arkiv) -> dict[str, tuple[int, str | None]]:
    """Return attachment id → size and sha256, each content of which has been read."""
    path, found, read = arkiv.folder / VEDLEGG, dict[str, tuple[int, str | None]](), set[str]()
    for number, one in enumerate(linjer.read(path), 1):
        key, size, sha256 = (one.get(name) for name in ("id", "size", "sha256"))
        if not isinstance(key, str) or type(size) is not int or not isinstance(sha256, str | None) or key in found:
            raise BackupError(f"{path}: line {number} is no attachment, or one that stands twice.")
        if sha256 is not None and sha256 not in read:
            _check_bytes(arkiv, size, sha256)
            read.add(sha256)
        found[key] = (size, sha256)
    missing = sum(sha256 is None for _, sha256 in found.values())
    if (missing, len(found)) != (arkiv.manifest.manglende_vedlegg, arkiv.manifest.vedlegg.antall):
        raise BackupError(f"{path}: names other attachments than the manifest counts.")
    return found


def _check_bytes(arkiv: Arkiv, size: int, sha256: str) -> None:
    where = arkiv.vedlegg.of(sha256)
    if digest_of(where) != (size, sha256):
        raise BackupError(f"{where}: the bytes of an attachment are not as they were fetched: they are damaged.")


def as_json(value: Any) -> str:
    """Return a value as the same text whenever it is the same."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
