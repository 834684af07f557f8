"""One call to a service: bounded in time and bytes, repeated when the service asks for patience.

What is not known to have been left undone is never asked for twice: it may have been paid for.
"""

import asyncio
import email.utils
import ipaddress
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx
from PIL import Image as Picture

from backends.contract import Misconfigured
from backends.hosted.events import Events
from backends.hosted.refused import Away, Refused

CONNECT_SECONDS = 10.0
MOST_BYTES = 128 * 1024 * 1024
"""Of one answer: the largest pictures there are, as base64."""

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_SHORTEST_PAUSE = 0.05

File = tuple[str | None, str | bytes, str | None]
"""A part of a form: its file name (None: an ordinary field), its content, its type."""


@dataclass(frozen=True, slots=True)
class Call:
    """A POST to `path` below the address: a form of `parts`, or a body of JSON. `notes` go into the
    metadata of the picture; `finish` is called with the picture of the wanted size, in a thread. It comes in
    so many `steps`, all but the last of them previews.
    """

    path: str
    parts: tuple[tuple[str, File], ...] = ()
    json: bytes | None = None
    accept: str = "application/json"
    notes: Mapping[str, str | int | float | bool | list[str]] = field(default_factory=dict)
    finish: Callable[[Picture.Image], Picture.Image] | None = None
    steps: int = 1


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `headers` by lower-case name. Of a stream of events the `body` is the last one's."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def text_parts(**fields: str | int | float | None) -> tuple[tuple[str, File], ...]:
    """Ordinary fields of a form, truths as JSON writes them; those that are None are left out."""
    return tuple(
        (name, (None, str(value).lower() if isinstance(value, bool) else str(value), None))
        for name, value in fields.items()
        if value is not None
    )


class Line:
    """The way to one service at `address`, for so many calls at once as it has `places`. `seconds` is all the
    time one call has, `patience` all the time a picture waits because it was asked too often. Raises
    Misconfigured for an address that cannot be called.
    """

    def __init__(
        self, service: str, address: str, *, with_keys: bool, places: int, seconds: float, patience: float
    ) -> None:
        self._service = service
        self._seconds = seconds
        self._patience = patience
        self._places = asyncio.Semaphore(places)
        url, near = _read(address, with_keys)
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=httpx.Timeout(seconds, connect=CONNECT_SECONDS),
            limits=httpx.Limits(max_connections=None, keepalive_expiry=15),
            # reading the certificates takes a while: only where they are needed
            verify=url.scheme == "https",
            trust_env=not near,
            headers={"User-Agent": "GenerationHub"},
        )

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def knock(self, path: str) -> None:
        """See whether anybody answers, whatever it says; no key is sent. Raises Away."""
        try:
            await self._http.get(path, timeout=CONNECT_SECONDS)
        except httpx.TransportError as trouble:
            raise self._away(trouble) from trouble

    async def ask(
        self,
        call: Call,
        key: str,
        busy: Callable[[Answer], bool],
        pause_for: Callable[[float], Awaitable[None]],
        hear: Callable[[bytes], Awaitable[None]],
    ) -> Answer:
        """The answer of one call, whatever its status. Cancelling it breaks the connection off.

        While `busy` says that the service wants to be asked later it is, as its Retry-After says, until
        patience ends; `pause_for` waits so many seconds. `hear` is given every event of a stream when it
        comes. Raises Away or Refused.
        """
        waited, pause = 0.0, _FIRST_PAUSE
        while True:
            async with self._places:
                answer = await self._once(call, key, hear)
            if not busy(answer):
                return answer
            told = retry_after(answer.headers, time.time())
            wanted = pause if told is None else max(_SHORTEST_PAUSE, told)
            if waited + wanted > self._patience:
                return answer
            await pause_for(wanted)
            waited, pause = waited + wanted, min(_LONGEST_PAUSE, pause * 2)

    async def _once(self, call: Call, key: str, hear: Callable[[bytes], Awaitable[None]]) -> Answer:
        headers = {"Accept": call.accept}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if call.json is not None:
            headers["Content-Type"] = "application/json"
        request = self._http.build_request(
            "POST", call.path, headers=headers, content=call.json, files=list(call.parts) or None
        )
        try:
            async with asyncio.timeout(self._seconds):
                return await self._send(request, hear)
        except (httpx.ConnectError, httpx.ConnectTimeout) as trouble:
            raise self._away(trouble) from trouble
        except (httpx.TimeoutException, TimeoutError) as trouble:
            raise Refused(
                f"{self._service} gave no picture within {self._seconds:g} seconds. It may have drawn and "
                "charged it all the same; an administrator can allow more time (Timeout Seconds)."
            ) from trouble
        except (httpx.TransportError, httpx.DecodingError) as trouble:
            raise Refused(
                f"The connection to {self._service} broke off. It may have drawn and charged the picture all "
                "the same; try again if you want another one."
            ) from trouble

    async def _send(self, request: httpx.Request, hear: Callable[[bytes], Awaitable[None]]) -> Answer:
        response = await self._http.send(request, stream=True)
        streamed = response.headers.get("content-type", "").startswith("text/event-stream")
        events, body, size = Events(), bytearray(), 0
        try:
            async for chunk in response.aiter_bytes():
                size += len(chunk)
                if size > MOST_BYTES:
                    raise Refused(f"{self._service} answered with more than {MOST_BYTES >> 20} MiB.")
                if not streamed:
                    body += chunk
                    continue
                for event in events.feed(chunk):
                    body = bytearray(event)
                    await hear(event)
        finally:
            await response.aclose()
        return Answer(response.status_code, dict(response.headers), bytes(body))

    def _away(self, trouble: Exception) -> Away:
        late = isinstance(trouble, httpx.TimeoutException)
        return Away(
            f"{self._service} cannot be reached"
            f"{' (no answer)' if late else ''}: check the network and the engine's address."
        )


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the answer asks to wait, None when it does not say. `now` is seconds since 1970.

    OpenAI's `retry-after-ms` is finer and comes first; Retry-After is a number or a date (RFC 9110 §10.2.3).
    """
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) / unit
        except ValueError:
            continue
        if 0 <= seconds < 1e9:
            return seconds
    try:
        date = email.utils.parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, date.timestamp() - now)


def _read(address: str, with_keys: bool) -> tuple[httpx.URL, bool]:
    """The address with a slash at its end, and whether it is on this machine."""
    try:
        url = httpx.URL(address.strip().rstrip("/") + "/")
    except (httpx.InvalidURL, ValueError) as wrong:
        raise Misconfigured("Address: that is no address like https://example.com/v1; correct it.") from wrong
    if url.scheme not in ("http", "https") or not url.host:
        raise Misconfigured("Address: that is no address like https://example.com/v1; correct it.")
    if url.userinfo:
        raise Misconfigured("Address: write it without a user name and password; the users' keys are sent.")
    near = _is_near(url.host)
    if with_keys and url.scheme != "https" and not near:
        raise Misconfigured("Address: users' keys are only sent to https addresses, or to this machine.")
    return url, near


def _is_near(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
