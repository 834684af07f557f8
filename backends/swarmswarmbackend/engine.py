"""Names another hub as an engine; the settings are SwarmUI's (swarm-api §9)."""

from typing import Annotated

from msgspec import Meta, Struct

from backends.contract import EngineType


class SwarmSettings(Struct, frozen=True, rename="pascal"):
    """Where the other hub is, and how it is spoken to."""

    address: Annotated[
        str,
        Meta(
            title="Address",
            description="Address of the other hub or SwarmUI server, as a browser opens it.",
            extra={"placeholder": "http://192.168.0.10:7801"},
        ),
    ] = ""
    allow_idle: Annotated[
        bool,
        Meta(
            title="Allow Idle",
            description="Whether it is all right that nobody answers there now and then.",
        ),
    ] = False
    allow_forwarding: Annotated[
        bool,
        Meta(
            title="Allow Forwarding",
            description="Whether the other hub may hand pictures on to hubs behind it. Off, only engines of "
            "its own are asked.",
        ),
    ] = True
    allow_websocket: Annotated[
        bool,
        Meta(
            title="Allow Websocket",
            description="Whether pictures are asked for over a websocket. Off, over plain HTTP, without "
            "previews: for proxies that let no websocket through.",
        ),
    ] = True
    authorization_header: Annotated[
        str,
        Meta(
            title="Authorization Header",
            description="Sent as the header Authorization with every call, for a hub that asks who is "
            "calling: `Bearer` and a token of the user there.",
            extra={"secret": True, "placeholder": "Bearer …"},
        ),
    ] = ""
    other_headers: Annotated[
        str,
        Meta(
            title="Other Headers",
            description="Further headers to send, one a line, each as `Name: value`.",
            extra={"secret": True, "placeholder": "Cookie: swarm_token=…"},
        ),
    ] = ""
    connection_attempt_timeout_seconds: Annotated[
        int,
        Meta(
            title="Connection Attempt Timeout Seconds",
            description="After how many seconds without an answer nobody is taken to be there.",
            ge=1,
            le=3600,
        ),
    ] = 30

    def __post_init__(self) -> None:
        # Refused before it is kept: addresses are listed and stored as they are, only headers are secret.
        if "@" in self.address.rpartition("://")[2].partition("/")[0]:
            raise ValueError(
                "write Address without a user name and password, and put them into AuthorizationHeader, "
                "as `Basic …`"
            )


ENGINE = EngineType(
    id="swarmswarmbackend",
    name="Another hub",
    description="Another Generation Hub or a SwarmUI server: pictures are handed on to it, with its models.",
    settings=SwarmSettings,
    client="backends.swarmswarmbackend.client:SwarmClient",
    slots=2,
)
