"""The nearest address of each lot: right against brute force, with few questions, and never at the cost of a run."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import geopandas as gpd
import httpx
import numpy as np
import pandas as pd
import pytest
import shapely
from fastapi import FastAPI
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.registers import Kommune, regler
from tasks.contracts import ADRESSER, TOMTER
from tasks.crs import STORAGE_EPSG
from tasks.errors import SourceError
from tasks.sandbox.adresser import PREFIX, Adresser, Question, create_router, punktsok
from tasks.sandbox.kommune import invent
from tasks.sandbox.serve import Server
from tasks.sources.adresseplan import nearest, places, plan_questions
from tasks.sources.adresser import look_up, read_adresser
from tasks.sources.adressesok import PER_SIDE, Ask, Circle, Svar, ask_with, read_page
from tasks.sources.http import Client
from tasks.sources.limits import Limits
from tasks.store import Geodata
from tests.waiting import PATIENCE_S

from .conftest import Handler, Upstream, make_settings

TODAY = date(2026, 11, 21)
RULES = regler().adresse
# In the far west, the middle and the far east of UTM33, where the plane stretches differently.
CORNERS = [(-120_000.0, 6_740_000.0), (300_000.0, 7_750_000.0), (1_100_000.0, 7_850_000.0)]


class AddressServer(Server):
    name = "addresses"

    def make_app(self) -> FastAPI:
        app = FastAPI()
        app.include_router(create_router())
        return app


@pytest.fixture(scope="module")
def server() -> Iterator[AddressServer]:
    with AddressServer() as running:  # the first question draws the kommuner
        httpx.get(
            running.url + PREFIX + "/punktsok?lat=7990000&lon=1000000&koordsys=25833&radius=1", timeout=PATIENCE_S
        )
        yield running


def lots(shapes: list[shapely.Geometry], knr: str = "7002") -> gpd.GeoDataFrame:
    """Return living lots, each with its point inside."""
    filler = {"text": "x", "texts": ["x"], "number": 1.0, "flag": False}
    data: dict[str, Any] = {c: [filler[kind]] * len(shapes) for c, kind in TOMTER.columns.items()}
    points = shapely.point_on_surface(shapes) if shapes else []
    data |= {"tomt_id": [f"{knr}-{k:06}" for k in range(len(shapes))], "tilstand": "aktiv", "kommunenummer": knr}
    data |= {"ost_25833": shapely.get_x(points), "nord_25833": shapely.get_y(points)}
    return gpd.GeoDataFrame(data, geometry=list(shapes), crs=STORAGE_EPSG)


def teiger(knr: str, most: int) -> gpd.GeoDataFrame:
    return lots([t.geometri for t in invent(knr).teiger[:most]], knr)


def register(xy: np.ndarray) -> Adresser:
    rows = [
        {"adressetekstutenadressetilleggsnavn": f"Veien {k:05}", "postnummer": f"{k % 10_000:04}", "poststed": "STED"}
        for k in range(len(xy))
    ]
    return Adresser.at(rows, xy)


def asking(adresser: Adresser, log: list[tuple[Circle, int]]) -> Ask:
    """Ask the sandbox's own search, without a server between."""

    def ask(circle: Circle, page: int) -> Svar:
        log.append((circle, page))
        asked = Question(circle.nord, circle.ost, circle.asked_radius_m, 25833, 25833, page, PER_SIDE)
        return read_page(punktsok(adresser, asked), circle, where="here")

    return ask


def counted(ask: Ask, log: list[tuple[Circle, int]]) -> Ask:
    def counting(circle: Circle, page: int) -> Svar:
        log.append((circle, page))
        return ask(circle, page)

    return counting


def check_against_brute_force(found: pd.DataFrame, tomter: gpd.GeoDataFrame, xy: np.ndarray, most: float) -> None:
    """Compare with the distance from every lot to every address."""
    points = shapely.points(xy)
    rows = found.set_index("tomt_id")
    for tomt_id, shape in zip(tomter["tomt_id"], tomter.geometry, strict=True):
        distance = shapely.distance(shape, points)
        row = rows.loc[tomt_id]
        if len(distance) == 0 or distance.min() > most:
            assert row["adresse"] is None
            assert math.isnan(row["avstand_m"])
        else:
            assert row["avstand_m"] == pytest.approx(distance.min(), abs=0.051)
            assert distance[int(row["adresse"].removeprefix("Veien "))] == pytest.approx(distance.min(), abs=0.001)


