"""config/kommuneendringer.toml: known changes lead to the kommuner of today."""

from __future__ import annotations

import copy

import pytest

from config.errors import ConfigError
from config.kommuneendringer import FILE, Kommuneendringer, kommuneendringer, oppdiktede_endringer
from config.registers import kommune_register, load_model, read_toml


def test_the_newest_numbers_are_those_of_the_register():
    newest = {c.ny for c in kommuneendringer() if c.dato.year == 2024}
    assert len(newest) > 100
    assert newest <= {k.nummer for k in kommune_register().kommune}
    known = {(c.dato.year, c.gammel, c.ny) for c in kommuneendringer()}
    assert {(2020, "1103", "1103"), (2020, "0213", "3020"), (2024, "1507", "1580")} <= known
    assert [c.dato for c in kommuneendringer()] == sorted(c.dato for c in kommuneendringer())
    assert all(c.nytt_navn for c in kommuneendringer())


def test_those_of_the_invented_kommuner_stand_apart():
    assert {(c.gammel, c.ny) for c in oppdiktede_endringer()} == {("0098", "0099"), ("7091", "7001"), ("7092", "7002")}
    assert not set(oppdiktede_endringer()) & set(kommuneendringer())


@pytest.mark.parametrize(("column", "value"), [(0, "i fjor"), (1, "32O7"), (3, "320")])
def test_a_wrong_row_is_told_of(column, value):
    data = copy.deepcopy(read_toml(FILE))
    data["endring"][0][column] = value
    with pytest.raises(ConfigError, match=r"config/kommuneendringer.toml: endring.0"):
        load_model(Kommuneendringer, data, FILE)
