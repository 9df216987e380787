"""The register of pictures: what it refuses, and what of it makes a picture another one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.bilder import BilderRegister, bilder
from config.registers import kommuner, read_toml


def changed(**tables):
    whole = read_toml("bilder.toml")
    for name, values in tables.items():
        whole[name] = whole.get(name, {}) | values if isinstance(values, dict) else values
    return BilderRegister.model_validate(whole)


def test_every_kommune_has_tiles_in_its_own_zone():
    assert {k.epsg for k in kommuner(sandbox=True)} <= {s.epsg for s in bilder().fliser.sett}


@pytest.mark.parametrize(
    ("objekttype", "kode", "navn"),
    [
        ("KpArealformålOmråde", "1110", "Bolig"),
        ("KpArealbrukOmråde", "110", "Bolig"),
        ("KpArealformålOmråde", "1130", "Sentrum"),
        ("KpArealformålOmråde", "5210", "LNF, spredt"),
        ("KpArealformålOmråde", "5100", "LNF"),
        ("KpArealformålOmråde", "9999", "Annet formål"),
        ("KpArealformålOmråde", "", "Annet formål"),
        ("KpArealformålOmråde", None, "Annet formål"),
        ("RpArealformålOmråde", "1110", "Annet formål"),
    ],
)
def test_a_purpose_is_drawn_by_list_and_code(objekttype, kode, navn):
    assert bilder().purpose(objekttype, kode).navn == navn


def test_an_unknown_constraint_is_hatched_as_the_last_one():
    assert bilder().constraint("flom").navn == "Flom"
    assert bilder().constraint("ukjent") == bilder().constraint(None) == bilder().binding[-1]


def test_only_what_changes_the_look_is_style():
    assert changed(utvalg={"antall": 7}).style() == bilder().style()
    assert changed(fliser={"adresse": None}).style() == bilder().style()
    assert changed(bilde={"bredde": 801}).style() != bilder().style()
    assert changed(farger={"tomt": "#000000"}).style() != bilder().style()


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"farger": {"tomt": "blue"}}, "should match pattern"),
        ({"bilde": {"topp": 900}}, "less than 200 pixels"),
        ({"utsnitt": {"minste_marg_m": 300}}, "minste_marg_m"),
        ({"fliser": {"adresse": "https://kart.example/{z}/{x}.png"}}, "each of"),
        ({"fliser": {"adresse": "ftp://kart.example/{sett}/{z}/{x}/{y}"}}, "not an address"),
        ({"binding": [{"slag": "flom", "navn": "Flom", "skravur": "/"}]}, "every other kind"),
        ({"ukjent": {}}, "not permitted"),
    ],
)
def test_what_does_not_fit_is_refused(tables, said):
    with pytest.raises(ValidationError, match=said):
        changed(**tables)
