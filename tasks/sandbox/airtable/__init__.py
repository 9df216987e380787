"""A local Airtable: an HTTP server that speaks Airtable's Web API, on SQLite.

It exists so that what passes here passes on the real one, and so that a newcomer can try things without an account.
"""

from tasks.sandbox.airtable.app import create_app
from tasks.sandbox.airtable.serve import AirtableServer

__all__ = ["AirtableServer", "create_app"]
