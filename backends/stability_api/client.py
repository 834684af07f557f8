"""Makes the client of an engine that draws through Stability AI."""

from backends.contract import Client, Surroundings
from backends.hosted.client import HostedClient
from backends.stability_api.service import Stability
from backends.stability_api.settings import StabilitySettings


def connect(settings: StabilitySettings, surroundings: Surroundings) -> Client:
    """A client that has not called anybody yet."""
    return HostedClient(Stability(settings), surroundings)
