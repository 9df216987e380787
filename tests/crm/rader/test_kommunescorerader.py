"""Rows of the ranking: every figure with its year and source, what is missing with its reason, nothing else."""

from __future__ import annotations

import pytest

from config.base import base_register
from config.indikatorer import indikatorer as catalogue
from config.oppfolging import oppfolging
from config.registers import find_kommune
from tasks.crm.oppfolging.nokkeltall import kommune_fields
from tasks.crm.rader.kommunerader import identity
from tasks.crm.rader.kommunescorerader import AREAS, FIGURES, ranking_rows
from tasks.crm.rader.rad import Row
from tasks.crm.sync.verdi import canonical_row
from tests.crm.rangeringsdata import (
    BOLIGSTRESS,
    BOUTGIFT,
    FOLKETALL,
    PARTIER,
    STABILITET,
    faktorer,
    indikatorer,
    scorer,
)

KOMMUNER = base_register().table("Kommuner")
NORDRE_FOLLO = find_kommune("3207", sandbox=False)
NR = {"kommunenummer": NORDRE_FOLLO.nummer}


def row_of(*, score: Row | None = None, factors=(BOLIGSTRESS, STABILITET), figures=(BOUTGIFT, FOLKETALL, PARTIER),
           andre=None) -> Row:  # fmt: skip
    rows = ranking_rows(
        scorer(NR | (score or {})),
        faktorer=faktorer(*(f | NR for f in factors)),
        indikatorer=indikatorer(*(f | NR for f in figures)),
        andre=andre or {},
    )
    assert list(rows) == ["3207"]
    return canonical_row(KOMMUNER, rows["3207"])


def test_every_field_is_the_programs_and_every_indicator_is_one_there_is():
    assert set(FIGURES.values()) <= set(catalogue().indikator)
    row = row_of()
    assert set(FIGURES) | set(AREAS) < set(row)
    assert {KOMMUNER.field(name).eier for name in row} == {"pipeline"}
    for field, name in FIGURES.items():
        shown = KOMMUNER.field(field)
        assert (shown.type, shown.desimaler) == ("number", catalogue().indikator[name].desimaler), field


def test_what_runs_and_the_follow_up_write_is_not_touched():
    theirs = {*identity(NORDRE_FOLLO), *kommune_fields(None, oppfolging().pipeline)}
    theirs |= {"Antall tomter", "Publiserte tomter", "Antall områder", "Areal områder m²", "Kilder"}
    theirs |= {"Ikke vurdert", "Stoppede tomter", "Boliger lav", "Boliger (anslag)", "Boliger høy", "Boliger per nivå"}
    theirs |= {f"Tomter nivå {level}" for level in "ABCD"}
    theirs |= {"Datakvalitet", "Kvalitetsgrunner", "Dekning %", "Nyeste plan", "Data hentet", "Kildelenker"}
    assert set(row_of()) | theirs == {f.navn for f in KOMMUNER.felt if f.eier == "pipeline"}
    assert not set(row_of()) & theirs


def test_where_a_kommune_stands():
    row = row_of()
    assert {n: row[n] for n in ("Prioritet", "Score", "Score høyest", "Rang", "Rang sist", "Endring i rang")} == {
        "Prioritet": "2", "Score": 62.3, "Score høyest": 72.3, "Rang": 3, "Rang sist": 8, "Endring i rang": 5,
    }  # fmt: skip
    assert (row["Persentil"], row["Robusthet %"], row["Tallgrunnlag %"]) == (99, 92, 90)
    assert (row["Score demografi"], row["Score økonomi"], row["Score politikk"], row["Score eiendom"]) == (
        100, 60, 32, 50,
    )  # fmt: skip
    assert (row["Blant de beste"], row["Oppdiktede tall"]) == (True, True)
    assert (row["Profil"], row["Rangert"]) == ("boligsosial 1", "2026-11-02")


def test_a_fall_is_negative_and_the_first_time_there_is_none():
    assert row_of(score={"rang": 12, "rang_sist": 8.0})["Endring i rang"] == -4
    assert row_of(score={"rang": 8, "rang_sist": 8.0})["Endring i rang"] == 0
    first = row_of(score={"rang_sist": float("nan")})
    assert (first["Rang sist"], first["Endring i rang"]) == (None, None)


def test_the_best_of_the_invented_are_not_among_the_best():
    assert row_of(score={"er_oppdiktet_kommune": True})["Blant de beste"] is None
    assert row_of(score={"er_topp": False})["Blant de beste"] is None


