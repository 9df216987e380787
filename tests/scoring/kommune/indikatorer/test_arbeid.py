"""Work: a table that has ended, and the stand-in under its own name."""

from __future__ import annotations

import pytest

from .tallbase import regnet, tall

LEDIGE = {"3207": {2017: 2.0, 2020: 3.0}, "0000": {2017: 2.0, 2020: 2.5}}


def test_a_table_that_has_ended_is_too_old():
    ut = regnet(tall("ledige_prosent", LEDIGE)).loc["3207"]
    assert ut.loc["arbeidsledighet_prosent", "mangler"] == "SSB 10540 RegHeltLedige: nyeste tall er fra 2020"
    assert ut.loc["arbeidsledighet_forhold", "mangler"] == "SSB 10540 RegHeltLedige: nyeste tall er fra 2020"
    assert ut.loc["arbeidsledighet_forhold", ["landstall", "persentil", "aar"]].isna().all()


def test_as_of_its_last_years_it_counts():
    ut = regnet(tall("ledige_prosent", LEDIGE), per_aar=2022).loc["3207"]
    assert ut.loc["arbeidsledighet_forhold", ["verdi", "aar", "trend"]].tolist() == [1.2, 2020, "opp"]
    assert regnet(tall("ledige_prosent", LEDIGE), per_aar=2023)["verdi"].isna().all()


def test_months_are_averaged():
    rader = [
        tall("ledige_prosent", {"3207": {2020: v}}, periode=f"2020M{m:02}")[0]
        for m, v in enumerate((2.0, 3.0, 7.0), start=1)
    ]
    assert regnet(rader, per_aar=2020).loc[("3207", "arbeidsledighet_prosent"), "verdi"] == 4.0


def test_those_outside_work_are_what_is_left_of_a_hundred():
    # (100 − 64) / (100 − 70) = 1.2
    ut = regnet(tall("sysselsatte_prosent", {"3207": {2024: 64.0}, "0000": {2024: 70.0}})).loc["3207"]
    assert ut.loc["utenfor_arbeid_forhold", "verdi"] == pytest.approx(1.2)
    assert ut.loc["utenfor_arbeid_forhold", "landstall"] == 1.0
    assert "utenfor_arbeid_prosent" not in ut.index
