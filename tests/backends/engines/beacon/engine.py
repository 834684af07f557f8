"""Names the beacon engine."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from backends.contract import EngineType


class BeaconSettings(Struct, frozen=True, rename="pascal"):
    """Where the lighthouse is; one setting of every kind."""

    address: Annotated[
        str,
        Meta(title="Address", description="Where it is.", extra={"placeholder": "host:1"}),
    ] = ""
    allow_idle: Annotated[bool, Meta(title="Allow idle", description="Whether nobody may answer.")] = False
    over_queue: Annotated[int, Meta(title="Over queue", description="More works.", ge=0, le=9)] = 1
    patience: Annotated[float, Meta(title="Patience", description="Seconds.", gt=0)] = 1.5
    colour: Annotated[Literal["red", "green"], Meta(title="Colour", description="Of the light.")] = "red"
    password: Annotated[
        str, Meta(title="Password", description="Lets us in.", max_length=50, extra={"secret": True})
    ] = ""
    gpu_id: Annotated[str, Meta(title="GPU", description="Which one.")] = field(default="0", name="GPU_ID")


ENGINE = EngineType(
    id="beacon",
    name="Beacon",
    description="Asks a lighthouse.",
    settings=BeaconSettings,
    client="beacon.client:BeaconClient",
    standard=False,
)
