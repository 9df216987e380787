"""DiBK's test files of Reguleringsplanforslag 5.0 and the synthetic NAP file: read in full, or a named problem."""

from __future__ import annotations

import logging

import geopandas as gpd
import pandas as pd
import pytest

from tasks.errors import SourceError
from tasks.sources import gml

from .conftest import shared

PASS = ["gml.avgr.1-pass", "gml.bue.1-pass", "gml.epsg.2-pass", "gml.gmlid.1-2D-pass"]
NO_GEOMETRY = {"Arealplan", "RpRegulertTerreng"}


def read(name: str) -> tuple[gpd.GeoDataFrame, dict[str, int]]:
    path = shared(f"data/gml/{name}.gml")
    before = sorted(path.parent.iterdir())
    layers = gml.layers(path, where=name)
    frame = pd.concat(list(gml.parts(path, {n: n for n in layers}, where=name)), ignore_index=True)
    assert sorted(path.parent.iterdir()) == before
    return frame, layers


@pytest.mark.parametrize("name", [*PASS, "KOMBINERT_avgr_pluss_TIN"])
def test_a_valid_file_is_read_in_full(name: str) -> None:
    frame, layers = read(name)
    assert frame["objekttypenavn"].value_counts().to_dict() == layers
    without = set(frame.loc[frame.geometry.isna(), "objekttypenavn"])
    assert without == NO_GEOMETRY & set(layers)


def test_terrain_does_not_hide_its_neighbours() -> None:
    alone, _ = read("gml.avgr.1-pass")
    beside, _ = read("KOMBINERT_avgr_pluss_TIN")
    assert len(beside) == len(alone) + 1
    for column in ("identifikasjon.lokalId", "planstatus", "arealformål"):
        assert beside[column].iloc[:-1].to_list() == alone[column].to_list()
    assert beside.geometry.iloc[:-1].geom_equals(alone.geometry).sum() == alone.geometry.notna().sum()


def test_planstatus_comes_from_the_arealplan_also_to_the_purposes() -> None:
    frame, _ = read("gml.avgr.1-pass")
    areas = frame[frame["objekttypenavn"].isin(["RpOmråde", "RpArealformålOmråde"])]
    assert len(areas) == 4
    assert set(areas["planstatus"]) == {"2"}
    assert set(areas["plantype"]) == {"34"}
    # a border refers to nothing
    assert frame.loc[frame["objekttypenavn"] == "RpFormålGrense", "planstatus"].isna().all()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gml.bue.1-fail", r"_df9d57e3-0516-49bc-8ee6-70641448d778 cannot be read \(.*Curve"),
        ("gml.epsg.1-fail", r"_d23f6d0c-ac1d-4857-b2fc-a8501e014dfb is in http://.*/23095, which is none of"),
        ("gml.flate.1-fail", r"_d23f6d0c-ac1d-4857-b2fc-a8501e014dfb cannot be read \(Invalid surfaceMember"),
    ],
)
def test_a_broken_file_ends_in_a_named_problem(name: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        read(name)


def test_rings_the_wrong_way_round_are_named_and_change_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The specification is broken, and the area is the same: DiBK's own NAP file and the register do it too."""
    with caplog.at_level(logging.INFO, "tomt.sources"):
        frame, layers = read("gml.flate.3-fail")
    assert "2 surfaces with rings the wrong way round, first _6d6d42da-21f9-4263-8413-27171ff10303" in caplog.text
    assert len(frame) == sum(layers.values())
    caplog.clear()
    with caplog.at_level(logging.INFO, "tomt.sources"):
        read("gml.avgr.1-pass")
    assert "wrong way" not in caplog.text


def test_the_nap_file_gives_its_zones() -> None:
    frame, _ = read("kommuneplan_20190401_kparealformalomrade_SYNTETISK")
    assert frame["arealformål"].to_list() == ["1110", "1110", "1130", "5100"]
    assert frame["arealbruksstatus"].to_list() == ["2", "1", "2", "1"]
    assert frame["områdenavn"].to_list() == ["B1", "B2", "S1", None]
    assert set(frame["kopidata.områdeId"]) == set(frame["arealplanId.kommunenummer"]) == {"0301"}
    assert set(frame["arealplanId.planidentifikasjon"]) == {"KPA-TEST"}
    assert frame["utnytting"][0] == (
        '[{"utnyttingstall": "30", "utnyttingstype": "16"}, {"utnyttingstall": "1200", "utnyttingstype": "17"}]'
    )
    assert frame.geometry.area.to_list() == [30_000, 40_000, 10_000, 990_000]
    assert frame.crs == 25833
