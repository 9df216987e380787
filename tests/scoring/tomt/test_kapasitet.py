"""Capacity: the standard by class and zone, and the whole range where either is not known."""

from __future__ import annotations

import numpy as np
import pytest

from config.fortetting import fortetting, read_fortetting
from config.registers import read_toml
from config.tomtprofil import tomtprofil
from tasks.scoring.tomt.deler import kapasitet
from tasks.scoring.tomt.kapasitet import boliger
from tasks.scoring.tomt.opphav import Opphav
from tests.scoring.tomt.poenggrunn import alt_kjent, fakta, regler

DAA = {"areal_m2": 2000.0, "byggbar_m2": 1000.0}
BY = {**DAA, "kommuneklasse": "by", "tettsted_m": 0.0, "tettsted_folketall": 50_000.0, "befolkning_1km": 6000.0}


def of(*lots, standards=None):
    facts = fakta(*lots)
    return boliger({c: facts[c].to_numpy() for c in facts}, standards or fortetting())


@pytest.mark.parametrize(
    ("change", "cell"),
    [
        ({}, ("by", "sentrum")),
        ({"befolkning_1km": 2499.0}, ("by", "tettsted")),  # the edge of a town is not its centre
        ({"tettsted_folketall": 4999.0}, ("by", "tettsted")),
        ({"tettsted_m": 0.1}, ("by", "tettsted")),
        ({"tettsted_m": 500.0}, ("by", "tettsted")),
        ({"tettsted_m": 501.0}, ("by", "utenfor")),
        ({"tettsted_m": float("inf"), "tettsted_folketall": None}, ("by", "utenfor")),
        ({"kommuneklasse": "liten"}, ("liten", "sentrum")),
    ],
)
def test_a_daa_has_room_for_what_its_standard_says(change, cell):
    rom, standard = of({**BY, **change}), fortetting().standard[cell[0]][cell[1]]
    assert (rom.lav[0], rom.forventet[0], rom.hoy[0]) == (standard.lav, standard.forventet, standard.hoy)
    assert rom.type[0] is not None


def cells(*keys):
    return [fortetting().standard[k][s] for k, s in keys]


@pytest.mark.parametrize(
    ("change", "possible"),
    [
        ({"befolkning_1km": None}, [("by", "sentrum"), ("by", "tettsted")]),
        ({"tettsted_m": None}, [("by", "sentrum"), ("by", "tettsted"), ("by", "utenfor")]),
        ({"kommuneklasse": None}, [("by", "sentrum"), ("mellomstor", "sentrum"), ("liten", "sentrum")]),
        ({"kommuneklasse": "storby"}, [("by", "sentrum"), ("mellomstor", "sentrum"), ("liten", "sentrum")]),
    ],
)
def test_what_decides_the_standard_is_not_known(change, possible):
    rom, some = of({**BY, **change}), cells(*possible)
    assert rom.lav[0] == min(c.lav for c in some)
    assert rom.forventet[0] == min(c.forventet for c in some)
    assert rom.hoy[0] == max(c.hoy for c in some)
    assert rom.er_antatt[0]
    assert rom.type[0] is None


def test_without_a_core_the_lot_stands_in_and_is_told():
    rom = of({**BY, "byggbar_m2": None})
    assert (rom.lav[0], rom.forventet[0], rom.hoy[0]) == (0, 8.0, 28.0)  # 0, half and all of 2 daa × 5, 8, 14
    assert not rom.har_kjerne[0]
    assert rom.grunn_m2[0] == 2000


def test_a_core_without_ground_to_build_on_has_no_room():
    rom = of({**BY, "byggbar_m2": 0.0})
    assert rom.hoy[0] == 0
    assert rom.har_kjerne[0]


def test_nothing_known_at_all():
    rom = of({})
    assert np.isnan(rom.lav[0])
    assert np.isnan(rom.hoy[0])


def sourced(*only):
    data = read_toml("fortetting.toml")
    for klasse, soner in data["standard"].items():
        for sone, standard in soner.items():
            if not only or (klasse, sone) in only:
                standard["kilde"] = "kommuneplan 2026 § 12"
    return read_fortetting(data)


def test_a_standard_with_a_source_counts_by_what_is_expected_and_leaves_nothing_open():
    facts = fakta(BY, {**BY, "befolkning_1km": None})
    opphav = Opphav(alt_kjent(), regler().faktorer.sikkerhet.ferskhet)
    columns = {c: facts[c].to_numpy() for c in facts}
    [part] = kapasitet(
        columns, tomtprofil("eier-7").faktor["kapasitet"], fortetting=sourced(("by", "sentrum")), opphav=opphav
    )
    assert part.poeng[0] == pytest.approx(8 / 40 * 22.5)
    assert part.ukjent[0] == 0
    assert part.poeng[1] == pytest.approx(3 / 40 * 22.5)  # one of two standards, one of them assumed: the lowest counts
    assert part.ukjent[1] == pytest.approx((14 - 3) / 40 * 22.5)


def test_with_a_source_for_all_it_is_assumed_where_the_standard_or_the_core_is_not_known():
    rom = of(BY, {**BY, "kommuneklasse": None}, {**BY, "byggbar_m2": None}, standards=sourced())
    assert rom.er_antatt.tolist() == [False, True, True]


@pytest.mark.parametrize(("areal", "points"), [(None, 0.0), (400.0, 12.5), (800.0, 25.0), (1000.0, 25.0)])
def test_the_papers_eighty_square_metres(areal, points):
    facts = fakta({"areal_m2": areal})
    opphav = Opphav(alt_kjent(), regler().faktorer.sikkerhet.ferskhet)
    columns = {c: facts[c].to_numpy() for c in facts}
    [part] = kapasitet(columns, tomtprofil("master-6").faktor["kapasitet"], fortetting=fortetting(), opphav=opphav)
    assert part.poeng[0] == points
    assert part.ukjent[0] == (25 if areal is None else 0)
