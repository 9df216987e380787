"""Faults that whoever runs the server plans: refusals that Airtable gives in a state no request can bring about."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from tasks.sandbox.airtable.errors import ApiError, Refusal


@dataclass
class _Fault:
    refusal: Refusal
    times: int
    after: int
    method: str | None
    holding: str
    retry_after_s: int | None


class Faults:
    """Refusals to give instead of an answer; what is refused is not carried out."""

    def __init__(self) -> None:
        self._planned: list[_Fault] = []
        self._lock = threading.Lock()

    def plan(
        self,
        refusal: Refusal,
        *,
        times: int = 1,
        after: int = 0,
        method: str | None = None,
        holding: str = "",
        retry_after_s: int | None = None,
    ) -> None:
        """Refuse requests to come; with several plans the first that fits is used.

        Parameters
        ----------
        refusal
            One of `errors.REFUSALS`.
        times
            How many requests.
        after
            How many that fit are answered first.
        method
            Of HTTP, or None for any.
        holding
            What the path, decoded, must hold.
        retry_after_s
            The header Retry-After, or None for none.
        """
        with self._lock:
            self._planned.append(_Fault(refusal, times, after, method, holding, retry_after_s))

    def take(self, method: str, path: str) -> ApiError | None:
        """Return the refusal that is planned for a request, and count it; None when there is none."""
        with self._lock:
            for fault in self._planned:
                if fault.times < 1 or fault.method not in (None, method) or fault.holding not in path:
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                error = fault.refusal()
                if fault.retry_after_s is not None:
                    error.headers["Retry-After"] = str(fault.retry_after_s)
                return error
            self._planned = [f for f in self._planned if f.times > 0]
        return None
