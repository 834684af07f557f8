"""Passwords in their three forms, rate limits, registration, what a change of password ends."""

import logging
import sqlite3
from hashlib import sha256

import pytest

from hub.accounts import Accounts, Refused
from hub.accounts.attempts import Attempts, network_of
from hub.accounts.passwords import prehash
from hub.accounts.users import clean_name, may_be_taken
from hub.errors import BadInput, HubError
from tests.hub.accounts.conftest import Clock, House

PASSWORD = "correct horse battery"
HASHED = sha256(f"swarmclientpw:ann:{PASSWORD}".encode()).hexdigest()


async def register(accounts: Accounts, name: str = "ann", password: str = PASSWORD) -> None:
    await accounts.sign_in.register(name, password, peer="127.0.0.1", is_loopback=True)


async def refusal(accounts: Accounts, name: str, password: str, peer: str = "10.0.0.1") -> str | None:
    try:
        await accounts.sign_in.login(name, password, peer=peer)
    except Refused as problem:
        return problem.error_id
    return None


class TestForms:
    @pytest.mark.parametrize(
        "sent", [PASSWORD, HASHED, HASHED.upper(), f"__swarmdoprehash:swarmclientpw:ann:{PASSWORD}"]
    )
    async def test_every_form_of_the_same_password_signs_in(self, accounts: Accounts, sent: str) -> None:
        await register(accounts)
        assert await refusal(accounts, "Ann", sent) is None

    async def test_an_account_made_by_the_page_takes_the_raw_password(self, accounts: Accounts) -> None:
        await register(accounts, password=HASHED)
        assert await refusal(accounts, "ann", PASSWORD) is None

    def test_the_same_password_of_two_users_is_not_the_same(self) -> None:
        assert prehash("ann", "secret") != prehash("bob", "secret")

    async def test_a_password_longer_than_bcrypt_takes_counts_to_its_end(self, accounts: Accounts) -> None:
        await register(accounts, password="x" * 200 + "1")
        assert await refusal(accounts, "ann", "x" * 200 + "2") == "invalid_login"
        assert await refusal(accounts, "ann", "x" * 200 + "1") is None


class TestLogin:
    @pytest.mark.parametrize(
        ("name", "password"),
        [("ann", "wrong password"), ("nobody_here", PASSWORD), ("local", ""), ("", ""), ("!", "x")],
    )
    async def test_every_wrong_pair_gets_the_same_answer(
        self, accounts: Accounts, name: str, password: str
    ) -> None:
        await register(accounts)
        assert await refusal(accounts, name, password) == "invalid_login"

    async def test_an_account_without_a_password_cannot_be_signed_in(self, accounts: Accounts) -> None:
        await accounts.users.add("eve", roles=("user",))
        assert await refusal(accounts, "eve", "") == "invalid_login"

    async def test_five_tries_a_minute_from_one_address(self, accounts: Accounts, clock: Clock) -> None:
        for number in range(5):
            assert await refusal(accounts, f"name{number}", "wrong") == "invalid_login"
        assert await refusal(accounts, "another", "wrong") == "ratelimit"
        assert await refusal(accounts, "another", "wrong", "10.0.0.2") == "invalid_login"
        clock.pass_seconds(61)
        assert await refusal(accounts, "another", "wrong") == "invalid_login"

    async def test_fifteen_tries_a_minute_for_one_name(self, accounts: Accounts) -> None:
        for number in range(15):
            assert await refusal(accounts, "ann", "wrong", f"10.0.1.{number}") == "invalid_login"
        assert await refusal(accounts, "ANN", "wrong", "10.0.2.1") == "ratelimit"

    def test_an_ipv6_customer_is_one_address(self) -> None:
        assert network_of("2001:db8:1:2::1") == network_of("2001:db8:1:2:ffff::9")
        assert network_of("2001:db8:1:2::1") != network_of("2001:db8:1:3::1")
        assert network_of("::ffff:10.0.0.1") == "10.0.0.1"

    def test_a_window_slides(self) -> None:
        attempts = Attempts(2)
        assert [attempts.take("a", now) for now in (0, 30_000, 59_999, 60_000, 60_001)] == [
            True,
            True,
            False,
            True,
            False,
        ]


