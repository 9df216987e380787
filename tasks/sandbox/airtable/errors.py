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
