"""Is a port free, which one is next, and where does a browser find it."""

import errno
import ipaddress
import os
import socket

TRIED = 50


class CannotListen(Exception):
    """This address cannot be listened on at all, whatever the port; the text says why."""


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now. Raises CannotListen for an address that is not ours."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as trial:
            if os.name == "nt":  # there, REUSEADDR would take a port somebody else listens on
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)  # type: ignore[attr-defined,unused-ignore]
            else:  # a port whose last connections are still closing is free for a server
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
            trial.listen(1)
    except OSError as trouble:
        if trouble.errno in (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE)):
            return False
        if trouble.errno in (errno.EACCES, errno.EPERM):
            raise CannotListen(f"Port {port} is reserved for the system; choose one above 1023.") from trouble
        raise CannotListen(f"{host} is not an address of this computer ({trouble}).") from trouble
    return True


def next_free(host: str, port: int) -> int | None:
    """Return the first free port above `port`, or None when none of the next fifty is free."""
    return next((near for near in range(port + 1, min(port + TRIED, 65535) + 1) if is_free(host, near)), None)


def any_free(host: str) -> int:
    """Return a port the system says is free now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.bind((host, 0))
        return int(trial.getsockname()[1])


def page_address(host: str, port: int, scheme: str = "http", base: str = "") -> str:
    """Return the address at which a browser on this computer finds a server that listens on `host`, `base`
    being the path it is told to be below."""
    try:
        unspecified = ipaddress.ip_address(host).is_unspecified
    except ValueError:
        unspecified = not host
    if unspecified:
        host = "[::1]" if ":" in host else "127.0.0.1"
    elif ":" in host:
        host = f"[{host}]"
    below = base.strip("/")
    return f"{scheme}://{host}:{port}/{below}/" if below else f"{scheme}://{host}:{port}/"
