"""A base to back up: every type of field that can be made, links of all kinds, files, and people's odd text."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyairtable import Api, Base
from pydantic import SecretStr

from config.settings import Profile, Settings
from tasks.crm.arkiv.backup import Backup, take_backup
from tasks.crm.arkiv.gjenoppretting import Restore
from tasks.crm.client import connect
from tasks.store import Geodata

TOKEN = "pat-for-tests"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
PDF = b"%PDF-1.7\n" + b"x" * 3000
ODD = 'Å «bo» 🏡 \u2028 \\ " \n\t=HYPERLINK(1) 한국 <b>&amp;'
ISO = {"name": "iso"}
VALG = {"choices": [{"name": "Ja", "color": "greenBright"}, {"name": "Nei, aldri", "color": "redDark1"}]}
FIELDS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "Navn": ("singleLineText", None),
    "Notat": ("multilineText", None),
    "Fritekst": ("richText", None),
    "E-post": ("email", None),
    "Adresse": ("url", None),
    "Telefon": ("phoneNumber", None),
    "Strek": ("barcode", None),
    "Ansvarlig": ("singleCollaborator", None),
    "Team": ("multipleCollaborators", None),
    "Tall": ("number", {"precision": 8}),
    "Andel": ("percent", {"precision": 1}),
    "Beløp": ("currency", {"precision": 2, "symbol": "kr"}),
    "Klar": ("checkbox", {"icon": "flag", "color": "redBright"}),
    "Stjerner": ("rating", {"icon": "heart", "color": "pinkBright", "max": 7}),
    "Tid brukt": ("duration", {"durationFormat": "h:mm:ss.SSS"}),
    "Svar": ("singleSelect", VALG),
    "Merker": ("multipleSelects", VALG),
    "Dato": ("date", {"dateFormat": {"name": "european"}}),
    "Tidspunkt": ("dateTime", {"dateFormat": ISO, "timeFormat": {"name": "24hour"}, "timeZone": "Europe/Oslo"}),
    "Filer": ("multipleAttachments", {"isReversed": True}),
    "Kart": ("multipleAttachments", None),
}
FULL: dict[str, Any] = {
    "Navn": "Tomt med alt",
    "Notat": ODD,
    "Fritekst": "**fet**\n- [ ] gjøre\n",
    "E-post": "ikke en adresse",
    "Adresse": "http://x.example/?a=1&b=ø",
    "Telefon": "+47 000 00 000",
    "Strek": {"text": "0123", "type": "upce"},
    "Ansvarlig": {"id": "usrAAAAAAAAAAAAAA"},
    "Team": [{"id": "usrBBBBBBBBBBBBBB"}, {"id": "usrAAAAAAAAAAAAAA"}],
    "Tall": -0.1234567,
    "Andel": 0.1,
    "Beløp": 1234567.89,
    "Klar": True,
    "Stjerner": 7,
    "Tid brukt": 3661.5,
    "Svar": "Nei, aldri",
    "Merker": ["Nei, aldri", "Ja"],
    "Dato": "1900-02-28",
    "Tidspunkt": "2026-03-29T00:59:59.999Z",
}


@dataclass
class Fylt:
    """A base that is filled, and its ids by name."""

    base: Base
    tables: dict[str, str] = field(default_factory=dict)
    records: dict[str, list[str]] = field(default_factory=dict)


def settings_of(url: str, geodata: Path, base: str | None, *, profile: str = "sandbox") -> Settings:
    """Return settings that name a base of a local Airtable."""
    return Settings(
        profile=Profile(profile),
        geodata=geodata,
        airtable_url=url,
        airtable_token=SecretStr(TOKEN),
        airtable_base=base,
        airtable_rate_per_s=0.0,
    )


@contextmanager
def api_of(url: str, geodata: Path) -> Iterator[Api]:
    """Connect to a local Airtable."""
    api = connect(settings_of(url, geodata, None))
    api.use_field_ids = False
    try:
        yield api
    finally:
        api.session.close()


def empty_base(api: Api, name: str = "Tom") -> Base:
    """Make a base as a person makes one in Airtable."""
    return api.create_base(
        "wspTest", name, [{"name": "Table 1", "fields": [{"name": "Name", "type": "singleLineText"}]}]
    )


def filled_base(api: Api, *, rows: int = 250, files: bool = True) -> Fylt:
    """Make a base with two tables full of everything, one within itself, and an empty one."""
    text = [{"name": "Navn", "type": "singleLineText"}]
    base = api.create_base(
        "wspTest", "Full", [{"name": "Områder", "fields": text, "description": "Der tomtene ligger"}]
    )
    made = Fylt(base)
    specs = [
        {"name": n, "type": kind, "description": f"Hva {n} er", **({"options": o} if o else {})}
        for n, (kind, o) in FIELDS.items()
    ]
    tomter = base.create_table("Tomter", specs, description="Linje én\nto [merknad]").id
    base.create_table("Helt tom", [{"name": "Id", "type": "number", "options": {"precision": 0}}])
    omraader = base.schema(force=True).table("Områder").id
    for name in ("Hovedområde", "Naboområder"):  # two links between the same two tables
        base.table(tomter).create_field(name, "multipleRecordLinks", options={"linkedTableId": omraader})
    base.table(tomter).create_field("Ligger ved", "multipleRecordLinks", options={"linkedTableId": tomter})
    back = next(f for f in base.schema(force=True).table("Områder").fields if f.name == "Tomter 2")
    back.name, back.description = "Nabotomter", "Den andre enden"
    back.save()
    _fill(made, rows)
    if files:
        _attach(made)
    made.tables = {t.name: t.id for t in base.schema(force=True).tables}
    return made


def _fill(made: Fylt, rows: int) -> None:
    base = made.base
    omraader = [r["id"] for r in base.table("Områder").batch_create([{"Navn": f"Område {n} {ODD}"} for n in range(7)])]
    values: list[dict[str, Any]] = [FULL, {}, {}, *({"Navn": f"Tomt {n // 2}", "Tall": n % 3} for n in range(rows - 3))]
    tomter = [r["id"] for r in base.table("Tomter").batch_create(values)]
    links = [
        {
            "id": rec,
            "fields": {"Hovedområde": [omraader[n % 7]], "Naboområder": [omraader[(n + k) % 7] for k in (3, 1)]},
        }
        for n, rec in enumerate(tomter[: rows // 2])
    ]
    links += [{"id": tomter[-1], "fields": {"Ligger ved": [tomter[-1], tomter[0], tomter[5]]}}]
    base.table("Tomter").batch_update(links)
    made.records = {"Områder": omraader, "Tomter": tomter}


FILES = [
    ("Filer", "kart.png", "image/png", PNG),
    ("Filer", "mappe/../avtale æøå.pdf", "application/pdf", PDF),
    ("Filer", ".png", "image/png", PNG),
    ("Filer", "tom.txt", "text/plain", b""),
    ("Kart", "kart.png", "image/png", PNG),
]


def _attach(made: Fylt) -> None:
    for name, filename, kind, data in FILES:
        attach(made.base, made.records["Tomter"][0], name, filename=filename, kind=kind, data=data)
    attach(made.base, made.records["Tomter"][9], "Kart", filename="annet.png", kind="image/png", data=PNG[::-1])


def attach(base: Base, record: str, name: str, *, filename: str, kind: str, data: bytes) -> None:
    """Upload a file, whatever it is called."""
    body = {"contentType": kind, "filename": filename, "file": base64.b64encode(data).decode()}
    base.api.post(base.table("Tomter").urls.upload_attachment(record, name), json=body)


def backup_of(url: str, geodata: Path, base: str) -> Backup:
    """Back a base up."""
    return take_backup(settings_of(url, geodata, base), Geodata(geodata))


@contextmanager
def restoring(url: str, geodata: Path, folder: Path, base: str, *, profile: str = "sandbox") -> Iterator[Restore]:
    """Open a restore that takes no pauses."""
    settings = settings_of(url, geodata, base, profile=profile)
    restore = Restore.open(folder, settings, Geodata(geodata), sleep=lambda _: None)
    try:
        yield restore
    finally:
        restore.close()
