"""The sources: what stands in plankilder.toml, and that a mistake in it is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.errors import ConfigError
from config.kilder import Kilde, kilder, kontekst_themes, optional_themes, themes

GOOD = """
[kilde]
tema = "reguleringsplan"
protokoll = "wfs"
adresse = "https://kart.example/wfs"
lag = ["RpOmråde"]
lisens = "x"
"""


def load(tmp_path: Path, text: str) -> Kilde:
    path = tmp_path / "egne.toml"
    path.write_text(text, encoding="utf-8")
    return kilder.__wrapped__(path)["kilde"]


def test_purposes_are_a_theme_of_a_run_only_when_wanted_and_buildings_are_optional() -> None:
    every = themes(ikke_bolig_i_plan=True)
    assert set(every) == {k.tema for k in kilder().values() if not k.er_kontekst} - {"adresse"}
    assert every[0] == "grense"
    assert themes(ikke_bolig_i_plan=False) == tuple(t for t in every if t != "reguleringsformaal")
    assert optional_themes() == {"bygning", "adresse"}


def test_a_list_of_layers_stands_for_their_names(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD).lag == {"RpOmråde": "RpOmråde"}
    assert load(tmp_path, GOOD.replace('["RpOmråde"]', '{ "RpOmråde" = "44" }')).lag == {"RpOmråde": "44"}


def test_own_sources_stand_beside_the_others_and_replace_those_of_their_name(tmp_path: Path) -> None:
    load(tmp_path, GOOD)
    own = kilder.__wrapped__(tmp_path / "egne.toml")
    assert set(own) == {*kilder(), "kilde"}
    (tmp_path / "egne.toml").write_text(GOOD.replace("[kilde]", "[nap_kommuneplan]"), encoding="utf-8")
    with pytest.raises(ConfigError, match="nap_kommuneplan is the name of a source of kommuneplan"):
        kilder.__wrapped__(tmp_path / "egne.toml")
    (tmp_path / "egne.toml").write_text(GOOD.replace("[kilde]", "[nap_reguleringsplan]"), encoding="utf-8")
    replaced = kilder.__wrapped__(tmp_path / "egne.toml")
    assert set(replaced) == set(kilder())
    assert replaced["nap_reguleringsplan"].protokoll == "wfs"


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ('tema = "veger"', "there is no theme or layer 'veger'; there are grense, kommuneplan"),
        ('ukjent = "x"', "kilde: ukjent: Extra inputs"),
        ('adresse = "kart.example"', "http"),
        ('adresse = "file:///etc/passwd"', "http"),
        ("lag = []", "names no layer"),
        ('paakrevd = ["KpOmråde"]', "names ['KpOmråde']"),
        ('kommuner = ["1507"]', "kommune 1507 is now 1508, 1580"),
        ('protokoll = "nedlasting"', "needs datasett"),
        ("prioritet = 101", "kilde: prioritet"),
        ("epsg = 3857", "kilde: epsg"),
        ('legitimasjon = "NAP; rm"', "kilde: legitimasjon"),
        ('kommuner = ["9876"]', "there is no kommune '9876'"),
        ('adresse = "https://ola:hemmelig@kart.example/wfs"', "holds a login"),
        ('adresse = "http://kart.example/wfs"\nlegitimasjon = "oslo"', "must not travel over http"),
        ('protokoll = "adresser"', "adresser does not bring reguleringsplan"),
        ('tema = "grense"', "wfs does not bring grense"),
        ('tom_naar = "ingen"', "tom_naar names 'ingen'"),
        ('protokoll = "nvdb"', "nvdb does not bring reguleringsplan"),
        ("filter = { status = [] }", "filter says of ['status'] no value to keep"),
        ("rundt_m = -1", "kilde: rundt_m"),
        ("gyldig_dager = 400", "kilde: gyldig_dager"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, changed: str, says: str) -> None:
    name = changed.partition(" =")[0]
    kept = "\n".join(line for line in GOOD.splitlines() if not line.startswith(f"{name} ="))
    with pytest.raises(ConfigError) as error:
        load(tmp_path, f"{kept}\n{changed}\n")
    assert says in str(error.value)
    assert "egne.toml" in str(error.value)


def test_what_stands_around_the_lots_is_optional_and_not_asked_for_every_day(tmp_path: Path) -> None:
    around = [k for k in kilder().values() if k.er_kontekst]
    assert {k.tema for k in around} == set(kontekst_themes())
    assert all(k.valgfri and k.gyldig_dager for k in around)
    assert not any(k.gyldig_dager for k in kilder().values() if not k.er_kontekst)
    own = load(tmp_path, GOOD.replace("reguleringsplan", "marka") + "valgfri = false\n")
    assert (own.valgfri, own.gyldig_dager) == (True, 7)


def test_a_file_that_is_not_there_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TOMT_KILDER"):
        kilder.__wrapped__(tmp_path / "ingen.toml")
    with pytest.raises(ConfigError, match=r"egne\.toml"):
        load(tmp_path, "tema = 1")


def test_the_address_of_a_profile(tmp_path: Path) -> None:
    nap, bergen = kilder()["nap_kommuneplan"], kilder()["bergen_kommuneplan"]
    assert nap.address(None) == nap.adresse
    assert nap.address("http://127.0.0.1:1/") == "http://127.0.0.1:1/nap/services/rest/kommuneplaner"
    assert bergen.address("http://127.0.0.1:1") is None  # the sandbox never asks the real world
    local = load(tmp_path, GOOD.replace("https://kart.example", "http://127.0.0.1:9"))
    assert local.address("http://127.0.0.1:1") == "http://127.0.0.1:9/wfs"
