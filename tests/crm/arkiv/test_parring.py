"""Which field of a link is written, what is made first, and what is left to a person."""

from __future__ import annotations

from tasks.crm.arkiv.gjenskap import STAND_IN, _table_body, described_as
from tasks.crm.arkiv.parring import by_hand, pair, written_links


def table(name, *fields, primary=None):
    return {"id": f"tbl{name}", "name": name, "primaryFieldId": primary or fields[0]["id"], "fields": list(fields)}


def text(name, kind="singleLineText"):
    return {"id": f"fld{name}", "name": name, "type": kind}


def link(name, to, *, end=None, ident=None):
    options = {"linkedTableId": f"tbl{to}", **({"inverseLinkFieldId": f"fld{end}"} if end else {})}
    return {"id": f"fld{ident or name}", "name": name, "type": "multipleRecordLinks", "options": options}


def test_the_field_is_written_whose_other_end_airtable_has_named():
    early = table("A", text("a"), link("Mine B", "B", end="AiB"))
    late = table("B", text("b"), link("A", "A", end="Mine B", ident="AiB"))
    assert written_links([early, late]) == {"fldMine B": "fldAiB"}
    late["fields"][1]["name"] = "Omdøpt"
    assert written_links([early, late]) == {"fldAiB": "fldMine B"}, "of two with own names that of the later table"


def test_both_ends_within_one_table_are_written_and_links_that_lead_out_are_by_hand():
    one = table("A", text("a"), link("Over", "A", end="Under"), link("Under", "A", end="Over"), link("Ute", "X"))
    assert written_links([one]) == {"fldOver": None, "fldUnder": None}
    assert by_hand([one]) == ["A.Ute: a link to a table that is not in the backup"]


def test_a_primary_field_that_cannot_be_made_gets_a_stand_in():
    made = table("A", text("Full tittel", "formula"), text("Ja", "checkbox"), text("Notat", "multilineText"))
    assert [f["name"] for f in _table_body(made, None)["fields"]] == ["Notat", "Ja"]
    assert by_hand([made]) == ["A.Full tittel: a field of type formula", "A: Full tittel as the primary field"]
    bare = table("A", text("Nr", "autoNumber"))
    assert _table_body(bare, None)["fields"] == [STAND_IN]


def test_what_is_not_known_of_is_paired_with_nothing():
    one = table("A", text("a"), text("Fremtid", "somethingNew"))
    found = pair([one], [table("a", text("A"), text("Fremtid", "url"))])
    assert (found.fields, found.refusals, found.new_fields) == ({"flda": "fldA"}, [], [])


def test_only_a_marker_is_changed():
    assert described_as("En rad.", "staging") == "En rad."
    assert described_as("En rad. [tomt: profil=production]", None) == "En rad. [tomt: profil=production]"
    assert described_as("En rad. [tomt: profil=production]", "staging") == "En rad. [tomt: profil=staging]"


def test_a_link_that_was_made_and_not_named_yet_hinders_no_other():
    """Broken off between the two requests, its other end bears the name that another link's end has in the backup."""
    tomter = table("Tomter", text("Navn"), link("Hoved", "Områder", end="E1"), link("Nabo", "Områder", end="E2"))
    omraader = table(
        "Områder", text("Id"), link("Hovedtomter", "Tomter", end="Hoved", ident="E1"),
        link("Tomter", "Tomter", end="Nabo", ident="E2"),
    )  # fmt: skip
    half = [
        table("Tomter", text("Navn"), link("Hoved", "Områder", end="E1")),
        table("Områder", text("Id"), link("Tomter", "Tomter", end="Hoved", ident="E1")),
    ]
    written = written_links([omraader, tomter])
    assert written == {"fldHoved": "fldE1", "fldNabo": "fldE2"}
    found = pair([omraader, tomter], half)
    assert (found.refusals, found.renames) == ([], [("tblOmråder", "fldE1", omraader["fields"][1])])
    assert [f["name"] for _, f in found.new_fields] == ["Nabo"]


def test_ends_are_renamed_when_their_name_is_free_and_refused_when_each_has_the_others():
    def base(first, second):
        return [
            table("A", text("a"), link("W1", "B", end="E1"), link("W2", "B", end="E2")),
            table("B", text("b"), link(first, "A", end="W1", ident="E1"), link(second, "A", end="W2", ident="E2")),
        ]

    backup = base("Y", "X")
    backup = [backup[1], backup[0]]  # the fields of the later table are written
    found = pair(backup, base("Z", "Y"))
    assert [(i, f["name"]) for _, i, f in found.renames] == [("fldE2", "X"), ("fldE1", "Y")]
    assert found.refusals == []
    found = pair(backup, base("X", "Y"))
    assert (len(found.refusals), found.renames) == (2, [])
