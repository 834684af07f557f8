"""A page of somebody else in the same browser: on another port of this machine (where cookies come along),
under another name, and under a name of its own that leads here. It opens no socket, posts and reads nothing.

The hub is at its most trusting: no accounts, so that whoever comes from this machine is its owner; beside
that the browser holds an owner's cookie.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, async_playwright

from tests.browser.conftest import ARGUMENTS
from tests.browser.hub_process import HubProcess

pytestmark = pytest.mark.browser

REBOUND = "rebound.example"
WAIT = 30_000
"""Milliseconds that anything may take on a busy machine; nothing here waits for the end of it."""

SOCKETS = """async hub => {
  const tries = ["/API/GenerateText2ImageWS", "/hub/v1/events", "/hub/v1/jobs/watch",
                 "/ComfyBackendDirect/ws", "/API/nothing"];
  return Promise.all(tries.map(path => new Promise(done => {
    const socket = new WebSocket(hub.replace("http", "ws") + path);
    socket.onopen = () => { socket.send('{"session_id": ""}'); done(path + " opened"); };
    socket.onmessage = event => done(path + " said " + event.data);
    socket.onerror = () => done("");
  })));
}"""

POSTS = """async hub => {
  const user = '{"name": "pwned", "username": "pwned", "password": "long enough now", "role": "owner"}';
  const paths = ["/API/RegisterBasic", "/API/Login", "/API/GetNewSession", "/API/AdminAddUser",
                 "/API/GenerateText2Image", "/hub/v1/queue/pause", "/ComfyBackendDirect/interrupt"];
  const ways = [
    {mode: "cors", headers: {"Content-Type": "application/json"}},
    {mode: "cors", headers: {"Content-Type": "application/json"}, credentials: "include"},
    {mode: "cors", headers: {"Content-Type": "text/plain"}, credentials: "include"},
    {mode: "cors", headers: {"Content-Type": "application/x-www-form-urlencoded"}},
  ];
  const read = [];
  for (const path of paths) {
    for (const way of ways)
      await fetch(hub + path, {method: "POST", body: user, ...way})
        .then(async answer => read.push(path + await answer.text()), () => {});
    for (const type of ["text/plain", "application/json", "multipart/form-data"])
      await fetch(hub + path, {method: "POST", body: new Blob([user], {type}), mode: "no-cors",
                               credentials: "include"}).catch(() => {});
    navigator.sendBeacon(hub + path, new Blob([user], {type: "application/json"}));
    navigator.sendBeacon(hub + path, user);
    for (const method of ["PUT", "DELETE", "PATCH"])
      await fetch(hub + path, {method, body: user}).then(() => read.push(method + path), () => {});
  }
  return read;
}"""

FORMS = """async hub => {
  const body = '{"name": "pwned", "username": "pwned", "password": "long enough", "role": "owner", "x": "';
  for (const path of ["/API/RegisterBasic", "/API/Login", "/API/GetNewSession", "/API/AdminAddUser"])
    for (const enctype of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]) {
      const frame = document.createElement("iframe");
      frame.name = "f" + Math.random();
      document.body.append(frame);
      const form = document.createElement("form");
      Object.assign(form, {method: "POST", action: hub + path, enctype, target: frame.name});
      const field = document.createElement("input");
      field.name = body; field.value = '"}';
      form.append(field);
      document.body.append(form);
      const loaded = new Promise(done => { frame.onload = done; });
      form.submit();
      await loaded;
    }
}"""

READS = """async ([hub, picture]) => {
  const got = [];
  const named = () => Object.keys(window).filter(name => isNaN(name)).join();
  const names = named();
  const paths = [picture, "/hub/v1/jobs", "/hub/v1/queue", "/hub/v1/metrics", "/", "/hub/v1/health",
                 "/schema/openapi.json", "/API/GetCurrentStatus", "/ComfyBackendDirect/"];
  for (const path of paths) {
    for (const credentials of ["omit", "include"])
      await fetch(hub + path, {credentials}).then(async a => got.push(path + await a.text()), () => {});
    for (const [tag, place] of [["img", "src"], ["script", "src"], ["video", "src"], ["embed", "src"]])
      await new Promise(done => {
        const element = document.createElement(tag);
        element.onload = () => {
          if (tag !== "script" && tag !== "embed") got.push(tag + path);
          done();
        };
        element.onerror = done;
        element.onloadeddata = () => { got.push(tag + path); done(); };
        if (tag === "embed") setTimeout(done, 200);
        element[place] = hub + path;
        document.body.append(element);
      });
  }
  if (named() !== names) got.push("a script left something");
  return got;
}"""

SESSION = """hub => fetch(hub + "/API/GetNewSession", {
  method: "POST", body: "{\\"a\\": 1}", headers: {"Content-Type": "application/json"},
}).then(answer => answer.status, () => "nothing")"""

FRAMED = """async hub => {
  const frame = document.createElement("iframe");
  const loaded = new Promise(done => { frame.onload = done; });
  frame.src = hub + "/";
  document.body.append(frame);
  await loaded;
  try { return frame.contentDocument ? frame.contentDocument.body.innerText : ""; } catch { return ""; }
}"""


@asynccontextmanager
async def page_of_somebody_else() -> AsyncIterator[int]:
    """A server of empty pages on a port of its own."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = b"<!doctype html><title>x</title><body>"
        head = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        )
        writer.write(head % len(body) + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Owner:
    """The hub as its owner's program sees it."""

    def __init__(self, hub: HubProcess) -> None:
        self.url = hub.url.rstrip("/")
        self.http = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=60)
        self.session = ""

    async def call(self, name: str, **body: Any) -> Any:
        answer = await self.http.post(f"/API/{name}", json={"session_id": self.session, **body})
        return answer.json()

    async def state(self) -> dict[str, Any]:
        """What a successful attack would have changed."""
        users = await self.call("AdminListUsers")
        queue = await self.http.get("/hub/v1/queue", headers={"X-Session-ID": self.session})
        jobs = await self.http.get("/hub/v1/jobs", headers={"X-Session-ID": self.session})
        tokens = (await self.call("ListMyAuthTokens"))["tokens"]
        return {
            "users": str(users),
            "paused": queue.json().get("paused"),
            "jobs": [job["job"] for job in jobs.json()["jobs"]],
            "tokens": sorted(entry["id"] for entry in tokens),
        }


