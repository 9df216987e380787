"""The whole fetch against the sandbox's services: what comes, what is kept, and what each failure costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from config.registers import invented_kommuner
from config.settings import Settings
from config.statistikk import statistikk
from tasks.errors import SourceError
from tasks.kommunekontrakter import LANDET, NORGE, STATISTIKK, STATISTIKKILDER
from tasks.sandbox.statistikk import Feil
from tasks.sources.statistikk import klass, valg
from tasks.sources.statistikk.hent import fetch_statistics
from tasks.store import Geodata
from tests.sources.statistikk.tjener import regler, tjener

SMALL = regler("06913", "06944")


@pytest.fixture(scope="module")
def server():
    feil = Feil()
    with tjener(feil) as url:
        yield url, feil


@pytest.fixture
def url(server):
    """The server, with no fault on."""
    address, feil = server
    feil.__dict__.update({k: v for k, v in Feil().__dict__.items() if k != "_laas"})
    return address


@pytest.fixture
def feil(server):
    return server[1]


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


def test_cold_then_from_disk_then_what_was_updated(geodata, url, feil):
    told = []
    first = fetch(geodata, url, progress=lambda *step: told.append(step))
    assert svar(first) == {"kommuner": "hentet", "06913": "hentet", "06944": "hentet"}
    assert first.foresporsler == 2 + 2 * 2
    assert first.statistikk.er_oppdiktet.all()
    assert first.kilder.er_oppdiktet.all()
    numbers = set(first.statistikk.kommunenummer)
    assert {LANDET, "0301", *(k.nummer for k in invented_kommuner())} <= numbers
    assert len(numbers) == 357 + 3 + 1
    assert told[0] == ("Klass: kommuner", 0, 3)
    assert told[-1] == ("SSB 06944", 3, 3)
    rows, kilder = written(geodata)
    assert len(rows) == len(first.statistikk) == len(first.statistikk.drop_duplicates(list(STATISTIKK.key)))
    assert kilder.antall_verdier.sum() == rows.verdi.notna().sum()

    feil.sett.clear()
    second = fetch(geodata, url)
    assert (second.foresporsler, list(feil.sett)) == (0, [])
    assert set(svar(second).values()) == {"uendret"}
    assert second.kilder.hentet_tid.tolist() == first.kilder.hentet_tid.tolist()
    pd.testing.assert_frame_equal(second.statistikk, first.statistikk)

    feil.flytt_oppdatert["06944"] = timedelta(days=3)
    third = fetch(geodata, url, ferskt=True)
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
def test_the_last_run_stands_in_for_a_table_that_fails(geodata, url, feil, fault, said):
    first = fetch(geodata, url)
    feil.__dict__.update(fault)
    feil.flytt_oppdatert["06944"] = timedelta(days=3)
    got = fetch(geodata, url, ferskt=True)
    assert svar(got) == {"kommuner": "hentet", "06913": "uendret", "06944": "lager"}
    assert said in grunn(got, "06944")
    fetched = got.kilder.set_index("tabell").hentet_tid
    assert fetched["06944"] == first.kilder.set_index("tabell").hentet_tid["06944"]
    rows, _ = written(geodata)
    assert (rows.maal == "medianinntekt_kr").sum() == (first.statistikk.maal == "medianinntekt_kr").sum()


def test_another_table_stands_in_for_one_that_is_gone(geodata, url, feil):
    rules = regler("06035", "14545")
    fetch(geodata, url, rules)
    feil.ukjente_tabeller = {"06035"}
    got = fetch(geodata, url, rules, ferskt=True)
    assert (svar(got)["06035"], svar(got)["14545"]) == ("mangler", "hentet")
    prices = got.statistikk[got.statistikk.maal == "kvadratmeterpris_kr"]
    assert set(prices.tabell) == {"14545"}
    assert prices.verdi.notna().any()
    written(geodata)


def test_nothing_is_written_when_nothing_came(geodata, url, feil):
    rules = regler("06913", "06944")
    feil.ukjente_tabeller, feil.klass_er_nede = {"06913", "06944"}, True
    with pytest.raises(SourceError, match="No figures of any kommune came"):
        fetch(geodata, url, rules)
    assert written(geodata) == (None, None)
    feil.ukjente_tabeller, feil.klass_er_nede = set(), False
    fetch(geodata, url, rules)
    before = {p: p.read_bytes() for p in (geodata.root / "core").rglob("*.parquet")}
    feil.ukjente_tabeller = {"06913", "06944"}
    got = fetch(geodata, url, rules, ferskt=True)
    assert {its for table, its in svar(got).items() if table != "kommuner"} == {"lager"}
    assert len(got.statistikk)
    assert {p: p.read_bytes() for p in (geodata.root / "core").rglob("*.parquet")} == before


def test_a_service_that_is_down_is_not_asked_on_and_on(geodata, url, feil):
    feil.svar_503 = 1_000
    rules = regler("06913", "06944", "05940", "06265", "11084")
    with pytest.raises(SourceError):
        fetch(geodata, url, rules)
    assert sum("/tables/" in path for path in feil.sett) == 3


@pytest.mark.long
def test_real_figures_never_stand_in_for_invented_ones(geodata, url, feil):
    rows = fetch(geodata, url).statistikk
    geodata.write(rows.assign(er_oppdiktet=False), NORGE, layer="core", contract=STATISTIKK)
    feil.ukjente_tabeller = {"06944"}
    got = fetch(geodata, url, ferskt=True)
    assert svar(got)["06944"] == "mangler"
    assert got.statistikk.er_oppdiktet.all()


def test_without_klass_the_kommuner_of_the_config_are_asked_for(geodata, url, feil):
    feil.klass_er_nede = True
    got = fetch(geodata, url, regler("06913"))
    assert svar(got) == {"kommuner": "mangler", "06913": "hentet"}
    assert "Klass svarte ikke" in grunn(got, "kommuner")
    newest = got.statistikk[got.statistikk.aar == 2026]
    assert newest.verdi.notna().sum() == 357 + 3 + 1


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
    assert got.kilder.grunn.isna().all()
    assert got.kilder.loc[got.kilder.kilde != "valgresultat.no", "antall_foresporsler"].sum() <= 40
    wanted = {m.navn for t in statistikk().tabell if t.reserve_for is None for m in t.maal}
    assert set(got.statistikk.maal) == wanted | set(valg.MEASURES)
    seats = got.statistikk[(got.statistikk.maal == "mandater") & (got.statistikk.aar == 2023)]
    assert seats.kommunenummer.nunique() == 357 + 3
    feil.sett.clear()
    assert fetch(geodata, url, statistikk()).foresporsler == 0
    assert not feil.sett
