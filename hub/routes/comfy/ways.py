"""Which ComfyUI server a direct call goes to."""

from collections.abc import Iterator

from backends.comfyui_api.way import HasWay, Way
from backends.pool import Pool
from hub.errors import BadInput, HubError

NONE = "No ComfyUI backends available, this only works when a ComfyUI engine is running."


def way_to(pool: Pool, engine: int | None = None) -> Way:
    """The way to this engine's server, or to the first one's that answers.

    Raises BadInput for an engine that is no ComfyUI server, HubError when none answers.
    """
    found = dict(_ways(pool))
    if engine is None:
        if not found:
            raise HubError(NONE, status=503)
        return found[min(found)]
    if engine not in found:
        raise BadInput(
            f"Backend {engine} is no ComfyUI engine that runs now.", field="backend", limit=sorted(found)
        )
    return found[engine]


def _ways(pool: Pool) -> Iterator[tuple[int, Way]]:
    for state in pool.states():
        client: object = pool.client(state.id)
        way = client.way() if isinstance(client, HasWay) else None
        if way is not None:
            yield state.id, way
