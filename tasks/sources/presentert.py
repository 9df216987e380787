"""A client that says who it is in a header of the service's own, as some services want of everyone who asks them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tasks.sources.asked import Asked
from tasks.sources.http import IN_MEMORY, Body, Client

NAVN = "tomtesourcing"


class Presentert(Client):
    """A client for one source, with headers of its own; use it as a context manager.

    Parameters
    ----------
    asked
        Address, limits, and who is asking.
    headers
        Sent along with every request.
    """

    def __init__(self, asked: Asked, *, headers: Mapping[str, str]) -> None:
        super().__init__(asked.adresse, limits=asked.limits, contact=contact_of(asked.client), vakt=asked.client.vakt)
        self._http.headers.update(headers)

    def __enter__(self) -> Presentert:
        super().__enter__()
        return self

    def post_json(self, url: str, data: object) -> Body:
        """Ask with POST and a JSON body; asking twice must be harmless. Raises as `get`."""
        request = self._http.build_request("POST", self._own(url), json=data, headers={"Accept": "application/json"})
        return self._ask(request, IN_MEMORY["json"])


def contact_of(client: Client) -> str | None:
    """Return the contact that a client tells the services that it asks."""
    found = re.search(r"\(\+(.*)\)$", client._http.headers.get("user-agent", ""))
    return found[1] if found else None


def client_name(asked: Asked) -> str:
    """Return the name for a header: ``tomtesourcing`` and, where one is set, the contact."""
    contact = contact_of(asked.client)
    return f"{NAVN}-{contact}" if contact else NAVN
