"""Backups as configured."""

from __future__ import annotations

import pytest

from config.arkiv import ArkivRegler, arkiv_regler
from config.errors import ConfigError
from config.registers import load_model


def test_the_file_loads():
    rules = arkiv_regler()
    assert rules.oppbevaring.model_dump() == {"timer": 48, "daglig": 14, "ukentlig": 8, "maanedlig": 12}
    assert rules.vedlegg.maks_opplasting_byte <= 5_000_000


@pytest.mark.parametrize(
    ("part", "key", "value"), [("oppbevaring", "daglig", 0), ("vedlegg", "forsoek", 0), ("x", "y", 1)]
)
def test_what_cannot_be_is_told_by_its_name(part, key, value):
    data = arkiv_regler().model_dump()
    data.setdefault(part, {})[key] = value
    with pytest.raises(ConfigError, match=rf"config/arkiv\.toml: {part}"):
        load_model(ArkivRegler, data, "arkiv.toml")
