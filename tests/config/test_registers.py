"""Registers: the numbers that stand there, and that mistakes in them are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config import registers
from config.errors import ConfigError, UnknownKommuneError
from config.registers import find_kommune, housing_classes, invented_kommuner, kommune_register, kommuner


def test_there_are_357_kommuner_and_each_has_its_own_utm_zone():
    found = {k.nummer: k for k in kommune_register().kommune}
    assert len(found) == 357
    assert (found["0301"].navn, found["0301"].epsg) == ("Oslo", 25832)
    assert found["1804"].epsg == 25833
    assert found["5601"].epsg == 25835


def test_the_invented_kommuner_have_numbers_that_nobody_ever_had():
    numbers = {k.nummer for k in invented_kommuner()}
    assert numbers == {"0099", "7001", "7002"}
    assert not numbers & {k.nummer for k in kommune_register().kommune}
    assert not numbers & set(kommune_register().tidligere)
    assert all("oppdiktet" in k.navn for k in invented_kommuner())


@pytest.mark.parametrize(
    ("old", "new"), [("3020", ["3207"]), ("0213", ["3207"]), ("3021", ["3218"]), ("1507", ["1508", "1580"])]
)
def test_a_number_of_before_2024_is_refused_with_the_new_one(old, new):
    with pytest.raises(UnknownKommuneError) as error:
        find_kommune(old, sandbox=False)
    assert all(number in str(error.value) for number in new)


def test_every_old_number_leads_to_numbers_in_use():
    in_use = {k.nummer for k in kommune_register().kommune}
    for old, new in kommune_register().tidligere.items():
        assert old not in in_use
        assert set(new) <= in_use


def test_the_label_of_the_form_is_understood():
    assert find_kommune("3207 Nordre Follo", sandbox=False).nummer == "3207"


@given(st.text(max_size=20))
def test_nonsense_is_refused_in_one_line(text):
    known = {k.nummer for k in kommuner(sandbox=True)}
    words = text.split()
    if words and words[0] in known:
        return
    with pytest.raises(UnknownKommuneError):
        find_kommune(text, sandbox=True)


def test_an_invented_kommune_is_unknown_outside_the_sandbox():
    with pytest.raises(UnknownKommuneError, match="TOMT_PROFILE=sandbox"):
        find_kommune("7001", sandbox=False)


def test_the_class_depends_on_objekttype_and_code():
    classes = housing_classes()
    assert classes["KpArealformålOmråde", "1110"] == "bolig"
    assert classes["KpArealbrukOmråde", "110"] == "bolig"
    assert classes["KpArealformålOmråde", "1130"] == "mulig"
    assert classes["KpArealbrukOmråde", "221"] == "spredt"
    assert ("KpArealbrukOmråde", "130") not in classes  # Erverv, though RB 130 is Kontor
    assert ("KpArealformålOmråde", "1119") not in classes  # garages


@pytest.mark.parametrize(
    ("name", "text", "load", "says"),
    [
        (
            "regler.toml",
            "[areal]\nminste_omraade_m2 = 2000\nminste_tomt_m2 = 1000\nminste_bredde_m = 6\nukjent = 1\n",
            "regler",
            "ukjent",
        ),
        ("regler.toml", "[areal\n", "regler", "regler.toml"),
    ],
)
def test_a_mistake_in_a_register_is_named(tmp_path, monkeypatch, name, text, load, says):
    (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(registers, "FOLDER", tmp_path)
    function = getattr(registers, load)
    with pytest.raises(ConfigError, match=says):
        getattr(function, "__wrapped__", function)()
