"""The pages as a person meets them: in a browser, and by what they answer to hostile addresses and texts."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import httpx
import pytest
from lxml import html
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.chromium import chromium, click, fill, read, wait_until
from tests.sandbox import nettleser
from tests.sandbox.skjemasider import upload

SCRIPT = "<script>document.title='tatt'</script>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture
def filled(tomter, omraader):
    """Sixty lots, more than a page, with one link, one address and one script."""
    nes = omraader.create({"Navn": "Nes"})["id"]
    tomter.batch_create([{"Navn": f"tomt {n:02}", "Tall": (n * 7) % 60} for n in range(60)])
    first, second, third = tomter.all()[:3]
    tomter.update(first["id"], {"Område": [nes], "Klasse": "bolig", "Klar": True})
    tomter.update(second["id"], {"Lenke": "https://www.norgeskart.no/#!?x=1"})
    tomter.update(third["id"], {"Navn": SCRIPT, "Lenke": "javascript:alert(1)", "Notat / åpen {x}": SCRIPT})
    return tomter


@pytest.fixture
def dagsverk(web, base, tomter):
    """A lot with a map, and a table of activities that link to it."""
    tomter.create_field("Fase", "singleSelect", options={"choices": [{"name": "Identifisert"}, {"name": "Dialog"}]})
    tomter.create_field("Neste steg dato", "date", options={"dateFormat": {"name": "iso"}})
    tomter.create_field("Notat", "multilineText")
    fields = [
        {"name": "Aktivitet", "type": "singleLineText"},
        {"name": "Aktivitetstype", "type": "singleSelect", "options": {"choices": [{"name": "Telefon"}]}},
        {"name": "Minutter", "type": "number", "options": {"precision": 1}},
        {"name": "Tomter", "type": "multipleRecordLinks", "options": {"linkedTableId": tomter.id}},
    ]
    aktiviteter = base.create_table("Aktiviteter", fields)
    rec = tomter.create({"Navn": "0099-000001", "Fase": "Identifisert"})["id"]
    upload(web, base.id, rec, name="kart.png", data=png(64))
    return tomter, aktiviteter, rec


def png(side: int) -> bytes:
    """Return a grey square."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x80" * side) * side)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def column(browser, n):
    return read(browser, f".grid tbody td:nth-child({n})")


@pytest.mark.long
def test_from_the_start_page_to_a_record_and_its_link(browser, airtable, base, filled):
    browser.get(airtable.url)
    cards = f".tables a[href*='{base.id}']"
    wait_until(browser, lambda: sorted(read(browser, f"{cards} strong")) == ["Områder/felt", "Tomter"])
    wait_until(browser, lambda: [c for c in read(browser, cards) if "Tomter" in c and "60 rader" in c])
    wait_until(browser, lambda: [c for c in read(browser, cards) if "Områder/felt" in c and "1 rad" in c])
    click(browser, By.CSS_SELECTOR, f"{cards}[href$='{filled.id}']")
    wait_until(browser, lambda: len(column(browser, 1)) == 50)
    for link in ("tomt 00", "Nes", "tomt 00"):
        click(browser, By.LINK_TEXT, link)
        wait_until(browser, lambda link=link: read(browser, "h2") == [link])


