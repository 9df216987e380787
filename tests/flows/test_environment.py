"""Where a run reads and writes: what the sandbox takes from the environment, and how commands share its base."""

from __future__ import annotations

import logging
import os
import threading

import pytest
from pydantic import SecretStr

from config.registers import find_kommune
from config.settings import AIRTABLE_URL, Profile, Settings, load_settings
from flows import environment
from flows.demo import child_environment
from flows.environment import connected, require_runnable, within_sandbox
from tasks.crm.client import connect
from tasks.errors import BusyError, ConfigError
from tests.waiting import PATIENCE_S

REAL = "TOMT_AIRTABLE_TOKEN=patREAL\nTOMT_AIRTABLE_BASE=appREAL\nTOMT_SOURCES_URL=https://sources.example\n"


@pytest.fixture
def env_file(tmp_path, monkeypatch):
    """An .env such as the README tells to write, for a real base."""
    path = tmp_path / "real.env"
    path.write_text(REAL + f"TOMT_GEODATA={tmp_path / 'geodata'}\n")
    monkeypatch.setenv("TOMT_ENV_FILE", str(path))
    return path


def test_a_sandbox_never_takes_the_token_of_a_real_base(env_file, monkeypatch, caplog):
    monkeypatch.setenv("TOMT_PROFILE", "sandbox")
    settings = load_settings()
    assert settings.airtable_token.get_secret_value() == "patREAL"
    with caplog.at_level(logging.WARNING, "tomt"), connected(settings) as ready:
        assert ready.airtable_url.startswith("http://127.0.0.1:")
        assert ready.sources_url.startswith("http://127.0.0.1:")
        assert ready.airtable_base is None
        assert ready.airtable_token.get_secret_value() != "patREAL"
        assert connect(ready).whoami()["id"].startswith("usr")
    assert "TOMT_AIRTABLE_TOKEN is not used" in caplog.text
    assert "TOMT_SOURCES_URL is not used" in caplog.text
    assert "patREAL" not in caplog.text


def test_the_children_of_a_demo_see_nothing_of_a_real_base(env_file, monkeypatch, tmp_path):
    for line in REAL.splitlines():
        monkeypatch.setenv(*line.split("="))
    env = child_environment(load_settings(), home=tmp_path / "prefect", url="http://127.0.0.1:4200")
    assert env["TOMT_ENV_FILE"] == ""  # none, also where the checkout has one
    for name in [n for n in os.environ if n.startswith("TOMT_") and n not in env]:
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    seen = load_settings()
    assert (seen.airtable_token, seen.airtable_base, seen.sources_url) == (None, None, None)
    assert seen.airtable_url == AIRTABLE_URL
    assert seen.geodata == tmp_path / "geodata"
    assert seen.is_sandbox


def test_a_local_airtable_and_local_sources_are_taken(tmp_path):
    settings = Settings(
        geodata=tmp_path,
        airtable_token=SecretStr("patLocal"),
        airtable_url="http://localhost:8270",
        airtable_base="appLocal",
        sources_url="http://127.0.0.1:8271",
    )
    assert within_sandbox(settings) == settings.model_copy(update={"profile": Profile.SANDBOX})


def test_a_real_kommune_is_not_asked_of_sources_that_are_not_used():
    kommune = find_kommune("3207", sandbox=True)
    with pytest.raises(ConfigError, match="invented ones"):
        require_runnable(kommune, Settings(profile=Profile.SANDBOX, sources_url="https://sources.example"))
    require_runnable(kommune, Settings(profile=Profile.SANDBOX, sources_url="http://127.0.0.1:1"))


def test_a_command_waits_for_the_one_that_uses_the_base(settings, caplog, monkeypatch):
    monkeypatch.setattr(environment, "ASK_AGAIN_S", 0.01)
    waiting, entered = threading.Event(), threading.Event()

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting" in record.getMessage():
                waiting.set()

    def second() -> None:
        with connected(settings):
            entered.set()

    seen = Seen()
    environment.log.addHandler(seen)
    try:
        with caplog.at_level(logging.INFO, "tomt"):
            with connected(settings):
                thread = threading.Thread(target=second)
                thread.start()
                assert waiting.wait(PATIENCE_S)
                assert not entered.is_set()
            thread.join(PATIENCE_S)
    finally:
        environment.log.removeHandler(seen)
    assert entered.is_set()
    assert caplog.text.count("waiting for up to") == 1


def test_the_wait_ends_and_says_what_to_do(settings, monkeypatch):
    monkeypatch.setattr(environment, "WAIT_S", 0.0)
    with connected(settings), pytest.raises(BusyError, match="wait until it is done"), connected(settings):
        pass


def test_commands_share_a_sandbox_that_is_announced_and_a_second_demo_is_refused(tmp_path):
    settings = Settings(profile=Profile.SANDBOX, geodata=tmp_path)
    with connected(settings, announce=True) as first:
        with connected(settings) as joined:
            assert joined.airtable_url == first.airtable_url
        with pytest.raises(BusyError, match="A demo runs already"), connected(settings, announce=True):
            pass
        with connected(settings) as joined:
            assert joined.airtable_url == first.airtable_url
