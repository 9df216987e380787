"""All indicators together: one row each, as of a year, percentiles, sources, invented figures, the catalogue."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import random

import numpy as np
import pandas as pd
import pytest

from config.indikatorer import indikatorer as katalog
from config.rangering import rangering
from config.statistikk import statistikk
from tasks.kommunekontrakter import LANDET, STATISTIKK
from tasks.scoring.kommune import indikatorer as pakke
from tasks.scoring.kommune.indikatorer import compute_indicators
from tasks.scoring.kommune.indikatorer.register import alle_indikatorer

from .tallbase import KOSTNAD, REGLER, grupper, kilder_av, regnet, statistikk_av, tall

ALLE = alle_indikatorer(KOSTNAD, REGLER.parti)
KOMMUNER = [f"{n:04}" for n in range(1101, 1106)]


def full(kommuner=KOMMUNER, *, seed=1, skala=1.0):
    """Return figures of everything, invented by a seed; counts times `skala`."""
    r = random.Random(seed)
    numre = [*kommuner, LANDET]

    def rekke(aar, lav, hoy, s=1.0):
        return {n: {a: r.uniform(lav, hoy) * s for a in aar} for n in numre}

    aar, valg = range(2015, 2026), (2019, 2023)
    grupper_ = ("i alt", "0-14", "15-24", "20-29", "65+")
    typer, lister = ("01", "02", "03"), ("A", "SV", "SP", "H", "FRP", "LOKAL:X")
    return [
        *tall("folkemengde", rekke(aar, 2000, 9000, skala)),
        *grupper("folkemengde_alder", {g: rekke(aar, 500, 900, skala) for g in grupper_}),
        *tall("framskriving", rekke((2025, 2035, 2050), 2000, 9000, skala)),
        *grupper("kvadratmeterpris_kr", {t: rekke(aar, 2e4, 6e4) for t in typer}),
        *grupper("boligomsetninger", {t: rekke(aar, 5, 90, skala) for t in typer}),
        *(rad for m in ("boliger_igangsatt", "boliger_fullfoert") for rad in tall(m, rekke(aar, 0, 90, skala))),
        *tall("boligmasse", rekke(aar, 900, 4000, skala)),
        *(rad for m in ("leieandel_prosent", "sysselsatte_prosent") for rad in tall(m, rekke(aar, 20, 80))),
        *(rad for m in ("eiendomsskatt_promille", "ledige_prosent") for rad in tall(m, rekke(aar, 0, 7))),
        *tall("kommunale_boliger_per_1000", rekke(aar, 5, 50)),
        *tall("medianinntekt_kr", rekke(aar, 4e5, 8e5)),
        *tall("netto_driftsresultat_prosent", rekke(aar, -4, 8)),
        *tall("bosatte_tettsted", rekke(aar, 500, 2000, skala)),
        *grupper("mandater", {p: rekke(valg, 1, 12, skala) for p in lister}),
        *grupper("stemmer_prosent", {p: rekke(valg, 16.6, 16.7) for p in lister}),
        *tall("valgdeltakelse_prosent", rekke(valg, 50, 70)),
    ]


def test_there_is_one_function_for_every_indicator_of_the_catalogue_and_none_beside():
    assert [i.navn for i in ALLE] == list(dict.fromkeys(i.navn for i in ALLE))
    assert {i.navn for i in ALLE} == set(katalog().indikator)


def test_every_measure_that_is_asked_for_is_in_the_config():
    avledet = {"snittpris_kr", "mandatandel", "stemmeandel", "valgdeltakelse_prosent"}
    maal = {k.maal for i in ALLE for k in i.alle_krav} - avledet
    assert not [m for m in maal if statistikk().table_of(m) is None]


def test_with_all_figures_every_indicator_has_a_value_and_every_kommune_one_row_of_each():
    ut = regnet(full(), kommuner=[*KOMMUNER, KOMMUNER[0]])
    assert len(ut) == len(KOMMUNER) * len(ALLE)
    assert not ut["mangler"].notna().any()
    assert ut["persentil"].between(0, 100).all()
    assert (ut.loc[ut.index.isin(["prisindeks"], level=1), "landstall"] == 100).all()


def test_kommuner_do_not_disturb_each_other():
    alene = regnet(full(), kommuner=KOMMUNER[3:4])
    sammen = regnet(full(), kommuner=KOMMUNER).loc[KOMMUNER[3:4]]
    kolonner = ["verdi", "aar", "kilde", "trend", "mangler"]
    pd.testing.assert_frame_equal(alene[kolonner], sammen[kolonner])
    assert (alene["persentil"] == 50).all()  # one kommune only: as many above as below


def test_the_order_of_rows_is_of_no_matter():
    rader = full(KOMMUNER[:2])
    stokket = rader.copy()
    random.Random(7).shuffle(stokket)
    pd.testing.assert_frame_equal(regnet(rader, kommuner=KOMMUNER[:2]), regnet(stokket, kommuner=KOMMUNER[:2]))


def test_shares_and_rates_do_not_change_when_all_counts_grow_alike():
    skala, teller = 7.3, {"folketall", "boligmasse"}
    foer, etter = regnet(full(), kommuner=KOMMUNER), regnet(full(skala=skala), kommuner=KOMMUNER)
    er_antall = foer.index.get_level_values("indikator").isin(teller)
    assert np.allclose(foer["verdi"][~er_antall], etter["verdi"][~er_antall])
    assert np.allclose(foer["verdi"][er_antall] * skala, etter["verdi"][er_antall])


def test_a_figure_counts_from_the_year_in_which_it_was_known():
    inntekt = tall("medianinntekt_kr", {"3207": {2022: 1.0, 2023: 2.0, 2024: 3.0}})
    verdier = [regnet(inntekt, per_aar=y).loc[("3207", "medianinntekt_kr"), "verdi"] for y in (2023, 2024, 2025, 2027)]
    assert verdier == [1.0, 2.0, 3.0, 3.0]
    rad = regnet(inntekt, per_aar=2028).loc["3207", "medianinntekt_kr"]
    assert rad["mangler"] == "SSB 06944 InntSkatt: nyeste tall er fra 2024"
    rad = regnet(inntekt, per_aar=2022).loc["3207", "medianinntekt_kr"]
    assert rad["mangler"] == "SSB 06944 InntSkatt: ingen tall til og med 2022"


def test_nothing_known_is_missing_everywhere_with_a_reason():
    kilder = kilder_av(("SSB", "06944", "mangler", "Non-existent value", ["medianinntekt_kr"]))
    ut = regnet([], kilder=kilder).loc["3207"]
    assert ut["verdi"].isna().all()
    assert ut.loc["medianinntekt_forhold", "mangler"] == "SSB 06944 svarte ikke: Non-existent value"
    assert ut.loc["folketall", "mangler"] == "SSB 06913 Folkemengde er ikke hentet"
    assert not ut["er_oppdiktet"].any()


def test_what_a_source_answered_is_bounded():
    kilder = kilder_av(("SSB", "06944", "mangler", "x" * 5000, ["medianinntekt_kr"]))
    hvorfor = regnet([], kilder=kilder).loc[("3207", "medianinntekt_kr"), "mangler"]
    assert len(hvorfor) == 200
    assert hvorfor.endswith("…")


def test_no_kommuner_are_an_empty_frame():
    assert len(regnet(tall("folkemengde", {"3207": {2025: 1}}), kommuner=[])) == 0


def test_percentiles_are_among_the_real_kommuner_and_the_invented_are_set_against_them():
    folk = {"0301": 10.0, "3207": 20.0, "5001": 20.0, "1508": 40.0, "7001": 30.0, "7002": 99.0}
    ut = regnet(
        tall("folkemengde", {n: {2025: v} for n, v in folk.items()}),
        kommuner=[*folk, "1103"],
        oppdiktede=["7001", "7002"],
    )
    # of four: 10 has half of itself below; 20 has one and half of two; 40 has three and half of itself
    assert ut["persentil"].xs("folketall", level="indikator").fillna(-1).tolist() == [
        12.5,
        50.0,
        50.0,
        87.5,
        75.0,
        100.0,
        -1.0,
    ]


def test_invented_figures_mark_every_indicator_that_rests_on_them():
    rader = tall("medianinntekt_kr", {"3207": {2024: 5e5}, "0000": {2024: 6e5}}, er_oppdiktet=True)
    ut = regnet(rader + tall("folkemengde", {"3207": {2025: 100}})).loc["3207"]
    merket = set(ut.index[ut["er_oppdiktet"]])
    assert merket == {"medianinntekt_kr", "medianinntekt_forhold", "boligpris_aarsinntekter", "boutgift_prosent"}


def test_what_is_not_finite_is_no_figure():
    ut = regnet(tall("leieandel_prosent", {"3207": {2023: 20.0, 2024: float("inf")}}))
    assert ut.loc[("3207", "leieandel_prosent"), ["verdi", "aar"]].tolist() == [20.0, 2023]


def test_the_real_config_serves_and_a_frame_from_a_file_gives_the_same(tmp_path):
    frame = statistikk_av(full())
    STATISTIKK.check(frame)  # what the tests are made of is what the sources may write
    frame.to_parquet(tmp_path / "tall.parquet")
    fra_fil = pd.read_parquet(tmp_path / "tall.parquet")
    felles = {"kommuner": KOMMUNER, "per_aar": 2025, "boligkostnad": rangering().boligkostnad}
    ut = compute_indicators(fra_fil, kilder_av(), **felles)
    pd.testing.assert_frame_equal(ut, compute_indicators(frame, kilder_av(), **felles))
    assert ut["verdi"].notna().any()


@pytest.mark.parametrize("modul", [m.name for m in pkgutil.iter_modules(pakke.__path__)])
def test_the_examples_in_the_docstrings_run(modul):
    assert doctest.testmod(importlib.import_module(f"{pakke.__name__}.{modul}")).failed == 0


def test_every_indicator_is_described_with_an_example():
    funksjoner = {getattr(i.regn, "func", i.regn) for i in ALLE}
    uten = [f.__name__ for f in funksjoner if ">>>" not in (f.__doc__ or "")]
    assert not uten
