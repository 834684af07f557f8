"""What every test may rely on: the markers' meaning and where a browser is. Rooms have their own fixtures."""

import pytest

from hub.setup import find_browser


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="also run the tests marked long")
    parser.addoption("--chained", action="store_true", help="let hubs of tests draw through another hub")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long tests unless asked for by --long, by -m, or by naming one test itself, and with
    --chained what has no sense then."""
    if config.getoption("--chained"):
        _leave_out(config, items, "unchained")
    if config.getoption("--long") or config.getoption("-m") or any("::" in word for word in config.args):
        return
    _leave_out(config, items, "long")


def _leave_out(config: pytest.Config, items: list[pytest.Item], mark: str) -> None:
    """Deselect the items that carry a mark."""
    left_out = [item for item in items if item.get_closest_marker(mark)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker(mark)]


@pytest.fixture(scope="session")
def browser_path() -> str | None:
    """An installed Chrome or Chromium for Playwright's `executable_path`; None means Playwright's own."""
    return find_browser()
