"""Trying of secrets and passwords ends, wherever it comes from, and never at the cost of the rightful."""

import json

import pytest

from hub.accounts import Accounts, Refused
from hub.accounts.attempts import Attempts
from hub.accounts.guesses import MOST_WRONG, Guesses, TooManyGuesses
from tests.hub.accounts.conftest import Clock
from tests.hub.running import RunningHub

PASSWORD = "correct horse battery"
STRANGER, NEIGHBOUR = "203.0.113.5", "203.0.113.6"


class TestAttempts:
    def test_memory_is_bounded_and_the_oldest_goes_first(self) -> None:
        attempts = Attempts(1, keys=10)
        for number in range(1000):
            assert attempts.take(f"k{number}", 0)
            assert len(attempts) <= 10
        assert not attempts.take("k999", 0)
        assert attempts.take("k0", 0)

    def test_asking_leaves_nothing_behind(self) -> None:
        attempts = Attempts(1)
        assert attempts.wait("k", 0) == 0
        assert len(attempts) == 0
        attempts.take("k", 0)
        assert attempts.wait("k", 59_500) == 1
        assert attempts.wait("k", 60_000) == 0
        assert len(attempts) == 0

    def test_how_long_to_wait(self) -> None:
        attempts = Attempts(2)
        attempts.take("k", 0)
        attempts.take("k", 10_000)
        assert attempts.wait("k", 20_000) == 40


class TestGuesses:
    def used_up(self, clock: Clock, address: str = STRANGER) -> Guesses:
        guesses = Guesses(most=3, clock=clock)
        for _ in range(3):
            guesses.missed(address, False)
        with pytest.raises(TooManyGuesses) as told:
            guesses.missed(address, False)
        assert told.value.status == 429
        assert told.value.extra["retry_after"] == 60
        return guesses

    def test_past_the_count_not_even_a_right_one_is_answered(self, clock: Clock) -> None:
        guesses = self.used_up(clock)
        with pytest.raises(TooManyGuesses):
            guesses.found(STRANGER, False, "198.51.100.1 (via 203.0.113.5)")
        guesses.found(NEIGHBOUR, False, "198.51.100.1")
        clock.pass_seconds(61)
        guesses.found(STRANGER, False, "198.51.100.1")

    def test_who_was_there_before_is_not_locked_out(self, clock: Clock) -> None:
        self.used_up(clock).found(STRANGER, False, f"{STRANGER} (via 10.9.9.9)")

    def test_a_customers_whole_network_counts_as_one(self, clock: Clock) -> None:
        guesses = self.used_up(clock, "2001:db8:1:2::1")
        with pytest.raises(TooManyGuesses):
            guesses.missed("2001:db8:1:2:ffff::9", False)
        guesses.missed("2001:db8:1:3::1", False)

    def test_this_machine_is_never_counted(self, clock: Clock) -> None:
        guesses = Guesses(most=1, clock=clock)
        for _ in range(10):
            guesses.missed("127.0.0.1", True)
        guesses.missed("127.0.0.1", False)
        with pytest.raises(TooManyGuesses):  # what comes through a proxy on it is
            guesses.missed("127.0.0.1", False)
        guesses.found("127.0.0.1", True, STRANGER)


async def refusal(accounts: Accounts, name: str, password: str, peer: str, here: bool = False) -> str | None:
    try:
        await accounts.sign_in.login(name, password, peer=peer, address=peer, is_loopback=here)
    except Refused as problem:
        if problem.error_id == "ratelimit":
            assert 1 <= problem.extra["retry_after"] <= 60
        return problem.error_id
    return None


class TestLockOut:
    """Strangers who try a name cannot keep its owner out."""

    async def tried(self, accounts: Accounts) -> None:
        for number in range(15):
            assert await refusal(accounts, "ann", "wrong", f"198.51.100.{number}") == "invalid_login"
        assert await refusal(accounts, "ann", PASSWORD, "198.51.100.99") == "ratelimit"

    async def test_not_on_this_machine(self, accounts: Accounts) -> None:
        await accounts.sign_in.register("ann", PASSWORD, peer="127.0.0.1", is_loopback=True)
        await self.tried(accounts)
        assert await refusal(accounts, "ann", PASSWORD, "127.0.0.1", here=True) is None

    async def test_not_through_a_proxy_on_this_machine_either(self, accounts: Accounts) -> None:
        await accounts.sign_in.register("ann", PASSWORD, peer="127.0.0.1", is_loopback=True)
        for number in range(5):
            await refusal(accounts, f"name{number}", "wrong", "127.0.0.1")
        assert await refusal(accounts, "ann", PASSWORD, "127.0.0.1") == "ratelimit"
        assert await refusal(accounts, "ann", PASSWORD, "127.0.0.1", here=True) is None

    async def test_not_where_she_is_signed_in(self, accounts: Accounts, clock: Clock) -> None:
        await accounts.sign_in.register("ann", PASSWORD, peer="127.0.0.1", is_loopback=True)
        assert await refusal(accounts, "ann", PASSWORD, STRANGER) is None
        clock.pass_seconds(61)
        await self.tried(accounts)
        assert await refusal(accounts, "ann", PASSWORD, STRANGER) is None

    async def test_this_machine_has_its_own_count(self, accounts: Accounts) -> None:
        for number in range(5):
            await refusal(accounts, f"name{number}", "wrong", "127.0.0.1", here=True)
        assert await refusal(accounts, "another", "wrong", "127.0.0.1", here=True) == "ratelimit"
        with pytest.raises(Refused) as told:
            await accounts.sign_in.register("eve", PASSWORD, peer="127.0.0.1", is_loopback=True)
        assert told.value.error_id == "ratelimit"


