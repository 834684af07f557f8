"""A hub that lets people sign in with an OpenID Connect issuer, and browsers that do, for tests.

A module takes the fixtures `both`, `issuer`, `hub` and `browser` by these names, under
`pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from hub.accounts import Accounts, Attempts
from hub.departures import Departures
from hub.openid import OpenID
from hub.openid.calls import Issuer as Calls
from hub.openid.front import SETTING_OUT
from tests.hub.openid.issuing import CLIENT, SECRET, Issuer, issuing
from tests.hub.running import RunningHub, running

ROLE = "user"


def settings_of(issuer: Issuer, **more: str) -> dict[str, str]:
    chosen = {
        "issuer": issuer.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "private_addresses": "true",
        **more,
    }
    return {f"openid.{name}": value for name, value in chosen.items()}


@asynccontextmanager
async def hub_of(data: Path, issuer: Issuer, **more: str) -> AsyncIterator[RunningHub]:
    async with running(data / "data", settings_of(issuer, **more)) as hub:
        yield hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Issuer, RunningHub]]:
    """An issuer and a hub that lets people sign in there, for all tests of this module."""
    async with (
        issuing() as issuer,
        hub_of(tmp_path_factory.mktemp("hub"), issuer) as hub,
    ):
        await hub.room(Accounts).users.add("ann", roles=(ROLE,))
        yield issuer, hub


@pytest_asyncio.fixture(loop_scope="module")
async def issuer(both: tuple[Issuer, RunningHub]) -> Issuer:
    """The issuer, which nobody has asked anything."""
    both[0].begin_anew()
    return both[0]


@pytest_asyncio.fixture(loop_scope="module")
async def hub(both: tuple[Issuer, RunningHub], issuer: Issuer) -> AsyncIterator[RunningHub]:
    """The hub, with an account that has Ann's address and knows nobody else."""
    hub = both[1]
    accounts, openid = hub.room(Accounts), hub.room(OpenID)
    openid._rate = Attempts(SETTING_OUT)
    openid._issuers["openid"] = Calls(issuer.url, openid._outside["openid"])
    accounts.sign_in._by_address = Attempts(5)
    answer = await hub.call("AdminSetUserOAuthEmail", name="ann", email="ann@example.COM")
    assert answer == {"success": True}
    yield hub
    for name in await accounts.users.names():
        if name not in ("ann", "local"):
            await hub.room(Departures).depart(name, by="the test", may=anybody)


async def anybody(user: str) -> None:
    """Whoever it is."""


async def settle(hub: RunningHub, **settings: Any) -> None:
    """Change settings of the issuer that act at once."""
    answer = await hub.call(
        "ChangeServerSettings", settings={f"openid.{name}": value for name, value in settings.items()}
    )
    assert not answer["needs_restart"] and not answer["overruled"]


class Browser:
    """A browser of somebody: keeps cookies, follows nothing by itself."""

    def __init__(self, hub: RunningHub) -> None:
        self.http = httpx.AsyncClient(base_url=hub.url, timeout=60, verify=False, trust_env=False)  # noqa: S501
        self.hub = hub

    async def set_out(self, back: str = "", name: str = "openid") -> str:
        """The address that the browser is sent to."""
        query = {"return": back} if back else {}
        answer = await self.http.get(f"/OpenID/{name}", params=query)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def come_back(self, query: str, name: str = "openid") -> httpx.Response:
        """The answer to the way back."""
        return await self.http.get(f"/OpenID/{name}/back?{query}")

    async def sign_in(self, issuer: Issuer, back: str = "") -> httpx.Response:
        """All of it."""
        return await self.come_back(issuer.authorize(await self.set_out(back)))

    @property
    def token(self) -> str:
        """The cookie of whoever is signed in, "" for nobody."""
        return self.http.cookies.get("swarm_token") or ""

    async def user(self) -> str:
        """Who the hub takes this browser for."""
        answer = await self.http.post("/API/GetNewSession", json={}, headers={"X-Forwarded-For": "9.9.9.9"})
        return str(answer.json().get("user_id", ""))


@pytest_asyncio.fixture(loop_scope="module")
async def browser(hub: RunningHub) -> AsyncIterator[Browser]:
    found = Browser(hub)
    yield found
    await found.http.aclose()
