"""Graphs that come with a request: what they may be, and what fills their gaps."""

import json
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from backends.contract import EngineType, Workflow
from hub.errors import BadInput, HubError
from hub.params import Context, Registry, parse, spread
from hub.params.request import GenRequest
from hub.params.template import MOST_NODES, checked_graph, gaps
from tests.hub.params.conftest import person
from tests.hub.params.test_pictures import file_of, text_of

GRAPH = """{
 "1": {"class_type": "A", "inputs": {"text": "${prompt} by ${artist:nobody}", "steps": ${steps:20}}},
 "2": {"class_type": "B", "inputs": {"cfg": "%%_COMFYFIXME_${comfyrawworkflowinputdecimalx:7}_ENDFIXME_%%",
       "link": ["1", 0], "clip": "${clipstopatlayer:-1}"}}
}"""


def flow(context: Context, **keys: Any) -> Workflow:
    """The workflow of a request for an engine that takes them."""
    kind = EngineType("comfyui_api", "Comfy", "", Struct, features=("comfyui",))
    registry = Registry((kind,), workflows=lambda: ("mine/first", "second"))
    stored = {"mine/first": GRAPH, "second": "[]"}
    able = msgspec.structs.replace(context, registry=registry, read_workflow=stored.get)
    request = parse({"images": 2, **keys}, person(), able)
    assert "comfyui" in request.features
    works = spread(request, "job", "ann", "s")
    assert works[0].workflow is works[1].workflow is request.workflow
    assert not {"comfyworkflowraw", "comfyworkflowparammetadata"} & request.given.keys()
    assert request.workflow is not None
    return request.workflow


def asked(context: Context, inputs: dict[str, str], **keys: Any) -> GenRequest:
    """The request with a graph of one node that has these inputs."""
    kind = EngineType(
        *("comfyui_api", "Comfy", "", Struct), features=("comfyui",), samplers=("euler", "heun"),
        schedulers=("normal", "karras"),
    )  # fmt: skip
    able = msgspec.structs.replace(context, registry=Registry((kind,)))
    graph = json.dumps({"1": {"class_type": "A", "inputs": inputs}})
    return parse({"images": 1, "comfyworkflowraw": graph, **keys}, person(), able)


DEFAULTS = {
    "a": "${steps:17}",
    "b": "${cfg_scale:5}",
    "c": "${comfyui_sampler:heun}",
    "d": "${scheduler:karras}",
    "e": "${width:128}",
    "f": "${height:96}",
}


class TestItsOwnDefaults:
    def test_they_count_as_given(self, context: Context) -> None:
        found = asked(context, DEFAULTS)
        assert (found.steps, found.cfg_scale, found.sampler, found.scheduler) == (17, 5.0, "heun", "karras")
        assert (found.width, found.height) == (128, 96)
        assert found.workflow is not None and found.workflow.unasked == ()
        assert not {"steps", "sampler"} & set(found.defaults_used)

    def test_what_the_request_says_comes_first(self, context: Context) -> None:
        found = asked(context, DEFAULTS, steps=3, sampler="euler", width=64)
        assert (found.steps, found.sampler, found.scheduler, found.width) == (3, "euler", "karras", 64)

    def test_two_things_of_one_parameter_stay_with_the_graph(self, context: Context) -> None:
        found = asked(context, {"a": "${steps:17}", "b": "${steps:5}", "c": "${width:128}"})
        assert found.workflow is not None
        assert {"steps", "width", "height"} <= set(found.workflow.unasked)

    def test_what_no_parameter_can_be_stays_with_the_graph(self, context: Context) -> None:
        found = asked(context, {"a": "${steps:many}", "b": "${sampler:hew}", "c": "${cfgscale:-9000}"})
        assert found.workflow is not None
        assert {"steps", "sampler", "cfgscale"} <= set(found.workflow.unasked)


class TestGraph:
    def test_bare_gaps_become_texts(self) -> None:
        made = msgspec.json.decode(checked_graph(GRAPH, "x", "X"))
        assert made["1"]["inputs"]["steps"] == "%%_COMFYFIXME_${steps:20}_ENDFIXME_%%"
        assert made["1"]["inputs"]["text"] == "${prompt} by ${artist:nobody}"
        assert [tag for tag, _ in gaps(checked_graph(GRAPH, "x", "X"))] == [
            "prompt",
            "artist",
            "steps",
            "comfyrawworkflowinputdecimalx",
            "clipstopatlayer",
        ]

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "no JSON"),
            ("{", "no JSON"),
            ("[" * 100_000, "no JSON"),
            ("[]", "must be an object of nodes"),
            ("{}", "must be an object of nodes"),
            ('{"1": {"inputs": {}}}', "must be an object of nodes"),
            ('{"1": {"class_type": "A", "inputs": []}}', "must be an object of nodes"),
            ('{"nodes": [], "links": []}', "export it in the API format"),
        ],
    )
    def test_what_is_none(self, text: str, why: str) -> None:
        with pytest.raises(BadInput, match=f"parameter X: .*{why}") as refused:
            checked_graph(text, "x", "X")
        assert refused.value.extra["field"] == "x"

    def test_too_many_nodes(self) -> None:
        many = {str(number): {"class_type": "A"} for number in range(MOST_NODES + 1)}
        with pytest.raises(BadInput, match=f"at most {MOST_NODES}"):
            checked_graph(msgspec.json.encode(many).decode(), "x", "X")


