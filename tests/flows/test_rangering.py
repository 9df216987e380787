"""A run of the ranking on figures that geodata has: what it keeps, what it refuses, and what it leaves alone."""

from __future__ import annotations

import os
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.errors import ConfigError
from config.profil import profiler
from config.rangering import Rangering, rangering
from config.registers import kommuner
from config.settings import Profile, Settings
from config.statistikk import statistikk
from flows.rangering import is_offline, run_ranking
from flows.rangeringstekst import as_markdown, as_table, as_text, notes
from flows.steg import Steg, directly
from flows.tallgrunnlag import is_fresh
from tasks.errors import AirtableError, BusyError, TomtError
from tasks.kommunekontrakter import (
    INDIKATORER,
    KOMMUNEFAKTORER,
    KOMMUNEHISTORIKK,
    KOMMUNESCORER,
    NORGE,
    STATISTIKK,
)
from tasks.store import Geodata
from tests.crm.rangeringsdata import write_scores
from tests.flows.rangeringsdata import HOSTILE, keep, real, sources, statistics

OCTOBER, NOVEMBER = date(2026, 10, 3), date(2026, 11, 3)


@pytest.fixture
def settings(tmp_path) -> Settings:
    """A sandbox whose figures were fetched just now: nobody is asked."""
    found = Settings(profile=Profile.SANDBOX, geodata=tmp_path / "geodata")
    keep(Geodata(found.geodata), statistics(kommuner(sandbox=True), invented=True), sources(invented=True))
    return found


@pytest.fixture(autouse=True)
def rules(monkeypatch) -> Rangering:
    """Few draws of the weights: how many is nothing to a run."""
    few = rangering().model_copy(update={"trekninger": 10})
    for where in ("tasks.scoring.kommune.rangering", "flows.rangering"):
        monkeypatch.setattr(f"{where}.rangering", lambda: few)
    return few


@pytest.fixture
def lenient(monkeypatch, rules) -> None:
    """Let a ranking stand on the few figures of these tests."""
    monkeypatch.setattr(
        "tasks.scoring.kommune.rangering.rangering", lambda: rules.model_copy(update={"minste_dekning": 0.0})
    )


