"""Signing in with an OpenID Connect issuer, and every way of getting in that must not work."""

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import pytest_asyncio

from hub.accounts import Accounts, Attempts
from hub.departures import Departures
from hub.openid import OpenID
from hub.openid.calls import Issuer as Calls
from hub.openid.front import SETTING_OUT
from hub.store import Store
from tests.hub.openid.issuing import CLIENT, SECRET, Claims, Issuer, issuing, new_key, segment, signed
from tests.hub.running import RunningHub, running

pytestmark = pytest.mark.asyncio(loop_scope="module")
ROLE = "user"


def settings_of(issuer: Issuer, **more: str) -> dict[str, str]:
    chosen = {
        "issuer": issuer.url,
        "client_id": CLIENT,
        "client_secret": SECRET,
        "private_addresses": "true",
        **more,
    }
    return {f"openid.{name}": value for name, value in chosen.items()}


@asynccontextmanager
async def hub_of(data: Path, issuer: Issuer, **more: str) -> AsyncIterator[RunningHub]:
    async with running(data / "data", settings_of(issuer, **more)) as hub:
        yield hub


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Issuer, RunningHub]]:
    """An issuer and a hub that lets people sign in there, for all tests of this module."""
    async with (
        issuing() as issuer,
        hub_of(tmp_path_factory.mktemp("hub"), issuer) as hub,
    ):
        await hub.room(Accounts).users.add("ann", roles=(ROLE,))
        yield issuer, hub


@pytest_asyncio.fixture(loop_scope="module")
async def issuer(both: tuple[Issuer, RunningHub]) -> Issuer:
    """The issuer, which nobody has asked anything."""
    both[0].begin_anew()
    return both[0]


@pytest_asyncio.fixture(loop_scope="module")
async def hub(both: tuple[Issuer, RunningHub], issuer: Issuer) -> AsyncIterator[RunningHub]:
    """The hub, with an account that has Ann's address and knows nobody else."""
    hub = both[1]
    accounts, openid = hub.room(Accounts), hub.room(OpenID)
    openid._rate = Attempts(SETTING_OUT)
    openid._issuers["openid"] = Calls(issuer.url, openid._outside["openid"])
    accounts.sign_in._by_address = Attempts(5)
    answer = await hub.call("AdminSetUserOAuthEmail", name="ann", email="ann@example.COM")
    assert answer == {"success": True}
    yield hub
    for name in await accounts.users.names():
        if name not in ("ann", "local"):
            await hub.room(Departures).depart(name, by="the test", may=anybody)


async def anybody(user: str) -> None:
    """Whoever it is."""


async def settle(hub: RunningHub, **settings: Any) -> None:
    """Change settings of the issuer that act at once."""
    answer = await hub.call(
        "ChangeServerSettings", settings={f"openid.{name}": value for name, value in settings.items()}
    )
    assert not answer["needs_restart"] and not answer["overruled"]


class Browser:
    """A browser of somebody: keeps cookies, follows nothing by itself."""

    def __init__(self, hub: RunningHub) -> None:
        self.http = httpx.AsyncClient(base_url=hub.url, timeout=60, verify=False, trust_env=False)  # noqa: S501
        self.hub = hub

    async def set_out(self, back: str = "", name: str = "openid") -> str:
        """The address that the browser is sent to."""
        query = {"return": back} if back else {}
        answer = await self.http.get(f"/OpenID/{name}", params=query)
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def come_back(self, query: str, name: str = "openid") -> httpx.Response:
        """The answer to the way back."""
        return await self.http.get(f"/OpenID/{name}/back?{query}")

    async def sign_in(self, issuer: Issuer, back: str = "") -> httpx.Response:
        """All of it."""
        return await self.come_back(issuer.authorize(await self.set_out(back)))

    @property
    def token(self) -> str:
        """The cookie of whoever is signed in, "" for nobody."""
        return self.http.cookies.get("swarm_token") or ""

    async def user(self) -> str:
        """Who the hub takes this browser for."""
        answer = await self.http.post("/API/GetNewSession", json={}, headers={"X-Forwarded-For": "9.9.9.9"})
        return str(answer.json().get("user_id", ""))


