"""What an issuer's ID token proves, and whether it proves it to us (OpenID Connect Core 1.0 §3.1.3.7). Pure:
keys and time are passed in.
"""

from collections.abc import Collection, Mapping
from typing import Any

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from msgspec import Struct

from hub.openid.ways import NotSignedIn

ALGORITHMS = frozenset("RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519".split())
"""Signatures of key pairs only: `none` proves nothing, and with HS256 the public key would be the secret."""
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
LEEWAY = 60
"""Seconds that the clocks may differ."""
LONGEST = 64 << 10
LONGEST_SUBJECT = 255


class Person(Struct, frozen=True):
    """Whom an issuer has signed in. `email` is "" unless the issuer says that it was verified."""

    issuer: str
    subject: str
    email: str


class UnknownKey(Exception):
    """The token names a key that is not among these; the issuer may have changed its keys."""


def check(
    token: str,
    keys: Mapping[str, Any],
    *,
    issuer: str,
    client: str,
    nonce: str,
    allowed: Collection[str],
    now: int,
) -> Person:
    """The person an ID token speaks of. `keys` is the issuer's JWKS, `allowed` the signatures it announces,
    `now` unix seconds. Raises NotSignedIn, UnknownKey.
    """
    claims = _signed(token, keys, ALGORITHMS & set(allowed))
    registry = jwt.JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        aud={"essential": True, "value": client},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        registry.validate(claims)
    except JoseError as wrong:
        raise NotSignedIn(f"The sign-in cannot be believed: {_words(wrong)}.") from wrong
    return _person(claims, issuer, client)


def _signed(token: str, keys: Mapping[str, Any], algorithms: Collection[str]) -> dict[str, Any]:
    """The claims of a token whose signature is one of the issuer's."""
    if len(token) > LONGEST:
        raise NotSignedIn("The sign-in cannot be believed: its token is too long.")
    try:
        header = jws.extract_compact(token.encode()).headers()
        if header.get("alg") not in algorithms:
            raise NotSignedIn(
                f"The sign-in cannot be believed: its token is signed by '{str(header.get('alg'))[:40]}'."
            )
        usable = [
            key
            for key in keys.get("keys", ())
            if isinstance(key, dict) and key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"
        ]
        if not any("kid" not in header or key.get("kid") == header["kid"] for key in usable):
            raise UnknownKey
        claims = jwt.decode(
            token, KeySet.import_key_set({"keys": usable}), algorithms=list(algorithms)
        ).claims
    except (JoseError, ValueError, TypeError, KeyError) as wrong:
        raise NotSignedIn(f"The sign-in cannot be believed: {_words(wrong)}.") from wrong
    return dict(claims)


def _person(claims: Mapping[str, Any], issuer: str, client: str) -> Person:
    audience = claims["aud"]
    party = claims.get("azp")
    if (isinstance(audience, list) and len(audience) > 1 and party is None) or party not in (None, client):
        raise NotSignedIn("The sign-in cannot be believed: it was made for another program.")
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise NotSignedIn("The sign-in cannot be believed: it does not say who it is about.")
    email = claims.get("email")
    verified = claims.get("email_verified") is True and isinstance(email, str)
    return Person(issuer, subject, str(email).strip().lower() if verified else "")


def _words(trouble: Exception) -> str:
    return (str(trouble) or type(trouble).__name__)[:200].rstrip(".")
