"""ListT2IParams and TriggerRefresh over HTTP."""

import pytest

from backends.diffusers_local.engine import ENGINE
from hub.params.samplers import SAMPLERS
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("route", ["ListT2IParams", "TriggerRefresh"])
class TestWhoMayAsk:
    async def test_nobody_without_a_session(self, shared_hub: RunningHub, route: str) -> None:
        answer = await shared_hub.post(f"/API/{route}", {})
        assert answer.status_code == 400
        assert answer.json()["error_id"] == "basic_api"

    async def test_a_dead_session(self, shared_hub: RunningHub, route: str) -> None:
        answer = await shared_hub.post(f"/API/{route}", {"session_id": "0" * 40})
        assert answer.status_code == 401

    async def test_a_role_without_the_flag(self, shared_hub: RunningHub, route: str) -> None:
        session = await shared_hub.session_as("nobody_at_all")
        answer = await shared_hub.post(f"/API/{route}", {"session_id": session})
        assert answer.status_code == 400
        assert answer.json()["permission"] == "fundamental_generate_tab_access"

    async def test_a_guest(self, shared_hub: RunningHub, route: str) -> None:
        session = await shared_hub.session_as("guest")
        answer = await shared_hub.call(route, session_id=session)
        listed = {param["id"] for param in answer["list"]}
        assert "prompt" in listed
        assert listed.isdisjoint({"model", "exactbackendid", "internalbackendtype"})


class TestListing:
    async def test_the_owner_sees_everything(self, shared_hub: RunningHub) -> None:
        answer = await shared_hub.call("ListT2IParams")
        by_id = {param["id"]: param for param in answer["list"]}
        assert by_id["steps"]["default"] == "20"
        assert by_id["steps"]["max"] == 500
        assert by_id["seed"]["max"] == 2**63 - 1
        assert by_id["exactbackendid"]["values"] == ["0"]
        assert "diffusers_local" in by_id["internalbackendtype"]["values"]
        assert ["starter", "starter"] in answer["models"]["Stable-Diffusion"]
        order = [group["id"] for group in answer["groups"]]
        assert order[:3] == ["imageprompting", "starred", "coreparameters"]

    async def test_samplers_are_those_an_engine_can_do(self, shared_hub: RunningHub) -> None:
        answer = await shared_hub.call("ListT2IParams")
        by_id = {param["id"]: param for param in answer["list"]}
        assert {"euler", "ddim"} <= set(by_id["sampler"]["values"])
        assert set(by_id["sampler"]["values"]) == set(ENGINE.samplers) < {*ENGINE.samplers, *SAMPLERS}
        assert by_id["sampler"]["feature_flag"] is None

    async def test_parameter_edits_come_back(self, shared_hub: RunningHub) -> None:
        assert (await shared_hub.call("ListT2IParams"))["param_edits"] is None
        edits = {"params": {"steps": {"default": "9"}}}
        assert await shared_hub.call("SetParamEdits", edits=edits) == {"success": True}
        assert (await shared_hub.call("ListT2IParams"))["param_edits"] == edits


class TestRefresh:
    @pytest.mark.parametrize("given", [{"strong": 1}, {"strong": "maybe"}])
    async def test_a_bad_switch_is_refused(self, shared_hub: RunningHub, given: dict[str, object]) -> None:
        answer = await shared_hub.call("TriggerRefresh", **given)
        assert answer["field"] == "strong"
