"""A local Airtable on a free port, and pyairtable and httpx pointed at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import requests
from pyairtable import Api, Base

from tasks.sandbox.airtable import AirtableServer
from tests.waiting import PATIENCE_S

LINES = {"name": "Navn", "type": "singleLineText"}
TALL = {"name": "Tall", "type": "number", "options": {"precision": 1}}
NOTAT = "Notat / åpen {x}"


def connect(url: str, token: str = "pat-for-tests") -> Api:
    return Api(token, endpoint_url=url, timeout=(PATIENCE_S, PATIENCE_S), retry_strategy=None)


@pytest.fixture(scope="session")
def airtable(tmp_path_factory) -> Iterator[AirtableServer]:
    with AirtableServer(tmp_path_factory.mktemp("airtable"), token="pat-for-tests", rate_limit_per_s=0) as server:
        yield server


@pytest.fixture(scope="session")
def api(airtable) -> Iterator[Api]:
    api = connect(airtable.url)
    yield api
    api.session.close()


@pytest.fixture(scope="session")
def web(airtable) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer pat-for-tests"}
    with httpx.Client(base_url=airtable.url, headers=headers, timeout=PATIENCE_S) as client:
        yield client


@pytest.fixture
def base(api) -> Base:
    """Two tables that link to each other: Områder/felt ← Tomter."""
    base = api.create_base("wspTest", "Prøve", [{"name": "Områder/felt", "fields": [LINES]}])
    omraader = base.schema().tables[0].id
    base.create_table(
        "Tomter",
        [
            LINES,
            TALL,
            {"name": "Klar", "type": "checkbox", "options": {"icon": "check", "color": "greenBright"}},
            {"name": "Klasse", "type": "singleSelect", "options": {"choices": [{"name": "bolig"}, {"name": "annet"}]}},
            {"name": "Merker", "type": "multipleSelects", "options": {"choices": [{"name": "A"}]}},
            {"name": "Dato", "type": "date", "options": {"dateFormat": {"name": "iso"}}},
            {
                "name": "Tid",
                "type": "dateTime",
                "options": {
                    "dateFormat": {"name": "iso"},
                    "timeFormat": {"name": "24hour"},
                    "timeZone": "Europe/Oslo",
                },
            },
            {"name": NOTAT, "type": "multilineText"},
            {"name": "Område", "type": "multipleRecordLinks", "options": {"linkedTableId": omraader}},
            {"name": "Bilder", "type": "multipleAttachments"},
            {"name": "Lenke", "type": "url"},
        ],
    )
    return api.base(base.id)


@pytest.fixture
def tomter(base):
    return base.table("Tomter")


@pytest.fixture
def omraader(base):
    return base.table("Områder/felt")


def refusal(call: Callable[[], object]) -> tuple[int, str, str]:
    """Return status, type and message of what a pyairtable call is refused with."""
    with pytest.raises(requests.HTTPError) as caught:
        call()
    return answer(caught.value.response)


def answer(response: requests.Response | httpx.Response) -> tuple[int, str, str]:
    """Return status, type and message of a refusal."""
    error = response.json()["error"]
    if isinstance(error, str):
        return response.status_code, error, ""
    return response.status_code, error["type"], error.get("message", "")


def names(records: list[dict[str, Any]]) -> list[str | None]:
    """Return the field Navn of each record."""
    return [r["fields"].get("Navn") for r in records]
