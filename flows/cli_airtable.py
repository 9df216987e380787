"""`tomt airtable`: the local Airtable by itself, for whoever wants to look around in the base or build against it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from config.settings import load_settings
from tasks.errors import BusyError, ConfigError, TomtError

airtable_app = typer.Typer(help="The local Airtable of the sandbox.", no_args_is_help=True, rich_markup_mode=None)


@airtable_app.callback()
def common() -> None:
    """Keep `serve` a command of its own, though it is the only one."""


@airtable_app.command("serve")
def serve(
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.", min=0, max=65535)] = 8270,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Any but this machine's own lets others in without a password.")
    ] = "127.0.0.1",
    data: Annotated[Path | None, typer.Option(help="Folder of the base (under geodata/ by default).")] = None,
    token: Annotated[str | None, typer.Option(help="Token that clients must send; made when not given.")] = None,
    rate_limit: Annotated[float, typer.Option(help="Requests a second and base; 0 = off.", min=0)] = 5.0,
) -> None:
    """Serve the local Airtable alone, until Ctrl-C."""
    import threading

    from flows.environment import sandbox_token
    from tasks.sandbox.airtable import AirtableServer

    if not host.strip() or (token is not None and not token.strip()):
        raise ConfigError("--host and --token: leave the option away, or give it a value.")
    settings = load_settings()
    folder = data or settings.geodata / "sandbox" / "airtable"
    secret = token or sandbox_token(settings)
    made = AirtableServer(folder, token=secret, port=port, host=host, rate_limit_per_s=rate_limit)
    with base_errors(folder), made as server:
        typer.echo(f"Airtable (local): {server.url}\nTOMT_AIRTABLE_URL={server.url}")
        typer.echo(f"TOMT_AIRTABLE_TOKEN={secret}" if token is None else "TOMT_AIRTABLE_TOKEN=(as given)")
        sys.stdout.flush()
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


@contextmanager
def base_errors(folder: Path) -> Iterator[None]:
    """Turn what keeps a server from starting into one line that says what to do.

    Raises
    ------
    BusyError
        When another command holds the base in `folder`.
    TomtError
        When the port or the address cannot be used, or the folder cannot be written.
    """
    try:
        yield
    except BlockingIOError:
        raise BusyError(
            f"Another command holds the base in {folder}: a `tomt demo` or `tomt airtable serve` that still runs (use "
            "the address that it printed, or end it with Ctrl-C), or a `tomt run` (wait until it is done). Another "
            "base is served with --data and another folder."
        ) from None
    except OSError as error:
        if isinstance(error, TomtError):
            raise
        where = f"{error.filename}: " if error.filename else ""
        raise TomtError(f"{where}{error.strerror or error}") from error
