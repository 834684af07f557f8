"""The requests a ComfyUI server answers over HTTP, each as one call (comfyui-protocol §1, §7).

What goes wrong is told in three ways: Unreachable when nobody answers, Misconfigured when the way there is
barred, Unsure when a request may or may not have arrived. No other body than the wanted one is read.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from backends.comfyui_api import server_info, states
from backends.comfyui_api.complaints import Refusal, dropped_outputs, refusal_of
from backends.comfyui_api.frames import File
from backends.comfyui_api.server_info import ServerInfo
from backends.comfyui_api.states import JobState
from backends.contract import Misconfigured, Unreachable

LARGEST = 256 * 1024 * 1024
"""Bytes of the largest answer that is read."""

_QUICK = httpx.Timeout(10.0, connect=5.0)
_SLOW = httpx.Timeout(60.0, connect=5.0)
_HEAVY = httpx.Timeout(120.0, connect=5.0)
_JSON = {"Content-Type": "application/json"}
_GLOBAL_INTERRUPT_BEFORE = (0, 3, 56)


class Unsure(Exception):
    """The connection broke while the server may already have taken what was sent."""


class BadAnswer(Exception):
    """The server answered what it should not have; the text is a sentence for the user."""


class Answer(Struct, frozen=True):
    """An answer's HTTP status and its body."""

    status: int
    content: bytes


class System(Struct, frozen=True):
    """What the server runs on: its version ((), where it is not one of numbers) and the device's name."""

    version: tuple[int, ...] = ()
    device: str = ""


class _System(Struct):
    comfyui_version: str | None = None


class _Device(Struct):
    name: str = ""


class _Stats(Struct):
    system: _System
    devices: list[_Device] = []


class _Upload(Struct):
    name: str
    subfolder: str = ""


class _Cancelled(Struct):
    cancelled: bool


class _Missing(Struct):
    error: str


