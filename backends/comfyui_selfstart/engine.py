"""Names the engine that starts a ComfyUI on this machine and draws through it."""

from backends.comfyui_selfstart.settings import SelfStartSettings
from backends.contract import EngineType

__all__ = ["ENGINE", "SelfStartSettings"]

ENGINE = EngineType(
    id="comfyui_selfstart",
    name="ComfyUI Self-Starting",
    description="Starts a ComfyUI that is installed on this machine, draws through it, ends it with the hub.",
    settings=SelfStartSettings,
    client="backends.comfyui_selfstart.client:SelfStartClient",
    slots=2,
    features=("comfyui",),
)
