"""Conflict worked by hand, on lots of 100 × 100 m with a core of 60 × 60 m in the middle."""

from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
import shapely
import shapely.affinity

from tasks.contracts import ContractError
from tasks.scoring.tomt.konflikt import maal_konflikt
from tests.scoring.tomt.konfliktbase import (
    REGISTER,
    box,
    dekning,
    kjerner,
    konflikter,
    maal,
    shares,
    tomter,
)

OWN_M2 = 3_610.0
"""What the land engine says of a core of 3,600 m²: it measures in the kommune's own zone."""
LOT = box(0, 0, 100, 100)
CORE = box(20, 20, 80, 80)


def one(*features, lot=LOT, core=CORE, kjerne_m2=OWN_M2, **given):
    """Return what is measured of one lot, A."""
    cores = kjerner({} if core is None else {"A": (core, kjerne_m2)})
    return maal(tomter([("A", lot, kjerne_m2)]), cores, konflikter(features), **given)


def only(found):
    return found.tomter.iloc[0]


def close(found, wanted):
    got = shares(found)
    assert list(got) == list(wanted)
    for key, pair in wanted.items():
        assert got[key] == pytest.approx(pair, abs=1e-9), key


def test_no_conflict_no_row_and_the_whole_core():
    found = one(("vern", "vern", "stopp", box(200, 0, 300, 100)))
    assert len(found.andeler) == 0
    row = only(found)
    assert (row["byggbar_m2"], row["er_stoppet"], row["stopp_grunn"], row["ukjente_tema"]) == (OWN_M2, False, None, [])


def test_no_features_and_no_lots():
    found = one()
    assert (len(found.andeler), only(found)["byggbar_m2"]) == (0, OWN_M2)
    none = maal(tomter([("A", LOT, 0.0)]).iloc[:0], kjerner({}), konflikter([("vern", "vern", "stopp", LOT)]))
    assert (len(none.andeler), len(none.tomter)) == (0, 0)


def test_land_under_two_severities_counts_by_the_worse():
    # hard: the southern 30 m, of the core 20–30 m of 20–80 m; myk: the southern 50 m, less those
    found = one(
        ("flom_aktsomhet", "flom", "myk", box(-10, -10, 110, 50)),
        ("flom", "flom", "hard", box(-10, -10, 110, 30), "Elva", "200"),
    )
    close(found, {("A", "flom", "hard"): (0.3, 1 / 6), ("A", "flom", "myk"): (0.2, 1 / 3)})
    assert found.andeler["navn"].tolist() == ["Elva", None]
    assert found.andeler["verdi"].tolist() == ["200", None]
    assert only(found)["byggbar_m2"] == pytest.approx(OWN_M2 * 5 / 6)  # aktsomhet takes nothing off the core


def test_features_of_a_theme_that_overlap_count_once_and_the_largest_gives_its_name():
    # 0–40 and 30–60 east: 60 m together
    found = one(
        ("stoy", "stoy", "hard", box(30, 0, 60, 100), "a smal"), ("stoy", "stoy", "hard", box(0, 0, 40, 100), "bred")
    )
    close(found, {("A", "stoy", "hard"): (0.6, 40 / 60)})
    assert found.andeler["navn"].tolist() == ["bred"]
    assert only(found)["byggbar_m2"] == OWN_M2  # hard, but not of a layer that takes off the core
    assert not only(found)["er_stoppet"]


def test_of_features_that_cover_as_much_the_first_in_the_alphabet_gives_its_name():
    rows = [("stoy", "stoy", "hard", box(0, 0, 40, 100), navn) for navn in ("b", None, "a")]
    assert one(*rows).andeler["navn"].tolist() == ["a"]
    assert one(*rows[::-1]).andeler["navn"].tolist() == ["a"]


def test_three_features_that_overlap_two_by_two():
    # three strips of 40 m, each 10 m into the next: 0–40, 30–70, 60–100: everything
    strips = [("stoy", "stoy", "hard", box(x, 0, x + 40, 100)) for x in (0, 30, 60)]
    close(one(*strips), {("A", "stoy", "hard"): (1.0, 1.0)})


def test_a_stop_over_more_than_half_says_why():
    found = one(("vern", "vern", "stopp", box(-50, -50, 96, 150), "Prøvemyra  naturreservat"))
    row = only(found)
    assert row["er_stoppet"]
    assert row["stopp_grunn"] == "Naturvern: Prøvemyra naturreservat dekker 96 % av tomten"
    assert row["byggbar_m2"] == 0


