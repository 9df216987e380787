"""`tomt differanse` and the values of its columns: an answer, or one line that says what to do."""

from __future__ import annotations

import contextlib
import datetime as dt
import decimal
import itertools
import json
import uuid
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.differanse import Lagfil, differanse
from tasks.errors import SourceError
from tasks.sources import hinderlag, vektorfil, vektorlag
from tests.flows.differanse_filer import (
    adds_up,
    layer,
    order,
    place,
    planer,
    refused,
    results,
    soner,
    teiger,
    tomt,
    written,
)

COLUMNS = {
    "soner": ("arealformal", "sone_id", "objekttype", "arealstatus", "plan_id"),
    "planer": ("planstatus", "vertikalnivaa", "plan_id"),
    "teiger": ("teig_id", "matrikkelenheter", "har_tvist"),
    "bygninger": ("hinder_id",),
}
DAY = dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
D = decimal.Decimal
READ: dict[str, pa.Array] = {
    "lists of one": pa.array([["3"], ["3"], [], None]),
    "lists of numbers": pa.array([[3], [4], None, [None]]),
    "fixed lists": pa.array([[3], [4], [5], None], pa.list_(pa.int64(), 1)),
    "large lists": pa.array([["3"], ["4"], None, []], pa.large_list(pa.large_string())),
    "nested": pa.array([[[["3"]]], [[[]]], [None], None]),
    "bytes": pa.array([b"3", b"4", "å".encode(), None]),
    "large bytes": pa.array([b"3", b"4", b"", None], pa.large_binary()),
    "view of bytes": pa.array([b"3", b"4", b"", None], pa.binary_view()),
    "view of text": pa.array(["3", "4", "", None], pa.string_view()),
    "lists of bytes": pa.array([[b"3"], [b"4"], [], None]),
    "bool": pa.array([True, False, None, True]),
    "decimal": pa.array([D("12.00"), D("3.00"), D("4.50"), None], pa.decimal128(10, 2)),
    "long decimal": pa.array([D(10**70), D(3), D(-1), None], pa.decimal256(76, 2)),
    "categories": pa.array(["3", "4", "3", None]).dictionary_encode(),
    "categories of numbers": pa.array([3, 4, 3, None]).dictionary_encode(),
    "nothing": pa.nulls(4),
    "nothing of text": pa.nulls(4, pa.string()),
    "nothing of dates": pa.nulls(4, pa.timestamp("us")),
    "nothing of structures": pa.nulls(4, pa.struct([("a", pa.int64())])),
    "long numbers": pa.array([2**63 - 1, -(2**63), 0, None]),
    "longer numbers": pa.array([2**64 - 1, 2**63, 0, None], pa.uint64()),
    "small numbers": pa.array([1, -1, 3, None], pa.int8()),
    "large floats": pa.array([1e300, -1e300, float("inf"), float("nan")]),
    "half floats": pa.array([3.0, 4.0, 65504.0, None], pa.float16()),
    "floats": pa.array([3.0, 3.5, -0.0, None], pa.float32()),
    "uuid": pa.array([uuid.UUID(int=i).bytes for i in range(4)], pa.uuid()),
    "text with signs": pa.array(["\0", "\n3\n", "3\0", "𝟛; ;"]),
}
REFUSED: dict[str, tuple[pa.Array, str]] = {
    "lists of several": (pa.array([["3", "4"], ["3"], ["3"] * 9, None]), "1 (a list of 2), 3 (a list of 9)"),
    "bytes that are no text": (pa.array([b"3", b"\xff", None, b"\xc3"]), "2 (bytes that are not UTF-8), 4"),
    "datetimes": (pa.array([None, DAY, DAY, DAY]), "2 (timestamp"),
    "years of no calendar": (pa.array([2**50, 0, None, 1], pa.timestamp("s")), "1 (timestamp["),
    "dates": (pa.array([DAY.date(), None, None, None]), "1 (date32"),
    "dates of no calendar": (pa.array([2**31 - 1, None, None, 0], pa.date32()), "1 (date32"),
    "times": (pa.array([dt.time(1), None, None, None]), "1 (time64"),
    "durations": (pa.array([dt.timedelta(1), None, None, None]), "1 (duration"),
    "structures": (pa.array([{"a": 1}, None, {"a": 2}, None]), "1 (dict), 3 (dict)"),
    "maps": (pa.array([[("a", 1), ("b", 2)], [], None, None], pa.map_(pa.string(), pa.int64())), "1 ("),
    "lists of dates": (pa.array([[DAY.date()], [], None, None]), "1 (date)"),
    "lists of no calendar": (pa.array([[2**50], [], None, None], pa.list_(pa.timestamp("s"))), "1 ("),
    "lists of structures": (pa.array([[{"a": 1}], [], None, None]), "1 (dict)"),
    "text that is none": (pa.array([b"3", b"\xff", b"3", b"3"]).view(pa.string()), "UTF"),
    "lists of text that is none": (
        pa.ListArray.from_arrays([0, 1, 2, 3, 4], pa.array([b"3", b"\xff", b"3", b"3"]).view(pa.string())), "1 (list<"),
}  # fmt: skip
WANTED = {
    "soner": vektorlag.zone_columns("arealformal", kun_bolig=False),
    "planer": vektorlag.plan_columns("planstatus"),
    "teiger": vektorlag.teig_columns("teig_id"),
    "bygninger": hinderlag.columns("bygninger"),
}
EVERY = [(name, column) for name, columns in COLUMNS.items() for column in columns]


