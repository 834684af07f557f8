"""From bytes to a call, from a value to bytes: how a route is declared, reached and answered."""

from hub.wire.answers import encode
from hub.wire.bind import Body
from hub.wire.door import Door
from hub.wire.route import Nothing, api, own
from hub.wire.stream import Closed, Stream

__all__ = ["Body", "Closed", "Door", "Nothing", "Stream", "api", "encode", "own"]
