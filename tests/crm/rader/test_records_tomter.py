"""Rows of Tomter: level, dates, zones and plan of the lot's own land, overlap, address."""

from __future__ import annotations

from typing import Any

from config.base import base_register
from tasks import contracts
from tasks.crm.rader.planer import Plan, Sone
from tasks.crm.rader.rad import Row
from tasks.crm.rader.scorerader import with_scores
from tasks.crm.rader.tomterader import Rundt, adresse_texts, event_dates, main_zone, tomt_rows
from tasks.crm.sync.verdi import canonical_row
from tasks.tomtekontrakter import SCORER, TOMTEFAKTA
from tests.crm.rader.rammer import event, frame_of, lot, score

TOMTER = base_register().table("Tomter")
KPA, KDP = "3207_KPA-2023", "3207_KDP-7"
BOLIG = Sone("s1 (B3)", "1110 Boligbebyggelse", "bolig", "1", KPA)
SENTRUM = Sone("s2 (S1)", "1130 Sentrumsformål", "mulig", "2", KPA)
DEL = Sone("s3 (B9)", "1110 Boligbebyggelse", "bolig", "2", KDP)
PLANS = {
    KPA: Plan("Endelig vedtatt arealplan", "2023-06-14", "https://kpa.example.no"),
    KDP: Plan("Endelig vedtatt arealplan", "2019-02-01", None),
}


def row_of(rundt: Rundt | None = None, **more: Any) -> Row:
    own = {name: value for name, value in more.items() if name in SCORER.columns}
    tomter = frame_of(contracts.TOMTER, lot(**{n: v for n, v in more.items() if n in contracts.TOMTER.columns}))
    (row,) = tomt_rows(
        with_scores(tomter, frame_of(SCORER, score(**own)), TOMTEFAKTA.empty()), rundt or Rundt()
    ).values()
    return row


def test_a_gone_lot_has_no_score_and_no_level_and_keeps_the_rest():
    tomter = frame_of(contracts.TOMTER, lot(tilstand="borte", aarsak="ny plan: 3207_R9"))
    (row,) = tomt_rows(with_scores(tomter, SCORER.empty(), TOMTEFAKTA.empty()), Rundt()).values()
    assert canonical_row(TOMTER, row).keys() >= {"Score", "Stoppet", "Kommunal grunn", "Selvkost"}
    told = ("Score", "Høyest", "Usikre poeng", "Nivå", "Stoppet", "Hvorfor", "Verste konflikt", "Kommunal grunn")
    assert [canonical_row(TOMTER, row)[felt] for felt in told] == [None] * len(told)
    assert (row["Nivå"], row["Tilstand"], row["Årsak"]) == (None, "Borte", "ny plan: 3207_R9")
    assert row["Overlapp m²"] == "3207-46/1/0/0: 2\u00a0500 m²"


def test_created_and_updated_are_the_days_of_the_first_and_the_last_event():
    told = [event(2, 1, "2026-10-03T02:00:00+00:00"), event(3, 2, "x"), event(1, 1, "2026-09-30T23:59:00+00:00")]
    dates = event_dates(frame_of(contracts.HENDELSER, *told))
    assert dates == {"3207-000001": ("2026-09-30", "2026-10-03"), "3207-000002": (None, None)}
    row = row_of(Rundt(datoer=dates))
    assert (row["Opprettet"], row["Oppdatert"]) == ("2026-09-30", "2026-10-03")
    assert (row_of()["Opprettet"], row_of()["Oppdatert"]) == (None, None)


def test_a_lot_shows_the_zones_of_its_own_plans_and_the_type_of_its_own_class():
    rundt = Rundt(zones={"3207-O00001": [BOLIG, SENTRUM, DEL]}, plans=PLANS)
    row = row_of(rundt, klasse="mulig", arealstatus="2")
    assert row["Soner"].splitlines() == ["s1 (B3)", "s2 (S1)"]
    assert row["Sonetype"] == "1130 Sentrumsformål"
    both = row_of(rundt, klasse="bolig", arealstatus="2", plan_ider=[KPA, KDP])
    assert both["Soner"].splitlines() == ["s1 (B3)", "s2 (S1)", "s3 (B9)"]
    # The plan is that of the zone, its link that of the first that has one.
    assert (both["Plan vedtatt"], both["Plan"]) == ("2019-02-01", "https://kpa.example.no")
    assert row["Planstatus"] == both["Planstatus"] == "Endelig vedtatt arealplan"


