"""Whether the services answer: each is asked once, and one that is down does not keep the others from being asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.settings import Profile, Settings
from tasks.sandbox.statistikk.feil import Feil
from tasks.sandbox.statistikk.tjener import StatistikkServer
from tasks.sources.statistikk import helse


@pytest.fixture
def quick(monkeypatch):
    """One try, no pause: what is looked at is the verdict."""
    usual = helse.Limits.of

    def once(rules):
        return usual(rules.model_copy(update={"forsoek": 1}))

    monkeypatch.setattr(helse.Limits, "of", once)


def test_each_service_is_told_and_one_that_is_down_names_its_address(quick):
    with StatistikkServer(Feil(valg_er_nede=True)) as server:
        settings = Settings(profile=Profile.SANDBOX, sources_url=server.url, _env_file=None)
        said = {one.tjeneste: one for one in helse.ask_services(settings)}
        assert server.feil.antall("") == 3
    assert [name for name, one in said.items() if one.er_oppe] == ["SSB", "Klass"]
    assert "/valgresultat/api/2023/ko" in said["valgresultat.no"].funn


def test_the_real_ssb_is_not_asked_while_it_updates_its_tables(monkeypatch):
    asked = []

    class Deaf:
        def __init__(self, address, **_):
            self._address = address

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def get(self, url, *, expected):
            asked.append(url)

    monkeypatch.setattr(helse, "Client", Deaf)
    settings = Settings(profile=Profile.STAGING, _env_file=None)
    said = list(helse.ask_services(settings, naa=datetime(2026, 11, 22, 5, 0, tzinfo=UTC)))  # 06:00 in Oslo
    assert [url.split("/")[2] for url in asked] == ["valgresultat.no"]
    assert "until 08:20" in said[0].funn
