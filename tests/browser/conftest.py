"""A Chromium for the tests that look at pages: named, on the path, or Playwright's own."""

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from tests.tools.chromium import FLAGS, NAMED, found_chromium

PATIENCE = 120_000
"""Milliseconds that a page may take, on a machine that does much else."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module: while it is there, Playwright's event loop counts as running, and no other test could run one."""
    with sync_playwright() as playwright:
        chromium = found_chromium(playwright)
        if chromium is None:
            # `.ci/run` installs one where there is apt; elsewhere there may be none
            optional = "" if shutil.which("apt-get") else "optional: "
            pytest.skip(f"{optional}no Chromium: install it, or name one in {NAMED}")
        expect.set_options(timeout=PATIENCE)
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS, timeout=PATIENCE)
        yield launched
        launched.close()


def patient(context: BrowserContext) -> BrowserContext:
    """One in which pages, clicks and addresses are waited for as long."""
    context.set_default_timeout(PATIENCE)
    return context
