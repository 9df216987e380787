"""Settings from the environment and an `.env` file, prefix `TOMT_`; frozen once read.

The class is the one documented list: `tomt doctor` and the README's table are made from it. The file is the `.env` of
the checkout, wherever a command is started; `TOMT_ENV_FILE` names another one, and blank means none.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Collection, Mapping
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: the folder that holds pyproject.toml."""

AIRTABLE_URL = "https://api.airtable.com"
MAX_RATE_PER_S = 5.0
"""What Airtable takes of one base; one more, and it refuses everything for 30 s."""
BASE_ID = re.compile(r"app[A-Za-z0-9]+")

PREFIX = "TOMT_"
ENV_FILE = f"{PREFIX}ENV_FILE"
USERNAME, PASSWORD = "_USERNAME", "_PASSWORD"


class Profile(StrEnum):
    """Where a run reads and writes."""

    SANDBOX = "sandbox"
    STAGING = "staging"
    PRODUCTION = "production"


OWN_BASES = (Profile.STAGING, Profile.PRODUCTION)
"""The profiles that may have a token and a base of their own."""


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Unset = BeforeValidator(_blank_is_none)


def _name(value: object) -> object:
    """Return a name without the blanks of a careless copy; None for nothing else."""
    return value if not isinstance(value, str) else value.strip() or None


def _folder(value: object) -> object:
    """Return the folder: blank is the usual one, `~` the home folder."""
    if _blank_is_none(value) is None:
        return ROOT / "geodata"
    if "://" in str(value):
        raise ValueError("an object store is not supported yet; give a folder")
    return Path(str(value).strip()).expanduser()


def _file(value: object) -> object:
    return None if _blank_is_none(value) is None else Path(str(value).strip()).expanduser()


def _address(value: str) -> str:
    """Return an address that can be taken apart, with scheme and host; two readers of it must find the same host."""
    try:
        parts = urlsplit(value)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        usable = usable and "@" not in parts.netloc and re.search(r"[\\\s\x00-\x1f\x7f-\x9f]", value) is None
    except ValueError:  # brackets that do not close, a port that is no number
        usable = False
    if not usable:
        raise ValueError("not an address such as https://host or http://127.0.0.1:8270")
    return value


Address = Annotated[str, AfterValidator(_address)]


def _token(value: SecretStr | None) -> SecretStr | None:
    """Return a token that fits in a header: what a library says of another one would show it."""
    if value is None:
        return None
    token = value.get_secret_value().strip()
    if re.fullmatch(r"[!-~]+", token) is None:
        raise ValueError("not a token: it holds blanks or characters other than ASCII. Copy it anew from Airtable")
    return SecretStr(token)


Token = Annotated[SecretStr | None, Unset, AfterValidator(_token)]


