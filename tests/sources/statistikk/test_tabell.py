"""One table: what is asked is checked, groups are added up, the country and invented kommuner are told apart."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from config.registers import invented_kommuner, kommune_register
from config.statistikk import Tabell, Utvalg, statistikk
from tasks.kommunekontrakter import LANDET
from tasks.sandbox.statistikk import Feil
from tasks.sandbox.statistikk.inndeling import endringer
from tasks.sources.statistikk import tabell
from tasks.sources.statistikk.feil import BadAnswerError, ChangedLabelError, UnknownCodeError, UnknownVariableError
from tasks.sources.statistikk.metadata import Metadata, Variabel
from tasks.sources.statistikk.pxweb import PxWeb
from tasks.sources.statistikk.tabell import add_up_groups, read_table
from tasks.sources.statistikk.tabellplan import Deltakere, plan_table, without_codelist
from tasks.sources.statistikk.tidsserie import Endring, Kommunenumre
from tests.sources.conftest import shared
from tests.sources.statistikk.tjener import tjener

ALDER = {"000": "0 år", "001": "1 år", "002": "2 år", "105+": "105 år eller eldre"}
TWO = Deltakere(Kommunenumre(["3207", "0099"], [Endring("2024-01-01", "3020", "3207")]), frozenset({"0099"}))


def metadata(**changed):
    variables = {
        "Region": Variabel("12345", "Region", "region", {n: n for n in ("0", "3020", "3207")}, False, ("agg_K",)),
        "Alder": Variabel("12345", "Alder", "alder", ALDER, True),
        "ContentsCode": Variabel(
            "12345", "ContentsCode", "statistikkvariabel", {"A": "Boliger per 1 000 innbyggere"}, False
        ),
        "Tid": Variabel("12345", "Tid", "år", {str(y): str(y) for y in (2025, 2023, 2024)}, False),
    }
    return Metadata("12345", "Boliger, etter region", "2026-01-01", {**variables, **changed})


def table(**changed):
    measure = {"navn": "boliger", "kode": "A", "etikett": "per 1000", "enhet": "antall", "er_additiv": True}
    fixed = {
        "id": "12345",
        "etikett": "boliger|husholdninger",
        "region": "Region",
        "perioder": 2,
        "forsinkelse_aar": 1,
        "maks_alder_aar": 3,
        "maal": [measure | changed.pop("maal", {})],
    }
    return Tabell.model_validate({**fixed, **changed})


def asked(plan):
    return {v.variabel: v.koder for v in plan.numre}


def test_newest_periods_and_known_numbers_are_asked_for():
    plan = plan_table(metadata(), table(land="0"), TWO)
    assert asked(plan) == {"Region": ("3020", "3207", "0"), "ContentsCode": ("A",), "Tid": ("2024", "2025")}
    assert plan.merknader == ()
    assert plan_table(metadata(), table(), TWO, flere_perioder=5).perioder == ("2023", "2024", "2025")


def test_periods_by_name_and_expression():
    months = {f"{y}M{m:02d}": "" for y in (2019, 2020) for m in (10, 11)}
    monthly = metadata(Tid=Variabel("12345", "Tid", "måned", months, False))
    assert plan_table(monthly, table(perioder=None, tid=["????M11"]), TWO).perioder == ("2019M11", "2020M11")
    assert plan_table(metadata(), table(perioder=None, tid=["først", "2025"]), TWO).perioder == ("2023", "2025")
    with pytest.raises(UnknownCodeError, match="2050"):
        plan_table(metadata(), table(perioder=None, tid=["2050"]), TWO)


def test_code_list_is_used_where_the_table_has_it():
    plan = plan_table(metadata(), table(kodeliste="agg_K", prefiks="K-", land="0"), TWO)
    assert plan.kodeliste[0].koder == ("K-3207",)
    assert plan.kodeliste[0].kodeliste == "agg_K"
    assert asked(plan)["Region"] == ("0",)
    plan = plan_table(metadata(), table(kodeliste="agg_X", prefiks="K-"), TWO)
    assert plan.kodeliste is None
    assert asked(plan)["Region"] == ("3020", "3207")
    assert plan.merknader == ("kodelisten agg_X finnes ikke: ført videre med Klass",)


@pytest.mark.parametrize("newest", ["Hele", "9999", "2025 eller så", "0301", "²024"])
def test_a_period_that_is_no_year_is_refused(newest):
    odd = metadata(Tid=Variabel("12345", "Tid", "år", {"2023": "", newest: ""}, False))
    with pytest.raises(BadAnswerError, match=r"12345, Tid: .* is no period of a year"):
        plan_table(odd, table(), TWO)
    of_places = Metadata("12345", "Boliger", "", metadata().variabler, tid="Region")
    with pytest.raises(BadAnswerError, match="no period of a year"):
        plan_table(of_places, table(), TWO)


def test_a_table_without_any_period_is_refused():
    with pytest.raises(BadAnswerError, match="no period at all"):
        plan_table(metadata(Tid=Variabel("12345", "Tid", "år", {}, False)), table(), TWO)


def test_a_discontinued_table_says_so_with_its_last_year():
    over = Metadata("12345", "Boliger", "", metadata().variabler, er_avsluttet=True)
    assert plan_table(over, table(), TWO).merknader == ("avsluttet, siste år 2025",)
    assert plan_table(metadata(), table(avsluttet=2025), TWO).merknader == ("avsluttet, siste år 2025",)


def test_country_that_the_table_has_not_is_told():
    assert plan_table(metadata(), table(land="EAK"), TWO).merknader == ("landstall mangler: koden EAK finnes ikke",)


@pytest.mark.parametrize(
    ("changed", "error", "said"),
    [
        ({"etikett": "biler"}, ChangedLabelError, "'Boliger, etter region', not 'biler'"),
        ({"region": "Kommune"}, UnknownVariableError, "no variable 'Kommune'"),
        ({"maal": {"kode": "B"}}, UnknownCodeError, "no code 'B'"),
        ({"maal": {"etikett": "husholdninger"}}, ChangedLabelError, "not 'husholdninger' as expected"),
        ({"maal": {"kode": "B", "etikett": "x", "er_bekreftet": False}}, UnknownCodeError, "no code 'B'"),
        ({"utvalg": [{"variabel": "Kjonn", "etikett": "kjønn", "koder": {"0": ""}}]}, UnknownVariableError, "Kjonn"),
        ({"utvalg": [{"variabel": "Alder", "etikett": "alder", "koder": {"003": ""}}]}, UnknownCodeError, "003"),
        ({"utvalg": [{"variabel": "Alder", "etikett": "alder", "koder": {"001": "2 år"}}]}, ChangedLabelError, "1 år"),
        (
            {
                "utvalg": [
                    {"variabel": "Alder", "etikett": "alder", "grupper": [{"navn": "x", "fra": "002", "til": "000"}]}
                ]
            },
            UnknownCodeError,
            "stands before",
        ),
    ],
)
def test_what_does_not_agree_is_an_error_that_names_it(changed, error, said):
    with pytest.raises(error, match=said) as caught:
        plan_table(metadata(), table(**changed), TWO)
    assert "12345" in str(caught.value)
    assert "config/statistikk.toml" in str(caught.value)


def test_a_code_that_was_a_guess_is_found_by_its_label_and_told():
    plan = plan_table(metadata(), table(maal={"kode": "KOSx", "er_bekreftet": False}), TWO)
    assert plan.koder == {"boliger": "A"}
    assert plan.merknader == ("koden KOSx er byttet med A: «Boliger per 1 000 innbyggere»",)


def test_numbers_are_not_taken_for_percents():
    content = Variabel("12345", "ContentsCode", "x", {"A": "Ledige per 1000"}, False, (), {"A": "personer"})
    with pytest.raises(ChangedLabelError, match="counted in 'personer'"):
        plan_table(metadata(ContentsCode=content), table(maal={"enhet": "prosent"}), TWO)


def test_table_without_any_kommune_is_an_error():
    region = Variabel("12345", "Region", "region", {"03": "Oslo"}, False)
    with pytest.raises(UnknownCodeError, match="no kommune"):
        plan_table(metadata(Region=region), table(), TWO)


def test_groups_are_added_up():
    figures = {"3207": [1.0, 2.0, 4.0, 8.0], "3218": [1.0, ":", 4.0, "."], "0301": [".", ".", "..", 8.0]}
    frame = pd.DataFrame(
        [
            {
                "nummer": number,
                "maal": "folk",
                "periode": "2025",
                "Alder": code,
                "verdi": np.nan if isinstance(value, str) else value,
                "status": value if isinstance(value, str) else None,
            }
            for number, values in figures.items()
            for code, value in zip(ALDER, values, strict=True)
        ]
    ).sample(frac=1, random_state=1)
    made = add_up_groups(frame, "Alder", {"0-1": ["000", "001"], "2+": ["002", "105+"], "alle": list(ALDER)})
    got = {(r.nummer, r.gruppe): r.status if np.isnan(r.verdi) else r.verdi for r in made.itertuples()}
    assert got == {
        ("3207", "0-1"): 3,
        ("3207", "2+"): 12,
        ("3207", "alle"): 15,
        ("3218", "0-1"): ":",
        ("3218", "2+"): 4,
        ("3218", "alle"): ":",
        ("0301", "0-1"): ".",
        ("0301", "2+"): "..",
        ("0301", "alle"): "..",
    }


# --- with a server ---


@pytest.fixture(scope="module")
def feil():
    return Feil()


@pytest.fixture(scope="module")
def px(tmp_path_factory, feil):
    with tjener(feil) as url:
        rules = statistikk().ssb
        folder = tmp_path_factory.mktemp("ssb")
        with PxWeb(rules, adresse=rules.address(url), mappe=folder, contact=None) as client:
            yield client


@pytest.fixture(scope="module")
def alle():
    invented = frozenset(k.nummer for k in invented_kommuner())
    changes = [Endring(c.dato.isoformat(), c.gammel, c.ny) for c in endringer()]
    return Deltakere(Kommunenumre({k.nummer for k in kommune_register().kommune} | invented, changes), invented)


def read(px, alle, number, **changed):
    its = next(t for t in statistikk().tabell if t.id == number)
    return read_table(px, plan_table(px.metadata(number), its.model_copy(update=changed), alle), alle)


def test_all_kommuner_have_their_people_and_the_country_their_sum(px, alle):
    rows = read(px, alle, "06913")
    newest = rows[rows.aar == 2026].set_index("kommunenummer").verdi
    assert set(newest.index) == {*alle.numre.idag, LANDET}
    assert newest[LANDET] == newest[list(alle.ekte)].sum()
    assert (rows.kode == "Folkemengde").all()
    of_2012 = rows[rows.aar == 2012].set_index("kommunenummer")
    assert of_2012.verdi.notna().sum() > 340
    assert of_2012.status["1508"] == "delt 2024"
    assert of_2012.verdi[LANDET] > of_2012.verdi[list(alle.ekte)].sum()


def test_both_ways_to_carry_over_agree(px, alle):
    its = next(t for t in statistikk().tabell if t.id == "07459").model_copy(update={"perioder": 1})
    small = Utvalg.model_validate({"variabel": "Alder", "etikett": "alder", "koder": {"020": "20"}})
    plan = plan_table(px.metadata("07459"), its.model_copy(update={"utvalg": (small,), "perioder": 4}), alle)
    assert plan.kodeliste is not None
    listed = read_table(px, plan, alle).set_index(["kommunenummer", "aar"])
    numbered = read_table(px, without_codelist(plan, alle), alle).set_index(["kommunenummer", "aar"])
    both = listed.verdi.to_frame("a").join(numbered.verdi.rename("b"))
    assert len(both) == len(listed) == len(numbered)
    assert both.a.isna().equals(both.b.isna())
    assert (both.a.dropna() == both.b.dropna()).all()
    assert listed.status.to_dict() == numbered.status.to_dict()


def unlikely(enhet, verdi):
    rows = pd.DataFrame({"maal": ["annet", "boliger", "boliger"], "verdi": [-1e20, np.nan, verdi]})
    tabell._check_range(rows, table(maal={"enhet": enhet}))


@pytest.mark.parametrize(("enhet", "verdi"), [("prosent", -12.5), ("prosent", 100), ("antall", 0), ("kr", 690_000)])
def test_figures_that_can_be_are_believed(enhet, verdi):
    unlikely(enhet, verdi)


@pytest.mark.parametrize(
    ("enhet", "verdi"), [("prosent", 690_000), ("prosent", -151), ("antall", -5), ("kr", -1), ("promille", 1e300)]
)
def test_figures_that_cannot_be_are_refused(enhet, verdi):
    with pytest.raises(BadAnswerError, match=rf"12345, boliger: .* {enhet} cannot be"):
        unlikely(enhet, verdi)


def test_quoted_answers_of_ssb_hold_what_the_config_asks_for():
    quoted = json.loads(shared("data/pxwebapi_v2/ssb_quoted_answers_config_errors.json").read_text(encoding="utf-8"))
    its = {t.id: t for t in statistikk().tabell}
    assert its["12134"].maal[0].kode in quoted["12134"]["url"]
    assert its["12134"].land in quoted["12134"]["values"]
    assert its["07459"].maal[0].kode in quoted["07459"]["url"]
