"""An OpenID Connect issuer for tests: real HTTP on loopback, its own RSA key, codes that are good once, PKCE.

What it says can be bent by the test: `claims` are laid over those of the ID token (None takes one away),
`sign` makes the token instead of it, `document` is laid over the discovery document.
"""

import asyncio
import base64
import contextlib
import hashlib
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "the-hub"
SECRET = "a client secret"
Claims = dict[str, Any]


class Issuer:
    """`keys` are signed with by the last and shown all; `asked` are the paths of every request."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.keys = [new_key("first")]
        self.begin_anew()

    def begin_anew(self) -> None:
        """As it should be, and nobody has asked anything."""
        self.keys = self.keys[:1]
        self.claims: Claims = {}
        self.document: Claims = {}
        self.sign: Callable[[Claims], str] | None = None
        self.person: Claims = {"sub": "1001", "email": "Ann@Example.com", "email_verified": True}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        body = b""
        more = True
        while more:
            event = await receive()
            body += event.get("body", b"")
            more = event.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, answer = self._answer(scope["path"], headers, body)
        data = json.dumps(answer).encode()
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(data))],
            }
        )
        await send({"type": "http.response.body", "body": data})

    def authorize(self, address: str) -> str:
        """What a browser that is sent there comes back with, once its person has agreed: the query."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert asked["response_type"] == "code" and asked["client_id"] == CLIENT
        assert asked["code_challenge_method"] == "S256" and "openid" in asked["scope"].split()
        code = f"code{len(self.codes)}"
        self.codes[code] = asked
        return urlencode({"code": code, "state": asked["state"]})

    def _answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            } | self.document
        if path == "/keys":
            return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
        if path == "/token":
            return self._token(headers, {name: values[0] for name, values in parse_qs(body.decode()).items()})
        return 404, {}

    def _token(self, headers: dict[str, str], given: dict[str, str]) -> tuple[int, Any]:
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".replace(" ", "%20").encode()).decode()
        plain = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if headers.get("authorization") not in (f"Basic {basic}", f"Basic {plain}"):
            return 401, {"error": "invalid_client"}
        asked = self.codes.pop(given.get("code", ""), None)
        digest = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        if asked["redirect_uri"] != given.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims: Claims = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **self.person,
        }
        claims |= self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        token = self.sign(claims) if self.sign else signed(claims, self.keys[-1])
        return 200, {"access_token": "x", "token_type": "Bearer", "id_token": token}


def new_key(name: str) -> RSAKey:
    """An RSA key of that id."""
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


def signed(claims: Claims, key: RSAKey, **header: Any) -> str:
    """An ID token as it should be."""
    return jwt.encode({"alg": "RS256", "kid": key.kid, **header}, claims, key)


def segment(value: Any) -> str:
    """A part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@contextlib.asynccontextmanager
async def issuing() -> AsyncIterator[Issuer]:
    """An issuer that listens."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        issuer = Issuer(listening.getsockname()[1])
        server = uvicorn.Server(uvicorn.Config(issuer, log_level="warning", lifespan="off"))
        started = asyncio.Event()

        async def serve() -> None:
            server.config.load()
            server.lifespan = server.config.lifespan_class(server.config)
            await server.startup([listening])
            started.set()
            await server.main_loop()
            await server.shutdown([listening])

        serving = asyncio.create_task(serve())
        await started.wait()
        try:
            yield issuer
        finally:
            server.should_exit = True
            await serving
