"""uvicorn as we run it: bounded headers, the short way to a socket, a word to every socket before it stops.

Set as stack-notes measured: httptools, uvloop where there is one, the sans-IO websocket class, no deflate,
no access log.
"""

import asyncio
import errno
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import HANDLED_SIGNALS
from websockets.protocol import State

from hub.settings import Network
from hub.wire.outbox import Frame
from hub.wire.socket import LINK

TEXT_FRAME = 0x81
DROP_SECONDS = 2.0
"""How long a dropped socket's last bytes may take before the connection is cut."""
BACKLOG = 2048

LOG = logging.getLogger("hub.wire")


class _Wire:
    """The last frame as it goes over the wire: header and payload are joined once for all its sockets."""

    frame: Frame = b""
    wire = b""

    @classmethod
    def of(cls, frame: Frame) -> bytes:
        if frame is not cls.frame:
            payload = frame.encode() if isinstance(frame, str) else frame
            cls.frame, cls.wire = frame, frame_header(len(payload)) + payload
        return cls.wire


def frame_header(size: int) -> bytes:
    """The header of an unmasked, unfragmented text frame (RFC 6455 §5.2)."""
    if size < 126:
        return bytes((TEXT_FRAME, size))
    if size < 65536:
        return bytes((TEXT_FRAME, 126)) + size.to_bytes(2, "big")
    return bytes((TEXT_FRAME, 127)) + size.to_bytes(8, "big")


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
        """Write a text frame at once; False when it would have to wait or the socket is not open."""
        if self._must_wait():
            return False
        self.transport.write(_Wire.of(frame))
        return True

    def write_many(self, frames: Sequence[Frame]) -> bool:
        """Write several text frames at once, in one piece; False as for `write`."""
        if self._must_wait():
            return False
        self.transport.write(b"".join([_Wire.of(frame) for frame in frames]))
        return True

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


def bounded_http(network: Network) -> type[HttpToolsProtocol]:
    """uvicorn's HTTP protocol with what it lacks: limits on headers, and an end to waiting for half a
    request."""
    most, most_bytes = network.max_headers, network.max_header_kib * 1024
    patience = network.patience_seconds

    class BoundedHttp(HttpToolsProtocol):
        """Cuts off a request whose address and headers outgrow the settings, or that never gets finished."""

        seen = 0
        seen_bytes = 0
        unfinished = True
        """Whether the rest of a request is awaited."""
        in_body = False
        timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            """Wait for the first request."""
            super().connection_made(transport)
            self.timer = self.loop.call_later(patience, self._give_up)

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
                self.timer = self.loop.call_later(patience, self._give_up)

        def _is_over(self) -> bool:
            return self.seen > most or self.seen_bytes > most_bytes

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
                    f"The rest of the request did not come within {patience:g} s (network.patience_seconds)."
                )
                self._answer("408 Request Timeout", text)

        def send_400_response(self, msg: str) -> None:
            """The parser gave up: because of our counter, or because this is not HTTP."""
            if not self._is_over():
                super().send_400_response(msg)
                return
            text = (
                f"The request's headers are over the limit of {most} headers or {most_bytes} bytes "
                "(settings network.max_headers and network.max_header_kib)."
            )
            self._answer("431 Request Header Fields Too Large", text)

        def _answer(self, status: str, text: str) -> None:
            head = f"HTTP/1.1 {status}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            rest = f"content-length: {len(text)}\r\nconnection: close\r\n\r\n{text}"
            self.transport.write((head + rest).encode())
            self.transport.close()

    return BoundedHttp


class Server(uvicorn.Server):
    """uvicorn's server that says farewell to every socket before it closes them."""

    def __init__(
        self, config: uvicorn.Config, farewell: Callable[[], None], *, with_signals: bool = True
    ) -> None:
        super().__init__(config)
        self._farewell = farewell
        self._with_signals = with_signals

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn, without raising the signal again at the end: the rooms are closed after the server, and
        would be cut off by it."""
        if threading.current_thread() is not threading.main_thread() or not self._with_signals:
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the open sockets, give them a moment to take it in, then stop as uvicorn does."""
        self._farewell()
        await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def make_server(
    app: Any, network: Network, log_level: str, farewell: Callable[[], None], *, with_signals: bool = True
) -> Server:
    """The server for our application, ready to `serve(sockets=…)`; `with_signals` lets it take the
    process's."""
    config = uvicorn.Config(
        app,
        http=bounded_http(network),
        ws=SocketProtocol,
        ws_max_size=network.max_request_mib * 2**20,
        ws_ping_interval=network.ping_seconds,
        ws_ping_timeout=network.ping_seconds,
        ws_per_message_deflate=False,
        loop="auto",
        lifespan="off",  # hub/__main__ opens the rooms before the server and closes them after it
        access_log=False,
        log_config=None,
        log_level="warning" if log_level != "debug" else "info",
        proxy_headers=bool(network.proxies),
        forwarded_allow_ips=list(network.proxies),
        server_header=False,
        timeout_graceful_shutdown=network.stop_seconds,
        backlog=BACKLOG,
    )
    return Server(config, farewell, with_signals=with_signals)


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets bound to every address of `host`; raises OSError when the port is taken or no address is ours.

    An address this machine lacks is passed over while another one works: `localhost` names ::1 even where
    there is no IPv6.
    """
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    lacking: OSError | None = None
    for family, kind, proto, _, address in dict.fromkeys(found):
        place = (address[0], bound[0].getsockname()[1], *address[2:]) if bound and port == 0 else address
        try:
            bound.append(_bind(family, kind, proto, place))
        except OSError as trouble:
            if trouble.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                for other in bound:
                    other.close()
                raise
            lacking = trouble
    if not bound:
        raise lacking or OSError(errno.EADDRNOTAVAIL, f"{host} has no address")
    return bound


def _bind(family: int, kind: int, proto: int, place: Any) -> socket.socket:
    sock = socket.socket(family, kind, proto)
    try:
        # On Windows REUSEADDR would take a port somebody else listens on.
        windows = os.name == "nt"
        option = getattr(socket, "SO_EXCLUSIVEADDRUSE", 0) if windows else socket.SO_REUSEADDR
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(place)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
