"""config/oppfolging.toml: what stands in it, and that what does not fit the base is refused."""

from __future__ import annotations

import copy

import pytest

from config.errors import ConfigError
from config.oppfolging import FILE, Oppfolging, oppfolging
from config.registers import load_model, read_toml


def test_the_deadlines_are_those_agreed_on():
    assert oppfolging().paaminnelse.dager_uten_kontakt == {"Kontaktet": 14, "Dialog": 30, "LOI": 14}


def test_stages_rank_in_order_and_others_not_at_all():
    rank = oppfolging().pipeline.rank
    stages = ("Kontaktet", "Dialog", "LOI", "Opsjon", "Parkert", "Identifisert", None)
    assert [rank(f) for f in stages] == [1, 2, 3, 4, 0, 0, 0]


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("paaminnelse", "dager_uten_kontakt"), {"Dialgo": 3}, "Dialgo"),
        (("paaminnelse", "dager_uten_kontakt"), {"Dialog": 0}, "at least 1 day"),
        (("paaminnelse", "tidssone"), "Europa/Oslo", "no time zone"),
        (("varsel", "kontakt"), ["Fax"], "Fax"),
        (("varsel", "ikke_svar"), ["Kanskje"], "Kanskje"),
        (("pipeline", "stiger"), ["Kontaktet", "Dialog"], "sannsynlighet"),
        (("pipeline", "start"), "Dialog", "stands in"),
        (("pipeline", "teller_mandat"), ["Tapt"], "Tapt"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(where, value, says):
    data = copy.deepcopy(read_toml(FILE))
    data[where[0]][where[1]] = value
    with pytest.raises(ConfigError, match=says):
        load_model(Oppfolging, data, FILE)
