"""Profiles: those of the papers as they are written there, new ones by a table alone, wrong ones refused by name."""

from __future__ import annotations

import copy
import doctest

import pytest

from config import profil as module
from config import registers
from config.errors import ConfigError
from config.profil import ANTATT, FILE, OMRAADER, Profil, kommunenivaa, profil, profiler
from config.registers import load_model, read_toml
from tests.config.endret import with_value

PAPERS = "papers §1"

# papers §1, "seven factors, first match counts": indicator, bounds (over, under), points
WRITTEN = {
    "befolkningsnedgang": [
        ("befolkningsendring_5aar_prosent", None, -2, 10),
        ("befolkningsendring_5aar_prosent", None, -1, 7),
        ("befolkningsendring_5aar_prosent", None, 0, 5),
    ],
    "boligstress": [
        ("boutgift_prosent", 35, None, 20),
        ("boutgift_prosent", 30, None, 15),
        ("boutgift_prosent", 25, None, 10),
    ],
    "inntekt": [("medianinntekt_forhold", None, 0.90, 15), ("medianinntekt_forhold", None, 0.95, 10)],
    "arbeidsledighet": [("arbeidsledighet_forhold", 1.2, None, 10), ("arbeidsledighet_forhold", 1.0, None, 7)],
    "ledelse": [
        ("ap_mandatandel_prosent", 35, None, 15),
        ("ap_mandatandel_prosent", 25, None, 10),
        ("venstreblokk_mandatandel_prosent", 50, None, 8),
    ],
    "prisnivaa": [("prisindeks", 80, 120, 10)],
    "byggetakt": [("byggetakt_forhold", None, 0.8, 10)],
}


def steps_of(kode: str) -> list[tuple[str, float | None, float | None, float]]:
    factor = profil("boligsosial").faktor[kode]
    return [(factor.indicator_of(t), t.over, t.under, t.poeng) for t in factor.trinn]


@pytest.mark.parametrize("kode", WRITTEN)
def test_the_factors_of_the_papers_are_as_written(kode):
    assert steps_of(kode) == WRITTEN[kode]
    ours = {"venstreblokk_mandatandel_prosent"}  # that a majority of seats is a "left coalition"
    factor = profil("boligsosial").faktor[kode]
    assert {t.kilde for t in factor.trinn if factor.indicator_of(t) not in ours} == {PAPERS}
    assert {t.kilde for t in factor.trinn if factor.indicator_of(t) in ours} <= {ANTATT}


def test_what_is_ours_is_marked_as_assumed():
    social = profil("boligsosial")
    assert set(social.faktor) - set(WRITTEN) == {"stabilitet"}
    stand_ins = {kode: f.stedfortreder for kode, f in social.faktor.items() if f.stedfortreder}
    assert set(stand_ins) == {"arbeidsledighet", "ledelse", "stabilitet"}
    ours = [*social.faktor["stabilitet"].trinn, *(t for one in stand_ins.values() for t in one.trinn)]
    assert {t.kilde for t in ours} == {ANTATT}
    growth = profil("vekst").faktor
    assert {kode: f.maks for kode, f in growth.items() if f.kilde == PAPERS} == {"vekst": 30, "prisutvikling": 25}
    assert {f.kilde for f in growth.values()} == {PAPERS, ANTATT}
    assert {f.lineaer.kilde for f in growth.values()} == {ANTATT}


def test_the_areas_of_the_papers():
    factors = profil("boligsosial").faktor.values()
    assert [sum(f.maks for f in factors if f.omraade == o) for o in OMRAADER] == [30, 25, 25, 20]
    assert [p.mulig for p in profiler().values()] == [100, 100]


@pytest.mark.parametrize(("score", "tier"), [(100, 1), (70, 1), (69.999, 2), (69.96, 2), (40, 2), (39.999, 3), (0, 3)])
def test_the_tiers_of_the_papers(score, tier):
    assert kommunenivaa().of(score) == tier


MINE = """
[profil.mitt]
versjon = "1"
navn = "Mitt"
beskrivelse = "Vårt eget."
mulig = 7

[profil.mitt.faktor.eldre]
navn = "Eldre"
omraade = "demografi"
maks = 7
kilde = "styret 2026"
indikator = "andel_over_65_prosent"
trinn = [{ over = 25, poeng = 7, kilde = "styret 2026" }]
"""


