"""LogSubmitToPastebin (swarm-api §11). The log stays on this machine, behind the flag for logs, unless an
administrator has named an address that it may be sent to.
"""

import asyncio
import logging
from typing import Annotated
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from hub import __version__
from hub.accounts import Caller
from hub.errors import BadInput, HubError
from hub.logs import KINDS, Pastes, Recent, clock_text
from hub.outside import ANY, Outside, Rule, read_place
from hub.settings import Settings
from hub.wire import Answer, Door, api, own

FLAG = "view_logs"
PATH = "/logs/submitted"
SECONDS = 60.0
LONGEST_LINK = 2000
_log = logging.getLogger("hub")


class SubmitIn(Struct, frozen=True):
    """From which level on."""

    type: Annotated[
        str,
        Meta(description="Least level: verbose, debug, info, init, warning or error, in any letter case."),
    ]


class SubmittedOut(Struct, frozen=True):
    """Where the log can be read: an address of this hub, for those who may view logs, or the one that the
    service of the setting `log.paste_address` answered with."""

    url: str


class PasteIn(Struct, frozen=True):
    """Which submitted log."""

    name: Annotated[str, Meta(description="Name of a submitted log, as its address has it.")]


@api("LogSubmitToPastebin", permission=FLAG, active=True)
async def submit_log(
    caller: Caller, given: SubmitIn, recent: Recent, pastes: Pastes, settings: Settings, door: Door
) -> SubmittedOut:
    """Put the log of late, without its secrets, where it can be shown to others; the answer is the link.

    It stays on this machine and its link needs the flag `view_logs`, unless the setting `log.paste_address`
    names a service.
    """
    level = _level(given.type)
    lines = recent.from_level(level)
    if not lines:
        raise HubError(f"Nothing was logged at level {level} or above, so there is nothing to submit.")
    head = f"Generation Hub {__version__}, lines of level {level} and above\n"
    text = head + "".join(f"{clock_text(line.seconds)} [{kind}] {line.text}\n" for kind, line in lines)
    if settings.log.paste_address:
        url = await _send(settings.log.paste_address, text)
        _log.warning("user %s sent the log to %s", caller.user, urlsplit(url).hostname or "elsewhere")
        return SubmittedOut(url)
    name = await asyncio.to_thread(pastes.keep, text)
    _log.info("user %s submitted the log as %s", caller.user, name)
    return SubmittedOut(door.external(f"/hub/v1{PATH}?name={name}"))


@own(PATH, permission=FLAG, method="GET")
async def show_submitted_log(caller: Caller, given: PasteIn, pastes: Pastes) -> Answer:
    """Show a submitted log (text, not JSON)."""
    text = await asyncio.to_thread(pastes.read, given.name)
    if text is None:
        raise HubError("There is no submitted log of that name; only the newest are kept.", status=404)
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", b"%d" % len(text)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"content-security-policy", b"default-src 'none'; sandbox"),
    ]
    return Answer(200, text, headers)


def _level(word: str) -> str:
    known = {kind.identifier.lower(): kind.identifier for kind in KINDS}
    level = known.get(word.strip().lower())
    if level is None:
        raise BadInput("Invalid log level type specified.", field="type", limit=list(known))
    return level


async def _send(address: str, text: str) -> str:
    """The link that a service answers with."""
    outside = Outside(Rule((ANY,), private=True, section="log"), f"GenerationHub/{__version__}")
    headers = {"Content-Type": "text/plain; charset=utf-8"}
    try:
        place = read_place(address, field="log.paste_address")
        status, said = await outside.hand_in(
            place, text.encode("utf-8", "replace"), headers, seconds=SECONDS, most=LONGEST_LINK + 1
        )
    finally:
        await outside.close()
    link = said.decode("utf-8", "replace").strip()
    if not 200 <= status < 300 or len(link) > LONGEST_LINK or urlsplit(link).scheme not in ("http", "https"):
        raise HubError(
            f"The service at {place.host} did not take the log (status {status}) or answered with no link. "
            "An administrator can change or empty the setting log.paste_address.",
            field="log.paste_address",
        )
    return link
