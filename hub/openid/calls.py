"""The calls to an issuer: its discovery document, its keys, and the exchange of a code for a token. All of
them go through the guard of hosts and addresses."""

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2
import msgspec
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from hub.errors import HubError
from hub.openid.proof import ALGORITHMS
from hub.openid.ways import NotSignedIn
from hub.outside import Outside, read_place

SECONDS = 15.0
MOST_BYTES = 1 << 20
FRESH_MS = 3_600_000
AGAIN_MS = 60_000
"""How soon the keys are asked for again when a token names another one."""
SCOPES = "openid email profile"
_PATH = "/.well-known/openid-configuration"


class Issuer:
    """One issuer's documents, asked for when they are needed and kept for an hour. `address` is what the
    settings call it."""

    def __init__(self, address: str, outside: Outside) -> None:
        self._address = address.rstrip("/")
        self._outside = outside
        self._document: dict[str, Any] = {}
        self._keys: dict[str, Any] = {}
        self._asked = self._keys_asked = -FRESH_MS
        self._lock = asyncio.Lock()

    async def document(self, now: int) -> dict[str, Any]:
        """The discovery document (OpenID Connect Discovery 1.0 §4). Raises NotSignedIn."""
        async with self._lock:
            if not 0 <= now - self._asked < FRESH_MS:
                found = await self._get(self._address + _PATH)
                if str(found.get("issuer", "")).rstrip("/") != self._address:
                    raise NotSignedIn(
                        "The issuer's own document names another issuer. Tell the owner of this hub."
                    )
                for needed in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    read_place(str(found.get(needed, "")), field=needed)
                self._document, self._asked = found, now
        return self._document

    async def keys(self, now: int, *, again: bool = False) -> dict[str, Any]:
        """The issuer's public keys; `again` when those known do not fit. Raises NotSignedIn."""
        document = await self.document(now)
        async with self._lock:
            if not 0 <= now - self._keys_asked < (AGAIN_MS if again else FRESH_MS):
                self._keys, self._keys_asked = await self._get(document["jwks_uri"]), now
        return self._keys

    def algorithms(self) -> list[str]:
        """The signatures that the document announces."""
        said = self._document.get("id_token_signing_alg_values_supported")
        return [str(each) for each in said] if isinstance(said, list) else sorted(ALGORITHMS)

    def client(self, client_id: str, secret: str, redirect: str) -> AsyncOAuth2Client:
        """A client of this issuer, for one way."""
        methods = self._document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        method = next(
            (each for each in ("client_secret_basic", "client_secret_post") if secret and each in methods),
            "client_secret_basic" if secret else "none",
        )
        return AsyncOAuth2Client(
            client_id=client_id,
            client_secret=secret,
            token_endpoint_auth_method=method,
            scope=SCOPES,
            redirect_uri=redirect,
            code_challenge_method="S256",
            transport=Guarded(self._outside),
            trust_env=False,
        )

    async def exchange(self, client: AsyncOAuth2Client, code: str, verifier: str) -> str:
        """The ID token for a code. Raises NotSignedIn."""
        try:
            async with client:
                answer = await client.fetch_token(
                    self._document["token_endpoint"], code=code, code_verifier=verifier
                )
        except (AuthlibBaseError, httpx2.HTTPError, HubError, ValueError) as trouble:
            raise NotSignedIn(f"The issuer does not stand by this sign-in: {_words(trouble)}.") from trouble
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise NotSignedIn("The issuer gave no ID token. Tell the owner of this hub.")
        return token

    async def _get(self, url: str) -> dict[str, Any]:
        try:
            async with asyncio.timeout(SECONDS), self._outside.get(read_place(url)) as answer:
                data = await answer.read(MOST_BYTES)
                if answer.status != 200:
                    raise HubError(f"it answered with the status {answer.status}")
            found = msgspec.json.decode(data)
        except (HubError, TimeoutError, msgspec.DecodeError) as trouble:
            raise NotSignedIn(f"The issuer cannot be asked now: {_words(trouble)}.", status=502) from trouble
        if not isinstance(found, dict):
            raise NotSignedIn("The issuer answers with something else than a document.", status=502)
        return found


class Guarded(httpx2.AsyncBaseTransport):
    """httpx2 over the guarded calls: what may not be called is not, whoever asks."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send it; only POST is needed."""
        body = await request.aread()
        status, answer = await self._outside.hand_in(
            read_place(str(request.url)), body, _sent(request.headers), seconds=SECONDS, most=MOST_BYTES
        )
        return httpx2.Response(
            status, content=answer, headers={"Content-Type": "application/json"}, request=request
        )


def _sent(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that say something of the request; those of the connection are the guard's."""
    return {name: headers[name] for name in ("Authorization", "Content-Type", "Accept") if name in headers}


def _words(trouble: BaseException) -> str:
    return (str(trouble) or type(trouble).__name__)[:200].rstrip(".")
