"""Airtable's refusals: status, type, message and how sure we are of each, in one place for server and tests.

A refusal is called to make the error: ``unknown_field("Navn")`` fills the gaps of its message.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Confidence(StrEnum):
    """Where the wording of a refusal comes from."""

    OFFICIAL = "official"
    """Airtable's own documentation shows it."""
    RECORDED = "recorded"
    """It stands in recorded answers of the real server."""
    REPORTED = "reported"
    """Users of the API tell of it; the message, or more, may differ."""
    OURS = "ours"
    """Nobody says what the real server answers: this is our choice."""


class Form(StrEnum):
    """How a body holds the type."""

    OBJECT = "object"
    BARE = "bare"
    LIST = "list"


class ApiError(Exception):
    """A refusal as it is answered: status, body and headers."""

    def __init__(self, status: int, body: dict[str, Any], *, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status} {body}")
        self.status, self.body, self.headers = status, body, headers or {}


@dataclass(frozen=True)
class Refusal:
    """One way of refusing.

    Attributes
    ----------
    status
        Of HTTP.
    kind
        Airtable's type of the error.
    message
        With a ``{}`` for each value that a call gives; None when the body has no message.
    confidence
        How sure the wording is.
    form
        Of the body.
    """

    status: int
    kind: str
    message: str | None
    confidence: Confidence
    form: Form = Form.OBJECT

    def __call__(self, *values: object) -> ApiError:
        """Return the error, its message filled in."""
        return self._error(self.message and self.message.format(*values))

    def saying(self, message: str) -> ApiError:
        """Return the error with a message of our own, where Airtable's is not known."""
        return self._error(message)

    def _error(self, message: str | None) -> ApiError:
        if self.form is Form.BARE:
            return ApiError(self.status, {"error": self.kind})
        if self.form is Form.LIST:
            return ApiError(self.status, {"errors": [{"error": self.kind, "message": message}]})
        return ApiError(self.status, {"error": {"type": self.kind} | ({"message": message} if message else {})})


# --- who asks, and for what ---

unauthorized = Refusal(401, "AUTHENTICATION_REQUIRED", "Authentication required", Confidence.RECORDED)
no_model = Refusal(
    403,
    "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
    "Invalid permissions, or the requested model was not found. Check that both your user and your token have the "
    "required permissions, and that the model names and/or ids are correct.",
    Confidence.OFFICIAL,
)
"""An unknown base or table: Airtable hides whether it exists."""
locked_field = Refusal(
    403,
    "INVALID_PERMISSIONS",
    "You are not permitted to write cell values in field {} ({})",
    Confidence.OFFICIAL,
)
not_found = Refusal(404, "NOT_FOUND", None, Confidence.OFFICIAL, Form.BARE)
"""An unknown route, a malformed id or a record that is not there."""
not_found_object = Refusal(404, "NOT_FOUND", None, Confidence.OFFICIAL)
"""The other form of the same; given as a planned fault alone."""
record_gone = Refusal(404, "MODEL_ID_NOT_FOUND", "Record not found", Confidence.REPORTED)

not_yours = Refusal(
    403, "INVALID_PERMISSIONS", "You are not permitted to change what another has written.", Confidence.OURS
)

# --- what a request says ---

invalid = Refusal(
    422,
    "INVALID_REQUEST_UNKNOWN",
    "Invalid request: parameter validation failed. Check your request data.",
    Confidence.OFFICIAL,
)
too_many_new = Refusal(
    422,
    "INVALID_REQUEST_UNKNOWN",
    "A maximum of 10 records can be created per request but you have provided {}.",
    Confidence.REPORTED,
)
missing_fields = Refusal(
    422, "INVALID_REQUEST_MISSING_FIELDS", 'Could not find field "fields" in the request body', Confidence.REPORTED
)
bad_records = Refusal(
    422,
    "INVALID_RECORDS",
    "You must provide an array of up to 10 record objects, each with an 'id' ID field and a 'fields' object for cell "
    "values.",
    Confidence.RECORDED,
)
same_record_twice = Refusal(
    422,
    "INVALID_RECORDS",
    "You cannot update the same record multiple times in a single request.",
    Confidence.REPORTED,
)
ambiguous_upsert = Refusal(
    422, "INVALID_REQUEST_UNKNOWN", "Cannot upsert: {} records have {} in the fields to merge on.", Confidence.OURS
)
bad_formula = Refusal(
    422,
    "INVALID_FILTER_BY_FORMULA",
    "The formula for filtering records is invalid: Invalid formula. Please check your formula text.",
    Confidence.REPORTED,
)
unknown_in_formula = Refusal(
    422,
    "INVALID_FILTER_BY_FORMULA",
    "The formula for filtering records is invalid: Unknown field names: {}",
    Confidence.REPORTED,
)
bad_filter = Refusal(422, "INVALID_FILTER", "Invalid filter: {}", Confidence.OURS)
"""Of a view; Airtable's Web API can make none."""
view_name_taken = Refusal(422, "DUPLICATE_VIEW_NAME", "A view named {!r} already exists", Confidence.OURS)
bad_hook = Refusal(422, "INVALID_WEBHOOK_SPECIFICATION", "The specification is invalid: {}", Confidence.OURS)
bad_hook_url = Refusal(422, "INVALID_WEBHOOK_URL", "notificationUrl is no web address", Confidence.OURS)
too_many_hooks = Refusal(
    422, "TOO_MANY_WEBHOOKS_IN_BASE", "A base has at most {} webhooks: delete one first", Confidence.OURS
)
"""The number is Airtable's own; how it refuses one more, it does not say."""
no_view = Refusal(422, "VIEW_NAME_NOT_FOUND", "View {} not found", Confidence.REPORTED)
no_cursor = Refusal(422, "LIST_RECORDS_ITERATOR_NOT_AVAILABLE", None, Confidence.RECORDED)
"""An offset unknown or expired: the listing starts over."""

