"""Beyond this machine nobody is served before somebody owns the hub: the addresses count, not their names."""

from pathlib import Path

import pytest

from hub.wire.listening import NotYet, reaches_out
from tests.hub.running import running
from tests.hub.wire.certificates import certificate


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost", "::ffff:127.0.0.1"])
async def test_this_machine_only(host: str) -> None:
    assert not await reaches_out(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "192.0.2.7", "2001:db8::1", "no.such.name.invalid"])
async def test_beyond(host: str) -> None:
    assert await reaches_out(host)


async def test_a_name_that_says_localhost_and_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    async def resolve(*words: object, **more: object) -> list[object]:
        return [(2, 1, 6, "", ("127.0.0.1", 0)), (2, 1, 6, "", ("192.0.2.7", 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve, raising=False)
    assert await reaches_out("localhost")


@pytest.mark.parametrize(
    "further",
    [{}, {"network.base_path": "/hub"}, {"network.proxies": "127.0.0.1"}, {"network.tls_cert": "own"}],
    ids=["bare", "below a path", "behind a proxy", "with a certificate"],
)
async def test_nothing_else_makes_up_for_an_owner(tmp_path: Path, further: dict[str, str]) -> None:
    if further.get("network.tls_cert"):
        cert, key = certificate(tmp_path)
        further = {"network.tls_cert": str(cert), "network.tls_key": str(key)}
    with pytest.RaisesGroup(pytest.RaisesExc(NotYet, match="nobody owns it yet"), flatten_subgroups=True):
        async with running(tmp_path / "data", {"network.host": "0.0.0.0", **further}):
            raise AssertionError("it serves everybody")
