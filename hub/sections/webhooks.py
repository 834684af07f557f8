"""Settings of webhooks."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.sections.marks import AT_ONCE, Amount, Positive


class Webhooks(Struct, frozen=True):
    """Addresses that are told what happens: users' own, and those set here (swarm-api §12)."""

    private_addresses: Annotated[
        bool,
        Meta(
            description="Whether users may name addresses of this machine and the local network, and plain "
            "http.",
            extra=AT_ONCE,
        ),
    ] = False
    each_user: Annotated[Positive, Meta(description="Most webhooks of one user.", extra=AT_ONCE)] = 10
    waiting: Annotated[
        Positive,
        Meta(
            description="Most events that may wait for one webhook; further ones are not sent.", extra=AT_ONCE
        ),
    ] = 1000
    tries: Annotated[
        Positive, Meta(description="Tries after which a delivery is given up.", extra=AT_ONCE)
    ] = 8
    retry_seconds: Annotated[
        Amount,
        Meta(
            description="Seconds before the second try; each further pause is four times as long.",
            extra=AT_ONCE,
        ),
    ] = 5.0
    answer_seconds: Annotated[
        Amount, Meta(description="Seconds a receiver has for its answer.", extra=AT_ONCE)
    ] = 10.0
    queue_start: Annotated[
        str,
        Meta(
            description="Address that is told when the queue begins, before the first image; empty: none.",
            extra=AT_ONCE,
        ),
    ] = ""
    queue_start_data: Annotated[
        str, Meta(description="Template of the JSON it is sent; empty: an empty object.", extra=AT_ONCE)
    ] = ""
    queue_end: Annotated[
        str,
        Meta(
            description="Address that is told when the queue is empty, before a next image; empty: none.",
            extra=AT_ONCE,
        ),
    ] = ""
    queue_end_data: Annotated[
        str, Meta(description="Template of the JSON it is sent; empty: an empty object.", extra=AT_ONCE)
    ] = ""
    every_gen: Annotated[
        str, Meta(description="Address that is told of every finished image; empty: none.", extra=AT_ONCE)
    ] = ""
    every_gen_data: Annotated[
        str, Meta(description="Template of the JSON it is sent; empty: an empty object.", extra=AT_ONCE)
    ] = ""
    manual_gen: Annotated[
        str,
        Meta(
            description="Address that is told of the images of requests that ask for it; empty: none.",
            extra=AT_ONCE,
        ),
    ] = ""
    manual_gen_data: Annotated[
        str, Meta(description="Template of the JSON it is sent; empty: an empty object.", extra=AT_ONCE)
    ] = ""
    server_start: Annotated[
        str, Meta(description="Address that is told when the server has started; empty: none.")
    ] = ""
    server_start_data: Annotated[
        str, Meta(description="Template of the JSON it is sent; empty: an empty object.")
    ] = ""
    server_shutdown: Annotated[
        str,
        Meta(
            description="Address that is told when the server stops, which waits for the answer; empty: "
            "none.",
            extra=AT_ONCE,
        ),
    ] = ""
    server_shutdown_data: Annotated[
        str, Meta(description="Template of the JSON it is sent; empty: an empty object.", extra=AT_ONCE)
    ] = ""
    queue_end_delay: Annotated[
        Amount, Meta(description="Seconds without any job after which the queue has ended.", extra=AT_ONCE)
    ] = 1.0
    wait_seconds: Annotated[
        Amount, Meta(description="Seconds the addresses set here have for their answers.", extra=AT_ONCE)
    ] = 120.0
