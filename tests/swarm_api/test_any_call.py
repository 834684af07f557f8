"""Proper calls of every HTTP route with something wrong in them: whoever sends them, an answer in words."""

import json
import random
from typing import Any

import pytest

from tests.hub.running import RunningHub
from tests.swarm_api.fuzzing import ROLES, ROUTES, People, mutated, named
from tests.swarm_api.proper_calls import PROPER
from tests.swarm_api.sketching import SETTINGS, SMALL

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = {
    **SETTINGS,
    "network.max_request_mib": "4",
    "limits.images": "20",
    "limits.waiting_images": "200",
    "webhooks.private_addresses": "true",
}
CALLED = tuple(route for route in ROUTES if not route.socket)
STATUSES = (200, 400, 401, 403, 404, 405, 413, 429, 503)


async def furnished(hub: RunningHub, session: str) -> dict[str, str]:
    """Make one of everything that calls may name; their ids."""
    known: dict[str, str] = {}

    async def made(name: str, /, **body: Any) -> Any:
        return await hub.call(name, **{"session_id": session, **body})

    engines = await made("ListBackends")
    drawing = [number for number, view in engines.items() if view["enabled"] and view["type"] == "sketch"]
    known["backend"] = drawing[0] if drawing else str((await made("AddNewBackend", type_id="sketch"))["id"])
    image = await made("GenerateText2Image", **SMALL, prompt="red")
    known["image"] = image["images"][0].split("/", 2)[2]
    known["job"] = (await hub.post("/hub/v1/jobs", {"session_id": session})).json()["jobs"][0]["job"]
    await made("CreateAuthToken", reason="fuzz")
    known["token"] = (await made("ListMyAuthTokens"))["tokens"][0]["id"]
    hook = {"session_id": session, **PROPER["/hub/v1/webhooks/create"]}
    answer = (await hub.post("/hub/v1/webhooks/create", hook)).json()
    known["webhook"] = str(answer.get("id", answer.get("webhook", {}))) or "none"
    await made("AdminAddUser", **PROPER["/API/AdminAddUser"])
    await made("AdminAddRole", name="painters")
    for route in ("AddNewPreset", "EditWildcard", "GridGenSaveData", "ComfySaveWorkflow"):
        await made(route, **PROPER[f"/API/{route}"])
    return known


async def fuzzed(hub: RunningHub, rounds: int, seed: int) -> int:
    """Call every route so many times; how many calls were taken."""
    dice, people = random.Random(seed), People(hub)
    wrong: list[str] = []
    taken = 0
    for turn in range(rounds):
        if turn % 20 == 0:
            known = await furnished(hub, str(await people.session("owner")))
        for route in dice.sample(CALLED, len(CALLED)):
            role = dice.choice((*ROLES, "owner", "nobody" if dice.random() < 0.2 else "owner"))
            session = await people.session(role)
            headers = {} if session is None else {"X-Session-ID": session}
            body = mutated(dice, named(PROPER.get(route.path, {}), known))
            if route.method == "GET":
                query = {str(key)[:200]: str(value)[:2000] for key, value in body.items()}
                answer = await hub.http.get(route.path, params=query, headers=headers, timeout=120)
            else:
                text = json.dumps(body, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
                headers["Content-Type"] = "application/json"
                answer = await hub.http.post(route.path, content=text, headers=headers, timeout=120)
            told = answer.text
            if answer.status_code not in STATUSES or '"internal_error"' in told or '"no_result"' in told:
                wrong.append(f"{route.path} {role} {body!r:.1500} -> {answer.status_code} {told[:300]}")
            taken += answer.status_code == 200 and '"error' not in told[:12]
    assert not wrong, "\n\n".join(wrong[:30])
    assert (await hub.http.get("/hub/v1/health")).status_code == 200
    return taken


async def test_a_sample(shared_hub: RunningHub) -> None:
    assert await fuzzed(shared_hub, 12, 6) > 100


@pytest.mark.long
async def test_tens_of_thousands(shared_hub: RunningHub) -> None:
    assert await fuzzed(shared_hub, 200, 66) > 2000
