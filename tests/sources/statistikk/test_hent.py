"""The whole fetch against the sandbox's services: what comes, what is kept, and what each failure costs."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from config.rangering import rangering
from config.registers import invented_kommuner
from config.settings import Settings
from config.statistikk import VALGRESULTAT, statistikk
from tasks.errors import SourceError
from tasks.kommunekontrakter import LANDET, NORGE, STATISTIKK, STATISTIKKILDER
from tasks.sandbox.statistikk import Feil
from tasks.scoring.kommune.indikatorer.register import alle_indikatorer
from tasks.sources.statistikk import hent, klass, tabelleser, valg
from tasks.sources.statistikk.hent import fetch_statistics
from tasks.sources.statistikk.utfall import Utfall
from tasks.store import Geodata
from tests.sources.statistikk.test_valgutfall import answer
from tests.sources.statistikk.tjener import regler, tjener

SMALL = regler("06913", "06944")


@pytest.fixture(scope="module")
def server():
    feil = Feil()
    with tjener(feil) as url:
        yield url, feil


def mend(feil):
    feil.__dict__.update({k: v for k, v in Feil().__dict__.items() if k != "_laas"})


@pytest.fixture
def url(server):
    """The server, with no fault on."""
    address, feil = server
    mend(feil)
    return address


@pytest.fixture
def feil(server):
    return server[1]


@pytest.fixture(scope="module")
def first(server, tmp_path_factory):
    """A fetch that was well, to be copied."""
    geodata = Geodata(tmp_path_factory.mktemp("first") / "geodata")
    mend(server[1])
    told = []
    return geodata, fetch(geodata, server[0], progress=lambda *step: told.append(step)), told


@pytest.fixture
def after(first, url, tmp_path):
    """A checkout in which that fetch was the last."""
    shutil.copytree(first[0].root, tmp_path / "geodata")
    return Geodata(tmp_path / "geodata")


@pytest.fixture(autouse=True)
def _one_try(monkeypatch):
    monkeypatch.setattr(klass, "LIMITS", replace(klass.LIMITS, forsoek=1))
    before = valg._limits
    monkeypatch.setattr(valg, "_limits", lambda rules: replace(before(rules), forsoek=1))


def fetch(geodata, url, rules=SMALL, **more):
    settings = Settings(_env_file=None, profile="sandbox", sources_url=url)  # type: ignore[call-arg]
    return fetch_statistics(geodata, settings, regler=rules, **more)


def svar(got):
    return dict(zip(got.kilder.tabell, got.kilder.svar, strict=True))


def grunn(got, table):
    return got.kilder.set_index("tabell").grunn[table]


def written(geodata):
    return (
        geodata.read(NORGE, layer="core", contract=STATISTIKK),
        geodata.read(NORGE, layer="core", contract=STATISTIKKILDER),
    )


def test_cold_then_from_disk_then_what_was_updated(after, first, url, feil):
    _, first, told = first
    assert svar(first) == {"kommuner": "hentet", "06913": "hentet", "06944": "hentet"}
    assert first.foresporsler == 2 + 2 * 2
    assert first.statistikk.er_oppdiktet.all()
    assert first.kilder.er_oppdiktet.all()
    numbers = set(first.statistikk.kommunenummer)
    assert {LANDET, "0301", *(k.nummer for k in invented_kommuner())} <= numbers
    assert len(numbers) == 357 + 3 + 1
    assert told[0] == ("Klass: kommuner", 0, 3)
    assert told[-1] == ("SSB 06944", 3, 3)
    rows, kilder = written(after)
    assert len(rows) == len(first.statistikk) == len(first.statistikk.drop_duplicates(list(STATISTIKK.key)))
    assert kilder.antall_verdier.sum() == rows.verdi.notna().sum()

    feil.sett.clear()
    second = fetch(after, url)
    assert (second.foresporsler, list(feil.sett)) == (0, [])
    assert set(svar(second).values()) == {"uendret"}
    assert second.kilder.hentet_tid.tolist() == first.kilder.hentet_tid.tolist()
    pd.testing.assert_frame_equal(second.statistikk, first.statistikk)

    feil.flytt_oppdatert["06944"] = timedelta(days=3)
    third = fetch(after, url, ferskt=True)
    assert svar(third) == {"kommuner": "hentet", "06913": "uendret", "06944": "hentet"}
    assert third.foresporsler == 2 + 2 + 1
    assert len(third.statistikk) == len(first.statistikk)


@pytest.mark.long
def test_figures_are_made_anew_when_the_file_is_gone(geodata, url):
    first = fetch(geodata, url)
    geodata.path("core", STATISTIKK, NORGE).unlink()
    again = fetch(geodata, url)
    assert again.foresporsler == 0
    assert len(written(geodata)[0]) == len(first.statistikk)


def test_a_table_that_fails_costs_its_own_measures_and_is_named(geodata, url, feil):
    feil.ukjente_tabeller = {"06944"}
    got = fetch(geodata, url)
    assert svar(got)["06944"] == "mangler"
    assert "06944" in grunn(got, "06944")
    assert "Non-existent table" in grunn(got, "06944")
    assert got.kilder.set_index("tabell").maal["06944"] == ["medianinntekt_kr"]
    assert set(got.statistikk.maal) == {"folkemengde"}
    assert written(geodata)[1].svar.tolist() == got.kilder.svar.tolist()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"endrede_etiketter": {("06944", "InntSkatt"): "Samlet inntekt"}}, "annet navn"),
        pytest.param({"manglende_koder": {("06944", "InntSkatt")}}, "koden finnes ikke", marks=pytest.mark.long),
    ],
)
def test_the_last_run_stands_in_for_a_table_that_fails(after, first, url, feil, fault, said):
    feil.__dict__.update(fault)
    feil.flytt_oppdatert["06944"] = timedelta(days=3)
    got = fetch(after, url, ferskt=True)
    assert svar(got) == {"kommuner": "hentet", "06913": "uendret", "06944": "lager"}
    assert said in grunn(got, "06944")
    fetched = got.kilder.set_index("tabell").hentet_tid
    assert fetched["06944"] == first[1].kilder.set_index("tabell").hentet_tid["06944"]
    rows, _ = written(after)
    assert (rows.maal == "medianinntekt_kr").sum() == (first[1].statistikk.maal == "medianinntekt_kr").sum()


def test_what_nobody_thought_of_costs_its_own_table_alone(after, url, monkeypatch, caplog):
    after.path("core", STATISTIKK, NORGE).unlink()
    real = tabelleser.plan_table

    def odd(metadata, table, hvem, **more):
        if table.id == "06944":
            raise OverflowError("int too large to convert to float")
        return real(metadata, table, hvem, **more)

    monkeypatch.setattr(tabelleser, "plan_table", odd)
    monkeypatch.setattr(hent, "fetch_election", lambda *_, **__: 1 / 0)
    with caplog.at_level(logging.DEBUG, "tomt.sources"):
        got = fetch(after, url, regler("06913", "06944", valg=(2023,)))
    assert svar(got) == {"kommuner": "uendret", "06913": "uendret", "06944": "mangler", "2023": "mangler"}
    assert grunn(got, "06944") == "SSB 06944: uventet feil (OverflowError)"
    assert "ZeroDivisionError" in grunn(got, "2023")
    assert {r.exc_info[0] for r in caplog.records if r.exc_info} == {OverflowError, ZeroDivisionError}
    assert set(written(after)[0].maal) == {"folkemengde"}


def test_a_reserve_that_fails_too_serves_what_the_last_run_had_of_it(geodata, url, feil):
    rules = regler("06035", "14545")
    feil.ukjente_tabeller = {"06035"}
    got = fetch(geodata, url, rules)
    assert (svar(got)["06035"], svar(got)["14545"]) == ("mangler", "hentet")
    prices = got.statistikk[got.statistikk.maal == "kvadratmeterpris_kr"]
    assert set(prices.tabell) == {"14545"}
    assert prices.verdi.notna().any()
    written(geodata)
    feil.ukjente_tabeller = {"06035", "14545"}
    again = fetch(geodata, url, rules, ferskt=True)
    assert (svar(again)["06035"], svar(again)["14545"]) == ("mangler", "lager")
    assert "14545" in grunn(again, "14545")
    assert len(again.statistikk) == len(got.statistikk)


ROWS = pd.DataFrame({"verdi": [1.0]})
HAS, CAME, NONE = (
    Utfall("SSB", "1", "lager", (), ROWS, er_varig=True),
    Utfall("SSB", "2", "hentet", (), ROWS),
    Utfall("SSB", "3", "mangler", ()),
)


@pytest.mark.parametrize(
    ("outcome", "reserves", "told"),
    [
        (NONE, [], "3 mangler"),
        (NONE, [NONE, HAS, CAME], "3 mangler, 3 mangler, 1 mangler, 2 hentet"),
        (NONE, [HAS], "3 mangler, 1 lager"),
        (HAS, [CAME, CAME], "1 mangler, 2 hentet"),
        (HAS, [HAS], "1 lager, 1 mangler"),
        (HAS, [NONE], "1 lager, 3 mangler"),
    ],
)
def test_one_of_a_table_and_its_reserves_serves_and_all_that_were_asked_are_named(outcome, reserves, told):
    made = hent._with_reserve(outcome, iter([replace(r) for r in reserves]))
    assert ", ".join(f"{its.tabell} {its.svar}" for its in made) == told
    assert sum(its.rader is not None for its in made) == ("1" in told or "2" in told)


def test_what_the_last_run_had_is_not_written_over_when_nothing_comes(after, url, feil):
    before = {p: p.read_bytes() for p in (after.root / "core").rglob("*.parquet")}
    feil.ukjente_tabeller = {"06913", "06944"}
    got = fetch(after, url, ferskt=True)
    assert {its for table, its in svar(got).items() if table != "kommuner"} == {"lager"}
    assert len(got.statistikk)
    assert {p: p.read_bytes() for p in (after.root / "core").rglob("*.parquet")} == before


def test_an_election_that_came_in_part_is_written_though_nothing_else_came(after, url, monkeypatch):
    rules = regler(valg=(2023,))
    for seats in ({"0301": 59, "1103": 67}, {"0301": 61}):
        monkeypatch.setattr(hent, "fetch_election", lambda *_, its=seats, **__: answer(its))
        got = fetch(after, url, rules)
    assert svar(got) == {"kommuner": "uendret", "2023": "lager"}
    rows = written(after)[0]
    assert dict(zip(rows.kommunenummer, rows.verdi, strict=True)) == {"0301": 61, "1103": 67}


def test_a_run_that_a_person_ends_does_not_walk_all_elections_first(geodata, url, feil):
    feil.sekunder = 0.005  # each answer takes a moment, so that the walk is under way when the run ends

    def end(what, _done, _of):
        if what.startswith("SSB 06913"):
            raise KeyboardInterrupt

    feil.sett.clear()
    with pytest.raises(KeyboardInterrupt):
        fetch(geodata, url, regler("06913", valg=(2023, 2019)), progress=end)
    assert feil.antall("/valgresultat/") < 100  # of 750


def test_a_service_that_is_down_is_not_asked_on_and_on(geodata, url, feil):
    feil.svar_503, feil.klass_er_nede = 1_000, True
    rules = regler("06913", "06944", "05940", "06265", "11084")
    with pytest.raises(SourceError, match="No figures of any kommune came"):
        fetch(geodata, url, rules)
    assert sum("/tables/" in path for path in feil.sett) == 3
    assert written(geodata) == (None, None)


@pytest.mark.long
def test_real_figures_never_stand_in_for_invented_ones(geodata, url, feil):
    rows = fetch(geodata, url).statistikk
    geodata.write(rows.assign(er_oppdiktet=False), NORGE, layer="core", contract=STATISTIKK)
    feil.ukjente_tabeller = {"06944"}
    got = fetch(geodata, url, ferskt=True)
    assert svar(got)["06944"] == "mangler"
    assert got.statistikk.er_oppdiktet.all()


def test_without_klass_the_facts_of_the_config_give_the_very_same_figures(after, first, url, feil):
    shutil.rmtree(after.root / "raw" / "sandkasse" / "klass")
    feil.klass_er_nede = True
    got = fetch(after, url)
    assert svar(got) == {"kommuner": "lager", "06913": "uendret", "06944": "uendret"}
    assert "Klass svarte ikke" in grunn(got, "kommuner")
    pd.testing.assert_frame_equal(got.statistikk, first[1].statistikk)


def test_periods_are_enough_for_a_ranking_as_of_some_years_ago():
    """What an indicator looks back, from the year as of which it is made, and what is not known yet."""
    wanted: dict[str, int] = {}
    for indicator in alle_indikatorer(rangering().boligkostnad, statistikk().parti):
        for krav in indicator.alle_krav:
            wanted[krav.maal] = max(wanted.get(krav.maal, 0), krav.tilbake + 1)
    for table in statistikk().tabell:
        looks_back = max(wanted.get(maal.navn, 0) for maal in table.maal)
        if table.perioder is not None and table.reserve_for != VALGRESULTAT:
            assert table.perioder >= hent.LOOKS_BACK + looks_back + table.forsinkelse_aar, table.id


@pytest.mark.long
def test_votes_of_ssb_stand_in_for_an_election_without_an_answer(geodata, url, feil):
    feil.valg_er_nede = True
    got = fetch(geodata, url, regler("06913", "01180", valg=(2023,)))
    assert svar(got) == {"kommuner": "hentet", "06913": "hentet", "2023": "mangler", "01180": "hentet"}
    assert grunn(got, "2023") == "valgresultat.no svarte ikke for 2023"
    votes = got.statistikk[got.statistikk.maal == "stemmer_prosent"]
    assert set(votes.tabell) == {"01180"}
    assert {"A", "H", "SP", "RØDT"} <= set(votes.gruppe) <= {p.kode for p in statistikk().parti}
    assert set(votes.aar) == {2023}
    assert not (got.statistikk.maal == "mandater").any()


@pytest.mark.long
def test_a_ranking_as_of_long_ago_takes_more_periods(geodata, url):
    rules = regler("06944")
    now = datetime(2026, 11, 21, tzinfo=UTC)
    usual = fetch(geodata, url, rules, naa=now, per_aar=2020).statistikk
    more = fetch(geodata, url, rules, naa=now, per_aar=2018).statistikk
    assert more.aar.min() == usual.aar.min() - 2


@pytest.mark.long
def test_all_figures_of_the_config(url, tmp_path, feil):
    geodata = Geodata(tmp_path / "geodata")
    got = fetch(geodata, url, statistikk())
    assert set(svar(got).values()) == {"hentet"}
    over = {t.id for t in statistikk().tabell if t.avsluttet is not None}
    assert set(got.kilder.tabell[got.kilder.grunn.notna()]) == over
    assert got.kilder.loc[got.kilder.kilde != "valgresultat.no", "antall_foresporsler"].sum() <= 40
    wanted = {m.navn for t in statistikk().tabell if t.reserve_for is None for m in t.maal}
    assert set(got.statistikk.maal) == wanted | set(valg.MEASURES)
    seats = got.statistikk[(got.statistikk.maal == "mandater") & (got.statistikk.aar == 2023)]
    assert seats.kommunenummer.nunique() == 357 + 3
    feil.sett.clear()
    assert fetch(geodata, url, statistikk()).foresporsler == 0
    assert not feil.sett