class Settings(BaseSettings):
    """Everything that the environment decides; an `.env` file is read by `load_settings` alone.

    Raises
    ------
    pydantic.ValidationError
        On a value of the wrong type; `load_settings` turns it into one line.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file_encoding="utf-8", extra="ignore", frozen=True)

    profile: Annotated[Profile | None, Unset] = Field(
        None,
        description="`sandbox`, `staging` or `production`. Unset: `sandbox` without an Airtable token (a general "
        "one or staging's) or with an Airtable on this machine, otherwise `staging`",
    )
    geodata: Annotated[Path, BeforeValidator(_folder)] = Field(
        ROOT / "geodata", description="Folder for GeoParquet files and the sandbox's base"
    )
    airtable_token: Token = Field(
        None,
        description="Personal access token; scopes in “Connect your own Airtable”",
    )
    airtable_base: Annotated[str | None, BeforeValidator(_name)] = Field(None, description="Base id, `app…`")
    staging_airtable_token: Token = Field(None, description="Token of the staging profile; goes before the general one")
    staging_airtable_base: Annotated[str | None, BeforeValidator(_name)] = Field(
        None, description="Base of the staging profile; goes before the general one"
    )
    production_airtable_token: Token = Field(
        None, description="Token of the production profile; goes before the general one"
    )
    production_airtable_base: Annotated[str | None, BeforeValidator(_name)] = Field(
        None, description="Base of the production profile; goes before the general one"
    )
    airtable_url: Annotated[Address, BeforeValidator(lambda v: AIRTABLE_URL if _blank_is_none(v) is None else v)] = (
        Field(AIRTABLE_URL, description="Address of the Airtable Web API")
    )
    airtable_rate_per_s: float = Field(
        4.5,
        description="Requests a second and base, at most 5; 0 = no pacing (only for an Airtable on this machine)",
    )
    sources_url: Annotated[Address | None, Unset] = Field(
        None, description="Address of running local sources (sandbox profile); unset: started when needed"
    )
    nap_username: Annotated[str | None, Unset] = Field(None, description="Norge digitalt login for NAP (DiBK)")
    nap_password: Annotated[SecretStr | None, Unset] = Field(None, description="Its password")
    kilder: Annotated[Path | None, BeforeValidator(_file)] = Field(
        None, description="File of your own sources, of the form of config/plankilder.toml"
    )
    hent_kontekst: Annotated[bool, BeforeValidator(lambda v: True if _blank_is_none(v) is None else v)] = Field(
        True, description="`false`: score with the context that is there, and ask for none"
    )
    contact: Annotated[str | None, Unset] = Field(
        None, description="E-mail or address of whoever operates this, sent as User-Agent to the sources"
    )

    # Name → login of further sources, from TOMT_<NAME>_USERNAME and TOMT_<NAME>_PASSWORD: names that no class can list.
    _logins: Mapping[str, tuple[str, SecretStr]] = PrivateAttr(default_factory=dict)

    @field_validator("airtable_rate_per_s")
    @classmethod
    def _rate_is_taken(cls, rate: float, info: ValidationInfo) -> float:
        """Return a rate that Airtable takes; an address that is itself wrong is told first."""
        url = info.data.get("airtable_url")
        is_here = url is None or is_loopback(url)
        if not (0 <= rate < math.inf if is_here else 0 < rate <= MAX_RATE_PER_S):
            raise ValueError(
                f"Airtable takes at most {MAX_RATE_PER_S:.0f} requests a second and base: give more than 0, at most "
                f"{MAX_RATE_PER_S:.0f}; 0 (no pacing) and more than that are for an Airtable on this machine, inf and "
                "nan for none"
            )
        return rate

    @property
    def effective_profile(self) -> Profile:
        """The profile in force: as set, or `sandbox` unless a token for an Airtable elsewhere is given."""
        if self.profile is not None:
            return self.profile
        if is_loopback(self.airtable_url) or (self.airtable_token is None and self.staging_airtable_token is None):
            return Profile.SANDBOX
        return Profile.STAGING

    @property
    def is_sandbox(self) -> bool:
        """True when the local sources and the invented kommuner are in use."""
        return self.effective_profile is Profile.SANDBOX

    def require_token(self) -> str:
        """Return the token of Airtable.

        Raises
        ------
        ConfigError
            When there is none, naming the variables.
        """
        if self.airtable_token is None:
            profile = self.effective_profile
            own = f" or TOMT_{profile.upper()}_AIRTABLE_TOKEN" if profile in OWN_BASES else ""
            raise ConfigError(
                f"TOMT_AIRTABLE_TOKEN is not set and the profile is {profile}. Set TOMT_AIRTABLE_TOKEN{own} (README: "
                "Connect your own Airtable), or TOMT_PROFILE=sandbox to try things out."
            )
        return self.airtable_token.get_secret_value()

    def credentials(self, name: str | None) -> tuple[str, str] | None:
        """Return (username, password) called `name` in plankilder.toml, or None when open or not set."""
        if name == "nap" and self.nap_username is not None and self.nap_password is not None:
            return self.nap_username, self.nap_password.get_secret_value()
        if name is None or name not in self._logins:
            return None
        username, password = self._logins[name]
        return username, password.get_secret_value()

    def of_profile(self) -> Self:
        """Return these settings with the token and base of the profile in force, and of no other.

        Raises
        ------
        ConfigError
            When staging and production would write to the same base.
        """
        bases = {profile: self._base_of(profile) for profile in OWN_BASES}
        (one, staging), (other, production) = bases[Profile.STAGING], bases[Profile.PRODUCTION]
        if staging is not None and staging == production and one != other:
            raise ConfigError(
                f"{one} and {other} name the same base. Give staging a base of its own: what is tried out there must "
                "never reach the one that sales works in."
            )
        update: dict[str, Any] = dict.fromkeys(
            f"{profile}_airtable_{what}" for profile in OWN_BASES for what in ("token", "base")
        )
        if (profile := self.effective_profile) in OWN_BASES:
            token: SecretStr | None = getattr(self, f"{profile}_airtable_token")
            update |= {"airtable_token": token or self.airtable_token, "airtable_base": bases[profile][1]}
        return self.model_copy(update=update)

    def _base_of(self, profile: Profile) -> tuple[str, str | None]:
        """Return the base that a profile writes to, and before it the variable that says so."""
        own: str | None = getattr(self, f"{profile}_airtable_base")
        field = "airtable_base" if own is None else f"{profile}_airtable_base"
        return PREFIX + field.upper(), own or self.airtable_base

    def with_logins(self, given: Mapping[str, str | None]) -> Self:
        """Return these settings with the logins among variables such as those of the environment."""
        settings = self.model_copy()
        settings._logins = _logins(given)
        return settings


def is_loopback(url: str) -> bool:
    """Return True when `url` points at this machine."""
    host = ""
    try:
        host = urlsplit(url).hostname or ""
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_of(url: str) -> str:
    """Return host and port of an address, and nothing else that it may hold.

    Examples
    --------
    >>> host_of("https://ola:hemmelig@host.example:8443/v0/appX?a=b")
    'host.example:8443'
    """
    try:
        parts = urlsplit(url)
        return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""
    except ValueError:
        return ""


def env_file() -> Path | None:
    """Return the file that settings are read from, or None.

    Raises
    ------
    ConfigError
        When TOMT_ENV_FILE names a file that is not there.
    """
    named = os.environ.get(ENV_FILE)
    if named is None:
        return ROOT / ".env"
    if not named.strip():
        return None
    path = Path(named).expanduser()
    if not path.is_file():
        raise ConfigError(f"{ENV_FILE}: {path} is no file. Correct it, or leave it away to read {ROOT / '.env'}.")
    return path


def load_settings() -> Settings:
    """Read the settings; token and base are those of the profile in force.

    Raises
    ------
    ConfigError
        Naming the variable and what is wrong with it, never its value; or when two profiles share a base.
    """
    path = env_file()
    try:
        settings = Settings(_env_file=path).with_logins({**(dotenv_values(path) if path else {}), **os.environ})
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        said = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{name}: {said}. See the configuration table in README.md.") from None
    except (UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"{path}: cannot be read ({_why(error)}). Save it as text in UTF-8.") from None
    return settings.of_profile()


def _logins(given: Mapping[str, str | None]) -> dict[str, tuple[str, SecretStr]]:
    """Return name → login, of those that have both a user name and a password."""
    logins = {}
    for variable, username in given.items():
        name = variable.removeprefix(PREFIX).removesuffix(USERNAME)
        password = given.get(f"{PREFIX}{name}{PASSWORD}")
        if variable == f"{PREFIX}{name}{USERNAME}" and (username or "").strip() and password:
            logins[name.lower()] = (str(username), SecretStr(password))
    return logins


def unknown_names(logins: Collection[str] = ()) -> list[str]:
    """Return the names that begin with TOMT_ in the environment and the `.env` file, and that nothing reads.

    Parameters
    ----------
    logins
        Names of the credentials that sources want.

    Raises
    ------
    ConfigError
        As `env_file`.
    """
    path = env_file()
    given = {*os.environ, *(dotenv_values(path) if path else ())}
    fields = {PREFIX + name.upper() for name in Settings.model_fields}
    known = {ENV_FILE, *fields, *(f"{PREFIX}{name.upper()}{end}" for name in logins for end in (USERNAME, PASSWORD))}
    return sorted(name for name in given if name.upper().startswith(PREFIX) and name.upper() not in known)


def _why(error: UnicodeDecodeError | OSError) -> str:
    """Return the reason without the content, which may hold a token."""
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or type(error).__name__
