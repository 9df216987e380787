"""config/indikatorer.toml: every unit is there."""

from __future__ import annotations

import copy

import pytest

from config.errors import ConfigError
from config.indikatorer import FILE, Indikatorer, indikatorer
from config.registers import load_model, read_toml


def test_a_name_ends_with_its_unit():
    wrong = [
        name
        for name, one in indikatorer().indikator.items()
        for end in ("prosent", "kr", "promille", "per_1000", "forhold", "aarsinntekter")
        if name.endswith(f"_{end}") != (one.enhet == end)
    ]
    assert wrong == []


def test_a_ratio_has_the_country_s_figure_by_definition_and_nothing_else_has():
    units = indikatorer().enhet
    assert {name: unit.landet for name, unit in units.items() if unit.landet is not None} == {
        "forhold": 1,
        "indeks": 100,
    }


def test_a_unit_that_is_not_there_is_named():
    data = copy.deepcopy(read_toml(FILE))
    data["indikator"]["folketall"]["enhet"] = "hoder"
    with pytest.raises(ConfigError, match=r"folketall: hoder.*personer"):
        load_model(Indikatorer, data, FILE)
