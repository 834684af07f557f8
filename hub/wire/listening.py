"""Whether anybody beyond this machine can knock, and who must be there before they may."""

import asyncio
import socket

from hub.accounts import Accounts
from hub.wire.door import is_loopback


class NotYet(Exception):
    """The hub cannot start like this; the text tells what to do first."""


async def reaches_out(host: str) -> bool:
    """Whether a server that listens on `host` can be reached from another machine: what the name stands for
    counts, not the name."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError:
        return True  # the server will say what is wrong with the name
    return not all(is_loopback(str(address[0]).partition("%")[0]) for *_, address in found)


async def demand_owner(host: str, accounts: Accounts) -> None:
    """Before anyone beyond this machine can knock, somebody must be able to sign in as the owner. Raises
    NotYet."""
    if await reaches_out(host) and not await accounts.users.has_password_owner():
        raise NotYet(
            f"The hub would listen on {host or 'every address'}, where other machines reach it, and nobody "
            "owns it yet. Start it on this machine first (--host 127.0.0.1) and register the first account, "
            "which becomes the owner: the page offers it, or POST /API/RegisterBasic with username and "
            "password. Or make it in a shell: python launch.py user add NAME --role owner"
        )
