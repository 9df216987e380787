"""Pings of webhooks: short notices that there is something to fetch, sent one after another beside the requests.

A hook that is pinged again before its turn is pinged once. Only addresses of this machine are called; whatever goes
wrong is kept as the hook's last result, and a failed ping is not sent again: the next change pings anew. Airtable
itself tries again for some hours.

Source: Airtable's Web API, “Webhooks overview” (airtable.com/developers/web/api/webhooks-overview).
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tasks.sandbox.airtable import loopback
from tasks.sandbox.airtable.formula.value import iso
from tasks.sandbox.airtable.sidefile import SideFile

JSON = dict[str, Any]
MOST_WAITING = 1000
STOP_S = 15.0
"""Longer than `loopback.TIME_S`, in which a ping under way has ended."""
PINGED = "FROM hook WHERE id = ? AND pings = 1 AND url IS NOT NULL"
log = logging.getLogger("tomt.airtable")


class Pings:
    """Sends pings from a thread of its own, which begins with the first."""

    def __init__(self, file: SideFile, now: Callable[[], datetime]) -> None:
        self._file, self._now = file, now
        self._waiting: OrderedDict[str, None] = OrderedDict()
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_over = False

    def send(self, hook_id: str) -> None:
        """Ping a hook soon; one without an address, or whose pings are off, has nothing to wait for."""
        if not self._file.rows(f"SELECT 1 {PINGED}", hook_id):
            return
        with self._news:
            if self._is_over or len(self._waiting) >= MOST_WAITING:
                return
            self._waiting[hook_id] = None
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="webhook pings", daemon=True)
                self._thread.start()
            self._news.notify()

    def close(self) -> None:
        """Let those that wait be, and end the thread."""
        with self._news:
            self._is_over = True
            self._waiting.clear()
            self._news.notify()
        if self._thread is not None:
            self._thread.join(STOP_S)

    def _work(self) -> None:
        while True:
            with self._news:
                while not self._waiting and not self._is_over:
                    self._news.wait()
                if self._is_over:
                    return
                hook_id, _ = self._waiting.popitem(last=False)
            try:
                self._ping(hook_id)
            except Exception:
                log.exception("Webhook %s could not be pinged.", hook_id)

    def _ping(self, hook_id: str) -> None:
        found = self._file.rows(f"SELECT base, url, secret {PINGED}", hook_id)
        if not found:
            return
        base_id, url, secret = found[0]
        notice = {"base": {"id": base_id}, "webhook": {"id": hook_id}, "timestamp": iso(self._now())}
        body = json.dumps(notice, separators=(",", ":")).encode()
        mac = hmac.digest(base64.b64decode(secret), body, "sha256").hex()
        headers = {"Content-Type": "application/json", "X-Airtable-Content-MAC": f"hmac-sha256={mac}"}
        began, wrong = time.monotonic(), ""
        try:
            status = loopback.call("POST", url, body=body, headers=headers).status
            if status not in (200, 204):
                wrong = f"The HTTP request returned a {status} status code instead of 200 or 204"
        except loopback.LoopbackError as error:
            wrong = f"The HTTP request failed: {error}"
        self._keep(hook_id, wrong, duration_ms=(time.monotonic() - began) * 1000)

    def _keep(self, hook_id: str, wrong: str, *, duration_ms: float) -> None:
        moment = iso(self._now())
        result: JSON = {
            "success": not wrong,
            "completionTimestamp": moment,
            "durationMs": round(duration_ms, 3),
            "retryNumber": 0,
        }
        if wrong:
            result |= {"error": {"message": wrong}, "willBeRetried": False}
        self._file.write(
            "UPDATE hook SET result = ?, succeeded = coalesce(?, succeeded) WHERE id = ?",
            *(json.dumps(result), None if wrong else moment, hook_id),
        )
