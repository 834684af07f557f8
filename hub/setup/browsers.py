"""Where this computer keeps a browser: to open the page in, and for the browser tests."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
)


def find_browser() -> str | None:
    """Return a Chrome or Chromium for tests ($HUB_TEST_BROWSER first), or None for Playwright's own."""
    chosen = os.environ.get("HUB_TEST_BROWSER")
    if chosen:
        return chosen
    by_name = next((found for name in NAMES if (found := shutil.which(name))), None)
    return by_name or next((place for place in PLACES if Path(place).exists()), None)


def has_display(env: Mapping[str, str], platform_name: str = sys.platform) -> bool:
    """Tell whether a browser window could appear: not over ssh, not on a Linux without a screen."""
    if env.get("SSH_CONNECTION") and not env.get("DISPLAY"):
        return False
    if platform_name.startswith("linux"):
        return bool(env.get("DISPLAY") or env.get("WAYLAND_DISPLAY") or env.get("WSL_DISTRO_NAME"))
    return True
