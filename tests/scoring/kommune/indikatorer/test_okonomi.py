"""The kommune's own economy: negative results, and the turn between two means of three years."""

from __future__ import annotations

import pytest

from .tallbase import regnet, tall


def test_a_negative_result_and_its_turn():
    # (−2 + 0 + 2) / 3 − (3 + 3 + 6) / 3 = 0 − 4
    resultat = {"3207": {2024: -2.0, 2023: 0.0, 2022: 2.0, 2021: 3.0, 2020: 3.0, 2019: 6.0}, "0000": {2024: 1.5}}
    ut = regnet(tall("netto_driftsresultat_prosent", resultat)).loc["3207"]
    assert ut.loc["netto_driftsresultat_prosent", ["verdi", "landstall", "trend"]].tolist() == [-2.0, 1.5, "ned"]
    rad = ut.loc["netto_driftsresultat_endring_poeng"]
    assert rad["verdi"] == pytest.approx(-4.0)
    assert (rad["kilde"], rad["enhet"]) == ("SSB 12134 KOSAGD230000 2019–2024", "prosentpoeng")
    assert rad[["landstall"]].isna().all()


def test_a_turn_needs_all_six_years():
    resultat = {"3207": {2024: -2.0, 2023: 0.0, 2022: 2.0, 2021: 3.0, 2020: 3.0}}
    rad = regnet(tall("netto_driftsresultat_prosent", resultat)).loc["3207", "netto_driftsresultat_endring_poeng"]
    assert rad["mangler"] == "SSB 12134 KOSAGD230000: ingen tall for 2019"


def test_tax_and_dwellings_are_as_the_source_has_them():
    ut = regnet(
        tall("eiendomsskatt_promille", {"3207": {2025: 4.0}, "0301": {2025: "."}})
        + tall("kommunale_boliger_per_1000", {"3207": {2024: 21.0}}),
        kommuner=["3207", "0301"],
    )
    assert ut.loc[("3207", "eiendomsskatt_promille"), "verdi"] == 4.0
    assert (
        ut.loc[("0301", "eiendomsskatt_promille"), "mangler"]
        == "SSB oppgir ingen sats: kommunen har trolig ikke eiendomsskatt"
    )
    assert ut.loc[("3207", "kommunale_boliger_per_1000"), "verdi"] == 21.0
