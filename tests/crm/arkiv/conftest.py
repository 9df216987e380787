"""A local Airtable for the tests of this folder, a base that is full, and its backup; each test works on a copy."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pyairtable import Api

from tasks.sandbox.airtable import AirtableServer
from tests.crm.arkiv.proevearkiv import TOKEN, Fylt, api_of, backup_of, filled_base
from tests.crm.sync_prosess import take_no_pauses


@dataclass(frozen=True)
class Tatt:
    """A base and its backup."""

    full: Fylt
    geodata: Path
    folder: Path


@pytest.fixture(scope="package")
def server(tmp_path_factory) -> Iterator[AirtableServer]:
    with AirtableServer(tmp_path_factory.mktemp("airtable"), token=TOKEN, rate_limit_per_s=0) as server:
        yield server


@pytest.fixture(scope="package")
def api(server, tmp_path_factory) -> Iterator[Api]:
    with api_of(server.url, tmp_path_factory.mktemp("api")) as api:
        yield api


@pytest.fixture(scope="package")
def tatt(server, api, tmp_path_factory) -> Tatt:
    """The backup of a full base; not to be changed."""
    full, geodata = filled_base(api, rows=40), tmp_path_factory.mktemp("geodata")
    return Tatt(full, geodata, backup_of(server.url, geodata, full.base.id).folder)


@pytest.fixture(scope="package")
def liten(server, api, tmp_path_factory) -> tuple[Path, Path]:
    """A smaller backup: folder of geodata, and the backup."""
    full, geodata = filled_base(api, rows=13), tmp_path_factory.mktemp("liten")
    return geodata, backup_of(server.url, geodata, full.base.id).folder


@pytest.fixture
def kopi(tatt, tmp_path) -> Path:
    """The same backup, to be changed."""
    shutil.copytree(tatt.geodata, tmp_path / "geodata")
    return tmp_path / "geodata" / "backup" / tatt.full.base.id / tatt.folder.name


@pytest.fixture
def pauser(monkeypatch) -> list[float]:
    """Seconds that would have been waited."""
    return take_no_pauses(monkeypatch.setattr)
