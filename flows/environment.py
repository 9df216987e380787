"""Where a run reads and writes: the configured services, or the sandbox's own.

In the sandbox profile every command uses a sandbox that is running (`tomt demo` announces one in
geodata/sandbox/running.json), or starts the servers it needs on free ports and stops them at its end. The base lies
under geodata/, so it is there the next time.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from config.registers import Kommune, invented_kommuner
from config.settings import Profile, Settings
from tasks.errors import BusyError, ConfigError, StoreError

USERNAME = "sandkasse"


@contextmanager
def connected(
    settings: Settings, *, airtable_port: int = 0, sources_port: int = 0, announce: bool = False
) -> Iterator[Settings]:
    """Yield settings in which every address is filled in; start the sandbox's servers when they are needed.

    Parameters
    ----------
    airtable_port, sources_port
        For servers started here; 0 picks a free port.
    announce
        Let other commands use the servers started here, for as long as they run.

    Raises
    ------
    ConfigError
        When staging or production lacks its token: they never fall back to the sandbox.
    BusyError
        When another command holds the sandbox's base.
    """
    if not settings.is_sandbox:
        if settings.airtable_token is None:
            raise ConfigError(
                f"TOMT_AIRTABLE_TOKEN is not set and the profile is {settings.effective_profile}. Set the token "
                "(README: Connect your own Airtable), or TOMT_PROFILE=sandbox to try things out."
            )
        yield settings
        return
    settings = settings.model_copy(update={"profile": Profile.SANDBOX})
    if not announce and (found := _running(settings)) is not None:
        yield found
        return
    with ExitStack() as stack:
        started = _start(settings, stack, airtable_port=airtable_port, sources_port=sources_port)
        if announce:
            stack.callback(_running_file(settings).unlink, missing_ok=True)
            _announce(started)
        yield started


def require_runnable(kommune: Kommune, settings: Settings) -> None:
    """Raise when the sandbox's own sources are asked for a real kommune, which they do not hold.

    Raises
    ------
    ConfigError
        Naming those that they hold.
    """
    if settings.is_sandbox and settings.sources_url is None and not kommune.oppdiktet:
        raise ConfigError(
            f"{kommune.label} is a real kommune and this is the sandbox, which holds only invented ones: "
            f"{', '.join(k.label for k in invented_kommuner())}. Set TOMT_AIRTABLE_TOKEN and TOMT_PROFILE=staging to "
            "run real ones (README: Run a real kommune)."
        )


def _start(settings: Settings, stack: ExitStack, *, airtable_port: int, sources_port: int) -> Settings:
    from tasks.sandbox.airtable import AirtableServer
    from tasks.sandbox.upstream import UpstreamServer

    secret = sandbox_token(settings)
    update: dict[str, object] = {}
    if settings.airtable_token is None:
        try:
            airtable = stack.enter_context(
                AirtableServer(_folder(settings) / "airtable", token=secret, port=airtable_port, rate_limit_per_s=0)
            )
        except BlockingIOError:
            raise BusyError(
                f"Another command uses the sandbox's base in {_folder(settings)}. Wait until it is done."
            ) from None
        update |= {
            "airtable_url": airtable.url,
            "airtable_token": SecretStr(secret),
            "airtable_base": None,
            "airtable_rate_per_s": 0.0,
        }
    if settings.sources_url is None:
        sources = stack.enter_context(UpstreamServer(username=USERNAME, password=secret, port=sources_port))
        update |= {"sources_url": sources.url, "nap_username": USERNAME, "nap_password": SecretStr(secret)}
    return settings.model_copy(update=update)


def _folder(settings: Settings) -> Path:
    return settings.geodata / "sandbox"


def _running_file(settings: Settings) -> Path:
    return _folder(settings) / "running.json"


def sandbox_token(settings: Settings) -> str:
    """Return the sandbox's token, made once and readable by its owner only."""
    path = _folder(settings) / "token"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write("pat" + secrets.token_urlsafe(24))
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}. Check the folder and its permissions, or set TOMT_GEODATA."
        ) from None


def _announce(settings: Settings) -> None:
    path = _running_file(settings)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps({"airtable_url": settings.airtable_url, "sources_url": settings.sources_url}))
    os.replace(temporary, path)


def _running(settings: Settings) -> Settings | None:
    """Return settings for an announced sandbox that answers, or None."""
    if settings.airtable_token is not None or settings.sources_url is not None:
        return None
    try:
        found = json.loads(_running_file(settings).read_text())
        urls = [found["airtable_url"], found["sources_url"]]
        if not all(httpx.get(f"{url}/health", timeout=2, trust_env=False).is_success for url in urls):
            return None
    except (OSError, ValueError, KeyError, TypeError, httpx.HTTPError):
        return None
    secret = SecretStr(sandbox_token(settings))
    return settings.model_copy(
        update={
            "airtable_url": urls[0],
            "airtable_token": secret,
            "airtable_base": None,
            "airtable_rate_per_s": 0.0,
            "sources_url": urls[1],
            "nap_username": USERNAME,
            "nap_password": secret,
        }
    )
