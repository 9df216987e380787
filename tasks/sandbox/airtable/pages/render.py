"""Pages from templates: everything escaped, nothing from outside, no script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2
from fastapi import Request
from fastapi.responses import HTMLResponse

from tasks.sandbox.airtable.actor import PEOPLE
from tasks.sandbox.airtable.pages.guard import Guard
from tasks.sandbox.airtable.pages.people import current

HERE = Path(__file__).parents[1]
STYLE = HERE / "static" / "style.css"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # Not no-referrer: with that, browsers do not say where a form comes from.
    "Referrer-Policy": "same-origin",
}

_jinja = jinja2.Environment(
    loader=jinja2.FileSystemLoader(HERE / "templates"), autoescape=True, undefined=jinja2.StrictUndefined
)
_jinja.filters["rows"] = lambda count: f"{count} rad" if count == 1 else f"{count} rader"


class Pages:
    """The templates, for one server."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    def page(
        self, request: Request, template: str, *, status: int = 200, here: str = "/", **context: Any
    ) -> HTMLResponse:
        """Return a page.

        Parameters
        ----------
        here
            Where the choice of a person comes back to.
        """
        html = _jinja.get_template(template).render(
            **context, here=here, people=PEOPLE, me=current(request), token=self._guard.token
        )
        return HTMLResponse(html, status, headers={**HEADERS, "Cache-Control": "private, no-cache"})

    def missing(self, request: Request, why: str = "Raden eller tabellen er ikke her.") -> HTMLResponse:
        """Return the page that says that something is not there."""
        return self.page(request, "message.html", status=404, title="Finnes ikke", why=why)

    def refused(self, request: Request, status: int, why: str) -> HTMLResponse:
        """Return the page that says why a form was not taken."""
        return self.page(request, "message.html", status=status, title="Ikke lagret", why=why)
