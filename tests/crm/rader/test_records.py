"""Rows of a whole kommune: every field is the program's own, and hostile text stays harmless text."""

from __future__ import annotations

import time
import unicodedata
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.base import base_register
from config.registers import find_kommune
from tasks import contracts
from tasks.crm.rader.rad import TEXT_MAX, line, lines, text
from tasks.crm.rader.records import Row, RowsByKey, build_rows
from tasks.crm.sync.verdi import canonical_row
from tasks.tomtekontrakter import KONTEKSTDEKNING, SAMMENSLAAINGER, SCORER, TOMTEFAKTA
from tests.crm.rader.rammer import area, assembly, event, frame_of, lot, plan, score, zone
from tests.crm.stordata import Omfang, frames

NORDRE_FOLLO = find_kommune("3207", sandbox=False)
LATER = {"Kommuner": {"Publiserte tomter", "Score", "Prioritet", *(f"Score {part}" for part in (
    "demografi", "økonomi", "politikk", "eiendom"))}, "Tomter": {
    "Under terskel", "Importnøkkel", "Kilde endret", "Hva er endret", "Påminnelse", "Kartbilde"}}  # fmt: skip
"""What other parts of the program fill in."""
FRAMES = (
    "omraader",
    "tomter",
    "scorer",
    "soner",
    "planomraader",
    "dekning",
    "kontroll",
    "adresser",
    "hendelser",
    "teiger",
    "tomtefakta",
    "kontekstdekning",
    "sammenslaainger",
)
TIME = "2026-11-20T02:00:00+00:00"


def rows_of(**frames: Any) -> dict[str, RowsByKey]:
    return build_rows(NORDRE_FOLLO, **(usual() | frames), kilder="teig: 1 objekt")


@cache
def usual() -> dict[str, Any]:
    """Return a frame of each kind with a row or none; rows are made of them, and they stay as they are."""
    return {
        "omraader": frame_of(contracts.OMRAADER, area()),
        "tomter": frame_of(contracts.TOMTER, lot()),
        "scorer": frame_of(SCORER, score()),
        "soner": frame_of(contracts.SONER, zone("s1"), zone("s2", kode="1001")),
        "planomraader": frame_of(contracts.PLANOMRAADER, plan()),
        "dekning": contracts.DEKNING.empty(),
        "kontroll": contracts.KONTROLL.empty(),
        "adresser": frame_of(
            contracts.ADRESSER, {"tomt_id": "3207-000001", "adresse": "Storgata 2", "hentet_dato": "2026-11-20"}
        ),
        "hendelser": frame_of(contracts.HENDELSER, event(1, 1, TIME)),
        "teiger": frame_of(contracts.TEIGER, {"teig_id": "teig-1", "registrert_areal_m2": 3000.0}),
        "tomtefakta": TOMTEFAKTA.empty(),
        "kontekstdekning": KONTEKSTDEKNING.empty(),
        "sammenslaainger": frame_of(SAMMENSLAAINGER, assembly()),
    }


def test_every_field_of_the_program_is_filled_and_no_other():
    rows = rows_of()
    for navn in ("Områder", "Eiendommer", "Tomter", "Sammenslåinger"):
        tabell = base_register().table(navn)
        (row,) = rows[navn].values()
        assert canonical_row(tabell, row)[tabell.noekkel]
        assert set(row) | LATER.get(navn, set()) == {f.navn for f in tabell.felt if f.eier == "pipeline"}
        for felt in tabell.felt:
            if felt.valg and felt.eier == "pipeline":
                assert row[felt.navn] in felt.valg


def test_links_are_keys_of_the_linked_tables():
    rows = rows_of()
    for navn, table in rows.items():
        for felt in base_register().table(navn).felt:
            if felt.til is not None and felt.eier == "pipeline":
                assert all(key in rows[felt.til] for row in table.values() for key in row[felt.navn])


def test_a_kommune_without_anything_has_a_row_and_no_more():
    frames = {
        c.name: c.empty()
        for c in (
            contracts.OMRAADER,
            contracts.TOMTER,
            SCORER,
            SAMMENSLAAINGER,
            contracts.SONER,
            contracts.PLANOMRAADER,
            contracts.ADRESSER,
            contracts.HENDELSER,
            contracts.TEIGER,
        )
    }
    rows = rows_of(**frames)
    assert rows["Kommuner"]["3207"]["Antall tomter"] == 0
    assert [navn for navn, table in rows.items() if table] == ["Kommuner"]


def test_the_same_input_gives_the_same_rows_in_whatever_order_it_comes():
    several = {
        "tomter": frame_of(contracts.TOMTER, *(lot(n) for n in range(1, 6))),
        "scorer": frame_of(SCORER, *(score(n) for n in range(1, 6))),
        "hendelser": frame_of(contracts.HENDELSER, *(event(n, n % 5 + 1, TIME) for n in range(1, 9))),
        "planomraader": frame_of(
            contracts.PLANOMRAADER,
            plan(lenke="https://b.example.no"),
            plan(lenke="https://a.example.no", vedtatt_dato="2024-01-01"),
            plan(planstatus="5", vedtatt_dato="2025-01-01"),
        ),
    }
    turned = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in several.items()}
    assert as_sent(rows_of(**several)) == as_sent(rows_of(**turned))


def as_sent(rows: dict[str, RowsByKey]) -> dict[str, RowsByKey]:
    return {
        navn: {key: canonical_row(base_register().table(navn), row) for key, row in table.items()}
        for navn, table in rows.items()
    }