# --- planning ---


@given(
    st.lists(st.tuples(st.integers(-9_000, 9_000), st.integers(-9_000, 9_000), st.integers(1, 700)), max_size=60),
    st.sampled_from([600.0, 1_000.0, 5_000.0]),
)
def test_every_lot_is_in_one_circle_with_all_that_is_near(rows, radius) -> None:
    points = np.array(rows, dtype=float).reshape(-1, 3)
    circles = plan_questions(points, range(len(points)), maks_avstand_m=500, maks_radius_m=radius)
    assert sorted(k for c in circles for k in c.tomter) == list(range(len(points)))
    for c in circles:
        for x, y, reach in points[list(c.tomter)]:
            assert math.hypot(x - c.ost, y - c.nord) + reach + 500 <= c.radius_m + 1e-6
        in_one_spot = len({tuple(points[k, :2]) for k in c.tomter}) == 1
        assert c.radius_m <= radius or in_one_spot


def test_neighbours_share_a_circle() -> None:
    points = np.array([[100.0 * k, 0.0, 20.0] for k in range(11)])
    (circle,) = plan_questions(points, range(11), maks_avstand_m=500, maks_radius_m=2_000)
    assert (circle.ost, circle.nord, circle.radius_m) == (500, 0, 1020)
    assert circle.asked_radius_m == 1032  # whole metres, and 1 % more: the API measures otherwise


def test_on_the_lot_the_one_nearest_its_point_is_taken() -> None:
    tomter = lots([shapely.box(0, 0, 100, 100)])
    adresser = gpd.GeoDataFrame(
        {"adresse": ["A", "D", "B", "C"], "postnummer": "0001", "poststed": "X"},
        geometry=gpd.points_from_xy([5, 52, 52, 101], [5, 50, 50, 50]),
        crs=STORAGE_EPSG,
    )
    assert nearest(tomter, adresser, maks_avstand_m=500).iloc[0].tolist() == ["B", "0001", "X", 0.0]


# --- right ---


TOWNS = given(
    seed=st.integers(0, 2**32 - 1),
    counts=st.tuples(st.integers(0, 25), st.integers(1, 4_000)),
    spread=st.sampled_from([300.0, 3_000.0, 12_000.0]),
    corner=st.sampled_from(CORNERS),
)


@TOWNS
@example(seed=1, counts=(25, 4_000), spread=300.0, corner=CORNERS[2])
@settings(max_examples=8)
def test_what_is_found_is_the_nearest(seed, counts, spread, corner) -> None:
    find_the_nearest(seed, counts, spread, corner)


@pytest.mark.long
@TOWNS
@settings(max_examples=60)
def test_what_is_found_is_the_nearest_long(seed, counts, spread, corner) -> None:
    find_the_nearest(seed, counts, spread, corner)


def find_the_nearest(seed: int, counts: tuple[int, int], spread: float, corner: tuple[float, float]) -> None:
    """Look up lots in and around three towns, and compare with the distance to every address."""
    rng = np.random.default_rng(seed)
    middles = rng.normal(corner, spread, (counts[0], 2))
    sides = rng.uniform(10, 400, (counts[0], 2))
    shapes = [shapely.box(*(m - s / 2), *(m + s / 2)) for m, s in zip(middles, sides, strict=True)]
    towns = rng.normal(corner, spread, (3, 2))
    xy = towns[rng.integers(0, 3, counts[1])] + rng.normal(0, spread / 4, (counts[1], 2))
    tomter, log = lots(shapes), []
    frame, _ = look_up(tomter, None, asking(register(xy), log), today=TODAY, rules=RULES)
    ADRESSER.check(frame)
    if len(frame) or not log:  # where nothing at all was answered, nothing is concluded
        check_against_brute_force(frame, tomter, xy, RULES.maks_avstand_m)
    else:
        assert all(shapely.distance(s, shapely.points(xy)).min() > RULES.maks_avstand_m for s in shapes)


