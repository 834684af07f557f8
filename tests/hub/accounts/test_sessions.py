"""Sessions: issue, find, run out, survive restarts, end with their token."""

import re
import sqlite3

import pytest

from hub.accounts import Accounts, sessions
from tests.hub.accounts.conftest import Clock, House


async def test_an_id_is_forty_upper_case_hex_digits_and_each_is_new(accounts: Accounts) -> None:
    ids = {await accounts.sessions.issue("local") for _ in range(20)}
    assert len(ids) == 20
    assert all(re.fullmatch(r"[0-9A-F]{40}", session) for session in ids)


async def test_a_session_gives_its_user_with_flags_and_limits(accounts: Accounts) -> None:
    session = await accounts.sessions.issue("local", address="10.0.0.9")
    caller = accounts.sessions.find(session)
    assert caller is not None
    assert (caller.user, caller.session, caller.address) == ("local", session, "10.0.0.9")
    assert caller.may("anything at all")
    assert caller.limits.max_t2i_simultaneous == 32


@pytest.mark.parametrize("wrong", ["", "0" * 40, "x", "\ud800", "A" * 100_000])
def test_any_other_text_is_nobody(accounts: Accounts, wrong: str) -> None:
    assert accounts.sessions.find(wrong) is None


async def test_the_letter_case_matters(accounts: Accounts) -> None:
    session = await accounts.sessions.issue("local")
    assert accounts.sessions.find(session.lower()) is None or session == session.lower()


async def test_it_survives_a_restart_and_the_file_does_not_hold_the_id(house: House) -> None:
    session = await house.accounts.sessions.issue("local")
    await house.close()
    database = house.folder / "hub.sqlite3"
    assert session.encode() not in database.read_bytes()
    with sqlite3.connect(database) as db:
        assert db.execute("SELECT count(*) FROM sessions").fetchone() == (1,)
    again = await house.open()
    found = again.sessions.find(session)
    assert found is not None
    assert found.session == session


async def test_it_runs_out_31_days_after_the_last_use(accounts: Accounts, clock: Clock) -> None:
    session = await accounts.sessions.issue("local")
    clock.pass_days(30)
    assert accounts.sessions.find(session) is not None
    clock.pass_days(30.9)
    assert accounts.sessions.find(session) is not None
    clock.pass_days(31.1)
    assert accounts.sessions.find(session) is None


async def test_it_runs_out_90_days_after_its_beginning_however_much_it_is_used(
    accounts: Accounts, clock: Clock
) -> None:
    ended: list[str] = []
    accounts.sessions.on_end(ended.append)
    session = await accounts.sessions.issue("local")
    for _ in range(90):
        clock.pass_days(1)
        assert accounts.sessions.find(session) is not None
    clock.pass_days(1)
    assert await accounts.sessions.sweep() == 1
    assert ended == [session]
    assert accounts.sessions.find(session) is None


async def test_the_last_use_survives_a_restart(house: House, clock: Clock) -> None:
    kept, dropped = [await house.accounts.sessions.issue("local") for _ in range(2)]
    clock.pass_days(20)
    house.accounts.sessions.find(kept)
    await house.close()
    clock.pass_days(20)
    again = await house.open()
    assert again.sessions.find(kept) is not None
    assert again.sessions.find(dropped) is None


class TestEnding:
    async def test_listeners_hear_of_it_and_the_id_is_dead_at_once(self, accounts: Accounts) -> None:
        ended: list[str] = []
        accounts.sessions.on_end(ended.append)
        session = await accounts.sessions.issue("local")
        assert await accounts.sessions.end(session)
        assert ended == [session]
        assert accounts.sessions.find(session) is None
        assert not await accounts.sessions.end(session)

    async def test_a_failing_listener_does_not_keep_the_next_from_hearing(self, accounts: Accounts) -> None:
        heard: list[str] = []

        def fail(session: str) -> None:
            raise RuntimeError(session)

        accounts.sessions.on_end(fail)
        accounts.sessions.on_end(heard.append)
        session = await accounts.sessions.issue("local")
        await accounts.sessions.end(session)
        assert heard == [session]

    async def test_a_token_takes_exactly_its_sessions_along(self, accounts: Accounts) -> None:
        mine = await accounts.sessions.issue("local", token="one")
        other = await accounts.sessions.issue("local", token="two")
        plain = await accounts.sessions.issue("local")
        assert await accounts.sessions.end_for_token("one") == 1
        assert await accounts.sessions.end_for_token("") == 0
        assert accounts.sessions.find(mine) is None
        assert accounts.sessions.find(other) is not None
        assert accounts.sessions.find(plain) is not None

    async def test_it_stays_ended_after_a_restart(self, house: House) -> None:
        session = await house.accounts.sessions.issue("local")
        await house.accounts.sessions.end(session)
        await house.close()
        assert (await house.open()).sessions.find(session) is None


async def test_changed_roles_hold_at_once(accounts: Accounts) -> None:
    await accounts.users.add("ann", roles=("guest",))
    session = await accounts.sessions.issue("ann")
    await accounts.users.set_roles("ann", ("user", "no such role"))
    accounts.sessions.refresh("ann")
    caller = accounts.sessions.find(session)
    assert caller is not None
    assert caller.may("basic_image_generation")


async def test_a_client_that_asks_without_end_loses_its_oldest(
    accounts: Accounts, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_PER_USER", 20)
    ids = []
    for _ in range(30):
        clock.pass_seconds(1)
        ids.append(await accounts.sessions.issue("local"))
    assert accounts.sessions.find(ids[0]) is None
    assert accounts.sessions.find(ids[-1]) is not None