HOSTILE = [
    '=HYPERLINK("https://x.example")',
    "+47 1",
    "-1",
    "@here",
    "<script>alert(1)</script>",
    "{Tomt-id} = ''",
    "a\x00b\r\n",
    "\u202egnp.exe",
    "3207-46/1/0/../0",
    "x" * 3000,
    " ",
    "\x07",
]


@settings(max_examples=4, deadline=None)
@example(HOSTILE)
@given(st.lists(st.text(max_size=60), min_size=2, max_size=12, unique=True))
def test_hostile_text_stays_one_harmless_text(words):
    turned = list(enumerate(zip(words, words[1:] + words[:1], words[2:] + words[:2], strict=True), 1))
    rows = rows_of(
        omraader=frame_of(
            contracts.OMRAADER,
            area(sone_ider=words, sone_areal_m2=[1.0] * len(words), plan_ider=words, planer_under_arbeid=words)
            | {"reguleringsplaner": words, "aarsak": words[0]},
        ),
        soner=frame_of(contracts.SONER, *(zone(a, navn=b, kode=c, plan_id=a) for _, (a, b, c) in turned)),
        planomraader=frame_of(
            contracts.PLANOMRAADER,
            *(plan(plan_id=a, planstatus=b, vedtatt_dato=c, lenke=f"https://{c}") for _, (a, b, c) in turned),
            *(plan(plan_id=f"3207_{a}", lenke=b) for _, (a, b, _) in turned),
        ),
        tomter=frame_of(
            contracts.TOMTER,
            *(
                lot(n, matrikkelenheter=[a, b], teig_id=c, plan_ider=[a, f"3207_{b}"], planer_under_arbeid=[b, c])
                | {"aarsak": b}
                for n, (a, b, c) in turned
            ),
        ),
        scorer=frame_of(
            SCORER,
            *(
                score(n, begrunnelse=a, profil=b, hvorfor=c, loft=a, mangler=b, selvkost=c, endring=a)
                | {"stopp_grunn": a, "verste_tema": b, "verste_andel": 0.4, "kommunal": c, "nivaa": a}
                for n, (a, b, c) in turned
            ),
        ),
        sammenslaainger=frame_of(SAMMENSLAAINGER, *(assembly(n, hvorfor=a, omraade_id=b) for n, (a, b, _) in turned)),
        teiger=frame_of(
            contracts.TEIGER, *({"teig_id": c, "registrert_areal_m2": float("inf")} for _, (_, _, c) in turned)
        ),
        adresser=frame_of(
            contracts.ADRESSER,
            *(
                {"tomt_id": f"3207-{n:06d}", "adresse": a, "postnummer": b, "poststed": c, "hentet_dato": "2026-11-20"}
                for n, (a, b, c) in turned
            ),
        ),
    )
    for navn, table in rows.items():
        tabell = base_register().table(navn)
        for key, row in table.items():
            assert key == row[tabell.noekkel]
            for name, value in row.items():
                check_text(tabell.field(name).type, value)
    for key in (e for row in rows["Tomter"].values() for e in row["Eiendommer"]):
        assert key in rows["Eiendommer"]


def check_text(kind: str, value: Any) -> None:
    for plain in value if isinstance(value, list) else [value] if isinstance(value, str) else []:
        breaks = "\n\t" if kind == "multilineText" else ""
        assert not [c for c in plain if unicodedata.category(c) in {"Cc", "Cs"} and c not in breaks]
        plain.encode()
        assert len(plain) <= (TEXT_MAX if kind == "multilineText" else 2_000)
        if kind == "url":
            assert plain.startswith(("https://", "http://"))
            assert plain.isprintable()
            assert " " not in plain


@pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@a", "{Tomt-id}"])
def test_a_cell_that_looks_like_a_formula_stays_as_it_is(formula):
    assert line(formula) == text(formula) == lines([formula]) == formula
    rows = rows_of(scorer=frame_of(SCORER, score(begrunnelse=formula)))
    assert rows["Tomter"]["3207-000001"]["Begrunnelse"] == formula


@given(st.text(alphabet=st.characters(codec=None), max_size=60), st.integers(min_value=2, max_value=40))
def test_a_shortened_text_fits_in_units_of_utf_16_and_cleaning_twice_changes_nothing(raw, limit):
    for clean in (line, text):
        once = clean(raw, limit)
        assert once is None or len(once.encode("utf-16-le")) // 2 <= limit
        assert clean(once, limit) == once


def test_a_list_of_many_plans_is_cut_at_what_a_cell_takes():
    many = lines(f"3207_plan {n}" for n in range(20_000))
    assert many is not None
    assert len(many) == TEXT_MAX
    assert many.endswith("…")


def test_equal_texts_are_kept_once():
    rows: dict[str, Row] = rows_of(
        tomter=frame_of(contracts.TOMTER, *(lot(n, planer_under_arbeid=["3207_R1", "3207_R2"]) for n in (1, 2))),
        scorer=frame_of(SCORER, *(score(n, begrunnelse=" ".join(["like", "ord"])) for n in (1, 2))),
    )["Tomter"]
    one, two = rows.values()
    for name in ("Kommunenummer", "Soner", "Sonetype", "Plan", "Plan under arbeid", "Begrunnelse", "Klasse"):
        assert one[name] == two[name] is not None
        assert one[name] is two[name], name


@pytest.mark.long
def test_50_000_lots_are_rows_within_seconds():
    omfang = Omfang(tomter=50_000, omraader=20_000, eiendommer=50_000)
    made = {contract.name: frame for _, contract, frame in frames(NORDRE_FOLLO, omfang)}
    started = time.process_time()
    rows = rows_of(**{name: made[name] for name in FRAMES})
    assert time.process_time() - started < 20  # 3 s, alone on a machine of 2026
    assert len(rows["Tomter"]) == 50_000
