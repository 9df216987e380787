"""Flattening of features and the hash of their content."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import SourceError
from tasks.sources import flat

from .conftest import feature, shared

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_nested_and_flat_give_the_same_columns() -> None:
    nested = {"arealplanId": {"kommunenummer": "0301", "planidentifikasjon": 4601.0}, "x": [1, {"a": 2}], "b": True}
    flat_one = {
        "arealplanId.kommunenummer": "0301",
        "arealplanId.planidentifikasjon": 4601,
        "x": [1, {"a": 2}],
        "b": True,
    }
    expected = {
        "arealplanId.kommunenummer": "0301",
        "arealplanId.planidentifikasjon": "4601",
        "x": '[1, {"a": 2}]',
        "b": "true",
    }
    assert flat.flatten(nested) == flat.flatten(flat_one) == expected


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_every_value_is_text_or_none(properties: dict[str, object]) -> None:
    assert all(v is None or isinstance(v, str) for v in flat.flatten(properties).values())


@pytest.mark.parametrize(
    ("number", "text"), [(4601.0, "4601"), (0.5, "0.5"), (1e22, "1e+22"), (-3.0, "-3"), (None, None), ("0301", "0301")]
)
def test_numbers(number: object, text: str | None) -> None:
    assert flat.text(number) == text


def test_null_geometry_is_kept_and_height_is_dropped() -> None:
    high = {"type": "Polygon", "coordinates": [[[0, 0, 5], [1, 0, 5], [1, 1, 5], [0, 0, 5]]]}
    frame = flat.frame(
        [feature(1) | {"geometry": None}, feature(2) | {"geometry": high}, feature(3)], epsg=25833, where="x"
    )
    assert list(frame.geometry.isna()) == [True, False, False]
    assert not frame.geometry.has_z.any()
    assert frame.crs.to_epsg() == 25833


@pytest.mark.parametrize("geometry", [{"type": "Polygon", "coordinates": 1}, {"type": "Nonsense"}, "text", [1]])
def test_damaged_geometry_is_a_named_error(geometry: object) -> None:
    with pytest.raises(SourceError, match=r"https://a\.no"):
        flat.frame([feature(1) | {"geometry": geometry}], epsg=25833, where="https://a.no")


def test_a_number_without_end_is_a_named_error() -> None:
    with pytest.raises(SourceError, match="inf is no number"):
        flat.frame([feature(1, utnytting=float("inf"))], epsg=25833, where="x")


def test_real_answer_of_planlegging_igangsatt() -> None:
    data = json.loads(shared("data/real/dibk_planlegging_igangsatt_excerpt.json").read_text(encoding="utf-8"))
    frame = flat.frame(data["features"], epsg=4326, where="x")
    assert len(frame) == len(data["features"])
    assert frame["nasjonalArealplanId.planid"][0] == "-"
    assert frame["nasjonalArealplanId.kommunenummer"][0] == "0301"
    assert frame["arealplan"][0] == "2070"
    assert frame["førsteDigitaliseringsdato"][0] is None
    assert frame.geometry.notna().all()


def test_features_with_names_of_their_own_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "MAX_COLUMNS", 10)
    rows = [{"properties": {f"a{k}": 1}, "geometry": None} for k in range(11)]
    assert flat.frame(rows[:10], epsg=25833, where="h").shape == (10, 11)
    with pytest.raises(SourceError, match="h: more than 10 different attributes in one answer"):
        flat.frame(rows, epsg=25833, where="h")


def test_columns_of_all_pages_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flat, "MAX_COLUMNS", 2)
    columns = flat.Kolonner("h")
    for k in range(2):
        flat.frame([{"properties": {f"a{k}": 1}, "geometry": None}], epsg=25833, where="h", columns=columns)
    with pytest.raises(SourceError, match="more than 2"):
        flat.frame([{"properties": {"a2": 1}, "geometry": None}], epsg=25833, where="h", columns=columns)
