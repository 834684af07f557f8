"""Makes the client of an engine that speaks the OpenAI Images API."""

from backends.contract import Client, Surroundings
from backends.hosted.client import HostedClient
from backends.openai_api.service import OpenAIImages
from backends.openai_api.settings import OpenAISettings


def connect(settings: OpenAISettings, surroundings: Surroundings) -> Client:
    """A client that has not called anybody yet."""
    return HostedClient(OpenAIImages(settings), surroundings)
