"""Profiles of the lots' score: those of the papers as written there, ours marked, wrong ones refused by name."""

from __future__ import annotations

import copy
import doctest

import pytest

from config import tomtprofil as module
from config.errors import ConfigError
from config.registers import read_toml
from config.tomtprofil import ANTATT, METODER, read_tomtprofiler, tomtprofil, tomtprofiler
from tasks.tomtekontrakter import FAKTORER
from tests.config.endret import with_value

PAPERS = "papers §3"


def test_the_factors_are_those_of_the_contract():
    assert tuple(METODER) == FAKTORER


def test_the_papers_profile_is_as_written():
    factors = tomtprofil("master-6").faktor
    assert {f: w.maks for f, w in factors.items()} == {
        "kapasitet": 25, "storrelse": 15, "sentralitet": 20, "konflikt": 20, "infrastruktur": 10, "politikk": 10,
    }  # fmt: skip
    assert {w.kilde for w in factors.values()} == {PAPERS}
    assert dict(factors["kapasitet"].tall) == {"m2_per_bolig": 80, "boliger_full": 10}
    assert dict(factors["storrelse"].tall) == {"daa_full": 5}
    assert dict(factors["sentralitet"].tall) == {"per_km2_full": 1000}
    assert {factors[f].kilde_tall for f in ("kapasitet", "storrelse", "sentralitet")} == {PAPERS}


def test_ours_is_the_papers_weights_by_nine_tenths_and_the_owners():
    papers, ours = tomtprofil("master-6").faktor, tomtprofil("eier-7").faktor
    assert [w.maks for w in ours.values()] == [22.5, 13.5, 18, 18, 9, 9, 10]
    assert all(ours[f].maks == pytest.approx(papers[f].maks * 0.9) for f in papers)
    assert set(ours) - set(papers) == {"eier"}
    assert ours["eier"].kilde == ANTATT
    assert {w.kilde_tall for w in ours.values()} == {ANTATT}


def test_ours_is_the_default():
    assert tomtprofil() is tomtprofil("eier-7")
    assert list(tomtprofiler()) == ["master-6", "eier-7"]
    assert tomtprofil().merke == "eier-7 1"


@pytest.mark.parametrize(
    ("name", "says"), [("eier7", r"did you mean eier-7\? "), ("xyz", r"there are master-6, eier-7\. ")]
)
def test_an_unknown_profile_is_told_which_there_are(name, says):
    with pytest.raises(ConfigError, match=f"No profile '{name}' .*{says}"):
        tomtprofil(name)


def test_a_profile_is_added_by_its_table_alone():
    data = copy.deepcopy(read_toml("vekter.toml"))
    data["tomtprofil"]["bare-sted"] = {
        "versjon": "2", "navn": "Bare sted", "beskrivelse": "x",
        "faktor": {"sentralitet": {"maks": 100, "metode": "deler", "kilde": "styret 2026"}},
    }  # fmt: skip
    data["tomt"]["profil"] = "bare-sted"
    chosen, profiles = read_tomtprofiler(data)
    assert profiles[chosen].merke == "bare-sted 2"


PROFILE = ("tomtprofil", "eier-7")
FACTOR = (*PROFILE, "faktor", "kapasitet")


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        ((*FACTOR, "maks"), 25, r"eier-7: .*add up to 102\.5, not 100: kapasitet 25 \+ storrelse 13\.5"),
        ((*FACTOR, "maks"), None, r"eier-7: faktor\.kapasitet\.maks: Field required"),
        ((*FACTOR, "maks"), -22.5, r"eier-7: faktor\.kapasitet\.maks"),
        ((*FACTOR, "maks"), float("nan"), r"eier-7: faktor\.kapasitet\.maks"),
        ((*FACTOR, "kilde"), None, r"eier-7: faktor\.kapasitet\.kilde"),
        ((*FACTOR, "metode"), "fortettning", r"faktor\.kapasitet: .*'fortettning' is unknown; did you mean fortetting"),
        ((*FACTOR, "metode"), None, r"faktor\.kapasitet: .*metode '' is unknown; there are fortetting, per_bolig"),
        ((*FACTOR, "metode"), "per_bolig", r"faktor\.kapasitet: .*m2_per_bolig is missing"),
        ((*FACTOR, "boliger_full"), 0, r"faktor\.kapasitet: .*boliger_full = 0; wanted is a number greater than 0"),
        ((*FACTOR, "boliger_full"), -40, r"boliger_full = -40"),
        ((*FACTOR, "boliger_full"), float("inf"), r"boliger_full = inf"),
        ((*FACTOR, "boliger_full"), "mange", r"faktor\.kapasitet\.tall\.boliger_full"),
        ((*FACTOR, "bolig_full"), 40, r"'bolig_full' is unknown to metode fortetting; did you mean boliger_full"),
        ((*PROFILE, "faktor", "konflikt", "verste_andel"), 1.5, r"verste_andel = 1\.5; wanted is a share from 0 to 1"),
        ((*PROFILE, "faktor", "sentralitett"), {"maks": 1}, r"no faktor 'sentralitett'; did you mean sentralitet\?"),
        ((*PROFILE, "faktor"), {}, r"eier-7: faktor"),
        ((*PROFILE, "faktor"), 3, r"wanted is a table faktor\.<name>"),
        ((*PROFILE, "versjon"), None, r"eier-7: versjon"),
        ((*PROFILE, "vekt"), 3, r"eier-7: vekt"),
        (("tomtprofil", "../x"), {"faktor": {}}, r"tomtprofil\.\.\./x: kode"),
        (("tomtprofil",), {}, r"wanted is a table \[tomtprofil\.<name>\]"),
        (("tomtprofil",), None, r"wanted is a table \[tomtprofil\.<name>\]"),
        (("tomt", "profil"), "eier-8", r"tomt\.profil: no profile 'eier-8'; did you mean eier-7"),
        (("tomt",), None, r"tomt: profil: Field required"),
        (("tomtprofiler",), {"x": {}}, r"no table \[tomtprofiler\]; did you mean tomtprofil\?"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(where, value, says):
    data = with_value(read_toml("vekter.toml"), where, value)
    with pytest.raises(ConfigError, match=rf"vekter\.toml: .*{says}"):
        read_tomtprofiler(data)


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(module).failed == 0
