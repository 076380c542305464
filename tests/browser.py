"""A real browser for the tests that click through pages: Chromium, as the system has it."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NEEDS_CHROMIUM = pytest.mark.skipif(
    _CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
)
_PHONE = ViewportSize(width=390, height=844)


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


@contextmanager
def phone_page() -> Iterator[Page]:
    """A page on a phone's screen in a fresh browser; a script's error fails the test."""
    faults: list[str] = []
    with browser() as started:
        shown = started.new_page(viewport=_PHONE, locale="zh-CN")
        shown.on("pageerror", lambda fault: faults.append(str(fault)))
        yield shown
    assert faults == []
