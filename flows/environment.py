"""Where a run reads and writes: the configured services, or the sandbox's own.

In the sandbox profile every command uses a sandbox that is running (`tomt demo` announces one in
geodata/sandbox/running.json), or starts the servers it needs on free ports and stops them at its end. The base lies
under geodata/, so it is there the next time. It writes to no Airtable and asks no sources but those of this machine,
whatever the environment or `.env` say.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
from pydantic import SecretStr

from config.registers import Kommune, invented_kommuner
from config.settings import AIRTABLE_URL, Profile, Settings, is_loopback
from tasks.errors import BusyError, ConfigError, StoreError
from tasks.fil import write_whole

log = logging.getLogger("tomt.environment")

USERNAME = "sandkasse"
WAIT_S = 60.0
"""How long a command waits for another one that uses the sandbox's base: runs of a worker take turns."""
ASK_AGAIN_S = 0.2


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
        When another command holds the sandbox's base, and still does after `WAIT_S`.
    """
    if not settings.is_sandbox:
        settings.require_token()
        yield settings
        return
    kept = within_sandbox(settings)
    for name in ("airtable_token", "sources_url"):
        if getattr(settings, name) is not None and getattr(kept, name) is None:
            log.warning("TOMT_%s is not used: the sandbox writes to and asks this machine alone.", name.upper())
    with ExitStack() as stack:
        ready = _join_or_start(kept, stack, airtable_port=airtable_port, sources_port=sources_port, join=not announce)
        if announce:
            stack.callback(_running_file(settings).unlink, missing_ok=True)
            _announce(ready)
        yield ready


def within_sandbox(settings: Settings) -> Settings:
    """Return the settings that a sandbox takes: an Airtable and sources elsewhere are left alone.

    The sandbox creates tables and writes invented lots, so that a token for a real base must never reach it.
    """
    update: dict[str, object] = {"profile": Profile.SANDBOX}
    if settings.airtable_token is None or not is_loopback(settings.airtable_url):
        update |= {"airtable_token": None, "airtable_base": None, "airtable_url": AIRTABLE_URL}
    if settings.sources_url is not None and not is_loopback(settings.sources_url):
        update |= {"sources_url": None}
    return settings.model_copy(update=update)


def require_runnable(kommune: Kommune, settings: Settings) -> None:
    """Raise when the sandbox's own sources are asked for a real kommune, which they do not hold.

    Raises
    ------
    ConfigError
        Naming those that they hold.
    """
    if kommune.oppdiktet or not settings.is_sandbox:
        return
    if within_sandbox(settings).sources_url is None:
        raise ConfigError(
            f"{kommune.label} is a real kommune and this is the sandbox, which holds only invented ones: "
            f"{', '.join(k.label for k in invented_kommuner())}. Set TOMT_AIRTABLE_TOKEN or "
            "TOMT_STAGING_AIRTABLE_TOKEN, and TOMT_PROFILE=staging, to run real ones (README: Run a real kommune)."
        )


def _join_or_start(
    settings: Settings, stack: ExitStack, *, airtable_port: int, sources_port: int, join: bool
) -> Settings:
    """Use the sandbox that runs, or start one; wait for a command that holds the base without sharing it."""
    deadline = time.monotonic() + WAIT_S
    said = False
    while (found := _running(settings)) is None:
        try:
            return _start(settings, stack, airtable_port=airtable_port, sources_port=sources_port)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise BusyError(
                    f"Another command holds the sandbox's base in {_folder(settings)}: a run (wait until it is done), "
                    "or a `tomt airtable serve` (end it with Ctrl-C: it does not share the base). Once the base is "
                    "free, `tomt demo` starts a sandbox that all commands share."
                ) from None
        if not said:
            log.info("Another command uses the sandbox's base; waiting for up to %.0f s.", WAIT_S)
            said = True
        time.sleep(ASK_AGAIN_S)
    if not join:
        raise BusyError(f"A demo runs already in {_folder(settings)}. Use it, or end it first.")
    return found


def _start(settings: Settings, stack: ExitStack, *, airtable_port: int, sources_port: int) -> Settings:
    """Start what is not configured; BlockingIOError when the base is in use."""
    from tasks.sandbox.airtable import AirtableServer
    from tasks.sandbox.upstream import UpstreamServer

    secret = sandbox_token(settings)
    update: dict[str, object] = {}
    if settings.airtable_token is None:
        airtable = stack.enter_context(
            AirtableServer(_folder(settings) / "airtable", token=secret, port=airtable_port, rate_limit_per_s=0)
        )
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
    write_whole(path, json.dumps({"airtable_url": settings.airtable_url, "sources_url": settings.sources_url}).encode())


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
