"""Rows of coverage and of the review queue: what stands in them, and what does not."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from config.registers import base_register, find_kommune
from tasks.contracts import DEKNING, KONTROLL, SCORER, TOMTER
from tasks.crm.records import adresse_texts, dekning_fields, identity, kontroll_rows, tomt_rows
from tasks.crm.sync import diff_table

NAN = float("nan")


def theme(tema: str, karakter: str, **more: Any) -> dict[str, Any]:
    blank: dict[str, Any] = {c: NAN if kind == "number" else None for c, kind in DEKNING.columns.items()}
    own = {"kommunenummer": "3207", "tema": tema, "kilde": "nap", "svar": "rader", "er_paakrevd": True}
    return blank | own | {"karakter": karakter, "grunner": [], "forsoek": []} | more


def dekning(*rows: dict[str, Any]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows))
    for column, kind in DEKNING.columns.items():
        if kind == "text":
            frame[column] = frame[column].astype(object).where(frame[column].notna(), None)
    DEKNING.check(frame)
    return frame


def test_the_kommune_is_as_good_as_the_worst_theme_that_its_lots_need():
    fields = dekning_fields(
        dekning(
            theme("kommuneplan", "B", grunner=["Kilden ga ikke nye data", "Gammel kopi"], andel_dekket=0.384),
            theme("teig", "A"),
            theme("bygning", "D", er_paakrevd=False, grunner=["Kilden svarte ikke som den skal"]),
        )
    )
    assert fields["Datakvalitet"] == "B"
    assert fields["Kvalitetsgrunner"].splitlines() == [
        "kommuneplan: Kilden ga ikke nye data",
        "kommuneplan: Gammel kopi",
        "bygning: Kilden svarte ikke som den skal",
    ]
    assert fields["Dekning %"] == pytest.approx(38.4)


def test_dates_are_days_of_the_content_in_use():
    fields = dekning_fields(
        dekning(
            theme("kommuneplan", "A", hentet_tid="2026-10-02T05:00:00+00:00", nyeste_plan="2023-06-14"),
            theme("reguleringsplan", "A", hentet_tid="2026-11-20T23:59:00+00:00", nyeste_plan="2026-09-01"),
            theme("bygning", "A", hentet_tid="2020-01-01T00:00:00+00:00", er_paakrevd=False),
        )
    )
    assert (fields["Data hentet"], fields["Nyeste plan"]) == ("2026-10-02", "2026-09-01")


def test_sources_are_linked_with_their_licence():
    fields = dekning_fields(
        dekning(
            theme("teig", "A", kilde_adresse="https://wfs.example.no/teig", lisens="Kartverket, CC BY 4.0"),
            theme("kommuneplan", "D", svar="ikke_dekket"),
        )
    )
    assert fields["Kildelenker"] == "teig: https://wfs.example.no/teig (Kartverket, CC BY 4.0)"
    assert fields["Data hentet"] is None
    assert fields["Nyeste plan"] is None


def test_what_was_never_assessed_leaves_the_fields_alone():
    assert dekning_fields(DEKNING.empty()) == {}
    assert kontroll_rows(KONTROLL.empty()) == {}


def test_every_field_is_one_of_the_base_and_the_programs_own():
    kommuner, kontroll = (base_register().table(navn) for navn in ("Kommuner", "Kontroll"))
    row = identity(find_kommune("3207", sandbox=False)) | dekning_fields(dekning(theme("teig", "A")))
    assert diff_table(kommuner, {"3207": row}, [], key_of={}).create
    item = dict.fromkeys(KONTROLL.columns, "x") | {"alvor": "høy", "tilstand": "lukket"}
    (row,) = kontroll_rows(pd.DataFrame([item])).values()
    assert (row["Alvor"], row["Tilstand"]) == ("Høy", "Lukket")
    assert diff_table(kontroll, {"x": row}, [], key_of={}).create
    assert set(row) == {f.navn for f in kontroll.felt if f.eier == "pipeline"}


def test_every_word_for_a_state_is_a_choice_of_the_base():
    from tasks.crm.records import ALVOR, KONTROLL_TILSTAND

    kontroll = base_register().table("Kontroll")
    assert set(ALVOR.values()) == set(kontroll.field("Alvor").valg)
    assert set(KONTROLL_TILSTAND.values()) == set(kontroll.field("Tilstand").valg)


def test_the_address_of_a_lot_that_has_none_any_more_is_cleared_and_of_one_not_asked_for_left():
    adresser = pd.DataFrame(
        {
            "tomt_id": ["3207-000001", "3207-000002"],
            "adresse": ["Storgata 2B", None],
            "postnummer": ["1400", None],
            "poststed": ["SKI", None],
            "avstand_m": [12.0, NAN],
        }
    )
    assert adresse_texts(adresser) == {"3207-000001": "Storgata 2B, 1400 SKI (12 m unna)", "3207-000002": None}
    lot = {"kommunenummer": "3207", "matrikkelenheter": [], "plan_ider": [], "planer_under_arbeid": []}
    known = set(lot) | {"tomt_id", "tilstand", "ost_25833", "nord_25833"}
    lot |= {c: None for c in (*TOMTER.columns, *SCORER.columns) if c not in known}
    lot |= {"nord_25833": 1.0, "ost_25833": 1.0, "tilstand": "aktiv"}
    scored = pd.DataFrame([lot | {"tomt_id": f"3207-00000{n}"} for n in (1, 2, 3)])
    rows = tomt_rows(scored, links={}, adresser=adresse_texts(adresser))
    assert [rows[f"3207-00000{n}"].get("Adresse", "as it was") for n in (2, 3)] == [None, "as it was"]