def test_a_stop_from_exactly_half():
    assert only(one(("vern", "vern", "stopp", box(0, 0, 50, 100))))["er_stoppet"]
    assert not only(one(("vern", "vern", "stopp", box(0, 0, 49.99, 100))))["er_stoppet"]


def test_a_stop_from_half_whatever_the_last_bits_say():
    lots = [shapely.affinity.rotate(LOT, angle, origin=LOT.centroid) for angle in range(1, 90, 4)]
    halves = [shapely.affinity.rotate(box(0, 0, 50, 100), angle, origin=LOT.centroid) for angle in range(1, 90, 4)]
    found = [only(one(("vern", "vern", "stopp", half), lot=lot)) for lot, half in zip(lots, halves, strict=True)]
    assert all(row["er_stoppet"] for row in found)


def test_a_crowd_of_features_on_one_lot():
    rng = np.random.default_rng(5)
    centres = np.c_[rng.uniform(0, 100, 90), rng.uniform(0, 100, 90)] + LOT.bounds[:2]
    discs = shapely.buffer(shapely.points(centres), 6)
    found = one(*(("stoy", "stoy", "hard", disc) for disc in discs))
    union = shapely.union_all(discs)
    wanted = union.intersection(LOT).area / 10_000, union.intersection(CORE).area / 3_600
    close(found, {("A", "stoy", "hard"): wanted})


def test_a_lot_whose_core_is_gone_is_stopped():
    found = one(("vern", "vern", "stopp", CORE))
    close(found, {("A", "vern", "stopp"): (0.36, 1.0)})
    row = only(found)
    assert row["er_stoppet"]
    assert row["stopp_grunn"] == "Naturvern: Verneområder dekker 36 % av tomten; ingenting er igjen av det byggbare"
    assert row["byggbar_m2"] == 0


def test_a_core_that_hard_takes_whole_stops_the_lot_and_says_so():
    row = only(one(("flom", "flom", "hard", CORE)))
    assert (row["byggbar_m2"], row["fri_m2"], row["er_stoppet"]) == (0, 0, True)
    assert row["stopp_grunn"] == "Flomsoner (Flom): ingenting er igjen av det byggbare"
    half = box(20, 20, 50, 80)
    assert not only(one(("flom", "flom", "hard", half)))["er_stoppet"]
    rest = box(50, 20, 80, 80)
    both = only(
        one(("flom", "flom", "hard", half, "Elva"), ("vern", "vern", "hard", box(40, 10, 90, 90), "Vågen\nvest"))
    )
    assert both["stopp_grunn"] == "Vågen vest (Naturvern), Elva (Flom): ingenting er igjen av det byggbare"
    stopped = only(one(("flom", "flom", "hard", half), ("vern", "vern", "stopp", rest)))
    assert stopped["stopp_grunn"] == ("Flomsoner (Flom), Verneområder (Naturvern): ingenting er igjen av det byggbare")
    assert not only(one(("stoy", "stoy", "hard", LOT)))["er_stoppet"]  # hard, but it takes nothing off the core


def test_what_is_free_is_the_core_without_anything_hard_whatever_the_layer_takes_of_it():
    # stoy, which takes nothing: 0–50 east; flom, which takes: 40–60 east; of the core 20–80 a third is free
    found = one(("stoy", "stoy", "hard", box(0, 0, 50, 100)), ("flom", "flom", "hard", box(40, 0, 60, 100)))
    assert only(found)["byggbar_m2"] == pytest.approx(OWN_M2 * 2 / 3)
    assert only(found)["fri_m2"] == pytest.approx(OWN_M2 / 3)
    everywhere = only(one(("stoy", "stoy", "hard", LOT), ("flom", "flom", "hard", box(0, 0, 50, 100))))
    assert (everywhere["byggbar_m2"], everywhere["fri_m2"]) == (pytest.approx(OWN_M2 / 2), 0)
    soft = only(one(("flom_aktsomhet", "flom", "myk", LOT)))
    assert (soft["byggbar_m2"], soft["fri_m2"]) == (OWN_M2, OWN_M2)


