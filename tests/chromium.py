"""A headless Chromium, and reading what it shows: every read waits for the state that it wants.

A click or an Enter returns before the next page is there, and the Prefect UI draws its elements anew at any time. So
elements are never kept: each try finds them again, and texts are read in one step.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TypeVar

import pytest
from selenium import webdriver
from selenium.common.exceptions import (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    JavascriptException,
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver.chrome.service import Service

from tests.waiting import PATIENCE_S, NotYetError, eventually

T = TypeVar("T")

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)
PASSING = (
    ElementClickInterceptedException,
    ElementNotInteractableException,
    JavascriptException,
    NoSuchElementException,
    StaleElementReferenceException,
)


@contextmanager
def chromium(profile: Path) -> Iterator[webdriver.Chrome]:
    """Run a browser with its profile in a folder; skip the test where none is installed."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (browser and driver):
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    running = webdriver.Chrome(options=options, service=Service(driver))
    try:
        running.set_page_load_timeout(PATIENCE_S)
        running.set_script_timeout(PATIENCE_S)
        yield running
    finally:
        running.quit()
        shutil.rmtree(profile, ignore_errors=True)


def wait_until(browser: webdriver.Chrome, predicate: Callable[[], T]) -> T:
    """Return the predicate's answer once the page is loaded and the answer is true.

    Elements that are missing, or replaced while they are read, count as not yet there.
    """

    @wraps(predicate)
    def tried() -> T | None:
        try:
            loaded = browser.execute_script("return document.readyState") == "complete"
            return predicate() if loaded else None
        except WebDriverException as error:
            if not _passes(error):
                raise
            raise NotYetError(error.msg) from error

    return eventually(tried, shown=lambda: _shown(browser))


def _passes(error: WebDriverException) -> bool:
    # A page that goes away while it is read is sometimes told as an unnamed error.
    unnamed = type(error) is WebDriverException and not re.search("crash|disconnect|reachable", error.msg or "")
    return unnamed or isinstance(error, PASSING)


def _shown(browser: webdriver.Chrome) -> str:
    try:
        return f"{browser.current_url} shows: {page_text(browser)[:3000]}"
    except WebDriverException as error:
        return f"The page cannot be read: {error.msg}"


def read(browser: webdriver.Chrome, selector: str, what: str = "innerText") -> list[str]:
    """Return a property of all elements of a CSS selector, read at one moment; by default what they show."""
    script = "return [...document.querySelectorAll(arguments[0])].map(e => String(e[arguments[1]]).trim())"
    return browser.execute_script(script, selector, what)


def page_text(browser: webdriver.Chrome) -> str:
    """Return what the page shows."""
    return "".join(read(browser, "body"))


def click(browser: webdriver.Chrome, by: str, what: str) -> None:
    """Click an element once it is there. What follows must be waited for."""

    def clicked() -> bool:
        browser.find_element(by, what).click()
        return True

    wait_until(browser, clicked)


def fill(browser: webdriver.Chrome, by: str, what: str, *, text: str) -> None:
    """Type a text into an emptied box once it is there. What follows must be waited for."""

    def filled() -> bool:
        box = browser.find_element(by, what)
        box.clear()
        box.send_keys(text)
        return True

    wait_until(browser, filled)
