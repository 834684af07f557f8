"""The guarded client against a real server: redirects, keys, rebinding, limits."""

from collections.abc import AsyncIterator
from typing import Any

import httpcore
import pytest

from hub.errors import HubError
from hub.outside import Key, Outside, Rule, Unreachable, read_place
from tests.hub.outside.serving import Asked, Reply, Serving, serving


@pytest.fixture
async def server() -> AsyncIterator[Serving]:
    async with serving() as one:
        yield one


@pytest.fixture
async def other() -> AsyncIterator[Serving]:
    async with serving() as one:
        yield one


def names_to_loopback(*names: str, hosts: tuple[str, ...] = ("*",), private: bool = True) -> Outside:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    return Outside(Rule(hosts, private=private), "test", resolve=resolve)


async def read(outside: Outside, url: str, key: Key | None = None) -> bytes:
    async with outside.get(read_place(url), key=key) as answer:
        assert answer.status == 200
        return await answer.read(1000)


async def test_a_key_goes_to_its_own_origin_only(server: Serving, other: Serving) -> None:
    def handle(asked: Asked) -> Reply:
        if asked.path == "/start":
            return Reply(302, {"Location": f"{other.url}/away"})
        return Reply(body=b"back")

    def away(asked: Asked) -> Reply:
        return Reply(302, {"Location": f"{server.url}/end"})

    server.handle, other.handle = handle, away
    outside = names_to_loopback()
    key = Key(read_place(server.url).origin, "secret")
    assert await read(outside, f"{server.url}/start", key) == b"back"
    assert [asked.headers.get("authorization") for asked in server.asked] == ["Bearer secret"] * 2
    assert [asked.headers.get("authorization") for asked in other.asked] == [None]
    await outside.close()


@pytest.mark.parametrize(
    "where", ["http://elsewhere.example/x", "file:///etc/passwd", "http://user@here.example/"]
)
async def test_a_redirect_is_judged_like_a_first_address(server: Serving, where: str) -> None:
    server.handle = lambda asked: Reply(302, {"Location": where})
    outside = names_to_loopback(hosts=("here.example",))
    with pytest.raises(HubError):
        await read(outside, f"http://here.example:{server.port}/")
    assert len(server.asked) == 1
    await outside.close()


async def test_a_name_that_leads_inside_is_not_connected_to(server: Serving) -> None:
    outside = names_to_loopback(hosts=("public.example",), private=False)
    with pytest.raises(HubError, match=r"127\.0\.0\.1"):
        await read(outside, f"https://public.example:{server.port}/")
    assert server.asked == []
    await outside.close()


async def test_what_was_checked_is_what_is_connected_to(server: Serving) -> None:
    """A name that answers differently the second time gains nothing: it is asked once a connection."""
    answers = [["127.0.0.1"], ["192.168.7.7"]]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    server.handle = lambda got: Reply(body=b"yes")
    outside = Outside(Rule(("*",), private=True), "test", resolve=resolve)
    assert await read(outside, f"http://rebinding.example:{server.port}/") == b"yes"
    assert asked == ["rebinding.example"]
    assert server.asked[0].headers["host"] == f"rebinding.example:{server.port}"
    await outside.close()


async def test_a_circle_of_redirects_ends(server: Serving) -> None:
    server.handle = lambda asked: Reply(302, {"Location": "/again"})
    outside = names_to_loopback()
    with pytest.raises(HubError, match="more than 10 times"):
        await read(outside, server.url)
    await outside.close()


async def test_nobody_there_and_breaks_are_unreachable(server: Serving, free_port: int) -> None:
    outside = names_to_loopback()
    with pytest.raises(Unreachable):
        await read(outside, f"http://127.0.0.1:{free_port}/")
    server.handle = lambda asked: Reply(body=b"x" * 500, stop_after=100)
    with pytest.raises(Unreachable):
        await read(outside, server.url)
    await outside.close()


async def test_a_body_that_is_too_long_is_refused(server: Serving) -> None:
    server.handle = lambda asked: Reply(body=b"x" * 5000)
    outside = names_to_loopback()
    with pytest.raises(HubError, match="more than 1000 bytes"):
        await read(outside, server.url)
    await outside.close()


class Dialled(httpcore.AsyncNetworkBackend):
    """Notes who would be called, and calls nobody."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    async def connect_tcp(self, host: str, port: int, *rest: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        self.calls.append((host, port))
        raise httpcore.ConnectError("nobody is called here")


async def test_a_name_that_turns_inside_after_the_check_leads_nowhere() -> None:
    """DNS rebinding with the rule that holds for users: resolved once, and that address is dialled; when the
    name is asked again, the new answer is judged anew."""
    answers = [["8.8.8.8"], ["127.0.0.1"], ["8.8.8.8", "169.254.169.254"]]

    async def resolve(host: str, port: int) -> list[str]:
        return answers.pop(0)

    outside = Outside(Rule(("*",)), "test", resolve=resolve)
    dialled = outside._pool._network_backend._plain = Dialled()  # type: ignore[attr-defined]
    with pytest.raises(Unreachable):
        await read(outside, "https://rebinding.example/")
    for _ in range(2):
        with pytest.raises(HubError, match="not a public one"):
            await read(outside, "https://rebinding.example/")
    with pytest.raises(HubError):
        await outside.post(read_place("http://rebinding.example/"), b"", {}, seconds=30)
    assert dialled.calls == [("8.8.8.8", 443)]
    assert answers == []
    await outside.close()


async def test_a_proxy_named_in_the_environment_is_passed_by(
    server: Serving, other: Serving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would resolve the name itself, unchecked, and see what is sent."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, other.url)
    server.handle = lambda asked: Reply(body=b"direct")
    outside = names_to_loopback()
    assert await read(outside, f"http://somewhere.example:{server.port}/") == b"direct"
    assert await outside.post(read_place(server.url), b"x", {}, seconds=30) == 200
    assert other.asked == []
    await outside.close()


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0177.0.0.1/", "https://0x7f.1/", "https://127.1/"]
)
async def test_odd_spellings_of_loopback_are_what_they_resolve_to(url: str) -> None:
    outside = Outside(Rule(("*",)), "test")
    dialled = outside._pool._network_backend._plain = Dialled()  # type: ignore[attr-defined]
    with pytest.raises(HubError):
        await read(outside, url)
    assert dialled.calls == []
    await outside.close()
