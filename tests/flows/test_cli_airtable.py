"""`tomt airtable serve`: what it says when it cannot start, and when others than this machine are let in."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from flows.cli_airtable import airtable_app
from tasks.errors import BusyError, TomtError
from tasks.sandbox.airtable.store import Store


def failure(folder, *options):
    """Return what `serve` is stopped by."""
    return (
        CliRunner()
        .invoke(airtable_app, ["serve", "--data", str(folder), "--port", "0", "--token", "x", *options])
        .exception
    )


def test_a_base_that_another_command_holds_is_told_with_ways_out(tmp_path):
    held = Store(tmp_path / "base")
    try:
        error = failure(tmp_path / "base")
    finally:
        held.close()
    assert isinstance(error, BusyError)
    assert [
        w for w in (str(tmp_path / "base"), "tomt demo", "tomt airtable serve", "--data") if w not in str(error)
    ] == []


def test_an_address_of_another_machine_is_refused(tmp_path):
    error = failure(tmp_path / "base", "--host", "203.0.113.1")  # RFC 5737: nobody's
    assert isinstance(error, TomtError)
    assert "203.0.113.1" in str(error)
    assert "address of this machine" in str(error)


@pytest.mark.parametrize("options", [("--host", ""), ("--token", " ")])
def test_an_empty_value_is_no_value(tmp_path, options):
    error = failure(tmp_path / "base", *options)
    assert isinstance(error, TomtError)
    assert "leave the option away" in str(error)
