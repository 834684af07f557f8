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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.server import HANDLED_SIGNALS

from hub.settings import Network
from hub.wire.protocols import SocketProtocol, bounded_http
from hub.wire.tls import renewing_context

BACKLOG = 2048

LOG = logging.getLogger("hub.wire")


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

    def end(self) -> None:
        """Begin to stop, as on a signal."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell the open sockets, give them a moment to take it in, then stop as uvicorn does."""
        self._farewell()
        await asyncio.sleep(0.05)
        await super().shutdown(sockets)


def make_server(
    app: Any, network: Network, log_level: str, farewell: Callable[[], None], *, with_signals: bool = True
) -> Server:
    """The server for our application, ready to `serve(sockets=…)`; `with_signals` lets it take the
    process's. Raises BadSettings for a certificate that cannot be used."""
    tls = renewing_context(network)
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
        proxy_headers=False,  # hub/wire/arrival judges them, with more care for what they must not open
        ssl_context_factory=None if tls is None else lambda config, default: tls,
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