@pytest.mark.long
def test_a_city_beyond_the_reach_of_one_circle() -> None:
    rng = np.random.default_rng(3)
    xy = np.array(CORNERS[0]) + rng.uniform(-1_900, 1_900, (16_000, 2))
    middles = np.array(CORNERS[0]) + rng.uniform(-1_900, 1_900, (60, 2))
    tomter, log = lots([shapely.box(*(m - 20), *(m + 20)) for m in middles]), []
    frame, account = look_up(tomter, None, asking(register(xy), log), today=TODAY, rules=RULES)
    check_against_brute_force(frame, tomter, xy, 500)
    assert len(frame) == 60
    assert account.merknader["spørsmål til adressetjenesten"] == len(log) <= 25


def test_a_lot_alone_in_a_city_takes_one_page() -> None:
    rng = np.random.default_rng(4)
    xy = np.array(CORNERS[1]) + rng.uniform(-600, 600, (9_000, 2))
    log: list[tuple[Circle, int]] = []
    tomter = lots([shapely.box(*CORNERS[1], CORNERS[1][0] + 30, CORNERS[1][1] + 30)])
    frame, _ = look_up(tomter, None, asking(register(xy), log), today=TODAY, rules=RULES)
    check_against_brute_force(frame, tomter, xy, 500)
    assert len(log) == 1


def test_what_lies_beyond_a_page_may_be_nearer() -> None:
    crowd = np.random.default_rng(6).uniform(-40, 40, (PER_SIDE - 1, 2))
    xy = np.vstack([crowd, [(400, 0)], [(-600, 0)]]) + CORNERS[1]  # the first page ends at 400 m
    x, y = CORNERS[1]
    log: list[tuple[Circle, int]] = []
    tomter = lots([shapely.box(x - 390, y - 1, x - 388, y + 1), shapely.box(x + 388, y - 1, x + 390, y + 1)])
    frame, _ = look_up(tomter, None, asking(register(xy), log), today=TODAY, rules=RULES)
    check_against_brute_force(frame, tomter, xy, 500)
    assert frame["adresse"].tolist() == ["Veien 01000", "Veien 00999"]
    assert [page for _, page in log] == [0, 1]


def test_lots_far_apart_in_a_city_are_asked_for_one_by_one() -> None:
    xy = np.array(CORNERS[1]) + np.random.default_rng(7).uniform(-4_000, 4_000, (9_000, 2))
    x, y = CORNERS[1]
    log: list[tuple[Circle, int]] = []
    tomter = lots([shapely.box(x + d, y + d, x + d + 20, y + d + 20) for d in (-3_500, 3_500)])
    frame, _ = look_up(tomter, None, asking(register(xy), log), today=TODAY, rules=RULES)
    check_against_brute_force(frame, tomter, xy, 500)
    assert len(log) == 3  # the first page tells how dense it is; all of them would be nine


def test_lots_in_one_spot_with_more_addresses_than_can_be_reached() -> None:
    rng = np.random.default_rng(5)
    xy = np.array(CORNERS[1]) + rng.uniform(-500, 500, (12_000, 2))
    around = shapely.Point(CORNERS[1]).buffer(900)
    log: list[tuple[Circle, int]] = []
    frame, account = look_up(lots([around, around]), None, asking(register(xy), log), today=TODAY, rules=RULES)
    assert len(log) == 10
    assert frame["avstand_m"].tolist() == [0, 0]
    assert account.merknader["funnet nå"] == 2


# --- few questions, over HTTP ---


@pytest.fixture
def ask(server: AddressServer, limits: Limits) -> Iterator[Ask]:
    with Client(server.url + PREFIX, limits=Limits(**{**limits.__dict__, "maks_bytes": 10**9})) as client:
        yield ask_with(client, server.url + PREFIX)


