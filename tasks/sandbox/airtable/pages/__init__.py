"""The pages: the bases as a person wants to see and change them, without an account and without a script.

Server-rendered, everything escaped, nothing from outside. What a person may write follows the guide of the base; who it
is, is a choice among made-up people.
"""

from tasks.sandbox.airtable.pages.routes import add_pages

__all__ = ["add_pages"]
