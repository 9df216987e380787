"""Proposals: the table to paste is one that the registry loads, whatever the service calls itself."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.kilder import Kilde, kilder
from config.registers import find_kommune
from tasks.errors import StoreError
from tasks.sources import forslag
from tasks.sources.forslag import Forslag
from tasks.sources.kandidat import Kandidat

AAS = find_kommune("3218", sandbox=False)


def kandidat(**more):
    fixed = {
        "adresse": "https://kart.as.kommune.no/wfs",
        "protokoll": "wfs",
        "tittel": "Plan",
        "eier": "Ås kommune",
        "lisens": "",
        "er_aapen": True,
        "funnet": "kartkatalogen",
    }
    return Kandidat(**{**fixed, **more})


def proposal(*, navn="k3218_plan", more=(), **about):
    values = {
        "navn": navn,
        "tema": "kommuneplan",
        "protokoll": "wfs",
        "adresse": "https://kart.as.kommune.no/wfs",
        "kommuner": ("3218",),
        "lag": {"KpOmråde": "p:KpOmråde"},
        "lisens": "Ås kommune",
        **dict(more),
    }
    facts = {"tillit": 0.9, "andel_inni": 1.0, "andel_koder": None, "antall_sett": 20, "grunner": ("Fordi.",)}
    return Forslag(kilde=Kilde.model_validate(values), **{"kandidat": kandidat(), **facts, **about})


def loaded(found, tmp_path):
    path = forslag.write(
        forslag.as_toml(found, kommune=AAS, dag="2026-11-21"), geodata=tmp_path, kommunenummer=AAS.nummer
    )
    kilder.cache_clear()
    return kilder(path)


def test_the_table_is_loaded_as_it_was_proposed(tmp_path):
    rich = proposal(
        more={
            "paakrevd": ("KpOmråde",),
            "faste": {"planstatus": "3", "plantype": "20"},
            "kolonner": {"arealplanId.planidentifikasjon": "PLAN_ID"},
            "omrade_av_soner": True,
            "epsg": 25832,
            "versjon": "1.1.0",
            "kommunefelt": "komm",
            "omfatter": ("kommunedelplan",),
        }.items()
    )
    every = loaded([rich, proposal(navn="annen")], tmp_path)
    assert every["k3218_plan"] == rich.kilde
    assert every["annen"].lag == {"KpOmråde": "p:KpOmråde"}
    assert (tmp_path / "forslag/3218.toml").exists()


foreign = st.text(min_size=1, max_size=60)


@example(lag="a\x7fb", tittel="\ud800", lisens='"""', key='a"]', grunn="x\\")
@given(lag=foreign, tittel=foreign, lisens=foreign, key=foreign, grunn=foreign)
def test_foreign_text_stays_text(tmp_path_factory, lag, tittel, lisens, key, grunn):
    one = proposal(
        more={"lag": {"KpOmråde": lag}, "lisens": lisens, "kolonner": {key: lag}}.items(),
        kandidat=kandidat(tittel=tittel, funnet=tittel),
        grunner=(grunn,),
    )
    found = loaded([one], tmp_path_factory.mktemp("g"))["k3218_plan"]
    assert found == one.kilde


def test_a_title_cannot_add_a_source(tmp_path):
    bad = 'Plan\n[ond]\ntema = "teig"\r[verre]\x85[verst]\u2028[igjen]'
    one = proposal(kandidat=kandidat(tittel=bad), grunner=(bad,), more={"lisens": bad}.items())
    every = loaded([one], tmp_path)
    assert not {"ond", "verre", "verst", "igjen"} & set(every)
    assert every["k3218_plan"].lisens == bad


def test_nothing_found_is_said_in_the_file(tmp_path):
    text = forslag.as_toml([], kommune=AAS, dag="2026-11-21")
    assert "Ingenting ble funnet" in text
    assert set(loaded([], tmp_path)) == set(kilder())


def test_the_best_goes_first():
    outside = proposal(andel_inni=0.2)
    unsure = proposal(tillit=0.5)
    odd_codes = proposal(andel_koder=0.6)
    login = proposal(kandidat=kandidat(er_aapen=False))
    arcgis = proposal(kandidat=kandidat(protokoll="arcgis"))
    best = proposal()
    found = sorted([outside, arcgis, login, odd_codes, unsure, best], key=lambda f: f.rang)
    assert found == [best, arcgis, login, odd_codes, unsure, outside]
    assert proposal(andel_inni=0.98).rang == best.rang  # near is equal


def test_a_source_is_found_again_under_its_name():
    one = forslag.source_name(AAS, "kommuneplan", "https://KART.as.kommune.no/wfs")
    assert one == forslag.source_name(AAS, "kommuneplan", "https://KART.as.kommune.no/wfs")
    assert one != forslag.source_name(AAS, "kommuneplan", "https://KART.as.kommune.no/wfs2")
    proposal(navn=one)  # a name that the registry takes


@pytest.mark.parametrize(
    ("knr", "about", "own"),
    [
        ("3218", {"eier": "Ås kommune"}, True),
        ("3218", {"eier": "", "adresse": "https://x.no/3218/wfs"}, True),
        ("3218", {"eier": "Vestby", "adresse": "https://x.no/wfs"}, False),
        ("5540", {"eier": "Gáivuotna - Kåfjord - Kaivuono"}, True),
        ("5540", {"eier": "Kåfjord kommune"}, True),
    ],
)
def test_whose_a_service_is(knr, about, own):
    assert forslag.is_own(find_kommune(knr, sandbox=False), kandidat(**about)) is own


def test_the_review_queue_points_at_the_table(tmp_path):
    case = forslag.cases([proposal()], kommune=AAS, path=tmp_path / "3218.toml")[0]
    assert case.kontroll_id == "3218-kommuneplan-forslag-k3218_plan"
    assert "3218.toml" in case.forslag
    assert "https://kart.as.kommune.no/wfs" in case.hvor


def test_a_disk_that_refuses_is_said(tmp_path):
    (tmp_path / "forslag").write_text("i veien")
    with pytest.raises(StoreError, match=r"3218\.toml"):
        forslag.write("", geodata=tmp_path, kommunenummer="3218")
