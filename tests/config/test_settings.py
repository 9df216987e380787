"""Settings: the profile in force, and that a mistake is named without showing its value."""

from __future__ import annotations

import re

import pytest

from config import settings as module
from config.errors import ConfigError
from config.settings import AIRTABLE_URL, ROOT, Profile, Settings, host_of, is_loopback, load_settings, unknown_names


@pytest.fixture
def checkout(monkeypatch, tmp_path):
    """A folder that stands for the checkout, and its .env."""
    monkeypatch.delenv("TOMT_ENV_FILE")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return tmp_path


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
        ({"TOMT_STAGING_AIRTABLE_TOKEN": "pat1"}, Profile.STAGING),
        ({"TOMT_STAGING_AIRTABLE_TOKEN": "pat1", "TOMT_AIRTABLE_URL": "http://127.0.0.1:8270"}, Profile.SANDBOX),
        # production only when it is said
        ({"TOMT_PRODUCTION_AIRTABLE_TOKEN": "pat1", "TOMT_PRODUCTION_AIRTABLE_BASE": "appP"}, Profile.SANDBOX),
        ({"TOMT_PRODUCTION_AIRTABLE_TOKEN": "pat1", "TOMT_STAGING_AIRTABLE_TOKEN": "pat2"}, Profile.STAGING),
        ({"TOMT_PRODUCTION_AIRTABLE_TOKEN": "pat1", "TOMT_AIRTABLE_TOKEN": "pat2"}, Profile.STAGING),
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


@pytest.mark.parametrize("rate", ["0", "-1", "5.01", "inf", "nan", "1e999"])
def test_a_rate_that_airtable_does_not_take_is_refused_but_on_this_machine(monkeypatch, rate):
    monkeypatch.setenv("TOMT_AIRTABLE_RATE_PER_S", rate)
    with pytest.raises(ConfigError, match="TOMT_AIRTABLE_RATE_PER_S: Airtable takes at most 5"):
        load_settings()
    monkeypatch.setenv("TOMT_AIRTABLE_URL", "http://127.0.0.1:8270")
    if rate in {"0", "5.01"}:
        assert load_settings().airtable_rate_per_s == float(rate)
    else:
        with pytest.raises(ConfigError, match="TOMT_AIRTABLE_RATE_PER_S: Airtable takes at most 5"):
            load_settings()
    monkeypatch.setenv("TOMT_AIRTABLE_URL", "https://api.airtable.com")
    monkeypatch.setenv("TOMT_AIRTABLE_RATE_PER_S", "5")
    assert load_settings().airtable_rate_per_s == 5


@pytest.mark.parametrize("name", ["AIRTABLE_TOKEN", "STAGING_AIRTABLE_TOKEN", "PRODUCTION_AIRTABLE_TOKEN"])
@pytest.mark.parametrize("token", ["patHEMMELIGø", "pat HEMMELIG", "patHEMMELIG\r\nX: y", "“patHEMMELIG”"])
def test_a_token_that_fits_in_no_header_is_named_but_not_shown(monkeypatch, name, token):
    monkeypatch.setenv(f"TOMT_{name}", token)
    with pytest.raises(ConfigError, match=f"TOMT_{name}: not a token") as error:
        load_settings()
    assert "HEMMELIG" not in str(error.value)
    monkeypatch.setenv(f"TOMT_{name}", " pat1 \n")
    monkeypatch.setenv("TOMT_PROFILE", "production" if "PRODUCTION" in name else "staging")
    assert load_settings().require_token() == "pat1"


def test_without_a_token_both_variables_are_named(monkeypatch):
    monkeypatch.setenv("TOMT_PROFILE", "staging")
    with pytest.raises(ConfigError, match=r"TOMT_AIRTABLE_TOKEN is not set and .*or TOMT_STAGING_AIRTABLE_TOKEN"):
        load_settings().require_token()


def test_secrets_do_not_show(monkeypatch):
    monkeypatch.setenv("TOMT_AIRTABLE_TOKEN", "patSECRET")
    monkeypatch.setenv("TOMT_NAP_PASSWORD", "hemmelig")
    assert "patSECRET" not in repr(load_settings())
    assert "hemmelig" not in repr(load_settings())


def test_the_file_of_the_checkout_is_read_wherever_a_command_starts(checkout, monkeypatch):
    (checkout / ".env").write_text("TOMT_CONTACT=post@firma.example\n")
    elsewhere = checkout / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / ".env").write_text("TOMT_CONTACT=another@firma.example\n")
    monkeypatch.chdir(elsewhere)
    assert load_settings().contact == "post@firma.example"
    assert Settings().contact is None


