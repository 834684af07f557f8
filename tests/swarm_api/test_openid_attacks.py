"""Every way of getting in by an OpenID Connect issuer that must not work."""

import base64
import hashlib
import hmac
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from hub.accounts import Accounts
from hub.openid import OpenID
from tests.hub.openid.issuing import CLIENT, Claims, Issuer, new_key, segment, signed
from tests.hub.running import RunningHub
from tests.swarm_api import signing
from tests.swarm_api.signing import ROLE, Browser, hub_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
both, issuer, hub, browser = signing.both, signing.issuer, signing.hub, signing.browser


class TestWhatMustNotWork:
    @pytest.mark.parametrize("state", ["", "0" * 64, "x", "ä", "0" * 5000])
    async def test_a_state_that_nobody_gave(self, issuer: Issuer, browser: Browser, state: str) -> None:
        issuer.authorize(await browser.set_out())
        answer = await browser.come_back(f"code=code0&state={state}")
        assert answer.status_code == 400 and "Begin again" in answer.text and not browser.token
        assert "/token" not in issuer.asked

    async def test_the_same_answer_twice(self, issuer: Issuer, browser: Browser) -> None:
        query = issuer.authorize(await browser.set_out())
        assert (await browser.come_back(query)).status_code == 302
        browser.http.cookies.delete("swarm_token")
        assert (await browser.come_back(query)).status_code == 400 and not browser.token

    async def test_a_used_code_under_a_new_state(self, issuer: Issuer, browser: Browser) -> None:
        query = issuer.authorize(await browser.set_out())
        await browser.come_back(query)
        browser.http.cookies.delete("swarm_token")
        code = parse_qs(query)["code"][0]
        state = parse_qs(urlsplit(await browser.set_out()).query)["state"][0]
        answer = await browser.come_back(f"code={code}&state={state}")
        assert answer.status_code == 400 and "does not stand by" in answer.text and not browser.token

    async def test_a_link_in_somebody_elses_browser(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        """Whoever lures somebody onto the end of a way of his own would have them sign in as himself."""
        query = issuer.authorize(await browser.set_out())
        victim = Browser(hub)
        assert (await victim.come_back(query)).status_code == 400 and not victim.token
        await victim.http.aclose()

    async def test_a_code_of_another_way(self, issuer: Issuer, browser: Browser) -> None:
        """Its verifier is another one (PKCE), and its nonce."""
        stolen = parse_qs(issuer.authorize(await browser.set_out()))["code"][0]
        mine = parse_qs(issuer.authorize(await browser.set_out()))["state"][0]
        answer = await browser.come_back(f"code={stolen}&state={mine}")
        assert answer.status_code == 400 and not browser.token

    async def test_twice_in_a_query_is_not_there(self, issuer: Issuer, browser: Browser) -> None:
        query = issuer.authorize(await browser.set_out())
        assert (await browser.come_back(f"{query}&state=x")).status_code == 400 and not browser.token

    async def test_after_ten_minutes(
        self, issuer: Issuer, browser: Browser, monkeypatch: pytest.MonkeyPatch, hub: RunningHub
    ) -> None:
        query = issuer.authorize(await browser.set_out())
        monkeypatch.setattr(hub.room(OpenID), "_clock", lambda: int(time.time() * 1000) + 600_001)
        assert (await browser.come_back(query)).status_code == 400 and not browser.token

    @pytest.mark.parametrize(
        "claims",
        [
            {"nonce": "0" * 64},
            {"nonce": None},
            {"aud": "another-program"},
            {"aud": ["another-program"]},
            {"aud": None},
            {"aud": [CLIENT, "another-program"]},
            {"azp": "another-program"},
            {"iss": "https://accounts.google.com"},
            {"iss": None},
            {"exp": 1},
            {"exp": None},
            {"exp": "never"},
            {"iat": 4_000_000_000},
            {"nbf": 4_000_000_000},
            {"sub": None},
            {"sub": ""},
            {"sub": 1001},
            {"sub": "x" * 256},
        ],
        ids=str,
    )
    async def test_a_token_that_says_something_else(
        self, issuer: Issuer, browser: Browser, claims: Claims
    ) -> None:
        issuer.claims = claims
        answer = await browser.sign_in(issuer)
        assert answer.status_code == 400 and "cannot be believed" in answer.text and not browser.token

    @pytest.mark.parametrize(
        "how", ["none", "HS256", "strange key", "own key", "altered", "no token", "long"]
    )
    async def test_a_token_that_is_not_signed_by_the_issuer(
        self, issuer: Issuer, browser: Browser, how: str
    ) -> None:
        key = issuer.keys[0]

        def forged(claims: Claims) -> str:
            match how:
                case "none":
                    return f"{segment({'alg': 'none'})}.{segment(claims)}."
                case "HS256":
                    text = f"{segment({'alg': 'HS256', 'kid': key.kid})}.{segment(claims)}"
                    made = hmac.digest(key.as_pem(private=False), text.encode(), hashlib.sha256)
                    return f"{text}.{base64.urlsafe_b64encode(made).rstrip(b'=').decode()}"
                case "strange_key":
                    return signed(claims, new_key("strange"))
                case "own_key":
                    stranger = new_key(str(key.kid))
                    return signed(claims, stranger, jwk=stranger.as_dict(private=False))
                case "altered":
                    head, _, mac = signed(claims, key).split(".")
                    return f"{head}.{segment(claims | {'sub': '1'})}.{mac}"
                case "no_token":
                    return "nothing at all"
            return signed(claims | {"x": "x" * 70_000}, key)

        issuer.sign = forged
        answer = await browser.sign_in(issuer)
        assert answer.status_code == 400 and not browser.token

    @pytest.mark.parametrize("verified", [False, None, "true", 1])
    async def test_an_address_that_was_not_verified(
        self, issuer: Issuer, browser: Browser, verified: Any
    ) -> None:
        issuer.claims = {"email_verified": verified}
        answer = await browser.sign_in(issuer)
        assert answer.status_code == 403 and "Nobody here" in answer.text and not browser.token

    async def test_somebody_unknown(self, hub: RunningHub, issuer: Issuer, browser: Browser) -> None:
        issuer.person = {"sub": "7", "email": "eve@example.com", "email_verified": True}
        answer = await browser.sign_in(issuer)
        assert answer.status_code == 403 and not browser.token
        made = await browser.http.post(
            "/API/RegisterOAuth",
            json={"username": "eve", "oauth_tracker_key": "0" * 64, "oauth_type": "openid"},
        )
        assert made.json()["error_id"] == "registration_failed"
        assert "eve" not in (await hub.call("AdminListUsers"))["users"]

    async def test_an_issuer_that_is_not_set_up(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        for name in ("google", "nothing", "%2e%2e%2f"):
            assert (await browser.http.get(f"/OpenID/{name}")).status_code == 404
        query = issuer.authorize(await browser.set_out())
        assert (await browser.come_back(query, "google")).status_code == 404 and not browser.token

    async def test_whom_another_issuer_knows_by_the_same_word(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        await hub.room(Accounts).users.add("olga", roles=(ROLE,))
        await hub.room(Accounts).users.link("olga", "https://accounts.google.com", "1001")
        issuer.person = {"sub": "1001"}
        assert (await browser.sign_in(issuer)).status_code == 403 and not browser.token

    async def test_an_issuer_that_refuses(self, browser: Browser) -> None:
        state = parse_qs(urlsplit(await browser.set_out()).query)["state"][0]
        answer = await browser.come_back(f"error=access_denied&error_description=<script>x&state={state}")
        assert answer.status_code == 403 and "&lt;script&gt;" in answer.text and "<script>" not in answer.text

    async def test_the_wrong_issuer_in_the_answer(self, issuer: Issuer, browser: Browser) -> None:
        query = issuer.authorize(await browser.set_out())
        answer = await browser.come_back(f"{query}&iss=https://evil.example")
        assert answer.status_code == 400 and "/token" not in issuer.asked

    async def test_too_many_ways_from_one_address(self, browser: Browser) -> None:
        for _ in range(30):
            await browser.set_out()
        assert (await browser.http.get("/OpenID/openid")).status_code == 429


class TestTheIssuerItself:
    @pytest.mark.parametrize(
        "document",
        [
            {"issuer": "https://evil.example"},
            {"token_endpoint": "http://169.254.169.254/latest"},
            {"jwks_uri": "http://internal.example/keys"},
            {"authorization_endpoint": None},
            {"token_endpoint": "file:///etc/passwd"},
        ],
        ids=str,
    )
    async def test_a_document_that_leads_elsewhere(
        self, issuer: Issuer, browser: Browser, document: Claims
    ) -> None:
        issuer.document = document
        answer = await browser.http.get("/OpenID/openid")
        if answer.status_code == 302:
            answer = await browser.come_back(issuer.authorize(answer.headers["location"]))
        assert answer.status_code != 302 and not browser.token

    async def test_an_address_inside_is_called_only_where_that_is_allowed(
        self, tmp_path: Path, issuer: Issuer
    ) -> None:
        async with hub_of(tmp_path, issuer, private_addresses="false") as hub:
            answer = await hub.http.get("/OpenID/openid")
            assert answer.status_code == 502 and issuer.asked == []

    async def test_one_that_is_gone(self, tmp_path: Path, free_port: int) -> None:
        async with hub_of(tmp_path, Issuer(free_port)) as hub:
            answer = await hub.http.get("/OpenID/openid")
            assert answer.status_code == 502 and "cannot be asked now" in answer.text
