"""Limits: requests a second and base, the penalty, the log of arrivals, and offsets that expire."""

from __future__ import annotations

import time

import httpx
import pytest

from tasks.sandbox.airtable import AirtableServer
from tasks.sandbox.airtable.errors import ApiError
from tasks.sandbox.airtable.limit import RateLimit
from tasks.sandbox.airtable.listings import Listings
from tests.sandbox.conftest import LINES, answer
from tests.waiting import PATIENCE_S


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


def is_refused(limit: RateLimit, base_id: str | None = "app1") -> bool:
    try:
        limit.check(base_id)
    except ApiError as error:
        return error.status == 429
    return False


def test_one_request_too_many_brings_30_s_of_refusals_for_its_base_alone(clock):
    limit = RateLimit(5, clock=clock)
    assert [is_refused(limit) for _ in range(6)] == [False] * 5 + [True]
    assert not is_refused(limit, "app2")
    clock.now += 29.9
    assert is_refused(limit)
    clock.now += 0.2
    assert not is_refused(limit)
    for n in range(20):
        clock.now = 200 + n / 5
        assert not is_refused(limit)


def test_any_second_counts_not_that_of_the_clock(clock):
    limit = RateLimit(5, clock=clock)
    for moment in (0.5, 0.6, 0.7, 0.8, 0.9, 1.5):
        clock.now = moment
        assert not is_refused(limit)
    clock.now = 1.55
    assert is_refused(limit)


def test_a_request_during_the_penalty_does_not_prolong_it(clock):
    limit = RateLimit(1, penalty_s=2, clock=clock)
    assert [is_refused(limit), is_refused(limit)] == [False, True]
    for _ in range(19):
        clock.now += 0.1
        assert is_refused(limit)
    clock.now += 0.11
    assert not is_refused(limit)


def test_without_a_penalty_the_one_too_many_is_refused_alone(clock):
    limit = RateLimit(2, penalty_s=0, clock=clock)
    assert [is_refused(limit) for _ in range(4)] == [False, False, True, True]
    clock.now += 1
    assert [is_refused(limit) for _ in range(3)] == [False, False, True]


def test_a_user_has_a_limit_over_all_bases(clock):
    limit = RateLimit(5, per_user=50, clock=clock)
    seen = [is_refused(limit, f"app{n}") for n in range(51)]
    assert seen == [False] * 50 + [True]
    assert is_refused(limit, None)
    clock.now += 31
    assert not is_refused(limit, None)


def test_limit_off_is_no_limit_of_the_user_either(clock):
    limit = RateLimit(0, clock=clock)
    assert not any(is_refused(limit) for _ in range(1000))


def test_the_log_of_arrivals_is_bounded_and_has_the_refused(clock, monkeypatch):
    monkeypatch.setattr("tasks.sandbox.airtable.limit.KEPT_ARRIVALS", 3)
    limit = RateLimit(1, clock=clock)
    for n in range(5):
        clock.now = float(n)
        is_refused(limit)
    is_refused(limit, "app2")
    assert limit.arrivals == {"app1": [2.0, 3.0, 4.0], "app2": [4.0]}


def test_over_http_the_limit_counts_requests_to_the_base_alone(tmp_path, clock):
    with AirtableServer(tmp_path, token="pat", clock=clock) as server:
        headers = {"Authorization": "Bearer pat"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE_S) as client:
            body = {"name": "B", "workspaceId": "w", "tables": [{"name": "T", "fields": [LINES]}]}
            base = client.post("/v0/meta/bases", json=body).json()["id"]
            for _ in range(10):
                assert client.get("/health").status_code == client.get("/").status_code == 200
                assert client.get("/v0/meta/bases").status_code == 200
                assert client.get(f"/v0/{base}/T", headers={"Authorization": "feil"}).status_code == 401
            paths = [f"/v0/{base}/T", f"/v0/meta/bases/{base}/tables", f"/v0/{base}/Ukjent"]
            seen = [client.get(paths[n % 3]).status_code for n in range(7)]
            assert seen == [200, 200, 403, 200, 200, 429, 429]
            wanted = (429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later")
            assert answer(client.post(f"/v0/{base}/T", json={"fields": {}})) == wanted
            assert client.get("/v0/meta/bases").status_code == 200
            assert server.arrivals == {base: [100.0] * 8}
            clock.now += 30
            assert client.get(f"/v0/{base}/T").json() == {"records": []}


def test_arrivals_are_seconds_of_the_monotonic_clock(tmp_path):
    assert AirtableServer(tmp_path, token="pat").arrivals == {}
    with AirtableServer(tmp_path, token="pat") as server:
        headers = {"Authorization": "Bearer pat"}
        body = {"name": "B", "workspaceId": "w", "tables": [{"name": "T", "fields": [LINES]}]}
        base = httpx.post(f"{server.url}/v0/meta/bases", headers=headers, json=body, timeout=PATIENCE_S).json()["id"]
        before = time.monotonic()
        httpx.get(f"{server.url}/v0/{base}/T", headers=headers, timeout=PATIENCE_S)
        (arrived,) = server.arrivals[base]
        assert before <= arrived <= time.monotonic()
    assert server.arrivals == {base: [arrived]}


# --- offsets ---


def expired(listings: Listings, offset: str | None) -> bool:
    assert offset is not None
    try:
        listings.page("tbl1", offset, 2)
    except ApiError as error:
        return error.body == {"error": {"type": "LIST_RECORDS_ITERATOR_NOT_AVAILABLE"}}
    return False


def test_an_offset_expires_when_nobody_uses_it(clock):
    listings = Listings(idle_s=60, clock=clock)
    _, first = listings.begin("tbl1", list("abcdefgh"), 2)
    clock.now += 59
    page, second = listings.page("tbl1", first or "", 2)
    assert page == ["c", "d"]
    clock.now += 59
    assert not expired(listings, second)
    clock.now += 60
    assert expired(listings, second)
    clock.now -= 60
    assert expired(listings, second)


def test_an_offset_expires_after_too_many_listings(clock):
    listings = Listings(most_open=2, clock=clock)
    offsets = [listings.begin("tbl1", list("abcd"), 2)[1] for _ in range(2)]
    assert not expired(listings, offsets[0])
    offsets.append(listings.begin("tbl1", list("abcd"), 2)[1])
    assert [expired(listings, o) for o in offsets] == [False, True, False]


def test_over_http_an_expired_offset_is_refused_and_the_listing_starts_over(tmp_path):
    with AirtableServer(tmp_path, token="pat", rate_limit_per_s=0, cursor_s=0) as server:
        headers = {"Authorization": "Bearer pat"}
        with httpx.Client(base_url=server.url, headers=headers, timeout=PATIENCE_S) as client:
            body = {"name": "B", "workspaceId": "w", "tables": [{"name": "T", "fields": [LINES]}]}
            rows = f"/v0/{client.post('/v0/meta/bases', json=body).json()['id']}/T"
            client.post(rows, json={"records": [{"fields": {}}] * 3})
            first = client.get(rows, params={"pageSize": 2}).json()
            gone = client.get(rows, params={"pageSize": 2, "offset": first["offset"]})
            assert (gone.status_code, gone.json()["error"]["type"]) == (422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE")
            assert len(client.get(rows).json()["records"]) == 3
