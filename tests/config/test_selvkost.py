"""config/selvkost.toml: every figure has its source, and what cannot be is refused by name."""

from __future__ import annotations

import copy

import pytest

from config.errors import ConfigError
from config.registers import load_model, read_toml
from config.selvkost import FILE, Selvkost, Spenn, selvkost
from tests.config.endret import with_value


def test_every_figure_that_ships_says_where_it_is_from():
    figures = [f for table in (selvkost().pristak, selvkost().areal, selvkost().kostnad) for f in dict(table).values()]
    assert all(isinstance(f, Spenn) and f.kilde for f in figures)
    assert selvkost().kostnad.byggekost_kr_per_m2.er_antagelse
    assert not selvkost().kostnad.dokumentavgift_andel.er_antagelse


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("kostnad", "byggekost_kr_per_m2", "lav"), 50_000, "lav = 50000 is more than hoy = 42000"),
        (("kostnad", "gebyrer_kr_per_bolig", "lav"), -1, "gebyrer_kr_per_bolig.lav"),
        (("kostnad", "felleskost_andel", "hoy"), 12, "a share is 0–1"),
        (("kostnad", "dokumentavgift_andel", "kilde"), " ", "dokumentavgift_andel.kilde"),
        (("areal", "bra_per_bolig_m2", "lav"), 0, "a dwelling of 0 m² is none"),
        (("pristak", "andel", "hoy"), float("inf"), "pristak.andel.hoy"),
        (("kostnad", "mva"), 0.25, "mva"),
    ],
)
def test_what_cannot_be_is_refused_by_name(where, value, says):
    data = with_value(read_toml(FILE), where, value)
    with pytest.raises(ConfigError, match=says):
        load_model(Selvkost, data, FILE)


def test_a_missing_figure_is_named_and_the_price_without_figures_may_be_left_out():
    data = copy.deepcopy(read_toml(FILE))
    del data["pristak"]["uten_tall_kr_per_m2"]
    assert load_model(Selvkost, data, FILE).pristak.uten_tall_kr_per_m2 is None
    del data["kostnad"]["byggekost_kr_per_m2"]
    with pytest.raises(ConfigError, match="byggekost_kr_per_m2"):
        load_model(Selvkost, data, FILE)


def test_another_figure_gives_another_mark():
    data = copy.deepcopy(read_toml(FILE))
    data["kostnad"]["byggekost_kr_per_m2"]["hoy"] += 1
    assert load_model(Selvkost, data, FILE).merke != selvkost().merke
