"""What SwarmUI's extension installs into a ComfyUI of its own. This hub changes no installation: each route
says so in its own shape, and what to do instead.
"""

from typing import Annotated

from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import HubError
from hub.wire import Body, api

_BY_HAND = "This hub does not change a ComfyUI installation. "


class FeaturesIn(Struct, frozen=True):
    """What would be installed."""

    features: Annotated[str, Meta(description="Names of features, separated by commas.")]


class UpdateIn(Struct, frozen=True):
    """Whose PyTorch would be changed."""

    backendId: Annotated[int, Meta(description="Number of an engine.")]


class TorchInstalls(Struct, frozen=True):
    """No installation is known: none is this hub's."""

    installs: list[str]


class RefreshIn(Struct, frozen=True):
    """Nothing."""

    raw: Annotated[Body, Meta(description="Ignored.")] = {}


class Refreshable(Struct, frozen=True):
    """Always true: lists are read from the server again on every refresh."""

    success: bool = True


class TensorRtIn(Struct, frozen=True):
    """A model that would be compiled for one card."""

    model: str
    aspect: str
    aspectRange: str
    optBatch: int
    maxBatch: int
    contextLen: int = 75


@api("ComfyEnsureRefreshable", permission="basic_image_generation")
async def ensure_refreshable(caller: Caller, given: RefreshIn) -> Refreshable:
    """Tells that ComfyUI engines can be refreshed: nothing has to be prepared for that here."""
    return Refreshable()


@api("ComfyInstallFeatures", permission="install_features", active=True)
async def install_features(caller: Caller, given: FeaturesIn) -> Refreshable:
    """Refuses: nodes are installed where ComfyUI runs, by whoever runs it."""
    raise HubError(
        f"{_BY_HAND}Install the nodes for '{given.features[:100]}' where it runs (its manager does that), "
        "restart it, and press Refresh: what it can do then is found by itself."
    )


@api("ComfyListTorchInstalls", permission="install_features")
async def list_torch_installs(caller: Caller) -> TorchInstalls:
    """An empty list: there is no installation that this hub could change."""
    return TorchInstalls([])


@api("ComfyUpdateTorch", permission="install_features", active=True)
async def update_torch(caller: Caller, given: UpdateIn) -> Refreshable:
    """Refuses: PyTorch is changed where ComfyUI runs."""
    raise HubError(
        f"{_BY_HAND}Change PyTorch in the environment of engine {given.backendId} itself, then restart it."
    )


@api("DoTensorRTCreateWS", permission="create_tensorrt", active=True, socket=True)
async def create_tensorrt(caller: Caller, given: TensorRtIn) -> Refreshable:
    """Refuses: this hub does not compile models for TensorRT."""
    raise HubError(
        "This hub cannot make TensorRT engines. To speed models up, set 'compile' of the local engine."
    )
