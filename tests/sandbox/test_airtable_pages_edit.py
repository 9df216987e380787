"""Rows changed and added through the pages: what is typed arrives, others' changes stay, what is wrong is said."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tasks.sandbox.airtable.actor import PEOPLE
from tests.sandbox.conftest import NOTAT
from tests.sandbox.skjemasider import Side, browser_of, post

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
KARI, OLA, LIN = PEOPLE


@pytest.fixture(scope="module")
def leser(airtable) -> Iterator[httpx.Client]:
    with browser_of(airtable.url) as client:
        yield client


@pytest.fixture
def rad(leser, base, tomter):
    """A row of its own, and how its page is opened."""

    def made(**fields):
        rec = tomter.create(fields)["id"]
        return rec, lambda: Side.get(leser, f"/base/{base.id}/{tomter.id}/{rec}")

    return made


def fields(tomter, rec):
    return tomter.get(rec)["fields"]


def test_what_is_typed_arrives_as_the_api_takes_it(tomter, rad):
    rec, page = rad(Navn="a", Klar=True, Merker=["A"])
    tomter.create_field("Kode", "barcode")
    tomter.create_field("Pris", "currency", options={"precision": 0, "symbol": "kr"})
    tomter.create_field("Andel", "percent", options={"precision": 1})
    tomter.create_field("Karakter", "rating", options={"icon": "star", "color": "yellowBright", "max": 5})
    tomter.create_field("Varighet", "duration", options={"durationFormat": "h:mm"})
    typed = {"Tall": "1 234,5", "Dato": "24.12.2026", "Tid": "1.7.2026 12:00", NOTAT: "én\nto", "Lenke": "ikke noe"}
    typed |= {"Pris": "1500 kr", "Andel": "12,5", "Karakter": "4", "Varighet": "1:30", "Kode": "k-1"}
    after = page().fill(Klar=False, Merker=[], **typed).send()
    assert after.doc.xpath("//*[@role='status']/text()") == ["Lagret."]
    assert fields(tomter, rec) == {
        "Navn": "a", "Tall": 1234.5, "Dato": "2026-12-24", "Tid": "2026-07-01T10:00:00.000Z", NOTAT: "én\nto",
        "Lenke": "ikke noe", "Pris": 1500, "Andel": 0.125, "Karakter": 4, "Varighet": 5400, "Kode": {"text": "k-1"},
    }  # fmt: skip
    assert (after.value("Tall"), after.value("Dato"), after.value("Tid")) == (
        "1 234,5",
        "24.12.2026",
        "01.07.2026 12:00",
    )
    cleared = after.fill(Navn="", Tall="", Dato="", Tid="", Karakter="", **{NOTAT: ""})
    cleared.fill(Lenke="", Pris="", Andel="", Varighet="", Kode="").send()
    assert fields(tomter, rec) == {}


def test_a_form_that_nobody_touched_writes_nothing(airtable, tomter, rad):
    odd = {
        "Navn": "a\nb",
        "Tall": 0.1 + 0.2,
        "Tid": "2026-07-01T10:00:30.500Z",
        NOTAT: "\n\r\nx\r\ny\x00",
        "Dato": "0001-01-01",
    }
    rec, page = rad(**odd)
    changes: list[object] = []
    listener = lambda base, by, changed: changes.append(changed)  # noqa: E731
    airtable._app.state.store.listeners.append(listener)
    try:
        form = page()
        assert form.control("Navn").xpath(".//textarea")  # one line would lose its line end
        form.send()
    finally:
        airtable._app.state.store.listeners.remove(listener)
    assert changes == []
    assert fields(tomter, rec) == odd


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(tomter, rad):
    rec, page = rad(Navn="a", Tall=1)
    answer = page().fill(Navn="b", Tall="tre", Dato="31.2.2026", Tid="i går", **{NOTAT: "x" * 100_001}).send(status=422)
    assert [n for n in answer.names if answer.error(n)] == ["Tall", "Dato", "Tid", NOTAT]
    assert "«tre» er ikke et tall" in answer.error("Tall")
    assert (answer.value("Navn"), answer.value("Tall"), len(answer.value(NOTAT))) == ("b", "tre", 100_001)
    assert fields(tomter, rec) == {"Navn": "a", "Tall": 1}
    answer.fill(Tall="3", Dato="", Tid="", **{NOTAT: "kort"}).send()
    assert fields(tomter, rec) == {"Navn": "b", "Tall": 3, NOTAT: "kort"}


def test_an_option_that_is_none_is_refused_as_the_api_does(tomter, rad):
    rec, page = rad(Navn="a")
    form = page()
    pairs = [*form.pairs(), (f"f:{form.id('Merker')}", "ny")]
    answer = Side(form.web, post(form.web, form.form.action, pairs))
    assert (answer.response.status_code, answer.error("Merker")) == (422, "Valget finnes ikke i feltet.")
    assert fields(tomter, rec) == {"Navn": "a"}


def test_what_another_changes_meanwhile_is_not_overwritten_in_silence(tomter, rad):
    rec, page = rad(Navn="a", Tall=1, Merker=["A"])
    form = page()
    tomter.update(rec, {"Tall": 2, "Merker": []})
    form.fill(Navn="b").send()
    assert fields(tomter, rec) == {"Navn": "b", "Tall": 2}
    form = page().fill(Tall="30", Navn="c")
    tomter.update(rec, {"Tall": 3})
    answer = form.send(status=409)
    assert "Nå står det: «3»" in answer.error("Tall")
    assert (answer.value("Tall"), fields(tomter, rec)["Tall"]) == ("30", 3)
    answer.send()
    assert fields(tomter, rec) == {"Navn": "c", "Tall": 30}


@pytest.fixture
def nabo(tomter, omraader):
    """A link that people have made: Område is the program's."""
    tomter.create_field("Nabo", "multipleRecordLinks", options={"linkedTableId": omraader.id})


