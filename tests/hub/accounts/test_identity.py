"""Who a connection belongs to before it has a session."""

import pytest

from hub.accounts import COOKIE, Accounts, Identity
from tests.hub.accounts.conftest import House


async def token_of(accounts: Accounts, user: str = "ann") -> str:
    await accounts.users.add(user, roles=("user",))
    return await accounts.tokens.create(user, "a bot")


class TestWithoutAccounts:
    def test_a_direct_caller_on_this_machine_is_the_local_user(self, accounts: Accounts) -> None:
        assert accounts.identify("127.0.0.1", True, {}, {}) == Identity("local")

    def test_a_caller_from_elsewhere_or_forwarded_is_nobody(self, accounts: Accounts) -> None:
        assert accounts.identify("10.0.0.1", False, {}, {}) is None

    @pytest.mark.parametrize("header", ["x-swarm-user_id", "x-user", "remote-user"])
    def test_no_header_chooses_a_user(self, accounts: Accounts, header: str) -> None:
        assert accounts.identify("127.0.0.1", True, {header: "ann"}, {}) == Identity("local")
        assert accounts.identify("10.0.0.1", False, {header: "local"}, {}) is None

    async def test_a_token_identifies_from_anywhere(self, accounts: Accounts) -> None:
        token = await token_of(accounts)
        for headers in ({"authorization": f"Bearer {token}"}, {"authorization": f"bearer  {token} "}):
            found = accounts.identify("10.0.0.1", False, headers, {})
            assert found is not None
            assert (found.user, found.token) == ("ann", token.split(".")[1])

    async def test_a_wrong_bearer_is_refused_even_here(self, accounts: Accounts) -> None:
        token = await token_of(accounts)
        for wrong in (
            "",
            "x",
            token[:-1],
            token + "0",
            "." * 9,
            f"6c6f63616c.{token.partition('.')[2]}",
            "a" * 9999,
        ):
            assert accounts.identify("127.0.0.1", True, {"authorization": f"Bearer {wrong}"}, {}) is None

    async def test_a_stale_cookie_is_passed_over(self, accounts: Accounts) -> None:
        token = await token_of(accounts)
        await accounts.tokens.revoke("ann", token.split(".")[1])
        assert accounts.identify("127.0.0.1", True, {}, {COOKIE: token}) == Identity("local")


class TestWithAccounts:
    @pytest.fixture
    async def accounts(self, house: House) -> Accounts:
        await house.close()
        return await house.open(required="true", localhost_bypass="true")

    async def test_this_machine_is_let_in_by_the_bypass_only_when_direct(self, accounts: Accounts) -> None:
        assert accounts.identify("127.0.0.1", True, {}, {}) == Identity("local")
        assert accounts.identify("127.0.0.1 (via 9.9.9.9)", False, {}, {}) is None

    async def test_without_the_bypass_a_token_is_needed_here_too(self, house: House) -> None:
        await house.close()
        accounts = await house.open(required="true")
        assert accounts.identify("127.0.0.1", True, {}, {}) is None
        token = await token_of(accounts)
        found = accounts.identify("127.0.0.1", True, {}, {COOKIE: token})
        assert found is not None
        assert found.user == "ann"


class TestOnceAnOwnerCanSignIn:
    """Then this machine signs in too, unless a setting exempts it."""

    @pytest.mark.parametrize("way", ["registers", "is added", "gets a password", "gets the role", "links"])
    async def test_everybody_does(self, accounts: Accounts, way: str) -> None:
        unproven = await accounts.sessions.issue("local")
        token = await accounts.tokens.create("local", "a bot")
        proven = await accounts.sessions.issue("local", token=token.split(".")[1])
        theirs = await accounts.sessions.issue("ann")
        match way:
            case "registers":
                await accounts.sign_in.register("olga", "a good password", peer="127.0.0.1", is_loopback=True)
            case "is added":
                await accounts.users.add("olga", password="hash", roles=("owner",))
            case "gets a password":
                await accounts.users.add("olga", roles=("owner",))
                assert accounts.trusts_loopback, "nobody can sign in as an owner yet"
                await accounts.users.set_password("olga", "hash")
            case "gets the role":
                await accounts.users.add("olga", password="hash", roles=("user",))
                assert accounts.trusts_loopback
                await accounts.users.set_roles("olga", ("owner",))
            case "links":
                await accounts.users.add("olga", roles=("owner",))
                assert await accounts.users.link("olga", "https://issuer", "1")
        assert accounts.identify("127.0.0.1", True, {}, {}) is None
        assert accounts.sessions.find(unproven) is None, "it was given to whoever asked"
        assert accounts.sessions.find(proven) is not None
        assert accounts.sessions.find(theirs) is not None

    async def test_after_a_restart_too_and_no_longer_when_none_is_left(self, house: House) -> None:
        await house.accounts.users.add("olga", password="hash", roles=("owner",))
        await house.close()
        accounts = await house.open()
        assert not accounts.trusts_loopback
        await accounts.users.set_roles("olga", ("user",))
        assert accounts.trusts_loopback

    async def test_a_setting_exempts_this_machine(self, house: House) -> None:
        await house.close()
        accounts = await house.open(localhost_bypass="true")
        unproven = await accounts.sessions.issue("local")
        await accounts.users.add("olga", password="hash", roles=("owner",))
        assert accounts.identify("127.0.0.1", True, {}, {}) == Identity("local")
        assert accounts.identify("10.0.0.1", False, {}, {}) is None
        assert accounts.sessions.find(unproven) is not None


async def test_a_caller_without_a_session_has_flags_but_no_session_id(accounts: Accounts) -> None:
    caller = accounts.caller_without_session(Identity("local"))
    assert (caller.session, caller.may("manage_users")) == ("", True)
