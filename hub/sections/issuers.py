"""Settings of OpenID Connect issuers that people sign in with."""

from typing import Annotated

from msgspec import Meta, Struct

from hub.sections.marks import AT_ONCE, SECRET


class OpenIDIssuer(Struct, frozen=True):
    """People who sign in with an OpenID Connect issuer: any that names itself by an address."""

    issuer: Annotated[
        str, Meta(description="The issuer's address, as in its ID tokens; empty: nobody signs in that way.")
    ] = ""
    client_id: Annotated[
        str, Meta(description="What the issuer knows this hub by; empty: nobody signs in that way.")
    ] = ""
    client_secret: Annotated[
        str,
        Meta(
            description="The secret that belongs to it. Set over the API it is encrypted; best given in the "
            "environment.",
            extra=SECRET,
        ),
    ] = ""
    button: Annotated[str, Meta(description="Words on the button of the sign-in page.")] = (
        "Sign in with OpenID Connect"
    )
    allowed_domains: Annotated[
        tuple[str, ...],
        Meta(description="Domains of verified e-mail addresses that may sign in; none: all.", extra=AT_ONCE),
    ] = ()
    register_unknown: Annotated[
        bool,
        Meta(description="Whether people whom nobody has entered yet may make an account.", extra=AT_ONCE),
    ] = False
    role: Annotated[
        str, Meta(description="Role of such accounts; empty: accounts.new_user_role.", extra=AT_ONCE)
    ] = ""
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts besides the issuer's own that its document may send the hub to."),
    ] = ()
    private_addresses: Annotated[
        bool,
        Meta(description="Whether the issuer may be on this machine or its network, and without encryption."),
    ] = False


class Google(OpenIDIssuer, frozen=True):
    """People who sign in with Google: the client's id and secret are enough."""

    issuer: Annotated[str, Meta(description="Google's address.")] = "https://accounts.google.com"
    button: Annotated[str, Meta(description="Words on the button of the sign-in page.")] = (
        "Sign in with Google"
    )
    hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts besides the issuer's own that its document may send the hub to."),
    ] = ("googleapis.com",)