class Steps:
    """Runs each step directly and remembers its name; told how far it came."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.told: list[float] = []

    def __call__(self, step: Steg, *args: Any, **options: Any) -> Any:
        self.names.append(step.name)
        return directly(step, *args, **options)

    def progress(self, what: str, done: int, of: int) -> None:
        assert what
        self.told.append(done / of)


def left(folder: Path) -> dict[str, tuple[int, int]]:
    """Return what lies in a folder, with size and time of writing; but for locks, which hold nothing."""
    return {
        str(p.relative_to(folder)): (p.stat().st_size, p.stat().st_mtime_ns)
        for p in folder.rglob("*")
        if p.is_file() and p.parent.name != "locks"
    }


def unasked(*_: object, **__: object) -> None:
    raise AssertionError("somebody was asked")


@pytest.mark.usefixtures("lenient")
def test_a_run_keeps_every_profile_and_the_month_and_compares_with_the_last(settings):
    steps = Steps()
    first = run_ranking(settings, dato=OCTOBER, call=steps, progress=steps.progress)
    assert steps.names == ["ranger kommuner"] * len(profiler())  # nothing was fetched
    assert steps.told == sorted(steps.told)
    assert (len(first.rader), first.rader[0]["rang_sist"]) == (357, None)
    assert "Ingen tidligere rangering" in as_text(first, count=3)
    again = run_ranking(settings, dato=NOVEMBER)
    assert [row["rang_sist"] for row in again.rader] == [row["rang"] for row in again.rader]
    assert "Sammenlignet med 2026-10" in as_text(again, count=3)
    geodata = Geodata(settings.geodata)
    for name in profiler():
        for contract in (KOMMUNESCORER, KOMMUNEFAKTORER):
            assert len(geodata.read(name, layer="out", contract=contract)) >= 360
        for month in ("2026-10", "2026-11"):
            assert geodata.read(f"{name}-{month}", layer="out", contract=KOMMUNEHISTORIKK) is not None
    assert geodata.read(NORGE, layer="out", contract=INDIKATORER)["kommunenummer"].nunique() == 360


@pytest.mark.usefixtures("lenient")
def test_what_is_invented_is_said_everywhere(settings):
    found = run_ranking(settings, dato=NOVEMBER)
    assert notes(found)[0].startswith("OPPDIKTEDE TALL")
    markdown = as_markdown(found)
    assert markdown.index("OPPDIKTEDE TALL") < markdown.index("beste")
    assert {row["Oppdiktede tall"] for row in as_table(found)} == {"ja"}
    assert len(as_table(found)) == 357
    assert markdown.count("\n| ") >= 50


@pytest.mark.usefixtures("lenient")
def test_a_table_that_failed_is_told_and_its_words_are_taken_literally(settings):
    geodata = Geodata(settings.geodata)
    keep(geodata, statistics(real(), invented=True), sources(svar="lager", grunn=HOSTILE, invented=True))
    found = run_ranking(settings, per_aar=2026, dato=NOVEMBER)
    told = f"SSB 06944 gir tall fra sist ({HOSTILE}): gjelder medianinntekt_kr."
    assert notes(found)[1:] == ["LITE TALL: bare 10 % av vekten i «boligsosial 1» hviler på tall.", told]
    assert "<script>" not in as_markdown(found)
    assert "[x](http" not in as_markdown(found)


def test_too_few_figures_replace_nothing(settings):
    before = left(settings.geodata)
    found = run_ranking(settings, dato=NOVEMBER, publish=True)  # nor are they published: no Airtable is there
    assert left(settings.geodata) == before
    assert "boligsosial 1: " in found.avvist
    assert "minste_dekning" in found.avvist
    assert "IKKE LAGRET" in as_markdown(found)
    assert len(found.rader) == 357


def test_looking_back_writes_nothing_and_says_how_well_it_would_have_found_the_successes(settings):
    before = left(settings.geodata)
    found = run_ranking(settings, per_aar=2025, dato=NOVEMBER)
    assert left(settings.geodata) == before
    assert {row["per_aar"] for row in found.rader} == {2025}
    years = {row["noekkeltall"]["folketall"]["aar"] for row in found.rader}
    assert max(years) <= 2025
    assert (found.tilbakeblikk.antall, found.tilbakeblikk.av) == (len(rangering().vellykkede), 357)
    assert found.andre == ()


def test_a_year_before_all_figures_is_answered_with_the_first_that_has_enough(settings, monkeypatch, rules):
    monkeypatch.setattr("flows.rangering.rangering", lambda: rules.model_copy(update={"minste_dekning": 0.05}))
    with pytest.raises(TomtError, match=r"no figures .* as of 2023\. The first year with enough of them is 2024"):
        run_ranking(settings, navn="boligsosial", per_aar=2023, dato=NOVEMBER)


@pytest.mark.long
def test_where_no_year_has_enough_figures_that_is_told(settings):
    with pytest.raises(TomtError, match=r"no figures .* as of 2023\. No later year has any"):
        run_ranking(settings, navn="boligsosial", per_aar=2023, dato=NOVEMBER)


@pytest.mark.parametrize("year", [1899, 2027, 0])
def test_a_year_that_cannot_be_looked_back_to(settings, year):
    with pytest.raises(ConfigError, match="give a year from 2000 to 2026"):
        run_ranking(settings, per_aar=year, dato=NOVEMBER)


def test_invented_figures_never_take_the_place_of_real_ones(settings):
    write_scores(Geodata(settings.geodata), real(3), profil="vekst", har_oppdiktede_tall=False)
    before = left(settings.geodata)
    with pytest.raises(ConfigError, match=r"ranking of real figures .* TOMT_GEODATA"):
        run_ranking(settings, dato=NOVEMBER, call=unasked)
    assert left(settings.geodata) == before


@pytest.mark.parametrize("per_aar", [None, 2012, 2020])
def test_real_figures_that_are_not_ranked_yet_are_not_replaced_either(settings, per_aar):
    keep(Geodata(settings.geodata), statistics(real(3)), sources())
    before = left(settings.geodata)
    assert not is_offline(settings, per_aar=2020)
    with pytest.raises(ConfigError, match=r"holds real figures, and those of the sandbox are invented.* TOMT_GEODATA"):
        run_ranking(settings, per_aar=per_aar, dato=NOVEMBER, call=unasked)
    assert left(settings.geodata) == before


def test_a_look_back_of_real_figures_does_not_take_the_invented_ones_that_were_kept(settings):
    staging = settings.model_copy(update={"profile": Profile.STAGING})
    assert not is_offline(staging, per_aar=2020)
    with pytest.raises(AssertionError, match="somebody was asked"):
        run_ranking(staging, per_aar=2020, dato=NOVEMBER, call=unasked)


def test_a_look_back_waits_for_nobody_and_disturbs_nobody(settings):
    with Geodata(settings.geodata).lock("rangering"), pytest.raises(BusyError):
        run_ranking(settings, per_aar=2012, dato=NOVEMBER, call=unasked)


def test_invented_figures_are_not_brought_to_the_base_of_another_profile(settings):
    mixed = settings.model_copy(update={"profile": Profile.PRODUCTION, "sources_url": "http://127.0.0.1:9"})
    with pytest.raises(ConfigError, match=r"are invented, and the profile is production: they are not brought"):
        run_ranking(mixed, dato=NOVEMBER, publish=True, call=unasked)


def test_newer_figures_can_be_asked_for(settings):
    with pytest.raises(AssertionError, match="somebody was asked"):
        run_ranking(settings, dato=NOVEMBER, ferskt=True, call=unasked)


# --- Airtable ---


@pytest.mark.long  # the flow's own test stands for it in the normal run
@pytest.mark.usefixtures("lenient")
@pytest.mark.parametrize(
    ("error", "says"),
    [
        (AirtableError("Airtable could not be reached."), "could not be reached"),
        (KeyError("id"), "Unexpected KeyError"),
    ],
)
def test_what_was_ranked_is_there_whatever_airtable_does(settings, monkeypatch, error, says):
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tasks.crm.sync.connection.open_connection", refuse)
    found = run_ranking(settings, dato=NOVEMBER, publish=True)
    assert says in found.airtable_feil
    assert (found.publisert, found.valgt.er_skrevet, len(found.rader)) == (None, True, 357)


# --- when figures are fresh ---


def test_figures_are_fresh_for_a_while(settings):
    assert is_fresh(settings)
    later = datetime.now(UTC) + timedelta(hours=statistikk().ssb.fersk_timer)
    assert not is_fresh(settings, naa=later)
    assert not is_fresh(settings, naa=datetime.now(UTC) - timedelta(hours=1))  # of a clock that was ahead


def test_figures_of_another_world_incomplete_older_than_their_list_or_damaged_are_not_fresh(settings, monkeypatch):
    geodata = Geodata(settings.geodata)
    assert not is_fresh(settings.model_copy(update={"profile": Profile.STAGING}))
    path = geodata.path("core", STATISTIKK, NORGE)
    os.utime(path, (time.time() - 60, time.time() - 60))
    listed = settings.geodata / "statistikk.toml"
    listed.touch()
    with monkeypatch.context() as patch:
        patch.setattr("flows.tallgrunnlag.FOLDER", settings.geodata)
        assert not is_fresh(settings)
    keep(geodata, statistics(real(3), invented=True), sources(svar="lager", grunn="stille", invented=True))
    assert not is_fresh(settings)
    path.unlink()
    assert not is_fresh(settings)
    assert not is_offline(settings, per_aar=2020)


def test_looking_back_needs_no_fresh_figures(settings):
    path = Geodata(settings.geodata).path("core", STATISTIKK, NORGE)
    os.utime(path, (0, 0))
    assert not is_offline(settings)
    assert is_offline(settings, per_aar=2020)