def four(name: str) -> gpd.GeoDataFrame:
    """Return a layer of four rows, by name."""
    first = {"soner": soner, "planer": planer, "teiger": teiger}.get(name, lambda: layer([place(9, 9, 19, 19)]))()
    rest = layer([place(700 + 10 * i, 0, 709 + 10 * i, 90) for i in range(4 - len(first))])
    return gpd.GeoDataFrame(gpd.pd.concat([first, rest], ignore_index=True))


def with_column(path: Path, column: str, values: pa.Array) -> Path:
    """Put a column into a GeoParquet file, in the place of one of that name."""
    table = pq.read_table(path)
    if column in table.column_names:
        table = table.drop_columns([column])
    pq.write_table(table.append_column(column, values), path, store_schema=True)
    return path


def asked(folder: Path, name: str, column: str, values: pa.Array) -> Any:
    path = folder / f"{name}.parquet"
    four(name).to_parquet(path)
    with_column(path, column, values)
    return order(folder, **{name: path})


@pytest.mark.parametrize("kind", READ)
def test_every_type_is_read_in_every_column(tmp_path, kind):
    files = {name: tmp_path / f"{name}.parquet" for name in COLUMNS}
    for name, path in files.items():
        four(name).to_parquet(path)
        for column in COLUMNS[name]:
            with_column(path, column, READ[kind])
    account = differanse(order(tmp_path, **(files | {"bygninger": Lagfil(files["bygninger"])})))
    adds_up(account)
    json.dumps(account, allow_nan=False)


@pytest.mark.parametrize(("name", "column"), EVERY)
def test_what_has_no_text_is_refused_with_its_rows(tmp_path, name, column):
    four(name).to_parquet(path := tmp_path / f"{name}.parquet")
    for kind, (values, said) in REFUSED.items():
        if column == "matrikkelenheter" and kind == "lists of several":
            continue
        with pytest.raises(SourceError) as caught:
            vektorfil.read(with_column(path, column, values), WANTED[name])
        assert str(path) in str(caught.value)
        assert said in str(caught.value)
        assert said == "UTF" or f"column {column!r}" in str(caught.value)


def test_a_list_of_one_is_its_value_and_bytes_are_their_text(tmp_path):
    statuses = itertools.product(([["3"], ["3"], [], ["2"]], [b"3", b"Vedtatt", None, b"2"]), (pa.array,))
    for values, made in statuses:
        account = differanse(asked(tmp_path, "planer", "planstatus", made(values)))
        assert account["areal"]["differanse_m2"] == pytest.approx(34_000)
        assert account["planer"]["utelatt"]["uten planstatus"]["ider"] == ["3"]


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (pa.array([D("12.00"), D("13.00"), D("14.00"), D("15.00")]), ["12", "13", "14"]),
        (pa.array([D("12.50"), D("13.00"), D("-0.00"), None]), ["12.5", "13", "0"]),
        (pa.array([12.0, 13.0, 14.0, None]), ["12", "13", "14"]),
        (pa.array([12, 13, 14, None], pa.float16()), ["12", "13", "14"]),
        (pa.array([2**53, 2**53 + 1, 2**63 - 1, None]), [str(2**53), str(2**53 + 1), str(2**63 - 1)]),
        (pa.array([uuid.UUID(int=i).bytes for i in range(4)], pa.uuid()), [str(uuid.UUID(int=i)) for i in range(3)]),
        (pa.array([["a"], ["b"], ["c"], []]), ["a", "b", "c"]),
    ],
)
def test_ids_are_text_without_a_false_fraction(tmp_path, values, ids):
    differanse(asked(tmp_path, "teiger", "teig_id", values))
    assert sorted(results(tmp_path)[1]["teig_id"]) == sorted(ids)


