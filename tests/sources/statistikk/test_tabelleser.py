"""Tables one after the other: which faults last, what is counted, and what a table says of itself."""

from __future__ import annotations

import pytest

from config.statistikk import Tabell
from tasks.sources.statistikk import tabelleser
from tasks.sources.statistikk.tabelleser import DOWN_AFTER, Tabelleser
from tasks.sources.statistikk.tabellplan import Deltakere
from tasks.sources.statistikk.tidsserie import Kommunenumre
from tasks.sources.statistikk.utfall import Sist
from tests.sources.statistikk.pxbord import TABELL, Bord, Klokke, klient, refuse, regler

KOMMUNER = Deltakere(Kommunenumre(["0301", "3207", "3218"], []))


def table(**changed) -> Tabell:
    measure = {"navn": "folk", "kode": "Folkemengde", "etikett": "folk", "enhet": "antall", "er_additiv": True}
    fixed = {
        "id": TABELL,
        "etikett": "befolkning",
        "region": "Region",
        "perioder": 2,
        "forsinkelse_aar": 0,
        "maks_alder_aar": 2,
    }
    return Tabell.model_validate({**fixed, "maal": [measure], **changed})


@pytest.fixture
def bord(upstream) -> Bord:
    bord = Bord()
    upstream.answer = bord
    return bord


@pytest.fixture
def read(upstream, geodata, tmp_path):
    """Read tables in one run."""

    def read(*tables: Tabell, klokke: Klokke | None = None):
        sist = Sist(geodata, tmp_path, er_oppdiktet=False)
        with klient(upstream.url, tmp_path / "ssb", klokke, rules=regler(forsoek=1)) as px:
            reader = Tabelleser(px, KOMMUNER, sist, er_oppdiktet=False, flere_perioder=0, aar=2026)
            return [reader.read(its) for its in tables or (table(),)]

    return read


def page(handler) -> None:
    handler.send(b"<!DOCTYPE html><title>Vedlikehold</title>", "text/html")


def negative(handler) -> None:
    answer = Bord().dataset(
        {"Region": ["0301", "3207", "3218"], "ContentsCode": ["Folkemengde"], "Tid": ["2023", "2024"]}
    )
    handler.json(answer | {"value": [-5] * len(answer["value"])})


@pytest.mark.parametrize(
    ("fault", "lasts", "asked"),
    [
        (page, False, 2),
        (negative, False, 2),
        (lambda h: h.send(b"", status=500), False, 2),
        pytest.param(lambda h: h.send(b"", status=401), False, 2, marks=pytest.mark.long),
        pytest.param(lambda h: h.send(b"{"), False, 2, marks=pytest.mark.long),
        (lambda h: refuse(h, 400, "Non-existent value"), True, 2),
    ],
)
def test_only_what_no_longer_agrees_lasts_and_every_request_counts(upstream, read, fault, lasts, asked):
    bord = Bord()
    upstream.answer = lambda handler: (fault if "/data" in handler.path else bord)(handler)
    (got,) = read()
    assert (got.svar, got.er_varig, got.foresporsler) == ("mangler", lasts, asked)
    assert got.grunn.startswith("SSB 06913")


@pytest.mark.parametrize(
    ("changed", "asked"),
    [({"id": "06914"}, 1), ({"etikett": "biler"}, 1), ({"region": "Kommune"}, 1)],
)
def test_a_table_that_is_no_more_what_it_was_lasts(bord, read, changed, asked):
    (got,) = read(table(**changed))
    assert (got.svar, got.er_varig, got.foresporsler) == ("mangler", True, asked)


def test_a_discontinued_table_says_so_and_may_be_replaced_once_it_is_too_old(bord, read):
    its = table(avsluttet=2024)
    young, old = read(its, table(avsluttet=2024, maks_alder_aar=1))
    assert (young.grunn, young.svar, young.er_varig) == ("avsluttet, siste år 2024", "hentet", False)
    assert (old.grunn, old.kom, old.er_varig) == ("avsluttet, siste år 2024", True, True)
    (goes_on,) = read(table(maks_alder_aar=1))
    assert (goes_on.grunn, goes_on.er_varig) == (None, False)


def test_metadata_on_disk_that_the_table_has_outgrown_are_asked_for_again(bord, read):
    klokke = Klokke()
    read(klokke=klokke)
    bord.oppdatert, bord.variabler["Tid"] = "2027-02-25T07:00:00Z", ["2024", "2025"]
    (unseen,) = read(klokke=klokke)  # all that is asked for lies on disk
    assert unseen.foresporsler == 0
    (got,) = read(table(perioder=3), klokke=klokke)
    assert (got.svar, got.foresporsler) == ("hentet", 3)
    assert sorted(got.rader["aar"].unique()) == [2024, 2025]


@pytest.mark.parametrize("fault", [page, pytest.param(lambda h: h.send(b"", status=404), marks=pytest.mark.long)])
def test_after_a_few_tables_without_a_usable_answer_no_other_is_asked_for(upstream, read, fault):
    upstream.answer = fault
    got = read(*(table(id=f"0691{n}") for n in range(DOWN_AFTER + 2)))
    assert [its.foresporsler for its in got] == [1] * DOWN_AFTER + [0, 0]
    assert len(upstream.asked) == tabelleser.DOWN_AFTER
