"""The manifest: what belongs to a backup, with sizes, digests and counts; a folder without one is no backup."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from config.arkiv import arkiv_regler
from tasks.crm.arkiv.linjer import as_object
from tasks.crm.arkiv.mappe import MANIFEST, SKJEMA, VEDLEGG, open_plain
from tasks.errors import BackupError

FORM = 1
MOST_NAMED = 1000
"""Links and attachments that are named; all are counted."""

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{3}[A-Za-z0-9]{1,40}$")]
Filnavn = Annotated[
    str, StringConstraints(pattern=rf"^(?:{re.escape(SKJEMA)}|{re.escape(VEDLEGG)}|tbl[A-Za-z0-9]{{1,40}}\.jsonl\.gz)$")
]
"""Names that a backup has; none of them leads out of its folder."""
Antall = Annotated[int, Field(ge=0)]


class Del(BaseModel):
    """A part of the manifest; what is not known is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Fil(Del):
    """One file: its size and digest as it lies there."""

    byte: Antall
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Tabellfil(Del):
    """One table: its id and name, and how many records the listing brought."""

    id: Id
    navn: str
    poster: Antall

    @property
    def fil(self) -> str:
        """The file of its records."""
        return f"{self.id}.jsonl.gz"


class Vedleggstall(Del):
    """Attachments: how many cells name, how many different contents they are, and the bytes of these."""

    antall: Antall
    ulike: Antall
    byte: Antall


class Mangler(Del):
    """An attachment whose bytes could not be fetched."""

    tabell: Id
    post: Id
    vedlegg: Id
    hvorfor: str


class LosLenke(Del):
    """A link to a record that is not in the backup: made or deleted while the tables were listed."""

    tabell: Id
    felt: Id
    post: Id
    til: Id


class Manifest(Del):
    """What belongs to a backup.

    Attributes
    ----------
    form
        Of the files; `FORM` is the one that is known here.
    program
        Version that took it.
    tid, ferdig
        When the first table was listed, and when all was on the disk. A backup is a listing per table: what changed
        between the two may be in it or not.
    lose_lenker, manglende_vedlegg
        All of them; of these at most `MOST_NAMED` are named.
    """

    form: int
    program: str
    base: Annotated[str, StringConstraints(pattern=r"^app[A-Za-z0-9]+$")]
    navn: str
    tid: datetime
    ferdig: datetime
    komplett: bool
    kall: Antall
    tabeller: tuple[Tabellfil, ...]
    filer: dict[Filnavn, Fil]
    vedlegg: Vedleggstall
    manglende_vedlegg: Antall
    mangler: tuple[Mangler, ...] = Field(max_length=MOST_NAMED)
    lose_lenker: Antall
    lenker: tuple[LosLenke, ...] = Field(max_length=MOST_NAMED)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if set(self.filer) != {SKJEMA, VEDLEGG, *(t.fil for t in self.tabeller)}:
            raise ValueError("its files are not those of its tables")
        if self.komplett is not (self.manglende_vedlegg == 0):
            raise ValueError("it says of itself both that it is complete and that it is not")
        return self

    @property
    def poster(self) -> int:
        """Records of all tables."""
        return sum(t.poster for t in self.tabeller)


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a backup; its files are not looked at.

    Raises
    ------
    BackupError
        When there is none, or it is damaged or of another form; nothing of its content is told.
    """
    path = folder / MANIFEST
    most = arkiv_regler().lesing.maks_manifest_byte
    if not folder.is_dir():
        raise BackupError(f"{folder}: is no folder. Backups lie in geodata/backup/<base id>/<time>.")
    if not path.exists():
        raise BackupError(f"{folder}: holds no {MANIFEST}: the backup is partial, or this is none.")
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BackupError(f"{path}: is larger than {most:,} bytes.")
    found = as_object(data, f"{path}:")
    if found.get("form") != FORM:
        raise BackupError(
            f"{path}: is not of form {FORM}, the one that this program reads; the version that took it does."
        )
    try:
        return Manifest.model_validate(found)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # names of files are forged where they do not fit: they are not told
        where = ".".join(str(part) for part in first["loc"][:1]) or "as a whole"
        raise BackupError(f"{path}: {where}: {first['type'].replace('_', ' ')}; it is damaged or forged.") from None
