"""The demo: on a machine with nothing but this checkout, the whole way with invented municipalities.

Starts the sandbox (local Airtable, local sources) and a Prefect server, sets the base up, runs the flow for the
invented kommuner, and then keeps everything up until Ctrl-C, or ends. No process is left behind.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from config.registers import Kommune, find_kommune, invented_kommuner
from config.settings import ENV_FILE, PREFIX, ROOT, Profile, Settings
from tasks.errors import ConfigError, TomtError

if TYPE_CHECKING:
    from prefect.client.schemas.objects import State

POOL = "tomter"
START_S = 300.0
STOP_S = 5.0


@dataclass(frozen=True)
class Ports:
    """Wanted ports; None takes the usual one when it is free and another when it is not."""

    prefect: int | None = None
    airtable: int | None = None
    sources: int | None = None


USUAL = Ports(prefect=4200, airtable=8270, sources=8271)


def choose_kommuner(texts: Sequence[str]) -> tuple[Kommune, ...]:
    """Return the invented kommuner with these numbers, each once; all of them when none is given.

    Raises
    ------
    UnknownKommuneError
        For a number that is not in use.
    ConfigError
        For that of a real kommune, naming the invented ones.
    """
    chosen = tuple(dict.fromkeys(find_kommune(text, sandbox=True) for text in texts)) or invented_kommuner()
    for kommune in chosen:
        if not kommune.oppdiktet:
            raise ConfigError(
                f"{kommune.label} is a real kommune, and the demo runs invented ones: "
                f"{', '.join(k.label for k in invented_kommuner())}. Choose among them, or see `tomt run --help`."
            )
    return chosen


def choose_ports(wanted: Ports) -> tuple[int, int, int]:
    """Return three different free ports on 127.0.0.1: of Prefect, the local Airtable, the local sources.

    Raises
    ------
    ConfigError
        When a wanted port is in use, or wanted twice.
    """
    pairs = [(getattr(wanted, field.name), getattr(USUAL, field.name)) for field in fields(Ports)]
    taken = [port for port, _ in pairs if port]
    if len(set(taken)) < len(taken):
        raise ConfigError(f"The ports {', '.join(map(str, taken))} are not all different. Choose others.")
    chosen = []
    for port, usual in pairs:
        chosen.append(free_port(port, 0 if usual in taken else usual))
        taken.append(chosen[-1])
    prefect, airtable, sources = chosen
    return prefect, airtable, sources


def free_port(wanted: int | None, usual: int) -> int:
    """Return a port on 127.0.0.1 that is free.

    Raises
    ------
    ConfigError
        When `wanted` was asked for and is in use.
    """
    for port in (wanted,) if wanted else (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigError(f"Port {wanted} is in use. Stop what uses it, or choose another.")


@contextmanager
def child(command: list[str], *, env: dict[str, str], logfile: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in its own process group, its output in a file; end the whole group at the end."""
    logfile.parent.mkdir(parents=True, exist_ok=True)
    with logfile.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and arguments
            command, env=env, cwd=ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
        )
    try:
        yield process
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask the group to end, and kill what is left of it, also when this is interrupted."""
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(STOP_S)
    except (ProcessLookupError, subprocess.TimeoutExpired):
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def child_environment(settings: Settings, *, home: Path, url: str) -> dict[str, str]:
    """Return the environment of the demo's processes: the sandbox's folder, and no other setting of this project.

    Neither a token for a real base nor an `.env` file may reach them.
    """
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}
    return {
        **kept,
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_UI_API_URL": f"{url}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "tomt",
        "DO_NOT_TRACK": "1",
        ENV_FILE: "",
        f"{PREFIX}GEODATA": str(settings.geodata.resolve()),
        f"{PREFIX}PROFILE": Profile.SANDBOX,
    }


@contextmanager
def prefect_server(settings: Settings, port: int) -> Iterator[dict[str, str]]:
    """Run a Prefect server on 127.0.0.1 with its database under geodata/; yield the environment for its clients.

    Raises
    ------
    TomtError
        When it does not answer in time; the log says why.
    """
    home = settings.geodata.resolve() / "sandbox" / "prefect"
    url = f"http://127.0.0.1:{port}"
    env = child_environment(settings, home=home, url=url)
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    logfile = home / "server.log"
    with child(command, env={**env, "PREFECT_API_URL": ""}, logfile=logfile) as process:
        deadline = time.monotonic() + START_S
        while not _answers(f"{url}/api/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise TomtError(f"The Prefect server did not start; see {logfile}.")
            time.sleep(0.2)
        yield env


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def run_flows(env: dict[str, str], kommuner: Sequence[Kommune]) -> list[dict[str, Any]]:
    """Run find-tomter for these kommuner against the server; return the summaries.

    In a process of its own, which reports to the server and ends before the server does.

    Raises
    ------
    TomtError
        When a flow fails; why stands above it on standard error.
    """
    done = subprocess.run(  # noqa: S603  # our own interpreter and arguments
        [sys.executable, "-m", "flows.demo", *(kommune.nummer for kommune in kommuner)],
        env=env,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise TomtError("A flow failed; the reason stands above.")
    summaries: list[dict[str, Any]] = json.loads(done.stdout)
    return summaries


def rank(settings: Settings) -> str:
    """Rank the kommuner by the local sources' invented figures, bring them to the base; return what is told of it.

    A geodata folder that holds a ranking of real figures keeps it: the demo goes on without.
    """
    from flows.rangering import run_ranking
    from flows.rangeringstekst import headline, notes

    try:
        found = run_ranking(settings, publish=True)
    except ConfigError as error:
        return str(error)
    failed = () if found.airtable_feil is None else (found.airtable_feil,)
    return "\n".join([*notes(found), headline(found), *failed])


def follow_up(settings: Settings) -> str:
    """Follow the base up for the first time, so that what is done to it from now on is known; return it in one line."""
    from flows.oppfolging import headline, run_day

    return headline(run_day(settings))


def main() -> None:
    """Run the flows of the numbers given in this process and print their summaries as JSON; see `run_flows`."""
    from flows.find_tomter import find_tomter

    summaries = []
    for kommune in choose_kommuner(sys.argv[1:]):
        state: State[dict[str, Any]] = find_tomter(kommune.label, return_state=True)  # type: ignore[assignment]
        if not state.is_completed():
            sys.exit(f"{kommune.label}: {state.name}: {state.message}")
        summaries.append(state.result())
    sys.stdout.write(json.dumps(summaries))


def deploy(env: dict[str, str]) -> None:
    """Create the work pool and the deployments of prefect.yaml on the server.

    Raises
    ------
    TomtError
        With what Prefect said last.
    """
    for arguments in (
        ["work-pool", "create", POOL, "--type", "process", "--overwrite"],
        ["--no-prompt", "deploy", "--all"],
    ):
        said = f"prefect {' '.join(arguments)}"
        try:
            done = subprocess.run(  # noqa: S603  # our own interpreter and arguments
                [sys.executable, "-m", "prefect", *arguments],
                env=env,
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=False,
                timeout=START_S,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise TomtError(f"{said} was not done within {START_S:.0f} s. Is the machine busy? Try again.") from None
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise TomtError(f"{said} failed: {' '.join(last)}")


def serve(stack: ExitStack, env: dict[str, str]) -> subprocess.Popen[bytes]:
    """Deploy the flows and start a worker, so that the form in the UI works."""
    deploy(env)
    home = Path(env["PREFECT_HOME"])
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", POOL, "--limit", "2"]
    return stack.enter_context(child(command, env=env, logfile=home / "worker.log"))


if __name__ == "__main__":
    main()
