"""One work's way through a server: found again or submitted, followed, stopped, fetched."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from backends.comfyui_api.complaints import Refusal
from backends.comfyui_api.conversation import Conversation, Ending, Failure, Finished, Stopped
from backends.comfyui_api.frames import File, Frame
from backends.comfyui_api.graph import Graph, Unbuildable, build
from backends.comfyui_api.link import Link
from backends.comfyui_api.pictures import Damaged, finished
from backends.comfyui_api.prompts import prompt_id
from backends.comfyui_api.server import BadAnswer, Server, Unsure
from backends.comfyui_api.server_info import ServerInfo
from backends.comfyui_api.states import JobState
from backends.contract import (
    Cancelled,
    Done,
    Emit,
    Failed,
    Image,
    Misconfigured,
    Pong,
    Started,
    Unreachable,
    Work,
)

_POLL, _POLL_DEAF = 10.0, 1.0  # seconds between two looks at the state: while frames come, while none can
_LATE = 2.0  # seconds a frame may come later than the state that it tells
_AGAIN = 1.0  # seconds between two tries to cancel, or to reach the server
_SOON = 0.05  # seconds in which a stopped prompt mostly says so itself
_NONE = -1  # a connection that never stands
_ATTEMPTS = 12
_POSTS = 3

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class Around:
    """What every job of one life shares. `info` gives what the server has now, `stale` asks to read that
    again, `started` is told the model of a work that begins; `errand` runs a thing nobody waits for.
    """

    server: Server
    link: Link
    emit: Emit
    hub: str
    previews: str
    info: Callable[[], ServerInfo]
    stale: Callable[[], None]
    started: Callable[[str], None]
    errand: Callable[[Coroutine[Any, Any, None]], None]
    prompts: dict[str, "Job"] = field(default_factory=dict)


class Job:
    """One work. `prompt` is the id it has on the server now, "" before it has one."""

    def __init__(self, work: Work, around: Around) -> None:
        self.work = work
        self.prompt = ""
        self._around = around
        self._watched = work.previews
        self._stopping = False
        self._lost = 0
        self._talk: Conversation | None = None
        self._news = asyncio.Event()

    # ---- what is told to it, at any time -------------------------------------------------------------------

    def cancel(self) -> None:
        """The work is no longer wanted."""
        self._stopping = True
        self._news.set()

    def watch(self, watched: bool) -> None:
        """Whether somebody looks at its previews."""
        self._watched = watched
        if self._talk is not None:
            self._talk.watched = watched

    def nudge(self) -> None:
        """The connection was made or lost."""
        self._news.set()

    def hear(self, frame: Frame) -> None:
        """A frame about its prompt; returns at once."""
        if self._talk is None:
            return
        for report in self._talk.hear(frame, time.monotonic()):
            self._around.emit(report)
            if isinstance(report, Started):
                self._around.started(self.work.model.name)
        if self._talk.ending is not None:
            self._news.set()

    # ---- its course ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """See it to its end, and tell that. Raises Misconfigured."""
        emit, work = self._around.emit, self.work.id
        try:
            ending = await self._drawn()
            if isinstance(ending, Finished):
                data = await self._picture(ending)
                emit(self._image(data))
                emit(Done(work))
            elif isinstance(ending, Failure):
                emit(Failed(work, ending.reason, ending.retry))
            else:
                emit(Cancelled(work))
        except Unbuildable as trouble:
            emit(Failed(work, str(trouble)))
        except BadAnswer as trouble:
            emit(Failed(work, str(trouble), retry=True))
        except Damaged:
            emit(Failed(work, "The picture that the ComfyUI server sent is damaged; try again.", retry=True))
        except Misconfigured:
            raise
        except Exception:
            _log.exception("work %s failed in an unexpected way", work)
            emit(Failed(work, "The ComfyUI engine failed in an unexpected way; the hub's log tells more."))
        finally:
            self._around.prompts.pop(self.prompt, None)
        if self.prompt:
            self._around.errand(self._around.server.forget(self.prompt))

    async def _drawn(self) -> Ending:
        """Draw it, under one id after another until one of them comes to an end that counts."""
        graph = await self._graph()
        posted = False
        for attempt in range(_ATTEMPTS):
            if self._stopping:
                return Stopped()
            self._take(prompt_id(self._around.hub, self.work.id, attempt), graph)
            state = await self._state()
            if state.stand == "absent":
                if not posted:
                    graph, posted = await self._uploaded(graph), True
                ending = await self._submitted(graph)
            else:
                ending = await self._found(state, graph)
            if ending is not None:
                return Stopped() if self._stopping else ending
        return Failure("The ComfyUI server lost this picture again and again; try again later.", retry=True)

    async def _graph(self) -> Graph:
        info = self._around.info()
        work = self.work
        if work.init_image is None and work.mask is None and not work.controls:
            return build(work, info)
        return await asyncio.to_thread(build, work, info)  # pictures are read there

    def _take(self, prompt: str, graph: Graph) -> None:
        """Go on under this id: its frames come here."""
        prompts = self._around.prompts
        if self.prompt and self.prompt != prompt:
            prompts.pop(self.prompt, None)
            self._around.errand(self._around.server.forget(self.prompt))
        self.prompt = prompt
        self._talk = Conversation(self.work.id, self.work.model.name, graph, self._watched)
        prompts[prompt] = self

    async def _uploaded(self, graph: Graph) -> Graph:
        """The graph with its pictures on the server."""
        given = {}
        for upload in graph.uploads:
            if self._stopping:
                break
            send = partial(self._around.server.upload, upload.name, upload.subfolder, upload.data)
            given[upload.path] = await self._reached(send)
        return graph.named(given)

    # ---- submitting ----------------------------------------------------------------------------------------

    async def _submitted(self, graph: Graph) -> Ending | None:
        """Post it and follow it; None when that came to nothing and another id is to be taken."""
        for _ in range(_POSTS):
            await self._around.link.up()
            if self._stopping:
                return Stopped()
            connection = self._around.link.number
            try:
                refused = await self._reached(partial(self._post, graph))
            except Unsure:
                if not await self._arrived():
                    continue
                refused = None
            if refused is not None:
                if refused.stale:
                    self._around.stale()
                return Failure(refused.reason, refused.retry)
            return await self._followed(graph, connection)
        return Failure("The ComfyUI server does not take the work; try again later.", retry=True)

    async def _post(self, graph: Graph) -> Refusal | None:
        method = self._around.previews if self.work.previews else "none"
        body = {
            "prompt": graph.nodes,
            "prompt_id": self.prompt,
            "client_id": self._around.link.id,
            "extra_data": {"preview_method": method},
        }
        return await self._around.server.post(body, graph.output)

    async def _arrived(self) -> bool:
        """Whether a prompt of which nothing was heard is on the server after all. Asked twice, with time for
        one still on its way.
        """
        for _ in range(2):
            await asyncio.sleep(_AGAIN)
            if (await self._state()).stand != "absent":
                return True
        return False

    # ---- following -----------------------------------------------------------------------------------------

    async def _found(self, state: JobState, graph: Graph) -> Ending | None:
        """A prompt that is on the server already, from before a restart of the hub. Its frames go nowhere."""
        if state.stand in ("pending", "running"):
            return await self._followed(graph, _NONE)
        return self._told(state, graph, deaf=True) if state.stand == "completed" else None

    async def _followed(self, graph: Graph, connection: int) -> Ending | None:
        """Wait for its end: by its frames while they come over this connection, else by its state. None when
        it must be asked for again.
        """
        late = False
        while True:
            self._news.clear()
            ending = self._ended()
            if ending is not None:
                return self._own(ending, graph)
            if self._stopping:
                await self._stop()
                return Stopped()
            deaf = self._around.link.standing != connection
            await self._wait(_LATE if late else _POLL_DEAF if deaf else _POLL)
            if self._ended() is not None or self._stopping:
                continue
            state = await self._state()
            self._around.emit(Pong(0))
            if state.stand == "pending" and deaf and graph.by_socket:
                await self._stop()  # its picture would go to nobody; it has not begun, so nothing is lost
                return None
            if state.stand in ("pending", "running"):
                late = False
            elif self._ended() is None and (deaf or late):
                return self._told(state, graph, deaf)
            else:
                late = True  # its frames may be on their way

    def _own(self, ending: Ending, graph: Graph) -> Ending | None:
        """What its frames said in the end."""
        if isinstance(ending, Stopped) and not self._stopping:
            return Failure("Somebody interrupted this at the ComfyUI server; try again.", retry=True)
        if isinstance(ending, Finished) and graph.by_socket and not ending.pictures:
            return self._lose("The ComfyUI server finished without sending a picture; try again.")
        return ending

    def _told(self, state: JobState, graph: Graph, deaf: bool) -> Ending | None:
        """What its state says, when its frames do not come."""
        if state.stand == "completed":
            files = state.files(graph.output)
            if files or not graph.by_socket:
                return Finished(files=files)
            if not deaf:
                self._around.link.drop()  # it stands, and brings nothing: somebody's reading has stalled it
            return None
        if state.stand == "failed":
            return Failure(state.reason, state.retry)
        if state.stand == "cancelled":
            return Failure("Somebody interrupted this at the ComfyUI server; try again.", retry=True)
        if not deaf:
            return Failure("Somebody took this out of the ComfyUI server's queue; try again.", retry=True)
        return self._lose("The ComfyUI server was restarted again while it drew this; try again later.")

    def _lose(self, reason: str) -> Failure | None:
        """It is gone: once it is asked for again, the second time that is told."""
        self._lost += 1
        return None if self._lost == 1 else Failure(reason, retry=True)

    async def _stop(self) -> None:
        """Cancel it on the server, again and again until it has ended: a cancel that falls between two of the
        server's steps comes to nothing (comfyui-protocol §4).
        """
        server = self._around.server
        while self._ended() is None:
            self._news.clear()
            with suppress(BadAnswer):
                await self._reached(partial(server.cancel, self.prompt))
            await self._wait(_SOON)
            if self._ended() is not None:
                return
            with suppress(BadAnswer):
                # One taken out of the queue gets no frame.
                if (await self._state()).stand in ("absent", "cancelled", "failed", "completed"):
                    return
            await self._wait(_AGAIN)

    # ---- fetching ------------------------------------------------------------------------------------------

    async def _picture(self, ending: Finished) -> bytes:
        """The finished picture, clean and encoded as the work wants it. Raises BadAnswer, Damaged."""
        data = ending.pictures[0] if ending.pictures else await self._fetched(ending.files)
        return await asyncio.to_thread(finished, data, self.work.format, self.work.quality)

    async def _fetched(self, files: tuple[File, ...]) -> bytes:
        talk, server = self._talk, self._around.server
        if not files and talk is not None:
            files = (await self._state()).files(talk.graph.output)
        for file in files[:1]:
            data = await self._reached(partial(server.view, file))
            if data is not None:
                return data
        raise BadAnswer("The ComfyUI server finished, but its picture is not there; try again.")

    def _image(self, data: bytes) -> Image:
        talk = self._talk
        return Image(
            id=self.work.id,
            data=data,
            format=self.work.format,
            load_seconds=talk.load_seconds if talk is not None else 0.0,
            seconds=talk.draw_seconds if talk is not None else 0.0,
        )

    # ---- the server ----------------------------------------------------------------------------------------

    def _ended(self) -> Ending | None:
        return self._talk.ending if self._talk is not None else None

    async def _state(self) -> JobState:
        return await self._reached(partial(self._around.server.state, self.prompt))

    async def _reached(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """An answer, however long the server is away; when that is too long, the link ends all of this."""
        while True:
            try:
                return await ask()
            except Unreachable:
                await asyncio.sleep(_AGAIN)
                await self._around.link.up()

    async def _wait(self, seconds: float) -> None:
        """Until there is news, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
