"""A Chromium for the tests that look at pages: named, on the path, or Playwright's own."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

NAMED = "CHROMIUM"
ON_THE_PATH = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE = 120_000
"""Milliseconds that a page may take, on a machine that does much else."""
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module: while it is there, Playwright's event loop counts as running, and no other test could run one."""
    with sync_playwright() as playwright:
        found = (os.environ.get(NAMED), *map(shutil.which, ON_THE_PATH), playwright.chromium.executable_path)
        chromium = next((path for path in found if path and Path(path).is_file()), None)
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
