"""Names the engine that draws through Stability AI's REST API."""

from backends.contract import EngineType
from backends.stability_api.settings import StabilitySettings

__all__ = ["ENGINE", "StabilitySettings"]

ENGINE = EngineType(
    id="stability_api",
    name="Stability AI",
    description="Draws with Stability AI's models over the internet, each user with the key of an account "
    "of their own (stability_api). Prices and limits are Stability AI's.",
    settings=StabilitySettings,
    client="backends.stability_api.client:connect",
    slots=4,
    standard=False,
    loads_models=False,
)
