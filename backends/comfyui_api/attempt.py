"""One prompt on the server: posted or found there, followed to its end, stopped, fetched."""

import asyncio
import time
from contextlib import suppress
from functools import partial

from msgspec import Struct

from backends.comfyui_api.around import AGAIN, Around
from backends.comfyui_api.calls import BadAnswer, Unsure
from backends.comfyui_api.complaints import Refusal
from backends.comfyui_api.conversation import Conversation, Ending, Failure, Finished, Stopped
from backends.comfyui_api.frames import File, Frame
from backends.comfyui_api.graph import Graph
from backends.comfyui_api.states import JobState
from backends.contract import Alive, Pong, Started, Work

_POLL, _POLL_DEAF = 10.0, 1.0  # seconds between two looks at the state: while frames come, while none can
_LATE = 2.0  # seconds a frame may come later than the state that it tells
_SOON = 0.05  # seconds in which a stopped prompt mostly says so itself
_DEAF = 3600.0  # seconds that one may run unheard of before it counts as stuck
_POSTS = 3
SIGN = 2.0
"""Seconds between two signs of life made of frames that tell nothing else."""
_INTERRUPTED = "Somebody interrupted this at the ComfyUI server; try again."


class Gone(Struct, frozen=True):
    """Nothing is to be had of this prompt; another one may bring the picture. `reason` is what to say when
    that has happened before, "" where it is no sign of trouble. `silent` says that it was finished while the
    connection stood and brought nothing.
    """

    reason: str = ""
    silent: bool = False


