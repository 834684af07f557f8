"""The settings that every hosted engine has, each with its text."""

import re
from typing import Annotated

from msgspec import Meta, Struct


class HostedSettings(Struct, frozen=True, rename="pascal"):
    """How a service is called. Sizes are counts and seconds, as the texts say."""

    slots: Annotated[
        int,
        Meta(
            title="Slots",
            description="How many pictures are asked for at once, of all users together.",
            ge=1,
            le=64,
        ),
    ] = 4
    timeout_seconds: Annotated[
        int,
        Meta(
            title="Timeout Seconds",
            description="How long one picture may take before it is given up.",
            ge=5,
            le=3600,
        ),
    ] = 300
    retry_seconds: Annotated[
        int,
        Meta(
            title="Retry Seconds",
            description="How long a picture waits altogether when the service says that it was asked too "
            "often. 0: not at all.",
            ge=0,
            le=3600,
        ),
    ] = 90


def words_of(setting: str) -> tuple[str, ...]:
    """The words of a setting that lists some: separated by commas, semicolons or spaces; each once."""
    return tuple(dict.fromkeys(filter(None, re.split(r"[,;\s]+", setting))))
