"""Rows of Områder: zones with areas, type and plan of the largest, links at a point inside."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import shapely

from tasks import contracts
from tasks.crm.rader.omraaderader import omraade_rows
from tasks.crm.rader.planer import Plan, Sone
from tests.crm.rader.rammer import area, frame_of

KPA, KDP = "3207_KPA-2023", "3207_KDP-7"
ZONES = {
    "s1": Sone("s1 (B3)", "1130 Sentrumsformål", "mulig", "2", KDP),
    "s2": Sone("s2 (B4)", "1110 Boligbebyggelse", "bolig", "2", KPA),
}
PLANS = {KPA: Plan("Planforslag", "2023-06-14", "https://a"), KDP: Plan("Opphevet", "2019-02-01", "https://b")}


def test_type_and_plan_are_those_of_the_largest_zone():
    frame = frame_of(contracts.OMRAADER, area(plan_ider=[KPA, KDP], sone_areal_m2=[3000.4, 2000.0]))
    (row,) = omraade_rows(frame, zones=ZONES, plans=PLANS).values()
    assert row["Soner"].split("\n") == ["s1 (B3): 3\u00a0000 m²", "s2 (B4): 2\u00a0000 m²"]
    assert row["Sonetype"] == "1130 Sentrumsformål"
    assert (row["Planstatus"], row["Plan vedtatt"], row["Plan"]) == ("Opphevet", "2019-02-01", "https://b")


def test_an_omraade_without_zones_has_the_plan_that_it_names():
    frame = frame_of(contracts.OMRAADER, area(sone_ider=[], sone_areal_m2=[], plan_ider=[KPA], tilstand="borte"))
    (row,) = omraade_rows(frame, zones={}, plans=PLANS).values()
    assert (row["Soner"], row["Sonetype"], row["Planstatus"]) == (None, None, "Planforslag")
    assert row["Tilstand"] == "Borte"


def test_map_and_photo_show_a_point_inside_also_west_of_the_zone():
    horseshoe = shapely.box(-32_000, 6_735_000, -31_000, 6_736_000) - shapely.box(
        -31_900, 6_735_100, -31_000, 6_735_900
    )
    frame = frame_of(contracts.OMRAADER, area(geometry=horseshoe))
    (row,) = omraade_rows(frame, zones=ZONES, plans=PLANS).values()
    on_map = parse_qs(urlsplit(row["Kart"]).fragment.removeprefix("!?"))
    photo = parse_qs(urlsplit(row["Flyfoto"]).query)
    for ost, nord in ((on_map["lon"], on_map["lat"]), (photo["x"], photo["y"])):
        assert horseshoe.contains(shapely.Point(float(ost[0]), float(nord[0])))
