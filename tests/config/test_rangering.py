"""config/rangering.toml: what stands in it, and the annuity."""

from __future__ import annotations

import doctest

import pytest

from config import rangering as module
from config.errors import ConfigError
from config.indikatorer import indikatorer
from config.profil import kommunenivaa, profiler
from config.rangering import FILE, Boligkostnad, Rangering, forutsetning, rangering
from config.registers import load_model, read_toml
from config.statistikk import statistikk
from tests.config.endret import with_value


def test_the_default_profile_is_one_there_is():
    assert rangering().profil in profiler()


def test_an_annuity_pays_back_what_was_borrowed():
    cost = Boligkostnad(areal_m2=70, rente_prosent=4, nedbetaling_aar=20, belaaning=0.8)
    owed = 1.0
    for _ in range(20):
        owed = owed * 1.04 - cost.annuitet
    assert owed == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        (("vellykkede",), ["3020"], "'3020' is no kommune of today"),
        (("vellykkede",), ["7001"], "'7001' is no kommune of today"),
        (("utslag",), 1.0, "utslag"),
        (("topp",), 0, "topp"),
        (("boligkostnad", "belaaning"), 1.2, "belaaning"),
        (("boligkostnad", "rente"), 4, "rente"),
    ],
)
def test_what_cannot_be_is_refused_by_name(where, value, says):
    data = with_value(read_toml(FILE), where, value)
    with pytest.raises(ConfigError, match=says):
        load_model(Rangering, data, FILE)


def test_every_setting_that_moves_scores_changes_the_mark(monkeypatch):
    cost = rangering().boligkostnad.model_copy(update={"rente_prosent": 6})
    assert rangering().model_copy(update={"boligkostnad": cost}).merke != rangering().merke
    assert rangering().model_copy(update={"topp": 3}).merke == rangering().merke
    for name, changed in [
        ("statistikk", statistikk().model_copy(update={"parti": statistikk().parti[1:]})),
        ("kommunenivaa", kommunenivaa().model_copy(update={"nivaa_1": 71})),
    ]:
        before = rangering().merke
        with monkeypatch.context() as one:
            one.setattr(module, name, lambda changed=changed: changed)
            assert rangering().merke != before


def test_every_assumption_can_be_filled_in():
    said = {name: forutsetning(name, rangering().boligkostnad) for name in indikatorer().indikator}
    assert not [text for text in said.values() if text and "{" in text]
    assert said["byggetakt_forhold"] == "snitt av 3 år"


def test_an_assumption_that_names_no_number_is_refused(monkeypatch):
    one = indikatorer().indikator["folketall"].model_copy(update={"forutsetning": "{rente} %"})
    changed = indikatorer().model_copy(update={"indikator": {"folketall": one}})
    monkeypatch.setattr(module, "indikatorer", lambda: changed)
    with pytest.raises(ConfigError, match=r"folketall: forutsetning '\{rente\} %'.*there are areal_m2, rente_prosent"):
        forutsetning("folketall", rangering().boligkostnad)


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(module).failed == 0
