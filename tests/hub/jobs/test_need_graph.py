"""A request with a graph of its own: which engines may take it."""

import msgspec

from backends.contract import EngineState, Workflow
from hub.jobs.fit import Seat, misfit
from hub.jobs.need import need_of
from tests.hub.media.samples import request


def test_the_graph_names_its_own_models() -> None:
    given = msgspec.structs.replace(
        request(), workflow=Workflow("{}"), asked_by={"comfyui": "Comfy Workflow Raw"}
    )
    state = EngineState(1, "comfyui_api", "Far", "running", features=("comfyui",), holds_any=False)
    seat = Seat(msgspec.structs.replace(state, offers={"VAE": {}}), 1)
    assert misfit(need_of(given), seat) is None
    plain = msgspec.structs.replace(given, workflow=None)
    assert "does not have the model" in str(misfit(need_of(plain), seat))
    other = msgspec.structs.replace(seat, state=msgspec.structs.replace(state, features=()))
    assert "comfyui (for Comfy Workflow Raw)" in str(misfit(need_of(given), other))