# --- what a cell takes ---

unknown_field = Refusal(422, "UNKNOWN_FIELD_NAME", 'Unknown field name: "{}"', Confidence.RECORDED)
wrong_value = Refusal(
    422, "INVALID_VALUE_FOR_COLUMN", 'Field "{}" cannot accept the provided value', Confidence.RECORDED
)
computed_field = Refusal(
    422,
    "INVALID_VALUE_FOR_COLUMN",
    'Field "{}" cannot accept a value because the field is computed',
    Confidence.RECORDED,
)
no_option = Refusal(
    422,
    "INVALID_MULTIPLE_CHOICE_OPTIONS",
    'Insufficient permissions to create new select option ""{}""',
    Confidence.RECORDED,
)
no_row = Refusal(422, "ROW_DOES_NOT_EXIST", "Record ID {} does not exist in this table", Confidence.RECORDED)
bad_record_id = Refusal(422, "INVALID_RECORD_ID", 'Value "{}" is not a valid record ID.', Confidence.REPORTED)
wrong_table = Refusal(
    422,
    "ROW_TABLE_DOES_NOT_MATCH_LINKED_TABLE",
    "Record ID {} belongs to table {}, but the field links to table {}",
    Confidence.REPORTED,
)
bad_attachment = Refusal(
    422,
    "INVALID_ATTACHMENT_OBJECT",
    "Give the id of an attachment of this cell, or a url on this machine: the local Airtable fetches from no other.",
    Confidence.OURS,
)
"""The type is Airtable's; that only this machine is fetched from is ours."""

# --- tables and fields ---

computed_type = Refusal(
    422,
    "UNSUPPORTED_FIELD_TYPE_FOR_CREATE",
    "Invalid options for {}: Creating {} fields is not supported at this time",
    Confidence.RECORDED,
)
no_type = Refusal(422, "INVALID_FIELD_TYPE", "{}: no field type {!r}", Confidence.OURS)
bad_options = Refusal(
    422,
    "INVALID_FIELD_TYPE_OPTIONS_FOR_CREATE",
    "Invalid options for {}: Failed schema validation",
    Confidence.REPORTED,
)
field_name_taken = Refusal(422, "DUPLICATE_OR_EMPTY_FIELD_NAME", "The name {!r} is in use", Confidence.REPORTED)
table_name_taken = Refusal(422, "DUPLICATE_TABLE_NAME", "A table named {!r} already exists", Confidence.REPORTED)
bad_primary = Refusal(422, "INVALID_PRIMARY_FIELD_TYPE", "A {} field cannot be the primary field", Confidence.OURS)

# --- what only some state of the server gives ---

rate_limited = Refusal(429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later", Confidence.OFFICIAL)
rate_limited_list = Refusal(
    429, "RATE_LIMIT_REACHED", "Rate limit exceeded. Please try again later", Confidence.RECORDED, Form.LIST
)
"""The older form of the same; given as a planned fault alone."""
quota_spent = Refusal(
    429,
    "PUBLIC_API_BILLING_LIMIT_EXCEEDED",
    "API billing plan limit exceeded. You've reached the maximum number of requests allowed for this month.",
    Confidence.RECORDED,
)
retriable = Refusal(
    503,
    "RETRIABLE_ERROR",
    "Server encountered an error while processing your request, and it is safe to retry the request",
    Confidence.OFFICIAL,
)
server_error = Refusal(500, "SERVER_ERROR", "The server could not carry out the request.", Confidence.OURS)
bad_json = Refusal(400, "INVALID_JSON", "Could not parse request body as JSON", Confidence.OURS)
slow_body = Refusal(408, "REQUEST_TIMEOUT", "The request body did not arrive in time.", Confidence.OURS)
long_address = Refusal(
    414, "REQUEST_URI_TOO_LONG", "The URL is longer than {} characters: use POST listRecords.", Confidence.OURS
)
"""The length is Airtable's own; how it refuses a longer one, it does not say."""
too_large = Refusal(413, "REQUEST_TOO_LARGE", "{}", Confidence.OURS)

REFUSALS: dict[str, Refusal] = {name: value for name, value in globals().items() if isinstance(value, Refusal)}
"""All of them, by name."""
