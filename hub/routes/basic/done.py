"""The shortest answer: it worked."""

from msgspec import Struct


class Done(Struct, frozen=True):
    """`success` is true; anything else is an error envelope."""

    success: bool = True
