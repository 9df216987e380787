"""What is believed of a table beside what the last run had of it."""

from __future__ import annotations

import pandas as pd
import pytest

from tasks.kommunekontrakter import NORGE, STATISTIKK
from tasks.sources.statistikk.utfall import Sist, Utfall, as_statistikk, believed

YEARS = range(2019, 2027)


def table(*, figures=8, years=YEARS, groups=("", "65+")) -> pd.DataFrame:
    """Rows of one kommune; figures in the newest years alone."""
    rows = [
        {
            "kommunenummer": "0301",
            "maal": "folkemengde",
            "gruppe": group,
            "aar": year,
            "periode": str(year),
            "verdi": 7.0 if year > max(years) - figures else float("nan"),
            "status": None if year > max(years) - figures else "..",
            "er_omregnet": False,
            "tabell": "06913",
            "kode": "Folkemengde",
            "oppdatert": "2026-02-25T07:00:00Z",
        }
        for year in years
        for group in groups
    ]
    return as_statistikk(pd.DataFrame(rows), er_oppdiktet=False)


@pytest.fixture
def sist(geodata):
    geodata.write(table(), NORGE, layer="core", contract=STATISTIKK)
    return Sist(geodata, geodata.root / "raw" / "ssb", er_oppdiktet=False)


def outcome(rows, **more):
    return Utfall("SSB", "06913", "hentet", ("folkemengde",), rows, avtrykk="x", **more)


def trusted(sist, rows, perioder=8):
    return believed(outcome(rows), sist, andel=0.5, perioder=perioder)


def test_a_poor_table_does_not_take_the_place_of_a_good_one(sist):
    got = trusted(sist, table(figures=3))
    assert (got.svar, got.avtrykk, got.er_nytt) == ("lager", "", False)
    assert got.grunn == "SSB 06913: bare 6 tall mot 16 sist, som er beholdt"
    assert got.rader.verdi.notna().sum() == 16
    assert trusted(sist, table(figures=0)).svar == "lager"
    assert trusted(sist, table(years=[2026])).svar == "lager"


def test_a_table_with_figures_enough_does(sist):
    for rows, periods in [(table(figures=4), 8), (table(years=range(2024, 2027)), 3), (table(groups=("",)), 8)]:
        assert trusted(sist, rows, periods).rader is rows
    of_the_last = outcome(table(figures=0), er_nytt=False)
    assert believed(of_the_last, sist, andel=0.5, perioder=8) is of_the_last


def test_a_table_without_a_figure_is_none(geodata):
    got = trusted(Sist(geodata, geodata.root / "raw" / "ssb", er_oppdiktet=False), table(figures=0))
    assert (got.svar, got.grunn, got.rader) == ("mangler", "SSB 06913: ingen tall", None)
    assert got.er_varig


def test_a_figure_that_stands_there_twice_is_refused(sist):
    with pytest.raises(ValueError, match="twice"):
        trusted(sist, pd.concat([table(), table()]))
