"""One work at the other hub, from its request to its picture, in a session of its own."""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Any

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection

from backends.contract import (
    Cancelled,
    Done,
    Emit,
    Failed,
    Image,
    Loading,
    Misconfigured,
    Pong,
    Report,
    Started,
    Unreachable,
    Work,
)
from backends.swarmswarmbackend import frames, pictures
from backends.swarmswarmbackend.files import JPEG, kind_of
from backends.swarmswarmbackend.frames import Counters, Course, Frame
from backends.swarmswarmbackend.parameters import TooMuch, Way, parameters_of
from backends.swarmswarmbackend.sentences import failed, is_interrupt
from backends.swarmswarmbackend.server import BIG, DEAD_SESSION, Refused, Server

MOST_BYTES = 512 << 20
"""A frame of more bytes is no picture."""

LEAVE_SECONDS = 8.0
"""How long a cancelled work may go on there before we stop listening."""

AGAIN_SECONDS = 1.0
"""Between two interrupts of a work that goes on."""

WAITING_SECONDS = 600.0
"""How often a work that waits in the line there is told to be waiting still."""

LOOK_SECONDS = 1.0
"""How often a work without a websocket is looked at."""

NO_PICTURE = "The other hub finished without a picture."
STOPPED = "Somebody stopped this picture at the other hub."
LOST = "The connection to the other hub was lost while it drew."


class DeadSession(Exception):
    """The other hub knows the session no more."""