def test_another_file_can_be_named_and_none(checkout, monkeypatch):
    (checkout / ".env").write_text("TOMT_CONTACT=a\n")
    (checkout / "staging.env").write_text("TOMT_CONTACT=b\n")
    monkeypatch.setenv("TOMT_ENV_FILE", str(checkout / "staging.env"))
    assert load_settings().contact == "b"
    monkeypatch.setenv("TOMT_ENV_FILE", " ")
    assert load_settings().contact is None
    monkeypatch.setenv("TOMT_ENV_FILE", str(checkout / "absent.env"))
    with pytest.raises(ConfigError, match="TOMT_ENV_FILE"):
        load_settings()


def test_a_file_that_is_not_utf_8_is_named_but_not_shown(checkout):
    (checkout / ".env").write_bytes("TOMT_CONTACT=Tøyen".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"\.env: cannot be read .*UTF-8") as error:
        load_settings()
    assert "yen" not in str(error.value)


def test_an_object_store_is_refused_with_a_word(checkout, monkeypatch):
    (checkout / ".env").write_text("TOMT_GEODATA=s3://bucket/geodata\n")
    with pytest.raises(ConfigError, match="folder"):
        load_settings()
    monkeypatch.setenv("TOMT_GEODATA", "gs://bucket/geodata")
    with pytest.raises(ConfigError, match="TOMT_GEODATA: an object store"):
        load_settings()


def test_a_blank_folder_is_the_usual_one(monkeypatch):
    monkeypatch.setenv("TOMT_GEODATA", "  ")
    assert load_settings().geodata == ROOT / "geodata"
    monkeypatch.setenv("TOMT_GEODATA", "~/geodata")
    assert load_settings().geodata.is_absolute()


@pytest.mark.parametrize("name", ["TOMT_AIRTABLE_URL", "TOMT_SOURCES_URL"])
@pytest.mark.parametrize(
    "value",
    [
        *("http://[::1", "http://host:port", "api.airtable.com", "file:///etc/passwd"),
        # two readers could find two hosts in these
        *("http://ola:hemmelig@127.0.0.1", "http://127.0.0.1@host.example", "http://@host.example"),
        *("http://127.0.0.1\\@host.example", "https://host.example\\x", "https://host .example", "https://host/\tx"),
        *("https://host.example/\x7f", "https://host.example\u00a0", "https://host.example/\x85"),
    ],
)
def test_what_is_no_address_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=f"{name}: not an address") as error:
        load_settings()
    assert value not in str(error.value)


def test_a_blank_address_is_the_usual_one(monkeypatch):
    monkeypatch.setenv("TOMT_AIRTABLE_URL", "")
    monkeypatch.setenv("TOMT_SOURCES_URL", "")
    assert (load_settings().airtable_url, load_settings().sources_url) == (AIRTABLE_URL, None)


def test_names_that_nothing_reads_are_found_in_both_places(checkout, monkeypatch):
    (checkout / ".env").write_text("TOMT_GEODTA=/x\nTOMT_CONTACT=a\nOTHER=1\n")
    monkeypatch.setenv("TOMT_AIRTABLE_TOKN", "patSECRET")
    monkeypatch.setenv("TOMT_GEODATA", str(checkout))
    assert unknown_names() == ["TOMT_AIRTABLE_TOKN", "TOMT_GEODTA"]
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
        ("http://[::1", False),
    ],
)
def test_loopback(url, local):
    assert is_loopback(url) is local


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://ola:hemmelig@host.example:8443/v0?a=b", "host.example:8443"),
        ("https://host.example", "host.example"),
        ("http://[::1", ""),
    ],
)
def test_a_host_is_told_alone(url, host):
    assert host_of(url) == host


def test_further_sources_have_logins_by_their_name(checkout, monkeypatch):
    (checkout / ".env").write_text("TOMT_OSLO_USERNAME=ola\nTOMT_OSLO_PASSWORD=fra-fil\nTOMT_HALV_USERNAME=x\n")
    monkeypatch.setenv("TOMT_OSLO_PASSWORD", "hemmelig")
    settings = load_settings()
    assert settings.credentials("oslo") == ("ola", "hemmelig")
    assert settings.model_copy(update={"contact": "x"}).credentials("oslo") == ("ola", "hemmelig")
    assert settings.credentials("halv") is None
    assert settings.credentials(None) is None
    assert "hemmelig" not in repr(settings)
    assert unknown_names(["oslo", "halv"]) == []
    assert unknown_names() == ["TOMT_HALV_USERNAME", "TOMT_OSLO_PASSWORD", "TOMT_OSLO_USERNAME"]


