"""From the rows of a layer to what they bind: values, buffers, broken shapes, plans; small squares worked by hand."""

from __future__ import annotations

import math
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from config.konflikt import Konfliktlag, konflikter
from tasks.errors import UnusableError
from tasks.sources.konfliktlag import Planer, polygonal
from tasks.sources.konfliktlag import konflikter as read
from tasks.sources.numre import Numre
from tasks.tomtekontrakter import KONFLIKTER

SQUARE = shapely.box(0, 6_700_000, 100, 6_700_100)
KONFLIKTREGLER = konflikter().regler
BOW = shapely.Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
NUMRE = Numre("0099", frozenset({"0099", "7001"}), {})


def raw(geometry: list[Any] | None = None, **columns: list[Any]) -> gpd.GeoDataFrame:
    rows = len(next(iter(columns.values()))) if columns else len(geometry or [])
    data = {c: pd.Series(v, dtype=object) for c, v in columns.items()}
    return gpd.GeoDataFrame(data, geometry=geometry if geometry is not None else [SQUARE] * rows, crs=25833)


def lag(**more: Any) -> Konfliktlag:
    base = {"navn": "Flom", "tema": "flom", "kilde": "TEK17", "attributt": ("gjentaksintervall",)}
    return Konfliktlag(**{**base, "alvor": {"20": "hard", "200": "hard", "1000": "myk", "0": "ingen"}, **more})


def made(frame: gpd.GeoDataFrame, of: Konfliktlag | None = None, **more: Any) -> gpd.GeoDataFrame:
    found, account = read(frame, "sone", of or lag(), kilde="nve", **more)
    KONFLIKTER.check(found)
    assert account.ut == len(found)
    assert account.inn == len(frame) == len(found) + sum(d.antall for d in account.utelatt.values())
    return found


def test_each_value_is_what_the_config_says_and_what_binds_nothing_goes():
    frame = made(raw(gjentaksintervall=["200", "1000", 20.0, "0", "200-årsflom", "20"][:4], navn=list("abcd")))
    assert frame["alvor"].tolist() == ["hard", "myk", "hard"]
    assert frame["verdi"].tolist() == ["200", "1000", "20"]
    assert set(frame["lag"]) == {"sone"}
    assert set(frame["tema"]) == {"flom"}


@pytest.mark.parametrize(
    "column", ["GJENTAKSINTERVALL", "gjentaksIntervall", "app:gjentaksintervall", "egenskaper.gjentaksintervall"]
)
def test_columns_are_known_however_they_are_written(column: str):
    assert made(raw(**{column: ["200"]}))["alvor"].tolist() == ["hard"]


def test_aeoa_and_of_several_columns_the_worst_value():
    of = lag(attributt=("STØYSONEKATEGORI", "kategori"), alvor={"R": "hard", "G": "myk"})
    frame = made(raw(stoysonekategori=["R", None, "-", "G"], kategori=["G", "g", "R", "R"]), of)
    assert frame["verdi"].tolist() == ["R", "G", "R", "R"]
    with pytest.raises(UnusableError, match=r"1 of 1 rows have 'X'"):
        made(raw(stoysonekategori=["G"], kategori=["X"]), of)


@pytest.mark.parametrize("value", ["500", None, "høy"])
def test_a_value_that_nobody_has_said_makes_the_layer_unusable(value: Any):
    with pytest.raises(UnusableError) as caught:
        made(raw(gjentaksintervall=["200", value]))
    said = str(caught.value)
    assert ("nothing" if value is None else repr(value)) in said
    assert "1 of 2 rows" in said
    assert "known are 20, 200, 1000, 0" in said
    assert "lag.sone" in said
    assert caught.value.tema == "sone"


def test_any_other_value_is_what_annet_says():
    frame = made(raw(gjentaksintervall=["500", None]), lag(annet="myk"))
    assert frame["alvor"].tolist() == ["myk", "myk"]


def test_a_layer_that_lacks_the_column_is_unusable_whatever_annet_says():
    with pytest.raises(UnusableError, match=r"none of 1 rows has gjentaksintervall.*columns are sannsynlighet"):
        made(raw(sannsynlighet=["200"]), lag(annet="hard"))


def test_the_value_of_the_config_stands_in_buffer_and_verdi():
    of = lag(
        attributt=("nettnivå",), alvor={"1": "hard", "2": "hard"}, annet="myk", buffer_m=15, buffer_m_for={"1": 40}
    )
    line = shapely.LineString([(0, 0), (1000, 0)])
    frame = made(raw([line, line, shapely.Point(0, 0)], nettniva=["1.0", "2", None]), of)
    assert frame["verdi"].tolist() == ["1", "2", None]
    expected = [1000 * 80 + math.pi * 40**2, 1000 * 30 + math.pi * 15**2, math.pi * 15**2]
    assert frame.area.tolist() == pytest.approx(expected, rel=0.02)


