"""Settings from the environment and an `.env` file, prefix `TOMT_`; frozen once read.

This class is the one documented list: `tomt doctor` and the README's table are made from it.
"""

from __future__ import annotations

import os
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
"""The checkout: the folder that holds pyproject.toml."""

AIRTABLE_URL = "https://api.airtable.com"


class Profile(StrEnum):
    """Where a run reads and writes."""

    SANDBOX = "sandbox"
    STAGING = "staging"
    PRODUCTION = "production"


def _blank_is_none(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


Unset = BeforeValidator(_blank_is_none)


class Settings(BaseSettings):
    """Everything that the environment decides.

    Raises
    ------
    pydantic.ValidationError
        On a value of the wrong type; `load_settings` turns it into one line.
    """

    model_config = SettingsConfigDict(
        env_prefix="TOMT_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    profile: Annotated[Profile | None, Unset] = Field(
        None,
        description="`sandbox`, `staging` or `production`. Unset: `sandbox` without an Airtable token or with an "
        "Airtable on this machine, otherwise `staging`",
    )
    geodata: Path = Field(ROOT / "geodata", description="Folder for GeoParquet files and the sandbox's base")
    airtable_token: Annotated[SecretStr | None, Unset] = Field(
        None,
        description="Personal access token; scopes in “Connect your own Airtable”",
    )
    airtable_base: Annotated[str | None, Unset] = Field(None, description="Base id, `app…`")
    airtable_url: str = Field(AIRTABLE_URL, description="Address of the Airtable Web API")
    airtable_rate_per_s: float = Field(
        4.5, ge=0, description="Requests a second and base; 0 = no pacing (only for a local Airtable)"
    )
    sources_url: Annotated[str | None, Unset] = Field(
        None, description="Address of running local sources (sandbox profile); unset: started when needed"
    )
    nap_username: Annotated[str | None, Unset] = Field(None, description="Norge digitalt login for NAP (DiBK)")
    nap_password: Annotated[SecretStr | None, Unset] = Field(None, description="Its password")
    contact: Annotated[str | None, Unset] = Field(
        None, description="E-mail or address of whoever operates this, sent as User-Agent to the sources"
    )

    @property
    def effective_profile(self) -> Profile:
        """The profile in force: as set, or `sandbox` unless a token for an Airtable elsewhere is given."""
        if self.profile is not None:
            return self.profile
        if self.airtable_token is None or is_loopback(self.airtable_url):
            return Profile.SANDBOX
        return Profile.STAGING

    @property
    def is_sandbox(self) -> bool:
        """True when the local sources and the invented kommuner are in use."""
        return self.effective_profile is Profile.SANDBOX

    def credentials(self, name: str | None) -> tuple[str, str] | None:
        """Return (username, password) called `name` in plankilder.toml, or None when open or not set."""
        if name != "nap" or self.nap_username is None or self.nap_password is None:
            return None
        return self.nap_username, self.nap_password.get_secret_value()


def is_loopback(url: str) -> bool:
    """Return True when `url` points at this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings() -> Settings:
    """Read the settings.

    Raises
    ------
    ConfigError
        Naming the variable and what is wrong with it, never its value.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = "TOMT_" + str(first["loc"][0]).upper()
        raise ConfigError(f"{name}: {first['msg']}. See the configuration table in README.md.") from None
    if "://" in os.environ.get("TOMT_GEODATA", ""):
        raise ConfigError("TOMT_GEODATA: an object store is not supported yet; give a folder.")
    return settings
