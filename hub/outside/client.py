"""A client for machines elsewhere: redirects are judged like first addresses, and a name is resolved once,
checked, and connected to by the address that was checked."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpcore
from msgspec import Struct

from hub.errors import HubError
from hub.outside.guard import Rule
from hub.outside.place import Place, read_place

MOST_REDIRECTS = 10
CONNECT_SECONDS = 15.0
SILENCE_SECONDS = 30.0
"""A peer that sends nothing for so long is given up."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TIMES = {"connect": CONNECT_SECONDS, "read": SILENCE_SECONDS, "write": SILENCE_SECONDS, "pool": 60.0}

Resolve = Callable[[str, int], Coroutine[Any, Any, list[str]]]
"""A host name and port to addresses as text."""


class Unreachable(HubError):
    """The other side cannot be reached or broke off; trying again may help."""


class Key(Struct, frozen=True):
    """A secret for one origin: sent as bearer token to that and to no other, redirects included."""

    origin: tuple[str, str, int]
    secret: str


class Answer:
    """What came back: `status`, `headers` by lower-case name, the `place` that answered at last, and in
    `hops` the headers of every redirect on the way."""

    def __init__(self, place: Place, response: httpcore.Response, hops: list[dict[str, str]]) -> None:
        self.place = place
        self.status = response.status
        self.headers = _headers(response)
        self.hops = hops
        self._response = response

    def said(self, name: str) -> str:
        """A header of the answer or of a redirect before it, the first that has it; "" when none has."""
        return next((headers[name] for headers in (*self.hops, self.headers) if name in headers), "")

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes. Raises Unreachable when it breaks off."""
        try:
            async for chunk in self._response.aiter_stream():
                yield chunk
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as broken:
            raise Unreachable(f"{self.place.host} broke off: {_words(broken)}.") from broken

    async def read(self, most: int) -> bytes:
        """The whole body. Raises HubError when it is longer than `most` bytes."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > most:
                raise HubError(f"{self.place.host} answered with more than {most} bytes.")
        return bytes(body)


class Outside:
    """Calls that keep to a `Rule`, or to what the rule is at the moment. `agent` is how the hub names
    itself."""

    def __init__(
        self, rule: Rule | Callable[[], Rule], agent: str, *, resolve: Resolve | None = None
    ) -> None:
        self._rule: Callable[[], Rule] = rule if callable(rule) else lambda: rule
        self._agent = agent
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=32,
            keepalive_expiry=15.0,
            network_backend=_Checked(self._rule, resolve or _resolve),
        )

    @property
    def rule(self) -> Rule:
        """What may be called now."""
        return self._rule()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._pool.aclose()

    @asynccontextmanager
    async def get(
        self, place: Place, *, headers: Mapping[str, str] | None = None, key: Key | None = None
    ) -> AsyncIterator[Answer]:
        """GET, following redirects. Raises HubError for what is not allowed, Unreachable for the network."""
        hops: list[dict[str, str]] = []
        self.rule.check(place, redirected=False)
        while True:
            async with self._once(place, dict(headers or {}), key) as response:
                to = _headers(response).get("location", "")
                if response.status not in _REDIRECTS or not to:
                    yield Answer(place, response, hops)
                    return
                hops.append(_headers(response))
            if len(hops) > MOST_REDIRECTS:
                raise HubError(f"{place.host} sent us on more than {MOST_REDIRECTS} times.", field="url")
            place = read_place(to, place)
            self.rule.check(place, redirected=True)

    async def post(self, place: Place, body: bytes, headers: Mapping[str, str], *, seconds: float) -> int:
        """POST a body and give the status of the answer, whatever else it says; redirects are not followed.

        `seconds` is all the time there is. Raises HubError for what is not allowed, Unreachable for the
        network and for a peer that is too slow.
        """
        return (await self.hand_in(place, body, headers, seconds=seconds, most=0))[0]

    async def hand_in(
        self, place: Place, body: bytes, headers: Mapping[str, str], *, seconds: float, most: int
    ) -> tuple[int, bytes]:
        """The same, with the begin of what was answered, `most` bytes of it."""
        self.rule.check(place, redirected=False)
        sent = {**headers, "Content-Length": str(len(body))}
        said = bytearray()
        try:
            async with asyncio.timeout(seconds), self._once(place, sent, None, body) as response:
                if most:
                    async for chunk in Answer(place, response, []).chunks():
                        said += chunk
                        if len(said) >= most:
                            break
                return response.status, bytes(said[:most])
        except TimeoutError as slow:
            raise Unreachable(
                f"{place.host} did not answer within {seconds:g} seconds.", field="url"
            ) from slow

    @asynccontextmanager
    async def _once(
        self, place: Place, headers: dict[str, str], key: Key | None, body: bytes | None = None
    ) -> AsyncIterator[httpcore.Response]:
        headers |= {"Host": place.authority, "User-Agent": self._agent, "Accept-Encoding": "identity"}
        if key is not None and key.origin == place.origin:
            headers["Authorization"] = f"Bearer {key.secret}"
        url = httpcore.URL(scheme=place.scheme, host=place.host, port=place.port, target=place.target)
        method = "GET" if body is None else "POST"
        request = httpcore.Request(
            method, url, headers=list(headers.items()), content=body, extensions={"timeout": _TIMES}
        )
        try:
            response = await self._pool.handle_async_request(request)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as broken:
            raise Unreachable(f"{place.host} cannot be reached: {_words(broken)}.", field="url") from broken
        try:
            yield response
        finally:
            await response.aclose()


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only; the name is still what a certificate must be for."""

    def __init__(self, rule: Callable[[], Rule], resolve: Resolve) -> None:
        self._rule = rule
        self._resolve = resolve
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Resolve, check all, connect to the first that answers."""
        try:
            addresses = await asyncio.wait_for(self._resolve(host, port), timeout)
        except (OSError, TimeoutError, UnicodeError) as trouble:
            raise httpcore.ConnectError(f"the name cannot be resolved ({trouble})") from trouble
        self._rule().check_addresses(host, addresses)
        failed: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError("it has no address")
        for address in addresses:
            try:
                return await self._plain.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as trouble:
                failed = trouble
        raise failed

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _headers(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _words(trouble: BaseException) -> str:
    return str(trouble)[:200] or type(trouble).__name__