class TestRegister:
    async def test_it_is_closed_unless_the_setting_opens_it(self, accounts: Accounts) -> None:
        with pytest.raises(Refused) as problem:
            await accounts.sign_in.register("ann", PASSWORD, peer="10.0.0.1", is_loopback=False)
        assert problem.value.error_id == "registration_failed"
        assert await accounts.users.names() == ["local"]

    async def test_the_first_one_made_on_this_machine_becomes_owner_and_only_the_first(
        self, accounts: Accounts
    ) -> None:
        assert not await accounts.users.has_password_owner()
        await register(accounts)
        assert await accounts.users.has_password_owner()
        with pytest.raises(Refused) as problem:
            await register(accounts, "bob")
        assert problem.value.error_id == "registration_failed"

    async def test_when_open_it_gives_the_role_of_new_users(self, house: House) -> None:
        await house.close()
        accounts = await house.open(allow_registration="true", new_user_role="guest")
        await accounts.sign_in.register("Ann-Marie", PASSWORD, peer="10.0.0.1", is_loopback=False)
        row = accounts.users.get("annmarie")
        assert row is not None
        assert row.roles == ("guest",)

    @pytest.mark.parametrize(
        ("name", "password", "error_id"),
        [
            ("ab", PASSWORD, "invalid_input"),
            ("x" * 101, PASSWORD, "invalid_input"),
            ("bob", "1234567", "invalid_input"),
            ("bob", "x" * 501, "invalid_input"),
            ("admin", PASSWORD, "username_exists"),
            ("9bob", PASSWORD, "username_exists"),
            ("ANN", PASSWORD, "username_exists"),
        ],
    )
    async def test_what_cannot_be_is_refused_and_changes_nothing(
        self, house: House, name: str, password: str, error_id: str
    ) -> None:
        await house.close()
        accounts = await house.open(allow_registration="true")
        await register(accounts)
        with pytest.raises(Refused) as problem:
            await accounts.sign_in.register(name, password, peer="10.0.0.9", is_loopback=False)
        assert problem.value.error_id == error_id
        assert await accounts.users.names() == ["ann", "local"]

    def test_names_are_cleaned_and_some_are_reserved(self) -> None:
        assert clean_name("Ann O'Hara <x>") == "annoharax"
        assert clean_name("äöü") == ""
        assert not may_be_taken("tracked")
        assert not may_be_taken("_ann")
        assert may_be_taken("ann_9")


class TestChange:
    async def test_it_ends_every_other_way_in_but_not_this_one(self, accounts: Accounts) -> None:
        await register(accounts)
        mine, other = [await accounts.sign_in.login("ann", PASSWORD, peer="10.0.0.1") for _ in range(2)]
        session = await accounts.sessions.issue("ann", token=mine.split(".")[1])
        elsewhere = await accounts.sessions.issue("ann", token=other.split(".")[1])
        plain = await accounts.sessions.issue("ann")
        caller = accounts.sessions.find(session)
        assert caller is not None
        await accounts.sign_in.change_password(caller, PASSWORD, "another password")
        assert accounts.sessions.find(session) is not None
        assert accounts.sessions.find(elsewhere) is None
        assert accounts.sessions.find(plain) is None
        assert accounts.tokens.check(other) is None
        assert accounts.tokens.check(mine) is not None
        assert await refusal(accounts, "ann", PASSWORD) == "invalid_login"
        assert await refusal(accounts, "ann", "another password") is None

    async def test_a_wrong_old_one_or_a_short_new_one_is_refused(self, accounts: Accounts) -> None:
        await register(accounts)
        caller = accounts.sessions.find(await accounts.sessions.issue("ann"))
        assert caller is not None
        with pytest.raises(BadInput, match="at least 8 characters"):
            await accounts.sign_in.change_password(caller, PASSWORD, "short")
        with pytest.raises(BadInput, match=r"Incorrect old password\. Refused\."):
            await accounts.sign_in.change_password(caller, "wrong", "another password")
        assert await refusal(accounts, "ann", PASSWORD) is None

    async def test_five_changes_a_minute(self, accounts: Accounts) -> None:
        await register(accounts)
        caller = accounts.sessions.find(await accounts.sessions.issue("ann"))
        assert caller is not None
        for _ in range(5):
            with pytest.raises(BadInput):
                await accounts.sign_in.change_password(caller, "wrong", "another password")
        with pytest.raises(HubError, match="Rate-limit hit"):
            await accounts.sign_in.change_password(caller, PASSWORD, "another password")


async def test_no_password_or_token_is_written_down_anywhere(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await register(house.accounts)
    token = await house.accounts.sign_in.login("ann", PASSWORD, peer="10.0.0.1")
    house.accounts.identify("10.0.0.1", False, {"authorization": f"Bearer {token}x"}, {})
    await house.accounts.upstream_keys.put("ann", "civitai_api", "key-of-civitai")
    await house.close()
    secrets = [PASSWORD, HASHED, token, token.split(".")[2], "key-of-civitai"]
    database = (house.folder / "hub.sqlite3").read_bytes()
    for secret in secrets:
        assert secret not in caplog.text
        assert secret.encode() not in database
    with sqlite3.connect(house.folder / "hub.sqlite3") as db:
        assert db.execute("SELECT password FROM users WHERE name = 'ann'").fetchone()[0].startswith("$2b$04$")
    await house.open()
