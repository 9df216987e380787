"""Facts: read from core, measured, kept to the contract, and measured again only where something changed."""

from __future__ import annotations

import math
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from config.registers import find_kommune
from tasks.contracts import HINDRE, KJERNER, TEIGER, TOMTER
from tasks.crs import STORAGE_CRS
from tasks.errors import LandError
from tasks.scoring.tomt.fakta import maal_fakta, noekler
from tasks.scoring.tomt.minne import standing
from tasks.scoring.tomt.omgivelser import Omgivelser, OmKommunen, les_omgivelser
from tasks.store import Geodata
from tasks.tomtekontrakter import (
    EIERSTRUKTUR,
    GRUNNKRETSER,
    HOLDEPLASSER,
    KONFLIKTER,
    KONTEKSTDEKNING,
    TJENESTER,
    TOMTEFAKTA,
    VEGLENKER,
)
from tests.scoring.tomt.plasser import box, frame, line, lots, roads, services, stops, surroundings, unharmed

KOMMUNE = find_kommune("7001", sandbox=True)
OWNERS = pd.DataFrame({"matrikkelenhet": ["7001-1/1/0/0"], "antall_eiere": [2], "eierslag": ["privat"]})
LOTS = lots(box(0, 0, 50, 50), box(200, 0, 260, 40), box(3000, 0, 3050, 50))


def as_contract(rows: pd.DataFrame, contract) -> pd.DataFrame:
    """Return rows with the columns of their contract, empty where they have none."""
    empty = {c: [[]] * len(rows) if kind == "texts" else None for c, kind in contract.columns.items()}
    empty |= {c: math.nan for c, kind in contract.columns.items() if kind == "number"}
    empty |= {c: False for c, kind in contract.columns.items() if kind == "flag"}
    whole = rows.assign(**{c: v for c, v in empty.items() if c not in rows})
    return whole[[*contract.columns, *(["geometry"] if contract.has_geometry else [])]]


def coverage(**known: bool) -> pd.DataFrame:
    rows = pd.DataFrame({"lag": list(known), "svar": "rader", "er_kjent": list(known.values()), "kilde": "en"})
    return as_contract(rows, KONTEKSTDEKNING)


def conflicts(*shapes) -> gpd.GeoDataFrame:
    rows = frame(shapes, lag=["flom"] * len(shapes), tema=["flom"] * len(shapes), alvor=["myk"] * len(shapes))
    return as_contract(rows, KONFLIKTER)


def whole(**changed) -> Omgivelser:
    people = frame([box(-4000, -4000, 4000, 4000)], grunnkretsnummer=["70010101"], navn=["K"], folketall=[640.0])
    known = {
        "holdeplasser": stops(Torget=(100, 100)),
        "veglenker": roads(("a", "b", line((-50, 60), (1500, 60)))),
        "tjenester": services(("skole", "613", 30, 80)),
        "grunnkretser": people.assign(areal_m2=64e6),
        "konflikter": conflicts(box(10, 10, 20, 20)),
        "dekning": coverage(flom=True),
        "om_kommunen": OmKommunen("liten", 61.5, "2026-01-01"),
    }
    return surroundings(LOTS, **(known | changed))


def test_every_fact_is_there_and_keeps_to_the_contract():
    facts = maal_fakta(whole(), unharmed(LOTS), epsg=25833)
    TOMTEFAKTA.check(facts)
    first = facts.iloc[0]
    wanted = {"byggbar_m2": 100, "er_stoppet": False, "kommuneklasse": "liten", "politikk": 61.5, "veg_m": 10}
    wanted |= {"avstand_metode": "langs veg", "tetthet_per_km2": 10, "kommunal": "ukjent", "holdeplass_navn": "Torget"}
    assert {name: first[name] for name in wanted} == wanted
    assert first["ukjente_tema"] == ["flom"]
    assert math.isnan(first["bygninger_100m"])
    assert math.isnan(first["tettsted_m"])


def test_facts_of_nothing_at_all():
    nothing = lots()
    facts = maal_fakta(surroundings(nothing), unharmed(nothing), epsg=25832)
    assert len(facts) == 0
    assert list(facts.columns) == list(TOMTEFAKTA.columns)
    TOMTEFAKTA.check(maal_fakta(surroundings(LOTS), unharmed(LOTS), epsg=25832))


def test_distances_are_those_of_the_kommunes_own_zone():
    here, own = (maal_fakta(whole(), unharmed(LOTS), epsg=epsg)["holdeplass_m"] for epsg in (25833, 25832))
    # 240 km from its meridian zone 33 draws 0.9996 × (1 + 240² / 2 / 6371²), zone 32 92 km from its own 0.9997
    assert (own / here)[:2].tolist() == pytest.approx([0.9994, 0.9994], abs=0.0001)


def test_conflicts_are_joined_by_id_not_by_place():
    measured = unharmed(LOTS)
    measured = measured._replace(tomter=measured.tomter.assign(byggbar_m2=[1.0, 2.0, 3.0]).iloc[::-1])
    assert maal_fakta(whole(), measured, epsg=25833)["byggbar_m2"].tolist() == [1, 2, 3]


def test_some_of_the_lots_have_the_facts_of_all():
    every = maal_fakta(whole(), unharmed(LOTS), epsg=25832)
    some = maal_fakta(whole().bare(["7001-000001"]), unharmed(LOTS), epsg=25832)
    pd.testing.assert_frame_equal(some, every.iloc[[1]].reset_index(drop=True))


def kept(before: Omgivelser, after: Omgivelser) -> list[str]:
    facts = maal_fakta(before, unharmed(before.tomter), epsg=25833)
    keys = noekler(after, epsg=25833)
    return [str(tomt_id)[-1] for tomt_id in keys.index[standing(facts, keys)]]


