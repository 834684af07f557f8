"""Calls to a server over HTTP, bounded in time and size (comfyui-protocol §7).

What goes wrong is told in four ways: Unreachable when nobody answers, Misconfigured when the way there is
barred, Unsure when a request may or may not have arrived, BadAnswer when the answer is none.
"""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from backends.contract import Misconfigured, Unreachable

LARGEST = 256 * 1024 * 1024
"""Bytes of the largest answer that is read."""

QUICK = httpx.Timeout(10.0, connect=5.0)
"""For what a server knows by heart."""

SLOW = httpx.Timeout(60.0, connect=5.0)
"""For what it must look up."""

HEAVY = httpx.Timeout(120.0, connect=5.0)
"""For files."""

_JSON = {"Content-Type": "application/json"}


class Unsure(Exception):
    """The connection broke while the server may already have taken what was sent."""


class BadAnswer(Exception):
    """The server answered what it should not have; the text is a sentence for the user."""


class Answer(Struct, frozen=True):
    """An answer's HTTP status and its body."""

    status: int
    content: bytes


class Calls:
    """The calls to one address, each with these headers."""

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        # No proxy of the environment's: an engine is where its address says. No `Origin` either, which the
        # server would compare with its own name.
        self._http = httpx.AsyncClient(
            base_url=address,
            headers=dict(headers),
            timeout=QUICK,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=15.0),
        )

    async def close(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()

    async def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = QUICK,
        once: bool = False,
    ) -> Answer:
        """One request with a JSON body; one that must not be sent `once` more raises Unsure where it may
        have arrived. Raises Unreachable, Misconfigured, BadAnswer.
        """
        content = None if body is None else msgspec.json.encode(body)
        headers = None if body is None else _JSON
        request = self._http.build_request(
            method, path, content=content, params=params, headers=headers, timeout=timeout
        )
        try:
            answer = await self._ask(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _nobody() from error
        except httpx.HTTPError as error:
            raise (Unsure() if once else _nobody()) from error
        if answer.status in (502, 503, 504):  # a proxy's word: what lies behind it may have heard it or not
            raise Unsure if once else _nobody()
        return answer

    async def want(self, method: str, path: str, timeout: httpx.Timeout = QUICK) -> bytes:
        """The body of an answer that must be 200."""
        answer = await self.send(method, path, timeout=timeout)
        if answer.status != 200:
            raise Unreachable(odd(answer.status))
        return answer.content

    async def give(self, path: str, files: Any, data: Mapping[str, str]) -> Answer:
        """Send files. Raises Unreachable, Misconfigured, BadAnswer."""
        request = self._http.build_request("POST", path, files=files, data=dict(data), timeout=HEAVY)
        try:
            return await self._ask(request)
        except httpx.HTTPError as error:
            raise _nobody() from error

    async def _ask(self, request: httpx.Request) -> Answer:
        """Send it and read the answer, which may not be larger than any wanted one."""
        answer = await self._http.send(request, stream=True)
        try:
            _barred(answer.status_code)
            size, parts = 0, []
            async for part in answer.aiter_bytes():
                size += len(part)
                if size > LARGEST:
                    raise BadAnswer("The ComfyUI server's answer is larger than is read here.")
                parts.append(part)
        finally:
            await answer.aclose()
        return Answer(answer.status_code, b"".join(parts))


def decoded(answer: Answer, kind: Any, status: int = 200) -> Any:
    """An answer as `kind`; None when it is another one."""
    if answer.status != status:
        return None
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError:
        return None


def odd(status: int) -> str:
    """An answer that should not have come, in words."""
    return f"The ComfyUI server answered in an unexpected way (HTTP {status}); try again."


def _barred(status: int) -> None:
    if status in (401, 403, 407):
        raise Misconfigured(
            f"The ComfyUI server, or a proxy before it, refuses us (HTTP {status}); put what it asks for "
            "into the setting 'ExtraHeaders'."
        )
    if status in (301, 302, 303, 307, 308):
        raise Misconfigured("The setting 'Address' leads on to another address; give that one.")


def _nobody() -> Unreachable:
    return Unreachable("Nobody answers at the ComfyUI server's address; start it, or correct 'Address'.")
