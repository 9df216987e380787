"""The building types of services in config/kontekst.toml."""

from __future__ import annotations

from typing import Any

import pytest

from config.errors import ConfigError
from config.kilder import KONTEKSTTEMAER, kilder
from config.kontekst import read_tjenester, tjenester

GOOD = {"dagligvare": ["322"], "skole": ["613"], "barnehage": ["612"], "offentlig": ["613", "651"]}


def test_the_kinds_of_the_config_are_read_and_every_layer_has_a_source():
    typer = tjenester().typer
    assert set(typer) == {"dagligvare", "skole", "barnehage", "offentlig"}
    assert "322" in typer["dagligvare"]
    assert set(KONTEKSTTEMAER) <= {k.tema for k in kilder().values()}


def test_a_building_type_may_stand_for_two_kinds():
    assert read_tjenester({"tjeneste": GOOD, "kilde": {}}, "prove.toml").offentlig == ("613", "651")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"tjeneste": GOOD | {"kirke": ["671"]}}, "kirke"),
        ({"tjeneste": {k: v for k, v in GOOD.items() if k != "skole"}}, "skole"),
        ({"tjeneste": GOOD | {"skole": []}}, "skole"),
        ({"tjeneste": GOOD | {"skole": ["61"]}}, "skole"),
        ({"tjeneste": GOOD | {"skole": ["0613"]}}, "skole"),
        ({"tjeneste": GOOD | {"skole": ["613", "613"]}}, "613 stands twice"),
        ({"tjenester": GOOD}, "unknown table 'tjenester'"),
        ({"kilde": {}}, "there is no table [tjeneste]"),
    ],
)
def test_what_is_wrong_is_named(data: dict[str, Any], said: str):
    with pytest.raises(ConfigError) as caught:
        read_tjenester(data, "prove.toml")
    assert said in str(caught.value)
    assert "prove.toml" in str(caught.value)