def test_links_are_found_by_name_added_and_taken_away(tomter, omraader, rad, nabo):
    nes, nesodden, _ = (omraader.create({"Navn": n})["id"] for n in ("Nes", "Nesodden", "Ås"))
    rec, page = rad(Navn="a")
    found = page().fill(Navn="b").look("Nabo", "nes").press("find").send(status=200)
    assert [label.strip() for label in found.control("Nabo").xpath(".//ul//label/text()")] == ["Nes", "Nesodden"]
    assert (found.value("Navn"), fields(tomter, rec)) == ("b", {"Navn": "a"})
    found.tick("add", "Nabo", "Nesodden").send()
    assert fields(tomter, rec) == {"Navn": "b", "Nabo": [nesodden]}
    page().look("Nabo", "NES").send()  # one is called just so
    assert fields(tomter, rec)["Nabo"] == [nesodden, nes]
    page().tick("x", "Nabo", "Nesodden").send()
    assert fields(tomter, rec)["Nabo"] == [nes]
    assert "Ingen passer" in page().look("Nabo", "Ski").send(status=422).error("Nabo")
    assert "Flere passer" in page().look("Nabo", "s").send(status=422).error("Nabo")
    wrong = page().look("Nabo", "Nesodden").fill(Tall="tre").send(status=422)  # the link that was found is not lost
    wrong.fill(Tall="3").send()
    assert fields(tomter, rec)["Nabo"] == [nes, nesodden]


def test_files_are_added_shown_and_taken_away(tomter, leser, rad):
    rec, page = rad(Navn="a")
    added = (
        page()
        .attach("Bilder", "../../kart <b>.png", PNG)
        .attach("Bilder", "brev.pdf", b"%PDF", "application/pdf")
        .send()
    )
    (picture,) = added.doc.xpath("//figure//img/@src")
    assert leser.get(picture).content == PNG
    (letter,) = added.doc.xpath("//ul[@class='there']//a[text()='brev.pdf']/@href")
    answer = leser.get(letter)
    assert (answer.content, answer.headers["content-disposition"]) == (b"%PDF", 'attachment; filename="brev.pdf"')
    assert [a["filename"] for a in fields(tomter, rec)["Bilder"]][1:] == ["brev.pdf"]
    added.tick("x", "Bilder", "brev.pdf").send()
    assert [a["type"] for a in fields(tomter, rec)["Bilder"]] == ["image/png"]
    too_large = page().fill(Navn="b").attach("Bilder", "stor.png", bytes(5_000_001)).send(status=422)
    assert too_large.error("Bilder") == "En fil kan være på høyst 5 MB."
    assert (len(fields(tomter, rec)["Bilder"]), fields(tomter, rec)["Navn"]) == (1, "a")


def test_people_are_chosen_from_the_made_up_ones_and_others_stay(tomter, rad):
    tomter.create_field("Ansvarlig", "singleCollaborator")
    tomter.create_field("Folk", "multipleCollaborators")
    rec, page = rad(Navn="a", Ansvarlig={"email": "x@a.no"}, Folk=[{"email": "x@a.no"}])
    other = fields(tomter, rec)["Ansvarlig"]
    form = page()
    assert form.value("Ansvarlig") == other["id"]
    form.fill(Ansvarlig=OLA.id, Folk=[other["id"], KARI.id]).send()
    assert fields(tomter, rec)["Ansvarlig"] == OLA.as_cell()
    assert fields(tomter, rec)["Folk"] == [other, KARI.as_cell()]
    form = page()
    pairs = [(n, "usrFremmed0000001" if n == f"f:{form.id('Ansvarlig')}" else v) for n, v in form.pairs()]
    assert post(form.web, form.form.action, pairs).status_code == 422
    assert fields(tomter, rec)["Ansvarlig"] == OLA.as_cell()


