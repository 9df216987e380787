"""Properties of the mapping of columns: any order, case, spelling and company of the columns gives the same frame."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from config.kilder import Kilde
from tasks.account import Account
from tasks.sources import koder, sosi
from tasks.sources.kolonner import standardise
from tasks.sources.sosi import ATTRIBUTTER, KODER, OBJEKTTYPE

KILDE = Kilde.model_validate(
    {
        "navn": "prove",
        "tema": "kommuneplan",
        "protokoll": "innboks",
        "lag": ["KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde"],
        "koder": {"B": "1110", "S*": "1130"},
        "lisens": "oppdiktet",
    }
)
KP = [KODER["KpArealformålOmråde"], KODER["KpArealbrukOmråde"]]
NAMES = {navn.sosi: navn for navn in (OBJEKTTYPE, *ATTRIBUTTER, *KP)}
NUMBERS = ["0", "1", "2.0", "3 - Vedtatt", "0301", "301.0", "4601", "1110", "110", "2011-06-16Z"]
WORDS = ["B", "S7", "BL", "Vedtatt", "KpOmråde", "KpArealform?lOmr?de", "KpArealbrukOmråde", "https://a.no/1"]
VALUES = st.sampled_from([None, "", "-", "[D@1b6d3586", *NUMBERS, *WORDS])
TABLES = st.integers(0, 4).flatmap(
    lambda n: st.dictionaries(
        st.sampled_from(sorted(NAMES)), st.lists(VALUES, min_size=n, max_size=n), min_size=1, max_size=len(NAMES)
    ).map(lambda table: (n, table))
)
STRANGE = st.text(st.sampled_from("xyzq"), min_size=1, max_size=6).map(lambda t: f"zz_{t}")


def frame_of(number: int, table: dict[str, list[Any]]) -> gpd.GeoDataFrame:
    shapes = gpd.GeoSeries([shapely.box(i, 0, i + 1, 1) for i in range(number)], crs=25833)
    data = {c: pd.Series(values, dtype=object) for c, values in table.items()}
    return gpd.GeoDataFrame(data, geometry=shapes, crs=25833)


def read(number: int, table: dict[str, list[Any]]) -> tuple[pd.DataFrame, dict[str, float]]:
    account = Account("prove")
    frame = standardise(frame_of(number, table), KILDE, account)
    return pd.DataFrame(frame.drop(columns="geometry")), account.merknader


def spellings(name: str) -> list[str]:
    """Return ways of writing a name that are believed to the same degree as any other SOSI name of the attribute."""
    ascii_name = name.replace("å", "a").replace("ø", "o")
    ways = [name.upper(), name.replace(".", "|"), name.replace(".", "_"), f"app:{name}", ascii_name, ascii_name.upper()]
    ways += [name.replace("å", "aa").replace("ø", "oe"), name.replace("å", "?"), name.replace("å", "Ã¥")]
    ways += [name.replace(".", f".{name.split('.', maxsplit=1)[0].title()}.", 1)]
    navn = NAMES[name]
    # `objekttypenavn` is what a protocol writes: the source's own name of it is believed before that, on purpose
    if name == OBJEKTTYPE.sosi:
        return ways
    # the habits of services do not tell which generation a row without a type is of
    return [*ways, *navn.andre, *navn.kort, *(() if navn in KP else navn.vaner)]


@settings(deadline=None, max_examples=20)
@given(TABLES, st.data())
def test_any_order_case_and_spelling_gives_the_same_frame(table: tuple[int, dict[str, Any]], data: Any) -> None:
    number, columns = table
    order = data.draw(st.permutations(sorted(columns)))
    written = {data.draw(st.sampled_from(spellings(name))): columns[name] for name in order}
    assert len(written) == len(columns)
    plain, noted = read(number, columns)
    other, other_noted = read(number, written)
    assert_frame_equal(plain, other)
    assert noted == other_noted


@settings(deadline=None, max_examples=20)
@given(TABLES, st.dictionaries(STRANGE, VALUES, max_size=3))
def test_unknown_columns_never_change_the_result(table: tuple[int, dict[str, Any]], strange: dict[str, Any]) -> None:
    number, columns = table
    more = {**{c: [v] * number for c, v in strange.items()}, **columns}
    plain, noted = read(number, columns)
    other, other_noted = read(number, more)
    assert_frame_equal(plain, other)
    assert noted == other_noted


@settings(deadline=None, max_examples=20)
@given(TABLES)
def test_no_code_is_ever_invented(table: tuple[int, dict[str, Any]]) -> None:
    number, columns = table
    frame, _ = read(number, columns)
    for name in ("arealformål", "arealbruk"):
        for i, found in enumerate(frame[name]):
            written = koder.cell(columns[name][i]) if name in columns else None
            labels = [koder.cell(columns[c][i]) for c in ("feltbetegnelse", "områdenavn") if c in columns]
            from_labels = {{"B": "1110", "S7": "1130"}.get(v or "") for v in (written, *labels)}
            assert found is None or found == koder.coded(written) or found in from_labels - {None}
            if found is not None:
                assert frame.loc[i, "objekttypenavn"] in KODER
    assert frame["reguleringsformål"].isna().all()


@settings(deadline=None, max_examples=20)
@given(TABLES)
def test_standardising_twice_changes_nothing(table: tuple[int, dict[str, Any]]) -> None:
    number, columns = table
    once = standardise(frame_of(number, columns), KILDE, Account("prove"))
    twice = standardise(once, KILDE, Account("prove"))
    assert_frame_equal(pd.DataFrame(once.drop(columns="geometry")), pd.DataFrame(twice.drop(columns="geometry")))


@settings(deadline=None, max_examples=25)
@given(st.integers(101, 5999), st.sampled_from(["{}", "{}.0", "{:04}", " {:04} "]))
def test_leading_zeros_survive(number: int, form: str) -> None:
    frame, _ = read(1, {"objekttypenavn": ["KpOmråde"], "KOMM": [form.format(number)], "PLANID": [f"{number:06}"]})
    assert frame.loc[0, "arealplanId.kommunenummer"] == f"{number:04}"
    assert frame.loc[0, "arealplanId.planidentifikasjon"] == f"{number:06}"


CELLS = st.one_of(st.none(), st.text(max_size=12), st.integers(), st.floats(allow_nan=True, allow_infinity=True))


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(st.text(max_size=14), CELLS, max_size=6), CELLS)
def test_hostile_columns_and_values_never_raise(columns: dict[str, Any], value: Any) -> None:
    columns.pop("geometry", None)
    frame, _ = read(1, {**{c: [v] for c, v in columns.items()}, "planid": [value], "objekttypenavn": [value]})
    assert all(v is None or (isinstance(v, str) and v not in {"", "-"}) for v in frame.to_numpy().ravel())


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=30))
def test_hostile_names_never_raise(name: str) -> None:
    sosi.objekttype(name)
    sosi.cut_plan_ids([name])
    for navn in sosi.ALLE:
        sosi.belief(navn, name)