@pytest_asyncio.fixture(loop_scope="module")
async def browser(hub: RunningHub) -> AsyncIterator[Browser]:
    found = Browser(hub)
    yield found
    await found.http.aclose()


class TestTheWay:
    async def test_there_and_back_signed_in_as_with_a_password(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        address = await browser.set_out()
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(f"{issuer.url}/authorize?")
        assert asked["redirect_uri"] == f"{hub.url}/OpenID/openid/back"
        assert len(asked["state"]) == len(asked["nonce"]) == 64 and SECRET not in address
        answer = await browser.come_back(issuer.authorize(address))
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        cookies = answer.headers.get_list("set-cookie")
        (token,) = [each for each in cookies if each.startswith("swarm_token=")]
        assert "HttpOnly" in token and "SameSite=Lax" in token
        assert any(each.startswith("hub_openid_") and "Max-Age=0" in each for each in cookies)
        assert await browser.user() == "ann"
        tokens = hub.room(Accounts).tokens
        assert tokens.check(browser.token).reason == "sign-in"

    async def test_afterwards_the_subject_counts_and_no_longer_the_address(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        await browser.sign_in(issuer)
        issuer.person = {"sub": "1001"}
        again = Browser(hub)
        await again.sign_in(issuer)
        assert await again.user() == "ann"
        await again.http.aclose()
        issuer.person = {"sub": "2002", "email": "ann@example.com", "email_verified": True}
        other = Browser(hub)
        answer = await other.sign_in(issuer)
        assert answer.status_code == 403 and "Somebody else" in answer.text and not other.token
        await other.http.aclose()

    async def test_an_administrator_unlinks_by_setting_the_address(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        await browser.sign_in(issuer)
        session = (await browser.http.post("/API/GetNewSession", json={})).json()["session_id"]
        assert (await hub.call("AdminGetUserInfo", name="ann"))["oauth_email"] == "ann@example.com"
        assert (await hub.call("AdminSetUserOAuthEmail", name="ann", email=""))["success"]
        assert (await hub.call("GetCurrentStatus", session_id=session))["error_id"] == "invalid_session_id"
        assert (await browser.sign_in(issuer)).status_code == 403
        assert hub.room(Store).identities.issuers("ann") == set()

    async def test_two_tabs_at_once(self, issuer: Issuer, browser: Browser) -> None:
        first, second = await browser.set_out(), await browser.set_out()
        assert (await browser.come_back(issuer.authorize(first))).status_code == 302
        assert (await browser.come_back(issuer.authorize(second))).status_code == 302

    async def test_new_keys_of_the_issuer_are_asked_for_once_a_minute(
        self, issuer: Issuer, browser: Browser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await browser.sign_in(issuer)
        issuer.keys.append(new_key("second"))
        assert (await browser.sign_in(issuer)).status_code == 400, "asked for less than a minute ago"
        monkeypatch.setattr("hub.openid.calls.AGAIN_MS", 0)
        assert (await browser.sign_in(issuer)).status_code == 302
        assert issuer.asked.count("/keys") == 2

    async def test_the_page_is_told_of_it(self, hub: RunningHub) -> None:
        told = (await hub.http.get("/hub/v1/sign_in")).json()
        assert told["providers"] == [
            {"id": "openid", "button": "Sign in with OpenID Connect", "address": "OpenID/openid"}
        ]
        assert told["registration"] is False

    @pytest.mark.parametrize("wanted", ["/models", "/queue?x=1#job"])
    async def test_back_to_where_one_was(self, issuer: Issuer, browser: Browser, wanted: str) -> None:
        assert (await browser.sign_in(issuer, wanted)).headers["location"] == wanted

    @pytest.mark.parametrize(
        "wanted",
        [
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "evil.example",
            "/x\r\nSet-Cookie: a=b",
            "/" + "x" * 600,
        ],
    )
    async def test_and_never_elsewhere(self, issuer: Issuer, browser: Browser, wanted: str) -> None:
        assert (await browser.sign_in(issuer, wanted)).headers["location"] == "/"

    async def test_below_a_base_path_and_behind_a_proxy(self, tmp_path: Path, issuer: Issuer) -> None:
        settings = {
            **settings_of(issuer, register_unknown="true"),
            "network.external_url": "https://hub.example/paint",
            "network.base_path": "/paint",
        }
        async with running(tmp_path / "data", settings) as hub:
            answer = await hub.http.get("/paint/OpenID/openid")
            asked = parse_qs(urlsplit(answer.headers["location"]).query)
            assert asked["redirect_uri"] == ["https://hub.example/paint/OpenID/openid/back"]
            assert "Path=/paint" in answer.headers["set-cookie"]
            query = issuer.authorize(answer.headers["location"])
            back = await hub.http.get(f"/paint/OpenID/openid/back?{query}")
            assert back.headers["location"].startswith("/paint/#register=")


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


class TestDomains:
    async def test_only_those_that_are_allowed(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        await settle(hub, allowed_domains=["Example.org", "example.net"], register_unknown=True)
        for email, verified, fine in (
            ("ann@example.com", True, False),
            ("ann@example.org.evil.com", True, False),
            ("ann@sub.example.org", True, False),
            ("ann@example.org", False, False),
            ("", True, False),
            ("ann@EXAMPLE.org", True, True),
        ):
            issuer.person = {"sub": "5", "email": email, "email_verified": verified}
            answer = await browser.sign_in(issuer)
            assert (answer.status_code == 302) is fine, email
        await settle(hub, allowed_domains=[], register_unknown=False)


class TestRegistering:
    @pytest_asyncio.fixture(loop_scope="module")
    async def hub(self, hub: RunningHub) -> AsyncIterator[RunningHub]:
        await settle(hub, register_unknown=True, role="guest")
        await hub.call("AdminSetUserOAuthEmail", name="ann", email="")
        yield hub
        await settle(hub, register_unknown=False, role="")

    async def key(self, browser: Browser, issuer: Issuer) -> str:
        answer = await browser.sign_in(issuer)
        place, _, told = answer.headers["location"].partition("#")
        fields = parse_qs(told)
        assert place == "/" and fields["type"] == ["openid"] and fields["email"] == ["ann@example.com"]
        assert not browser.token
        return fields["register"][0]

    async def register(self, browser: Browser, name: str, key: str, kind: str = "openid") -> Any:
        given = {"username": name, "oauth_tracker_key": key, "oauth_type": kind}
        return (await browser.http.post("/API/RegisterOAuth", json=given)).json()

    async def test_under_a_name_of_ones_choice_and_signed_in_at_once(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        key = await self.key(browser, issuer)
        await hub.room(Accounts).users.add("taken")
        for name, error in (
            ("ab", "invalid_input"),
            ("taken", "username_exists"),
            ("owner", "username_exists"),
        ):
            assert (await self.register(browser, name, key))["error_id"] == error
        assert await self.register(browser, "Annie", key) == {"success": "true"}
        assert await browser.user() == "annie"
        assert (await hub.call("AdminGetUserInfo", name="annie"))["roles"] == ["guest"]
        assert (await self.register(browser, "second", key))["error_id"] == "registration_failed"
        again = Browser(hub)
        await again.sign_in(issuer)
        assert await again.user() == "annie"
        await again.http.aclose()

    async def test_the_word_is_good_in_this_browser_for_this_issuer_alone(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        key = await self.key(browser, issuer)
        thief = Browser(hub)
        assert (await self.register(thief, "thief", key))["error_id"] == "registration_failed"
        await thief.http.aclose()
        for wrong in ("", "0" * 64, "ä"):
            assert (await self.register(browser, "annie", wrong))["error_id"] == "registration_failed"
        assert (await self.register(browser, "annie", key, "google"))["error_id"] == "registration_failed"
        assert (await self.register(browser, "annie", key))["success"] == "true"

    async def test_the_setting_counts_when_the_name_is_chosen(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        key = await self.key(browser, issuer)
        await settle(hub, register_unknown=False)
        assert (await self.register(browser, "annie", key))["error_id"] == "registration_failed"

    async def test_tries_are_rationed_as_for_other_registrations(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        key = await self.key(browser, issuer)
        for _ in range(5):
            assert (await self.register(browser, "ab", key))["error_id"] == "invalid_input"
        assert (await self.register(browser, "annie", key))["error_id"] == "ratelimit"

    async def test_who_was_deleted_is_unknown_again(
        self, hub: RunningHub, issuer: Issuer, browser: Browser
    ) -> None:
        await self.register(browser, "annie", await self.key(browser, issuer))
        assert (await hub.call("AdminDeleteUser", name="annie"))["success"]
        assert await browser.user() == ""
        browser.http.cookies.delete("swarm_token")
        await self.key(browser, issuer)


class TestTheSecret:
    async def test_is_never_listed_and_kept_encrypted_when_set_over_the_api(
        self, tmp_path: Path, issuer: Issuer
    ) -> None:
        settings = settings_of(issuer)
        del settings["openid.client_secret"]
        async with running(tmp_path / "data", settings) as hub:
            await hub.call("ChangeServerSettings", settings={"openid.client_secret": SECRET})
            listed = (await hub.call("ListServerSettings"))["settings"]["openid"]["value"]["client_secret"]
            assert listed["is_secret"] and listed["value"] == "\t<secret>"
            await hub.call("ChangeServerSettings", settings={"openid.client_secret": "\t<secret>"})
        kept = (tmp_path / "data" / "settings.toml").read_text()
        assert "sealed:" in kept and SECRET not in kept
        async with running(tmp_path / "data", settings) as hub:
            await hub.room(Accounts).users.add("ann", roles=(ROLE,))
            await hub.call("AdminSetUserOAuthEmail", name="ann", email="ann@example.com")
            browser = Browser(hub)
            assert (await browser.sign_in(issuer)).status_code == 302
            await browser.http.aclose()

    async def test_a_wrong_one_signs_nobody_in(self, tmp_path: Path, issuer: Issuer) -> None:
        async with hub_of(tmp_path, issuer, client_secret="wrong", register_unknown="true") as hub:
            browser = Browser(hub)
            answer = await browser.sign_in(issuer)
            assert answer.status_code == 400 and "does not stand by" in answer.text
            await browser.http.aclose()


class TestAddresses:
    @pytest.mark.parametrize(
        "email", ["ann", "ann@", "@example.com", "a b@example.com", "x" * 250 + "@e.com"]
    )
    async def test_one_that_is_none(self, hub: RunningHub, email: str) -> None:
        answer = await hub.call("AdminSetUserOAuthEmail", name="ann", email=email)
        assert answer["field"] == "email"

    async def test_anonymous_forbidden_unknown_taken_last_owner(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/AdminSetUserOAuthEmail", {"name": "ann", "email": "x@y.zz"})
        assert answer.json()["error_id"] == "basic_api"
        session = await hub.session_as("user")
        refused = await hub.call("AdminSetUserOAuthEmail", session_id=session, name="ann", email="x@y.zz")
        assert refused["error_id"] == "bad_permissions"
        assert (await hub.call("AdminSetUserOAuthEmail", name="who", email="x@y.zz"))["field"] == "name"
        await hub.room(Accounts).users.add("bert", roles=(ROLE,))
        taken = await hub.call("AdminSetUserOAuthEmail", name="bert", email=" ANN@example.com ")
        assert "already" in taken["error"]
        users = hub.room(Accounts).users
        await users.add("olga", roles=("owner",))
        assert await users.link("olga", "https://issuer", "1")
        last = await hub.call("AdminSetUserOAuthEmail", name="olga", email="")
        assert "last owner" in last["error"]