BOTH = """
TOMT_STAGING_AIRTABLE_TOKEN=patS
TOMT_STAGING_AIRTABLE_BASE=appS
TOMT_PRODUCTION_AIRTABLE_TOKEN=patP
TOMT_PRODUCTION_AIRTABLE_BASE= appP
"""
GENERAL = "TOMT_AIRTABLE_TOKEN=patG\nTOMT_AIRTABLE_BASE=appG\n"


@pytest.mark.parametrize(
    ("file", "profile", "token", "base"),
    [
        (BOTH, "staging", "patS", "appS"),
        (BOTH, "production", "patP", "appP"),
        (BOTH, "", "patS", "appS"),
        (BOTH, "sandbox", None, None),
        (BOTH + GENERAL, "staging", "patS", "appS"),
        (BOTH + GENERAL, "production", "patP", "appP"),
        (BOTH + GENERAL, "sandbox", "patG", "appG"),
        (GENERAL, "production", "patG", "appG"),
        (GENERAL + "TOMT_PRODUCTION_AIRTABLE_TOKEN=patP\n", "production", "patP", "appG"),
        (GENERAL + "TOMT_PRODUCTION_AIRTABLE_BASE=appP\n", "production", "patG", "appP"),
        (GENERAL + "TOMT_PRODUCTION_AIRTABLE_BASE=appP\nTOMT_PRODUCTION_AIRTABLE_TOKEN=patP", "", "patG", "appG"),
        (GENERAL + "TOMT_STAGING_AIRTABLE_TOKEN=\nTOMT_STAGING_AIRTABLE_BASE=  \n", "staging", "patG", "appG"),
    ],
)
def test_each_profile_has_its_own_token_and_base(checkout, monkeypatch, file, profile, token, base):
    (checkout / ".env").write_text(file)
    monkeypatch.setenv("TOMT_PROFILE", profile)
    settings = load_settings()
    assert (settings.airtable_token and settings.airtable_token.get_secret_value()) == token
    assert settings.airtable_base == base
    # the other profile's are nowhere to be found, and are read no second time
    others = {value for name, value in settings if name.startswith(("staging_", "production_"))}
    assert others == {None}
    assert settings.of_profile() == settings
    assert unknown_names() == []


@pytest.mark.parametrize("profile", ["sandbox", "staging", "production"])
@pytest.mark.parametrize(
    ("file", "one", "other"),
    [
        ("STAGING_AIRTABLE_BASE=appX\nTOMT_PRODUCTION_AIRTABLE_BASE= appX ", "STAGING_", "PRODUCTION_"),
        ("STAGING_AIRTABLE_BASE=appX\nTOMT_AIRTABLE_BASE=appX", "STAGING_", ""),
        ("PRODUCTION_AIRTABLE_BASE=appX\nTOMT_AIRTABLE_BASE=appX", "", "PRODUCTION_"),
    ],
)
def test_staging_and_production_never_share_a_base(checkout, monkeypatch, profile, file, one, other):
    (checkout / ".env").write_text(f"TOMT_{file}\nTOMT_AIRTABLE_TOKEN=patSECRET\n")
    monkeypatch.setenv("TOMT_PROFILE", profile)
    with pytest.raises(ConfigError, match=f"TOMT_{one}AIRTABLE_BASE and TOMT_{other}AIRTABLE_BASE") as error:
        load_settings()
    assert "patSECRET" not in str(error.value)


def test_a_general_base_that_neither_profile_uses_may_be_the_one_of_staging(checkout):
    (checkout / ".env").write_text(BOTH + "TOMT_AIRTABLE_BASE=appS\n")
    assert load_settings().airtable_base == "appS"


def test_no_token_of_any_profile_shows(checkout, monkeypatch):
    (checkout / ".env").write_text(BOTH + GENERAL)
    monkeypatch.setenv("TOMT_PROFILE", "production")
    for settings in (load_settings(), Settings(_env_file=checkout / ".env")):
        assert not {"patS", "patP", "patG"} & set(re.findall(r"pat\w", repr(settings) + settings.model_dump_json()))