def forwarded(address: str) -> dict[str, str]:
    return {"x-forwarded-for": address}


@pytest.mark.hub_settings("network.proxies=127.0.0.1", "accounts.allow_registration=true")
class TestOverTheWire:
    async def test_session_ids(self, hub: RunningHub) -> None:
        mine = await hub.room(Accounts).sessions.issue("local", address=NEIGHBOUR)
        for number in range(MOST_WRONG):
            answer = await hub.post(
                "/API/GetCurrentStatus", {"session_id": f"{number:040X}"}, **forwarded(STRANGER)
            )
            assert answer.status_code == 401
        for session in ("F" * 40, mine):
            answer = await hub.post("/API/GetCurrentStatus", {"session_id": session}, **forwarded(STRANGER))
            assert (answer.status_code, answer.json()["error_id"]) == (429, "ratelimit")
            assert 1 <= int(answer.headers["retry-after"]) <= 60
        async with hub.socket("/hub/v1/jobs/watch", additional_headers=forwarded(STRANGER)) as socket:
            await socket.send(json.dumps({"session_id": mine}))
            assert json.loads(await socket.recv())["error_id"] == "ratelimit"
        read = await hub.http.get("/hub/v1/jobs", headers={**forwarded(STRANGER), "x-session-id": mine})
        assert read.status_code == 429
        answer = await hub.post("/API/GetCurrentStatus", {"session_id": mine}, **forwarded(NEIGHBOUR))
        assert "status" in answer.json()

    @pytest.mark.parametrize("kind", ["authorization", "cookie"])
    async def test_tokens(self, hub: RunningHub, kind: str) -> None:
        def shown(text: str) -> dict[str, str]:
            return {kind: f"Bearer {text}" if kind == "authorization" else f"swarm_token={text}"}

        right = await hub.room(Accounts).tokens.create("local", "test", address=NEIGHBOUR)
        owner, token, _ = right.split(".")
        for number in range(MOST_WRONG):
            wrong = shown(f"{owner}.{token}.{number:032x}")
            answer = await hub.post("/API/GetNewSession", {"a": 1}, **wrong, **forwarded(STRANGER))
            assert answer.json()["error"] == "Invalid or unauthorized."
        answer = await hub.post("/API/GetNewSession", {"a": 1}, **shown(right), **forwarded(STRANGER))
        assert answer.status_code == 429
        answer = await hub.post("/API/GetNewSession", {"a": 1}, **shown(right), **forwarded(NEIGHBOUR))
        assert "session_id" in answer.json()

    async def test_ways_back_from_an_issuer(self, hub: RunningHub) -> None:
        back = "/OpenID/google/back?state=made-up&code=guessed"
        for _ in range(MOST_WRONG):
            answer = await hub.http.get(back, headers=forwarded(STRANGER))
            assert answer.status_code != 429
        answer = await hub.http.get(back, headers=forwarded(STRANGER))
        assert answer.status_code == 429 and "Wait " in answer.text
        assert (await hub.http.get(back, headers=forwarded(NEIGHBOUR))).status_code != 429

    async def test_registering(self, hub: RunningHub) -> None:
        for number in range(5):
            account = {"username": f"person{number}", "password": PASSWORD}
            await hub.post("/API/RegisterBasic", account, **forwarded(f"2001:db8::{number}"))
        account = {"username": "person9", "password": PASSWORD}
        answer = await hub.post("/API/RegisterBasic", account, **forwarded("2001:db8::ffff"))
        assert answer.json()["error_id"] == "ratelimit"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        other = await hub.post("/API/RegisterBasic", account, **forwarded("2001:db8:0:1::1"))
        assert other.json() == {"success": "true"}
