"""Whatever is sent to any HTTP route by anybody: an answer of the documented shape, never a broken hub.

The input comes from the hub's own OpenAPI description (schemathesis), half of it as described and half of it
not; texts that mean something somewhere are mixed in.
"""

import asyncio
import copy
import random
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub import __version__
from hub.wire.describe import openapi
from hub.wire.route import Route
from tests.hub.running import RunningHub
from tests.swarm_api.fuzzing import NUMBERS, ROLES, ROUTES, TREASURES, People
from tests.swarm_api.sketching import SETTINGS

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {**SETTINGS, "network.max_request_mib": "4"}

CALLED = tuple(route for route in ROUTES if not route.socket)
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]
BROKEN = ("internal_error", "no_result")


def spiced(schema: Any) -> Any:
    """A schema that also asks for what means something, now and then, and leaves sessions to us."""
    if isinstance(schema, list):
        return [spiced(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "properties" in schema:
        schema["properties"].pop("session_id", None)
    schema = {key: spiced(part) for key, part in schema.items()}
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if "string" in kinds:
        return {"anyOf": [schema, {"enum": list(TREASURES)}]}
    if "integer" in kinds or "number" in kinds:
        low, high = schema.get("minimum", -(2**63)), schema.get("maximum", 2**63)
        return {"anyOf": [schema, {"enum": [number for number in NUMBERS if low <= number <= high]}]}
    return schema


def described() -> Any:
    """The hub's description of its HTTP routes: what is asked spiced, what is answered as it stands."""
    told = copy.deepcopy(openapi(CALLED, __version__))
    for methods in told["paths"].values():
        for operation in methods.values():
            operation["security"] = []
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]["application/json"]
                content["schema"] = spiced(content["schema"])
            for parameter in operation.get("parameters", ()):
                parameter["schema"] = spiced(parameter["schema"])
    told["components"].pop("securitySchemes")
    return schemathesis.openapi.from_dict(told)


DESCRIBED = described()


class Caller:
    """Sends cases from a thread of its own, while the hub answers in the test's loop."""

    def __init__(self, hub: RunningHub, loop: asyncio.AbstractEventLoop) -> None:
        self._url = hub.url
        self._people = People(hub)
        self._loop = loop
        self._client = requests.Session()
        self._client.trust_env = False
        self.calls = 0

    def __call__(self, case: Case[Any], role: str) -> None:
        session = asyncio.run_coroutine_threadsafe(self._people.session(role), self._loop).result(60)
        headers = {} if session is None else {"X-Session-ID": session}
        answer = case.call(base_url=self._url, session=self._client, headers=headers, timeout=60)
        self.calls += 1
        told = answer.content.decode("utf-8", "replace")
        assert not any(f'"{word}"' in told for word in BROKEN), f"{role}: {case.body!r:.2000} -> {told[:500]}"
        case.validate_response(answer, checks=CHECKS)


def input_of(route: Route) -> st.SearchStrategy[tuple[Case[Any], str]]:
    """Cases of a route and who sends them."""
    operation = DESCRIBED[route.path][route.method]
    as_told = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    otherwise = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    has_input = route.method == "POST" or operation.query
    cases = st.one_of(as_told, otherwise) if has_input else as_told
    return st.tuples(cases, st.sampled_from((*ROLES, "nobody")))


def tried(route: Route, call: Caller, many: int, dice: random.Random) -> Iterator[str]:
    """Send many inputs to a route; what went wrong, made as small as can be."""

    @seeded(dice.randrange(2**32))
    @settings(
        max_examples=many,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        report_multiple_bugs=False,
    )
    @given(input_of(route))
    def send(asked: tuple[Case[Any], str]) -> None:
        call(*asked)

    try:
        send()
    except (AssertionError, requests.RequestException, BaseExceptionGroup) as wrong:
        yield f"{route.method} {route.path}: {wrong}"


async def fuzzed(hub: RunningHub, many: int, seed: int) -> int:
    """Try every route; how many calls were made."""
    dice, call = random.Random(seed), Caller(hub, asyncio.get_running_loop())

    def everywhere() -> list[str]:
        return [wrong for route in CALLED for wrong in tried(route, call, many, dice)]

    wrong = await asyncio.to_thread(everywhere)
    assert not wrong, "\n\n".join(wrong)
    assert (await hub.http.get("/hub/v1/health")).status_code == 200
    return call.calls


async def test_a_sample(shared_hub: RunningHub) -> None:
    assert await fuzzed(shared_hub, 6, 6) > 5 * len(CALLED) / 2


@pytest.mark.long
async def test_tens_of_thousands(shared_hub: RunningHub) -> None:
    assert await fuzzed(shared_hub, 300, 66) > 20_000
