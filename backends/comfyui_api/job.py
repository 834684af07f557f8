"""One work's way through a server: its graph, its pictures sent ahead, its attempts, its picture."""

import asyncio
import logging
from functools import partial

from backends.comfyui_api.around import Around
from backends.comfyui_api.attempt import Attempt, Gone
from backends.comfyui_api.calls import BadAnswer
from backends.comfyui_api.conversation import Ending, Failure, Finished, Stopped
from backends.comfyui_api.graph import Graph, Unbuildable, build
from backends.comfyui_api.pictures import Damaged, finished
from backends.comfyui_api.prompts import prompt_id
from backends.contract import Cancelled, Done, Failed, Image, Misconfigured, Work

_ATTEMPTS = 12  # each under an id of its own; most of them are found used up, in lives long ago

_log = logging.getLogger(__name__)


class Job:
    """One work, from its submission to the one report that ends it."""

    def __init__(self, work: Work, around: Around) -> None:
        self.work = work
        self._around = around
        self._watched = work.previews
        self._stopping = False
        self._attempt: Attempt | None = None
        self._names: dict[str, str] = {}  # what the server calls the pictures that were sent

    @property
    def prompt(self) -> str:
        """The id it has on the server now, "" before it has one."""
        return self._attempt.prompt if self._attempt is not None else ""

    # ---- what is told to it, at any time -------------------------------------------------------------------

    def cancel(self) -> None:
        """The work is no longer wanted."""
        self._stopping = True
        if self._attempt is not None:
            self._attempt.stop()

    def watch(self, watched: bool) -> None:
        """Whether somebody looks at its previews."""
        self._watched = watched
        if self._attempt is not None:
            self._attempt.talk.watched = watched

    def nudge(self) -> None:
        """The connection was made or lost."""
        if self._attempt is not None:
            self._attempt.nudge()

    # ---- its course ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """See it to its end, and tell that. Raises Misconfigured."""
        emit, work = self._around.emit, self.work.id
        try:
            ending = await self._drawn()
            if isinstance(ending, Finished):
                emit(await self._image(ending))
                emit(Done(work))
            elif isinstance(ending, Failure):
                emit(Failed(work, ending.reason, ending.retry))
            else:
                emit(Cancelled(work))
        except Unbuildable as trouble:
            self._around.stale()  # it may have been added since its lists were read
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
        if self._attempt is not None:
            self._leave(self._attempt)

    async def _drawn(self) -> Ending:
        """Draw it, under one id after another until one of them comes to an end that counts."""
        graph = await self._graph()
        sent, trouble = False, ""
        for number in range(_ATTEMPTS):
            if self._stopping:
                break
            attempt = self._begin(number, graph)
            state = await attempt.state()
            if state.stand == "absent":
                if not sent:
                    graph = await self._sent(graph)
                    attempt.use(graph)
                    sent = True
                ending = await attempt.submit()
            else:
                ending = await attempt.resume(state)
            if not isinstance(ending, Gone):
                return Stopped() if self._stopping else ending
            if ending.reason and trouble:
                return Failure(ending.reason, retry=True)
            trouble = trouble or ending.reason
            if ending.silent:
                graph = (await self._graph(by_socket=False)).named(self._names)
        if self._stopping:
            return Stopped()
        return Failure("The ComfyUI server lost this picture again and again; try again later.", retry=True)

    async def _graph(self, *, by_socket: bool = True) -> Graph:
        """Its graph; one whose picture is left as a file where the socket brings nothing."""
        info = self._around.info()
        if not by_socket:
            info = info.without("SaveImageWebsocket")
        work = self.work
        if not (work.init_image or work.mask or work.controls or work.workflow):
            return build(work, info)
        return await asyncio.to_thread(build, work, info)  # pictures and foreign graphs are read

    async def _sent(self, graph: Graph) -> Graph:
        """The graph with its pictures on the server."""
        for upload in graph.uploads:
            if self._stopping:
                break
            send = partial(self._around.server.upload, upload.name, upload.subfolder, upload.data)
            self._names[upload.path] = await self._around.reached(send)
        return graph.named(self._names)

    def _begin(self, number: int, graph: Graph) -> Attempt:
        """The attempt of this number: its frames come to it from now on."""
        if self._attempt is not None:
            self._leave(self._attempt)
        prompt = prompt_id(self._around.hub, self.work.id, number)
        self._attempt = Attempt(self.work, prompt, graph, self._around, self._watched)
        self._around.prompts[prompt] = self._attempt
        return self._attempt

    def _leave(self, attempt: Attempt) -> None:
        """It is over: the server need not remember it."""
        self._around.prompts.pop(attempt.prompt, None)
        self._around.errand(self._around.server.forget(attempt.prompt))

    async def _image(self, ending: Finished) -> Image:
        """The finished picture, clean and encoded as the work wants it. Raises BadAnswer, Damaged."""
        work, attempt = self.work, self._attempt
        if attempt is None:
            raise BadAnswer("The ComfyUI server finished, but its picture is not there; try again.")
        data = await attempt.picture(ending)
        return Image(
            id=work.id,
            data=await asyncio.to_thread(finished, data, work.format, work.quality),
            format=work.format,
            load_seconds=attempt.talk.load_seconds,
            seconds=attempt.talk.draw_seconds,
        )
