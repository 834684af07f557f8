"""What a sign-in page has to know before anybody is signed in."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.openid import OpenID
from hub.settings import Settings
from hub.wire import Nothing, own


class ProviderOut(Struct, frozen=True):
    """An OpenID Connect issuer: a browser that opens `address` (below the hub's own) comes back signed in."""

    id: str
    button: str
    address: Annotated[str, Meta(description="Add `?return=/…` for the place to come back to.")]


class WaysOut(Struct, frozen=True):
    """How one signs in here; with a name and a password always. `registration` tells whether RegisterBasic
    is open to visitors."""

    registration: bool
    providers: list[ProviderOut]


@own("/sign_in", permission=None, method="GET")
async def ways_to_sign_in(given: Nothing, openid: OpenID, settings: Settings) -> WaysOut:
    """The ways to sign in; needs no session."""
    return WaysOut(
        settings.accounts.allow_registration,
        [ProviderOut(each.id, each.button, f"OpenID/{each.id}") for each in openid.providers()],
    )
