"""Signing in with OpenID Connect: the way to an issuer and back, and who comes back."""

from hub.openid.front import FLOW_SECONDS, OpenID, Provider, Unregistered, flow_cookie
from hub.openid.ways import NotSignedIn, SignedIn

__all__ = [
    "FLOW_SECONDS",
    "NotSignedIn",
    "OpenID",
    "Provider",
    "SignedIn",
    "Unregistered",
    "flow_cookie",
]
