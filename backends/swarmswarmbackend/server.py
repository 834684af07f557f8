"""Calls to the other hub: its routes over HTTP, its refusals as exceptions, its sessions."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from backends.contract import Misconfigured, Unreachable
from backends.swarmswarmbackend.engine import SwarmSettings
from backends.swarmswarmbackend.sentences import sentence

DEAD_SESSION = "invalid_session_id"
NO_PERMISSION = "bad_permissions"
NO_ROUTE = "bad_route"
GONE = "The other hub does not answer any more."
BIG = 1 << 18
"""An answer of more bytes is read in a thread."""

ANSWER_SECONDS = 60.0
"""How long a call may take that draws nothing."""


class Refused(Exception):
    """The other hub answered with an error: its sentence, the machine's word for it as `error_id`, and the
    field and limit it is `about`.
    """

    def __init__(
        self, text: str, error_id: str = "", permission: str = "", about: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(text)
        self.error_id = error_id
        self.permission = permission
        self.about = about or {}


class Hello(msgspec.Struct, frozen=True):
    """What GetNewSession tells: a session, who the server is, and which hubs are `servers` behind it."""

    session_id: str
    server_id: str = ""
    version: str = ""
    servers: tuple[str, ...] | None = None

    @property
    def kin(self) -> bool:
        """Whether it is a hub of our kind: those name the hubs behind them."""
        return self.servers is not None


class Health(msgspec.Struct, frozen=True):
    """What a hub of our kind tells anybody of itself."""

    server_id: str = ""
    servers: tuple[str, ...] = ()


class Server:
    """The other hub at one address. Raises Misconfigured for an address or headers that cannot be."""

    def __init__(self, settings: SwarmSettings) -> None:
        self.address = _address(settings.address)
        self.headers = _headers(settings)
        self.patience = float(settings.connection_attempt_timeout_seconds)
        self._free: list[str] = []
        self._known: Hello | None = None
        # No proxy of the environment: hubs are on the same network, or named by an address that leads there.
        self._http = httpx.AsyncClient(
            headers=self.headers,
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=self.patience, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            trust_env=False,
        )

    @property
    def socket_address(self) -> str:
        """Where its websockets are."""
        return "ws" + self.address.removeprefix("http") + "API/"

    async def close(self) -> None:
        """Let go of every connection."""
        self._free.clear()
        await self._http.aclose()

    async def hello(self, seconds: float | None = None) -> Hello:
        """A new session. Raises Unreachable, Misconfigured when it wants to know who is calling."""
        try:
            answer = await self._post("GetNewSession", {}, seconds)
        except Refused as refusal:
            raise Misconfigured(
                f"The other hub lets nobody in without a name: {refusal} Give a token of a user there "
                "in the setting AuthorizationHeader, as `Bearer <token>`."
            ) from None
        try:
            return msgspec.convert(answer, Hello, strict=False)
        except msgspec.ValidationError:
            raise Misconfigured(
                "What answers at its Address is neither a hub nor a SwarmUI server; correct that setting."
            ) from None

    async def greet(self) -> Hello:
        """The first session of a life; its server is the one that is known from now on. Raises as `hello`."""
        self._known = await self.hello(self.patience)
        return self._known

    async def check(self) -> None:
        """Raises Unreachable when nobody answers any more, or one who has forgotten everything."""
        now = await self.hello()
        self.give_back(now.session_id)
        if self._known is not None and now.server_id != self._known.server_id:
            raise Unreachable("The other hub was started anew.")

    async def health(self) -> Health:
        """How a hub of our kind is; of others nothing. Raises Unreachable."""
        if not self.kin:
            return Health()
        try:
            answer = await self._http.get(f"{self.address}hub/v1/health")
            return msgspec.json.decode(answer.content, type=Health)
        except msgspec.MsgspecError:
            return Health()
        except httpx.HTTPError:
            raise Unreachable(GONE) from None

    @property
    def kin(self) -> bool:
        """Whether a hub of our kind answers there."""
        return self._known is not None and self._known.kin

    async def take_session(self) -> str:
        """A session that no other work uses. Raises Unreachable, Misconfigured."""
        return self._free.pop() if self._free else (await self.hello()).session_id

    def forget_sessions(self) -> None:
        """One was not known there any more: take none of the others either."""
        self._free.clear()

    def give_back(self, session: str) -> None:
        """A session that a work needs no more; a dead one is not given back."""
        self._free.append(session)

    async def call(
        self, name: str, session: str, body: Mapping[str, Any] | None = None, *, seconds: float | None = None
    ) -> Any:
        """The answer of a route. `seconds` is how long it may take (None: as calls do, 0: for ever).

        Raises Unreachable, Refused.
        """
        return await self._post(name, {"session_id": session, **(body or {})}, seconds)

    async def fetch(self, path: str) -> bytes:
        """A file of the other hub's. Raises Unreachable, Refused."""
        url = urljoin(self.address, path)
        if urlsplit(url).netloc != urlsplit(self.address).netloc:
            raise Refused("its picture is at an address elsewhere, and such are not fetched.")
        try:
            answer = await self._http.get(url)
        except httpx.HTTPError:
            raise Unreachable(GONE) from None
        if answer.status_code != httpx.codes.OK:
            raise Refused("it did not hand over the picture it had drawn.")
        return answer.content

    async def _post(self, name: str, body: Mapping[str, Any], seconds: float | None = None) -> Any:
        usual: Any = httpx.USE_CLIENT_DEFAULT
        if seconds is not None:
            usual = httpx.Timeout(seconds or None, connect=self.patience, pool=None)
        data = msgspec.json.encode(body)
        try:
            answer = await self._http.post(
                f"{self.address}API/{name}",
                content=data,
                headers={"Content-Type": "application/json"},
                timeout=usual,
            )
        except httpx.TimeoutException:
            raise Unreachable("The other hub does not answer within the time allowed.") from None
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError):
            raise Misconfigured("The setting Address is no address; correct it.") from None
        except httpx.ConnectError:
            raise Unreachable("Nobody answers at the other hub's Address.") from None
        except httpx.HTTPError:
            raise Unreachable(GONE) from None
        return await self._read(answer)

    async def _read(self, answer: httpx.Response) -> Any:
        """The object an answer holds."""
        if answer.is_redirect:
            raise Misconfigured(
                "What answers at its Address sends its callers elsewhere; set Address to where that ends."
            )
        try:
            content = answer.content
            read = msgspec.json.decode
            body = read(content) if len(content) < BIG else await asyncio.to_thread(read, content)
        except msgspec.DecodeError:
            body = None
        if not isinstance(body, dict):
            raise _foreign(answer.status_code)
        if body.get("error") or body.get("error_id"):
            raise refusal_of(body)
        return body