def test_polygons_are_widened_too():
    assert made(raw(gjentaksintervall=["200"]), lag(buffer_m=5)).area.iloc[0] == pytest.approx(
        100 * 100 + 4 * 5 * 100 + math.pi * 25, rel=1e-3
    )


def test_broken_shapes_are_mended_and_those_without_area_are_left_out():
    mixed = shapely.GeometryCollection([SQUARE, shapely.Point(5, 5), shapely.LineString([(0, 0), (1, 1)])])
    shapes = [BOW, mixed, None, shapely.Polygon(), shapely.LineString([(0, 0), (5, 5)])]
    some = KONFLIKTREGLER.model_copy(update={"uten_flate": 0.6})
    frame, account = read(raw(shapes, gjentaksintervall=["200"] * 5), "sone", lag(), kilde="nve", regler=some)
    KONFLIKTER.check(frame)
    assert frame.area.tolist() == pytest.approx([50, 10_000])
    assert frame.is_valid.all()
    assert {r: d.antall for r, d in account.utelatt.items()} == {"uten geometri": 2, "ikke flate": 1}
    assert account.merknader["reparert geometri"] == 1


@pytest.mark.parametrize(
    "nowhere", [None, shapely.Polygon(), shapely.Point(0, 0), shapely.LineString([(0, 0), (5, 5)])]
)
@pytest.mark.parametrize("beside", [[], [SQUARE] * 150])
def test_rows_that_bind_and_do_not_say_where_are_no_land_that_is_free(nowhere: Any, beside: list[Any]):
    """The many that are myk hide none that is hard; what binds nothing may lack its extent."""
    shapes, rest = [nowhere, *beside], ["1000"] * len(beside)
    with pytest.raises(UnusableError, match=r"1 of 1 rows that are hard have no area.*Give lag\.sone a buffer_m"):
        made(raw(shapes, gjentaksintervall=["200", *rest]))
    assert len(made(raw(shapes, gjentaksintervall=["0", *rest]))) == len(beside)


def test_a_few_of_very_many_may_lack_an_extent():
    assert len(made(raw([None] + [SQUARE] * 100, gjentaksintervall=["200"] * 101))) == 100
    assert len(made(raw([shapely.Point(0, 0), SQUARE], gjentaksintervall=["200"] * 2), lag(buffer_m=5))) == 2
    with pytest.raises(UnusableError, match="2 of 102 rows"):
        made(raw([None] * 2 + [SQUARE] * 100, gjentaksintervall=["200"] * 102))


def test_no_rows_are_no_conflict():
    assert not len(made(raw([], gjentaksintervall=[])))
    assert not len(made(raw([])))


def test_the_name_of_the_place_is_kept_and_cut():
    frame = made(
        raw(gjentaksintervall=["20", "20"], områdeNavn=[None, "x" * 5000], navn=["Elva", None]),
        lag(navnefelt=("omradenavn", "navn")),
    )
    assert frame["navn"].tolist() == ["Elva", "x" * 79 + "…"]


def test_a_name_is_one_line():
    names = ["Elva\n\n Kapasitet: 30 av 30\r\x1b[2J\u202e", "\u2028 \x00"]
    frame = made(raw(gjentaksintervall=["20", "20"], navn=names), lag(navnefelt=("navn",)))
    assert frame["navn"].tolist() == ["Elva Kapasitet: 30 av 30 [2J", None]


# --- zones of the kommuneplan ---


def zones(*idents: str | None) -> gpd.GeoDataFrame:
    rows = len(idents)
    return raw(
        **{
            "arealplanId.planidentifikasjon": list(idents),
            "arealplanId.kommunenummer": ["0099"] * rows,
            "fare": ["310"] * rows,
        }
    )


HENSYN = lag(attributt=("fare",), alvor={"310": "hard"})


def planer(**status: str) -> Planer:
    frame = pd.DataFrame({"plan_id": [f"0099_{p}" for p in status], "planstatus": list(status.values())})
    return Planer.of(frame, NUMRE, vedtatt="3")


def test_only_zones_of_plans_in_force_count():
    frame = zones("KP1", "KP2", "KP9", None)
    found, account = read(frame, "hensyn", HENSYN, kilde="nap", planer=planer(KP1="3", KP2="2"))
    assert len(found) == 3  # KP1; a plan that nobody knows, and the one that does not say: they count against
    assert account.utelatt["plan ikke i kraft"].ider == ("0099_KP2",)
    assert account.merknader["uten planidentifikasjon"] == 1
    assert account.merknader["planen er ikke kjent: teller mot tomten"] == 1
    assert account.ider["planen er ikke kjent: teller mot tomten"] == ("0099_KP9",)