def test_twelve_hundred_lots_take_sixteen_questions_and_then_none(ask: Ask) -> None:
    tomter, log = teiger("7002", 1_200), []
    frame, account = look_up(tomter, None, counted(ask, log), today=TODAY, rules=RULES)
    assert len(frame) == len(tomter) == 1_200
    assert len(log) <= 16  # there are 10,234 addresses: eleven pages, were they to be had at once
    again, second = look_up(tomter, frame, counted(ask, log := []), today=TODAY, rules=RULES)
    assert not log
    assert second.merknader["kjent fra før"] == 1_200
    pd.testing.assert_frame_equal(again, frame)
    assert account.merknader["funnet nå"] == 1_200


def test_only_what_moved_is_new_or_is_too_old_is_asked_again(ask: Ask) -> None:
    tomter = teiger("0099", 30)
    known, _ = look_up(tomter.iloc[:29], None, ask, today=TODAY, rules=RULES)
    tomter.loc[3, "ost_25833"] += 0.9  # the same place
    tomter.loc[4, "ost_25833"] += 1.1
    known.loc[known["tomt_id"] == "0099-000005", "hentet_dato"] = "2026-05-01"
    known.loc[known["tomt_id"] == "0099-000006", "hentet_dato"] = "2027-01-01"  # a clock that was wrong
    tomter.loc[7, "tilstand"] = "borte"
    log: list[tuple[Circle, int]] = []
    frame, account = look_up(tomter, known, counted(ask, log), today=TODAY, rules=RULES)
    asked = [tomter["tomt_id"].drop(7).tolist()[k] for circle, _ in log for k in circle.tomter]
    assert sorted(asked) == ["0099-000004", "0099-000005", "0099-000006", "0099-000029"]
    assert frame["tomt_id"].tolist() == sorted(set(tomter["tomt_id"]) - {"0099-000007"})
    assert set(frame["hentet_dato"]) == {TODAY.isoformat()}
    assert account.merknader["kjent fra før"] == 25


def test_no_persons_name_is_asked_for_or_kept(upstream: Upstream, limits: Limits) -> None:
    def row(k: int) -> dict[str, Any]:
        x, y = CORNERS[0][0] + k, CORNERS[0][1]
        return {
            "adressetekst": f"Kari Nordmanns minne, Veien {k}",
            "adressetilleggsnavn": "Kari Nordmanns minne",
            "adressetekstutenadressetilleggsnavn": f"Veien {k}" if k else None,
            "bruksenhetsnummer": ["H0101"],
            "postnummer": 1415,
            "poststed": "  STED\nBY ",
            "representasjonspunkt": {"epsg": "EPSG:25833", "lat": y, "lon": x},
        }

    # A server that heeds no filter, and an address that has no text but the one with the name.
    upstream.answer = lambda h: h.json({"adresser": [row(0), row(1)], "metadata": {"totaltAntallTreff": 2}})
    tomter = lots([shapely.Point(CORNERS[0]).buffer(20)])
    with Client(upstream.url + PREFIX, limits=limits) as client:
        frame, _ = look_up(tomter, None, ask_with(client, upstream.url + PREFIX), today=TODAY, rules=RULES)
    assert frame.iloc[0][["adresse", "postnummer", "poststed"]].tolist() == ["Veien 1", None, "STED BY"]
    assert "Nordmann" not in frame.to_json()
    query = parse_qs(urlsplit(upstream.asked[0].path).query)
    assert "adresser.adressetekstutenadressetilleggsnavn" in query["filtrer"][0].split(",")
    assert not {"adresser", "adresser.adressetekst", "adresser.adressetilleggsnavn"} & set(
        query["filtrer"][0].split(",")
    )


# --- what may go wrong ---


def failing(ask: Ask, after: int) -> Ask:
    left = iter(range(after))

    def sometimes(circle: Circle, page: int) -> Svar:
        if next(left, None) is None:
            raise SourceError("https://h.no/adresser: HTTP 503. Try again later.")
        return ask(circle, page)

    return sometimes


