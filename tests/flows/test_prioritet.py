"""The nightly's list: who is in it, in which order, and why."""

from __future__ import annotations

import logging

import pandas as pd
import pytest
from pydantic import SecretStr

from config.errors import ConfigError
from config.nattlig import Nattlig, nattlig
from config.settings import Profile, Settings
from flows import prioritet as module
from flows.prioritet import assemble, priority_list, read_pinned
from flows.rangering import today
from tasks.errors import AirtableError
from tasks.kommunekontrakter import KOMMUNESCORER, SALGSKOMMUNER
from tasks.store import Geodata, write_parquet
from tests.crm.conftest import verden  # noqa: F401  # the same world
from tests.flows.rangeringsdata import real

PILOTS = ("3207", "3218", "3212")
RULES = Nattlig(profil="boligsosial", antall=3, dager=45, alltid=PILOTS, sandkasse=("0099",))


def ranked(numbers: list[str], *, invented: bool = False, dato: str | None = None) -> pd.DataFrame:
    """Return contract kommunescorer: these, best first, and an invented kommune before them all."""
    known = {k.nummer: k for k in real()}
    rows = [
        {
            "kommunenummer": number,
            "navn": known[number].navn if number in known else "Prøvedal",
            "fylke": "Et fylke",
            "profil": "boligsosial 1",
            "nivaa": 1,
            "rang": place,
            "er_topp": True,
            "er_oppdiktet_kommune": number == "7001",
            "har_oppdiktede_tall": invented,
            "rangert_dato": dato or today().isoformat(),
            "per_aar": 2026,
        }
        for number, place in [("7001", 1), *((n, k) for k, n in enumerate(numbers, start=1))]
    ]
    frame = pd.DataFrame(rows).reindex(columns=list(KOMMUNESCORER.columns))
    return frame.astype({c: "float64" for c, kind in KOMMUNESCORER.columns.items() if kind == "number"})


def told(found) -> list[tuple[str, str]]:
    return [(one.kommune.nummer, one.grunn) for one in found.liste]


def test_pinned_come_first_then_those_always_in_it_then_the_best_each_once():
    ranking = ranked(["5061", "3207", "0301", "4601"])
    assert told(assemble({"3212", "1103"}, ranking.sample(frac=1, random_state=1), RULES)) == [
        ("1103", "festet av salg"),
        ("3212", "festet av salg, alltid med"),
        ("3207", "alltid med, rang 2"),
        ("3218", "alltid med"),
        ("5061", "rang 1"),
        ("0301", "rang 3"),
    ]


def test_without_a_ranking_there_are_the_pinned_and_the_pilots():
    assert [nummer for nummer, _ in told(assemble({"1103"}, None, RULES))] == ["1103", *PILOTS]
    assert [nummer for nummer, _ in told(assemble((), None, RULES))] == list(PILOTS)


def test_a_pinned_number_that_is_not_in_use_is_passed_over_and_told():
    found = assemble({"3020", "7001"}, None, RULES)
    assert [nummer for nummer, _ in told(found)] == list(PILOTS)
    assert [note[:12] for note in found.merknader] == ["Kommune 3020", "Kommune 7001"]


def test_a_number_of_the_ranking_that_is_no_longer_in_use_is_passed_over_and_told():
    found = assemble((), ranked(["5061", "3020", "0301"]), RULES)
    assert [nummer for nummer, _ in told(found)] == [*PILOTS, "5061", "0301"]
    assert found.merknader == ("Kommune 3020 har rang 2, men er ikke lenger i bruk: den er hoppet over.",)


@pytest.fixture
def staging(tmp_path) -> Settings:
    """A profile with a base of its own, at an address where nobody answers."""
    return Settings(
        profile=Profile.STAGING,
        geodata=tmp_path / "geodata",
        airtable_token=SecretStr("patProve"),
        airtable_base="appProve",
        airtable_url="http://127.0.0.1:9",
    )


