"""A table through its views: which rows, in which order, with which fields, and how they are laid out."""

from __future__ import annotations

import pytest

from tests.sandbox.skjemasider import Side, upload

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def felt(tomter):
    """Field name → id."""
    return {f.name: f.id for f in tomter.schema().fields}


@pytest.fixture
def visning(web, base, tomter):
    """Declare a view as the set-up does, and return how its page is loaded."""

    def declared(name, **spec):
        answer = web.post(f"/own/bases/{base.id}/tables/{tomter.id}/views", json={"name": name, **spec})
        assert answer.status_code == 200, answer.text
        return lambda query="": Side.get(web, f"/base/{base.id}/{tomter.id}?view={answer.json()['id']}{query}")

    return declared


@pytest.fixture
def rader(tomter):
    return tomter.batch_create(
        [
            {"Navn": "a", "Tall": 3, "Merker": ["A"], "Dato": "2026-12-24", "Klasse": "bolig"},
            {"Navn": "b", "Tall": 1, "Dato": "2026-12-01", "Klasse": "annet"},
            {"Navn": "c", "Tall": 2, "Merker": ["A"], "Klasse": "bolig"},
            {"Navn": "d", "Tall": 9, "Dato": "2026-12-24"},
        ]
    )


def texts(page, xpath):
    return [" ".join(e.text_content().split()) for e in page.doc.xpath(xpath)]


def test_a_grid_shows_the_rows_the_fields_and_the_order_of_its_view(visning, felt, rader):
    condition = {"fieldId": felt["Tall"], "operator": "<", "value": 9}
    page = visning(
        "Små",
        filter={"conjunction": "and", "filterSet": [condition]},
        sorts=[{"fieldId": felt["Tall"], "direction": "desc"}],
        visibleFieldIds=[felt["Navn"], felt["Dato"]],
    )
    assert texts(page(), "//thead//th") == ["Navn", "Dato"]
    assert texts(page(), "//tbody/tr/td[1]") == ["a", "c", "b"]
    assert texts(page(), "//tbody/tr/td[2]") == ["24.12.2026", "", "01.12.2026"]
    assert texts(page(), "//*[@id='count']") == ["3 av 4 rader"]
    assert texts(page(), "//nav[@class='views']/a[@aria-current]") == ["Små"]
    by_name = f"&sort={felt['Navn']}&desc=1"
    assert texts(page(by_name), "//tbody/tr/td[1]") == ["c", "b", "a"]
    assert texts(page("&q=24.12."), "//tbody/tr/td[1]") == ["a"]


def test_groups_stand_under_headings_with_their_counts(visning, felt, rader):
    page = visning(
        "Etter klasse",
        groups=[{"fieldId": felt["Klasse"]}, {"fieldId": felt["Merker"]}],
        sorts=[{"fieldId": felt["Tall"], "direction": "desc"}],
    )()
    assert texts(page, "//tbody/tr/*[1]") == [
        "Uten verdi 1", "Uten verdi 1", "d",
        "bolig 2", "A 2", "a", "c",
        "annet 1", "Uten verdi 1", "b",
    ]  # fmt: skip
    assert texts(page, "//tbody/tr[@class='group level0']") == ["Uten verdi 1", "bolig 2", "annet 1"]


def test_a_kanban_has_a_column_for_each_option_and_cards_that_open(base, tomter, visning, felt, rader):
    page = visning(
        "Tavle",
        type="kanban",
        stackFieldId=felt["Klasse"],
        visibleFieldIds=[felt["Navn"], felt["Klasse"], felt["Tall"]],
    )()
    assert texts(page, "//section[@class='stack']/h2") == ["Uten verdi 1", "bolig 2", "annet 1"]
    assert texts(page, "//section[2]//article") == ["a Tall3,0", "c Tall2,0"]
    links = page.doc.xpath("//section[2]//a[@class='open']/@href")
    assert links == [f"/base/{base.id}/{tomter.id}/{rader[n]['id']}" for n in (0, 2)]


def test_a_calendar_is_a_list_of_days(visning, felt, rader):
    page = visning("Når", type="calendar", dateFieldId=felt["Dato"], visibleFieldIds=[felt["Navn"]])()
    assert texts(page, "//section[@class='day']") == [
        "tirsdag 1. desember 2026 b", "torsdag 24. desember 2026 a d", "Uten dato c",
    ]  # fmt: skip


def test_a_gallery_shows_the_first_picture_of_each(web, base, tomter, visning, felt, rader):
    upload(web, base.id, rader[1]["id"], name="brev.pdf", data=b"%PDF", kind="application/pdf")
    upload(web, base.id, rader[1]["id"], name="kart.png", data=PNG)
    page = visning("Bilder", type="gallery", visibleFieldIds=[felt["Navn"], felt["Bilder"]])()
    assert texts(page, "//article") == ["a", "b", "c", "d"]
    (source,) = page.doc.xpath("//article[2]//img/@src")
    assert page.doc.xpath("//article//img/@src") == [source]
    assert web.get(source).content == PNG


def test_a_view_that_is_not_there_is_the_first_one(web, base, tomter, visning, felt, rader):
    visning("Små", filter={"conjunction": "and", "filterSet": [{"fieldId": felt["Tall"], "operator": "=", "value": 1}]})
    for view in ("viwFinnesIkke0001", "<b>", ""):
        page = Side.get(web, f"/base/{base.id}/{tomter.id}?view={view}")
        assert texts(page, "//tbody/tr/td[1]") == ["a", "b", "c", "d"]


def test_a_view_whose_field_is_gone_shows_what_is_left(airtable, base, tomter, visning, felt, rader):
    fields = {"stackFieldId": felt["Klasse"], "visibleFieldIds": [felt["Navn"], felt["Tall"]]}
    page = visning("Tavle", type="kanban", **fields)
    for name in ("Klasse", "Tall"):
        airtable.hand.delete_field(base.id, tomter.id, name)
    assert texts(page(), "//thead//th") == ["Navn"]
    assert texts(page(), "//tbody/tr/td[1]") == ["a", "b", "c", "d"]


def test_computed_fields_are_shown_as_what_they_result_in(web, base, tomter, omraader, felt, rader):
    own = f"/own/bases/{base.id}/tables/{tomter.id}/fields"
    for spec in (
        {"name": "Dobbelt", "type": "formula", "options": {"formula": f"{{{felt['Tall']}}} * 2"}},
        {"name": "Feil", "type": "formula", "options": {"formula": "1 / 0"}},
        {"name": "Sist endret", "type": "lastModifiedTime", "options": {}},
        {"name": "Nummer", "type": "autoNumber", "options": {}},
    ):
        answer = web.post(own, json=spec)
        assert answer.status_code == 200, answer.text
    page = Side.get(web, f"/base/{base.id}/{tomter.id}/{rader[0]['id']}")

    def shown(name):
        return " ".join(page.doc.xpath(f"//dd[@data-felt='{name}']")[0].text_content().split())

    assert shown("Dobbelt").split(",")[0] == "6"
    assert (shown("Nummer"), "kl." in shown("Sist endret")) == ("1", True)
    assert shown("Feil") not in ("", "tom")
    assert {"Dobbelt", "Feil", "Sist endret", "Nummer"}.isdisjoint(page.names)
    assert Side.get(web, f"/base/{base.id}/{tomter.id}?q=18,0").response.status_code == 200
