"""The one way to Airtable: pyairtable over HTTP, paced, patient after a 429, and with errors a person can act on.

Requests are only repeated where that is harmless: a create that was refused before it was read (429), but never one
whose answer got lost. What a server answers is bounded in size and time, and a redirect is never followed.
"""

from __future__ import annotations

import io
import json
import re
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pydantic
import requests
import urllib3
from pyairtable import Api
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception_type, retry_if_result, stop_after_attempt

from config.settings import AIRTABLE_URL, Settings, host_of, is_loopback
from tasks.crm import svarform
from tasks.crm.takt import GlobalLimit, SharedPace
from tasks.errors import AirtableError, BudgetError, ConfigError

TIMEOUT_S = (5, 30)
ANSWER_S = 60.0
"""For the whole of an answer's body; each part of it within `TIMEOUT_S`."""
MAX_ANSWER_BYTES = 20_000_000
"""Unpacked. A page of 100 records is some 100 kB, the schema of a base less than 1 MB."""
PENALTY_S = 30.0
"""Airtable refuses everything for 30 s after one request too many."""
MAX_RETRY_AFTER_S = 60.0
TRIES = 4
MAY_PASS = frozenset({429, 500, 502, 503, 504})
CONTENT_HOST = "content.airtable.com"


class RefusedAnswerError(requests.RequestException):
    """An answer that is not taken; what was asked for may have been done all the same."""


class Bearer(AuthBase):
    """The token; an explicit auth keeps requests from putting a .netrc entry in its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Set the header."""
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class AirtableAdapter(HTTPAdapter):
    """Transport for one API: pacing, counting, retries, the form of answers, uploads kept at the configured address."""

    def __init__(self, *, endpoint: str, pace: SharedPace, sleep: Callable[[float], None] = time.sleep) -> None:
        super().__init__(max_retries=0)
        self.calls = 0
        self._endpoint = urlsplit(endpoint)
        self._pace, self._sleep = pace, sleep

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request, again where that is harmless and may help."""
        self._keep_at_endpoint(request)
        harmless = request.method != "POST" or urlsplit(request.url or "").path.endswith("/listRecords")
        again = retry_if_result(lambda answer: _may_pass(answer, harmless=harmless))
        if harmless:
            again = again | retry_if_exception_type((requests.ConnectionError, requests.Timeout))  # type: ignore[assignment]
        return Retrying(
            retry=again,
            wait=_pause,
            sleep=self._sleep,
            stop=stop_after_attempt(TRIES),
            retry_error_callback=_last_answer,
        )(self._once, request, **options)

    def _once(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        with self._pace.slot():
            self.calls += 1
            answer, data = _whole(super().send(request, **options))
            if _is_rate_limited(answer):
                self._pace.penalize(PENALTY_S)
        wrong = svarform.fault(request, data, root=self._endpoint.path) if answer.ok else None
        if wrong is not None:
            raise RefusedAnswerError(wrong, request=request)
        return answer

    def _keep_at_endpoint(self, request: requests.PreparedRequest) -> None:
        """Send uploads to the configured address too: pyairtable knows only Airtable's own content host."""
        url = urlsplit(request.url or "")
        if url.hostname == CONTENT_HOST and urlunsplit(self._endpoint) != AIRTABLE_URL:
            request.url = urlunsplit(url._replace(scheme=self._endpoint.scheme, netloc=self._endpoint.netloc))


def _whole(answer: requests.Response) -> tuple[requests.Response, svarform.Answer]:
    """Return an answer whose body has been read, and that: an object, or None when a refusal holds anything else.

    Raises
    ------
    RefusedAnswerError
        For a redirect, and for a body that is too large, too slow or no JSON object.
    requests.ConnectionError, requests.Timeout
        When the body breaks off.
    """
    request = answer.request
    try:
        if answer.is_redirect:
            raise RefusedAnswerError(f"answers {answer.status_code}, a redirect, which is not followed with the token")
        body = _read(answer)
    except urllib3.exceptions.ReadTimeoutError as error:
        raise requests.ReadTimeout(error, request=request) from None
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(error, request=request) from None
    except RefusedAnswerError as error:
        error.request = request
        raise
    finally:
        answer.close()
    data = _object(body)
    if answer.ok and body and data is None:
        raise RefusedAnswerError("answers with something else than a JSON object", request=request)
    answer.raw = io.BytesIO(body if data is not None else b"")
    return answer, data


def _read(answer: requests.Response) -> bytes:
    """Return the body, unpacked, as it comes: reading a fixed amount would wait for a server that drips."""
    body, deadline = bytearray(), time.monotonic() + ANSWER_S
    announced = answer.headers.get("Content-Length", "")
    if re.fullmatch(r"[0-9]{1,18}", announced) and int(announced) > MAX_ANSWER_BYTES:
        raise RefusedAnswerError(f"answers with {int(announced):,} bytes; at most {MAX_ANSWER_BYTES:,} are read")
    while part := answer.raw.read1(2**16, decode_content=True):
        body += part
        if len(body) > MAX_ANSWER_BYTES:
            raise RefusedAnswerError(f"answers with more than {MAX_ANSWER_BYTES:,} bytes, which are not read")
        if time.monotonic() > deadline:
            raise RefusedAnswerError(f"takes more than {ANSWER_S:.0f} s to answer")
    return bytes(body)