class Attempt:
    """One prompt of a work. Its frames come to `hear`; it counts as deaf while they cannot, because it was
    posted under another connection than the one that stands: then its state is asked for.
    """

    def __init__(self, work: Work, prompt: str, graph: Graph, around: Around, watched: bool) -> None:
        self.prompt = prompt
        self.stopping = False
        self.talk = Conversation(work.id, work.model.name, graph, watched)
        self.graph = graph
        self._work = work
        self._around = around
        self._connection = -1  # the number of the connection it was posted under
        self._news = asyncio.Event()
        self._signed = 0.0
        self._since = 0.0  # since when its frames go elsewhere

    # ---- what is told to it, at any time -------------------------------------------------------------------

    def stop(self) -> None:
        """It is no longer wanted."""
        self.stopping = True
        self._news.set()

    def nudge(self) -> None:
        """The connection was made or lost."""
        self._news.set()

    def hear(self, frame: Frame) -> None:
        """A frame about it; returns at once."""
        now = time.monotonic()
        reports = self.talk.hear(frame, now)
        if reports:
            self._signed = now
        elif self.talk.running and now - self._signed > SIGN:
            self._signed = now
            self._around.emit(Alive(self._work.id))
        for report in reports:
            self._around.emit(report)
            if isinstance(report, Started):
                self._around.started(self._work.model.name)
        if self.talk.over:
            self._news.set()

    def use(self, graph: Graph) -> None:
        """Post this graph, in which pictures have the names that the server gave them."""
        self.graph = self.talk.graph = graph

    # ---- its course ----------------------------------------------------------------------------------------

    async def submit(self) -> Ending | Gone:
        """Post it and see it to its end."""
        for _ in range(_POSTS):
            await self._around.link.up()
            if self.stopping:
                return Stopped()
            try:
                refused = await self._around.reached(self._post)
            except Unsure:
                if not await self._arrived():
                    continue
                refused = None
            return await self._follow() if refused is None else self._refused(refused)
        return Failure("The ComfyUI server does not take the work; try again later.", retry=True)

    async def resume(self, state: JobState) -> Ending | Gone:
        """See a prompt to its end that is on the server already, from before a restart of the hub."""
        if state.stand in ("pending", "running"):
            return await self._follow()
        # One that failed or was stopped in another life says nothing of this one.
        return self._told(state, deaf=True) if state.stand == "completed" else Gone()

    async def state(self) -> JobState:
        """Where it stands. Raises BadAnswer."""
        return await self._around.reached(partial(self._around.server.state, self.prompt))

    async def picture(self, ending: Finished) -> bytes:
        """The picture it brought, as the server encoded it. Raises BadAnswer."""
        if ending.pictures:
            return ending.pictures[0]
        files = ending.files or (await self.state()).files(self.graph.output)
        if files:
            data = await self._around.reached(partial(self._around.server.view, files[0]))
            if data is not None:
                return data
        raise BadAnswer("The ComfyUI server finished, but its picture is not there; try again.")

    # ---- posting -------------------------------------------------------------------------------------------

    async def _post(self) -> Refusal | None:
        link = self._around.link
        self._connection = link.number
        method = self._around.previews if self._work.previews else "none"
        body = {
            "prompt": self.graph.nodes,
            "prompt_id": self.prompt,
            "client_id": link.id,
            "extra_data": {"preview_method": method},
        }
        return await self._around.server.post(body, self.graph.output)

    async def _arrived(self) -> bool:
        """Whether a prompt of which nothing was heard is on the server after all. Asked twice, with time for
        one still on its way.
        """
        for _ in range(2):
            await asyncio.sleep(AGAIN)
            if (await self.state()).stand != "absent":
                return True
        return False

    def _refused(self, refused: Refusal) -> Failure:
        if refused.stale:
            self._around.stale()
        if refused.runs:
            self._around.errand(self._around.server.cancel(self.prompt))
        return Failure(refused.reason, refused.retry)

    # ---- following -----------------------------------------------------------------------------------------

    async def _follow(self) -> Ending | Gone:
        """Wait for its end: by its frames while they come here, else by its state."""
        late = False
        while True:
            self._news.clear()
            if self.talk.ending is not None:
                return self._own(self.talk.ending)
            if self.stopping:
                await self._stop()
                return Stopped()
            deaf = self._around.link.standing != self._connection
            await self._wait(_LATE if late else _POLL_DEAF if deaf else _POLL)
            if self.talk.over or self.stopping:
                continue
            state = await self.state()
            self._around.emit(Pong(0))
            self._sign_of(state, deaf)
            if state.stand == "pending" and deaf and self.graph.by_socket:
                await self._stop()  # its picture would go to nobody; it has not begun, so nothing is lost
                return Gone()
            if state.stand in ("pending", "running"):
                late = False
            elif not self.talk.over and (deaf or late):
                return self._told(state, deaf)
            else:
                late = True  # its frames may be on their way

    def _sign_of(self, state: JobState, deaf: bool) -> None:
        """Tell that it runs, as its state says, where no frame has told so or can: of one whose frames go
        elsewhere nobody knows whether it goes on, and it has `_DEAF` seconds.
        """
        if state.stand != "running":
            return
        now = time.monotonic()
        self._since = (self._since or now) if deaf else 0.0
        if now - self._since < _DEAF if deaf else not self.talk.running:
            self.talk.running = True
            self._around.emit(Alive(self._work.id))

    def _own(self, ending: Ending) -> Ending | Gone:
        """What its frames said in the end."""
        if isinstance(ending, Stopped) and not self.stopping:
            return Failure(_INTERRUPTED, retry=True)
        if isinstance(ending, Finished) and self.graph.by_socket and not ending.pictures:
            return Gone("The ComfyUI server finished without sending a picture; try again.")
        return ending

    def _told(self, state: JobState, deaf: bool) -> Ending | Gone:
        """What its state says, when its frames do not come."""
        match state.stand:
            case "completed":
                files: tuple[File, ...] = state.files(self.graph.output)
                if files or not self.graph.by_socket:
                    return Finished(files=files)
                if not deaf:
                    self._around.link.drop()  # it brings nothing: somebody who does not read stalls it
                return Gone(silent=not deaf)
            case "failed":
                return Failure(state.reason, state.retry)
            case "cancelled":
                return Failure(_INTERRUPTED, retry=True)
        if deaf:
            return Gone("The ComfyUI server was restarted again while it drew this; try again later.")
        return Failure("Somebody took this out of the ComfyUI server's queue; try again.", retry=True)

    async def _stop(self) -> None:
        """Cancel it on the server, again and again until it has ended: a cancel that falls between two of the
        server's steps comes to nothing (comfyui-protocol §4).
        """
        pause = 2 * _SOON
        while not self.talk.over:
            self._news.clear()
            with suppress(BadAnswer):
                await self._around.reached(partial(self._around.server.cancel, self.prompt))
            await self._wait(_SOON)
            if await self._ended():
                return
            await self._wait(pause)
            pause = min(2 * pause, AGAIN)

    async def _ended(self) -> bool:
        """Whether it does not run or wait any more: one taken out of the queue gets no frame."""
        if self.talk.over:
            return True
        with suppress(BadAnswer):
            return (await self.state()).stand not in ("pending", "running")
        return False

    async def _wait(self, seconds: float) -> None:
        """Until there is news, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()
