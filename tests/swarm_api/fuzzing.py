"""What the fuzzers of routes and of sockets share: who calls, what is worth trying, what is left out and why,
and how a proper call goes wrong."""

import copy
import json
import random
import re
from collections.abc import Mapping
from typing import Any

from hub.accounts import Accounts, Sessions
from hub.wire.discover import find_modules, find_routes
from tests.hub.running import RunningHub

LEFT_OUT: Mapping[str, str] = {
    "/API/ShutdownServer": "ends the hub that is under test; has tests of its own on a hub of its own",
    "/API/UpdateAndRestart": "would change this very checkout and start another process",
    "/API/CheckForUpdates": "asks a server elsewhere",
    "/API/OpenImageFolder": "would open windows on whoever's desktop runs the tests",
    "/hub/v1/queue/pause": "takes no input, and whoever asked for a picture would wait for ever",
    "/API/RestartBackends": "takes the engine from under the other calls",
}
"""Routes that are not called with random input, and why."""

TREASURES = (
    *("", " ", "doodle", "local", "owner", "user", "true", "0", "-1", "1e999", "NaN", "9" * 400, "x" * 5000),
    *("..", "../../etc/passwd", "raw/x.png", "raw/*", "a/b\\c", "con", "\x00", "%00%2e%2e/", "\ufeff\u202e"),
    *("é" * 300, "'; DROP TABLE users; --", "%' OR 1=1 --", '"*" OR NEAR(a b', "[[[", "(((", "\U0001f600"),
    *("{value}<wildcard:x><random:a,b>", "<lora:x:1>", "data:image/png;base64,AAAA", "http://127.0.0.1:1/"),
    *("sketch", "Stable-Diffusion", "LoRA", "Wildcards", "F" * 40, "all", "sid", "Date", "2026-02-30"),
)
"""Texts that mean something somewhere."""

NUMBERS = (0, 1, -1, 2, 1000, 2**31 - 1, -(2**31), 2**31, 2**53, 2**63 - 1, 2**64, 10**30, 0.5, -0.0, 1e308)
ROLES = ("owner", "user")

ROUTES = tuple(route for route in find_routes(find_modules()) if route.path not in LEFT_OUT)
SOCKETS = tuple(route for route in ROUTES if route.socket)
_FOUND = re.compile(r"\{(job|image|token|webhook|backend)\}")


class People:
    """The callers of a fuzzer: one user of each role, whose sessions are renewed when a call has ended them
    (logging out, changing roles and the like are among what is called)."""

    def __init__(self, hub: RunningHub) -> None:
        self._hub = hub
        self._sessions: dict[str, str] = {}

    async def session(self, role: str) -> str | None:
        """A live session of a user of that role; None for `nobody`."""
        if role == "nobody":
            return None
        found = self._sessions.get(role)
        caller = None if found is None else self._hub.room(Sessions).find(found)
        row = None if caller is None else self._hub.room(Accounts).users.get(caller.user)
        if found is None or row is None or role not in row.roles:
            found = self._sessions[role] = await self._hub.session_as(role)
        return found


def named(body: dict[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """A proper call with the ids of what is really there put in for `{job}` and its like."""
    text = _FOUND.sub(lambda match: known.get(match[1], "none"), json.dumps(body))
    filled: dict[str, Any] = json.loads(text)
    return filled


def mutated(dice: random.Random, body: dict[str, Any], most: int = 3) -> dict[str, Any]:
    """A proper call with up to `most` things wrong somewhere in it; sometimes none."""
    grown = copy.deepcopy(body)
    for _ in range(dice.randint(0, most)):
        place, key = _somewhere(dice, grown)
        if key is not None:
            _spoil(dice, place, key)
    return grown


def _somewhere(dice: random.Random, value: Any) -> tuple[Any, Any]:
    """A place in a structure: the object or list, and the key or index in it."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    if not keys:
        if isinstance(value, dict):
            value["added"] = 1
            return value, "added"
        return value, None
    key = dice.choice(keys)
    inner = value[key]
    if isinstance(inner, dict | list) and inner and dice.random() < 0.7:
        return _somewhere(dice, inner)
    return value, key


def _spoil(dice: random.Random, place: Any, key: Any) -> None:
    match dice.randrange(8):
        case 0:
            place.pop(key)
        case 1:
            place[key] = anything(dice, 3)
        case 2:
            place[key] = dice.choice(TREASURES)
        case 3:
            place[key] = dice.choice(NUMBERS)
        case 4:
            place[key] = dice.choice(([], {}, None, True, [None], {"": ""}, [[]], "null"))
        case 5:
            place[key] = str(place[key]) + dice.choice(TREASURES)
        case 6:
            place[key] = [place[key]] * dice.choice((1, 2, 50))
        case _:
            if isinstance(place, dict):
                place[str(key).swapcase() + dice.choice(("", " ", "\u00df"))] = anything(dice, 2)
            else:
                place.insert(key, anything(dice, 2))


def anything(dice: random.Random, depth: int) -> Any:
    """Some JSON value."""
    kind = dice.randrange(8 if depth else 5)
    if kind == 0:
        return dice.choice(TREASURES)
    if kind == 1:
        return dice.choice(NUMBERS)
    if kind == 2:
        return dice.choice((None, True, False))
    if kind == 3:
        return "".join(chr(dice.choice((dice.randrange(128), dice.randrange(0xD7FF)))) for _ in range(9))
    if kind == 4:
        return dice.uniform(-1e6, 1e6)
    if kind < 7:
        return {dice.choice(TREASURES): anything(dice, depth - 1) for _ in range(dice.randrange(4))}
    return [anything(dice, depth - 1) for _ in range(dice.randrange(4))]
