"""Settings: the profile in force, and that a mistake is named without showing its value."""

from __future__ import annotations

import pytest

from config.errors import ConfigError
from config.settings import Profile, Settings, is_loopback, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TOMT_{name.upper()}", raising=False)
    monkeypatch.chdir(tmp_path)  # no .env of the checkout


@pytest.mark.parametrize(
    ("env", "profile"),
    [
        ({}, Profile.SANDBOX),
        ({"TOMT_AIRTABLE_TOKEN": "pat1"}, Profile.STAGING),
        ({"TOMT_AIRTABLE_TOKEN": "  "}, Profile.SANDBOX),
        ({"TOMT_AIRTABLE_TOKEN": "pat1", "TOMT_AIRTABLE_URL": "http://127.0.0.1:8270"}, Profile.SANDBOX),
        ({"TOMT_PROFILE": "production"}, Profile.PRODUCTION),
        ({"TOMT_PROFILE": "production", "TOMT_AIRTABLE_TOKEN": "pat1"}, Profile.PRODUCTION),
        ({"TOMT_PROFILE": "sandbox", "TOMT_AIRTABLE_TOKEN": "pat1"}, Profile.SANDBOX),
    ],
)
def test_the_profile_in_force(monkeypatch, env, profile):
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert load_settings().effective_profile is profile


def test_a_wrong_value_is_named_but_not_shown(monkeypatch):
    monkeypatch.setenv("TOMT_AIRTABLE_RATE_PER_S", "secret-looking")
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert "TOMT_AIRTABLE_RATE_PER_S" in str(error.value)
    assert "secret-looking" not in str(error.value)


def test_secrets_do_not_show(monkeypatch):
    monkeypatch.setenv("TOMT_AIRTABLE_TOKEN", "patSECRET")
    monkeypatch.setenv("TOMT_NAP_PASSWORD", "hemmelig")
    assert "patSECRET" not in repr(load_settings())
    assert "hemmelig" not in repr(load_settings())


def test_an_object_store_is_refused_with_a_word(monkeypatch):
    monkeypatch.setenv("TOMT_GEODATA", "s3://bucket/geodata")
    with pytest.raises(ConfigError, match="folder"):
        load_settings()


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:1", True),
        ("http://localhost/x", True),
        ("http://[::1]:80", True),
        ("https://api.airtable.com", False),
        ("https://127.0.0.1.example.com", False),
        ("", False),
    ],
)
def test_loopback(url, local):
    assert is_loopback(url) is local
