"""The download API: the invented kommuner as ordered files, and orders and archives that must not be trusted."""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from config.registers import Kommune
from tasks.sandbox.kommune import invent
from tasks.sandbox.nedlasting import DATASETT, archive
from tasks.sandbox.upstream import UpstreamServer
from tasks.sources import nedlasting
from tasks.sources.limits import Limits
from tasks.sources.refusal import NotHereError

from .asking import Asking
from .conftest import Handler, Upstream

TEIG, KP, RP = DATASETT
KP_LAG = ["KpOmråde", "KpArealformålOmråde", "KpArealbrukOmråde"]


@pytest.fixture(scope="module")
def local() -> Iterator[UpstreamServer]:
    with UpstreamServer(username="nap", password="hemmelig") as running:
        yield running


def test_plans_of_a_kommune_arrive_as_ordered(
    local: UpstreamServer, kommune: Kommune, limits: Limits, tmp_path: Path
) -> None:
    ask = Asking(nedlasting.read, f"{local.url}/nedlasting", protokoll="nedlasting", lag=KP_LAG, datasett=KP)
    rows = ask(kommune, limits, tmp_path)
    plan = invent("0099").plan
    services = ("kommuneplaner", "kommunedelplaner")
    expected = {
        o["properties"]["identifikasjon.lokalId"]: o for s in services for n in KP_LAG for o in plan.get(f"{s}/{n}", ())
    }
    assert ask.said is None
    assert set(rows["identifikasjon.lokalId"]) == set(expected)
    for lokal_id, row in rows.set_index("identifikasjon.lokalId").iterrows():
        o = expected[str(lokal_id)]
        assert row["arealplanId.planidentifikasjon"] == o["properties"]["arealplanId.planidentifikasjon"]
        assert row.geometry.area == pytest.approx(o["geometry"].area, abs=0.01)
    assert not list(tmp_path.rglob("*.gml"))  # what is read does not stay


def test_teiger_of_a_kommune_arrive_as_ordered(
    local: UpstreamServer, kommune: Kommune, limits: Limits, tmp_path: Path
) -> None:
    ask = Asking(
        nedlasting.read, f"{local.url}/nedlasting", protokoll="nedlasting", lag=["Teig"], datasett=TEIG, tema="teig"
    )
    rows = ask(kommune, limits, tmp_path)
    assert sorted(rows["teig_id"]) == sorted(str(t.teig_id) for t in invent("0099").teiger)


# --- orders and archives that must not be trusted ---


def zipped(*files: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in files:
            packed.writestr(name, content)
    return made.getvalue()


@cache
def gml_of(name: str = "plan.gml") -> tuple[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive(RP, "0099", 25833))) as packed:
        return name, packed.read(next(n for n in packed.namelist() if n.endswith(".gml")))


class Api:
    """A download API whose answers a test changes."""

    def __init__(self, url: str) -> None:
        self.area: Any = [{"type": "fylke", "code": "00"}, {"type": "kommune", "code": "0099", "name": "Tomtevik"}]
        self.projection: Any = [{"code": "25832"}, {"code": "25833", "name": "UTM33"}]
        self.format: Any = [{"name": "FGDB"}, {"name": "GML", "version": "3.2.1"}]
        self.receipt: dict[str, Any] = {"referenceNumber": "ref-1"}
        self.file: dict[str, Any] = {
            "name": "plan.zip",
            "downloadUrl": f"{url}/api/download/order/ref-1/1",
            "status": "ReadyForDownload",
        }
        self.archive = b""
        self.ordered: dict[str, Any] = {}

    def __call__(self, handler: Handler) -> None:
        path = handler.path
        if "/codelists/" in path:
            return handler.json(getattr(self, path.split("/")[3]))
        if "/download/" in path:
            return handler.send(self.archive, "application/zip")
        if handler.command == "POST":
            self.ordered = json.loads(handler.server.asked[-1].body)
        return handler.json({"files": [self.file]} | self.receipt)


@pytest.fixture
def api(upstream: Upstream) -> Api:
    made = Api(upstream.url)
    upstream.answer = made
    return made


@pytest.fixture
def ask(upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path) -> Callable[..., Any]:
    """Return a function that orders; `fails=True` gives the message of the refusal."""

    def call(*, fails: bool = True, **changed: Any) -> Any:
        lag = ["RpOmråde"]
        asking = Asking(nedlasting.read, upstream.url, protokoll="nedlasting", lag=lag, datasett=RP)
        small = replace(limits, **changed)
        before = {p for p in tmp_path.parent.rglob("*") if p.is_file()}
        if not fails:
            return asking(kommune, small, tmp_path)
        message = asking.fails(kommune, small, tmp_path)
        outside = {p for p in tmp_path.parent.rglob("*") if p.is_file()} - before
        assert all(p.is_relative_to(tmp_path) for p in outside)
        return message

    return call


def test_what_is_ordered(api: Api, ask: Callable[..., Any]) -> None:
    api.archive = zipped(gml_of(), ("lisens.txt", b"x"), ("mappe/lest.gml", gml_of()[1]))
    assert len(ask(fails=False)) == 2 * len(invent("0099").plan["reguleringsplaner/vn2/RpOmråde"])
    (line,) = api.ordered["orderLines"]
    assert line == {
        "metadataUuid": RP,
        "areas": [{"code": "0099", "type": "kommune", "name": "Tomtevik"}],
        "projections": [{"code": "25833", "name": "UTM33", "codespace": ""}],
        "formats": [{"name": "GML", "version": "3.2.1"}],
    }