def _object(body: bytes) -> svarform.Answer:
    """Return what pyairtable can read, a JSON object; None for anything else."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _is_rate_limited(answer: requests.Response) -> bool:
    """Return True for a 429 that passes; a month's spent calls do not come back."""
    return answer.status_code == 429 and "BILLING_LIMIT" not in _body(answer)[0]


def _may_pass(answer: requests.Response, *, harmless: bool) -> bool:
    if answer.status_code == 429:
        return _is_rate_limited(answer)
    return harmless and answer.status_code in MAY_PASS


def _pause(state: RetryCallState) -> float:
    """Return the seconds to wait before the next try."""
    outcome = state.outcome
    answer: requests.Response | None = None if outcome is None or outcome.failed else outcome.result()
    if answer is not None and answer.status_code == 429:
        return PENALTY_S
    asked = "" if answer is None or answer.status_code != 503 else answer.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", asked):
        return min(float(asked), MAX_RETRY_AFTER_S)
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
    token = settings.require_token()
    url = settings.airtable_url.rstrip("/")
    if not url.startswith("https://") and not is_loopback(url):
        raise ConfigError(f"TOMT_AIRTABLE_URL: {host_of(url)} is not https; the token would travel in clear text.")
    api = Api(token, timeout=TIMEOUT_S, retry_strategy=None, endpoint_url=url, use_field_ids=True)
    api.session.auth = Bearer(token)
    # a proxy would read the token of an address without https, also that of this machine
    api.session.trust_env = url.startswith("https://")
    adapter = AirtableAdapter(endpoint=url, pace=shared_pace(settings))
    api.session.mount("https://", adapter)
    api.session.mount("http://", adapter)
    return api


def shared_pace(settings: Settings) -> SharedPace:
    """Return the pace of the base: kept under geodata/, and on Prefect's server for a base that is named.

    A sandbox finds its base only after connecting; there the server's address stands for it.
    """
    base, rate = settings.airtable_base, settings.airtable_rate_per_s
    # what is no letter, digit or hyphen could lead out of the folder
    name = re.sub(r"[^A-Za-z0-9-]", "_", base or host_of(settings.airtable_url))[:100]
    return SharedPace(
        settings.geodata / "crm" / "takt" / f"{name}.json",
        rate,
        across=GlobalLimit(f"airtable-{name}", rate) if base else None,
    )


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
        host = host_of(error.request.url or "") if error.request is not None else ""
        raise AirtableError(f"{what}: {host or 'Airtable'} {_how(error)}") from None
    except (KeyError, TypeError, pydantic.ValidationError) as error:
        if not _is_of_pyairtable(error):
            raise
        # what it says quotes the answer
        raise AirtableError(
            f"{what}: Airtable's answer has a form that is not known ({type(error).__name__}). Run again; if it stays "
            "so, Airtable has changed, and the program must."
        ) from None


def _is_of_pyairtable(error: Exception) -> bool:
    """Return True for what pyairtable met in an answer; the same from elsewhere is a mistake in the program."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    return any(str(frame.f_globals.get("__name__")).split(".")[0] == "pyairtable" for frame in frames)


def _how(error: requests.RequestException) -> str:
    if isinstance(error, RefusedAnswerError):
        return f"{error}. Check TOMT_AIRTABLE_URL, and what stands between here and there."
    kind = "did not answer in time" if isinstance(error, requests.Timeout) else "cannot be reached"
    return f"{kind}. Check the network and TOMT_AIRTABLE_URL, then run again: nothing is lost."


def error_kind(error: requests.HTTPError) -> str:
    """Return Airtable's type of a refusal, such as ``ROW_DOES_NOT_EXIST``; "" when it names none."""
    return "" if error.response is None else _body(error.response)[0]


def is_uncertain(error: requests.RequestException) -> bool:
    """Return True when the request may have been carried out: it left, and no answer said that it was not."""
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return error.response.status_code >= 500
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidJSONError | ValueError):
        return False  # no connection came about; an address, header or body that cannot be sent
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return not isinstance(reason, urllib3.exceptions.NewConnectionError)


def _explain(error: requests.HTTPError, what: str) -> AirtableError:
    response = error.response
    kind, message = _body(response)
    host = host_of(response.url)
    if response.status_code == 401:
        return AirtableError(
            f"{what}: {host} refused the token (401). Check TOMT_AIRTABLE_TOKEN, or the profile's own."
        )
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
    """Return type and message of any of Airtable's error shapes; "" for what is none of them."""
    try:
        data = response.json()
    except ValueError:
        return "", "not JSON"
    error = data.get("error") if isinstance(data, dict) else None
    if error is None and isinstance(data, dict) and isinstance(data.get("errors"), list):
        error = next(iter(data["errors"]), None)
    if isinstance(error, str):
        return error[:100], ""
    if isinstance(error, dict):
        return str(error.get("type") or error.get("error") or "")[:100], str(error.get("message") or "")
    return "", ""
