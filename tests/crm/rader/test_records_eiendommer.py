"""Rows of Eiendommer: teiger with lots, their registered area, the nearest address."""

from __future__ import annotations

from typing import Any

import pandas as pd

from config.registers import find_kommune
from tasks import contracts
from tasks.crm.rader.eiendomsrader import eiendom_rows
from tasks.crm.rader.rad import RowsByKey
from tasks.crm.rader.tomterader import adresse_texts
from tests.crm.rader.rammer import frame_of, lot

OWN = "3207-46/1/0/0"


def rows_of(*lots: dict[str, Any], teiger: dict[str, float] | None = None, adresser: Any = None) -> RowsByKey:
    asked = contracts.ADRESSER.empty() if adresser is None else frame_of(contracts.ADRESSER, *adresser)
    registered = [{"teig_id": t, "registrert_areal_m2": a} for t, a in (teiger or {}).items()]
    return eiendom_rows(
        find_kommune("3207", sandbox=False),
        pd.DataFrame(frame_of(contracts.TOMTER, *lots).drop(columns="geometry")),
        teiger=frame_of(contracts.TEIGER, *registered),
        adresser=asked,
        texts=adresse_texts(asked),
    )


def address(n: int, adresse: str | None, avstand_m: float = float("nan")) -> dict[str, Any]:
    own = {"tomt_id": f"3207-{n:06d}", "adresse": adresse, "avstand_m": avstand_m}
    return own | {"hentet_dato": "2026-11-20"}


def on(*enheter: str, teig: str, n: int, **more: Any) -> dict[str, Any]:
    return lot(n, teig_id=teig, matrikkelenheter=list(enheter), **more)


def test_the_area_is_that_of_its_teiger_that_have_lots_each_counted_once():
    lots = [on(OWN, teig="t2", n=1), on(OWN, teig="t1", n=2), on(OWN, teig="t1", n=3)]
    row = rows_of(*lots, teiger={"t1": 1000.0, "t2": 2500.0, "t3": 9999.0})[OWN]
    assert row["Areal m²"] == 3500.0
    assert row["Teiger"].split("\n") == ["t1: 1\u00a0000 m²", "t2: 2\u00a0500 m²"]


def test_a_teig_without_a_registered_area_is_told_of_and_not_counted():
    lots = [on(OWN, teig="t1", n=1), on(OWN, teig="t2", n=2), on(OWN, teig="t3", n=3), on(OWN, teig="t4", n=4)]
    nan, inf = float("nan"), float("inf")
    row = rows_of(*lots, teiger={"t1": 1000.0, "t2": nan, "t3": inf})[OWN]
    assert row["Areal m²"] == 1000.0
    assert row["Teiger"].count("areal ikke registrert") == 3
    assert rows_of(lots[1], teiger={"t2": nan})[OWN]["Areal m²"] is None


def test_without_a_file_of_teiger_the_area_is_left_as_it_was():
    row = rows_of(on(OWN, teig="t1", n=1))[OWN]
    assert row["Teiger"] == "t1"
    assert "Areal m²" not in row


def test_living_lots_go_before_gone_ones_and_gone_ones_before_nothing():
    gone = on(OWN, teig="t1", n=1, tilstand="borte")
    areas = {"t1": 1000.0, "t2": 2000.0}
    assert rows_of(gone, on(OWN, teig="t2", n=2), teiger=areas)[OWN]["Areal m²"] == 2000.0
    assert rows_of(gone, teiger=areas)[OWN]["Areal m²"] == 1000.0


def test_the_address_is_that_of_the_nearest_lot_that_has_one():
    lots = [on(OWN, teig="t", n=n) for n in (1, 2, 3)]
    near = [address(1, "Langveien 9", 80.0), address(2, None), address(3, "Storgata 2", 12.0)]
    assert rows_of(*lots, adresser=near)[OWN]["Adresse"] == "Storgata 2 (12 m unna)"


def test_an_address_is_cleared_only_when_every_lot_was_asked_for():
    lots = [on(OWN, teig="t", n=n) for n in (1, 2)]
    asked = [address(1, None), address(2, None)]
    assert rows_of(*lots, adresser=asked)[OWN]["Adresse"] is None
    assert "Adresse" not in rows_of(*lots, adresser=asked[:1])[OWN]
    assert "Adresse" not in rows_of(*lots)[OWN]
    gone = on(OWN, teig="t", n=3, tilstand="borte")
    assert rows_of(*lots, gone, adresser=asked)[OWN]["Adresse"] is None


def test_a_property_of_the_neighbour_has_its_number_and_links_and_nothing_that_his_own_run_knows_better():
    both = on("3218-7/3/2/1", OWN, teig="t", n=1)
    rows = rows_of(both, teiger={"t": 1000.0}, adresser=[address(1, "Storgata 2", 12.0)])
    row = rows["3218-7/3/2/1"]
    assert {"Kommune", "Teiger", "Areal m²", "Adresse"} == set(rows[OWN]) - set(row)
    assert "3218" in row["Se eiendom"]
    assert [row[f] for f in ("Kommunenummer", "Gnr", "Bnr", "Fnr", "Snr")] == ["3218", 7, 3, 2, 1]


def test_a_number_of_another_form_is_a_row_without_numbers_and_link():
    rows = rows_of(on("3207-46/1/0/../0", "tull\x00", teig="t", n=1))
    assert set(rows) == {"3207-46/1/0/../0", "tull"}
    assert rows["3207-46/1/0/../0"]["Kommunenummer"] == "3207"
    assert rows["tull"]["Kommunenummer"] is None
    assert not any({"Gnr", "Se eiendom", "Kommune"} & set(row) for row in rows.values())
