"""`tomt differanse`: areas worked out by hand, in every format, and the columns that decide."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from flows.differanse import Bestilling, Lagfil, Valg, differanse
from tasks.errors import TomtError
from tests.flows.differanse_filer import (
    FORMATS,
    adds_up,
    layer,
    order,
    place,
    planer,
    refused,
    results,
    soner,
    teiger,
)


@pytest.mark.parametrize("suffix", FORMATS)
def test_areas_worked_out_by_hand(tmp_path, suffix):
    account = differanse(order(tmp_path, suffix=suffix))
    omraader, tomter = results(tmp_path)
    assert sorted(omraader["areal_m2"].round(2)) == [9_000, 25_000]
    assert dict(zip(tomter["teig_id"], tomter["areal_m2"].round(2), strict=True)) == {
        "a": 10_000, "b": 15_000, "c": 6_300}  # fmt: skip
    assert omraader.crs.to_epsg() == tomter.crs.to_epsg() == 25832
    assert list(omraader["omraade_nr"]) == [1, 2]
    assert sorted(omraader["klasse"]) == ["bolig", "mulig"]  # the column is found, in a shapefile cut to 10 letters
    assert list(tomter["tomt_nr"]) == [1, 2, 3]
    owner = omraader.set_index("omraade_nr").geometry
    assert all(owner[nr].buffer(0.01).contains(lot) for nr, lot in zip(tomter["omraade_nr"], tomter.geometry,
                                                                      strict=True))  # fmt: skip
    assert account["planer"]["utelatt"]["ikke vedtatt"]["antall"] == 1
    assert account["planer"]["utelatt"]["uten planstatus"]["antall"] == 1
    assert account["areal"]["uten_teig_m2"] == pytest.approx(2_700)
    assert account["crs"] == "EPSG:25832"
    assert account["advarsler"] == []
    adds_up(account)
    json.dumps(account, allow_nan=False)


def test_zone_by_zone(tmp_path):
    differanse(order(tmp_path, valg=Valg(per_sone=True)))
    assert sorted(results(tmp_path)[0]["areal_m2"].round(2)) == [9_000, 10_000, 15_000]


def test_floors_and_width(tmp_path):
    differanse(order(tmp_path, valg=Valg(minste_omraade_m2=10_000, minste_tomt_m2=12_000)))
    omraader, tomter = results(tmp_path)
    assert len(omraader) == 1
    assert list(tomter["teig_id"]) == ["b"]
    strip = layer([place(0, 0, 1000, 5)])
    far = layer([place(5000, 0, 5001, 1)], planstatus=["3"])
    ask = order(tmp_path, soner=strip, planer=far, teiger=layer([place(0, -9, 1000, 9)], teig_id=["x"]))
    account = differanse(ask)
    assert account["areal"]["for_smale_m2"] == pytest.approx(5_000)
    assert differanse(replace(ask, valg=Valg(minste_bredde_m=0)))["tomter"]["ut"] == 1


def test_only_housing(tmp_path):
    account = differanse(order(tmp_path, kun_bolig=True))
    assert account["soner"]["utelatt"]["ikke bolig"] == {"antall": 1, "ider": ["2"]}
    omraader, _ = results(tmp_path)
    assert sorted(omraader["klasse"]) == ["bolig", "mulig"]
    assert differanse(order(tmp_path))["soner"]["ut"] == 3


@pytest.mark.parametrize(
    ("columns", "kept"),
    [
        ({"arealformal": [1110, 1119, 1130]}, 2),
        ({"arealformal": [1110.0, float("nan"), 1130.0]}, 2),
        ({"arealformal": ["1110", "100", "110"]}, 1),
        ({"arealformal": ["1110", "100", "110"], "objekttype": ["KpArealformalOmrade"] + 2 * ["KpArealbrukOmråde"]}, 3),
        ({"arealformal": ["110", "130", "1110"], "objekttype": ["KpArealbrukOmråde", "KpArealbrukOmråde", "Tull"]}, 1),
        ({"arealformal": ["B", " 1110 ", "-"]}, 1),
        ({"arealformal": ["5210", "1110", "1110"]}, 2),
    ],
)
def test_housing_is_told_by_objekttype_and_code(tmp_path, columns, kept):
    assert differanse(order(tmp_path, soner=soner(**columns), kun_bolig=True))["soner"]["ut"] == kept


@pytest.mark.parametrize("status", [3, "3", 3.0, "Vedtatt", " vedtatt ", "3.0", "VEDTATT", "Endelig vedtatt arealplan"])
def test_adopted_however_it_is_written(tmp_path, status):
    assert differanse(order(tmp_path, planer=planer(planstatus=[status] * 4)))["planer"]["ut"] == 4


def test_no_other_status_settles(tmp_path):
    statuses = ["1", "Forslag", "33", "6"]
    account = differanse(order(tmp_path, planer=planer(planstatus=statuses)))["planer"]
    assert account["utelatt"] == {"ikke vedtatt": {"antall": 4, "ider": ["1", "2", "3", "4"]}}
    assert account["merknader"]["planstatus Forslag"] == 1
    statuses = [3.0, np.nan, 4.0, 3.0]
    account = differanse(order(tmp_path, planer=planer(planstatus=statuses)))["planer"]
    assert account["utelatt"]["uten planstatus"] == {"antall": 1, "ider": ["2"]}
    assert account["ut"] == 2


def test_plans_that_all_fall_out_are_warned_of(tmp_path):
    account = differanse(order(tmp_path, planer=planer(planstatus=["2"] * 4)))
    assert "none of the 4 plans counts" in account["advarsler"][0]


def test_without_a_status_column_all_plans_are_adopted_and_it_is_said(tmp_path):
    account = differanse(order(tmp_path, planer=planer()[["geometry"]][:2].assign(navn="x")))
    assert account["planer"]["ut"] == 2
    assert "no status column" in account["advarsler"][0]
    assert "navn" in account["advarsler"][0]


def test_tunnels_and_bridges_settle_nothing(tmp_path):
    level = planer(planstatus=["3"] * 4, vertikalnivå=[2, 2, 1, 3])
    account = differanse(order(tmp_path, planer=level))
    assert account["planer"]["utelatt"]["ikke på bakken"] == {"antall": 2, "ider": ["3", "4"]}
    assert account["areal"]["differanse_m2"] == pytest.approx(34_000)


def test_columns_of_other_names(tmp_path):
    ask = order(
        tmp_path,
        soner=soner().rename(columns={"arealformal": "FORM"}),
        planer=planer().rename(columns={"planstatus": "st"}),
        teiger=teiger().rename(columns={"teig_id": "nr"}),
        arealformal="form",
        planstatus="st",
        teig_id="nr",
        kun_bolig=True,
    )
    assert differanse(ask)["tomter"]["ut"] == 3
    refused(
        replace(ask, ut=tmp_path / "b", teig_id="teig_id"), "teiger.parquet", "'teig_id'", "nr", "--kolonne-teig-id"
    )
    refused(replace(ask, ut=tmp_path / "b", planstatus="status"), "planer.parquet", "'status'", "--kolonne-planstatus")
    refused(
        replace(ask, ut=tmp_path / "b", arealformal="arealformal"), "soner.parquet", "FORM", "--kolonne-arealformal"
    )


def test_ids_of_the_file_are_kept(tmp_path):
    ask = order(
        tmp_path,
        soner=soner(lokalId=["z1", "z2", None], planidentifikasjon=["K1", "K1", None], arealbruksstatus=[2, None, 1]),
        planer=planer(planidentifikasjon=[101, 102, 103, 104]),
        teiger=teiger(teig_id=[11, 12, 13], matrikkelenheter=[["46/1", "46/2"], [], ["47/1"]], tvist=[1, 0, None]),
    )
    account = differanse(ask)
    omraader, tomter = results(tmp_path)
    first = omraader.loc[omraader["areal_m2"].idxmax()]
    assert list(first["sone_ider"]) == ["z1", "z2"]
    assert list(first["plan_ider"]) == ["K1"]
    assert list(first["reguleringsplaner"]) == ["101"]
    assert first["arealstatus"] == "2"
    assert list(tomter["teig_id"]) == ["11", "12", "13"]
    assert [list(units) for units in tomter["matrikkelenheter"]] == [["46/1", "46/2"], [], ["47/1"]]
    assert list(tomter["har_tvist"]) == [True, False, False]
    assert account["soner"]["ider"]["uten sone_id"] == ["uten-id-3"]


def test_layers_of_one_file(tmp_path):
    path = tmp_path / "alt.gpkg"
    for name, frame in (("soner", soner()), ("planer", planer()), ("teiger", teiger())):
        frame.to_file(path, layer=name)
    ask = Bestilling(*(Lagfil(path, name) for name in ("soner", "planer", "teiger")), ut=tmp_path / "ut")
    assert differanse(ask)["tomter"]["ut"] == 3
    refused(replace(ask, planer=Lagfil(path), ut=tmp_path / "b"), "alt.gpkg", "soner, planer, teiger", "--lag-planer")


def test_its_own_results_are_never_its_input(tmp_path):
    differanse(order(tmp_path))
    ask = order(tmp_path)
    again = replace(ask, soner=Lagfil(tmp_path / "ut" / "differanse.parquet"))
    with pytest.raises(TomtError, match="would be overwritten"):
        differanse(again)
    assert differanse(replace(again, ut=tmp_path / "ut2"))["omraader"]["ut"] == 2
