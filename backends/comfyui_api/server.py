"""The requests a ComfyUI server answers over HTTP, each as one call (comfyui-protocol §1, §7).

Every one of them may raise Unreachable, Misconfigured and BadAnswer (see `calls`).
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from backends.comfyui_api import server_info, states
from backends.comfyui_api.calls import HEAVY, SLOW, BadAnswer, Calls, decoded, odd
from backends.comfyui_api.complaints import Refusal, dropped_outputs, refusal_of
from backends.comfyui_api.frames import File
from backends.comfyui_api.server_info import ServerInfo
from backends.comfyui_api.states import JobState
from backends.contract import Unreachable

_GLOBAL_INTERRUPT_BEFORE = (0, 3, 56)


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
        self._calls = Calls(address, headers)

    async def close(self) -> None:
        """Let go of its connections."""
        await self._calls.close()

    # ---- what it is and has --------------------------------------------------------------------------------

    async def system(self) -> System:
        """What it says of itself; also whether it is a ComfyUI server at all."""
        answer = await self._calls.send("GET", "/system_stats")
        stats = decoded(answer, _Stats)
        if stats is None:
            # Not for good: while a machine starts, something else may answer at its address.
            raise Unreachable("What answers at the setting 'Address' is no ComfyUI server; correct it.")
        parts = (stats.system.comfyui_version or "").split(".")
        version = tuple(int(part) for part in parts) if all(part.isdigit() for part in parts) else ()
        self.jobs, self.cancels, self.version = True, True, version
        return System(version, stats.devices[0].name if stats.devices else "")

    async def info(self) -> ServerInfo:
        """Its node classes and embeddings; large, so not to be asked often."""
        classes = await self._calls.want("GET", "/object_info", timeout=SLOW)
        names = await self._calls.send("GET", "/embeddings")
        return await asyncio.to_thread(_info, classes, names.content if names.status == 200 else b"[]")

    async def files(self, folder: str) -> tuple[str, ...]:
        """Names of the model files in a folder, with extension; none when it has no such folder."""
        answer = await self._calls.send("GET", f"/models/{folder}")
        return tuple(decoded(answer, list[str]) or ())

    async def metadata(self, folder: str, name: str) -> Mapping[str, str]:
        """What a safetensors file says of itself; nothing when it says nothing or is none."""
        answer = await self._calls.send("GET", f"/view_metadata/{folder}", params={"filename": name})
        told = decoded(answer, dict[str, Any]) or {}
        return {key: value for key, value in told.items() if isinstance(value, str)}

    # ---- prompts -------------------------------------------------------------------------------------------

    async def post(self, body: Mapping[str, Any], output: str) -> Refusal | None:
        """Submit a prompt; None once it was taken. `output` is the node whose picture is wanted.

        Raises Unsure when it may have been taken without our hearing of it: ask `state` before trying again.
        """
        answer = await self._calls.send("POST", "/prompt", body, timeout=SLOW, once=True)
        if answer.status != 200:
            return refusal_of(answer.status, answer.content)
        if output in dropped_outputs(answer.content):
            return msgspec.structs.replace(refusal_of(200, answer.content), retry=False, runs=True)
        return None

    async def state(self, prompt: str) -> JobState:
        """Where a prompt stands. Raises BadAnswer."""
        try:
            if self.jobs:
                answer = await self._calls.send("GET", f"/api/jobs/{prompt}")
                if answer.status == 200:
                    return states.read_job(answer.content)
                if answer.status == 404 and decoded(answer, _Missing, status=404) is not None:
                    return states.ABSENT
                if answer.status not in (404, 405, 501):
                    raise BadAnswer(odd(answer.status))
                self.jobs = False
            return await self._looked_up(prompt)
        except msgspec.MsgspecError:
            raise BadAnswer("The ComfyUI server's answers cannot be read.") from None

    async def _looked_up(self, prompt: str) -> JobState:
        """History, queue, and the history again: it may have ended between the first two."""
        for _ in range(2):
            found = states.read_history(await self._calls.want("GET", f"/history/{prompt}"), prompt)
            if found.stand != "absent":
                return found
            found = states.read_queue(await self._calls.want("GET", "/queue"), prompt)
            if found.stand != "absent":
                return found
        return found

    async def cancel(self, prompt: str) -> None:
        """Take a prompt out of the queue or interrupt it, never anybody else's (comfyui-protocol §4).

        May come to nothing when it falls between two of the server's steps: repeat until it has ended.
        """
        if self.cancels:
            answer = await self._calls.send("POST", f"/api/jobs/{prompt}/cancel")
            if decoded(answer, _Cancelled) is not None:
                return
            if answer.status not in (404, 405, 501):
                raise BadAnswer(odd(answer.status))
            self.cancels = False
        # In this order: a waiting one may be started in between, and is then interrupted.
        await self._calls.send("POST", "/queue", {"delete": [prompt]})
        if self.version < _GLOBAL_INTERRUPT_BEFORE:
            # Such a server, or one that does not tell its version, may interrupt whatever runs.
            running = states.read_queue(await self._calls.want("GET", "/queue"), prompt)
            if running.stand != "running":
                return
        await self._calls.send("POST", "/interrupt", {"prompt_id": prompt})

    async def forget(self, prompt: str) -> None:
        """Drop a prompt's entry from the history."""
        await self._calls.send("POST", "/history", {"delete": [prompt]})

    async def free(self) -> None:
        """Let it unload its models before the next prompt."""
        await self._calls.send("POST", "/free", {"unload_models": True, "free_memory": True})

    # ---- files ---------------------------------------------------------------------------------------------

    async def view(self, file: File) -> bytes | None:
        """A file's bytes; None when it is not there any more."""
        params = {"filename": file.filename, "subfolder": file.subfolder, "type": file.type}
        answer = await self._calls.send("GET", "/view", params=params, timeout=HEAVY)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise BadAnswer(odd(answer.status))
        return answer.content

    async def upload(self, name: str, subfolder: str, data: bytes) -> str:
        """Put a picture into its input folder; the path that a graph names it by, which may be another."""
        answer = await self._calls.give(
            "/upload/image",
            {"image": (name, data, "application/octet-stream")},
            {"subfolder": subfolder, "type": "input"},
        )
        if answer.status == 413:
            raise BadAnswer(refusal_of(413, b"").reason)
        told = decoded(answer, _Upload)
        if told is None:
            raise BadAnswer(f"The ComfyUI server did not take a picture (HTTP {answer.status}).")
        return f"{told.subfolder}/{told.name}" if told.subfolder else told.name


def _info(classes: bytes, embeddings: bytes) -> ServerInfo:
    try:
        return server_info.parse(msgspec.json.decode(classes), msgspec.json.decode(embeddings))
    except msgspec.MsgspecError:
        raise Unreachable("The ComfyUI server's list of nodes cannot be read.") from None