@pytest.fixture
def no_airtable(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise AirtableError("Airtable could not be reached. Check the network.")

    monkeypatch.setattr(module, "open_connection", refuse)


def keep_marks(settings: Settings, number: str) -> None:
    marks = pd.DataFrame({"kommunenummer": [number, "4601"], "er_fulgt": [True, False], "er_vellykket": [False, True]})
    SALGSKOMMUNER.check(marks)
    write_parquet(marks, settings.geodata / "raw" / "salgskommuner" / "appProve.parquet")


@pytest.mark.usefixtures("no_airtable")
def test_where_airtable_does_not_answer_what_was_read_last_serves(staging, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("tomt"), "propagate", True)
    keep_marks(staging, "1103")
    Geodata(staging.geodata).write(ranked(["5061"]), "boligsosial", layer="out", contract=KOMMUNESCORER)
    found = priority_list(staging)
    assert [nummer for nummer, _ in told(found)] == ["1103", *PILOTS, "5061"]
    assert found.merknader == ("Basen kunne ikke leses: festede kommuner er fra sist.",)
    assert "could not be reached" in caplog.text


@pytest.mark.usefixtures("no_airtable")
def test_without_marks_and_ranking_the_pilots_are_run_and_it_is_told(staging):
    found = priority_list(staging)
    assert [nummer for nummer, _ in told(found)] == list(PILOTS)
    assert found.merknader == (
        "Basen kunne ikke leses.",
        "Ingen rangering «boligsosial» ennå: bare festede og faste kommuner er med.",
    )


@pytest.mark.usefixtures("no_airtable")
def test_a_ranking_of_invented_figures_decides_nothing(staging):
    geodata = Geodata(staging.geodata)
    geodata.write(ranked(["5061"], invented=True), "boligsosial", layer="out", contract=KOMMUNESCORER)
    found = priority_list(staging)
    assert [nummer for nummer, _ in told(found)] == list(PILOTS)
    assert "oppdiktede tall" in found.merknader[-1]


@pytest.mark.usefixtures("no_airtable")
@pytest.mark.parametrize(("dato", "since"), [("2021-01-03", "fra 03.01.2021"), ("i fjor", "uten dato")])
def test_an_old_ranking_is_used_and_told(staging, caplog, monkeypatch, dato, since):
    monkeypatch.setattr(logging.getLogger("tomt"), "propagate", True)
    Geodata(staging.geodata).write(ranked(["5061"], dato=dato), "boligsosial", layer="out", contract=KOMMUNESCORER)
    found = priority_list(staging)
    assert [nummer for nummer, _ in told(found)] == [*PILOTS, "5061"]
    assert found.merknader[-1].startswith(f"Rangeringen «boligsosial» er {since}, mer enn 45 dager gammel")
    assert "run `tomt rank`" in caplog.text


@pytest.mark.usefixtures("no_airtable")
@pytest.mark.parametrize("content", [b"PAR1 tull", pd.DataFrame({"x": [1]}).to_parquet()])
def test_damaged_marks_stop_no_night_and_are_told(staging, content):
    path = staging.geodata / "raw" / "salgskommuner" / "appProve.parquet"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    found = priority_list(staging)
    assert [nummer for nummer, _ in told(found)] == list(PILOTS)
    assert "kan ikke leses" in found.merknader[1]


@pytest.mark.usefixtures("no_airtable")
def test_a_damaged_ranking_stops_no_night(staging):
    path = Geodata(staging.geodata).path("out", KOMMUNESCORER, "boligsosial")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1 tull")
    found = priority_list(staging)
    assert [nummer for nummer, _ in told(found)] == list(PILOTS)
    assert "kan ikke leses" in found.merknader[-1]


def test_the_sandbox_has_its_own_and_asks_nobody(tmp_path):
    found = priority_list(Settings(profile=Profile.SANDBOX, geodata=tmp_path / "geodata"))
    assert told(found) == [(n, "sandkassens egen") for n in nattlig().sandkasse]
    assert not (tmp_path / "geodata").exists()


def test_an_unknown_profile_is_named_with_those_there_are(staging, monkeypatch):
    monkeypatch.setattr(module, "nattlig", lambda: RULES.model_copy(update={"profil": "tull"}))
    with pytest.raises(ConfigError, match=r"'tull'.*boligsosial, vekst"):
        priority_list(staging)


@pytest.mark.long
def test_what_sales_has_pinned_is_read_from_the_base_and_kept_where_the_field_is_gone(verden):  # noqa: F811
    verden.person.change("Kommuner", "0099", {"Følg alltid": True})
    assert read_pinned(verden.geodata, verden.oppdrag_direkte.settings()) == ({"0099"}, ())
    verden.drop("Kommuner", "Følg alltid")
    pinned, notes = read_pinned(verden.geodata, verden.oppdrag_direkte.settings())
    assert pinned == {"0099"}
    assert "Basen mangler feltet Følg alltid: festede kommuner er fra sist" in notes[0]
