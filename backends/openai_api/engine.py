"""Names the engine that draws through the OpenAI Images API."""

from backends.contract import EngineType
from backends.openai_api.settings import OpenAISettings

__all__ = ["ENGINE", "OpenAISettings"]

ENGINE = EngineType(
    id="openai_api",
    name="OpenAI Images",
    description="Draws through the Images API of OpenAI, or of a server that speaks as it does, each user "
    "with the key of an account of their own (openai_api). Prices and limits are the provider's.",
    settings=OpenAISettings,
    client="backends.openai_api.client:connect",
    slots=4,
    standard=False,
    loads_models=False,
)