def test_units_of_a_teig_may_be_several_of_any_type(tmp_path):
    kinds = ([["46/1", "46/2"], ["1"], [], None], [[b"46/1", b"46/2"], [b"1"], [], None])
    for values in (*kinds, ["46/1; 46/2", "1", "", None], [[["46/1"], ["46/2"]], [["1"]], [], None]):
        differanse(asked(tmp_path, "teiger", "matrikkelenheter", pa.array(values)))
        assert [list(units) for units in results(tmp_path)[1]["matrikkelenheter"]] == [["46/1", "46/2"], ["1"], []]


@pytest.mark.parametrize(
    "suffix", ["gpkg", "shp", *(pytest.param(suffix, marks=pytest.mark.long) for suffix in ("geojson", "gml", "fgb"))]
)
def test_other_formats_are_read_or_refused_too(tmp_path, suffix):
    values = ([DAY.date()] * 4, [DAY] * 4, [b"3", b"\xff", b"3", b"3"], [["3"], ["4"], ["3"], []], [["3", "4"]] * 4,
              [{"a": 1}] * 4, [True, False, True, True], [2**63 - 1, 1, 2, 3], [1e300, 2.5, 3.0, None])  # fmt: skip
    ended = set()
    for given in values:
        files = {}
        for name, column in (("planer", "planstatus"), ("teiger", "teig_id")):
            for old in tmp_path.glob(f"{name}.*"):
                old.unlink()
            with contextlib.suppress(RuntimeError, ValueError, TypeError, OverflowError):  # the format has no such type
                files[name] = written(four(name).assign(**{column: given}), tmp_path / f"{name}.{suffix}")
        # Both at once, and when one of them is refused, the other alone.
        while files:
            try:
                adds_up(differanse(order(tmp_path, suffix=suffix, **files)))
                ended.add("read")
                break
            except SourceError as error:
                ended.add(at := str(error).split(": ")[0])
                assert at in map(str, files.values())
                files = {name: path for name, path in files.items() if str(path) != at}
    assert "read" in ended
    assert ended <= {"read", *(str(tmp_path / f"{name}.{suffix}") for name in COLUMNS)}


def test_repeated_elements_of_gml_come_as_lists(tmp_path):
    member = (
        '<gml:featureMember><p:plan gml:id="p{0}">{1}<p:omr><gml:Polygon srsName="EPSG:25832" gml:id="g{0}">'
        "<gml:exterior><gml:LinearRing><gml:posList>600000 6600000 600000 6600100 600050 6600100 600050 6600000 "
        "600000 6600000</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></p:omr></p:plan>"
        "</gml:featureMember>"
    )
    once, twice = "<p:planstatus>3</p:planstatus>", "<p:planstatus>3</p:planstatus><p:planstatus>2</p:planstatus>"
    path = tmp_path / "planer.gml"
    path.write_text(
        '<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:p="http://p">'
        + member.format(1, once)
        + member.format(2, twice)
        + "</gml:FeatureCollection>"
    )
    refused(order(tmp_path, planer=path), "planer.gml", "'planstatus'", "2 (a list of 2)")


@pytest.mark.long
def test_the_command_ends_in_one_line(tmp_path):
    ask = asked(tmp_path, "planer", "planstatus", pa.array([["3", "4"], [], [], []]))
    files = [f"--{name}={source.sti}" for name, source in ask.lag.items()]
    done = tomt(tmp_path, *files, "--ut", "ut")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip().splitlines()[-1].startswith(f"Error: {ask.planer.sti}: column 'planstatus'")
    assert "Traceback" not in done.stderr