def test_an_extent_of_another_edition_does_not_put_a_plan_out_of_force():
    rows = pd.DataFrame({"plan_id": ["0099_KP1", "0099_KP1"], "planstatus": ["5", "3"]})
    assert Planer.of(rows, NUMRE, vedtatt="3").status == {"0099_KP1": True}
    assert Planer.of(rows.assign(planstatus=["5", None]), NUMRE, vedtatt="3").status == {"0099_KP1": True}
    assert Planer.of(rows.assign(planstatus=["5", "4"]), NUMRE, vedtatt="3").status == {"0099_KP1": False}


def test_zones_of_plans_that_nobody_knows_are_no_empty_layer():
    with pytest.raises(UnusableError, match="none of 2 zones is of a plan that is known here"):
        read(zones("A", "B"), "hensyn", HENSYN, kilde="nap", planer=planer(KP1="3"))


def test_when_all_plans_are_out_of_force_nothing_binds():
    assert not len(made(zones("KP1"), HENSYN, planer=planer(KP1="5")))


def test_every_layer_of_the_config_reads_each_value_that_it_knows():
    for navn, of in konflikter().lag.items():
        values = [*of.alvor, *([None] if of.uten_verdi else [])] or [None]
        shapes = [SQUARE] * len(values)
        frame = raw(shapes, **{of.attributt[0] if of.attributt else "x": list(values)})
        found, _ = read(frame, navn, of, kilde="prove")
        assert found["verdi"].tolist() == [v for v in values if of.betydning(v) != "ingen"], navn


def test_polygonal_keeps_polygons_alone():
    shapes, repaired = polygonal(raw([SQUARE, shapely.Point(0, 0), BOW, None]).geometry.to_numpy())
    assert [s is None for s in shapes] == [False, True, False, True]
    assert repaired == 1


# --- what nobody knows the meaning of ---


@pytest.mark.parametrize(
    ("navn", "column", "value", "alvor"),
    [
        ("jord_ar50", "artype", "20", "hard"),
        ("jord_ar50", "artype", 30.0, "ingen"),
        ("jord_ar50", "artype", 99, "myk"),  # not mapped
        ("jord_ar50", "artype", "21", None),  # AR5's, once
        ("jord_ar50", "artype", None, None),
        ("kulturminner", "vernetype", "AUT", "stopp"),
        ("kulturminner", "vernetype", "Automatisk fredet", "stopp"),
        ("kulturminner", "vernetype", "AUT - Automatisk fredet", "stopp"),
        ("kulturminner", "vernetype", "Ikke fredet", "ingen"),
        ("kulturminner", "vernetype", "Fredning opphevet", "ingen"),
        ("kulturminner", "vernetype", None, "stopp"),
        ("kulturminner", "vernetype", "Ubestemt", None),
        ("hensyn", "båndlegging", "999", None),
        ("hensyn", "båndlegging", None, None),
        ("kvikkleire_faresone", "faregrad", "Lav", "myk"),
        ("kvikkleire_faresone", "faregrad", "Lav-middels", "hard"),
        ("kvikkleire_faresone", "faregrad", "LAV - MIDDELS", "hard"),
        ("hoyspent", "nettnivå", "1: Transmisjonsnett", "hard"),
        ("hoyspent", "nettnivå", "Regionalnett", "hard"),
        ("naturvern", "verneform", "Naturreservat", "stopp"),
        ("naturvern", "verneform", None, "stopp"),
    ],
)
def test_what_nobody_knows_never_earns(navn: str, column: str, value: Any, alvor: str | None):
    rows, of = raw(**{column: [value]}), konflikter().lag[navn]
    if alvor is None:
        with pytest.raises(UnusableError):
            read(rows, navn, of, kilde="prove")
    else:
        assert read(rows, navn, of, kilde="prove")[0]["alvor"].tolist() == ([] if alvor == "ingen" else [alvor])


@pytest.mark.parametrize(
    ("value", "width"), [("Transmisjonsnett", 40), ("2 - Regionalnett", 20), ("3", 15), (None, 15)]
)
def test_names_of_levels_have_the_buffers_of_their_codes(value: str | None, width: float):
    line = shapely.LineString([(0, 0), (1000, 0)])
    frame, _ = read(raw([line], nettnivå=[value]), "hoyspent", konflikter().lag["hoyspent"], kilde="nve")
    assert frame.bounds.iloc[0].tolist() == pytest.approx([-width, -width, 1000 + width, width])