def test_an_area_that_the_profile_has_not_is_empty():
    assert row_of(score={"score_politikk": float("nan")})["Score politikk"] is None


def test_why_begins_with_what_decided_and_goes_on_by_points_with_what_is_missing_last():
    byggetakt = BOLIGSTRESS | {"faktor": "byggetakt", "navn": "Byggetakt", "poeng": 17.5, "hvorfor": "Byggetakt: 17,5."}
    ledelse = BOLIGSTRESS | {"faktor": "ledelse", "navn": "Ledelse", "poeng": 0.0, "hvorfor": "Ledelse: 0."}
    row = row_of(factors=[STABILITET, ledelse, BOLIGSTRESS, byggetakt], score={"har_oppdiktede_tall": False})
    assert row["Hvorfor"].split("\n") == [
        "Avgjort av: Byggetakt 17,5 av 20, Boligstress 15 av 20.",
        byggetakt["hvorfor"], BOLIGSTRESS["hvorfor"], ledelse["hvorfor"], STABILITET["hvorfor"],
    ]  # fmt: skip
    assert row_of(factors=[ledelse])["Hvorfor"].split("\n")[1] == "Avgjort av: ingen faktor ga poeng."


def test_invented_figures_are_told_above_what_rests_on_them():
    for name in ("Hvorfor", "Utvikling"):
        assert row_of()[name].split("\n")[0] == "OPPDIKTEDE TALL: laget av den lokale sandkassen."
        assert "OPPDIKTEDE" not in row_of(score={"har_oppdiktede_tall": False})[name]


def test_a_key_figure_stands_with_its_trend_the_country_and_the_source():
    assert row_of()["Utvikling"].replace("\u00a0", " ").split("\n")[1:] == [
        "· Folketall: 61 032 (2025); landet 5 594 340; høyere enn 96 % av kommunene; SSB 06913",
        "↗ Boutgift av medianinntekten: 32,1 % (2024); landet 41,2 %; høyere enn 45 % av kommunene; SSB 06035 og 06944",
    ]
    ratio = row_of(figures=[BOUTGIFT | {"indikator": "prisindeks", "verdi": 79.8, "landstall": 100.0}])["Utvikling"]
    assert ratio.split("\n")[1].startswith("↗ Kvadratmeterpris (landet = 100): 80 (2024); høyere enn")
    shown = [row_of(figures=[BOUTGIFT | {"trend": t}])["Utvikling"] for t in ("opp", "flat", "ned", None)]
    assert [text.split("\n")[1][0] for text in shown] == ["↗", "→", "↘", "·"]


def test_key_figures_are_numbers_and_what_is_missing_is_empty_and_told():
    row = row_of()
    assert (row["Folketall"], row["Boutgift %"]) == (61032, 32.1)
    assert (row["Effektive partier"], row["Boligmasse"]) == (None, None)
    missing = row["Mangler"].split("\n")
    assert missing[0] == STABILITET["hvorfor"]
    assert "Boligmasse: ikke regnet ut" in missing
    assert len(missing) == len(FIGURES) - 2, "what a factor has told of is not told again"
    told = row_of(factors=[BOLIGSTRESS])["Mangler"].split("\n")
    assert "Effektive partier: bare lokale lister" in told


def test_nothing_missing_is_an_empty_cell():
    every = [BOUTGIFT | {"indikator": name} for name in FIGURES.values()]
    assert row_of(factors=(BOLIGSTRESS,), figures=every)["Mangler"] is None


def test_other_profiles_are_told_where_they_rank_the_kommune():
    vekst = scorer(NR | {"score": 41.26, "rang": 120}, {"kommunenummer": "3218"})
    assert row_of(andre={"vekst": vekst, "tom": scorer({"kommunenummer": "3218"})})["Andre profiler"] == (
        "vekst: 41,3 (rang 120)"
    )
    assert row_of()["Andre profiler"] is None


@pytest.mark.parametrize("bad", ["a\nb", "\x00a b", "a\u202e b"])
def test_text_of_sources_stays_on_its_line(bad):
    row = row_of(factors=[BOLIGSTRESS | {"hvorfor": bad}], figures=[BOUTGIFT | {"kilde": bad}])
    assert (len(row["Hvorfor"].split("\n")), len(row["Utvikling"].split("\n"))) == (3, 2)
    assert not set(row["Hvorfor"] + row["Utvikling"]) & set("\x00\u202e")
