"""The layout of the figures: years without gaps and within bounds."""

from __future__ import annotations

from tasks.scoring.kommune.indikatorer.figurer import figurer
from tasks.scoring.kommune.indikatorer.indikator import Krav

from .tallbase import REGLER, statistikk_av, tall


def lagt_ut(rader, per_aar=2025):
    return figurer(statistikk_av(rader), ["3207"], per_aar=per_aar, regler=REGLER)


def test_years_are_without_gaps_up_to_the_year_that_it_is_as_of():
    ut = lagt_ut(tall("folkemengde", {"3207": {2021: 1, 2023: 3}}))
    assert ut.aar.tolist() == [2021, 2022, 2023, 2024, 2025]
    assert ut.tall(Krav("folkemengde", tilbake=2))[0, 0].tolist()[-1] == 3
    assert ut.tall(Krav("folkemengde", tilbake=50)).shape == (1, 2, 5)


def test_a_year_of_long_ago_does_not_stretch_the_layout():
    ut = lagt_ut(tall("folkemengde", {"3207": {-2_000_000: 1, 2025: 3}}))
    assert ut.aar.tolist() == [2025]


def test_a_kommune_that_is_not_asked_for_is_left_out():
    ut = lagt_ut(tall("folkemengde", {"0301": {2025: 1}}))
    assert ut.blokker == {}
    assert ut.hentede == {"folkemengde"}
