"""Plans and zones in words: status, date, link, purpose."""

from __future__ import annotations

from typing import Any

import pytest

from config.kodeord import kodeord
from config.registers import find_kommune, housing_classes
from tasks import contracts
from tasks.crm.rader.planer import INGEN_PLAN, Plan, main_plan, plan_links, read_plans, read_zones
from tests.crm.rader.rammer import frame_of, plan, zone

NORDRE_FOLLO = find_kommune("3207", sandbox=False)


def plan_of(*rows: dict[str, Any], plan_id: str = "3207_KPA-2023") -> Plan:
    return read_plans(NORDRE_FOLLO, frame_of(contracts.PLANOMRAADER, *rows))[plan_id]


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("3", "Endelig vedtatt arealplan"),
        ("6", "Vedtatt plan med utsatt rettsvirkning"),
        ("Noe eget\n", "Noe eget"),
        (None, None),
    ],
)
def test_the_status_is_in_words_and_what_nobody_knows_as_it_stands(status, words):
    assert plan_of(plan(planstatus=status)).status == words


def test_a_plan_with_several_rows_is_as_its_adopted_ones_say():
    found = plan_of(
        plan(planstatus="5", vedtatt_dato="2025-01-01"), plan(vedtatt_dato=None), plan(vedtatt_dato="2023-06-14")
    )
    assert (found.status, found.vedtatt) == ("Endelig vedtatt arealplan", "2023-06-14")


@pytest.mark.parametrize("dato", ["2023-02-30", "ukjent", "20230614", None, ""])
def test_a_date_that_is_none_is_left_out(dato):
    assert plan_of(plan(vedtatt_dato=dato)).vedtatt is None


def test_a_plans_own_link_goes_first_and_others_lead_to_arealplaner():
    frame = frame_of(
        contracts.PLANOMRAADER,
        plan(lenke="javascript:alert(1)"),
        plan(lenke="https://plan.example.no/7"),
        plan(plan_id="3207_KDP 7"),
        plan(plan_id="3218_KPA"),
        plan(plan_id="3218_KDP", lenke="https://aas.example.no"),
        plan(plan_id="3207_"),
    )
    assert plan_links(NORDRE_FOLLO, frame) == {
        "3207_KPA-2023": "https://plan.example.no/7",
        "3207_KDP 7": "https://www.arealplaner.no/nordrefollo3207/gi?funksjon=VisPlan&planidentifikasjon=KDP%207"
        "&kommunenummer=3207",
        "3218_KDP": "https://aas.example.no",
    }


def test_a_lot_on_no_known_plan_has_none():
    assert main_plan(None, ["3207_x"], {}) == INGEN_PLAN


def test_a_zone_is_told_with_its_purpose_and_status_in_words():
    soner = frame_of(
        contracts.SONER,
        zone("s1"),
        zone("s2", objekttype="KpArealbrukOmråde", kode="110", arealstatus="1", navn=None),
        zone("s3", kode="110", arealstatus="9"),
        zone("s4", kode=None, navn="B\n3"),
        zone("ikke spurt om"),
    )
    found = read_zones(soner, {"s1", "s2", "s3", "s4", "s5"})
    assert {z: found[z].tekst for z in sorted(found)} == {
        "s1": "s1 (B3, formål 1110 Boligbebyggelse, framtidig)",
        "s2": "s2 (formål 110 Boligområde, nåværende)",
        "s3": "s3 (B3, formål 110, ukjent status)",
        "s4": "s4 (B 3, formål ikke oppgitt, framtidig)",
        "s5": "s5 (ikke lenger i kilden)",
    }
    assert [found[z].klasse for z in ("s1", "s2", "s3", "s4", "s5")] == ["bolig", "bolig", None, None, None]
    assert found["s1"].sonetype == "1110 Boligbebyggelse"


def test_every_purpose_that_may_be_housing_has_a_word():
    named = {(objekttype, kode) for objekttype, names in kodeord().formaal.items() for kode in names}
    assert named == {pair for pair in housing_classes() if pair[0].startswith("Kp")}
