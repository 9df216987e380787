"""Airtable's refusals: status, type and message in one place, so that pages and tests name the same."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A refusal with Airtable's status and body."""

    def __init__(self, status: int, kind: str, message: str | None = None, *, bare: bool = False) -> None:
        super().__init__(f"{status} {kind}")
        self.status = status
        self.body: dict[str, Any] = {"error": kind if bare else {"type": kind}}
        if message is not None:
            self.body["error"]["message"] = message


def unauthorized() -> ApiError:
    """Return the refusal of a missing or wrong token."""
    return ApiError(401, "AUTHENTICATION_REQUIRED", "Authentication required")


def no_model() -> ApiError:
    """Return the refusal of an unknown base or table: Airtable hides whether it exists."""
    return ApiError(
        403,
        "INVALID_PERMISSIONS_OR_MODEL_NOT_FOUND",
        "Invalid permissions, or the requested model was not found. Check that both your user and your token have the "
        "required permissions, and that the model names and/or ids are correct.",
    )


def not_found() -> ApiError:
    """Return the refusal of an unknown route or record."""
    return ApiError(404, "NOT_FOUND", bare=True)


def invalid(message: str = "Invalid request: parameter validation failed. Check your request data.") -> ApiError:
    """Return the refusal of a malformed parameter."""
    return ApiError(422, "INVALID_REQUEST_UNKNOWN", message)


def missing_fields() -> ApiError:
    """Return the refusal of a body without what it is about."""
    return ApiError(422, "INVALID_REQUEST_MISSING_FIELDS", 'Could not find field "fields" in the request body')


def unknown_field(name: str) -> ApiError:
    """Return the refusal of a field that the table does not have."""
    return ApiError(422, "UNKNOWN_FIELD_NAME", f'Unknown field name: "{name}"')


def wrong_value(field_name: str) -> ApiError:
    """Return the refusal of a value of the wrong type."""
    return ApiError(422, "INVALID_VALUE_FOR_COLUMN", f'Field "{field_name}" cannot accept the provided value')


def no_row(rec: str) -> ApiError:
    """Return the refusal of a record id in a batch or a link that the table does not have."""
    return ApiError(422, "ROW_DOES_NOT_EXIST", f"Record ID {rec} does not exist in this table")


def bad_records(
    message: str = "You must provide an array of up to 10 record objects, each with an 'id' ID field and a 'fields' "
    "object for cell values.",
) -> ApiError:
    """Return the refusal of a batch of updates that is too large or malformed."""
    return ApiError(422, "INVALID_RECORDS", message)
