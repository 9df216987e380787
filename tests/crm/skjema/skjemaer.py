"""Bases for tests of setting up: made over HTTP in a local Airtable, and their schemas to change on paper."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from pyairtable import Api, Base
from pyairtable.models.schema import BaseSchema
from pydantic import SecretStr

from config.base import BaseRegister, Formelfelt, base_register
from config.settings import Profile, Settings
from tasks.crm.client import connect
from tasks.crm.skjema.oppsett import setup
from tasks.sandbox.airtable import AirtableServer

JSON = dict[str, Any]
REGISTER = base_register()


@contextmanager
def serving(folder: Path) -> Iterator[AirtableServer]:
    """A local Airtable without limits."""
    with AirtableServer(folder, token="pat-for-tests", rate_limit_per_s=0) as server:
        yield server


def settings_of(url: str, profile: Profile = Profile.SANDBOX, **more: Any) -> Settings:
    return Settings(
        profile=profile,
        geodata=Path(tempfile.gettempdir()) / "tomt-unused",
        airtable_url=url,
        airtable_token=SecretStr("pat-for-tests"),
        airtable_rate_per_s=0,
        **more,
    )


@contextmanager
def connected(settings: Settings) -> Iterator[Api]:
    api = connect(settings)
    try:
        yield api
    finally:
        api.session.close()


def as_json(base: Base) -> JSON:
    """Return the schema as the server answers it."""
    answer: JSON = base.api.get(base.urls.tables)
    return answer


@cache
def _made() -> JSON:
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as server,
        connected(settings_of(server.url)) as api,
    ):
        base, _ = setup(api, None, REGISTER, {}, settings=settings_of(server.url))
        return as_json(base)


def fresh() -> JSON:
    """Return the schema of a base as setup leaves it, to change."""
    return copy.deepcopy(_made())


def parsed(schema: JSON) -> BaseSchema:
    return BaseSchema.model_validate(schema)


def table(schema: JSON, navn: str) -> JSON:
    return next(t for t in schema["tables"] if t["name"] == navn)


def field(schema: JSON, tabell: str, felt: str) -> JSON:
    return next(f for f in table(schema, tabell)["fields"] if f["name"] == felt)


def drop(schema: JSON, tabell: str, felt: str | None = None) -> None:
    """Delete a field, or a whole table."""
    if felt is None:
        schema["tables"].remove(table(schema, tabell))
    else:
        table(schema, tabell)["fields"].remove(field(schema, tabell, felt))


def as_made_by_hand(felt: Formelfelt, schema: JSON) -> JSON:
    """Return a computed field as Airtable's schema shows it: fields by id."""
    own = {f["name"]: f for f in table(schema, felt.tabell)["fields"]}
    options: JSON = {"isValid": True}
    if felt.lenke is not None:
        options["recordLinkFieldId"] = own[felt.lenke]["id"]
        linked = own[felt.lenke]["options"]["linkedTableId"]
        other = next(t for t in schema["tables"] if t["id"] == linked)
        if felt.felt is not None:
            options["fieldIdInLinkedTable"] = next(f["id"] for f in other["fields"] if f["name"] == felt.felt)
            options["referencedFieldIds"] = []
            options["result"] = {"type": "number", "options": {"precision": 0}}
    if felt.type == "formula":
        text = str(felt.formel)
        for name, there in own.items():
            text = text.replace(f"{{{name}}}", f"{{{there['id']}}}")
        options |= {"formula": text, "referencedFieldIds": [], "result": {"type": "singleLineText"}}
    if felt.ser:
        options |= {"referencedFieldIds": [own[name]["id"] for name in felt.ser], "result": None}
    return {"name": felt.navn, "type": felt.type, "options": options}


def finish(schema: JSON, register: BaseRegister = REGISTER) -> JSON:
    """Do on paper everything by hand that a schema shows."""
    for n, felt in enumerate(register.formel):
        made = {"id": f"fldHand{n:010d}", **as_made_by_hand(felt, schema)}
        table(schema, felt.tabell)["fields"].append(made)
    for n, view in enumerate(register.visning):
        there = {"id": f"viwHand{n:010d}", "name": view.navn, "type": view.type}
        table(schema, view.tabell)["views"].append(there)
    return schema