@pytest.fixture
async def owner(hub: HubProcess) -> AsyncIterator[Owner]:
    hub.ensure()
    owner = Owner(hub)
    owner.session = (await owner.http.post("/API/GetNewSession", json={"a": 1})).json()["session_id"]
    yield owner
    await owner.http.aclose()


@pytest.fixture
async def page(browser_path: str | None, owner: Owner) -> AsyncIterator[Page]:
    """A page of a browser that knows the rebound name and holds an owner's cookie."""
    token = (await owner.call("CreateAuthToken", reason="the owner's browser"))["token"]
    rules = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=browser_path, args=[*ARGUMENTS, rules])
        context = await browser.new_context()
        cookie = {"name": "swarm_token", "value": token, "path": "/", "httpOnly": True, "sameSite": "Lax"}
        await context.add_cookies([{**cookie, "domain": name} for name in ("127.0.0.1", "localhost")])  # type: ignore[typeddict-item]
        opened = await context.new_page()
        opened.set_default_timeout(WAIT)
        yield opened
        await browser.close()


async def drawn(owner: Owner) -> str:
    """The address of a picture of the owner's."""
    answer = await owner.call("GenerateText2Image", images=1, prompt="a red circle", steps=1)
    return f"/{answer['images'][0]}"


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
async def test_it_opens_posts_and_reads_nothing(owner: Owner, page: Page, name: str) -> None:
    picture = await drawn(owner)
    before = await owner.state()
    async with page_of_somebody_else() as port:
        await page.goto(f"http://{name}:{port}/")
        assert [said for said in await page.evaluate(SOCKETS, owner.url) if said] == []
        assert await page.evaluate(POSTS, owner.url) == []
        await page.evaluate(FORMS, owner.url)
        assert await page.evaluate(READS, [owner.url, picture]) == []
        assert await page.evaluate(FRAMED, owner.url) == ""
    assert await owner.state() == before


async def test_the_same_page_of_our_own_may(owner: Owner, page: Page) -> None:
    """Else the test above would pass for a wrong reason: from the hub's own origin everything works."""
    picture = await drawn(owner)
    await page.goto(f"{owner.url}/")
    opened = [said for said in await page.evaluate(SOCKETS, owner.url) if said]
    assert any("opened" in said or "said" in said for said in opened)
    status = await page.evaluate(
        "async ([hub, picture]) => (await fetch(hub + picture)).status", [owner.url, picture]
    )
    assert status == 200
    assert await page.evaluate(SESSION, owner.url) == 200


async def test_it_cannot_take_hold_of_our_window(owner: Owner, page: Page) -> None:
    async with page_of_somebody_else() as port:
        await page.goto(f"http://127.0.0.1:{port}/")
        async with page.context.expect_page() as opening:
            await page.evaluate("hub => { window.ours = window.open(hub + '/'); }", owner.url)
        ours = await opening.value
        await ours.wait_for_load_state()
        assert await ours.evaluate("window.opener === null")
        assert await page.evaluate("window.ours.closed")


async def test_a_name_that_leads_here_is_no_name_of_ours(owner: Owner, page: Page) -> None:
    """DNS rebinding: to the browser the page is its own origin, so only the Host tells."""
    port = owner.url.rpartition(":")[2]
    for path in ("/", "/hub/v1/jobs", "/View/local/x.png", "/ComfyBackendDirect/", "/hub/v1/health"):
        answer = await page.goto(f"http://{REBOUND}:{port}{path}")
        assert answer is not None and answer.status == 421, path
    here = f"http://{REBOUND}:{port}"
    body = "<!doctype html><title>loaded before the name led here</title>"
    await page.route(f"{here}/", lambda route: route.fulfill(body=body, content_type="text/html"))
    await page.goto(f"{here}/")
    assert await page.evaluate(SESSION, here) in (421, "nothing")
    assert [said for said in await page.evaluate(SOCKETS, here) if said] == []
