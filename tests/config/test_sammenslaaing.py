"""config/sammenslaaing.toml: limits and neighbours."""

from __future__ import annotations

import copy

import pytest

from config.errors import ConfigError
from config.registers import load_model, read_toml
from config.sammenslaaing import FILE, Sammenslaaingsregler, sammenslaaingsregler


def test_the_rules_that_ship_have_limits_in_a_fixed_order():
    assert list(sammenslaaingsregler().terskel.limits) == ["byggbar_m2", "score"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"avstand_m": -1}, "avstand_m"),
        ({"maks_tomter": 1}, "maks_tomter"),
        ({"terskel": {}}, "at least one of areal_m2, byggbar_m2, score"),
        ({"terskel": {"score": 101}}, "terskel.score"),
        ({"terskel": {"byggbar_m2": 0}}, "terskel.byggbar_m2"),
        ({"terskel": {"verdi": 3}}, "terskel.verdi"),
        ({"naboer": 3}, "naboer"),
    ],
)
def test_what_cannot_be_is_refused_by_name(changes, says):
    data = {**copy.deepcopy(read_toml(FILE)), **changes}
    with pytest.raises(ConfigError, match=says):
        load_model(Sammenslaaingsregler, data, FILE)


def test_another_rule_gives_another_mark():
    rules = sammenslaaingsregler()
    assert rules.model_copy(update={"maks_tomter": rules.maks_tomter + 1}).merke != rules.merke
