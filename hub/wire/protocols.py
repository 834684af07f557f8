"""uvicorn's two protocols with what they lack: bounds on requests, and the short way to a socket."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State

from hub.settings import Network
from hub.wire.answers import Framing, encode
from hub.wire.outbox import Binary, Frame
from hub.wire.socket import LINK

TEXT_FRAME = 0x81
BINARY_FRAME = 0x82
DROP_SECONDS = 2.0
"""How long a dropped socket's last bytes may take before the connection is cut."""


class _Wire:
    """The last frame as it goes over the wire: header and payload are joined once for all its sockets."""

    frame: Frame = b""
    wire = b""

    @classmethod
    def of(cls, frame: Frame) -> bytes:
        if frame is not cls.frame:
            payload = frame.encode() if isinstance(frame, str) else frame
            kind = BINARY_FRAME if isinstance(frame, Binary) else TEXT_FRAME
            cls.frame, cls.wire = frame, frame_header(len(payload), kind) + payload
        return cls.wire


def frame_header(size: int, kind: int = TEXT_FRAME) -> bytes:
    """The header of an unmasked, unfragmented frame (RFC 6455 §5.2), a text frame by default."""
    if size < 126:
        return bytes((kind, size))
    if size < 65536:
        return bytes((kind, 126)) + size.to_bytes(2, "big")
    return bytes((kind, 127)) + size.to_bytes(8, "big")


def is_news(record: logging.LogRecord) -> bool:
    """Whether a line of the server's belongs into the log: that a client sent nonsense is told to the client,
    and would let anybody fill the log."""
    return not str(record.msg).startswith("Invalid UTF-8 sequence")


logging.getLogger("uvicorn.error").addFilter(is_news)


def unreadable(code: int, reason: str, most: int) -> bytes:
    """The error frame before a close with 1007, 1009 or 1002 (RFC 6455 §7.4.1): what came could not be read.
    `most` is how many bytes a frame may have."""
    text, limit = f"The frame breaks the websocket protocol ({reason}).", "RFC 6455"
    if code == 1007:
        text, limit = "The frame is marked as text and is not valid UTF-8.", "UTF-8"
    elif code == 1009:
        text = f"The frame is too large: at most {most} bytes (setting network.max_request_mib)."
        return encode(Framing("null input", text, field="frame", limit=most).body())
    return encode(Framing("null input", text, field="frame", limit=limit).body())


class SocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's websocket protocol, offering itself to the stream as its Link.

    Server frames carry no mask and no compression here, so one prepared frame serves every socket it goes to.
    """

    async def run_asgi(self) -> None:
        """Run the application with the short way in its scope."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions[LINK] = self
        await super().run_asgi()

    def write(self, frame: Frame) -> bool:
        """Write a frame at once; False when it would have to wait or the socket is not open."""
        if self._must_wait():
            return False
        self.transport.write(_Wire.of(frame))
        return True

    def write_many(self, frames: Sequence[Frame]) -> bool:
        """Write several frames at once, in one piece; False as for `write`."""
        if self._must_wait():
            return False
        self.transport.write(b"".join([_Wire.of(frame) for frame in frames]))
        return True

    def data_received(self, data: bytes) -> None:
        """Parse; what comes after the close is let go of."""
        if self.conn.parser_exc is None:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """What cannot be read ends the socket, as the protocol wants it; a word about it goes out before.

        The connection is not cut at once: with bytes still on their way in, the other side would be told of
        a reset line and never see why.
        """
        close = self.conn.close_sent
        if close is None or not self.handshake_complete or self.close_sent:
            super().handle_parser_exception()
            return
        word = _Wire.of(unreadable(close.code, close.reason, self.config.ws_max_size))
        self.transport.write(b"".join([word, *self.conn.data_to_send()]))
        self.queue.put_nowait({"type": "websocket.disconnect", "code": close.code, "reason": close.reason})
        self._leave()

    def _leave(self) -> None:
        """Nothing more is sent, and what still comes is let go of until the line is cut, soon."""
        self.close_sent = True
        self.stop_keepalive()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(DROP_SECONDS, self.transport.abort)

    def _must_wait(self) -> bool:
        return (
            not self.writable.is_set()
            or self.disconnected
            or self.close_sent
            or not self.handshake_complete
            or self.conn.state is not State.OPEN
        )

    def drop(self, code: int) -> None:
        """Send a close frame behind whatever is buffered and cut the connection soon, read or not."""
        if self.disconnected or self.close_sent:
            return
        self.conn.send_close(code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self.close_timer = self.loop.call_later(DROP_SECONDS, self.transport.abort)


class BoundedHttp(HttpToolsProtocol):
    """Cuts off a request whose address and headers outgrow the settings, or that never gets finished."""

    most = 200
    most_bytes = 2**20
    patience = 30.0
    """Seconds for a request's headers, or the next part of its body."""
    seen = 0
    seen_bytes = 0
    unfinished = True
    """Whether the rest of a request is awaited."""
    in_body = False
    timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Wait for the first request."""
        super().connection_made(transport)
        self.timer = self.loop.call_later(self.patience, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Count anew for each request of a kept-alive connection."""
        self.seen = self.seen_bytes = 0
        self.unfinished, self.in_body = True, False
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Count the address."""
        self._count(len(url), 0)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._count(len(name) + len(value), 1)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """From now on each part of the body gives new patience."""
        self.in_body = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is whole."""
        self.unfinished = False
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Parse; a request that came in one piece, as most do, costs no timer."""
        super().data_received(data)
        if self._is_over() and not self.transport.is_closing():
            self.transport.close()
        if not self.unfinished:
            self._stop_waiting()
        elif self.in_body or self.timer is None:
            self._stop_waiting()
            self.timer = self.loop.call_later(self.patience, self._give_up)

    def _is_over(self) -> bool:
        return self.seen > self.most or self.seen_bytes > self.most_bytes

    def _count(self, size: int, headers: int) -> None:
        self.seen += headers
        self.seen_bytes += size
        if self._is_over():
            raise ValueError("headers over the limit")

    def _stop_waiting(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _give_up(self) -> None:
        self.timer = None
        if not self.transport.is_closing():
            text = (
                f"The rest of the request did not come within {self.patience:g} s (network.patience_seconds)."
            )
            self._answer("408 Request Timeout", text)

    def send_400_response(self, msg: str) -> None:
        """The parser gave up: because of our counter, or because this is not HTTP."""
        if not self._is_over():
            self._answer("400 Bad Request", msg)
            return
        text = (
            f"The request's headers are over the limit of {self.most} headers or {self.most_bytes} bytes "
            "(settings network.max_headers and network.max_header_kib)."
        )
        self._answer("431 Request Header Fields Too Large", text)

    def _answer(self, status: str, text: str) -> None:
        head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
        rest = f"content-length: {len(text)}\r\nconnection: close\r\n"
        self.transport.write(f"{head}{rest}x-content-type-options: nosniff\r\n\r\n{text}".encode())
        self.transport.close()


def bounded_http(network: Network) -> type[BoundedHttp]:
    """The protocol with the limits of these settings; uvicorn takes a class."""

    class Bounded(BoundedHttp):
        most = network.max_headers
        most_bytes = network.max_header_kib * 1024
        patience = network.patience_seconds

    return Bounded