def test_stops_of_several_themes_count_together_and_once():
    # 30 m of vern in the west, 30 m of flom from 20 m on: 50 m together, just enough
    found = one(
        ("vern", "vern", "stopp", box(0, 0, 30, 100), "Vest"),
        ("flom", "flom", "stopp", box(20, 0, 50, 100), "Midt"),
    )
    row = only(found)
    assert row["stopp_grunn"] == "Flom: Midt dekker 30 % av tomten; Naturvern: Vest dekker 30 % av tomten"
    assert row["byggbar_m2"] == pytest.approx(OWN_M2 / 2)  # the core from 50 to 80 of 20 to 80
    apart = one(("vern", "vern", "stopp", box(0, 0, 30, 100)), ("flom", "flom", "stopp", box(20, 0, 49, 100)))
    assert not only(apart)["er_stoppet"]


def test_what_is_hard_in_one_theme_and_stopp_in_another_comes_off_the_core_once():
    # vern 20–50 east, flom 40–60 east: of the core 20–60 is gone, a third is left
    found = one(("vern", "vern", "stopp", box(0, 0, 50, 40)), ("flom", "flom", "hard", box(40, 0, 60, 100)))
    # vern: 30 × 20 m of the core, flom 20 × 60 m, both on 10 × 20 m
    assert only(found)["byggbar_m2"] == pytest.approx(OWN_M2 * (3600 - 600 - 1200 + 200) / 3600)


def test_what_takes_off_the_core_does_so_under_another_layer_that_covers_everything():
    # both hard, one theme: the proposed reserve covers the lot and settles the share, the reserve takes a third
    found = one(
        ("vern_foreslaatt", "vern", "hard", box(-9, -9, 109, 109)), ("vern", "vern", "hard", box(0, 0, 40, 100))
    )
    close(found, {("A", "vern", "hard"): (1.0, 1.0)})
    assert only(found)["byggbar_m2"] == pytest.approx(OWN_M2 * 2 / 3)


def test_several_features_are_told_as_several():
    found = one(
        ("vern", "vern", "stopp", box(0, 0, 60, 100), "Størst"), ("vern", "vern", "stopp", box(60, 0, 100, 100))
    )
    assert only(found)["stopp_grunn"] == "Naturvern: Størst med flere dekker hele tomten"


def test_a_lot_that_only_touches_has_no_conflict():
    beside = box(100, 0, 200, 100)
    corner = box(100, 100, 200, 200)
    hairline = box(99.9995, 0, 200, 100)  # 0.05 m²
    found = one(*(("vern", "vern", "stopp", g) for g in (beside, corner, hairline)))
    assert len(found.andeler) == 0
    assert only(found)["byggbar_m2"] == pytest.approx(OWN_M2)


def test_the_feature_is_the_lot_itself():
    found = one(("vern", "vern", "stopp", LOT), ("vern", "vern", "stopp", LOT))
    close(found, {("A", "vern", "stopp"): (1.0, 1.0)})
    assert found.andeler["andel"].tolist() == [1.0]


def test_a_hole_is_free():
    ring = box(-50, -50, 150, 150).difference(box(10, 10, 90, 90))
    close(one(("vern", "vern", "stopp", ring)), {("A", "vern", "stopp"): (0.36, 0.0)})


def test_a_lot_of_two_parts():
    lot = shapely.MultiPolygon([box(0, 0, 100, 100), box(200, 0, 300, 100)])
    found = one(("stoy", "stoy", "hard", box(50, 0, 250, 100)), lot=lot)
    close(found, {("A", "stoy", "hard"): (0.5, 0.5)})


def test_the_core_not_known_or_none_or_without_a_shape():
    features = [("vern", "vern", "stopp", box(0, 0, 20, 100))]
    lots = tomter([("A", LOT, math.nan), ("B", LOT, 0.0), ("C", LOT, 3_600.0), ("D", LOT, 3_600.0)])
    cores = kjerner({"A": (CORE, 3_600.0), "B": (CORE, 3_600.0), "D": (box(500, 0, 560, 60), 3_600.0)})
    found = maal(lots, cores, konflikter(features))
    for column in ("byggbar_m2", "fri_m2"):
        np.testing.assert_array_equal(found.tomter[column], [math.nan, 0.0, math.nan, math.nan])
    assert found.andeler["andel_kjerne"].isna().all()
    assert found.andeler["andel"].tolist() == pytest.approx([0.2] * 4)
    assert not found.tomter["er_stoppet"].any()


# --- what is not known ---


