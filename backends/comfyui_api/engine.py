"""Names the engine that draws through a ComfyUI server somewhere."""

from backends.comfyui_api.settings import ComfyApiSettings
from backends.contract import EngineType

__all__ = ["ENGINE", "ComfyApiSettings"]

ENGINE = EngineType(
    id="comfyui_api",
    name="ComfyUI API By URL",
    description="Draws through a ComfyUI server that runs already, here or on another machine.",
    settings=ComfyApiSettings,
    client="backends.comfyui_api.client:ComfyClient",
    slots=2,
    loads_models=False,
    features=("comfyui",),
)