def test_lots_of_one_omraade_that_differ_do_not_share_what_differs():
    tomter = frame_of(
        contracts.TOMTER,
        lot(1, klasse="bolig"),
        lot(2, klasse="mulig"),
        lot(3, klasse="bolig", plan_ider=[KDP]),
        lot(4, klasse="bolig", plan_ider=[KPA, KDP]),
    )
    scored = with_scores(tomter, frame_of(SCORER, *(score(n) for n in (1, 2, 3, 4))), TOMTEFAKTA.empty())
    rows = tomt_rows(scored, Rundt(zones={"3207-O00001": [BOLIG, SENTRUM, DEL]}, plans=PLANS)).values()
    assert [row["Sonetype"].split()[0] for row in rows] == ["1110", "1130", "1110", "1110"]
    assert [row["Soner"].count("\n") + 1 for row in rows] == [2, 2, 1, 3]
    assert [row["Plan vedtatt"][:4] for row in rows] == ["2023", "2023", "2019", "2019"]


def test_a_zone_of_another_class_is_never_told_of_as_the_lots():
    assert main_zone([BOLIG, DEL], klasse="bolig", arealstatus="2") == DEL
    assert main_zone([BOLIG, SENTRUM], klasse="bolig", arealstatus="3") == BOLIG
    assert main_zone([BOLIG], klasse="mulig", arealstatus="1") is None
    assert row_of()["Sonetype"] is None


def test_overlap_is_a_line_for_each_property_of_the_teig():
    row = row_of(matrikkelenheter=["3207-46/1/0/0", "3207-46/2/5/0", " "], areal_m2=12_345.6)
    assert row["Overlapp m²"].split("\n") == ["3207-46/1/0/0: 12\u00a0346 m²", "3207-46/2/5/0: 12\u00a0346 m²"]
    assert row["Eiendommer"] == ["3207-46/1/0/0", "3207-46/2/5/0"]
    bare = row_of(matrikkelenheter=[])
    assert (bare["Overlapp m²"], bare["Eiendommer"], bare["Se eiendom"]) == (None, [], None)


def test_the_link_to_the_property_is_that_of_the_first_number_that_is_one():
    row = row_of(matrikkelenheter=["3207-x", "3207-46/2/0/0"])
    assert row["Se eiendom"] == "https://seeiendom.kartverket.no/eiendom/3207/46/2/0/0"


def test_map_and_photo_point_at_the_lots_own_point():
    row = row_of(nord_25833=6_735_304.04, ost_25833=-31_841.98)
    assert "lat=6735304&lon=-31842&" in row["Kart"]
    assert "?x=-31842&y=6735304&" in row["Flyfoto"]


def test_the_address_of_a_lot_that_has_none_any_more_is_cleared_and_of_one_not_asked_for_left():
    adresser = frame_of(
        contracts.ADRESSER,
        {"tomt_id": "3207-000001", "adresse": "Storgata 2B", "postnummer": "1400", "poststed": "SKI", "avstand_m": 12.0}
        | {"hentet_dato": "2026-11-20"},
        {"tomt_id": "3207-000002", "hentet_dato": "2026-11-20"},
    )
    texts = adresse_texts(adresser)
    assert texts == {"3207-000001": "Storgata 2B, 1400 SKI (12 m unna)", "3207-000002": None}
    found = [row_of(Rundt(adresser=texts), tomt_id=f"3207-00000{n}").get("Adresse", "as it was") for n in (1, 2, 3)]
    assert found == ["Storgata 2B, 1400 SKI (12 m unna)", None, "as it was"]
