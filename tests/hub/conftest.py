"""The real application on a temporary data folder, behind a real server on a free port.

`hub` is a running hub without engines; `@pytest.mark.hub_settings("network.max_request_mib=1")` changes
settings (`engines.start_at_boot=true` starts the local engine), `@pytest.mark.hub_routes(function, …)`
adds declared routes. `hub.call(name, **body)` sends with the hub's own session; `await
hub.session_as("guest")` gives one of another role. With `--chained` there is a second hub behind each.
"""

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from hub.wire.route import routes_of
from tests.hub.chaining import chained
from tests.hub.running import RunningHub, running


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "hub_settings(*pairs): settings of the `hub` fixture, as section.name=value"
    )
    config.addinivalue_line(
        "markers", "hub_routes(*functions): declared test routes added to the `hub` fixture"
    )


@pytest.fixture
async def hub(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[RunningHub]:
    """A running hub on a fresh data folder."""
    pairs = [pair for mark in request.node.iter_markers("hub_settings") for pair in mark.args]
    overrides = dict(pair.split("=", 1) for pair in pairs)
    functions = [function for mark in request.node.iter_markers("hub_routes") for function in mark.args]
    routes = [route for function in functions for route in routes_of(function)]
    async with _starting(request)(tmp_path / "data", overrides, routes) as hub:
        yield hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_hub(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[RunningHub]:
    """One running hub for all tests of a module whose `pytestmark` is
    `pytest.mark.asyncio(loop_scope="module")`.

    The module's HUB_ROUTES (declared functions) and HUB_SETTINGS (a dictionary) are taken up.
    """
    routes = [
        route for function in getattr(request.module, "HUB_ROUTES", ()) for route in routes_of(function)
    ]
    data = tmp_path_factory.mktemp("hub") / "data"
    overrides = getattr(request.module, "HUB_SETTINGS", {})
    async with _starting(request)(data, overrides, routes) as hub:
        yield hub


@pytest.fixture
def free_port() -> int:
    """A port nobody listened on a moment ago."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def _starting(request: pytest.FixtureRequest) -> Callable[..., AbstractAsyncContextManager[RunningHub]]:
    """What starts the hub: with `--chained` one that draws through another."""
    return chained if request.config.getoption("--chained") else running
