"""The rows of a ranking: exactly the real kommuner, each adding up to its score, and what is missing told as such."""

from __future__ import annotations

import json
from itertools import pairwise

import pandas as pd
import pytest

from config.profil import profiler
from config.rangering import rangering
from config.registers import kommuner
from flows.cli_rank import as_lines
from flows.rangeringsrader import OF_FACTOR, OF_FIGURE, Row, as_rows, movement, shortly
from tests.flows.rangeringsdata import HOSTILE, figures, ranked

GONE = "medianinntekt_forhold"


@pytest.fixture(scope="module")
def indikatorer() -> pd.DataFrame:
    return figures(kommuner(sandbox=True), missing=GONE)


def rows_by(name: str, indikatorer: pd.DataFrame) -> list[Row]:
    found = ranked(name, indikatorer, kommuner(sandbox=True))
    return as_rows(found.scorer, found.faktorer, indikatorer)


@pytest.fixture(scope="module")
def rows(indikatorer) -> list[Row]:
    return rows_by("boligsosial", indikatorer)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.long if k else ()) for k, name in enumerate(profiler())]
)
def test_every_row_adds_up_to_its_score(name, indikatorer):
    rows = rows_by(name, indikatorer)
    assert len(rows) == 357
    for row in rows:
        earned, possible = (sum(f[key] for f in row["faktorer"]) for key in ("poeng", "maks"))
        unknown = sum(f["maks"] for f in row["faktorer"] if f["status"] == "mangler")
        assert row["score"] == pytest.approx(100 * earned / possible)
        assert row["score_hoy"] == pytest.approx(100 * (earned + unknown) / possible)
        assert row["dekning"] == pytest.approx(1 - unknown / possible)
        for area, sums in row["omraader"].items():
            own = [f for f in row["faktorer"] if f["omraade"] == area]
            assert sums["poeng"] == pytest.approx(sum(f["poeng"] for f in own))
            assert sums["mulig"] == sum(f["maks"] for f in own)
            assert sums["score"] == pytest.approx(100 * sums["poeng"] / sums["mulig"])


def test_the_rows_are_the_real_kommuner_best_first(rows):
    assert [row["rang"] for row in rows] == list(range(1, 358))
    assert {row["kommunenummer"] for row in rows} == {k.nummer for k in kommuner(sandbox=False)}
    assert sum(row["er_topp"] for row in rows) == rangering().topp
    assert all(row["score"] >= following["score"] for row, following in pairwise(rows))


def test_the_json_has_a_list_of_rows_with_null_for_what_is_missing(rows):
    read = json.loads(as_lines(rows))
    assert read == rows
    assert isinstance(read, list)
    first = read[0]
    assert set(first) >= {
        "kommunenummer", "kommunenavn", "fylke", "profil", "score", "score_hoy", "nivaa", "rang", "rang_sist",
        "persentil", "er_topp", "robusthet", "dekning", "omraader", "faktorer", "noekkeltall", "har_oppdiktede_tall",
    }  # fmt: skip
    assert first["profil"] == "boligsosial 1"
    assert first["rang_sist"] is None
    assert first["har_oppdiktede_tall"] is False
    assert tuple(first["faktorer"][0]) == OF_FACTOR
    figure = first["noekkeltall"][GONE]
    assert tuple(figure) == OF_FIGURE
    assert (figure["verdi"], figure["aar"], figure["mangler"]) == (None, None, HOSTILE)
    assert first["noekkeltall"]["folketall"]["aar"] == 2025
    assert all(isinstance(f["aar"], int | None) for f in first["noekkeltall"].values())


def test_what_decided_is_told_in_short(rows):
    row = {
        "faktorer": [
            {"navn": "Boligstress", "poeng": 15.0, "maks": 20.0, "status": "beregnet"},
            {"navn": "Inntekt", "poeng": 0.0, "maks": 15.0, "status": "mangler"},
            {"navn": "Byggetakt", "poeng": 17.5, "maks": 20.0, "status": "stedfortreder"},
            {"navn": "Prisnivå", "poeng": 0.0, "maks": 10.0, "status": "beregnet"},
        ]
    }
    assert shortly(row) == "Byggetakt 17.5/20, Boligstress 15/20, 1 uten tall"
    assert shortly(row, most=1) == "Byggetakt 17.5/20, 1 uten tall"
    assert shortly({"faktorer": []}) == "ingen poeng"
    assert [movement({"rang": 5, "rang_sist": last}) for last in (None, 5, 8, 3)] == ["–", "=", "↑3", "↓2"]