@pytest.mark.parametrize("after", [pytest.param(0, marks=pytest.mark.long), 2])
def test_a_source_that_fails_leaves_the_rest_for_next_time(ask: Ask, after: int) -> None:
    tomter = teiger("0099", 60)
    known, _ = look_up(tomter.iloc[:1], None, ask, today=date(2020, 1, 1), rules=RULES)
    rules = RULES.model_copy(update={"maks_radius_m": 1_000})
    frame, account = look_up(tomter, known, failing(ask, after), today=TODAY, rules=rules)
    ADRESSER.check(frame)
    assert account.merknader["adressetjenesten svarte ikke"] == 1
    assert account.merknader["ikke funnet ennå"] == 60 - account.merknader.get("funnet nå", 0) > 0
    assert (after == 0) == ("funnet nå" not in account.merknader)
    assert known.loc[0, "tomt_id"] in set(frame["tomt_id"])  # too old, but better than nothing
    whole, _ = look_up(tomter, frame, ask, today=TODAY, rules=rules)
    assert len(whole) == 60


def test_questions_of_a_run_are_bounded_and_the_next_run_goes_on(ask: Ask) -> None:
    tomter, known, turns = teiger("7002", 400), None, 0
    rules = RULES.model_copy(update={"per_kjoring": 5})
    while known is None or len(known) < len(tomter):
        log: list[tuple[Circle, int]] = []
        known, _ = look_up(tomter, known, counted(ask, log), today=TODAY, rules=rules)
        assert 0 < len(log) <= 5
        turns += 1
        assert turns < 10
    assert turns > 2
    none, account = look_up(tomter, None, ask, today=TODAY, rules=RULES.model_copy(update={"per_kjoring": 0}))
    assert none.empty
    assert account.merknader == {"ikke funnet ennå": 400}


def test_silence_is_no_answer(ask: Ask) -> None:
    nowhere = shapely.box(500_000, 6_500_000, 500_050, 6_500_050)
    frame, account = look_up(lots([nowhere]), None, ask, today=TODAY, rules=RULES)
    assert frame.empty
    assert account.merknader["ikke funnet ennå"] == 1
    there = invent("0099").teiger[0].geometri
    frame, account = look_up(lots([nowhere, there]), None, ask, today=TODAY, rules=RULES)
    assert frame["adresse"].isna().tolist() == [True, False]
    assert account.merknader["uten adresse i nærheten"] == 1
    assert look_up(lots([nowhere, there]), frame, failing(ask, 0), today=TODAY, rules=RULES)[0].equals(frame)


def page(*distances: float, total: int | None = None, **point: Any) -> dict[str, Any]:
    rows = [
        {
            "adressetekstutenadressetilleggsnavn": "Veien 1",
            "representasjonspunkt": {"epsg": "EPSG:25833", "lat": 0.0, "lon": d} | point,
        }
        for d in distances
    ]
    return {"adresser": rows, "metadata": {"totaltAntallTreff": len(rows) if total is None else total}}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "totaltAntallTreff"),
        ({"adresser": [], "metadata": {}}, "totaltAntallTreff"),
        ({"adresser": [], "metadata": {"totaltAntallTreff": -1}}, "totaltAntallTreff"),
        ({"adresser": {}, "metadata": {"totaltAntallTreff": 0}}, "totaltAntallTreff"),
        ({"adresser": [7], "metadata": {"totaltAntallTreff": 1}}, "without a point"),
        (page(1, lat=None), "without a point"),
        (page(1, lat="6"), "without a point"),
        (page(1, lat=10**400), "without a point"),
        (page(1, lat=math.inf), "without a point"),
        (page(1, epsg="EPSG:4258"), "without a point"),
        (page(1, lat=2_000.0), "away"),
        (page(500, 100), "not sorted"),
        (page(*[1.0] * (PER_SIDE + 1)), "hits on a page"),
    ],
)
def test_an_answer_to_another_question_is_refused(answer: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said) as caught:
        read_page(answer, Circle(0.0, 0.0, 1_000.0, (0,)), where="https://h.no/punktsok")
    assert str(caught.value).startswith("https://h.no/punktsok: ")


def test_a_sound_answer_is_read() -> None:
    svar = read_page(page(3, 5, total=99_999), Circle(0.0, 0.0, 1_000.0, (0,)), where="x")
    assert (svar.antall, svar.innerst_m, svar.ytterst_m, svar.totalt) == (2, 3, 5, 10_000)
    assert read_page(page(), Circle(0.0, 0.0, 1.0, (0,)), where="x").antall == 0


