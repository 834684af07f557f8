"""The settings of one engine that draws through Stability AI."""

from typing import Annotated

from msgspec import Meta

from backends.hosted.settings import HostedSettings


class StabilitySettings(HostedSettings, frozen=True, rename="pascal"):
    """How Stability AI is called, and for what."""

    address: Annotated[
        str,
        Meta(
            title="Address",
            description="Where the service is. The users' keys are sent there.",
            extra={"placeholder": "https://api.stability.ai"},
        ),
    ] = "https://api.stability.ai"
    models: Annotated[
        str,
        Meta(
            title="Models",
            description="Which models users may choose, separated by commas: core, ultra, and names of the "
            "Stable Diffusion 3.5 family as Stability AI writes them.",
        ),
    ] = "core, ultra, sd3.5-large, sd3.5-large-turbo, sd3.5-medium"
