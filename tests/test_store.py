"""Files under geodata/: snapshots, contracts at every write, and what happens when the disk says no."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import pytest
from shapely import box

from tasks import store
from tasks.answer import Provenance
from tasks.contracts import GRENSER, TEIGER, Contract
from tasks.errors import BusyError, ContractError, StoreError
from tasks.store import Geodata
from tasks.tomtekontrakter import SCORER


@pytest.fixture
def geodata(tmp_path) -> Geodata:
    return Geodata(tmp_path / "geodata")


def boundary(number: str = "0099") -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"kommunenummer": [number], "kommunenavn": ["X"]}, geometry=[box(0, 0, 1, 1)], crs=25833)


def provenance(sha256: str, hentet_tid: str = "2026-11-21T08:00:00.5+00:00") -> Provenance:
    return Provenance(
        kilde="prøve",
        adresse="https://kilde.example",
        hentet_tid=hentet_tid,
        antall_ventet=1,
        antall_mottatt=1,
        sha256=sha256,
        crs="EPSG:25833",
        lisens="CC BY 4.0",
    )


class Written:
    """An answer that writes a boundary."""

    def write(self, path: Path, provenance: Provenance) -> None:
        frame = boundary()
        frame.attrs = {"provenance": provenance.as_dict()}
        frame.to_parquet(path)


def day(number: int) -> str:
    return f"2026-01-{number:02}T08:00:00.5+00:00"


def test_the_newest_snapshot_is_the_good_one_and_says_where_it_is_from(geodata):
    assert geodata.latest("prøve", "0099") is None
    first = geodata.keep(Written(), "0099", provenance("a", day(21)))
    later = geodata.keep(Written(), "0099", provenance("b", day(22)))
    assert first.name < later.name
    assert geodata.latest("prøve", "0099") == later
    assert geodata.provenance(first) == provenance("a", day(21))
    assert geodata.latest("prøve", "7001") is None


def test_a_source_is_seen_when_it_says_the_same_again(geodata):
    geodata.keep(Written(), "0099", provenance("a", day(21)))
    assert geodata.seen("prøve", "0099") == (datetime.fromisoformat(day(21)), None)
    geodata.confirm("prøve", "0099", datetime.fromisoformat(day(23)), kopidato="2026-01-22")
    assert geodata.seen("prøve", "0099") == (datetime.fromisoformat(day(23)), "2026-01-22")
    (geodata.raw_folder("prøve", "0099") / "sett.json").write_text("{")
    assert geodata.seen("prøve", "0099").tid == datetime.fromisoformat(day(21))
    with pytest.raises(StoreError, match="no snapshot"):
        geodata.seen("prøve", "7001")


def test_an_answer_that_is_held_back_waits_for_a_person(geodata):
    good = geodata.keep(Written(), "0099", provenance("a", day(21)))
    held = geodata.hold(Written(), "0099", provenance("b", day(22)))
    assert geodata.hold(Written(), "0099", provenance("b", day(23))) == held  # the same again
    assert geodata.held("prøve", "0099") == held
    assert geodata.latest("prøve", "0099") == good
    approved = geodata.approve_held("prøve", "0099")
    assert geodata.latest("prøve", "0099") == approved
    assert geodata.provenance(approved).sha256 == "b"
    assert geodata.held("prøve", "0099") is None
    with pytest.raises(StoreError, match="nothing is held back"):
        geodata.approve_held("prøve", "0099")


def test_what_a_person_has_rejected_does_not_come_again(geodata):
    good = geodata.keep(Written(), "0099", provenance("a", day(21)))
    geodata.hold(Written(), "0099", provenance("b", day(22)))
    geodata.reject_held("prøve", "0099")
    assert geodata.held("prøve", "0099") is None
    assert geodata.hold(Written(), "0099", provenance("b", day(23))) is None
    other = geodata.hold(Written(), "0099", provenance("c", day(24)))
    assert geodata.held("prøve", "0099") == other
    assert geodata.latest("prøve", "0099") == good


def test_a_good_answer_puts_an_end_to_what_is_held_back(geodata):
    geodata.keep(Written(), "0099", provenance("a", day(21)))
    geodata.hold(Written(), "0099", provenance("b", day(22)))
    geodata.keep(Written(), "0099", provenance("c", day(23)))
    assert geodata.held("prøve", "0099") is None


def test_old_snapshots_go_but_never_the_newest_ones(geodata):
    old = [geodata.keep(Written(), "0099", provenance(str(n), f"2020-01-0{n}T08:00:00+00:00")) for n in range(1, 6)]
    new = geodata.keep(Written(), "0099", provenance("n", datetime.now(UTC).isoformat()))
    assert geodata.prune("prøve", "0099", antall=3, dager=400) == old[:3]
    assert sorted(geodata.raw_folder("prøve", "0099").glob("*Z.parquet")) == [*old[3:], new]
    assert geodata.prune("prøve", "0099", antall=1, dager=36500) == []


def test_a_frame_that_breaks_its_contract_leaves_the_file_as_it_was(geodata):
    path = geodata.write(boundary(), "0099", layer="core", contract=GRENSER)
    before = path.read_bytes()
    with pytest.raises(ContractError, match="kommunenavn"):
        geodata.write(boundary().drop(columns="kommunenavn"), "0099", layer="core", contract=GRENSER)
    assert path.read_bytes() == before


def test_a_frame_comes_back_as_it_was_written(geodata):
    frame = gpd.GeoDataFrame(
        {
            "teig_id": ["1", "2"],
            "kommunenummer": ["0099", "0099"],
            "matrikkelenheter": [["0099-1/2/0/0", "0099-1/3/0/0"], []],
            "matrikkelnummer_tekst": ["1/2,3", None],
            "registrert_areal_m2": [10.0, float("nan")],
            "har_tvist": [False, True],
        },
        geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)],
        crs=25833,
    )
    geodata.write(frame, "0099", layer="core", contract=TEIGER)
    back = geodata.read("0099", layer="core", contract=TEIGER)
    assert back["matrikkelenheter"].tolist() == frame["matrikkelenheter"].tolist()
    assert back["matrikkelnummer_tekst"].tolist() == ["1/2,3", None]
    assert back.geometry.geom_equals(frame.geometry).all()
    assert geodata.read("7001", layer="core", contract=TEIGER) is None


@pytest.mark.parametrize("contract", [GRENSER, TEIGER, SCORER])
def test_a_frame_without_rows_can_be_written(geodata, contract: Contract):
    geodata.write(contract.empty(), "0099", layer="core", contract=contract)
    assert len(geodata.read("0099", layer="core", contract=contract)) == 0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kommunenummer": [301]}, "kommunenummer"),
        ({"kommunenummer": [None]}, "without a value"),
        ({"geometry": [None]}, "without Polygon or MultiPolygon"),
        ({"geometry": [box(0, 0, 1, 1).boundary]}, "without Polygon or MultiPolygon"),
        ({"ukjent": ["x"]}, "ukjent"),
    ],
)
def test_the_contract_names_what_is_wrong(change, says):
    frame = boundary().assign(**{k: v for k, v in change.items() if k != "geometry"})
    if "geometry" in change:
        frame = frame.set_geometry(gpd.GeoSeries(change["geometry"], crs=25833))
    with pytest.raises(ContractError, match=says):
        GRENSER.check(frame)


def test_a_key_that_stands_twice_and_a_wrong_crs_are_refused():
    twice = gpd.GeoDataFrame(gpd.pd.concat([boundary(), boundary()], ignore_index=True), crs=25833)
    with pytest.raises(ContractError, match="not unique"):
        GRENSER.check(twice)
    with pytest.raises(ContractError, match="EPSG:25833"):
        GRENSER.check(boundary().set_crs(25832, allow_override=True))


def test_a_full_disk_is_said_and_leaves_the_old_file(geodata, monkeypatch):
    path = geodata.write(boundary(), "0099", layer="core", contract=GRENSER)
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(store.os, "replace", full)
    with pytest.raises(StoreError, match="no space left"):
        geodata.write(boundary("7001"), "0099", layer="core", contract=GRENSER)
    assert path.read_bytes() == before
    assert list(path.parent.glob(".*tmp")) == []


def test_a_file_has_reached_the_disk_before_it_takes_its_place_and_its_name_after(geodata, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(handle: int) -> None:
        order.append(("fsync", os.path.basename(os.readlink(f"/proc/self/fd/{handle}"))))
        fsync(handle)

    def recorded_replace(source: object, target: object) -> None:
        order.append(("replace", os.path.basename(str(target))))
        replace(source, target)

    monkeypatch.setattr(store.os, "fsync", recorded_fsync)
    monkeypatch.setattr(store.os, "replace", recorded_replace)
    path = geodata.write(boundary(), "0099", layer="core", contract=GRENSER)
    (first, written), *rest = order
    assert (first, written.endswith(".tmp")) == ("fsync", True)
    assert rest == [("replace", "0099.parquet"), ("fsync", path.parent.name)]


@pytest.mark.parametrize("surprise", [KeyboardInterrupt, ValueError])
def test_nothing_half_is_left_whatever_goes_wrong(geodata, monkeypatch, surprise):
    path = geodata.write(boundary(), "0099", layer="core", contract=GRENSER)

    def fails(*_: object) -> None:
        raise surprise

    monkeypatch.setattr(store.os, "replace", fails)
    with pytest.raises(surprise):
        geodata.write(boundary("7001"), "0099", layer="core", contract=GRENSER)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_too_little_space_is_refused_before_anything_starts(geodata, monkeypatch):
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(100, 99, 1))
    with pytest.raises(StoreError, match="TOMT_GEODATA"):
        geodata.ensure_usable()


def test_a_damaged_file_is_named(geodata):
    path = geodata.write(boundary(), "0099", layer="core", contract=GRENSER)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"0099\.parquet: cannot be read"):
        geodata.read("0099", layer="core", contract=GRENSER)


def test_the_lock_holds_between_processes_and_falls_with_its_holder(geodata):
    geodata.ensure_usable()
    code = (
        "import sys; from pathlib import Path; from tasks.store import Geodata\n"
        f"with Geodata(Path({str(geodata.root)!r})).lock('0099'):\n"
        "    print('held', flush=True); sys.stdin.read()"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(BusyError, match="0099"), geodata.lock("0099"):
        pass
    with geodata.lock("7001"):
        pass
    holder.kill()
    holder.communicate()
    with geodata.lock("0099"):
        pass


def test_attributes_come_without_the_geometry_and_with_columns_younger_than_the_file(geodata):
    frame = gpd.GeoDataFrame(
        {"id": ["a"], "navn": [None], "ider": [["x", "y"]]}, geometry=[box(0, 0, 1, 1)], crs=25833
    ).astype({"navn": object})
    old = Contract("ting", {"id": "text", "navn": "text", "ider": "texts"}, key=("id",))
    geodata.write(frame, "0099", layer="out", contract=old)
    young = Contract("ting", {**old.columns, "slag": "text"}, key=("id",), defaults={"slag": "ukjent"})
    (row,) = geodata.attributes("0099", layer="out", contract=young).to_dict("records")
    assert row == {"id": "a", "navn": None, "ider": ["x", "y"], "slag": "ukjent"}
    assert geodata.attributes("7001", layer="out", contract=young) is None
