"""Matters of the sync in Kontroll: what they say, how they are keyed, and when they are closed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base import base_register
from tasks.crm.rader.rad import KEY_MAX, TEXT_MAX, Row
from tasks.crm.sync.saker import (
    EARLIER,
    FIELDS,
    MANGE,
    Endring,
    Sak,
    afterlife,
    dobbel_sak,
    endret_sak,
    endret_saker,
    slettet_sak,
    slettet_saker,
    treff_sak,
    ukjent_sak,
    with_answers,
)
from tasks.crm.sync.treff import EgenTomt, Treff
from tasks.crm.sync.verdi import canonical_row
from tasks.crm.sync.verditekst import SHOWN, WHOLE_MAX, shown

DAY = date(2026, 11, 20)
KONTROLL = base_register().table("Kontroll")
TOMTER = base_register().table("Tomter")
EGEN = EgenTomt("recEGEN", "Åsen {nord}", "3207", 46, 1, 0)


def endret(felt: str = "Adresse", innskrevet: Any = "Storgata 3", programmets: Any = "Storgata 2") -> Sak:
    return endret_sak(
        "3207", TOMTER, "3207-000001", felt=felt, dato=DAY, innskrevet=innskrevet, programmets=programmets
    )


def every() -> dict[str, Row]:
    return dict(
        [
            endret(),
            slettet_sak("3207", "Tomter", "3207-000001", dato=DAY),
            dobbel_sak("3207", "Tomter", "3207-000001", dato=DAY, records=["rec1", "rec2"]),
            treff_sak("3207", Treff(EGEN, ("3207-000001", "3207-000002")), dato=DAY),
            ukjent_sak("3207", "3207-000001", dato=DAY),
        ]
    )


def test_every_matter_is_a_whole_row_of_kontroll():
    found = every()
    assert [key.rsplit("-", key.count("-") - 1)[0] for key in found] == [
        "3207-endret",
        "3207-slettet",
        "3207-dobbelt",
        "3207-treff",
        "3207-ukjent",
    ]
    assert set(FIELDS) == {f.navn for f in KONTROLL.felt if f.eier == "pipeline"}
    for key, row in found.items():
        sent = canonical_row(KONTROLL, row)
        assert (sent["Kontroll-id"], sent["Først sett"], sent["Tilstand"]) == (key, "2026-11-20", "Åpen")
        assert sent["Alvor"] in KONTROLL.field("Alvor").valg
        assert sent["Kommunenummer"] == "3207"
        assert all(sent[name] for name in ("Hva", "Hvor", "Hvorfor", "Forslag"))


def test_a_field_changed_by_hand_shows_both_values():
    key, row = endret()
    assert key == "3207-endret-Tomter-3207-000001-Adresse"
    assert row["Hvorfor"].splitlines()[1:] == ["Innskrevet: «Storgata 3»", "Programmets: «Storgata 2»"]
    assert "feltet Notat" in row["Forslag"]
    assert (
        "Notat"
        not in endret_sak(
            "3207", base_register().table("Kjøringer"), "x", felt="Kall", dato=DAY, innskrevet=1, programmets=2
        )[1]["Forslag"]
    )


def test_what_a_person_typed_is_kept_whole_with_its_line_breaks():
    typed = "Ringte eier:\r\n" + "vil ikke selge nå, prøv igjen til våren\n" * 400 + "slutt"
    _, row = endret(innskrevet=typed)
    assert row["Hvorfor"].split("\n", 1)[1] == f"Innskrevet: «{typed.replace(chr(13), '')}»\nProgrammets: «Storgata 2»"
    _, longer = endret(innskrevet="x" * 2 * WHOLE_MAX, programmets="y" * 2 * WHOLE_MAX)
    assert 2 * WHOLE_MAX < len(longer["Hvorfor"]) < 2 * WHOLE_MAX + 200


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "(tomt)"),
        ("", "(tomt)"),
        ([], "(tomt)"),
        (12, "12"),
        (True, "ja"),
        (["3207-46/1/0/0", "b"], "3207-46/1/0/0, b"),
        ("a\nb\x00", "«a b»"),
        ({"id": "usr1"}, "{'id': 'usr1'}"),
    ],
)
def test_a_value_is_shown_as_it_is_read(value, text):
    assert shown(value) == text


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()))
def test_any_value_is_shown_on_one_line_of_at_most_200_characters(value):
    text = shown(value)
    assert "\n" not in text
    assert len(text) <= 202  # with its quotation marks


def test_a_long_key_is_cut_and_stays_the_same_next_time():
    key, row = slettet_sak("3207", "Eiendommer", "3207-" + "9" * 5000, dato=DAY)
    assert len(key) <= KEY_MAX
    assert key.startswith("3207-slettet-Eiendommer-3207-999")
    assert slettet_sak("3207", "Eiendommer", "3207-" + "9" * 5000, dato=DAY) == (key, row)


def test_a_duplicate_names_its_records_and_the_field_to_empty():
    _, row = dobbel_sak("3207", "Tomter", "3207-000001", dato=DAY, records=["recB", "recA"])
    assert "står i 2 rader: recB, recA." in row["Hvorfor"]
    assert "Slett kopien, eller tøm feltet Tomt-id på den" in row["Forslag"]
    _, other = dobbel_sak("3207", "Eiendommer", "x", dato=DAY, records=["recA"])
    assert "tøm feltet Matrikkelnummer på den" in other["Forslag"]


def test_of_many_records_the_first_are_named_and_the_rest_counted():
    _, row = dobbel_sak("3207", "Tomter", "x", dato=DAY, records=[f"rec{n}" for n in range(500)])
    assert f"rec{SHOWN - 1} og {500 - SHOWN} til." in row["Hvorfor"]
    assert f"rec{SHOWN}," not in row["Hvorfor"]


def test_a_match_says_keep_both_or_move_and_never_asks_for_an_id_to_be_written():
    key, row = treff_sak("3207", Treff(EGEN, ("3207-000001", "3207-000002")), dato=DAY)
    assert key == "3207-treff-recEGEN"
    assert "«Åsen {nord}»" in row["Hvor"]
    assert "46/1 i kommune 3207. Der har programmet funnet 3207-000001, 3207-000002." in row["Hvorfor"]
    for words in ("behold begge", "flytt notater og fase dit", "sett Fase på den egne til «Ikke aktuell»", "en av dem"):
        assert words in row["Forslag"]
    assert "Tomt-id" not in row["Forslag"]
    nameless = EgenTomt("recEGEN", "", "3207", 46, 1, 5)
    one = treff_sak("3207", Treff(nameless, ("3207-000001",)), dato=DAY)[1]
    assert "46/1/5" in one["Hvor"]
    assert "Er den det samme som 3207-000001:" in one["Forslag"]


def test_an_id_that_somebody_typed_is_to_be_emptied():
    key, row = ukjent_sak("3207", "3207-000999", dato=DAY)
    assert key == "3207-ukjent-3207-000999"
    assert "Tøm feltet Tomt-id på raden: da er den deres egen tomt" in row["Forslag"]


def test_the_words_that_texts_point_to_are_options_of_the_base():
    assert {"Avklart", "Avvist"} <= set(KONTROLL.field("Status").valg)
    assert "Ikke aktuell" in TOMTER.field("Fase").valg


def stored(**status: str) -> list[Row]:
    """Return every matter as the base holds it, with the Status of its kind (Ny otherwise)."""
    return [row | {"Status": status.get(key.split("-")[1], "Ny"), "Notat": "x"} for key, row in every().items()]


def kinds(rows: dict[str, Row]) -> set[str]:
    return {key.split("-")[1] for key in rows}


HELD = {"treff", "dobbelt", "ukjent"}


def test_a_match_a_duplicate_and_an_unknown_id_are_closed_as_soon_as_they_no_longer_hold():
    closed = afterlife(stored(), {}, kommunenummer="3207")
    assert kinds(closed) == HELD
    for key, row in closed.items():
        assert row == every()[key] | {"Tilstand": "Lukket"}


@pytest.mark.parametrize("answer", ["Avklart", "Avvist"])
def test_a_change_and_a_deletion_are_closed_when_a_person_has_answered(answer):
    assert kinds(afterlife(stored(endret=answer), {}, kommunenummer="3207")) == {"endret"} | HELD
    assert kinds(afterlife(stored(slettet=answer), {}, kommunenummer="3207")) == {"slettet"} | HELD
    assert kinds(afterlife(stored(endret="Arbeides med"), {}, kommunenummer="3207")) == HELD


def test_what_holds_now_what_is_closed_already_and_what_is_not_the_syncs_own_is_left_alone():
    wanted = every()
    assert afterlife(stored(endret="Avklart", slettet="Avklart"), wanted, kommunenummer="3207") == {}
    closed = [row | {"Tilstand": "Lukket", "Status": "Avklart"} for row in every().values()]
    assert afterlife(closed, {}, kommunenummer="3207") == {}
    others = [{"Kontroll-id": "3207-teig-feilet", "Status": "Avklart"}, {"Status": "Avklart"}]
    assert afterlife(others, {}, kommunenummer="3207") == {}
    assert afterlife(stored(endret="Avklart"), {}, kommunenummer="3218") == {}


def test_a_record_with_empty_cells_is_closed_with_all_of_the_programs_fields():
    (row,) = afterlife([{"Kontroll-id": "3207-treff-rec1"}], {}, kommunenummer="3207").values()
    assert set(row) == set(FIELDS)
    assert (row["Hva"], row["Tilstand"]) == (None, "Lukket")


def test_a_match_that_was_answered_is_closed_though_it_holds_and_the_others_are_not():
    existing = stored(treff="Avklart", dobbelt="Avvist", ukjent="Avklart")
    rows = with_answers(existing, every(), kommunenummer="3207")
    assert {key.split("-")[1] for key, row in rows.items() if row["Tilstand"] == "Lukket"} == {"treff"}
    assert rows.keys() == every().keys()


def test_first_seen_is_kept_of_what_the_base_has():
    key, row = endret()
    old = row | {"Først sett": "2026-09-01", "Status": "Arbeides med"}
    found = with_answers([old], {key: row}, kommunenummer="3207")[key]
    assert (found["Først sett"], found["Tilstand"]) == ("2026-09-01", "Åpen")
    assert with_answers([], {key: row}, kommunenummer="3207")[key] == row


def again(existing: list[Row], sak: Sak) -> Sak:
    """Return the one matter of a further run, as it goes to the base."""
    ((key, row),) = with_answers(existing, dict([sak]), kommunenummer="3207").items()
    assert row["Kontroll-id"] == key
    return key, row


def test_a_further_edit_of_an_unanswered_matter_is_told_above_the_first_and_the_same_one_changes_nothing():
    first, second, third = (endret(innskrevet=typed)[1] for typed in ("Storgata 3", "Storg. 3", "a" + EARLIER + "b"))
    told = first
    for new in (second, third):
        above = f"{new['Hvorfor']}{EARLIER}{told['Hvorfor']}"
        key, told = again([told], (new["Kontroll-id"], new))
        assert (key, told["Hvorfor"]) == (first["Kontroll-id"], above)
    for same in (first, second, third):
        assert again([told], (key, same)) == (key, told)
    ten = endret("Score", 99.0, 10.0)
    assert EARLIER in again([endret("Score", 99.0, 10.5)[1]], ten)[1]["Hvorfor"], "10 is not told where 10,5 is"


def test_edits_that_fill_the_cell_keep_the_newest_and_come_to_rest():
    told = endret(innskrevet="0" * WHOLE_MAX, programmets="p" * WHOLE_MAX)[1]
    for n in "1234":
        new = endret(innskrevet=n * WHOLE_MAX, programmets="p" * WHOLE_MAX)
        _, told = again([told], new)
        assert told["Hvorfor"].startswith(new[1]["Hvorfor"])
        assert again([told], new) == (new[0], told)
    assert len(told["Hvorfor"]) == TEXT_MAX


@pytest.mark.parametrize(
    "answer", [{"Status": "Avklart"}, {"Status": "Avvist"}, {"Status": "Ny", "Tilstand": "Lukket"}]
)
@pytest.mark.parametrize("sak", [endret(), slettet_sak("3207", "Tomter", "3207-000001", dato=DAY)])
def test_what_happens_after_the_answer_is_a_matter_of_its_own(sak, answer):
    base, row = sak
    old = row | {"Først sett": "2026-09-01"} | answer
    second = again([old], sak)
    assert second == (f"{base}-2", row | {"Kontroll-id": f"{base}-2"})
    assert again([old, second[1]], sak) == second
    answered = second[1] | {"Status": "Avvist", "Tilstand": "Lukket"}
    assert again([old, answered], sak)[0] == f"{base}-3"
    closed = afterlife([old], dict([second]), kommunenummer="3207")
    assert list(closed) == ([base] if old["Tilstand"] == "Åpen" else [])
    assert list(afterlife([answered | {"Tilstand": "Åpen"}], {}, kommunenummer="3207")) == [f"{base}-2"]


def test_the_second_key_of_a_long_one_fits_too():
    sak = slettet_sak("3207", "Eiendommer", "3207-" + "9" * 5000, dato=DAY)
    key, _ = again([sak[1] | {"Status": "Avklart"}], sak)
    assert len(key) == KEY_MAX
    assert key.endswith("…-2")


def test_of_many_hand_changes_in_one_field_one_matter_lists_them():
    few = [Endring(f"3207-{n:06}", "Score", 99.0, 81.2) for n in range(MANGE)]
    assert len(endret_saker("3207", TOMTER, few, dato=DAY)) == MANGE
    many = [*few, Endring("3207-999999", "Score", None, 12.0), Endring("3207-999999", "Kart", "x", "y")]
    found = endret_saker("3207", TOMTER, many, dato=DAY)
    assert len(found) == 2
    one = next(row for row in found.values() if "rader" in row["Hva"])
    assert one["Hva"] == f"Felt endret for hånd i {MANGE + 1} rader: Score"
    assert "3207-999999: (tomt) → 12" in one["Hvorfor"]


def test_of_many_deleted_records_one_matter_lists_them():
    keys = [f"3207-{n:06}" for n in range(MANGE + 1)]
    assert len(slettet_saker("3207", "Tomter", keys[:-1], dato=DAY)) == MANGE
    ((key, row),) = slettet_saker("3207", "Tomter", keys, dato=DAY).items()
    assert key == f"3207-slettet-Tomter-mange-{DAY}"
    assert keys[-1] in row["Hvorfor"]


def test_values_of_people_are_not_repeated_in_the_queue():
    eiere = base_register().table("Eiere")
    _, row = endret_sak("3207", eiere, "e1", felt="Navn", dato=DAY, innskrevet="Kari", programmets="Ola")
    many = endret_saker("3207", eiere, [Endring(f"e{n}", "Navn", "Kari", "Ola") for n in range(MANGE + 1)], dato=DAY)
    assert not [name for name in ("Kari", "Ola") for r in (row, *many.values()) if name in str(r)]
