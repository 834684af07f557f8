"""Whether anybody listens at an address: the cheapest question there is."""

import asyncio
import contextlib
from urllib.parse import urlsplit

SECONDS = 3.0
"""How long an answer may take."""

_PORTS = {"http": 80, "https": 443}


async def knock(address: str, seconds: float = SECONDS) -> bool:
    """Whether a connection to the host of an `http://…` or `https://…` address can be opened."""
    try:
        parts = urlsplit(address if "//" in address else f"http://{address}")
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, 80)
    except ValueError:
        return False
    if not host:
        return False
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError, UnicodeError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
