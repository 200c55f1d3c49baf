"""A Chromium for who looks at pages: named, on the path, or Playwright's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from playwright.sync_api import Playwright

NAMED: Final = "CHROMIUM"
ON_THE_PATH: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS: Final = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def found_chromium(playwright: Playwright) -> str | None:
    """Its path, None where there is none."""
    found = (os.environ.get(NAMED), *map(shutil.which, ON_THE_PATH), playwright.chromium.executable_path)
    return next((path for path in found if path and Path(path).is_file()), None)
