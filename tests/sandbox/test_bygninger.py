"""The invented buildings and purposes: how many, where, every trap in its place, and how they are served."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import shapely
from lxml import etree
from owslib.wfs import WebFeatureService

from tasks.sandbox.bygning_wfs import APP, PATH
from tasks.sandbox.formaal import BOLIG, KODE
from tasks.sandbox.kommune import Bygning, OppdiktetKommune, PlanObjekt, invent, numre
from tasks.sandbox.upstream import UpstreamServer
from tests.waiting import PATIENCE_S

VN2 = "reguleringsplaner/vn2"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "real" / "bygning_wfs_excerpt.gml"
FES = (
    f'<fes:Filter xmlns:fes="http://www.opengis.net/fes/2.0" xmlns:app="{APP}"><fes:PropertyIsEqualTo>'
    "<fes:ValueReference>app:kommunenummer</fes:ValueReference><fes:Literal>{}</fes:Literal>"
    "</fes:PropertyIsEqualTo></fes:Filter>"
)


@pytest.fixture(
    params=[pytest.param(n, marks=() if n == "0099" else pytest.mark.long) for n in numre()],  # each is made alike
    scope="module",
)
def kommune(request: pytest.FixtureRequest) -> OppdiktetKommune:
    return invent(request.param)


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    with (
        UpstreamServer(username="a", password="b") as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE_S) as one,
    ):
        yield one


def one(kommune: OppdiktetKommune, trap: str) -> Bygning:
    (found,) = (b for b in kommune.bygninger if str(b.bygning_id) in kommune.traps[trap].ids)
    return found


def fields(kommune: OppdiktetKommune, trap: str | None = None) -> list[PlanObjekt]:
    every = [o for slag in KODE for o in kommune.plan[f"{VN2}/{slag}"]]
    return [o for o in every if trap is None or o["properties"]["identifikasjon.lokalId"] in kommune.traps[trap].ids]


def code(felt: PlanObjekt) -> str:
    return str(felt["properties"][KODE[str(felt["properties"]["objekttypenavn"])]])


def is_housing(felt: PlanObjekt) -> bool:
    return code(felt) in BOLIG[str(felt["properties"]["objekttypenavn"])]


def planid(objekt: PlanObjekt) -> object:
    return objekt["properties"]["arealplanId.planidentifikasjon"]


# --- buildings ---


def zones(kommune: OppdiktetKommune, status: set[str | None]) -> shapely.Geometry:
    rows = [o for slag in ("KpArealformålOmråde", "KpArealbrukOmråde") for o in kommune.plan[f"kommuneplaner/{slag}"]]
    shapes = [
        shapely.make_valid(o["geometry"])
        for o in rows
        if (o["properties"].get("arealformål") == "1110" or o["properties"].get("arealbruk") == "110")
        and o["properties"]["arealbruksstatus"] in status
        and o["properties"]["arealplanId.planidentifikasjon"] == f"{kommune.nummer}_KPA2022"
    ]
    return shapely.union_all(shapes)


def test_land_in_use_is_built_on_and_land_to_come_is_not(kommune: OppdiktetKommune) -> None:
    points = np.array([b.punkt for b in kommune.bygninger if b.punkt is not None])
    density = {}
    for name, status in {"in use": {"1", None, "3"}, "to come": {"2"}}.items():
        land = zones(kommune, status)
        shapely.prepare(land)
        density[name] = shapely.contains(land, points).sum() / (land.area / 10_000)
    assert density["in use"] > 2  # a hectare
    assert density["to come"] < density["in use"] / 3
    teiger = shapely.STRtree([t.geometri for t in kommune.teiger])
    odd = {b.bygning_id for trap in ("bygning_nabo", "bygning_uten_geometri") for b in [one(kommune, trap)]}
    inside = [b.punkt for b in kommune.bygninger if b.bygning_id not in odd]
    assert set(teiger.query(inside, predicate="intersects")[0].tolist()) == set(range(len(inside)))


def test_ids_are_unique_but_for_the_one_that_comes_twice(kommune: OppdiktetKommune) -> None:
    ids = [b.bygning_id for b in kommune.bygninger]
    (twice,) = kommune.traps["bygning_dobbel"].ids
    assert len(ids) == len(set(ids)) + 1
    assert ids.count(int(twice)) == 2


@pytest.mark.parametrize("status", ["GR", "BR", "BF"])
def test_what_is_gone_or_soon_will_be_stands_alone_on_free_land(kommune: OppdiktetKommune, status: str) -> None:
    building = one(kommune, f"bygning_{status}")
    assert building.status == status
    assert zones(kommune, {"2"}).contains(building.punkt)
    (teig,) = [t.geometri for t in kommune.teiger if t.geometri.intersects(building.punkt)]
    assert [b for b in kommune.bygninger if b.punkt is not None and teig.intersects(b.punkt)] == [building]


def test_buildings_that_mislead(kommune: OppdiktetKommune) -> None:
    neighbours = one(kommune, "bygning_nabo")
    assert neighbours.kommunenummer == kommune.nabo
    assert 3 < kommune.grense.distance(neighbours.punkt) < 11
    assert zones(kommune, {"1", "2", "3", None}).distance(neighbours.punkt) < 30
    border = one(kommune, "bygning_paa_teiggrense").punkt
    touching = [t.geometri for t in kommune.teiger if t.geometri.intersects(border)]
    assert len(touching) == 2
    assert all(shape.boundary.distance(border) == 0 for shape in touching)
    assert one(kommune, "bygning_uten_geometri").punkt is None


# --- purposes ---


def test_most_purposes_on_housing_land_are_housing_and_some_are_not(kommune: OppdiktetKommune) -> None:
    land = zones(kommune, {"1", "2", "3", None})
    shapes = np.array([shapely.make_valid(o["geometry"]) for o in fields(kommune)])
    shares = shapely.area(shapely.intersection(shapes, land))
    housing = np.array([is_housing(o) for o in fields(kommune)])
    assert 0.5 < shares[housing].sum() / shares.sum() < 0.9
    codes = {code(o) for o, share in zip(fields(kommune), shares, strict=True) if share > 500}
    assert {"2011", "310"} & codes
    assert {"3001", "410"} <= codes


@pytest.mark.parametrize(
    ("trap", "slag"), [("formaal_ikke_bolig", "RpArealformålOmråde"), ("formaal_rb_ikke_bolig", "RbFormålOmråde")]
)
def test_a_plan_that_is_wholly_not_housing(kommune: OppdiktetKommune, trap: str, slag: str) -> None:
    found = fields(kommune, trap)
    assert {o["properties"]["objekttypenavn"] for o in found} == {slag}
    assert not any(map(is_housing, found))
    (plan,) = {planid(o) for o in found}
    assert [o for o in fields(kommune) if planid(o) == plan] == found
    (extent,) = [o for o in kommune.plan[f"{VN2}/RpOmråde"] if planid(o) == plan]
    assert (extent["properties"]["planstatus"], extent["properties"]["vertikalnivå"]) == ("3", "2")
    land = zones(kommune, {"1", "2", "3", None})
    assert sum(shapely.intersection(o["geometry"], land).area for o in found) > 2_000


def test_a_plan_that_is_partly_housing(kommune: OppdiktetKommune) -> None:
    found = fields(kommune, "formaal_delvis")
    assert len({planid(o) for o in found}) == 1
    assert any(code(o) == "1161" for o in found)


def test_purposes_that_mislead(kommune: OppdiktetKommune) -> None:
    (under,) = fields(kommune, "formaal_under_grunnen")
    assert (under["properties"]["vertikalnivå"], is_housing(under)) == ("1", False)
    over = [
        o
        for o in fields(kommune)
        if o is not under and planid(o) == planid(under) and o["geometry"].equals(under["geometry"])
    ]
    assert [is_housing(o) for o in over] == [True]
    (missing,) = fields(kommune, "formaal_uten_nivaa")
    assert (missing["properties"]["vertikalnivå"], is_housing(missing)) == (None, False)
    (unknown,) = fields(kommune, "formaal_ukjent_kode")
    assert code(unknown) == "9999"


# --- how they are served ---


def question(**more: str) -> dict[str, str]:
    return {"service": "WFS", "version": "2.0.0", "request": "GetFeature", "typeNames": "app:Bygning"} | more


def test_each_building_comes_under_the_kommune_that_it_is_registered_in(client: httpx.Client) -> None:
    kommune = invent("0099")
    own = [b for b in kommune.bygninger if b.kommunenummer == "0099"]
    body = client.get(PATH, params=question(filter=FES.format("0099"))).content
    root = etree.fromstring(body)
    assert (root.get("numberMatched"), root.get("numberReturned")) == ("unknown", "0")
    assert [int(e.text or 0) for e in root.iter(f"{{{APP}}}bygningId")] == [b.bygning_id for b in own]
    hits = etree.fromstring(client.get(PATH, params=question(filter=FES.format("0099"), resultType="hits")).content)
    assert hits.get("numberMatched") == str(len(own)) == str(len(kommune.bygninger) - 1)
    neighbours = etree.fromstring(client.get(PATH, params=question(filter=FES.format(kommune.nabo))).content)
    assert len(neighbours) == 1


def test_a_service_serves_its_own_type_alone(client: httpx.Client) -> None:
    answer = client.get(PATH, params=question(typeNames="app:Teig"))
    assert answer.status_code == 400
    assert b"Feature type with name 'Teig' is not served" in answer.content


def test_capabilities_name_the_type(client: httpx.Client) -> None:
    wfs = WebFeatureService(str(client.base_url).rstrip("/") + PATH, version="2.0.0")
    assert list(wfs.contents) == ["app:Bygning"]
    described = client.get(PATH, params={"request": "DescribeFeatureType"}).content
    assert etree.fromstring(described).get("targetNamespace") == APP


@pytest.mark.skipif(not REAL.exists(), reason="../shared is not beside this checkout")
def test_elements_stand_as_in_the_real_answer(client: httpx.Client) -> None:
    def outline(root: etree._Element) -> list[str]:
        bygning = root.find(f".//{{{APP}}}Bygning")
        assert bygning is not None
        names = [etree.QName(e).localname for e in bygning.iter() if isinstance(e.tag, str)]
        return list(dict.fromkeys(names))  # a building has any number of Bruksenhet

    ours = etree.fromstring(client.get(PATH, params=question(filter=FES.format("0099"), count="1")).content)
    assert outline(ours) == outline(etree.parse(str(REAL)).getroot())
