"""Capacity: the standard by class and zone, and the whole range where either is not known."""

from __future__ import annotations

from dataclasses import replace

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
BY = {**DAA, "kommuneklasse": "by", "tettsted_m": 0.0, "tettsted_folketall": 50_000.0, "befolkning_1km": 6000.0,
      "avstand_metode": "langs veg"}  # fmt: skip


def of(*lots, standards=None):
    facts = fakta(*lots)
    return boliger({c: facts[c].to_numpy() for c in facts}, standards or fortetting(), omvei=2.0)


@pytest.mark.parametrize(
    ("change", "cell"),
    [
        ({}, ("by", "sentrum")),
        ({"befolkning_1km": 2499.0}, ("by", "tettsted")),  # the edge of a town is not its centre
        ({"tettsted_folketall": 4999.0}, ("by", "tettsted")),
        ({"tettsted_m": 0.1}, ("by", "tettsted")),
        ({"tettsted_m": 500.0}, ("by", "tettsted")),
        ({"tettsted_m": 250.0, "avstand_metode": "luftlinje"}, ("by", "tettsted")),
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
        # a straight line: the way may be twice as long
        ({"tettsted_m": 251.0, "avstand_metode": "luftlinje"}, [("by", "tettsted"), ("by", "utenfor")]),
        ({"tettsted_m": 251.0, "avstand_metode": None}, [("by", "tettsted"), ("by", "utenfor")]),
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
        columns,
        tomtprofil("eier-7").faktor["kapasitet"],
        regler=replace(regler(), fortetting=sourced(("by", "sentrum"))),
        opphav=opphav,
        bundet_av=np.array(["", ""]),
    )
    assert part.poeng[0] == pytest.approx(8 / 40 * 22.5)
    assert part.ukjent[0] == 0
    assert part.poeng[1] == pytest.approx(3 / 40 * 22.5)  # one of two standards, one of them assumed: the lowest counts
    assert part.ukjent[1] == pytest.approx((14 - 3) / 40 * 22.5)
    assert part.merknad.tolist() == ["fortetting etter kommuneplan 2026 § 12", "antatt fortetting: laveste tall teller"]


def test_bound_ground_counts_in_what_is_expected_and_not_in_the_low_number():
    half, all_, dark, free = ({**BY, "fri_m2": m2} for m2 in (500.0, 0.0, None, 1000.0))
    rom = of(half, all_, dark, free, {**BY, "byggbar_m2": None, "fri_m2": None}, standards=sourced())
    assert rom.lav.tolist() == [2.5, 0, 0, 5, 0]
    assert (rom.forventet == 8).all()
    assert rom.hoy.tolist() == [14, 14, 14, 14, 28]
    assert rom.bundet_m2[:2].tolist() == [500, 1000]
    assert rom.er_antatt.tolist() == [True, True, True, False, True]


@pytest.mark.parametrize(
    ("lot", "words"),
    [
        ({**BY, "fri_m2": 400.0}, "8 boliger (2–14), blokk, 1\u00a0000 m² byggbart, av dem 600 m² under kvikkleire"),
        ({**BY, "byggbar_m2": 100.0}, "0–1 bolig, blokk, 100 m² byggbart"),
        ({**BY, "byggbar_m2": 140.0}, "1 bolig (0–1), blokk, 140 m² byggbart"),
        ({**BY, "byggbar_m2": 0.0}, "ingen boliger, 0 m² byggbart"),
        ({}, "ikke kjent"),
    ],
)
def test_dwellings_in_words(lot, words):
    facts = fakta(lot)
    opphav = Opphav(alt_kjent(), regler().faktorer.sikkerhet.ferskhet)
    columns = {c: facts[c].to_numpy() for c in facts}
    [part] = kapasitet(columns, tomtprofil("eier-7").faktor["kapasitet"], regler=regler(), opphav=opphav,
                       bundet_av=np.array(["kvikkleire"]))  # fmt: skip
    assert part.tekst[0] == words


def test_with_a_source_for_all_it_is_assumed_where_the_standard_or_the_core_is_not_known():
    rom = of(BY, {**BY, "kommuneklasse": None}, {**BY, "byggbar_m2": None}, standards=sourced())
    assert rom.er_antatt.tolist() == [False, True, True]


@pytest.mark.parametrize(("areal", "points"), [(None, 0.0), (400.0, 12.5), (800.0, 25.0), (1000.0, 25.0)])
def test_the_papers_eighty_square_metres(areal, points):
    facts = fakta({"areal_m2": areal})
    opphav = Opphav(alt_kjent(), regler().faktorer.sikkerhet.ferskhet)
    columns = {c: facts[c].to_numpy() for c in facts}
    [part] = kapasitet(columns, tomtprofil("master-6").faktor["kapasitet"], regler=regler(), opphav=opphav,
                       bundet_av=np.array([""]))  # fmt: skip
    assert part.poeng[0] == points
    assert part.ukjent[0] == (25 if areal is None else 0)