def test_nothing_new_leaves_every_lot_as_it_was_in_whatever_order_rows_come():
    base = whole(konflikter=conflicts(box(10, 10, 20, 20), box(0, 0, 5, 5)))
    turned = replace(base, konflikter=base.konflikter.iloc[::-1], tomter=base.tomter.iloc[::-1])
    assert sorted(kept(base, turned)) == ["0", "1", "2"]
    assert not standing(None, noekler(base, epsg=25833)).any()


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ({"konflikter": conflicts(box(10, 10, 20, 21))}, ["1", "2"]),  # only where it touches
        ({"konflikter": conflicts(box(10, 10, 20, 20), box(210, 5, 220, 9))}, ["0", "2"]),
        ({"konflikter": conflicts(box(10, 10, 20, 20), box(900, 5, 950, 9))}, ["0", "1", "2"]),  # on no lot
        ({"konflikter": conflicts()}, ["1", "2"]),
        ({"holdeplasser": stops(Torget=(100, 101))}, []),
        ({"holdeplasser": None}, []),
        ({"adressepunkter": frame([], adresse_id=[])}, []),  # known now, though there are none
        ({"dekning": coverage(flom=False)}, []),
        ({"om_kommunen": OmKommunen("liten", 61.6, "2026-01-01")}, []),
        ({"eierstruktur": OWNERS}, ["0", "2"]),
        ({"kjerner": frame([box(0, 0, 9, 9)], tomt_id=["7001-000002"])}, ["0", "1"]),
        ({"tomter": LOTS.assign(kjerne_m2=[5.0, 0.0, 0.0])}, ["1", "2"]),
        ({"tomter": LOTS.set_geometry([box(0, 0, 50, 51), *LOTS.geometry[1:]], crs=LOTS.crs)}, ["1", "2"]),
    ],
)  # fmt: skip
def test_what_changed_is_measured_again_and_no_more(changed, left):
    base = whole()
    assert kept(base, replace(base, **changed)) == left


# --- read from core ---


@pytest.fixture
def geodata(tmp_path) -> Geodata:
    store = Geodata(tmp_path)

    def write(rows, contract, *, layer="core"):
        store.write(as_contract(rows, contract), KOMMUNE.nummer, layer=layer, contract=contract)

    living = LOTS.assign(kommunenummer="7001", omraade_id="o", tilstand=["aktiv", "aktiv", "borte"])
    write(living, TOMTER, layer="out")
    write(frame([box(0, 0, 1, 1)], tomt_id=["7001-000000"]), KJERNER, layer="out")
    write(frame([box(0, 0, 9, 9), box(5, 5, 9, 9)], hinder_id=["a", "b"], slag=["bygning", "veg"]), HINDRE)
    write(frame([box(0, 0, 99, 99)], teig_id=["t0"], kommunenummer=["7001"]), TEIGER)
    write(stops(Torget=(100, 100)), HOLDEPLASSER)
    write(roads(("a", "b", line((0, 60), (900, 60)))), VEGLENKER)
    write(services(("skole", "613", 30, 80)), TJENESTER)
    write(whole().grunnkretser, GRUNNKRETSER)
    write(conflicts(box(10, 10, 20, 20)), KONFLIKTER)
    return store


def written(store: Geodata, **known: bool) -> Omgivelser:
    store.write(coverage(**known), KOMMUNE.nummer, layer="core", contract=KONTEKSTDEKNING)
    return les_omgivelser(KOMMUNE, store)


def test_what_is_known_is_read(geodata):
    lag = written(geodata, holdeplass=True, veg=True, grunnkrets=True, grunnkretstall=True, flom=True, bygning=True)
    assert lag.tomter["tomt_id"].tolist() == ["7001-000000", "7001-000001"]  # the living
    assert lag.bygninger["hinder_id"].tolist() == ["a"]  # a road is none
    assert [len(f) for f in (lag.holdeplasser, lag.veglenker, lag.tjenester, lag.grunnkretser)] == [1, 1, 1, 1]
    assert lag.grunnkretser["folketall"].tolist() == [640]
    assert lag.tettsteder is None  # never fetched
    assert lag.adressepunkter is None
    assert lag.eierstruktur is None


def test_an_old_frame_of_a_layer_that_is_not_known_is_not_read_but_old_conflicts_are(geodata):
    lag = written(geodata, holdeplass=False, grunnkrets=True, grunnkretstall=False, flom=False, bygning=False)
    assert lag.holdeplasser is None
    assert lag.veglenker is None  # no row: never asked for
    assert lag.tjenester is None
    assert lag.bygninger is None  # though the land run left some
    assert np.isnan(lag.grunnkretser["folketall"]).all()
    assert len(lag.konflikter) == 1


def test_owners_that_were_looked_up_are_read(geodata):
    geodata.write(as_contract(OWNERS, EIERSTRUKTUR), "7001", layer="core", contract=EIERSTRUKTUR)
    lag = written(geodata)
    assert maal_fakta(lag, unharmed(lag.tomter), epsg=25833)["antall_eiere"][1] == 2


def test_without_context_everything_is_unknown_and_without_lots_it_says_so(geodata, tmp_path):
    lag = les_omgivelser(KOMMUNE, geodata)
    assert len(lag.dekning) == 0
    assert (lag.bygninger, lag.tjenester) == (None, None)
    assert lag.tomter.crs == STORAGE_CRS
    with pytest.raises(LandError, match=r"7001 .*out/tomter is not there. Run `tomt run 7001`"):
        les_omgivelser(KOMMUNE, Geodata(tmp_path / "empty"))
