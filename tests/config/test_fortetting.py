"""Density standards: what each kommune is, and what does not fit is refused by name."""

from __future__ import annotations

import doctest

import pytest

from config import fortetting as module
from config.errors import ConfigError
from config.fortetting import ANTAGELSE, KOMMUNEKLASSER, SONER, fortetting, read_fortetting
from config.registers import read_toml
from tests.config.endret import with_value


def test_there_is_a_standard_for_every_class_and_zone_and_none_is_quoted_that_is_ours():
    standards = fortetting().standard
    assert {(k, s) for k in standards for s in standards[k]} == {(k, s) for k in KOMMUNEKLASSER for s in SONER}
    assert {standards[k][s].kilde for k in standards for s in standards[k]} == {ANTAGELSE}


@pytest.mark.parametrize("which", ["lav", "forventet", "hoy"])
def test_more_is_built_the_more_central_and_the_larger_the_kommune(which):
    table = [[getattr(fortetting().standard[k][s], which) for s in SONER] for k in KOMMUNEKLASSER]
    assert all(row == sorted(row, reverse=True) for row in table)
    assert all(list(column) == sorted(column) for column in zip(*table, strict=True))


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("standard", "by", "sentrum"), None, r"there is no standard\.by\.sentrum"),
        (("standard", "by", "sentrum", "lav"), 9.0, r"lav <= forventet <= hoy, not 9, 8, 14"),
        (("standard", "by", "sentrum", "lav"), -1.0, r"standard\.by\.sentrum\.lav"),
        (("standard", "by", "sentrum", "hoy"), 900.0, r"standard\.by\.sentrum\.hoy"),
        (("standard", "by", "sentrum", "type"), "tårn", r"standard\.by\.sentrum\.type"),
        (("standard", "by", "sentrum", "kilde"), " ", r"standard\.by\.sentrum\.kilde"),
        (("standard", "by", "sentrumm"), {}, r"standard\.by\.sentrumm"),
        (("standard", "storby"), {}, r"standard\.storby"),
        (("kommuneklasse", "mellomstor"), 30_000, r"0 = liten < mellomstor < by"),
        (("sone", "sentrum", "naer_m"), -1, r"sone\.sentrum\.naer_m"),
        (("uten_kjerne", "hoy"), 1.5, r"uten_kjerne\.hoy"),
        (("standarder",), {}, r"standarder"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(where, value, says):
    data = with_value(read_toml("fortetting.toml"), where, value)
    with pytest.raises(ConfigError, match=rf"config/fortetting\.toml: .*{says}"):
        read_fortetting(data)


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(module).failed == 0
