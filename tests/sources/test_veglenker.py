"""Segments of NVDB as links between nodes: the pieces of one road hang together, those of two do not."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from tasks.sources.veglenker import veglenker
from tasks.tomtekontrakter import VEGLENKER


def raw(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    """Segments along the x axis, by `fra` and `til` in metres."""
    base = {
        "veglenkenummer": "1",
        "typeVeg": "Enkel bilveg",
        "typeVeg_sosi": "enkelBilveg",
        "vegkategori": "K",
        "fase": "V",
    }
    made = []
    for number, row in enumerate(rows):
        x, to = row.pop("fra"), row.pop("til")
        line = row.pop("line", shapely.LineString([(x, 0), (to, 0)]))
        made.append({"segmentnummer": str(number), "lengde": str(float(to - x)), **base, **row, "geometry": line})
    data = {c: pd.Series([r.get(c) for r in made], dtype=object) for c in made[0] if c != "geometry"}
    return gpd.GeoDataFrame(data, geometry=[r["geometry"] for r in made], crs=25833)


def seg(link: str, start: float, slutt: float, fra: float, til: float, **more: Any) -> dict[str, Any]:
    """Return a segment, with the nodes of its link at both its ends, as NVDB writes them."""
    row = {"veglenkesekvensid": link, "startposisjon": str(start), "sluttposisjon": str(slutt), "fra": fra, "til": til}
    return row | {"startnode": f"{link}-a", "sluttnode": f"{link}-b"} | more


def nodes(frame: gpd.GeoDataFrame) -> list[tuple[str, str]]:
    return list(zip(frame["fra_node"], frame["til_node"], strict=True))


def test_a_link_in_pieces_is_a_chain_between_its_nodes():
    frame, account = veglenker(raw(seg("7", 0.5, 1, 100, 200), seg("7", 0, 0.25, 0, 50), seg("7", 0.25, 0.5, 50, 100)))
    VEGLENKER.check(frame)
    by_id = frame.set_index("lenke_id")
    assert nodes(by_id.loc[["7-1-1", "7-1-2", "7-1-0"]]) == [
        ("7-a", "7@0.2500000"),
        ("7@0.2500000", "7@0.5000000"),
        ("7@0.5000000", "7-b"),
    ]
    assert frame["lengde_m"].sum() == 200
    assert account.ut == 3


def test_nodes_that_a_segment_does_not_tell_are_places_along_the_link():
    rows = raw(seg("7", 0, 0.5, 0, 50, sluttnode=None), seg("7", 0.5, 1, 50, 100, startnode=None))
    assert nodes(veglenker(rows)[0]) == [("7-a", "7@0.5000000"), ("7@0.5000000", "7-b")]


def test_roads_meet_in_a_shared_node():
    rows = raw(seg("7", 0, 1, 0, 100, sluttnode="kryss"), seg("8", 0, 1, 100, 300, startnode="kryss"))
    assert nodes(veglenker(rows)[0]) == [("7-a", "kryss"), ("kryss", "8-b")]


def test_a_node_told_at_an_end_that_lies_elsewhere_ties_nothing_together():
    # of link 7 the second half is left out (a path): its end node stands at the end of the first half all the same
    rows = raw(seg("7", 0, 0.5, 0, 500, sluttnode="kryss"), seg("8", 0, 1, 1000, 1200, startnode="kryss"))
    frame = veglenker(rows)[0]
    assert frame["til_node"].iloc[0] != frame["fra_node"].iloc[1]
    assert frame["til_node"].iloc[0].startswith("kryss/")


def test_two_links_of_one_sequence_do_not_run_into_each_other():
    rows = raw(seg("7", 0, 0.5, 0, 50), seg("7", 0.5, 1, 50, 100, veglenkenummer="2", startnode="m", sluttnode="n"))
    assert nodes(veglenker(rows)[0]) == [("7-a", "7-b"), ("m", "n")]


def test_what_is_no_road_to_drive_on_now_is_left_out():
    point = shapely.Point(0, 0)
    twice = seg("3", 0, 1, 0, 10, segmentnummer="9")
    frame, account = veglenker(
        raw(
            seg("1", 0, 1, 0, 10, fase="P"),
            seg("2", 0, 1, 0, 10, line=point),
            twice,
            dict(twice),
            seg(None, 0, 1, 0, 10),  # type: ignore[arg-type]
            seg("4", 0, 1, 0, 10, line=shapely.LineString([(1, 1), (1, 1)])),
        )
    )
    assert frame["lenke_id"].tolist() == ["3-1-9"]
    assert {r: d.antall for r, d in account.utelatt.items()} == {
        "uten veglenkesekvensid": 1,
        "ikke linje": 1,
        "uten lengde": 1,
        "ikke bygd": 1,
        "samme lenke_id": 1,
    }


@pytest.mark.parametrize("lengde", [None, "0", "-5", "mye"])
def test_a_length_that_is_none_is_measured(lengde: str | None):
    frame, account = veglenker(raw(seg("7", 0, 1, 0, 120, lengde=lengde)))
    assert frame["lengde_m"].tolist() == [120.0]
    assert account.merknader["lengde målt av linjen"] == 1


def test_categories_that_nobody_knows_are_none():
    rows = raw(
        seg("1", 0, 1, 0, 9, vegkategori="f"),
        seg("2", 0, 1, 0, 9, vegkategori="X"),
        seg("3", 0, 1, 0, 9, vegkategori=None),
    )
    assert veglenker(rows)[0]["vegkategori"].tolist() == ["F", None, None]