def test_the_programs_fields_are_shown_and_a_form_for_one_is_refused(tomter, rad):
    # Klasse is the program's in a table that is called Tomter: config/airtable.toml.
    rec, page = rad(Navn="a", Klasse="bolig")
    form = page()
    assert "Klasse" not in form.names
    assert form.doc.xpath("//dd[@data-felt='Klasse']//text()[normalize-space()]") == ["bolig"]
    klasse = next(f.id for f in tomter.schema().fields if f.name == "Klasse")
    pairs = [*form.fill(Navn="b").pairs(), ("has", klasse), (f"f:{klasse}", "annet"), (f"was:{klasse}", "bolig")]
    answer = post(form.web, form.form.action, pairs)
    assert (answer.status_code, "Kan ikke skrives lenger: Klasse («annet»)" in answer.text) == (409, True)
    assert fields(tomter, rec) == {"Navn": "a", "Klasse": "bolig"}


def test_a_form_for_what_is_gone_says_so(airtable, base, tomter, rad):
    rec, page = rad(Navn="a")
    form = page().fill(Navn="b", Lenke="x")
    airtable.hand.delete_field(base.id, tomter.id, "Lenke")
    answer = form.send(status=409)
    assert "et felt som er slettet («x»)" in answer.response.text
    assert (answer.value("Navn"), fields(tomter, rec)) == ("b", {"Navn": "a"})
    tomter.delete(rec)
    answer = form.send(status=404)
    assert "Raden er slettet" in answer.response.text


def test_new_rows_can_be_linked_at_once(leser, base, tomter, omraader, nabo):
    nes = omraader.create({"Navn": "Nes"})["id"]
    page = Side.get(leser, f"/base/{base.id}/{omraader.id}/{nes}")
    (address,) = page.doc.xpath("//p[@class='related']/a/@href")
    made = Side.get(leser, address).fill(Navn="ny tomt", Tall="7").send()
    assert made.doc.xpath("//*[@role='status']/text()") == ["Raden er laget."]
    (only,) = tomter.all()
    assert only["fields"] == {"Navn": "ny tomt", "Tall": 7, "Nabo": [nes]}
    empty = Side.get(leser, f"/base/{base.id}/{tomter.id}/ny").send(status=422)
    assert "Fyll ut noe" in empty.response.text
    assert len(tomter.all()) == 1


def test_rows_are_added_only_where_the_guide_lets_people(leser, api, base, tomter):
    runs = base.create_table("Kjøringer", [{"name": "Kjøring", "type": "singleLineText"}])
    rec = runs.create({"Kjøring": "1"})["id"]
    assert leser.get(f"/base/{base.id}/{runs.id}/ny").status_code == 404
    assert "Ny rad" not in leser.get(f"/base/{base.id}/{runs.id}").text
    assert Side.get(leser, f"/base/{base.id}/{runs.id}/{rec}").names == []
    assert "Ny rad" in leser.get(f"/base/{base.id}/{tomter.id}").text


def test_a_row_that_people_made_in_the_programs_table_is_theirs_to_fill_in(leser, base):
    names = ("Eier-id", "Navn", "Kilde", "Notat")
    owners = base.create_table("Eiere", [{"name": n, "type": "singleLineText"} for n in names])
    ours, theirs = (owners.create(f)["id"] for f in ({"Eier-id": "1", "Navn": "a"}, {"Navn": "b"}))
    assert Side.get(leser, f"/base/{base.id}/{owners.id}/{ours}").names == ["Notat"]
    assert Side.get(leser, f"/base/{base.id}/{owners.id}/{theirs}").names == ["Navn", "Notat"]
    assert Side.get(leser, f"/base/{base.id}/{owners.id}/ny").names == ["Navn", "Notat"]


def test_a_change_is_the_persons_who_is_chosen(airtable, base, tomter, rad):
    rec, page = rad(Navn="a")
    by: list[object] = []
    listener = lambda base, actor, changed: by.append(actor)  # noqa: E731
    airtable._app.state.store.listeners.append(listener)
    try:
        page().fill(Navn="b").send()
        with browser_of(airtable.url) as browser:
            form = Side.get(browser, f"/base/{base.id}/{tomter.id}/{rec}")
            token = form.doc.xpath("//input[@name='token']/@value")[0]
            chosen = post(browser, "/person", [("token", token), ("person", LIN.id), ("next", form.form.action)])
            assert (chosen.status_code, chosen.headers["location"]) == (303, form.form.action)
            again = Side.get(browser, form.form.action)
            assert again.doc.xpath("//select[@id='person']/option[@selected]/text()") == ["Lin Leder"]
            again.fill(Navn="c").send()
    finally:
        airtable._app.state.store.listeners.remove(listener)
    assert by == [KARI, LIN]


def test_comments_are_added_and_mention_by_name(api, base, tomter, rad):
    rec, page = rad(Navn="a")
    form = page()
    path = f"{form.form.action}/kommentar"
    token = ("token", form.doc.xpath("//input[@name='token']/@value")[0])
    assert post(form.web, path, [token, ("text", "Ring <b>nå</b>, @Ola Selger")]).status_code == 303
    assert post(form.web, path, [token, ("text", "  ")]).status_code == 422
    assert page().doc.xpath("//p[@class='said']/text()") == ["Ring <b>nå</b>, @Ola Selger"]
    (comment,) = tomter.comments(rec)
    assert (comment.text, comment.author.name) == (f"Ring <b>nå</b>, @[{OLA.id}]", KARI.name)
