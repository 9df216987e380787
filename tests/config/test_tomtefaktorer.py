"""Factors of a lot's surroundings: a mistake is named, and what is not known never pays."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.errors import ConfigError
from config.registers import read_toml
from config.tomtefaktorer import FILE, LANGS_VEG, LUFTLINJE, read_tomtefaktorer, tomtefaktorer
from tests.config.endret import with_value

NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        ("sentralitet.holdeplass.vekt", 0.3, r"sentralitet: .*add up to 1.1, wanted is 1"),
        ("infrastruktur.veg.vekt", 0.4, r"infrastruktur: .*add up to 0.9"),
        ("sentralitet.skole.vekt", -0.1, r"sentralitet.skole.vekt: "),
        ("sentralitet.skole.avstand.naer_m", -1, r"sentralitet.skole.avstand.naer_m: "),
        ("sentralitet.skole.avstand.naer_m", 4000, r"sentralitet.skole.avstand: .*naer_m < fjern_m, not 4000 and 4000"),
        ("sentralitet.tetthet.antall.til", 0, r"sentralitet.tetthet.antall: .*fra < til"),
        ("sentralitet.kino", {"navn": "Kino"}, r"sentralitet.kino: "),
        ("sentralitet.skole", None, r"sentralitet.skole: Field required"),
        ("sentralitet.skole.kilde", None, r"sentralitet.skole.kilde: Field required"),
        ("sentralitet.omvei.faktor", 0.5, r"sentralitet.omvei.faktor: "),
        ("sentralitet.tettsted.folketall", [[200, 0.4], [100, 1]], r"sentralitet.tettsted.folketall: .*rise"),
        ("infrastruktur.veg.kategori", {"E": 1.0}, r"infrastruktur.veg: .*R, F, K, P, S"),
        ("eier.slag.stat", None, r"eier: .*does not say what stat is worth"),
        ("eier.slag.kommune", 1.2, r"eier.slag.kommune: "),
        ("kommunal.bygningstype.6x2", "Barnehage", r"kommunal.bygningstype.6x2"),
        ("rekkevidde.holdeplass_m", 1000, r"rekkevidde.holdeplass_m = 1000 is shorter than the fjern_m = 1500"),
        ("rekkevidde.veg_m", -1, r"rekkevidde.veg_m: "),
        ("sikkerhet.ferskhet.dager", 0, r"sikkerhet.ferskhet.dager: "),
        ("sikkerhet.ferskhet.minst", NAN, r"sikkerhet.ferskhet.minst: "),
    ],
)
def test_a_mistake_is_named_by_its_key(path, value, says):
    with pytest.raises(ConfigError, match=rf"config/{FILE}: .*{says}"):
        read_tomtefaktorer(with_value(read_toml(FILE), path.split("."), value), FILE)


def test_every_number_has_a_source():
    factors = tomtefaktorer()
    parts = [*factors.sentralitet.deler.values(), *factors.infrastruktur.deler.values()]
    assert all("papers §3" in part.kilde or "antatt" in part.kilde for part in parts)
    assert factors.sentralitet.tetthet.kilde == "papers §3"
    assert factors.sentralitet.tetthet.antall.til == 1000


FACTS = (
    *("tettsted_m", "tettsted_folketall", "holdeplass_m", "dagligvare_m", "skole_m", "barnehage_m"),
    *("befolkning_1km", "befolkning_3km", "tetthet_per_km2", "veg_m"),
    *("bygninger_100m", "bygninger_300m", "adresser_100m", "adresser_300m", "antall_eiere"),
)


def facts(**said) -> pd.DataFrame:
    usual: dict[str, object] = dict.fromkeys(FACTS, NAN)
    return pd.DataFrame([usual | {"avstand_metode": None, "vegkategori": None, "eierslag": None} | said])


def share(factor: str, part: str, **said) -> tuple[float, float]:
    of_part = getattr(tomtefaktorer(), factor).andeler(facts(**said))[part]
    return float(of_part.lav[0]), float(of_part.hoy[0])


def test_shares_by_hand():
    central, connected = "sentralitet", "infrastruktur"
    road = {"avstand_metode": LANGS_VEG}
    assert share(central, "holdeplass", holdeplass_m=900, **road) == (0.5, 0.5)  # half way between 300 and 1,500
    tettsted = share(central, "tettsted", tettsted_m=1000, tettsted_folketall=2000, **road)
    assert tettsted == pytest.approx((0.56, 0.56))  # .8 × .7
    assert share(central, "tetthet", tetthet_per_km2=250) == (0.25, 0.25)
    assert share(connected, "veg", veg_m=165, vegkategori="P") == (0.35, 0.35)  # half way between 30 and 300, × 0.7
    assert share(connected, "adresser_100m", adresser_100m=2) == (0.25, 0.25)


def test_what_is_not_known_is_a_range_from_nothing_and_nothing_within_reach_is_known():
    assert share("sentralitet", "skole") == (0, 1)
    assert share("sentralitet", "skole", skole_m=INF) == (0, 0)
    assert share("sentralitet", "tettsted", tettsted_m=0) == (0.4, 1)  # of some size
    assert share("infrastruktur", "veg", veg_m=0) == (0.2, 1)  # of some category
    assert share("infrastruktur", "veg", veg_m=INF) == (0, 0)


def test_a_straight_line_is_worth_what_twice_the_way_would_be():
    assert share("sentralitet", "holdeplass", holdeplass_m=600, avstand_metode=LANGS_VEG) == (0.75, 0.75)
    assert share("sentralitet", "holdeplass", holdeplass_m=600, avstand_metode=LUFTLINJE) == (0.25, 0.75)
    assert share("sentralitet", "holdeplass", holdeplass_m=600, avstand_metode=None) == (0.25, 0.75)


@pytest.mark.parametrize(
    ("kind", "number", "wanted"),
    [
        ("kommune", 1, (1, 1)),
        ("selskap", 1, (1, 1)),
        ("privat", 2, (0.68, 0.68)),  # 0.8 × 0.85
        ("privat", 20, (0, 0)),
        ("privat", NAN, (0, 0.8)),
        (None, 1, (0, 1)),
        (None, NAN, (0, 1)),
    ],
)
def test_owners(kind, number, wanted):
    andel = tomtefaktorer().eier.andel(facts(eierslag=kind, antall_eiere=number))
    assert (andel.lav[0], andel.hoy[0]) == pytest.approx(wanted)


DISTANCES = st.one_of(st.floats(0, 20_000), st.just(INF), st.just(NAN))
COUNTS = st.one_of(st.floats(0, 50_000), st.just(NAN))


@settings(max_examples=25)
@given(
    distances=st.lists(DISTANCES, min_size=5, max_size=5),
    counts=st.lists(COUNTS, min_size=8, max_size=8),
    method=st.sampled_from([LANGS_VEG, LUFTLINJE, None]),
    kind=st.sampled_from([None, "E", "K", "S"]),
)
def test_shares_stay_within_bounds_and_hiding_a_fact_never_pays(distances, counts, method, kind):
    names = ["tettsted_m", "holdeplass_m", "dagligvare_m", "skole_m", "veg_m"]
    numbers = ["tettsted_folketall", "befolkning_1km", "befolkning_3km", "tetthet_per_km2", "bygninger_100m"]
    numbers += ["bygninger_300m", "adresser_100m", "adresser_300m"]
    told = dict(zip([*names, *numbers], [*distances, *counts], strict=True))
    words = {"avstand_metode": method, "vegkategori": kind}
    hidden = [facts(**told | words | {name: NAN}) for name in told] + [facts(**told | words | {w: None}) for w in words]
    rows = pd.concat([facts(**told | words), *hidden], ignore_index=True)  # the whole, then without each fact
    for factor in (tomtefaktorer().sentralitet, tomtefaktorer().infrastruktur):
        for lav, hoy in factor.andeler(rows).values():
            assert ((lav >= 0) & (lav <= hoy) & (hoy <= 1)).all()
            assert (lav[1:] <= lav[0]).all()
            assert (hoy[1:] >= hoy[0] - 1e-9).all()


def test_age_costs_and_an_unknown_age_costs_most():
    fresh = tomtefaktorer().sikkerhet.ferskhet
    assert fresh.andel([-1, 0, 29, 9999, NAN]).tolist() == [1, 1, 1, 0.5, 0.5]  # ages count in whole steps of 30 days
    assert fresh.andel([30, 59, 365]).tolist() == [1 - 30 / 730, 1 - 30 / 730, 1 - 360 / 730]
    assert fresh.andel([0, 30], [True, False]).tolist() == [0.8, 1 - 30 / 730]