class Server:
    """One server by its address. `jobs` and `cancels` say whether it has these routes, True until one of
    them was found missing; `version` is what it said of itself last.
    """

    def __init__(self, address: str, headers: Mapping[str, str]) -> None:
        self.address = address
        self.jobs = True
        self.cancels = True
        self.version: tuple[int, ...] = ()
        # No proxy of the environment's: an engine is where its address says. No `Origin` either, which the
        # server would compare with its own name.
        self._http = httpx.AsyncClient(
            base_url=address,
            headers=dict(headers),
            timeout=_QUICK,
            trust_env=False,
            limits=httpx.Limits(keepalive_expiry=15.0),
        )

    async def close(self) -> None:
        """Let go of its connections."""
        await self._http.aclose()

    # ---- what it is and has --------------------------------------------------------------------------------

    async def system(self) -> System:
        """What it says of itself; also whether it is a ComfyUI server at all."""
        body = await self._want("GET", "/system_stats", timeout=_SLOW)
        try:
            stats = msgspec.json.decode(body, type=_Stats)
        except msgspec.MsgspecError:
            raise Misconfigured(
                "What answers at the setting 'Address' is no ComfyUI server; correct it."
            ) from None
        parts = (stats.system.comfyui_version or "").split(".")
        version = tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
        self.jobs, self.cancels, self.version = True, True, version
        return System(version, stats.devices[0].name if stats.devices else "")

    async def info(self) -> ServerInfo:
        """Its node classes and embeddings; large, so not to be asked often."""
        classes = await self._want("GET", "/object_info", timeout=_SLOW)
        names = await self._get("/embeddings")
        return await asyncio.to_thread(_info, classes, names.content if names.status == 200 else b"[]")

    async def files(self, folder: str) -> tuple[str, ...]:
        """Names of the model files in a folder, with extension; none when it has no such folder."""
        answer = await self._get(f"/models/{folder}")
        return tuple(_decoded(answer, list[str]) or ())

    async def metadata(self, folder: str, name: str) -> Mapping[str, str]:
        """What a safetensors file says of itself; nothing when it says nothing or is none."""
        answer = await self._get(f"/view_metadata/{folder}", params={"filename": name})
        told = _decoded(answer, dict[str, Any]) or {}
        return {key: value for key, value in told.items() if isinstance(value, str)}

    # ---- prompts -------------------------------------------------------------------------------------------

    async def post(self, body: Mapping[str, Any], output: str) -> Refusal | None:
        """Submit a prompt; None once it was taken. `output` is the node whose picture is wanted.

        Raises Unsure when it may have been taken without our hearing of it: ask `state` before trying again.
        """
        request = self._http.build_request(
            "POST", "/prompt", content=msgspec.json.encode(body), headers=_JSON, timeout=_SLOW
        )
        try:
            answer = await self._ask(request)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise _nobody() from error
        except httpx.HTTPError as error:
            raise Unsure from error
        if answer.status in (502, 503, 504):
            raise Unsure  # a proxy's word: what lies behind it may have taken the prompt or not
        if answer.status != 200:
            return refusal_of(answer.status, answer.content)
        if output in dropped_outputs(answer.content):
            return msgspec.structs.replace(refusal_of(200, answer.content), retry=False, runs=True)
        return None

    async def state(self, prompt: str) -> JobState:
        """Where a prompt stands. Raises BadAnswer."""
        try:
            if self.jobs:
                answer = await self._get(f"/api/jobs/{prompt}")
                if answer.status == 200:
                    return states.read_job(answer.content)
                if answer.status == 404 and _decoded(answer, _Missing, status=404) is not None:
                    return states.ABSENT
                if answer.status not in (404, 405, 501):
                    raise BadAnswer(_odd(answer.status))
                self.jobs = False
            return await self._looked_up(prompt)
        except msgspec.MsgspecError:
            raise BadAnswer("The ComfyUI server's answers cannot be read.") from None

    async def _looked_up(self, prompt: str) -> JobState:
        """History, queue, and the history again: it may have ended between the first two."""
        for _ in range(2):
            found = states.read_history(await self._want("GET", f"/history/{prompt}"), prompt)
            if found.stand != "absent":
                return found
            found = states.read_queue(await self._want("GET", "/queue"), prompt)
            if found.stand != "absent":
                return found
        return found

    async def cancel(self, prompt: str) -> None:
        """Take a prompt out of the queue or interrupt it, never anybody else's (comfyui-protocol §4).

        May come to nothing when it falls between two of the server's steps: repeat until it has ended.
        """
        if self.cancels:
            answer = await self._send("POST", f"/api/jobs/{prompt}/cancel")
            if _decoded(answer, _Cancelled) is not None:
                return
            if answer.status not in (404, 405, 501):
                raise BadAnswer(_odd(answer.status))
            self.cancels = False
        # In this order: a waiting one may be started in between, and is then interrupted.
        await self._send("POST", "/queue", {"delete": [prompt]})
        if self.version < _GLOBAL_INTERRUPT_BEFORE:
            # Such a server, or one that does not tell its version, may interrupt whatever runs.
            running = states.read_queue(await self._want("GET", "/queue"), prompt)
            if running.stand != "running":
                return
        await self._send("POST", "/interrupt", {"prompt_id": prompt})

    async def forget(self, prompt: str) -> None:
        """Drop a prompt's entry from the history."""
        await self._send("POST", "/history", {"delete": [prompt]})

    async def free(self) -> None:
        """Let it unload its models before the next prompt."""
        await self._send("POST", "/free", {"unload_models": True, "free_memory": True})

    # ---- files ---------------------------------------------------------------------------------------------

    async def view(self, file: File) -> bytes | None:
        """A file's bytes; None when it is not there any more."""
        params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        answer = await self._get("/view", params=params, timeout=_HEAVY)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise BadAnswer(_odd(answer.status))
        return answer.content

    async def upload(self, name: str, subfolder: str, data: bytes) -> str:
        """Put a picture into its input folder; the path that a graph names it by, which may be another."""
        request = self._http.build_request(
            "POST",
            "/upload/image",
            files={"image": (name, data, "application/octet-stream")},
            data={"subfolder": subfolder, "type": "input"},
            timeout=_HEAVY,
        )
        try:
            answer = await self._ask(request)
        except httpx.HTTPError as error:
            raise _nobody() from error
        if answer.status == 413:
            raise BadAnswer(refusal_of(413, b"").reason)
        told = _decoded(answer, _Upload)
        if told is None:
            raise BadAnswer(f"The ComfyUI server did not take a picture (HTTP {answer.status}).")
        return f"{told.subfolder}/{told.name}" if told.subfolder else told.name

    # ---- the way there -------------------------------------------------------------------------------------

    async def _want(self, method: str, path: str, timeout: httpx.Timeout = _QUICK) -> bytes:
        """The body of an answer that must be 200."""
        answer = await self._send(method, path, timeout=timeout)
        if answer.status == 404 and path == "/system_stats":
            raise Misconfigured("What answers at the setting 'Address' is no ComfyUI server; correct it.")
        if answer.status != 200:
            raise Unreachable(_odd(answer.status))
        return answer.content

    async def _get(
        self, path: str, params: Mapping[str, str] | None = None, timeout: httpx.Timeout = _QUICK
    ) -> Answer:
        return await self._send("GET", path, params=params, timeout=timeout)

    async def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        params: Mapping[str, str] | None = None,
        timeout: httpx.Timeout = _QUICK,
    ) -> Answer:
        """One request that may be repeated. Raises Unreachable, Misconfigured, BadAnswer."""
        content = None if body is None else msgspec.json.encode(body)
        headers = None if body is None else _JSON
        request = self._http.build_request(
            method, path, content=content, params=params, headers=headers, timeout=timeout
        )
        try:
            return await self._ask(request)
        except httpx.HTTPError as error:
            raise _nobody() from error

    async def _ask(self, request: httpx.Request) -> Answer:
        """Send it and read the answer, which may not be larger than any wanted one."""
        answer = await self._http.send(request, stream=True)
        try:
            if answer.status_code in (401, 403, 407):
                raise Misconfigured(
                    f"The ComfyUI server, or a proxy before it, refuses us (HTTP {answer.status_code}); put "
                    "what it asks for into the setting 'ExtraHeaders'."
                )
            size, parts = 0, []
            async for part in answer.aiter_bytes():
                size += len(part)
                if size > LARGEST:
                    raise BadAnswer("The ComfyUI server's answer is larger than is read here.")
                parts.append(part)
        finally:
            await answer.aclose()
        return Answer(answer.status_code, b"".join(parts))


def _nobody() -> Unreachable:
    return Unreachable("Nobody answers at the ComfyUI server's address; start it, or correct 'Address'.")


def _info(classes: bytes, embeddings: bytes) -> ServerInfo:
    try:
        return server_info.parse(msgspec.json.decode(classes), msgspec.json.decode(embeddings))
    except msgspec.MsgspecError:
        raise Unreachable("The ComfyUI server's list of nodes cannot be read.") from None


def _decoded(answer: Answer, kind: Any, status: int = 200) -> Any:
    """An answer as `kind`; None when it is another one."""
    if answer.status != status:
        return None
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError:
        return None


def _odd(status: int) -> str:
    return f"The ComfyUI server answered in an unexpected way (HTTP {status}); try again."