@pytest.mark.long
def test_a_column_header_sorts_both_ways_and_pages_follow(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    wait_until(browser, lambda: column(browser, 2) == [f"{n * 7 % 60},0" for n in range(50)])
    click(browser, By.LINK_TEXT, "Tall")
    wait_until(browser, lambda: column(browser, 2) == [f"{n},0" for n in range(50)])
    click(browser, By.PARTIAL_LINK_TEXT, "Tall")
    wait_until(browser, lambda: column(browser, 2) == [f"{n},0" for n in range(59, 9, -1)])
    wait_until(browser, lambda: read(browser, "th[aria-sort]", "ariaSort") == ["descending"])
    click(browser, By.PARTIAL_LINK_TEXT, "Neste")
    wait_until(browser, lambda: column(browser, 2) == [f"{n},0" for n in range(9, -1, -1)])


@pytest.mark.long
def test_the_filter_narrows_and_counts(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    wait_until(browser, lambda: read(browser, "#count") == ["60 rader"])
    for text, count in (("TOMT 1", 10), ("nes", 1), ("finnes ikke", 0)):
        fill(browser, By.ID, "q", text=text)
        click(browser, By.CSS_SELECTOR, ".filter button")
        wait_until(browser, lambda count=count: read(browser, "#count") == [f"{count} av 60 rader"])
        wait_until(browser, lambda count=count: len(read(browser, ".grid a.open")) == count)


@pytest.mark.long
def test_addresses_are_links_of_the_web_alone_and_scripts_are_text(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    links = ".grid a[target=_blank]"
    wait_until(browser, lambda: read(browser, links, "href") == ["https://www.norgeskart.no/#!?x=1"])
    assert read(browser, links, "rel") == ["noopener noreferrer"]
    assert column(browser, 1)[2] == SCRIPT
    click(browser, By.LINK_TEXT, SCRIPT)
    wait_until(browser, lambda: read(browser, "h2") == [SCRIPT] and browser.title.startswith(SCRIPT))
    wait_until(
        browser,
        lambda: read(browser, ".control[data-felt=Lenke] input:last-of-type", "value") == ["javascript:alert(1)"],
    )
    assert read(browser, "a[href^=javascript]") == []


@pytest.mark.long
def test_a_piece_of_a_working_day(browser, airtable, base, dagsverk):
    """Edit a lot, add an activity to it, look at its picture; no script runs, and the record says who."""
    tomter, aktiviteter, rec = dagsverk
    nettleser.open_record(browser, airtable.url, base.id, "Tomter", rec)
    nettleser.choose_person(browser, "Ola Selger")
    nettleser.set_field(browser, "Fase", "Dialog")
    nettleser.set_field(browser, "Neste steg dato", "24.12.2026")
    nettleser.set_field(browser, "Notat", "Eieren vil vite mer\nom prisen")
    nettleser.save(browser)
    sales = {"Fase": "Dialog", "Neste steg dato": "2026-12-24", "Notat": "Eieren vil vite mer\nom prisen"}
    assert tomter.get(rec)["fields"].items() >= sales.items()
    nettleser.follow(browser, By.LINK_TEXT, "Ny rad i Aktiviteter")
    made = nettleser.fill_new(browser, Aktivitet="Ringte", Aktivitetstype="Telefon", Minutter="12,5")
    want = {"Aktivitet": "Ringte", "Aktivitetstype": "Telefon", "Minutter": 12.5, "Tomter": [rec]}
    assert aktiviteter.get(made)["fields"] == want
    nettleser.follow(browser, By.LINK_TEXT, "0099-000001")
    picture = "return [...document.querySelectorAll('.pictures img')].map(i => i.naturalWidth)"
    wait_until(browser, lambda: browser.execute_script(picture) == [64])
    browser.get(read(browser, ".pictures a", "href")[0])
    wait_until(browser, lambda: read(browser, "img", "naturalWidth") == ["64"])


@pytest.mark.long
def test_a_phone_needs_no_sideways_scroll(browser, airtable, base, filled):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        filled.update(filled.first()["id"], {"Navn": "x" * 300})
        rec = filled.first()["id"]
        for path in ("/", *(f"/base/{base.id}/Tomter{page}" for page in ("", f"/{rec}", "/ny"))):
            browser.get(airtable.url + path)
            wait_until(browser, lambda: read(browser, "h1, h2"))
            wait_until(browser, lambda: int(read(browser, ":root", "scrollWidth")[0]) <= 390)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def column_of(response: httpx.Response, n: int) -> list[str]:
    """Return the texts of a column of the table that was answered."""
    cells = html.fromstring(response.text).xpath(f"//*[contains(@class, 'grid')]//tbody//td[{n}]")
    return [cell.text_content().strip() for cell in cells]


def test_a_table_is_sorted_filtered_and_paged(web, base, filled):
    page = f"/base/{base.id}/Tomter"
    tall = filled.schema().field("Tall").id
    assert column_of(web.get(page), 2) == [f"{n * 7 % 60},0" for n in range(50)]
    assert column_of(web.get(page, params={"sort": tall}), 2) == [f"{n},0" for n in range(50)]
    down = {"sort": tall, "desc": 1}
    assert column_of(web.get(page, params=down), 2) == [f"{n},0" for n in range(59, 9, -1)]
    assert column_of(web.get(page, params={**down, "page": 2}), 2) == [f"{n},0" for n in range(9, -1, -1)]
    for text, count in (("TOMT 1", 10), ("nes", 1), ("finnes ikke", 0)):
        found = web.get(page, params={"q": text})
        assert f"{count} av 60 rader" in found.text
        assert len(column_of(found, 2)) == (count or len(column_of(found, 2)))


def test_addresses_are_links_of_the_web_alone_and_scripts_are_texts(web, base, filled):
    shown = web.get(f"/base/{base.id}/Tomter").text
    links = html.fromstring(shown).xpath("//a[@target='_blank']")
    assert [(a.get("href"), a.get("rel")) for a in links] == [
        ("https://www.norgeskart.no/#!?x=1", "noopener noreferrer")
    ]
    assert SCRIPT not in shown
    assert 'href="javascript' not in shown


def test_every_type_of_cell_is_shown(web, base, tomter):
    tomter.create_field("Pris", "currency", options={"precision": 0, "symbol": "kr"})
    tomter.create_field("Andel", "percent", options={"precision": 1})
    tomter.create_field("Kode", "barcode")
    tomter.create_field("Folk", "multipleCollaborators")
    rec = tomter.create(
        {
            "Navn": "a",
            "Tid": "2026-07-01T10:00:00.000Z",
            "Pris": 1234567,
            "Andel": 0.125,
            "Kode": {"text": "k-1"},
            "Folk": [{"email": "a@b.no"}],
            "Merker": ["A"],
            "Klar": True,
            "Lenke": "http://[",
        }
    )["id"]
    shown = web.get(f"/base/{base.id}/Tomter/{rec}").text
    wanted = ("01.07.2026 12:00", "1 234 567", "12,5", "k-1", "a@b.no", "checked", "http://[")
    assert [text for text in wanted if text not in shown] == []
    shown = web.get(f"/base/{base.id}/Tomter").text
    wanted = ("01.07.2026 kl. 12:00", "1\u202f234\u202f567\u202fkr", "12,5\u202f%", "k-1", "a@b.no", "✓", "http://[")
    assert [text for text in wanted if text not in shown] == []


def test_the_newer_types_are_shown_in_grid_and_record(web, base, tomter):
    for name, kind, options in (
        ("E-post", "email", None),
        ("Telefon", "phoneNumber", None),
        ("Ansvarlig", "singleCollaborator", None),
        ("Kvalitet", "rating", {"icon": "star", "color": "yellowBright", "max": 5}),
    ):
        tomter.create_field(name, kind, options=options)
    cells = {
        "E-post": "a@b.no",
        "Telefon": "+47 1",
        "Ansvarlig": {"email": "<b>@c.no", "name": "<Kari>"},
        "Kvalitet": 4,
    }
    rec = tomter.create({"Navn": "n", **cells})["id"]
    for path in (f"/base/{base.id}/Tomter/{rec}", f"/base/{base.id}/Tomter", f"/base/{base.id}/Tomter?q=kari"):
        shown = web.get(path).text
        assert [t for t in ("a@b.no", "+47 1", "&lt;Kari&gt;", "4") if t not in shown] == []
        assert "<Kari>" not in shown


def test_of_many_links_some_are_shown_and_the_rest_counted(web, base, tomter, omraader):
    nes = omraader.create({"Navn": "Nes"})["id"]
    tomter.batch_create([{"Navn": f"tomt {n:02}", "Område": [nes]} for n in range(70)])
    address = f"/base/{base.id}/{base.schema().table('Områder/felt').id}"
    record, grid = web.get(f"{address}/{nes}"), web.get(address).text
    assert (record.text.count('class="pill link"'), "og 20 til" in record.text) == (50, True)
    assert "tomt 49" in record.text
    assert "tomt 50" not in record.text
    assert (grid.count('class="pill link"'), "+67" in grid) == (3, True)
    rec = tomter.first()["id"]
    assert "til</span>" not in web.get(f"/base/{base.id}/Tomter/{rec}").text


@pytest.mark.parametrize(
    "query", ["page=0", "page=99999999", "page=-1", "page=²", "sort=ukjent", "desc=1", "q=%FF%00<b>", "q=" + "x" * 5000]
)
def test_a_strange_query_is_answered(web, base, tomter, query):
    tomter.create({"Navn": "a"})
    response = web.get(f"/base/{base.id}/Tomter?{query}")
    assert response.status_code == 200
    assert "<b>" not in response.text


@pytest.mark.parametrize(
    "path", ["/base/x/y", "/base/{base}/Ukjent", "/base/{base}/Tomter/rec00000000000000", "/base/x/y/z"]
)
def test_what_is_not_there_is_said_so(web, base, path):
    response = web.get(path.format(base=base.id))
    assert response.status_code == 404
    assert "Finnes ikke" in response.text
