"""Self-check: is everything there that a run needs, and if not, what to do. Never prints a secret."""

from __future__ import annotations

import importlib.metadata
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from config.base import base_register
from config.indikatorer import indikatorer
from config.kilder import kilder
from config.nattlig import always_nightly
from config.profil import profiler
from config.rangering import rangering
from config.registers import FOLDER, housing_classes, kommune_register, regler
from config.settings import PREFIX, Settings, host_of, unknown_names
from config.statistikk import statistikk
from config.tomtprofil import tomtprofil, tomtprofiler
from tasks.errors import TomtError
from tasks.store import Geodata

WATCHED = ("prefect", "fastapi", "pyairtable", "geopandas", "shapely", "pyogrio", "pandas", "httpx", "zeep", "owslib")


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is fine, and what was found or what to do.

    A warning is fine, but wants to be read.
    """

    what: str
    ok: bool
    found: str
    warns: bool = False

    @property
    def mark(self) -> str:
        """Stands before the line: ``ok``, ``!`` for a warning, ``NO``."""
        return "NO" if not self.ok else "!" if self.warns else "ok"


def diagnose(settings: Settings) -> Iterator[Finding]:
    """Yield the findings, cheapest first; a check that fails does not stop the next."""
    yield Finding("profile", True, settings.effective_profile)
    yield _names()
    yield _try("registers", lambda: _registers(settings))
    yield _try("versions", _versions)
    yield _try("geodata", lambda: _disk(settings))
    yield _contact(settings)
    if not settings.hent_kontekst:
        said = "not fetched: TOMT_HENT_KONTEKST is false. Lots earn points only for what was known before."
        yield Finding("context", True, said, warns=True)
    from flows.environment import connected

    try:
        with connected(settings) as ready:
            yield _try("airtable", lambda: _airtable(ready))
            yield from _sources(ready)
            yield from _figures(ready)
    except TomtError as error:
        yield Finding("connection", False, str(error))


def _contact(settings: Settings) -> Finding:
    if settings.contact is not None:
        return Finding("contact", True, "set")
    if settings.is_sandbox:
        return Finding("contact", True, "not needed here: the sandbox asks this machine alone")
    return Finding("contact", False, "not set: set TOMT_CONTACT, the sources want to know whom to write to")


def _try(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except TomtError as error:
        return Finding(what, False, str(error))


def _sources(settings: Settings) -> Iterator[Finding]:
    """Yield how the sources are, as the daily check sees it."""
    from tasks.sources.helse import check_all

    any_kommune = always_nightly(sandbox=settings.is_sandbox)[0]
    for one in check_all(
        kilder(settings.kilder).values(), settings=settings, geodata=settings.geodata, kommune=any_kommune
    ):
        said = f"{one.funn} {one.gjoer}".strip()
        fine = one.tilstand in {"ok", "tom", "ikke_spurt"}
        if one.kilde.valgfri and not fine:
            said += " Runs go on without it: the source is optional."
        required = not one.kilde.valgfri and not fine
        yield Finding(f"source {one.kilde.navn}", not required, said, warns=not fine)


def _figures(settings: Settings) -> Iterator[Finding]:
    """Yield whether the services that the kommuner are ranked by answer; lots are found without them."""
    from tasks.sources.statistikk.helse import ask_services

    for one in ask_services(settings):
        yield Finding(f"figures {one.tjeneste}", True, one.funn, warns=not one.er_oppe)


def _names() -> Finding:
    """Warn of settings that nothing reads: they may belong to another version, or be misspelt."""
    try:
        unknown = unknown_names({k.legitimasjon for k in kilder().values() if k.legitimasjon})
    except TomtError as error:
        return Finding("settings", False, str(error))
    if unknown:
        return Finding("settings", True, f"nothing reads {', '.join(unknown)}: misspelt? See README.md.", warns=True)
    return Finding("settings", True, f"every {PREFIX}… name is known")


def _registers(settings: Settings) -> str:
    from tasks.scoring.tomt.kjoring import require_rules

    housing_classes(), regler(), base_register(), always_nightly(sandbox=False), indikatorer(), rangering()
    require_rules()
    return (
        f"{len(kommune_register().kommune)} kommuner, {len(kilder(settings.kilder))} sources, "
        f"{len(statistikk().tabell)} tables, profiles {', '.join(profiler())}; lots by "
        f"{tomtprofil().kode} of {', '.join(tomtprofiler())}"
    )


def _versions() -> str:
    wanted = {}
    for line in (FOLDER / "constraints.txt").read_text(encoding="utf-8").splitlines():
        name, _, version = line.partition("==")
        wanted[name.strip().lower()] = version.strip()
    have = {name: _version(name) for name in WATCHED if name in wanted}
    off = [f"{name} {version}, pinned {wanted[name]}" for name, version in have.items() if version != wanted[name]]
    if off:
        raise TomtError(f"{'; '.join(off)}. Install with -c config/constraints.txt.")
    return "as in config/constraints.txt"


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "is missing"


def _disk(settings: Settings) -> str:
    Geodata(settings.geodata).ensure_usable()
    return f"{settings.geodata}, {shutil.disk_usage(settings.geodata).free / 1e9:.0f} GB free"


def _airtable(settings: Settings) -> str:
    from tasks.crm.client import readable_errors
    from tasks.crm.skjema import merke
    from tasks.crm.skjema.ids import open_base, read_schema
    from tasks.crm.skjema.oppsett import differences
    from tasks.crm.sync.state import BaseState

    api, base = open_base(settings)
    with readable_errors("asking who the token belongs to"):
        api.whoami()
    if base is None:
        return f"{host_of(settings.airtable_url)}, no base yet; the first run makes it"
    schema = read_schema(base)
    marker = merke.profile_of(schema)
    merke.is_marked(schema, settings)
    left = differences(schema, base_register(), BaseState(Geodata(settings.geodata), base.id).schema())
    where = f"{host_of(settings.airtable_url)}, base {base.id}, profile {settings.effective_profile}"
    stops = sum(a.stopper for a in left)
    if stops and not settings.is_sandbox:
        raise TomtError(f"{where}: {stops} differences stop every run. Run `tomt base setup`.")
    if not settings.is_sandbox:
        merke.check(schema, base_register(), settings)
    state = "not set up yet; the first run does it" if stops else "set up"
    by_hand = sum(a.tiltak == "hand" for a in left)
    rest = f"; {by_hand} things are left to do by hand: `tomt base check`" if by_hand and not stops else ""
    return f"{where}, marked {marker or 'with none'}, {state}{rest}"
