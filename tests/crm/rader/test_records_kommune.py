"""Rows of coverage and of the review queue: what stands in them, and what does not."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from config.base import base_register
from config.registers import find_kommune
from tasks.contracts import DEKNING, KONTROLL
from tasks.crm.rader.kontrollrader import ALVOR, TILSTAND
from tasks.crm.rader.records import dekning_fields, identity, kontroll_rows
from tasks.crm.sync.verdi import canonical_row

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
    assert canonical_row(kommuner, row)["Datakvalitet"] == "A"
    (row,) = kontroll_rows(kontroll_frame()).values()
    assert (row["Alvor"], row["Tilstand"], row["Først sett"]) == ("Høy", "Lukket", "2026-11-20")
    assert canonical_row(kontroll, row)["Hva"] == "x"
    assert set(row) == {f.navn for f in kontroll.felt if f.eier == "pipeline"}


def kontroll_frame(**more: str) -> pd.DataFrame:
    item = dict.fromkeys(KONTROLL.columns, "x") | {"alvor": "høy", "tilstand": "lukket", "foerst_sett": "2026-11-20"}
    return pd.DataFrame([item | more])


def test_every_word_for_a_state_is_a_choice_of_the_base():
    kontroll = base_register().table("Kontroll")
    assert set(ALVOR.values()) == set(kontroll.field("Alvor").valg)
    assert set(TILSTAND.values()) == set(kontroll.field("Tilstand").valg)


def test_text_of_sources_is_cleaned_and_a_date_that_is_none_left_out():
    more = {"kontroll_id": "3207-\x00kilde", "hva": "To\nlinjer", "hvorfor": "a\r\nb\x1b[31m", "foerst_sett": "i går"}
    ((key, row),) = kontroll_rows(kontroll_frame(**more)).items()
    assert key == row["Kontroll-id"] == "3207-kilde"
    assert (row["Hva"], row["Hvorfor"], row["Først sett"]) == ("To linjer", "a\nb[31m", None)
    fields = dekning_fields(dekning(theme("teig", "B", grunner=["a\nb\x00"], nyeste_plan="2023-99-99")))
    assert (fields["Kvalitetsgrunner"], fields["Nyeste plan"]) == ("teig: a b", None)


def test_a_source_without_a_licence_is_linked_bare():
    fields = dekning_fields(dekning(theme("teig", "A", kilde_adresse="https://wfs.example.no/teig")))
    assert fields["Kildelenker"] == "teig: https://wfs.example.no/teig"
