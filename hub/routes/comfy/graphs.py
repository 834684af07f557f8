"""What a ComfyUI server can be asked for, and the graph that a request would become there."""

from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from backends.comfyui_api.graph import Unbuildable, build
from backends.pool import Pool
from hub.accounts import Caller
from hub.errors import BadInput
from hub.jobs import Intake
from hub.params import work
from hub.routes.comfy.ways import way_to
from hub.wire import Body, api


class NodeTypesIn(Struct, frozen=True):
    """Whose nodes."""

    backend: Annotated[int, Meta(description="Number of an engine.")]


class NodeTypes(Struct, frozen=True):
    """Names of node classes."""

    node_types: list[str]


class GraphIn(Struct, frozen=True):
    """A request as for GenerateText2Image."""

    raw: Annotated[Body, Meta(description="Parameters by id (see ListT2IParams).")]


class GraphOut(Struct, frozen=True):
    """`workflow` is the graph as JSON text, in ComfyUI's API format."""

    workflow: str


@api("ComfyGetNodeTypesForBackend", permission="view_backends_list")
async def list_node_types(caller: Caller, given: NodeTypesIn, pool: Pool) -> NodeTypes:
    """List the node classes of an engine's ComfyUI server."""
    return NodeTypes(sorted(way_to(pool, given.backend).server.classes))


@api("ComfyGetGeneratedWorkflow", permission="comfy_direct_calls")
async def get_graph(caller: Caller, given: GraphIn, intake: Intake, pool: Pool) -> GraphOut:
    """Answer the graph that a ComfyUI server would be sent for a request; nothing is drawn."""
    request = await intake.read({"images": 1, **given.raw}, caller)
    way = way_to(pool, request.engine_id)
    try:
        graph = build(work(request, "shown", caller.user, caller.session, 0), way.server)
    except Unbuildable as trouble:
        raise BadInput(str(trouble), field="params") from trouble
    return GraphOut(msgspec.json.format(msgspec.json.encode(graph.nodes)).decode())
