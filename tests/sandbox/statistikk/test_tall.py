"""The invented figures hang together, and are spread like those of a country."""

from __future__ import annotations

import numpy as np
import pytest

from config.statistikk import statistikk
from tasks.sandbox.statistikk import bolig, okonomi
from tasks.sandbox.statistikk.befolkning import ALDERE, SISTE_AAR, SISTE_FRAMSKREVNE, befolkning
from tasks.sandbox.statistikk.inndeling import FOERSTE_AAR, inndeling, numre
from tasks.sandbox.statistikk.preg import rng_of
from tasks.sandbox.statistikk.valgtall import PARTIER, VALG, Resultat, resultater


def test_inhabitants_are_whole_and_nobody_is_born_older() -> None:
    people = befolkning()
    assert people.personer.shape == (360, 2, ALDERE, SISTE_FRAMSKREVNE - FOERSTE_AAR + 1)
    assert (people.personer >= 0).all()
    assert (people.personer == np.round(people.personer)).all()
    assert 3e6 < people.aar(SISTE_AAR, SISTE_AAR).sum() < 7e6
    young = people.personer[:, :, :15].sum(axis=(1, 2)) / people.i_alt
    assert 0.08 < young.min() < young.max() < 0.3


def test_a_cohort_grows_older() -> None:
    """Those aged 20–29 are those of 15–24 five years before, but for moves and deaths."""
    both = befolkning().personer.sum(axis=1)
    now, then = SISTE_AAR - FOERSTE_AAR, SISTE_AAR - 5 - FOERSTE_AAR
    moved = both[:, 20:30, now].sum(axis=1) / both[:, 15:25, then].sum(axis=1) - 1
    assert -0.5 < moved.min() < -0.05 < 0.02 < moved.max() < 0.6


def test_kommuner_grow_and_shrink() -> None:
    before, _, _, _, _, now = befolkning().aar(SISTE_AAR - 5, SISTE_AAR).T
    change = 100 * (now / before - 1)
    assert 0.1 < (change < -2).mean() < 0.4
    assert 0.1 < (change > 2).mean() < 0.4
    assert now.min() < 800 < 100_000 < now.max()


def test_dwellings_and_prices_are_within_reason() -> None:
    started, done = bolig.igangsatte(), bolig.fullfoerte()
    for quarters in (started, done):
        assert np.isnan(quarters[:, -1, -1]).all()
        assert not np.isnan(quarters[:, :-1]).any()
        assert np.nanmin(quarters) >= 0
    prices = bolig.kvadratmeterpriser()[:, :, -1]
    assert 6_000 <= np.nanmin(prices) < 20_000 < 60_000 < np.nanmax(prices) <= 120_000
    missing = np.isnan(prices).mean(axis=0)
    assert missing[0] < 0.05 < 0.15 < missing[2] < 0.6
    assert (bolig.boligmasse() >= 0).all()
    rent = bolig.husholdninger()[:, 2] / bolig.husholdninger().sum(axis=1)
    assert 0.08 < rent.min() < rent.max() < 0.6


def test_incomes_work_and_accounts_are_within_reason() -> None:
    income = okonomi.medianinntekt()[:, 0, -1]
    assert 350_000 < income.min() < 500_000 < 680_000 < income.max() < 950_000
    assert 0.1 < (income < 0.9 * np.average(income, weights=befolkning().i_alt[:, -1])).mean() < 0.5
    assert 50 < okonomi.sysselsatte()[:, 0].min() < okonomi.sysselsatte()[:, 0].max() < 85
    assert okonomi.ledige().shape == (360, 12 * 12 - 1)
    assert 0 < np.isnan(okonomi.driftsresultat()).mean() < 0.02
    taxed = ~np.isnan(okonomi.eiendomsskatt())
    assert (taxed.all(axis=1) | ~taxed.any(axis=1)).all()
    assert 0.7 < taxed.mean() < 0.95


@pytest.mark.parametrize("aar", VALG)
def test_seats_and_votes_add_up(aar: int) -> None:
    held = resultater(aar)
    assert set(held) == set(inndeling(aar + 1))
    for result in held.values():
        assert result.mandater % 2 == 1
        assert 11 <= result.mandater <= 77
        assert sum(one.mandater for one in result.lister) == result.mandater
        assert result.godkjente + result.blanke <= result.stemmeberettigede
        assert len({one.kode for one in result.lister}) == len(result.lister)


def test_councils_differ() -> None:
    held = resultater(2023)
    only_local = [r for r in held.values() if not any(one.kode in PARTIER for one in r.lister)]
    assert 2 <= len(only_local) <= 15
    shares = np.array([_share(r, "A") for r in held.values()])
    assert 0.1 < (shares > 0.35).mean() < 0.45
    assert 0.3 < (shares < 0.25).mean() < 0.7
    assert {p.kode for p in statistikk().parti} <= set(PARTIER)


def _share(result: Resultat, code: str) -> float:
    return sum(one.mandater for one in result.lister if one.kode == code) / result.mandater


def test_figures_come_from_the_number_alone() -> None:
    """A kommune that comes or goes changes no figure of another."""
    k = numre().index("3207")
    drawn = rng_of("3207", "inntekt").normal(size=3)
    assert (drawn == rng_of("3207", "inntekt").normal(size=3)).all()
    assert not (drawn == rng_of("3218", "inntekt").normal(size=3)).any()
    assert befolkning().i_alt[k, 0] == 4494
