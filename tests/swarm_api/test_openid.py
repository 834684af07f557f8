"""Signing in with an OpenID Connect issuer, registering that way, and the addresses administrators set."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from hub.accounts import Accounts
from hub.store import Store
from tests.hub.openid.issuing import SECRET, Issuer, new_key
from tests.hub.running import RunningHub, running
from tests.swarm_api import signing
from tests.swarm_api.signing import ROLE, Browser, hub_of, settings_of, settle

pytestmark = pytest.mark.asyncio(loop_scope="module")
both, issuer, hub, browser = signing.both, signing.issuer, signing.hub, signing.browser


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
