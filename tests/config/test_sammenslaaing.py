"""config/sammenslaaing.toml: limits and neighbours."""

from __future__ import annotations

import copy

import pytest

from config.errors import ConfigError
from config.registers import load_model, read_toml
from config.sammenslaaing import FILE, Sammenslaaingsregler, sammenslaaingsregler


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"avstand_m": -1}, "avstand_m"),
        ({"maks_tomter": 1}, "maks_tomter"),
        ({"byggbar_m2": 0}, "byggbar_m2"),
        ({"score": 60}, "score"),  # a profile decides nothing of who goes together
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
