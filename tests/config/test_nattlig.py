"""The list of the nightly run: a mistake in it is named, and what it names is in use."""

from __future__ import annotations

import pytest

from config import registers
from config.errors import ConfigError, UnknownKommuneError
from config.nattlig import always_nightly, nattlig
from config.profil import profiler

GOOD = {"profil": '"boligsosial"', "antall": "50", "dager": "45", "alltid": '["3207"]', "sandkasse": '["0099"]'}


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Read a list with one entry changed."""

    def change(name: str, value: str) -> None:
        lines = [f"{key} = {said}" for key, said in (GOOD | {name: value}).items()]
        (tmp_path / "nattlig.toml").write_text("\n".join(lines), encoding="utf-8")
        monkeypatch.setattr("config.registers.FOLDER", tmp_path)

    return change


def test_the_list_has_the_pilots_and_a_profile_that_there_is():
    assert [k.nummer for k in always_nightly(sandbox=False)] == ["3207", "3218", "3212"]
    assert all(k.oppdiktet for k in always_nightly(sandbox=True))
    assert nattlig().profil in profiler()


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("alltid", "[3207]", "alltid.0"),
        ("alltid", "[]", "alltid"),
        ("sandkasse", '["99"]', "sandkasse.0"),
        ("antall", "-1", "antall"),
        ("kommuner", "[]", "kommuner"),
    ],
)
def test_a_mistake_is_named(written, name, value, says):
    written(name, value)
    with pytest.raises(ConfigError, match=rf"config/nattlig.toml: {says}: "):
        nattlig()


def test_a_number_that_is_not_in_use_is_named_with_the_new_one(written):
    registers.kommune_register()  # of the real folder
    written("alltid", '["3020"]')
    with pytest.raises(UnknownKommuneError, match="3207 Nordre Follo"):
        always_nightly(sandbox=False)
