"""json-stat2 as cells: every form that it may take, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.sources.statistikk.feil import BadAnswerError
from tasks.sources.statistikk.jsonstat import dimensions, load, read_cells, read_metadata

REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "pxwebapi_v2"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="../shared is not beside this checkout")


def answer(value: Any, status: Any = None, **changed: Any) -> dict[str, Any]:
    """Two regions in three years."""
    return {
        "id": ["Region", "Tid"],
        "size": [2, 3],
        "dimension": {
            "Region": {"category": {"index": {"3218": 1, "3207": 0}, "label": {"3207": "Nordre Follo", "3218": "Ås"}}},
            "Tid": {"category": {"index": ["2022", "2023", "2024"]}},
        },
        "value": value,
        **({} if status is None else {"status": status}),
        **changed,
    }


def cells(data: dict[str, Any], most: int = 100) -> list[tuple[str, str, float | None, str | None]]:
    frame = read_cells(data, "06913", most=most)
    assert frame["verdi"].dtype == np.float64
    return [
        (
            row.Region,
            row.Tid,
            None if math.isnan(row.verdi) else row.verdi,
            row.status if row.status == row.status else None,
        )
        for row in frame.itertuples()
    ]


def test_cells_stand_in_row_major_order_by_place_of_the_code():
    assert cells(answer([1, 2, 3, 4, 5, 6]))[:4] == [
        ("3207", "2022", 1, None),
        ("3207", "2023", 2, None),
        ("3207", "2024", 3, None),
        ("3218", "2022", 4, None),
    ]


def test_zero_and_each_kind_of_nothing_are_told_apart():
    got = cells(answer([0, None, None, None, None, 0.5], {"1": ".", "2": "..", "3": ":"}))
    assert [(v, s) for *_, v, s in got] == [
        (0, None),
        (None, "."),
        (None, ".."),
        (None, ":"),
        (None, ".."),  # nothing, and not a word about it
        (0.5, None),
    ]


def test_a_mark_beside_a_figure_is_kept_and_a_status_of_no_figure_wins():
    assert [(v, s) for *_, v, s in cells(answer([1, 0, 3, 4, 5, 6], {"0": "*", "1": "."}))][:2] == [
        (1, "*"),
        (None, "."),
    ]


@pytest.mark.parametrize("value", [[1, None, None, 4, None, None], {"0": 1, "3": 4}, {"3": 4, "0": 1, "5": None}])
def test_both_forms_of_value(value):
    assert [v for *_, v, _ in cells(answer(value))] == [1, None, None, 4, None, None]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (["*", None, "", "*", "", None], ["*", None, None, "*", None, None]),
        ({"0": "*", "3": "*"}, ["*", None, None, "*", None, None]),
        ("*", ["*"] * 6),
        ("", [None] * 6),
        ({}, [None] * 6),
    ],
)
def test_all_forms_of_status(status, expected):
    assert [s for *_, s in cells(answer([1, 2, 3, 4, 5, 6], status))] == expected


def test_one_code_needs_no_index():
    data = answer([1, 2], size=[2, 1])
    data["dimension"]["Tid"] = {"category": {"label": {"2024": "2024"}}}
    assert [tid for _, tid, *_ in cells(data)] == ["2024", "2024"]


def test_no_codes_at_all_are_no_cells():
    data = answer([], size=[2, 0])
    data["dimension"]["Tid"] = {"category": {"index": {}}}
    assert cells(data) == []


def _region(**category: Any) -> dict[str, Any]:
    tid = {"category": {"index": ["2022", "2023", "2024"]}}
    return {"dimension": {"Region": {"category": category}, "Tid": tid}}


SIX = [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (answer([1, 2]), "2 values for 6 cells"),
        (answer(None), "no values for 6 cells"),
        (answer("123456"), "no values"),
        (answer([1, 2, 3, 4, 5, "6"]), "no number but str"),
        (answer([1, 2, 3, 4, 5, True]), "no number but bool"),
        (answer([1, 2, 3, 4, 5, [6]]), "no number but list"),
        (answer([1, 2, 3, 4, 5, 10**400]), "beyond all numbers"),
        (answer([1, 2, 3, 4, 5, 1e999]), "beyond all numbers"),
        (answer({"6": 1}), "no places"),
        (answer({"-1": 1}), "no places"),
        (answer({"01": 1, "1": 2}), "no places"),
        (answer({"9" * 5_000: 1}), "no places"),
        (answer({"x": 1}), "no places"),
        (answer(SIX, ["*"]), "1 statuses for 6 cells"),
        (answer(SIX, {"7": "*"}), "no places"),
        (answer(SIX, {"0": 1}), "a status that is a int"),
        (answer(SIX, ["*", 1, "", "", "", ""]), "a status that is a int"),
        (answer(SIX, {"0": "*" * 9_999}), "9999 characters"),
        (answer(SIX, 7), "a status that is a int"),
        (answer(SIX, size=[2]), "`size` that does not fit"),
        (answer(SIX, size=[3, 3]), "2 codes of 'Region' where `size` says 3"),
        (answer(SIX, size=[2.0, 3]), "`size` says 2.0"),
        (answer(SIX, size=[True, 3]), "`size` says True"),
        (answer(SIX, id=["Region", "Region"]), "same variable twice"),
        (answer(SIX, id=[1, 2]), "no json-stat2"),
        (answer(SIX, id=["Region", "Sted"]), "'Sted'"),
        (answer(SIX, id=[]), "no json-stat2"),
        (answer(SIX, id=[f"v{n}" for n in range(30)]), "no json-stat2"),
        (answer(SIX, **_region(index=["a", "a"])), "come twice"),
        (answer(SIX, **_region(index={"a": 0, "b": 0})), "do not count from 0"),
        (answer(SIX, **_region(index={"a": 0, "b": 2})), "do not count from 0"),
        (answer(SIX, **_region(index={"a": "0", "b": "1"})), "do not count from 0"),
        (answer(SIX, **_region(index=[["a"], "b"])), "no texts"),
        (answer(SIX, **_region(label={"a": "A", "b": "B"})), "no usable codes"),
        (answer(SIX, dimension=7), "no usable codes"),
    ],
)
def test_what_does_not_fit_is_refused(data, message):
    with pytest.raises(BadAnswerError, match="SSB 06913") as caught:
        read_cells(data, "06913", most=100)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 500


def test_more_cells_than_asked_for_are_refused_before_anything_is_made_of_them():
    codes = [str(n) for n in range(20_000)]
    names = list("ABCDE")
    data = {
        "id": names,
        "size": [20_000] * 5,
        "dimension": {name: {"category": {"index": codes}} for name in names},
        "value": {},
    }
    with pytest.raises(BadAnswerError, match=f"{20_000**5} cells where at most 800000"):
        read_cells(data, "06913", most=800_000)


def test_a_variable_may_not_be_called_as_our_columns():
    data = answer([1], id=["verdi"], size=[1], dimension={"verdi": {"category": {"index": ["a"]}}})
    with pytest.raises(BadAnswerError, match="'verdi'"):
        read_cells(data, "06913", most=100)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b'{"id": [',
        b"[1]",
        b"nul",
        b'{"value": [NaN]}',
        b'{"value": [-Infinity]}',
        b"\xff",
        b"[" * 99_999,
        b'{"value": [1' + b"0" * 5_000 + b"]}",
        b'{"label": "\\uD800"}',
    ],
)
def test_what_is_no_json_object_is_refused(content):
    with pytest.raises(BadAnswerError, match="SSB 06913"):
        load(content, "06913")


def test_a_whole_character_of_two_halves_is_read():
    assert load(b'{"label": "\\ud83d\\ude00"}', "06913") == {"label": "\U0001f600"}


def test_metadata_that_say_little_are_read():
    found = read_metadata(answer([]), "06913", stempel="none")
    assert (found.etikett, found.oppdatert, found.tid, found.innhold) == ("", "none", "Tid", "ContentsCode")
    assert found.variabler["Tid"].koder == {"2022": "2022", "2023": "2023", "2024": "2024"}
    assert found.variabler["Region"].koder == {"3207": "Nordre Follo", "3218": "Ås"}
    assert not found.variabler["Region"].kan_utelates
    assert not found.er_avsluttet


def test_a_discontinued_table_says_so():
    found = read_metadata(answer([], extension={"discontinued": True}), "10540", stempel="none")
    assert found.er_avsluttet


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=10)
@given(
    data=st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(("id", "size", "value", "status", "dimension", "role", "extension", "note"), ANYTHING),
    )
)
def test_whatever_comes_is_read_or_refused(data):
    for read in (
        lambda: read_metadata(data, "x", stempel=""),
        lambda: read_cells(data, "x", most=100),
        lambda: read_metadata(answer(SIX) | data, "x", stempel=""),
        lambda: read_cells(answer(SIX) | data, "x", most=100),
    ):
        try:
            read()
        except BadAnswerError:
            continue


# --- real answers ---


@needs_real
def test_a_real_answer_parses_in_full():
    data = load((REAL / "scb_TAB6471_data.json").read_bytes(), "TAB6471")
    frame = read_cells(data, "TAB6471", most=800_000)
    assert len(frame) == 21 * 11 * 3 * 1 * 4 == 2_772
    assert frame["verdi"].tolist() == [float(v) for v in data["value"]]
    assert frame["status"].isna().all()
    assert not frame.duplicated(["Region", "Alder", "Kon", "ContentsCode", "Tid"]).any()
    for name, codes in dimensions(data, "TAB6471").items():
        assert list(frame[name].unique()) == list(codes)
    # where PxWeb itself reckons a cell: places times sizes
    last = frame[(frame["Region"] == "25") & (frame["Kon"] == "2") & (frame["Tid"] == "2026M03")]
    regions, ages = list(dimensions(data, "TAB6471")["Region"]), list(dimensions(data, "TAB6471")["Alder"])
    first = (regions.index("25") * len(ages) * 3 + 2) * 4 + 2
    assert last["verdi"].tolist() == [data["value"][first + 12 * n] for n in range(len(ages))]


@needs_real
@pytest.mark.parametrize(
    ("file", "sizes", "lists"),
    [
        ("scb_TAB6471_metadata.json", [312, 134, 3, 1, 16], ("vs_CKM01Riket", "vs_CKM02Län", "vs_CKM03Kommun")),
        ("pxwebapi_tests_MetadataById_tab004_js2.json", [14, 11, 1, 28], ()),
    ],
)
def test_real_metadata_parse_in_full(file, sizes, lists):
    data = load((REAL / file).read_bytes(), "x")
    found = read_metadata(data, "x", stempel="none")
    assert [len(v.koder) for v in found.variabler.values()] == sizes
    first = next(iter(found.variabler.values()))
    assert first.kodelister == lists
    assert found.oppdatert == data["updated"]
    assert found.tid in found.variabler
    assert found.innhold in found.variabler
    for name, variable in found.variabler.items():
        raw = data["dimension"][name]
        assert variable.koder == raw["category"]["label"]
        assert variable.etikett == raw["label"]
        assert variable.kan_utelates == raw["extension"]["elimination"]
    assert found.variabler["ContentsCode"].enheter


@needs_real
def test_ssb_errors_are_all_known():
    from tasks.sources.statistikk.feil import StatistikkError
    from tasks.sources.statistikk.nett import RefusedError
    from tasks.sources.statistikk.svarfeil import translated

    quoted = json.loads((REAL / "ssb_quoted_answers_config_errors.json").read_bytes())["errors"]
    assert quoted
    for error in quoted:
        said = translated(RefusedError("x", error["status"], error["title"], None), "06913", variabel=None, tries=1)
        assert type(said) is not StatistikkError
        assert said.tittel == error["title"]
