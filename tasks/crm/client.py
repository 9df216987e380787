"""The one way to Airtable: pyairtable over HTTP, paced, patient after a 429, and with errors a person can act on.

Writes are only retried where repeating them is harmless: a create that was refused before it was read (429), but
never one whose answer got lost.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import requests
from pyairtable import Api
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception_type, retry_if_result, stop_after_attempt

from config.settings import AIRTABLE_URL, Settings
from tasks.errors import AirtableError, BudgetError, ConfigError

TIMEOUT_S = (5, 30)
PENALTY_S = 30.0
"""Airtable refuses everything for 30 s after one request too many."""
TRIES = 4
MAY_PASS = frozenset({429, 500, 502, 503, 504})
CONTENT_HOST = "content.airtable.com"


class Pace:
    """At most `rate_per_s` requests a second, evenly spread; 0 = no pacing."""

    def __init__(
        self,
        rate_per_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._gap = 1 / rate_per_s if rate_per_s else 0.0
        self._clock, self._sleep = clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until the next request may leave."""
        if not self._gap:
            return
        with self._lock:
            now = self._clock()
            start = max(now, self._next)
            self._next = start + self._gap
        if start > now:
            self._sleep(start - now)


class Bearer(AuthBase):
    """The token; an explicit auth keeps requests from putting a .netrc entry in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class AirtableAdapter(HTTPAdapter):
    """Transport for one API: pacing, counting, retries, and uploads kept at the configured address."""

    def __init__(self, *, endpoint: str, pace: Pace, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(max_retries=0)
        self.calls = 0
        self._endpoint = urlsplit(endpoint)
        self._pace, self._sleep = pace, sleep

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request, again where that is harmless and may help."""
        self._keep_at_endpoint(request)
        harmless = request.method != "POST" or (request.url or "").endswith("/listRecords")
        again = retry_if_result(lambda answer: _may_pass(answer, harmless=harmless))
        if harmless:
            again = again | retry_if_exception_type(requests.ConnectionError)  # type: ignore[assignment]
        return Retrying(
            retry=again,
            wait=_pause,
            sleep=self._sleep,
            stop=stop_after_attempt(TRIES),
            retry_error_callback=_last_answer,
        )(self._once, request, **options)

    def _once(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        self._pace.wait()
        self.calls += 1
        return super().send(request, **options)

    def _keep_at_endpoint(self, request: requests.PreparedRequest) -> None:
        """Send uploads to the configured address too: pyairtable knows only Airtable's own content host."""
        url = urlsplit(request.url or "")
        if url.hostname == CONTENT_HOST and urlunsplit(self._endpoint) != AIRTABLE_URL:
            request.url = urlunsplit(url._replace(scheme=self._endpoint.scheme, netloc=self._endpoint.netloc))


def _may_pass(answer: requests.Response, *, harmless: bool) -> bool:
    if answer.status_code == 429:
        return "BILLING_LIMIT" not in answer.text
    return harmless and answer.status_code in MAY_PASS


def _pause(state: RetryCallState) -> float:
    outcome = state.outcome
    if outcome is not None and not outcome.failed and outcome.result().status_code == 429:
        return PENALTY_S
    return float(min(0.5 * 2**state.attempt_number, 8.0))


def _last_answer(state: RetryCallState) -> requests.Response:
    assert state.outcome is not None  # noqa: S101  # tenacity calls this after an attempt
    answer: requests.Response = state.outcome.result()
    return answer


def connect(settings: Settings) -> Api:
    """Return the API in the profile's base address.

    Raises
    ------
    ConfigError
        Without a token, or when the token would leave this machine unencrypted.
    """
    if settings.airtable_token is None:
        raise ConfigError(
            f"TOMT_AIRTABLE_TOKEN is not set and the profile is {settings.effective_profile}. Set the token "
            "(README: Connect your own Airtable), or TOMT_PROFILE=sandbox to try things out."
        )
    from config.settings import is_loopback

    url = settings.airtable_url.rstrip("/")
    if not url.startswith("https://") and not is_loopback(url):
        raise ConfigError(f"TOMT_AIRTABLE_URL: {url} is not https; the token would travel in clear text.")
    token = settings.airtable_token.get_secret_value().strip()
    api = Api(token, timeout=TIMEOUT_S, retry_strategy=None, endpoint_url=url, use_field_ids=True)
    api.session.auth = Bearer(token)
    adapter = AirtableAdapter(endpoint=url, pace=Pace(settings.airtable_rate_per_s))
    api.session.mount("https://", adapter)
    api.session.mount("http://", adapter)
    return api


def calls_of(api: Api) -> int:
    """Return how many requests have left through this API."""
    adapter = api.session.get_adapter(api.endpoint_url)
    return adapter.calls if isinstance(adapter, AirtableAdapter) else 0


@contextmanager
def readable_errors(what: str) -> Iterator[None]:
    """Turn what pyairtable and requests raise into an `AirtableError` that says what to do.

    Parameters
    ----------
    what
        What was being done, such as ``reading Tomter``.
    """
    try:
        yield
    except requests.HTTPError as error:
        raise _explain(error, what) from None
    except requests.RequestException as error:
        host = urlsplit(error.request.url).netloc if error.request is not None and error.request.url else "Airtable"
        kind = "did not answer in time" if isinstance(error, requests.Timeout) else "cannot be reached"
        raise AirtableError(
            f"{what}: {host} {kind}. Check the network and TOMT_AIRTABLE_URL, then run again: nothing is lost."
        ) from None


def _explain(error: requests.HTTPError, what: str) -> AirtableError:
    response = error.response
    kind, message = _body(response)
    host = urlsplit(response.url).netloc
    if response.status_code == 401:
        return AirtableError(f"{what}: {host} refused the token (401). Check TOMT_AIRTABLE_TOKEN.")
    if response.status_code in {403, 404}:
        return AirtableError(
            f"{what}: {host} answers {response.status_code} {kind}: the base or table does not exist, or the token "
            "lacks a scope or has no access to the base. Check TOMT_AIRTABLE_BASE and the token's scopes and bases."
        )
    if "BILLING_LIMIT" in kind:
        return BudgetError(f"{what}: the workspace's monthly calls are spent. Wait for next month or raise the plan.")
    if response.status_code == 429:
        return AirtableError(f"{what}: {host} is still rate limiting after {TRIES} tries. Run again later.")
    if response.status_code >= 500:
        return AirtableError(f"{what}: {host} answers {response.status_code} after {TRIES} tries. Run again later.")
    return AirtableError(
        f"{what}: {host} refused ({response.status_code} {kind}: {message[:200]}). Run `tomt base check`."
    )


def _body(response: requests.Response) -> tuple[str, str]:
    """Return type and message of any of Airtable's error shapes."""
    try:
        data = response.json()
    except (ValueError, json.JSONDecodeError):
        return "", "not JSON"
    error = data.get("error") if isinstance(data, dict) else None
    if error is None and isinstance(data, dict) and data.get("errors"):
        error = data["errors"][0]
    if isinstance(error, str):
        return error, ""
    if isinstance(error, dict):
        return str(error.get("type") or error.get("error") or ""), str(error.get("message") or "")
    return "", ""