@pytest.fixture
def own_file(tmp_path, monkeypatch):
    """Let config/vekter.toml be what a test says."""

    def become(text: str) -> None:
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        profiler.cache_clear()
        kommunenivaa.cache_clear()

    profil("vekst")  # and the catalogue with it, which lies in the same folder
    monkeypatch.setattr(registers, "FOLDER", tmp_path)
    yield become
    profiler.cache_clear()
    kommunenivaa.cache_clear()


def test_a_profile_is_added_by_its_table_alone(own_file):
    own_file((registers.Path(module.__file__).parent / FILE).read_text(encoding="utf-8") + MINE)
    assert list(profiler()) == ["boligsosial", "vekst", "mitt"]
    assert profil("mitt").merke == "mitt 1"


def test_an_unknown_profile_is_told_which_there_are():
    with pytest.raises(ConfigError, match=r"No profile 'veskt'. There are: boligsosial, vekst\."):
        profil("veskt")


@pytest.mark.parametrize("text", ["", "profil = 3", "[profil]\nvekst = 3"])
def test_a_file_without_profiles_says_what_is_wanted(own_file, text):
    own_file(text)
    with pytest.raises(ConfigError, match=r"vekter\.toml: wanted is a table \[profil\.<name>\]"):
        profiler()


def test_tiers_that_do_not_fall_are_refused(own_file):
    own_file("[kommunenivaa]\n1 = 40\n2 = 40")
    with pytest.raises(ConfigError, match=r"kommunenivaa.*1 > 2"):
        kommunenivaa()


FACTOR = ("faktor", "boligstress")


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("mulig",), 90, r"add up to 100, mulig says 90"),
        ((*FACTOR, "indikator"), "boutgift_pst", r"no indikator 'boutgift_pst'; did you mean boutgift_prosent"),
        ((*FACTOR, "indikator"), "xyz", r"no indikator 'xyz'; there are folketall"),
        ((*FACTOR, "omraade"), "natur", r"boligstress\.omraade"),
        ((*FACTOR, "maks"), 15, r"gives 20 points, more than maks = 15"),
        ((*FACTOR, "maks"), 25, r"no step gives maks = 25"),
        ((*FACTOR, "lineaer"), {"fra": 0, "til": 1, "kilde": "x"}, r"either trinn or lineaer"),
        ((*FACTOR, "trinn"), [{"poeng": 20, "kilde": "x"}], r"over, under, or both"),
        ((*FACTOR, "trinn"), [{"over": 3, "under": 3, "poeng": 20, "kilde": "x"}], r"nothing lies over 3"),
        ((*FACTOR, "trinn"), [{"over": float("nan"), "poeng": 20, "kilde": "x"}], r"trinn\.0\.over"),
        ((*FACTOR, "trinn"), [{"over": 3, "poeng": 20}], r"trinn\.0\.kilde"),
        (
            (*FACTOR, "trinn"),
            [{"over": 25, "poeng": 10, "kilde": "x"}, {"over": 30, "poeng": 20, "kilde": "x"}],
            r"trinn 2 is never reached",
        ),
        (
            (*FACTOR, "stedfortreder"),
            {"indikator": "boutgift_prosent", "trinn": [{"over": 1, "poeng": 1, "kilde": "x"}]},
            r"cannot stand in for itself",
        ),
        (("faktor", "../x"), {}, r"faktor"),
        (("faktor",), {}, r"faktor"),
        (("kode",), "Bolig-sosial", r"kode"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(where, value, says):
    data = with_value({"kode": "boligsosial", **read_toml(FILE)["profil"]["boligsosial"]}, where, value)
    with pytest.raises(ConfigError, match=says):
        load_model(Profil, data, FILE)


def test_a_line_needs_a_length():
    data = {"kode": "vekst", **copy.deepcopy(read_toml(FILE)["profil"]["vekst"])}
    data["faktor"]["vekst"]["lineaer"] = {"fra": 5, "til": 5, "kilde": "x"}
    with pytest.raises(ConfigError, match=r"fra and til are both 5"):
        load_model(Profil, data, FILE)


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(module).failed == 0
