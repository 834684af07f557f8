"""From bytes to a call, from a value to bytes: how a route is declared, reached and answered."""

from hub.wire.alive import kept_alive
from hub.wire.answers import (
    Answer,
    Headers,
    Streamed,
    encode,
    error_answer,
    json_answer,
    redirect,
    text_answer,
)
from hub.wire.bind import Body
from hub.wire.docs import save_pages
from hub.wire.door import Door, header, is_loopback
from hub.wire.ending import Ending
from hub.wire.files import Files, html_answer, simple_page
from hub.wire.handlers import ends_of, room_of, visitor_of
from hub.wire.outbox import Binary
from hub.wire.route import Done, Nothing, api, own
from hub.wire.socket import refuse_socket
from hub.wire.stream import Closed, Stream
from hub.wire.switchboard import Conversation, Switchboard

__all__ = [
    "Answer",
    "Binary",
    "Body",
    "Closed",
    "Conversation",
    "Done",
    "Door",
    "Ending",
    "Files",
    "Headers",
    "Nothing",
    "Stream",
    "Streamed",
    "Switchboard",
    "api",
    "encode",
    "ends_of",
    "error_answer",
    "header",
    "html_answer",
    "is_loopback",
    "json_answer",
    "kept_alive",
    "own",
    "redirect",
    "refuse_socket",
    "room_of",
    "save_pages",
    "simple_page",
    "text_answer",
    "visitor_of",
]