def test_a_theme_is_known_when_all_layers_that_it_needs_are():
    known = [lag for lag in REGISTER.lag if lag not in ("flom_aktsomhet", "vern_foreslaatt")]
    found = one(("flom", "flom", "hard", box(0, 0, 50, 100)), dekning=dekning(known))
    assert only(found)["ukjente_tema"] == ["flom"]  # vern does not need vern_foreslaatt
    close(found, {("A", "flom", "hard"): (0.5, 0.5)})  # what is there counts against the lot still
    nothing = one(dekning=dekning().iloc[:0])
    assert only(nothing)["ukjente_tema"] == ["vern", "flom", "stoy"]


def drawn(wkt):
    """Return a geometry whose coordinates are no numbers; numpy warns of them."""
    with np.errstate(invalid="ignore"):
        return shapely.from_wkt(wkt)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        shapely.Polygon(),
        shapely.Point(0, 0),
        drawn("POLYGON ((0 0, nan 5, 5 5, 0 0))"),
        drawn("POLYGON ((250000 6620000, inf 6620000, 250000 6620050, 250000 6620000))"),
    ],
    ids=["missing", "empty", "point", "nan", "inf"],
)
def test_a_feature_that_does_not_say_where_it_lies_leaves_its_theme_unknown(geometry):
    found = one(("stoy", "stoy", "hard", geometry), ("vern", "vern", "stopp", box(0, 0, 20, 100)))
    assert only(found)["ukjente_tema"] == ["stoy"]
    close(found, {("A", "vern", "stopp"): (0.2, 0.0)})


def test_of_a_lot_without_land_nothing_is_known():
    found = one(("vern", "vern", "stopp", LOT), lot=shapely.Polygon())
    row = only(found)
    assert (len(found.andeler), row["ukjente_tema"]) == (0, ["vern", "flom", "stoy"])
    assert math.isnan(row["byggbar_m2"])
    assert not row["er_stoppet"]


# --- bad input ---


def test_invalid_features_are_mended():
    south, north = box(0, 0, 40, 100).exterior.coords[:2], box(0, 0, 40, 100).exterior.coords[2:4]
    crossing = shapely.Polygon([*south, *north[::-1]])  # a bow-tie of two triangles, 40 × 50 / 2 m² each
    assert not crossing.is_valid
    found = one(("stoy", "stoy", "hard", crossing))
    assert found.andeler["andel"].tolist() == pytest.approx([0.2])


def test_a_collection_counts_by_its_polygons():
    parts = [box(0, 0, 30, 100), box(20, 0, 50, 100), shapely.LineString([(250_000, 6_620_000), (250_100, 6_620_100)])]
    close(one(("stoy", "stoy", "hard", shapely.GeometryCollection(parts))), {("A", "stoy", "hard"): (0.5, 0.5)})


def test_heights_are_left_out():
    close(one(("stoy", "stoy", "hard", shapely.force_3d(box(0, 0, 50, 100), 7))), {("A", "stoy", "hard"): (0.5, 0.5)})


def test_rows_of_a_theme_that_is_no_longer_one_are_left_aside():
    found = one(("gammelt", "gammelt", "stopp", LOT), ("ukjent_lag", "stoy", "hard", box(0, 0, 50, 100)))
    close(found, {("A", "stoy", "hard"): (0.5, 0.5)})


def test_an_unknown_alvor_is_named():
    with pytest.raises(ContractError, match=r"konflikter.alvor: 1 rows with \['Stopp'\]; wanted is one of stopp, hard"):
        one(("vern", "vern", "Stopp", LOT))


def test_another_crs_is_named():
    frames = [tomter([("A", LOT, 0.0)]), kjerner({"A": (CORE, 1.0)}), konflikter([("vern", "vern", "stopp", LOT)])]
    for k, name in enumerate(("tomter", "kjerner", "konflikter")):
        given: list[gpd.GeoDataFrame] = [f.to_crs(25832) if i == k else f for i, f in enumerate(frames)]
        with pytest.raises(ContractError, match=f"^{name}: CRS is .*25832; wanted is EPSG:25833"):
            maal_konflikt(*given, dekning=dekning(), register=REGISTER, epsg=25832)
    with pytest.raises(ContractError, match="epsg=4326: no UTM zone"):
        one(epsg=4326)


def test_a_reason_stays_short_whatever_the_source_calls_the_place():
    text = only(one(("vern", "vern", "stopp", LOT, "Lang\nnavn " * 400)))["stopp_grunn"]
    assert len(text) < 130
    assert "\n" not in text
    assert text.endswith("… dekker hele tomten")
