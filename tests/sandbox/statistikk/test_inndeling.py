"""The numbers of the kommuner through the years."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from config.registers import earlier_numbers, kommuner
from tasks.sandbox.statistikk.inndeling import (
    FOERSTE_AAR,
    TREKKES_TIL,
    alle_numre,
    atomer,
    endringer,
    inndeling,
    numre,
    oppdiktede,
    sammenslaatt,
)

KLASS = Path(__file__).parents[4] / "shared" / "data" / "klass"


def test_numbers_of_today_are_those_of_the_register() -> None:
    assert set(numre()) == {k.nummer for k in kommuner(sandbox=True)} == set(inndeling(2026))
    assert len(set(numre()) - oppdiktede()) == 357
    assert oppdiktede() == {"0099", "7001", "7002", "0098", "7091", "7092"}


@pytest.mark.parametrize("aar", [2019, 2020, 2023, 2024])
def test_numbers_of_a_year_are_those_of_klass(aar: int) -> None:
    path = KLASS / f"klass_131_version_{aar}.json"
    if not path.exists():
        pytest.skip("the register's own file is not here")
    real = {row["code"]: row["name"].strip() for row in json.loads(path.read_text("utf-8"))["classificationItems"]}
    mine = {number: name for number, name in inndeling(aar).items() if number not in oppdiktede()}
    assert set(real) - {"9999"} == set(mine)
    differing = {number for number, name in mine.items() if name != real[number]}
    assert differing <= {"1515", "1818"}  # two Herøy, which Klass tells apart by their fylke


def test_known_mergers_and_splits() -> None:
    became = {(c.dato.year, c.gammel, c.ny) for c in endringer()}
    assert {(2020, "0217", "3020"), (2020, "0213", "3020"), (2024, "3020", "3207")} <= became
    assert {(2024, "1507", "1508"), (2024, "1507", "1580"), (2020, "0098", "0099")} <= became
    assert set(inndeling(2023)) & {"3020", "3207"} == {"3020"}
    assert alle_numre()["3020"] == "Nordre Follo (2020-2023)"
    assert alle_numre()["3207"] == "Nordre Follo"


def test_every_old_number_of_the_register_leads_where_it_says() -> None:
    """Paths over the years end in the kommuner that config names for the old number."""
    ends: dict[str, set[str]] = {}
    for atom in atomer():
        for number, _, _ in atom.numre:
            ends.setdefault(number, set()).add(atom.numre[-1][0])
    known = earlier_numbers(sandbox=True)
    checked = [number for number in ends if number in known and number not in inndeling(2026)]
    assert len(checked) > 400
    assert not {n: (ends[n], known[n]) for n in checked if not ends[n] <= set(known[n])}


def test_atoms_make_up_every_number_of_every_year() -> None:
    for aar in range(FOERSTE_AAR, 2027):
        borne = {n for atom in atomer() for n, first, end in atom.numre if first <= aar < end}
        assert borne == set(inndeling(aar))
    shares: Counter[int] = Counter()
    for atom in atomer():
        assert atom.andel > 0
        shares[atom.kommune] += atom.andel  # type: ignore[assignment]
    assert all(total == pytest.approx(1) for total in shares.values())
    assert len(shares) == len(numre())


def test_merged_series_take_every_number_once() -> None:
    merged = sammenslaatt()
    counted = Counter(number for its in merged.values() for number in its)
    assert set(counted.values()) == {1}
    assert set(counted) == {n for atom in atomer() for n, _, _ in atom.numre}
    assert merged["3103"] == ("0104", "0136", "3002", "3103")
    assert merged["1580"] == ("1580",)
    split = {c.gammel for c in endringer() if c.dato.year > FOERSTE_AAR}
    assert set(TREKKES_TIL) <= split
