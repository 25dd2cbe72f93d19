"""Where a Chromium is. The site itself needs none; its browser tests and its screenshots do."""

import os
import shutil
from pathlib import Path

from alignment_site import env

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")


def browser_program() -> str | None:
    """Path of a Chromium: HEED_BROWSER, the system's, or Playwright's own; None when there is none."""
    for path in [env.text("HEED_BROWSER"), *(shutil.which(name) or "" for name in NAMES)]:
        if path and os.access(path, os.X_OK):
            return path
    return _of_playwright()


def _of_playwright() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:  # a development dependency
        return None
    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None