def test_kommune_that_is_not_offered_is_not_covered(
    api: Api, upstream: Upstream, kommune: Kommune, limits: Limits, tmp_path: Path
) -> None:
    api.area = [{"type": "fylke", "code": "46"}, {"type": "landsdekkende", "code": "0000"}]
    asking = Asking(nedlasting.read, upstream.url, protokoll="nedlasting", lag=["RpOmråde"], datasett=RP)
    with pytest.raises(NotHereError, match=r"0099 Tomtevik.*2 areas \(fylke, landsdekkende\).*inbox"):
        asking(kommune, limits, tmp_path)


@pytest.mark.parametrize(
    ("list_of", "value", "said"),
    [
        ("projection", [{"code": "25832"}], "not to be had in EPSG:25833, but in 25832"),
        ("format", [{"name": "FGDB"}, {"name": "SOSI"}], "not to be had as GML, but as FGDB, SOSI"),
        ("area", {"error": "nei"}, "a JSON dict, no list"),
        ("area", ["a"], "no code list"),
    ],
)
def test_code_lists_that_do_not_fit(api: Api, ask: Callable[..., Any], list_of: str, value: Any, said: str) -> None:
    setattr(api, list_of, value)
    assert said in ask()


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        ({"referenceNumber": None}, "an order without a reference"),
        ({"referenceNumber": "../../admin"}, "an order without a reference"),
        ({"referenceNumber": ".."}, "an order without a reference"),
        ({"referenceNumber": "a..b"}, "an order without a reference"),
        ({"referenceNumber": "."}, "an order without a reference"),
        ({"files": []}, "an order without files"),
        ({"files": None}, "an order without files"),
        ({"files": [{}] * 51}, "51 files for one kommune"),
    ],
)
def test_receipts_that_are_none(api: Api, ask: Callable[..., Any], receipt: dict[str, Any], said: str) -> None:
    if "referenceNumber" in receipt and receipt["referenceNumber"] is None:
        api.receipt = {"files": []}
    else:
        api.receipt |= receipt
    message = ask()
    assert said in message


def test_file_that_will_not_come(api: Api, ask: Callable[..., Any], upstream: Upstream) -> None:
    api.file["status"] = "Error"
    assert "plan.zip is 'Error', and will not come" in ask()
    assert not [a for a in upstream.asked if "download" in a.path]


def test_file_that_is_never_ready_ends_at_the_deadline(api: Api, ask: Callable[..., Any], upstream: Upstream) -> None:
    api.file["status"] = "WaitingForProcessing"
    assert "not done within 0.5 s" in ask(sekunder_kilde=0.5)
    assert len([a for a in upstream.asked if a.path.endswith("/order/ref-1")]) > 1


@pytest.mark.parametrize(
    "url", ["http://evil.example/plan.zip", "file:///etc/passwd", "//evil.example/a", "http://127.0.0.1:1/x"]
)
def test_file_on_another_host_is_not_asked_for(api: Api, ask: Callable[..., Any], upstream: Upstream, url: str) -> None:
    api.file["downloadUrl"] = url
    assert "lies on another host" in ask()
    assert not [a for a in upstream.asked if "download" in a.path]


def link() -> zipfile.ZipInfo:
    made = zipfile.ZipInfo("plan.gml")
    made.external_attr = (stat.S_IFLNK | 0o777) << 16
    return made


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ([("../../ute.gml", b"x")], "leads outside the archive"),
        ([("/tmp/ute.gml", b"x")], "leads outside the archive"),
        ([(link(), b"/etc/passwd")], "is a link to another file"),
        ([("inne.zip", b"PK")], "a zip in a zip"),
        ([("bombe.gml", b" " * 60_000_000)], "60000000 bytes unpacked"),
        ([("les.txt", b"x")], "no GML in plan.zip, but les.txt"),
        ([], "an empty archive"),
    ],
)
def test_archives_that_are_not_unpacked(api: Api, ask: Callable[..., Any], files: Any, said: str) -> None:
    api.archive = zipped(*files)
    assert said in ask()


def test_archive_that_is_none_or_cut_short(api: Api, ask: Callable[..., Any]) -> None:
    whole = zipped(gml_of())
    for content in (b"<html>Logg inn</html>", whole[: len(whole) // 2]):
        api.archive = content
        ask()


def test_gml_that_is_cut_short(api: Api, ask: Callable[..., Any]) -> None:
    name, content = gml_of()
    api.archive = zipped((name, content[:-400]))
    assert "plan.gml" in ask()


@pytest.mark.parametrize("url", ["http://[", "http://127.0.0.1:x/a"])
def test_a_file_at_no_address(api: Api, ask: Callable[..., Any], upstream: Upstream, url: str) -> None:
    api.file["downloadUrl"] = url
    assert "is no address" in ask()
    assert not [a for a in upstream.asked if "download" in a.path]


def test_a_gml_of_other_types_beside_the_wanted_one(api: Api, ask: Callable[..., Any]) -> None:
    name, content = gml_of()
    other = content.replace("RpOmråde".encode(), b"RpGrense")
    assert other != content
    api.archive = zipped(("annet.gml", other), (name, content))
    assert len(ask(fails=False)) == len(invent("0099").plan["reguleringsplaner/vn2/RpOmråde"])
    api.archive = zipped(("annet.gml", other))
    assert "nothing of what was asked for" in ask()
