"""What is not known never earns a point: layer by layer switched off, from core to cards."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from config.konflikt import konflikter
from config.registers import find_kommune
from config.tomtprofil import tomtprofil
from tasks.contracts import FLAG, HINDRE, KJERNER, NUMBER, TEXTS, TOMTER, Contract
from tasks.scoring.tomt.fakta import maal_fakta
from tasks.scoring.tomt.konflikt import maal_konflikt
from tasks.scoring.tomt.omgivelser import Omgivelser, OmKommunen, les_omgivelser
from tasks.scoring.tomt.poeng import gi_poeng
from tasks.scoring.tomt.regler import Regler
from tasks.store import Geodata
from tasks.tomtekontrakter import (
    ADRESSEPUNKTER,
    GRUNNKRETSER,
    HOLDEPLASSER,
    KONFLIKTER,
    KONTEKSTDEKNING,
    TETTSTEDER,
    TJENESTER,
    VEGLENKER,
)
from tests.scoring.tomt.plasser import at, box, frame, line

KOMMUNE = find_kommune("7001", sandbox=True)
OM = OmKommunen("mellom", 61.5, "2026-01-01")
OMGIVELSER = ("tettsted", "grunnkrets", "grunnkretstall", "holdeplass", "veg", "adressepunkt", "bygning")
LAG = (*konflikter().lag, *OMGIVELSER)
LOTS = 24
HALF = 6_000
"""Half the side of the land that is drawn, metres."""


def filled(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Return rows with every column of their contract."""
    empty = {NUMBER: float("nan"), FLAG: False}
    missing = {c: kind for c, kind in contract.columns.items() if c not in rows}
    more = {c: [[]] * len(rows) if kind == TEXTS else empty.get(kind) for c, kind in missing.items()}
    return rows.assign(**more)[[*contract.columns, *(["geometry"] if contract.has_geometry else [])]]


def coverage(*dark: str) -> pd.DataFrame:
    known = [lag not in dark for lag in LAG]
    rows = pd.DataFrame({"lag": LAG, "svar": ["rader" if k else "feilet" for k in known], "er_kjent": known})
    day = "2026-11-19T02:00:00+00:00"
    return filled(rows.assign(kilde="en", hentet_tid=day, sett_tid=day, alder_dager=1.0), KONTEKSTDEKNING)