def refusal_of(body: Mapping[str, Any]) -> Refused:
    """An error object of the other hub as an exception."""
    error_id, permission = str(body.get("error_id") or ""), str(body.get("permission") or "")
    about = {key: body[key] for key in ("field", "limit") if key in body}
    return Refused(sentence(str(body.get("error") or error_id)), error_id, permission, about)


def _foreign(status: int) -> Exception:
    """What an answer that is no hub's means."""
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return Misconfigured(
            "The other hub, or a proxy before it, asks who is calling; give what it wants in the setting "
            "AuthorizationHeader or in OtherHeaders."
        )
    if status in (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT):
        return Unreachable("A proxy answers, but no hub behind it.")
    return Misconfigured(
        "What answers at its Address is neither a hub nor a SwarmUI server; correct that setting."
    )


def _address(text: str) -> str:
    """The address with its scheme and a `/` behind it. Raises Misconfigured."""
    address = text.strip()
    if not address:
        raise Misconfigured("No Address is set; give the other hub's, like http://192.168.0.10:7801.")
    if "://" not in address:
        address = f"http://{address}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise Misconfigured("The setting Address is none; give one like http://192.168.0.10:7801.")
    path = parts.path.rstrip("/").removesuffix("/Text2Image").rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{path}/"


def _headers(settings: SwarmSettings) -> dict[str, str]:
    """The headers of every call. Raises Misconfigured naming the setting that holds what is none."""
    headers: dict[str, str] = {}
    for line in settings.other_headers.splitlines():
        if line.strip():
            name, colon, value = line.partition(":")
            if not colon or not name.strip():
                raise Misconfigured("OtherHeaders needs one header a line, each as `Name: value`.")
            headers[name.strip()] = value.strip()
    if settings.authorization_header.strip():
        headers["Authorization"] = settings.authorization_header.strip()
    for name, value in headers.items():
        if not name.isascii() or not value.isascii() or not value.isprintable():
            raise Misconfigured(
                "AuthorizationHeader and OtherHeaders may hold only plain letters, digits and signs."
            )
    return headers
