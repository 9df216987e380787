"""Raw plan frames → contract frames, by worked examples and properties."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.contracts import PLANOMRAADER, REGULERINGSPLANER, SONER
from tasks.sources import flat, plan

from .conftest import square

NUMRE = plan.Numre(
    "3207",
    frozenset({"3207", "0301", "1508", "1580"}),
    {"0217": ("3207",), "1501": ("1508", "1580"), "0111": ("0301",)},
)


def sone(lokal_id: str | None = "z1", x: float = 0.0, **properties: Any) -> dict[str, Any]:
    base = {
        "objekttypenavn": "KpArealformålOmråde",
        "identifikasjon": {"lokalId": lokal_id},
        "arealplanId": {"kommunenummer": "3207", "planidentifikasjon": "KPA"},
        "arealformål": "1110",
        "arealbruksstatus": "2",
        "områdenavn": "B1 ",
        "kopidata": {"områdeId": "3207"},
    }
    return {"type": "Feature", "geometry": square(260_000 + x, 6_640_000), "properties": base | properties}


def omraade(**properties: Any) -> dict[str, Any]:
    base = {"objekttypenavn": "RpOmråde", "vertikalnivå": "2", "planstatus": 3, "plantype": "35", "plannavn": "Plan "}
    return sone(**(base | properties))


def raw(*features: dict[str, Any]) -> gpd.GeoDataFrame:
    return flat.frame(features, epsg=25833, where="x")


def soner(*features: dict[str, Any]) -> plan.Result:
    frame, account = plan.soner(raw(*features), NUMRE, manglende_arealstatus="1")
    SONER.check(frame)
    assert account.inn - sum(d.antall for d in account.utelatt.values()) == account.ut == len(frame)
    return frame, account


def planer(*features: dict[str, Any]) -> plan.Result:
    frame, account = plan.reguleringsplaner(raw(*features), NUMRE, manglende_nivaa="2")
    REGULERINGSPLANER.check(frame)
    return frame, account


def test_a_zone() -> None:
    frame, _ = soner(sone())
    assert frame.drop(columns="geometry").to_dict("records") == [
        {
            "sone_id": "z1",
            "objekttype": "KpArealformålOmråde",
            "kode": "1110",
            "arealstatus": "2",
            "plan_id": "3207_KPA",
            "navn": "B1",
        }
    ]


def test_pbl_1985_reads_its_own_code() -> None:
    old = sone("z2", objekttypenavn="kparealbrukomrade", arealbruk=130, arealformål=None, arealbruksstatus="Framtidig")
    frame, _ = soner(old)
    assert frame.loc[0, ["objekttype", "kode", "arealstatus"]].to_list() == ["KpArealbrukOmråde", "130", "2"]


def test_missing_arealstatus_is_filled_and_noted() -> None:
    frame, account = soner(sone(arealbruksstatus=None))
    assert frame["arealstatus"].to_list() == ["1"]
    assert account.merknader == {"uten arealbruksstatus": 1}


def test_other_types_are_left_to_others() -> None:
    frame, account = soner(sone(), sone("d", objekttypenavn="KpDetaljeringSone"))
    assert (len(frame), account.inn) == (1, 1)


@pytest.mark.parametrize(
    ("number", "area", "today"),
    [
        ("3207", "3207", "3207"),
        ("0217", "3207", "3207"),  # renumbered
        ("217.0", "3207", "3207"),
        ("0301", "3207", "0301"),  # the neighbour's plan stays the neighbour's
        ("0111", "3207", "0301"),
        ("1501", "3207", "1501"),  # split: ambiguous
        ("9999", "3207", "3207"),  # unknown: the kommune that the copy is of
        ("9999", None, "3207"),
        (None, "3207", "3207"),
        ("-", "0301", "0301"),
    ],
)
def test_old_numbers_become_todays(number: str | None, area: str | None, today: str) -> None:
    one = sone(arealplanId={"kommunenummer": number, "planidentifikasjon": "P"}, kopidata={"områdeId": area})
    assert soner(one)[0]["plan_id"].to_list() == [f"{today}_P"]


def test_a_split_kommune_is_followed_to_the_run() -> None:
    assert plan.Numre("1508", NUMRE.i_bruk, NUMRE.tidligere).today("1501", "1508") == "1508"


@pytest.mark.parametrize("ident", [None, "", "-", " "])
def test_a_missing_planident_is_never_a_key(ident: str | None) -> None:
    both = [
        omraade(lokal_id=i, arealplanId={"kommunenummer": "3207", "planidentifikasjon": ident}, x=n * 200)
        for n, i in enumerate(["a", "b"])
    ]
    frame, account = planer(*both)
    assert frame["plan_id"].to_list() == ["3207_a", "3207_b"]
    assert account.merknader["uten planidentifikasjon"] == 2


def test_planident_as_free_text_and_number() -> None:
    frame, _ = planer(
        omraade(arealplanId={"kommunenummer": 3207.0, "planidentifikasjon": "2026/02282"}),
        omraade(arealplanId={"kommunenummer": "3207", "planidentifikasjon": 4601.0}),
        omraade(arealplanId=None, nasjonalArealplanId={"kommunenummer": "3207", "planid": "X"}),
    )
    assert frame["plan_id"].to_list() == ["3207_2026/02282", "3207_4601", "3207_X"]


def test_plan_columns() -> None:
    frame, _ = planer(
        omraade(
            planstatus="Vedtatt",
            plantype="Detaljregulering",
            vertikalnivå=None,
            vedtakEndeligPlanDato="1800-01-01",
            ikrafttredelsesdato="20100615.0",
            link="www.a.no",
        )
    )
    row = frame.iloc[0]
    assert row["planstatus"] == "3"
    assert row["plantype"] == "35"
    assert row["vertikalnivaa"] == "2"
    assert row["navn"] == "Plan"
    assert row["vedtatt_dato"] == "2010-06-15"
    assert row["lenke"] == "https://www.a.no"


@pytest.mark.parametrize(("status", "read"), [(None, "ukjent"), ("Kanskje vedtatt", "ukjent"), ("6", "6")])
def test_unclear_status_is_never_adopted(status: str | None, read: str) -> None:
    assert planer(omraade(planstatus=status))[0]["planstatus"].to_list() == [read]


def test_a_tunnel_stays_a_tunnel() -> None:
    assert planer(omraade(vertikalnivå="1"))[0]["vertikalnivaa"].to_list() == ["1"]


def test_kommuneplan_extents_take_the_type_of_their_service() -> None:
    frame, account = plan.planomraader(
        raw(omraade(objekttypenavn="KpOmråde", plantype=None)), NUMRE, manglende_plantype="21"
    )
    PLANOMRAADER.check(frame)
    assert frame["plantype"].to_list() == ["21"]
    assert account.merknader["uten plantype"] == 1


def test_rows_without_a_polygon_are_counted_with_ids() -> None:
    line = {"type": "LineString", "coordinates": [[260_000, 6_640_000], [260_001, 6_640_001]]}
    frame, account = soner(sone("a"), sone("b") | {"geometry": None}, sone("c") | {"geometry": line})
    assert frame["sone_id"].to_list() == ["a"]
    assert {r: d.ider for r, d in account.utelatt.items()} == {"uten geometri": ("b",), "ikke flate": ("c",)}


def test_zone_ids_are_made_unique_whatever_the_order() -> None:
    many = [sone("a"), sone("a"), sone("a", x=500), sone(None), sone(None, x=500), sone("b")]
    frame, account = soner(*many)
    assert frame["sone_id"].is_unique
    assert len(frame) == 5
    assert account.utelatt["nøyaktig dobbel"].antall == 1
    assert "b" in set(frame["sone_id"])
    turned, _ = soner(*many[::-1])
    assert turned.to_wkb().equals(frame.to_wkb())


def test_the_same_plan_under_its_old_number_collapses() -> None:
    old = sone(arealplanId={"kommunenummer": "0217", "planidentifikasjon": "KPA"})
    frame, account = soner(sone(), old)
    assert len(frame) == 1
    assert account.utelatt["nøyaktig dobbel"].ider == ("z1",)


def test_no_rows() -> None:
    nothing = flat.concat([], epsg=25833)
    for frame, _ in (
        plan.soner(nothing, NUMRE, manglende_arealstatus="1"),
        plan.planomraader(nothing, NUMRE, manglende_plantype="20"),
        plan.reguleringsplaner(nothing, NUMRE, manglende_nivaa="2"),
    ):
        assert frame.empty
    SONER.check(plan.soner(nothing, NUMRE, manglende_arealstatus="1")[0])


VALUES = st.sampled_from([None, "", "-", "a", "1", "3.0", 3, 301.0, "Vedtatt", "1800-01-01", "x" * 50, "æ\n"])
ZONES = st.builds(
    lambda lokal_id, x, gone, **p: sone(lokal_id, x, **p) | ({"geometry": None} if gone else {}),
    lokal_id=st.sampled_from(["a", "b", None, ""]),
    x=st.sampled_from([0.0, 200.0]),
    gone=st.booleans(),
    arealformål=VALUES,
    arealbruksstatus=VALUES,
    områdenavn=VALUES,
    arealplanId=st.fixed_dictionaries({"kommunenummer": VALUES, "planidentifikasjon": VALUES}),
)


@settings(deadline=None, max_examples=20)
@given(st.lists(ZONES, max_size=6), st.randoms())
def test_any_zones_keep_the_contract_and_add_up(features: list[dict[str, Any]], random: Any) -> None:
    frame, _ = soner(*features)
    shuffled = features.copy()
    random.shuffle(shuffled)
    again, _ = soner(*shuffled)
    assert again.to_wkb().equals(frame.to_wkb())
    shapes = {f["properties"]["identifikasjon"]["lokalId"] for f in features if f["geometry"]}
    assert bool(shapes) == bool(len(frame))
    assert not np.isin(["", "-"], frame["plan_id"].str.removeprefix("3207_").to_list()).any()


def test_words_that_cannot_be_read_are_noted_apart_from_what_is_missing() -> None:
    rows = [("Sjekk saken", "1+2"), ("Vedtatt plan", "VN1"), (None, None)]
    frame, account = planer(*(omraade(planstatus=s, vertikalnivå=n, plannavn=str(s)) for s, n in rows))
    assert sorted(zip(frame["planstatus"], frame["vertikalnivaa"], strict=True)) == [
        ("3", "1"),
        ("ukjent", "2"),
        ("ukjent", "2"),
    ]
    assert account.merknader == {
        "uleselig planstatus": 1,
        "uleselig vertikalnivå": 1,
        "uten planstatus": 1,
        "uten vertikalnivå": 1,
    }
