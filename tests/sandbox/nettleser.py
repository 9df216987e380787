"""A working day in a browser: opening records of the local Airtable, filling in forms, saving, choosing who one is.

Fields are found by the names that people see. Nothing is asserted of what is still on its way: each step waits for the
page that follows it.
"""

from __future__ import annotations

from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select

from tests.chromium import read, wait_until

SAVED = ("Lagret.", "Raden er laget.", "Kommentaren er lagt til.")


def open_record(browser: Chrome, url: str, base_id: str, table: str, record_id: str) -> None:
    """Open the page of a record; the table by id or name."""
    browser.get(f"{url}/base/{base_id}/{table}/{record_id}")
    wait_until(browser, lambda: read(browser, ".record h2"))


def new_row(browser: Chrome, url: str, base_id: str, table: str, **values: str | bool | Path) -> str:
    """Add a row with these fields, and return its id; ``**{"Neste steg": …}`` for a name with a space."""
    browser.get(f"{url}/base/{base_id}/{table}/ny")
    return fill_new(browser, **values)


def fill_new(browser: Chrome, **values: str | bool | Path) -> str:
    """Fill in the form of a new row that is open, save it, and return its id."""
    wait_until(browser, lambda: read(browser, "form.edit"))
    for name, value in values.items():
        set_field(browser, name, value)
    save(browser)
    return browser.current_url.split("?")[0].rsplit("/", 1)[1]


def set_field(browser: Chrome, name: str, value: str | bool | Path) -> None:
    """Fill in a field.

    Parameters
    ----------
    value
        A text, number, date (24.12.2026) or time (24.12.2026 10:30) as it is typed; the label of an option or a person;
        for a checkbox, or one option of several (``Field/Option`` as the name), whether it is ticked; of a link, what
        the linked record is called; of files, the path of one.
    """
    name, _, option = name.partition("/") if isinstance(value, bool) else (name, "", "")

    def done() -> bool:
        control = _control(browser, name)
        kind = str(control.get_attribute("class")).split()[1]
        if kind in ("check", "choices"):
            _tick(control, option or name, wanted=bool(value))
        elif kind == "choice":
            Select(control.find_element(By.TAG_NAME, "select")).select_by_visible_text(str(value) or "–")
        elif kind == "files":
            control.find_element(By.CSS_SELECTOR, "[type=file]").send_keys(str(value))
        else:
            box = control.find_element(By.CSS_SELECTOR, "textarea, input:not([type=hidden], [type=checkbox])")
            box.clear()
            box.send_keys(str(value))
        return True

    wait_until(browser, done)


def save(browser: Chrome) -> None:
    """Save the form that is open; AssertionError with what the page says when it is not taken."""
    follow(browser, By.CSS_SELECTOR, ".edit .main")
    said = read(browser, ".saved")
    assert said[:1] in [[text] for text in SAVED], f"not saved: {read(browser, '.wrong')}"


def choose_person(browser: Chrome, name: str) -> None:
    """Become one of the made-up people; on any page that is open."""
    Select(browser.find_element(By.ID, "person")).select_by_visible_text(name)
    follow(browser, By.CSS_SELECTOR, ".who button")
    chosen = "return document.querySelector('#person').selectedOptions[0].text"
    assert browser.execute_script(chosen) == name


def follow(browser: Chrome, by: str, what: str) -> None:
    """Click what leads to another page, and wait for that page."""
    browser.execute_script("document.documentElement.dataset.before = 'yes'")

    def clicked() -> bool:
        browser.find_element(by, what).click()
        return True

    wait_until(browser, clicked)
    wait_until(browser, lambda: not read(browser, "[data-before]") and read(browser, "main"))


def shown(browser: Chrome, name: str) -> str:
    """Return what a field that cannot be written shows; an empty one ``tom``."""
    return wait_until(browser, lambda: read(browser, f'dd[data-felt="{name}"]', "textContent"))[0]


def _control(browser: Chrome, name: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, f'.control[data-felt="{name}"]')


def _tick(control: WebElement, label: str, *, wanted: bool) -> None:
    text = control.find_element(By.XPATH, f".//label[normalize-space()={_quoted(label)}]")
    box = control.find_element(By.ID, str(text.get_attribute("for")))
    if box.is_selected() != wanted:
        box.click()


def _quoted(text: str) -> str:
    return f"'{text}'" if "'" not in text else f'"{text}"'
