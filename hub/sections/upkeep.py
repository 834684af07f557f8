"""Sections about keeping the hub in order."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.sections.marks import AT_ONCE, Amount


class Log(Struct, frozen=True):
    """What is written down."""

    level: Annotated[
        str,
        Meta(
            pattern="^(debug|info|warning|error)$", description="Least level that is logged.", extra=AT_ONCE
        ),
    ] = "info"
    paste_address: Annotated[
        str,
        Meta(
            description="Address that a submitted log is sent to (POST, plain text; it answers with the "
            "link); empty: it stays on this machine.",
            extra=AT_ONCE,
        ),
    ] = ""


class Updates(Struct, frozen=True):
    """How the hub follows the copy it was taken from."""

    allowed: Annotated[
        bool,
        Meta(
            description="Whether administrators may have the hub look for updates where its copy came from "
            "(git), take them and start anew.",
            extra=AT_ONCE,
        ),
    ] = True
    seconds: Annotated[
        Amount, Meta(description="Seconds that looking for and taking updates may last.", extra=AT_ONCE)
    ] = 120.0
