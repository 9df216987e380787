"""The pages as a person meets them: in a browser, and by what they answer to hostile addresses and texts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tasks.sandbox.airtable.pages import number_text, time_text, web_host

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SCRIPT = "<script>document.title='tatt'</script>"


@pytest.fixture(scope="module")
def browser(tmp_path_factory) -> Iterator[webdriver.Chrome]:
    missing = [p for p in (CHROMIUM, DRIVER) if not Path(p).exists()]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    profile = tmp_path_factory.mktemp("profile")
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()
    shutil.rmtree(profile, ignore_errors=True)


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
    return [cell.text for cell in browser.find_elements(By.CSS_SELECTOR, f".grid tbody td:nth-child({n})")]


def follow(browser, element):
    """Click, and wait for the next page."""
    element.click()
    WebDriverWait(browser, 10).until(lambda _: _is_stale(element))


def _is_stale(element):
    from selenium.common.exceptions import StaleElementReferenceException

    try:
        element.is_enabled()
    except StaleElementReferenceException:
        return True
    return False


def test_from_the_start_page_to_a_record_and_its_link(browser, airtable, base, filled):
    browser.get(airtable.url)
    cards = {
        a.find_element(By.TAG_NAME, "strong").text: a
        for a in browser.find_elements(By.CSS_SELECTOR, f".tables a[href*='{base.id}']")
    }
    assert set(cards) == {"Områder/felt", "Tomter"}
    assert "60 rader" in cards["Tomter"].text
    assert "1 rad" in cards["Områder/felt"].text
    follow(browser, cards["Tomter"])
    assert len(column(browser, 1)) == 50
    follow(browser, browser.find_element(By.LINK_TEXT, "tomt 00"))
    assert browser.find_element(By.TAG_NAME, "h2").text == "tomt 00"
    follow(browser, browser.find_element(By.LINK_TEXT, "Nes"))
    assert browser.find_element(By.TAG_NAME, "h2").text == "Nes"
    follow(browser, browser.find_element(By.LINK_TEXT, "tomt 00"))
    assert browser.find_element(By.TAG_NAME, "h2").text == "tomt 00"


def test_a_column_header_sorts_both_ways_and_pages_follow(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    numbers = [float(n.replace(",", ".")) for n in column(browser, 2)]
    assert numbers != sorted(numbers)
    follow(browser, browser.find_element(By.LINK_TEXT, "Tall"))
    assert column(browser, 2) == [f"{n},0" for n in range(50)]
    follow(browser, browser.find_element(By.PARTIAL_LINK_TEXT, "Tall"))
    assert column(browser, 2) == [f"{n},0" for n in range(59, 9, -1)]
    assert browser.find_element(By.CSS_SELECTOR, "th[aria-sort]").get_attribute("aria-sort") == "descending"
    follow(browser, browser.find_element(By.PARTIAL_LINK_TEXT, "Neste"))
    assert column(browser, 2) == [f"{n},0" for n in range(9, -1, -1)]


def test_the_filter_narrows_and_counts(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    assert browser.find_element(By.ID, "count").text == "60 rader"
    for text, count in (("TOMT 1", 10), ("nes", 1), ("finnes ikke", 0)):
        box = browser.find_element(By.ID, "q")
        box.clear()
        box.send_keys(text)
        follow(browser, browser.find_element(By.CSS_SELECTOR, ".filter button"))
        assert browser.find_element(By.ID, "count").text == f"{count} av 60 rader"
        assert len([t for t in column(browser, 1) if "Ingen rader" not in t]) == count


def test_addresses_are_links_of_the_web_alone_and_scripts_are_text(browser, airtable, base, filled):
    browser.get(f"{airtable.url}/base/{base.id}/Tomter")
    links = browser.find_elements(By.CSS_SELECTOR, ".grid a[target=_blank]")
    assert [a.get_attribute("href") for a in links] == ["https://www.norgeskart.no/#!?x=1"]
    assert links[0].get_attribute("rel") == "noopener noreferrer"
    assert column(browser, 1)[2] == SCRIPT
    follow(browser, browser.find_element(By.LINK_TEXT, SCRIPT))
    assert browser.find_element(By.TAG_NAME, "h2").text == SCRIPT
    assert browser.title.startswith(SCRIPT)
    assert "javascript:alert(1)" in browser.find_element(By.TAG_NAME, "dl").text
    assert browser.find_elements(By.CSS_SELECTOR, "a[href^=javascript]") == []


def test_a_phone_needs_no_sideways_scroll(browser, airtable, base, filled):
    size = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        filled.update(filled.first()["id"], {"Navn": "x" * 300})
        rec = filled.first()["id"]
        for path in ("/", f"/base/{base.id}/Tomter", f"/base/{base.id}/Tomter/{rec}"):
            browser.get(airtable.url + path)
            assert browser.execute_script("return document.documentElement.scrollWidth") <= 390, path
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