def spread(rng: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """Return places, most of them near the middle."""
    return [(float(x), float(y)) for x, y in rng.normal(0, 900, (count, 2))]


@pytest.fixture(scope="module")
def geodata(tmp_path_factory) -> Geodata:
    """Return a town on the land of one kommune, with everything that lies around its lots."""
    rng, store = np.random.default_rng(8), Geodata(tmp_path_factory.mktemp("ukjent"))

    def write(rows: pd.DataFrame, contract: Contract, *, layer: str = "core") -> None:
        store.write(filled(rows, contract), KOMMUNE.nummer, layer=layer, contract=contract)

    ids = [f"7001-{k:06d}" for k in range(LOTS)]
    shapes = [box(x, y, x + 90, y + 70) for x, y in spread(rng, LOTS)]
    cores = [shape.buffer(-10) for shape in shapes]
    lots = frame(shapes, tomt_id=ids, kommunenummer=["7001"] * LOTS, areal_m2=[6300.0] * LOTS, teig_id=ids)
    own = {"kjerne_m2": [c.area for c in cores], "omraade_id": ["o"] * LOTS, "tilstand": ["aktiv"] * LOTS}
    write(lots.assign(**own, matrikkelenheter=[[i] for i in ids]), TOMTER, layer="out")
    write(frame(cores, tomt_id=ids, areal_m2=own["kjerne_m2"]), KJERNER, layer="out")
    houses, points = spread(rng, 400), spread(rng, 400)
    write(frame([at(*p) for p in houses], hinder_id=list(map(str, range(400))), slag=["bygningspunkt"] * 400), HINDRE)
    write(frame([at(*p) for p in points], adresse_id=list(map(str, range(400)))), ADRESSEPUNKTER)
    town = box(-700, -700, 700, 700)
    write(frame([town], tettstedsnummer=["1"], navn=["Byen"], folketall=[9000.0]), TETTSTEDER)
    cells = [(x, y) for x in range(-HALF, HALF, 600) for y in range(-HALF, HALF, 600)]
    people = frame([box(x, y, x + 600, y + 600) for x, y in cells], navn=["K"] * len(cells))
    people["grunnkretsnummer"] = [f"7001{k:04d}" for k in range(len(cells))]
    write(people.assign(areal_m2=360_000.0, folketall=rng.integers(0, 90, len(cells)).astype(float)), GRUNNKRETSER)
    places = spread(rng, 6)
    write(frame([at(*p) for p in places], stopp_id=list("abcdef"), navn=list("ABCDEF")), HOLDEPLASSER)
    ways = [line((x, -HALF), (x, 0), (x, HALF)) for x in range(-1500, 1501, 500)] + [line((-1500, 0), (1500, 0))]
    ends = {"fra_node": [f"a{k}" for k in range(len(ways))], "til_node": [f"b{k}" for k in range(len(ways))]}
    write(frame(ways, lenke_id=[f"l{k}" for k in range(len(ways))], vegkategori=["K"] * len(ways), **ends), VEGLENKER)
    kinds = ["skole", "barnehage", "dagligvare"]
    write(frame([at(*p) for p in places[:3]], tjeneste_id=kinds, slag=kinds, bygningstype=["613"] * 3), TJENESTER)
    rows = [(lag, of.tema, ("stopp", "hard", "myk")[k % 3], p) for k, (lag, of) in enumerate(konflikter().lag.items())
            for p in spread(rng, 4)]  # fmt: skip
    bound = frame([box(x, y, x + 120, y + 90) for *_, (x, y) in rows], lag=[r[0] for r in rows])
    write(bound.assign(tema=[r[1] for r in rows], alvor=[r[2] for r in rows]), KONFLIKTER)
    return store


class Kjent(NamedTuple):
    """The town with everything known."""

    lag: Omgivelser
    fakta: pd.DataFrame
    poeng: pd.DataFrame


def read(geodata: Geodata, dekning: pd.DataFrame) -> Omgivelser:
    geodata.write(dekning, KOMMUNE.nummer, layer="core", contract=KONTEKSTDEKNING)
    return les_omgivelser(KOMMUNE, geodata, om_kommunen=OM)


def points(lag: Omgivelser, fakta: pd.DataFrame | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return facts, and poeng and ukjent of each part of each lot; of facts given only what conflicts say is new."""
    regler = Regler.fra_config()
    found = maal_konflikt(
        lag.tomter, lag.kjerner, lag.konflikter, dekning=lag.dekning, register=regler.konflikter, epsg=25833
    )
    keys = pd.Series("n", index=lag.tomter["tomt_id"])
    facts = maal_fakta(lag, found, epsg=25833, noekkel=keys) if fakta is None else fakta.assign(**found.tomter)
    kort = gi_poeng(facts, found.andeler, profil=tomtprofil(None), regler=regler, dekning=lag.dekning)
    return facts, kort.set_index(["tomt_id", "faktor", "del"])[["poeng", "ukjent"]]


@pytest.fixture(scope="module")
def known(geodata) -> Kjent:
    lag = read(geodata, coverage())
    return Kjent(lag, *points(lag))


def not_raised(known: pd.DataFrame, dark: pd.DataFrame) -> bool:
    """Check that no part earns more than it did, and that the range holds what it was."""
    most = dark.sum(axis=1).groupby("tomt_id").sum()
    assert (dark["poeng"] <= known["poeng"] + 1e-9).all()
    assert (most >= known["poeng"].groupby("tomt_id").sum() - 1e-9).all()
    return bool(dark["ukjent"].sum() > known["ukjent"].sum())


def test_the_town_gives_points_for_everything_that_is_switched_off(known):
    earned = known.poeng.groupby(["faktor", "del"])["poeng"].max()
    assert (earned.drop(index=["politikk", "eier"], level="faktor") > 0).mean() > 0.9
    assert known.poeng["poeng"].groupby("tomt_id").sum().nunique() > LOTS / 2


@pytest.mark.parametrize("lag", OMGIVELSER)
def test_surroundings_that_are_not_known_raise_no_score_and_the_range_holds_what_it_was(geodata, known, lag):
    assert not_raised(known.poeng, points(read(geodata, coverage(lag)))[1])


@pytest.mark.parametrize("lag", konflikter().lag)
def test_a_layer_of_conflict_that_is_not_known_raises_no_score_and_the_range_holds_what_it_was(known, lag):
    is_wider = not_raised(known.poeng, points(replace(known.lag, dekning=coverage(lag)), known.fakta)[1])
    assert is_wider == any(lag in tema.trengs for tema in konflikter().tema.values())