class TestValues:
    def test_parameters_and_inputs_of_its_own(self, context: Context) -> None:
        found = flow(
            context,
            comfyworkflowraw=GRAPH,
            artist="ann",
            comfyrawworkflowinputdecimalx="2.5",
            clipstopatlayer=-2,
        )
        assert found.values == {"artist": "ann", "comfyrawworkflowinputdecimalx": 2.5, "clipstopatlayer": -2}

    def test_what_was_left_to_the_hub(self, context: Context) -> None:
        nothing = flow(context, comfyworkflowraw=GRAPH).unasked
        assert {"cfgscale", "sampler", "comfyuischeduler", "width", "height"} <= set(nothing)
        assert "steps" not in nothing, "the graph says it, which counts as given"
        found = flow(context, comfyworkflowraw=GRAPH, steps=3, scheduler="normal", aspectratio="1:1").unasked
        assert set(found) == {"cfgscale", "sampler", "comfysampler", "comfyuisampler"}

    def test_types_are_checked(self, context: Context) -> None:
        with pytest.raises(BadInput, match="comfyrawworkflowinputdecimalx"):
            flow(context, comfyworkflowraw=GRAPH, comfyrawworkflowinputdecimalx='7}},"3":{')
        told = '{"artist": {"type": "integer", "min": 1, "max": 5, "name": "Artist"}}'
        with pytest.raises(BadInput, match="Artist"):
            flow(context, comfyworkflowraw=GRAPH, artist=9, comfyworkflowparammetadata=told)
        with pytest.raises(BadInput, match="Comfy Workflow Param Metadata"):
            flow(context, comfyworkflowraw=GRAPH, comfyworkflowparammetadata="[]")

    def test_pictures(self, context: Context) -> None:
        graph = '{"1": {"class_type": "LoadImage", "inputs": {"image": "${comfyrawworkflowinputimagex}"}}}'
        found = flow(context, comfyworkflowraw=graph, comfyrawworkflowinputimagex=text_of(file_of("PNG")))
        assert found.pictures["comfyrawworkflowinputimagex"].startswith(b"\x89PNG")

    def test_a_gap_that_nothing_fills(self, context: Context) -> None:
        graph = '{"1": {"class_type": "A", "inputs": {"x": "${whatever}"}}}'
        with pytest.raises(BadInput, match="asks for 'whatever'"):
            flow(context, comfyworkflowraw=graph)

    def test_keys_nobody_asks_for_are_left_out_as_ever(
        self, context: Context, caplog: pytest.LogCaptureFixture
    ) -> None:
        flow(context, comfyworkflowraw=GRAPH, artist="ann", painter="bob")
        assert "'painter'" in caplog.text
        assert "'artist'" not in caplog.text


class TestStored:
    @pytest.mark.parametrize("key", ["comfyuicustomworkflow", "comfyworkflow"])
    def test_by_name(self, context: Context, key: str) -> None:
        assert "class_type" in flow(context, **{key: "mine/first"}).graph

    def test_of_no_such_name(self, context: Context) -> None:
        with pytest.raises(BadInput, match="ComfyUI Custom Workflow"):
            flow(context, comfyuicustomworkflow="zzz")

    def test_one_that_is_none(self, context: Context) -> None:
        with pytest.raises(BadInput, match="ComfyUI Custom Workflow: it must be an object"):
            flow(context, comfyuicustomworkflow="second")


@pytest.mark.parametrize(
    ("key", "flag"),
    [
        ("comfyworkflowraw", "comfy_dynamic_custom_workflows"),
        ("comfyuicustomworkflow", "comfy_stored_custom_workflows"),
    ],
)
def test_each_way_has_its_flag(context: Context, key: str, flag: str) -> None:
    with pytest.raises(HubError) as refused:
        parse({"images": 1, key: GRAPH}, person("user_interface"), context)
    assert refused.value.extra["permission"] == flag


def test_a_graph_may_do_what_no_engine_knows_how_to(context: Context) -> None:
    graph = '{"1": {"class_type": "A", "inputs": {"steps": "${videosteps:20}"}}}'
    kind = EngineType("comfyui_api", "Comfy", "", Struct, features=("comfyui",))
    able = msgspec.structs.replace(context, registry=Registry((kind,)))
    raw = {"images": 1, "comfyworkflowraw": graph, "videosteps": 30}
    request = parse(raw, person(), able)
    assert request.workflow is not None and request.workflow.values == {"videosteps": 30}
    assert set(request.asked_by) == {"comfyui"}
    assert parse(raw | {"videofps": 24}, person(), able).asked_by["image_to_video"] == "Video FPS"
