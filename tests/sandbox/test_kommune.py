"""The invented municipalities: the same everywhere, of a real kommune's make, with every trap in its place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import shapely

from tasks.sandbox.kommune import TRAPS, Bygning, OppdiktetKommune, PlanObjekt, Teig, invent, numre
from tasks.sandbox.soner import BOKSTAVER
from tasks.sandbox.utkast import fakta

REPO = Path(__file__).parents[2]
KOMMUNER = REPO.parent / "shared" / "data" / "kommuner" / "Kommuner-S.geojson"
HASH = """
import hashlib, json, sys
import shapely
from tasks.sandbox.kommune import invent
kommune = invent(sys.argv[1])
digest = hashlib.sha256(shapely.to_wkb(kommune.grense))
for name, objects in sorted(kommune.plan.items()):
    for o in objects:
        digest.update(json.dumps([name, o["id"], o["properties"]]).encode())
        digest.update(shapely.to_wkb(o["geometry"]) or b"null")
for teig in kommune.teiger:
    digest.update(repr(teig).encode() + shapely.to_wkb(teig.geometri))
digest.update(repr(kommune.bygninger).encode())
print(digest.hexdigest())
"""
VN2 = "reguleringsplaner/vn2/RpOmråde"


@pytest.fixture(
    params=[pytest.param(n, marks=() if n == "0099" else pytest.mark.long) for n in numre()],  # each is made alike
    scope="module",
)
def kommune(request: pytest.FixtureRequest) -> OppdiktetKommune:
    return invent(request.param)


def objects(kommune: OppdiktetKommune, trap: str) -> list[PlanObjekt]:
    ids = kommune.traps[trap].ids
    found = {str(o["properties"]["identifikasjon.lokalId"]): o for rows in kommune.plan.values() for o in rows}
    return [found[one] for one in ids]


def teiger(kommune: OppdiktetKommune, trap: str) -> list[Teig]:
    ids = set(kommune.traps[trap].ids)
    return [teig for teig in kommune.teiger if str(teig.teig_id) in ids]


def housing_zones(kommune: OppdiktetKommune) -> list[shapely.Geometry]:
    rows = kommune.plan["kommuneplaner/KpArealformålOmråde"]
    planid = f"{kommune.nummer}_KPA2022"
    return [
        shapely.make_valid(shapely.force_2d(o["geometry"]))
        for o in rows
        if o["properties"]["arealformål"] == "1110" and o["properties"]["arealplanId.planidentifikasjon"] == planid
    ]


def bygninger(kommune: OppdiktetKommune, trap: str) -> list[Bygning]:
    ids = set(kommune.traps[trap].ids)
    return [bygning for bygning in kommune.bygninger if str(bygning.bygning_id) in ids]


def overlap(kommune: OppdiktetKommune, o: PlanObjekt) -> float:
    return float(shapely.area(shapely.intersection(housing_zones(kommune), o["geometry"])).sum())


def settled(kommune: OppdiktetKommune) -> shapely.Geometry:
    shapes = [
        shapely.make_valid(o["geometry"])
        for o in kommune.plan[VN2]
        if o["properties"]["planstatus"] == "3" and o["properties"]["vertikalnivå"] == "2" and o["geometry"] is not None
    ]
    return shapely.union_all(shapes)


@pytest.mark.long
def test_two_processes_make_the_same_bytes() -> None:
    def digest() -> str:
        done = subprocess.run(
            [sys.executable, "-c", HASH, "0099"], cwd=REPO, capture_output=True, text=True, check=True
        )
        return done.stdout

    first = digest()
    assert len(first.strip()) == 64
    assert first == digest()


def test_counts_are_those_of_the_config(kommune: OppdiktetKommune) -> None:
    facts = fakta()[kommune.nummer]
    rows = [*kommune.plan["kommuneplaner/KpArealformålOmråde"], *kommune.plan["kommuneplaner/KpArealbrukOmråde"]]
    assert abs(len(rows) - facts.soner) <= 10
    assert abs(len(kommune.teiger) - facts.teiger) <= 5
    assert abs(len(kommune.plan[VN2]) - 1.1 * facts.soner) <= 25
    bolig = sum(o["properties"].get("arealformål") == "1110" for o in rows)
    assert 0.25 < bolig / len(rows) < 0.45
    assert "oppdiktet" in kommune.navn


def test_every_code_has_letters_for_its_name(kommune: OppdiktetKommune) -> None:
    rows = kommune.plan["kommuneplaner/KpArealformålOmråde"]
    assert {str(o["properties"]["arealformål"]) for o in rows} <= set(BOKSTAVER)


def test_ids_are_unique_in_all_three() -> None:
    rows = [o for nummer in numre() for rows in invent(nummer).plan.values() for o in rows]
    assert len({o["id"] for o in rows}) == len(rows)
    assert len({o["properties"]["identifikasjon.lokalId"] for o in rows}) == len(rows)


def test_unknown_kommune_says_which_there_are() -> None:
    with pytest.raises(KeyError, match="0099, 7001, 7002"):
        invent("0301")


@pytest.mark.skipif(not KOMMUNER.exists(), reason="../shared is not beside this checkout")
def test_no_real_kommune_lies_there(kommune: OppdiktetKommune) -> None:
    import geopandas as gpd

    real = gpd.read_file(KOMMUNER).to_crs(25833)
    assert kommune.nummer not in set(real["kommunenummer"])
    assert real.distance(kommune.grense).min() > 30_000


def test_land_is_sound(kommune: OppdiktetKommune) -> None:
    grense = kommune.grense
    assert grense.is_valid
    assert all(teig.geometri.is_valid for teig in kommune.teiger)
    found = {teig.teig_id: teig.geometri for teig in kommune.teiger}
    shapes = np.array(list(found.values()))
    assert shapely.area(shapely.difference(shapes, grense)).max() < 1.0
    # Neighbouring teiger share borders: they may touch but never lie on each other.
    tree = shapely.STRtree(shapes)
    a, b = tree.query(shapes, predicate="overlaps")
    assert shapely.area(shapely.intersection(shapes[a], shapes[b])).max(initial=0.0) < 0.5
    areas = shapely.area(shapes)
    villa = (areas > 500) & (areas < 1_600)
    assert villa.mean() > 0.3
    assert ((areas > 5_000) & (areas < 300_000)).mean() > 0.08
    if kommune.nummer == "0099":
        assert len(grense.geoms) == 2
        assert len(grense.geoms[0].interiors) == 1
        assert shapely.get_coordinates(grense)[:, 0].max() < 0


def test_zones_of_the_plan_tile_without_overlap(kommune: OppdiktetKommune) -> None:
    odd = {one for name in ("overlapp", "stikker_ut", "strimmel", "sloyfe") for one in kommune.traps[name].ids}
    planid = f"{kommune.nummer}_KPA2022"
    shapes = np.array(
        [
            shapely.force_2d(o["geometry"])
            for name in ("KpArealformålOmråde", "KpArealbrukOmråde")
            for o in kommune.plan[f"kommuneplaner/{name}"]
            if o["properties"]["arealplanId.planidentifikasjon"] == planid
            and o["properties"]["identifikasjon.lokalId"] not in odd
        ]
    )
    assert shapely.is_valid(shapes).all()
    assert float(shapely.area(shapes).sum() - shapely.union_all(shapes).area) < 5.0


def test_lots_come_in_realistic_numbers(kommune: OppdiktetKommune) -> None:
    """Housing zones minus settled plans, cut by teig, at least 1,000 m² (the pure housing class alone)."""
    rest = shapely.get_parts(shapely.difference(shapely.union_all(housing_zones(kommune)), settled(kommune)))
    rest = rest[shapely.area(rest) >= 2_000]
    shapes = np.array([t.geometri for t in {t.teig_id: t for t in kommune.teiger}.values()])
    a, b = shapely.STRtree(shapes).query(rest, predicate="intersects")
    pieces = shapely.get_parts(shapely.intersection(rest[a], shapes[b]))
    lots = int((shapely.area(pieces) >= 1_000).sum())
    low, high = {"0099": (60, 140), "7001": (250, 500), "7002": (700, 1_500)}[kommune.nummer]
    assert low <= lots <= high


# --- the traps -------------------------------------------------------------------------------------------------


def test_every_trap_is_laid(kommune: OppdiktetKommune) -> None:
    assert set(kommune.traps) == set(TRAPS)
    assert all(trap.ids for trap in kommune.traps.values())
    of_teiger = {"bue", "hull_teig", "dobbel_teig"}
    for name in kommune.traps:
        found = bygninger if name.startswith("bygning_") else teiger if name in of_teiger else objects
        assert found(kommune, name)


def test_kommunedelplan_changes_housing_both_ways(kommune: OppdiktetKommune) -> None:
    extent, *zones = objects(kommune, "kdp_over_kpa")
    assert extent["properties"]["plantype"] == "21"
    assert overlap(kommune, extent) > 2_000
    ikke_bolig = [o for o in zones if o["properties"]["arealformål"] == "3001"]
    assert sum(overlap(kommune, o) for o in ikke_bolig) > 1_000
    bolig = [o for o in zones if o["properties"]["arealformål"] == "1110"]
    assert sum(o["geometry"].area - overlap(kommune, o) for o in bolig) > 1_000


@pytest.mark.parametrize("status", ["1", "2", "4", "5", "6", "8"])
def test_unsettled_plan_lies_over_land_that_no_adopted_plan_takes(kommune: OppdiktetKommune, status: str) -> None:
    (plan,) = objects(kommune, f"planstatus_{status}")
    assert plan["properties"]["planstatus"] == status
    free = shapely.difference(plan["geometry"], settled(kommune))
    hit = shapely.area(shapely.intersection(housing_zones(kommune), free)).sum()
    assert hit > 2_000


@pytest.mark.parametrize(("trap", "vn", "nivaa"), [("tunnel", 1, "1"), ("bru", 3, "3"), ("tunnel_i_vn2", 2, "1")])
def test_levels_cross_housing(kommune: OppdiktetKommune, trap: str, vn: int, nivaa: str) -> None:
    (plan,) = objects(kommune, trap)
    assert plan in kommune.plan[f"reguleringsplaner/vn{vn}/RpOmråde"]
    assert (plan["properties"]["vertikalnivå"], plan["properties"]["planstatus"]) == (nivaa, "3")
    assert overlap(kommune, plan) > 1_000


@pytest.mark.parametrize(("trap", "status"), [("kp_utgaatt", "5"), ("kp_forslag", "2")])
def test_other_kommuneplaner_give_housing_where_there_is_none(
    kommune: OppdiktetKommune, trap: str, status: str
) -> None:
    extent, zone = objects(kommune, trap)
    assert extent["properties"]["planstatus"] == status
    same = "arealplanId.planidentifikasjon"
    assert zone["properties"][same] == extent["properties"][same]
    assert zone["properties"]["arealformål"] == "1110"
    assert zone["geometry"].area > 5_000
    strip = objects(kommune, "strimmel")[0]["geometry"].area
    assert overlap(kommune, zone) <= strip + 0.01


def test_same_plan_comes_twice(kommune: OppdiktetKommune) -> None:
    rows = objects(kommune, "dobbel_plan")
    for first, copy in zip(rows[::2], rows[1::2], strict=True):
        assert first["properties"]["arealplanId.kommunenummer"] == kommune.nummer
        assert copy["properties"]["arealplanId.kommunenummer"] == kommune.gammelt_nummer
        name = "arealplanId.planidentifikasjon"
        assert copy["properties"][name] == first["properties"][name] != ""
        assert copy["geometry"].equals(first["geometry"])


def test_shapes_that_mislead(kommune: OppdiktetKommune) -> None:
    crossed = objects(kommune, "sloyfe")
    assert {o["properties"]["objekttypenavn"] for o in crossed} == {"KpArealformålOmråde", "RpOmråde"}
    assert not any(o["geometry"].is_valid for o in crossed)
    assert all("Self-intersection" in shapely.is_valid_reason(o["geometry"]) for o in crossed)
    (strip,) = objects(kommune, "strimmel")
    assert strip["geometry"].area == pytest.approx(320.0)
    (hole,) = objects(kommune, "hull_sone")
    assert len(hole["geometry"].interiors) == 1
    (garasjer,) = objects(kommune, "garasjer")
    assert shapely.Polygon(hole["geometry"].interiors[0]).equals(garasjer["geometry"])
    (high,) = objects(kommune, "z_koordinat")
    assert high["geometry"].has_z
    (null,) = objects(kommune, "null_geometri")
    assert null["geometry"] is None


def test_narrow_remainder(kommune: OppdiktetKommune) -> None:
    (plan,) = objects(kommune, "smal_rest")
    zones = housing_zones(kommune)
    zone = zones[int(np.argmax(shapely.area(shapely.intersection(zones, plan["geometry"]))))]
    rim = shapely.difference(zone, plan["geometry"])
    assert rim.area > 1_000
    assert rim.buffer(-5.5).is_empty


def test_gap_and_overlap(kommune: OppdiktetKommune) -> None:
    a, b = (o["geometry"] for o in objects(kommune, "glippe"))
    facing = shapely.intersection(a.buffer(0.5), b).area
    assert shapely.intersection(a, b).area == 0
    assert a.distance(b) < 0.31
    assert facing > 4
    a, b = (o["geometry"] for o in objects(kommune, "overlapp"))
    assert shapely.intersection(a, b).area > 0.3 * 35


def test_across_the_border(kommune: OppdiktetKommune) -> None:
    (out,) = objects(kommune, "stikker_ut")
    assert shapely.difference(out["geometry"], kommune.grense).area > 200
    for o in objects(kommune, "nabo_inn"):
        assert o["properties"]["arealplanId.kommunenummer"] == kommune.nabo
        assert o["properties"]["kopidata.områdeId"] == kommune.nummer
        assert shapely.intersection(o["geometry"], kommune.grense).area > 1_000
        assert shapely.difference(o["geometry"], kommune.grense).area > 1_000


def test_ways_of_writing(kommune: OppdiktetKommune) -> None:
    def one(trap: str, name: str) -> object:
        return objects(kommune, trap)[0]["properties"][name]

    assert one("dato_mangler", "ikrafttredelsesdato") is None
    assert one("dato_1800", "ikrafttredelsesdato") == "1800-01-01"
    assert one("dato_z", "ikrafttredelsesdato") == "2011-06-16Z"
    assert one("dato_flyttall", "vedtakEndeligPlanDato") == "20100615.0"
    assert str(one("navn_blanke", "plannavn")).endswith("   ")
    assert (one("link_tom", "link"), one("link_strek", "link")) == ("", "-")
    assert one("planid_tekst", "arealplanId.planidentifikasjon") == "2026/02282"
    assert one("detaljering_910", "detaljering") == "910"
    assert one("status_mangler", "arealbruksstatus") is None
    assert one("garasjer", "arealformål") == "1119"
    assert one("pbl1985_bolig", "arealbruk") == "110"
    assert one("pbl1985_erverv", "arealbruk") == "130"


def test_teiger_that_mislead(kommune: OppdiktetKommune) -> None:
    twice = teiger(kommune, "dobbel_teig")
    assert len(twice) == 2
    assert twice[0] == twice[1]
    outer, inner = teiger(kommune, "hull_teig")
    assert shapely.Polygon(outer.geometri.interiors[0]).equals(inner.geometri)
    arcs = teiger(kommune, "bue")
    assert len(arcs) >= 3
    assert all(teig.bue == 1 for teig in arcs)
    texts = {teig.tekst for teig in kommune.teiger}
    assert any("," in text for text in texts)
    assert any(text.count("/") == 2 and "," not in text for text in texts)
    assert any("/0/1" in text for text in texts)
    assert "" in texts or kommune.nummer == "0099"
    assert any(teig.tvist for teig in kommune.teiger)
