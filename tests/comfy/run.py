"""One prompt from the queue to the history, with its frames in the recorded order."""

import asyncio
import random
import string
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tests.comfy.drawing import Thing, loaded, made, png, preview, steps_of
from tests.comfy.graphs import line, signature
from tests.comfy.server import Item, Server, new_id, now

THROTTLE_SECONDS = 0.1  # between two `progress` without previews
THROTTLE_SHARE = 0.005
TEMPORARY = "ComfyUI_temp_" + "".join(random.choices(string.ascii_lowercase, k=5))
TRACE = [
    '  File "/comfyui/execution.py", line 545, in execute\n',
    '  File "/comfyui/nodes.py", line 1765, in run\n',
]


class Interrupted(Exception):
    """Somebody asked for the end of the prompt."""


class NodeError(Exception):
    """A node raised: the type the server tells and the message."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


async def work(server: Server) -> None:
    """Run prompts one at a time, for ever."""
    while True:
        item = await server.take()
        server.started.append(item[1])
        await Run(server, item).go()


class Run:
    """One prompt that runs."""

    def __init__(self, server: Server, item: Item) -> None:
        self.server = server
        self.item = item
        _, self.id, self.graph, self.extra, self.outputs = item
        self.told = server.told()
        self.owner: str | None = self.extra.get("client_id")
        self.marks = {node: signature(self.graph, node, self._changing) for node in self.graph}
        self.results: dict[str, list[Thing]] = {}
        self.shown: dict[str, Any] = {}  # node -> its output for the page
        self.states: dict[str, dict[str, Any]] = {}
        self.messages: list[tuple[str, Any]] = []
        self.executed: list[str] = []

    async def go(self) -> None:
        """Start, run the nodes, end one of three ways; the history entry comes after the last word of it."""
        server = self.server
        server.owner, server.last_node = self.owner, None
        await asyncio.sleep(server.settings.start_gap)
        server.interrupt.clear()
        self._say("execution_start", {})
        cached = [node for node in self.graph if self.marks[node] in server.cache]
        for node in cached:
            self.results[node] = server.cache[self.marks[node]][0]
        self._say("execution_cached", {"nodes": cached})
        for node in cached:
            self._recall(node)
        good = await self._nodes(cached)
        marks = set(self.marks.values())
        server.cache = {mark: kept for mark, kept in server.cache.items() if mark in marks}
        await asyncio.sleep(server.settings.history_lag)
        server.done(self.item, self._entry(good))
        server.last_node = None
        if self.owner is not None:
            server.sockets.tell("executing", {"node": None, "prompt_id": self.id}, self.owner)

    async def _nodes(self, cached: list[str]) -> bool:
        node = ""
        try:
            for node in line(self.graph, self.outputs, cached, self._is_output):
                await self._node(node)
        except Interrupted:
            self.server.interrupt.clear()
            about = {"node_id": node, "node_type": self._class(node), "executed": self.executed}
            self._say("execution_interrupted", about, broadcast=True)
            return False
        except Exception as error:
            self._say("execution_error", self._failure(node, error))
            return False
        self._say("execution_success", {})
        return True

    async def _node(self, node: str) -> None:
        server, kind = self.server, self._class(node)
        if server.interrupt.is_set():
            server.last_node = node
            raise Interrupted
        self._state(node, 0.0, 1.0, "running")
        server.last_node = node
        if self.owner is not None:
            about = {"node": node, "display_node": node, "prompt_id": self.id}
            server.sockets.tell("executing", about, self.owner)
        if "Loader" in kind:
            await asyncio.sleep(server.settings.load_seconds)  # deaf, as reading files is
        elif await server.rest(server.settings.node_seconds):
            raise Interrupted
        if kind in server.settings.failing:
            raise NodeError(*server.settings.failing[kind])
        given = {
            name: self.results[value[0]][value[1]] if isinstance(value, list) and len(value) == 2 else value
            for name, value in self.graph[node]["inputs"].items()
        }
        await self._sample(node, given)
        self.results[node] = self._compute(node, kind, given)
        await self._output(node, kind, given)
        last = self.states[node]
        self._state(node, last["max"], last["max"], "finished")
        self.executed.append(node)
        server.cache[self.marks[node]] = (self.results[node], self.shown.get(node))

    def _compute(self, node: str, kind: str, given: Mapping[str, Any]) -> list[Thing]:
        if kind in ("LoadImage", "LoadImageMask"):
            data = self.server.files.named(str(given["image"])) or b""
            try:
                image, mask = loaded(data, str(given.get("channel", "alpha")))
            except OSError as error:
                raise NodeError("PIL.UnidentifiedImageError", _unreadable(str(given["image"]))) from error
            return [image, mask] if kind == "LoadImage" else [mask]
        kinds = self.told[kind]["output"]
        if not kinds:
            return []
        return made(kind, given, kinds, self.marks[node], grain=self.server.settings.grain)

    async def _sample(self, node: str, given: Mapping[str, Any]) -> None:
        """The steps of a sampler: a wait each, progress, and previews when somebody asked for them."""
        steps = steps_of(self._class(node), given)
        method = self._preview_method()
        sent_at, sent = -1.0, 0
        clock = asyncio.get_running_loop().time
        due = clock()
        for step in range(1, steps + 1):
            # By the clock, so that what the steps' frames take does not add up to longer steps.
            due += self.server.settings.step_seconds
            if await self.server.rest(due - clock()):
                raise Interrupted
            if step == 2 and self.server.settings.stuck > 0:
                self.server.settings.stuck -= 1
                await self._hang()
            at = clock()
            near = at - sent_at < THROTTLE_SECONDS or (step - sent) / steps < THROTTLE_SHARE
            if method == "none" and self.server.settings.since(0, 9) and near and step not in (1, steps):
                continue
            sent_at, sent = at, step
            image = None
            if method != "none":
                size = self.server.settings.preview_size
                image = preview(given["latent_image"], self.marks[node], step, steps, size)
            self._progress(node, step, steps, image, "image/jpeg")

    async def _hang(self) -> None:
        """Make no progress any more, as a wedged kernel."""
        settings = self.server.settings
        if settings.deaf:
            await asyncio.Event().wait()
        await self.server.interrupt.wait()
        raise Interrupted

    def _progress(self, node: str, value: int, most: int, image: bytes | None, kind: str) -> None:
        sockets = self.server.sockets
        self._state(node, value, most, "running")
        told = {"value": value, "max": most, "prompt_id": self.id, "node": node}
        about = {
            "node_id": node,
            "prompt_id": self.id,
            "display_node_id": node,
            "parent_node_id": None,
            "real_node_id": node,
        }
        if image is not None and sockets.wants_metadata(self.owner):
            sockets.show(image, kind, about, self.owner)
            sockets.tell("progress", told, self.owner)
            return
        sockets.tell("progress", told, self.owner)
        if image is not None:
            sockets.show(image, kind, about, self.owner)

    async def _output(self, node: str, kind: str, given: Mapping[str, Any]) -> None:
        """What an output node leaves behind: files and an `executed` frame, or pictures on the socket."""
        if kind not in ("SaveImage", "PreviewImage", "SaveImageWebsocket"):
            return
        files = []
        for at, picture in enumerate(given["images"].pictures):
            data = png(picture)
            if kind == "SaveImageWebsocket":
                self._progress(node, at, given["images"].batch, data, "image/png")
            elif kind == "SaveImage":
                files.append(self.server.files.save("output", str(given["filename_prefix"]), data))
            else:
                files.append(self.server.files.save("temp", TEMPORARY, data))
            await asyncio.sleep(0)
        if kind != "SaveImageWebsocket":
            self.shown[node] = {"images": files}
            self._executed(node)

    def _recall(self, node: str) -> None:
        """A cached output node tells its old files again, though they may be gone."""
        shown = self.server.cache[self.marks[node]][1]
        if shown is not None:
            self.shown[node] = shown
            self._executed(node)
            self._state(node, 1, 1, "finished")

    def _executed(self, node: str) -> None:
        if self.owner is not None:
            told = {"node": node, "display_node": node, "output": self.shown[node], "prompt_id": self.id}
            self.server.sockets.tell("executed", told, self.owner)

    def _state(self, node: str, value: float, most: float, state: str) -> None:
        self.states[node] = {
            "value": value,
            "max": most,
            "state": state,
            "node_id": node,
            "prompt_id": self.id,
            "display_node_id": node,
            "parent_node_id": None,
            "real_node_id": node,
        }
        told = {"prompt_id": self.id, "nodes": dict(self.states)}
        self.server.sockets.tell("progress_state", told, self.owner)

    def _say(self, kind: str, data: Mapping[str, Any], *, broadcast: bool = False) -> None:
        told = {"prompt_id": self.id, **data, "timestamp": now()}
        if kind == "execution_cached":
            told = {"nodes": data["nodes"], "prompt_id": self.id, "timestamp": told["timestamp"]}
        self.messages.append((kind, told))
        if self.owner is not None or broadcast:
            self.server.sockets.tell(kind, told, self.owner)

    def _failure(self, node: str, error: Exception) -> dict[str, Any]:
        kind = error.kind if isinstance(error, NodeError) else type(error).__name__
        given = self.graph[node]["inputs"]
        return {
            "node_id": node,
            "node_type": self._class(node),
            "executed": self.executed,
            "exception_message": str(error) + "\n",
            "exception_type": kind,
            "traceback": TRACE,
            "current_inputs": {n: [v] for n, v in given.items() if not isinstance(v, list)},
            "current_outputs": list(self.graph),
        }

    def _entry(self, good: bool) -> dict[str, Any]:
        about = {
            n: {"node_id": n, "display_node": n, "parent_node": None, "real_node_id": n} for n in self.shown
        }
        status = {
            "status_str": "success" if good else "error",
            "completed": good,
            "messages": [list(message) for message in self.messages],
        }
        return {"prompt": list(self.item), "outputs": dict(self.shown), "status": status, "meta": about}

    def _preview_method(self) -> str:
        asked = self.extra.get("preview_method") if self.server.settings.since(0, 4) else None
        own = self.server.settings.preview_method
        return own if asked in (None, "default") else str(asked)

    def _class(self, node: str) -> str:
        return str(self.graph[node]["class_type"])

    def _is_output(self, node: str) -> bool:
        return bool(self.told[self._class(node)].get("output_node"))

    def _changing(self, node: str, body: Mapping[str, Any]) -> str:
        """What the cache must know beyond the graph: an image's bytes; a socket's output is always new."""
        if body["class_type"] == "SaveImageWebsocket":
            return new_id()
        if body["class_type"] in ("LoadImage", "LoadImageMask"):
            return sha256(self.server.files.named(str(body["inputs"].get("image", ""))) or b"").hexdigest()
        return ""


def _unreadable(name: str) -> str:
    return f"cannot identify image file '/comfyui-data/input/{name}'"