@pytest.mark.parametrize(
    ("pages", "said"),
    [
        (lambda k: page(*[float(d) for d in range(10)], total=50), "50 hits said, 10 received"),
        (lambda k: page(*[float(d) for d in range(PER_SIDE)], total=1_500), "no longer sort"),  # page 0 again
    ],
)
def test_pages_that_do_not_add_up_end_the_search(pages: Callable[[int], dict[str, Any]], said: str, caplog) -> None:
    asked = []

    def ask(circle: Circle, number: int) -> Svar:
        asked.append(number)
        return read_page(pages(number), circle, where="x")

    tomter = lots([shapely.box(4_000, 0, 4_010, 10), shapely.box(-4_010, 0, -4_000, 10)])
    frame, account = look_up(tomter, None, ask, today=TODAY, rules=RULES)
    assert frame.empty
    assert len(asked) <= 2
    assert account.merknader["adressetjenesten svarte ikke"] == 1
    assert said in caplog.text


# --- one kommune ---


def test_a_kommune_is_brought_up_to_date(server: AddressServer, geodata: Geodata, kommune: Kommune) -> None:
    settings = make_settings(server.url)
    assert read_adresser(kommune, settings=settings, geodata=geodata).inn == 0
    geodata.write(teiger("0099", 40), "0099", layer="out", contract=TOMTER)
    assert read_adresser(kommune, settings=settings, geodata=geodata).ut == 40
    frame = geodata.read("0099", layer="core", contract=ADRESSER)
    assert frame is not None
    assert len(frame) == 40
    assert frame["adresse"].notna().any()
    again = read_adresser(kommune, settings=settings, geodata=geodata)
    assert again.merknader["kjent fra før"] == 40
    assert "spørsmål til adressetjenesten" not in again.merknader


def refuses(h: Handler) -> None:
    h.send(b"", status=500)


def says_nonsense(h: Handler) -> None:
    h.send(json.dumps([1]).encode())


@pytest.mark.parametrize("answer", [refuses, says_nonsense])
def test_a_run_never_fails_for_addresses(env: Any, answer: Callable[[Handler], None]) -> None:
    upstream, settings, geodata, kommune, limits = env
    upstream.answer = answer
    geodata.write(teiger("0099", 5), "0099", layer="out", contract=TOMTER)
    account = read_adresser(kommune, settings=settings, geodata=geodata, limits=limits)
    assert account.merknader["adressetjenesten svarte ikke"] == 1
    assert account.ut == 0
    nowhere = read_adresser(kommune, settings=make_settings(None), geodata=geodata, limits=limits)
    assert nowhere.merknader == {"ikke lest nå, adresser som før": 1}


def test_damaged_addresses_are_asked_for_again(
    server: AddressServer, geodata: Geodata, kommune: Kommune, caplog
) -> None:
    geodata.write(teiger("0099", 5), "0099", layer="out", contract=TOMTER)
    path = geodata.path("core", ADRESSER, "0099")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"PAR1")
    assert read_adresser(kommune, settings=make_settings(server.url), geodata=geodata).ut == 5
    assert "asked for again" in caplog.text
    assert len(geodata.read("0099", layer="core", contract=ADRESSER)) == 5


def test_the_box_of_a_lot_reaches_all_of_it() -> None:
    shape = shapely.Polygon([(0, 0), (40, 0), (0, 30)])
    ((x, y, reach),) = places(lots([shape])).tolist()
    assert (x, y, reach) == (20, 15, 25)


def test_a_kommune_that_no_source_has_addresses_of(env: Any, tmp_path: Path) -> None:
    _, _, geodata, kommune, limits = env
    egne = tmp_path / "kilder.toml"
    egne.write_text(
        '[kartverket_adresse]\ntema = "adresse"\nprotokoll = "adresser"\nadresse = "https://a.example/v1"\n'
        'kommuner = ["0301"]\nlag = ["punktsok"]\nlisens = "x"\n'
    )
    geodata.write(teiger("0099", 5), "0099", layer="out", contract=TOMTER)
    account = read_adresser(kommune, settings=make_settings(None, kilder=egne), geodata=geodata, limits=limits)
    assert account.merknader == {"ingen adressekilde for kommunen, adresser som før": 1}
