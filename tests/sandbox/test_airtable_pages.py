"""The pages as a person meets them: in a browser, and by what they answer to hostile addresses and texts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tasks.sandbox.airtable.pages import number_text, time_text, web_host
from tests.chromium import chromium, click, fill, read, wait_until

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


def column(browser, n):
    return read(browser, f".grid tbody td:nth-child({n})")


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


def test_the_filter_narrows_and_counts(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    wait_until(browser, lambda: read(browser, "#count") == ["60 rader"])
    for text, count in (("TOMT 1", 10), ("nes", 1), ("finnes ikke", 0)):
        fill(browser, By.ID, "q", text=text)
        click(browser, By.CSS_SELECTOR, ".filter button")
        wait_until(browser, lambda count=count: read(browser, "#count") == [f"{count} av 60 rader"])
        wait_until(browser, lambda count=count: len(read(browser, ".grid a.open")) == count)


def test_addresses_are_links_of_the_web_alone_and_scripts_are_text(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    links = ".grid a[target=_blank]"
    wait_until(browser, lambda: read(browser, links, "href") == ["https://www.norgeskart.no/#!?x=1"])
    assert read(browser, links, "rel") == ["noopener noreferrer"]
    assert column(browser, 1)[2] == SCRIPT
    click(browser, By.LINK_TEXT, SCRIPT)
    wait_until(browser, lambda: read(browser, "h2") == [SCRIPT] and browser.title.startswith(SCRIPT))
    wait_until(browser, lambda: "javascript:alert(1)" in "".join(read(browser, "dl")))
    assert read(browser, "a[href^=javascript]") == []


def test_a_phone_needs_no_sideways_scroll(browser, airtable, base, filled):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        filled.update(filled.first()["id"], {"Navn": "x" * 300})
        rec = filled.first()["id"]
        for path in ("/", f"/base/{base.id}/Tomter", f"/base/{base.id}/Tomter/{rec}"):
            browser.get(airtable.url + path)
            wait_until(browser, lambda: read(browser, "h1, h2"))
            wait_until(browser, lambda: int(read(browser, ":root", "scrollWidth")[0]) <= 390)
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


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
    wanted = ("2026-07-01 12:00", "1\u202f234\u202f567\u202fkr", "12,5\u202f%", "k-1", "a@b.no", "✓", "http://[")
    assert [text for text in wanted if text not in shown] == []
    assert web.get(f"/base/{base.id}/Tomter").status_code == 200


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
        assert [t for t in ("a@b.no", "+47 1", "&lt;Kari&gt;", ">4") if t not in shown] == []
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
    ("value", "field", "text"),
    [
        (1234.5, {"type": "number", "options": {"precision": 1}}, "1\u202f234,5"),
        (-3725, {"type": "duration"}, "-1:02:05"),
        (4, {"type": "rating"}, "4"),
        (1e300, {"type": "number", "options": {"precision": 0}}, "1e+300"),
    ],
)
def test_numbers_as_norwegians_write_them(value, field, text):
    assert number_text(value, field) == text


def test_times_at_the_edge_and_hosts():
    assert time_text("0001-01-01T00:00:00.000Z", "America/New_York") == "0001-01-01T00:00:00.000Z"
    assert [web_host(a) for a in ("https://a.no/x", "HTTP://A.no", "ftp://a.no", "http://[", "//a.no")] == [
        "a.no", "A.no", "", "", "",
    ]  # fmt: skip


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


def test_pages_may_load_nothing_from_elsewhere(web, base):
    policy = web.get(f"/base/{base.id}/Tomter").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy
    assert web.get("/static/style.css").headers["content-type"].startswith("text/css")
