"""The hub below a path behind a real nginx, set up as docs/proxy.md says, in both forms of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from tests.browser.hub_process import HubProcess
from tests.browser.nginx import Nginx, find_nginx
from tests.browser.tab import Tab

NGINX = find_nginx()
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(NGINX is None, reason="no nginx here (HUB_TEST_NGINX names one)"),
]
NAME, PASSWORD = "olivia", "a long enough password"
FORMS = ["keeping", "stripping"]


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    """A hub that has an owner and believes the proxy on this machine."""
    data: Path = tmp_path_factory.mktemp("behind") / "data"
    process = HubProcess(data)
    process.start()
    account = {"username": NAME, "password": PASSWORD}
    answer = httpx.post(f"{process.url}API/RegisterBasic", json=account, trust_env=False, timeout=60)
    assert answer.json() == {"success": "true"}
    process.stop()
    settings = '[network]\nbase_path = "/hub"\nproxies = ["127.0.0.1"]\n'
    (data / "settings.toml").write_text(settings, "utf-8")
    process.start()
    yield process
    process.stop()


@pytest.fixture(scope="module")
def nginx(owned: HubProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    """The proxy before it."""
    assert NGINX is not None
    proxy = Nginx(NGINX, tmp_path_factory.mktemp("nginx"), owned.port)
    proxy.start()
    yield proxy
    proxy.stop()


@pytest.mark.parametrize("form", FORMS)
async def test_the_page_signs_in_draws_and_shows(browser: Browser, nginx: Nginx, form: str) -> None:
    base = f"http://127.0.0.1:{getattr(nginx, form)}/hub/"
    context = await browser.new_context(viewport={"width": 1280, "height": 800})
    tab = Tab(await context.new_page())
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    await tab.page.goto(base.rstrip("/"))
    await expect(tab.page.locator("#sign-in-name")).to_be_visible(timeout=60_000)
    await tab.page.fill("#sign-in-name", NAME)
    await tab.page.fill("#sign-in-password", PASSWORD)
    await tab.page.click("dialog button.strong")
    await tab.ready()
    (cookie,) = [cookie for cookie in await context.cookies() if cookie["name"] == "swarm_token"]
    assert (cookie["path"], cookie["httpOnly"], cookie["sameSite"]) == ("/hub", True, "Lax")
    await tab.write("a red circle on a blue background")
    await tab.generate()
    await tab.until("done", 1)
    assert (await tab.picture()).size[0] >= 64
    await tab.page.reload()
    await tab.ready()
    await expect(tab.page.locator("#sign-in-name")).to_have_count(0)
    assert [url for url in asked if "/hub/" not in url and not url.startswith(("data:", base[:-1]))] == []
    assert tab.problems == []
    await context.close()


@pytest.mark.parametrize("form", FORMS)
async def test_the_hub_sees_the_client(owned: HubProcess, nginx: Nginx, form: str) -> None:
    base = f"http://127.0.0.1:{getattr(nginx, form)}/hub"
    calling = httpx.AsyncHTTPTransport(local_address="127.0.0.77", verify=False)
    async with httpx.AsyncClient(transport=calling, base_url=base, timeout=60) as http:
        told = {"x-forwarded-for": "127.0.0.1", "x-forwarded-proto": "https", "forwarded": "for=127.0.0.1"}
        stranger = await http.post("/API/GetNewSession", json={"a": 1}, headers=told)
        assert stranger.json()["error"] == "Invalid or unauthorized."
        account = {"username": NAME, "password": PASSWORD}
        signed = await http.post("/API/Login", json=account, headers=told)
        assert signed.json() == {"success": "true"}
        assert "; Path=/hub;" in signed.headers["set-cookie"]
        assert "Secure" not in signed.headers["set-cookie"]  # nginx says http, whatever the client claims
        session = (await http.post("/API/GetNewSession", json={"a": 1})).json()["session_id"]
        seen = await http.post("/API/ListConnectedUsers", json={"session_id": session})
        addresses = json.dumps(seen.json())
        assert "127.0.0.77" in addresses
        large = {"session_id": session, "padding": "x" * (24 << 20)}
        assert "status" in (await http.post("/API/GetCurrentStatus", json=large)).json()
        lost = await http.get("/nowhere")
        assert lost.headers["location"].endswith("/hub/Error/404")
        docs = (await http.get("/schema/openapi.json")).json()
        assert docs["servers"] == [{"url": "/hub"}]
