"""The settings of one engine that speaks the OpenAI Images API."""

from typing import Annotated, Literal

from msgspec import Meta

from backends.hosted.settings import HostedSettings


class OpenAISettings(HostedSettings, frozen=True, rename="pascal"):
    """Where it is, what it draws with, and how."""

    address: Annotated[
        str,
        Meta(
            title="Address",
            description="Where the API is, up to and with its version. The users' keys are sent there.",
            extra={"placeholder": "https://api.openai.com/v1"},
        ),
    ] = "https://api.openai.com/v1"
    needs_key: Annotated[
        bool,
        Meta(
            title="Needs Key",
            description="Each user needs a stored key (openai_api), which is sent along. Off for a "
            "compatible server that takes none: then none is sent.",
        ),
    ] = True
    service_name: Annotated[
        str,
        Meta(title="Service Name", description="What users read about where their pictures are drawn."),
    ] = "OpenAI"
    folder: Annotated[
        str,
        Meta(
            title="Folder",
            description="What stands before the models' names, as a folder. Two engines with different "
            "models need two folders.",
        ),
    ] = "openai"
    models: Annotated[
        str,
        Meta(
            title="Models",
            description="Which models users may choose, separated by commas, as the service names them.",
        ),
    ] = "gpt-image-2, gpt-image-1.5, gpt-image-1, gpt-image-1-mini"
    sizes: Annotated[
        str,
        Meta(
            title="Sizes",
            description="Sizes that models of unknown names draw, separated by commas, like 512x512. Empty: "
            "any; the wanted one is asked for.",
        ),
    ] = ""
    quality: Annotated[
        Literal["auto", "low", "medium", "high"],
        Meta(
            title="Quality", description="How much work GPT image models put into a picture; also its price."
        ),
    ] = "auto"
    partial_images: Annotated[
        int,
        Meta(
            title="Partial Images",
            description="How many previews GPT image models send of a picture while they draw it. Each costs "
            "a little more.",
            ge=0,
            le=3,
        ),
    ] = 0
    moderation: Annotated[
        Literal["auto", "low"],
        Meta(title="Moderation", description="How strictly GPT image models judge what is asked for."),
    ] = "auto"
