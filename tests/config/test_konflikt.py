"""config/konflikter.toml: what is wrong with it is said at start, with the name of the table."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from config.errors import ConfigError
from config.kilder import kilder, kontekst_themes
from config.konflikt import FILE, Konfliktlag, konflikter, read_konflikter, require_sources
from config.registers import read_toml


@pytest.fixture
def data() -> dict[str, Any]:
    return {
        "regler": {"stopp_andel": 0.5, "straff": {"stopp": 1.0, "hard": 1.0, "myk": 0.4}},
        "tema": {"flom": {"navn": "Flom", "vekt": 1, "trengs": ["sone"]}},
        "lag": {
            "sone": {
                "navn": "Soner",
                "tema": "flom",
                "attributt": ["fare"],
                "alvor": {"200": "hard"},
                "kilde": "TEK17",
            }
        },
        "kilde": {"nve": {"tema": "sone"}},
    }


def test_every_layer_has_a_source_and_every_theme_its_layers():
    register = konflikter()
    brought = {k.tema for k in kilder().values()}
    assert set(register.lag) <= brought
    assert set(register.lag) <= set(kontekst_themes())
    assert all(register.lag_av(tema) for tema in register.tema)
    require_sources(register, read_toml(FILE)["kilde"], FILE)


def test_a_good_file_is_read(data: dict[str, Any]):
    assert read_konflikter(data, "prove.toml").lag["sone"].betydning("200") == "hard"


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        (("lag", "sone", "alvor"), {"200": "fatal"}, "alvor.200"),
        (("lag", "sone", "tema"), "flommen", "there is no tema 'flommen'"),
        (("lag", "sone", "buffer_m"), -1, "buffer_m"),
        (("lag", "sone", "buffer_m_for"), {"200": -5}, "buffer_m_for"),
        (("lag", "sone", "buffer_m_for"), {"999": 5}, "buffer_m_for names ['999']"),
        (("lag", "sone", "alvor"), {}, "attributt and alvor come together"),
        (("lag", "sone", "farge"), "rød", "farge"),
        (("lag", "sone", "annet"), "ingen", "lets values that nobody knows earn points"),
        (("lag", "sone", "uten_verdi"), "ingen", "uten_verdi"),
        (("regler", "uten_flate"), 1.1, "uten_flate"),
        (("tema", "flom", "trengs"), ["stormflo"], "trengs names 'stormflo', which is no layer of it"),
        (("tema", "flom", "trengs"), [], "trengs"),
        (("tema", "flom", "vekt"), 0, "vekt"),
        (("regler", "straff"), {"stopp": 1.0, "hard": 1.0}, "straff does not say what myk costs"),
        (("regler", "straff"), {"stopp": 0.5, "hard": 1.0, "myk": 0.4}, "stopp >= hard >= myk"),
        (("regler", "stopp_andel"), 1.5, "stopp_andel"),
        (("regler",), None, "regler"),
        (("vekter",), {}, "unknown table 'vekter'"),
    ],
)
def test_what_is_wrong_is_named(data: dict[str, Any], table: tuple[str, ...], change: Any, said: str):
    made = copy.deepcopy(data)
    inner = made
    for name in table[:-1]:
        inner = inner[name]
    inner[table[-1]] = change
    if change is None:
        del inner[table[-1]]
    with pytest.raises(ConfigError) as caught:
        read_konflikter(made, "prove.toml")
    assert said in str(caught.value)
    assert "prove.toml" in str(caught.value)


def test_a_layer_that_may_stop_a_lot_has_no_milder_rest(data: dict[str, Any]):
    data["lag"]["sone"] |= {"alvor": {"720": "stopp"}, "annet": "myk"}
    with pytest.raises(ConfigError, match="annet is milder than stopp"):
        read_konflikter(data, "prove.toml")
    data["lag"]["sone"]["annet"] = "stopp"
    assert read_konflikter(data, "prove.toml").lag["sone"].betydning("?") == "stopp"
    data["lag"]["sone"] |= {"attributt": [], "alvor": {}, "uten_verdi": "hard"}
    with pytest.raises(ConfigError, match="wanted is annet, and that alone"):
        read_konflikter(data, "prove.toml")


def test_every_theme_needs_its_layers_but_those_that_only_add():
    """A theme is not taken for looked at while a layer that covers the country is silent."""
    needed = {lag for tema in konflikter().tema.values() for lag in tema.trengs}
    adds = {"naturvern_foreslaatt", "flom_faresone", "kvikkleire_faresone", "skred_faresone"}
    assert set(konflikter().lag) - needed == adds


def test_a_layer_without_a_source_and_a_source_without_a_layer(data: dict[str, Any]):
    register = read_konflikter(data, "prove.toml")
    with pytest.raises(ConfigError, match=r"lag\.sone: no source brings it"):
        require_sources(register, {}, "prove.toml")
    with pytest.raises(ConfigError, match=r"kilde\.nve: there is no layer 'soner'; there are sone"):
        require_sources(register, {"nve": {"tema": "soner"}}, "prove.toml")


def lag(**more: Any) -> Konfliktlag:
    return Konfliktlag(navn="Lag", tema="t", attributt=("a",), kilde="antatt", **more)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("310", "310"),
        ("310.0", "310"),
        (" 310 - Ras- og skredfare", "310"),
        ("H310", "310"),
        ("h310_12", "310"),
        ("høy", "Høy"),
        ("HØY  ", "Høy"),
        ("1/1000", "1/1000"),
        ("R - Rød sone", "R"),
        ("0", None),
        ("", None),
        (None, None),
        ("3100", "3100"),
        ("Særlig høy", "Særlig høy"),
        ("Lav-middels", "Lav-middels"),
        ("LAV - MIDDELS", "LAV - MIDDELS"),
        ("Lav", "Lav"),
        ("G-R", "G-R"),
        ("H220_H310", "H220_H310"),
        ("310 - Ras (også 220)", "310 - Ras (også 220)"),
        ("220 - 310", "220 - 310"),
    ],
)
def test_values_are_read_as_they_are_written(written: str | None, meant: str | None):
    known = {"310": "hard", "Høy": "hard", "1/1000": "hard", "R": "hard", "G": "myk", "220": "myk", "Lav": "myk"}
    assert lag(alvor=known).verdi_av(written) == meant


def test_zero_is_a_value_where_the_config_says_so():
    assert lag(alvor={"0": "ingen"}).verdi_av("0") == "0"