class Conversation:
    """Asks for the picture of one work and reports on it.

    Every conversation ends its work by Done, Failed or Cancelled, or raises Unreachable.
    """

    def __init__(self, server: Server, work: Work, way: Way, emit: Emit) -> None:
        self.work = work
        self._server = server
        self._way = way
        self._asked: dict[str, Any] = {}
        self._emit = emit
        self._course = Course(work)
        self._cancelled = asyncio.Event()
        self._interrupted = False
        self._watched = work.previews
        self._socket: ClientConnection | None = None
        self._session = ""
        self._begun = 0.0
        self._told = time.monotonic()
        self._error: Failed | None = None
        self._over = False

    async def hold(self, *, over_socket: bool) -> None:
        """Ask, listen and end the work. Raises Unreachable, Misconfigured."""
        try:  # pictures to send along may be large
            self._asked = await asyncio.to_thread(parameters_of, self.work, self._way)
        except TooMuch as much:
            self._end(Failed(self.work.id, str(much)))
            return
        for last in (False, True):
            self._session = await self._server.take_session()
            stopper = asyncio.create_task(self._stop_when_cancelled())
            try:
                await (self._over_socket() if over_socket else self._over_http())
            except DeadSession:
                self._server.forget_sessions()
                if last:
                    self._end(Failed(self.work.id, failed("It does not know its own sessions."), retry=True))
                continue
            finally:
                stopper.cancel()
            if not self._interrupted:  # a late interrupt must not meet the session's next work
                self._server.give_back(self._session)
            return

    def cancel(self) -> None:
        """Stop it there; the work ends with what comes first, its picture or the stop."""
        self._cancelled.set()

    async def watch(self, watched: bool) -> None:
        """Somebody looks at its previews now, or nobody does; only hubs of our kind can be told."""
        self._watched = watched
        if self._socket is not None and self._server.kin:
            with contextlib.suppress(websockets.ConnectionClosed):
                await self._socket.send(b'{"previews":%b}' % (b"true" if watched else b"false"), text=True)

    async def abandon(self) -> None:
        """Stop it there without listening any more: this life of the engine is over."""
        if self._session and not self._over:
            await self._interrupt()

    async def _interrupt(self) -> None:
        """Stop what the session has going there, which is this work and no other."""
        self._interrupted = True
        with contextlib.suppress(Unreachable, Misconfigured, Refused):
            await self._server.call("InterruptAll", self._session, {"other_sessions": False}, seconds=3)

    async def _stop_when_cancelled(self) -> None:
        """Once cancelled, interrupt, again while it goes on: the request may not have been read there yet."""
        await self._cancelled.wait()
        while not self._over:
            await self._interrupt()
            await asyncio.sleep(AGAIN_SECONDS)

    # ---- over a websocket ----------------------------------------------------------------------------------

    async def _over_socket(self) -> None:
        try:
            async with self._connect() as socket:
                body = {**self._asked, "session_id": self._session}
                await socket.send(msgspec.json.encode(body), text=True)
                self._socket = socket
                if self._watched != self.work.previews:
                    await self.watch(self._watched)
                await self._listen(socket)
        except websockets.InvalidHandshake:
            await self._server.check()
            raise Misconfigured(
                "The other hub lets no websocket through; switch the setting AllowWebsocket off, or let its "
                "proxy pass them."
            ) from None
        except (OSError, TimeoutError, websockets.WebSocketException):
            await self._lost()

    def _connect(self) -> websockets.connect:
        return websockets.connect(
            f"{self._server.socket_address}GenerateText2ImageWS",
            additional_headers=self._server.headers,
            compression=None,
            max_size=MOST_BYTES,
            open_timeout=self._server.patience,
            close_timeout=1,
            proxy=None,
        )

    async def _listen(self, socket: ClientConnection) -> None:
        """Take frames until the work is over."""
        leaving = asyncio.create_task(self._leave(socket))
        try:
            async for data in socket:
                read = frames.DECODE
                try:
                    frame = read(data) if len(data) < BIG else await asyncio.to_thread(read, data)
                except msgspec.MsgspecError:
                    continue  # of a kind that is not known here
                await self._take(frame)
                if self._over:
                    return
        finally:
            leaving.cancel()
        self._conclude()

    async def _leave(self, socket: ClientConnection) -> None:
        """A hub that does not stop when told so is not waited for for ever."""
        await self._cancelled.wait()
        await asyncio.sleep(LEAVE_SECONDS)
        self._end(Cancelled(self.work.id))
        await socket.close()

    async def _take(self, frame: Frame) -> None:
        if frame.error_id == DEAD_SESSION:
            raise DeadSession
        if frame.image is not None:
            if str(frame.batch_index) == frames.FIRST:
                await self._finish(frame.image, frame.metadata)
            elif frames.is_on_the_way(frame.batch_index):
                await self._pass_on(frame.image)
        elif frame.gen_progress is not None:
            await self._progress(frame.gen_progress)
        elif frame.status is not None:
            self._count(frame.status)
        elif frame.error is not None or frame.error_id is not None:
            about = {"field": frame.field, "limit": frame.limit}
            self._note_error(frame.error or frame.error_id or "", frame.permission or "", about)
            self._tell([])
        elif frame.discard_indices is not None or frame.socket_intention is not None:
            self._conclude()
        else:
            self._tell([])

    async def _progress(self, going: frames.Going) -> None:
        preview = None
        if going.preview is not None:
            with contextlib.suppress(pictures.NoPicture):
                preview = await _small(pictures.from_data_url(going.preview))
        self._tell(self._course.going(going, preview))

    def _count(self, counters: Counters) -> None:
        self._tell(self._course.counted(counters))

    # ---- over HTTP -----------------------------------------------------------------------------------------

    async def _over_http(self) -> None:
        looking = asyncio.create_task(self._look())
        asking = asyncio.create_task(
            self._server.call("GenerateText2Image", self._session, self._asked, seconds=0)
        )
        leaving = asyncio.create_task(self._cancelled.wait())
        try:
            await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                await asyncio.wait({asking}, timeout=LEAVE_SECONDS)
            if not asking.done():
                self._end(Cancelled(self.work.id))
                return
            await self._answered(asking.result())
        except Refused as refusal:
            if refusal.error_id == DEAD_SESSION:
                raise DeadSession from None
            self._note_error(str(refusal), refusal.permission, refusal.about)
            self._conclude()
        except Unreachable:
            await self._lost()
        finally:
            for task in (looking, asking, leaving):
                task.cancel()

    async def _answered(self, answer: Mapping[str, Any]) -> None:
        images = answer.get("images")
        if isinstance(images, list) and images and isinstance(images[0], str):
            await self._finish(images[0], None)
        else:
            self._conclude()

    async def _look(self) -> None:
        """Count what the session has going, while nothing else tells."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(Unreachable, Refused, msgspec.ValidationError):
                answer = await self._server.call("GetCurrentStatus", self._session)
                self._count(msgspec.convert(answer.get("status"), Counters, strict=False))

    # ---- ends ----------------------------------------------------------------------------------------------

    async def _finish(self, image: str, metadata: str | None) -> None:
        """The picture is there: hand it on."""
        self._tell(self._course.finished())
        try:
            data = await self._file(image)
            picture = await asyncio.to_thread(pictures.handed_on, data, self.work.format, self.work.quality)
            if metadata is None:
                metadata = await asyncio.to_thread(pictures.text_of, data)
        except pictures.NoPicture:
            self._end(Failed(self.work.id, "The other hub sent something that is no picture."))
            return
        except Refused as refusal:
            self._end(Failed(self.work.id, failed(str(refusal), refusal.permission)))
            return
        told = frames.told_of(metadata)
        seconds = time.monotonic() - self._begun if told.seconds is None else told.seconds
        self._emit(Image(self.work.id, picture, self.work.format, seconds=seconds, notes=told.notes))
        self._end(Done(self.work.id))

    async def _pass_on(self, image: str) -> None:
        """A picture came up on the way; without it the work goes on all the same."""
        with contextlib.suppress(pictures.NoPicture, Refused):
            data = await self._file(image)
            picture = await asyncio.to_thread(pictures.handed_on, data, self.work.format, self.work.quality)
            self._tell([Image(self.work.id, picture, self.work.format, on_the_way=True)])

    async def _file(self, image: str) -> bytes:
        """The picture's file. Raises NoPicture, Refused, Unreachable."""
        if not image.startswith("data:"):
            return await self._server.fetch(image)
        if len(image) < BIG:
            return pictures.from_data_url(image)
        return await asyncio.to_thread(pictures.from_data_url, image)

    def _note_error(self, text: str, permission: str, about: Mapping[str, Any]) -> None:
        """The first error is the reason; it counts when the request ends without a picture."""
        if self._error is None:
            reason = STOPPED if is_interrupt(text) else failed(text, permission)
            known = {key: value for key, value in about.items() if value is not None}
            self._error = Failed(self.work.id, reason, extra=known)

    def _conclude(self) -> None:
        """The request is over there, and no picture came."""
        if self._cancelled.is_set():
            self._end(Cancelled(self.work.id))
        else:
            self._end(self._error or Failed(self.work.id, NO_PICTURE))

    async def _lost(self) -> None:
        """The connection broke. Raises Unreachable when nobody answers there any more."""
        if self._over:
            return
        if self._cancelled.is_set():
            self._end(Cancelled(self.work.id))
            await self._interrupt()
            return
        await self._server.check()
        await self.abandon()
        self._end(Failed(self.work.id, LOST, retry=True))

    def _tell(self, reports: list[Report]) -> None:
        """Hand reports on; where there is none, that the other hub lives."""
        if self._over:
            return
        now = time.monotonic()
        if not reports and not self._begun and now > self._told + WAITING_SECONDS:
            reports = [Loading(self.work.id, self.work.model.name)]
        for report in reports:
            if isinstance(report, Started):
                self._begun = now
            self._told = now
            self._emit(report)
        if not reports:
            self._emit(Pong(0))

    def _end(self, report: Done | Failed | Cancelled) -> None:
        if not self._over:
            self._over = True
            self._emit(report)


async def _small(preview: bytes) -> bytes | None:
    if kind_of(preview) == JPEG:
        return preview
    return await asyncio.to_thread(pictures.preview, preview)
