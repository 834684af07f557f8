"""What a new token may hold: never more than the one that asks for it, and never for longer."""

from collections.abc import Sequence

from hub.accounts.caller import Caller
from hub.accounts.tokens import SIGN_IN, Tokens
from hub.errors import BadInput, Forbidden
from permissions import FLAGS


def allowed_token(
    tokens: Tokens, caller: Caller, wanted: Sequence[str] | None, seconds: int
) -> tuple[tuple[str, ...] | None, int]:
    """The flags (None: all of the user's) and the end (unix milliseconds, 0: never) of a token that `caller`
    makes for `seconds` (0: for good). Raises BadInput, Forbidden.
    """
    now = tokens.now()
    expires = now + seconds * 1000 if seconds else 0
    own = tokens.get(caller.token)
    if own is None:
        return _flags(caller, wanted), expires
    # A browser's token lasts as long as its cookie, and says nothing of how long its user may give.
    if own.expires and own.reason != SIGN_IN:
        if expires > own.expires:
            left = max(1, (own.expires - now) // 1000)
            raise BadInput(
                f"This token ends in {left} seconds itself and makes none that lasts longer.",
                field="expires_in",
                limit=left,
            )
        expires = expires or own.expires
    flags = _flags(caller, wanted)
    return (own.flags if flags is None else flags), expires


def _flags(caller: Caller, wanted: Sequence[str] | None) -> tuple[str, ...] | None:
    if wanted is None:
        return None
    if not wanted:
        raise BadInput(
            "A token without any permission opens nothing. Name some, or leave 'flags' out.", field="flags"
        )
    for flag in wanted:
        if flag not in FLAGS:
            raise BadInput(f"There is no permission '{flag[:80]}'.", field="flags")
        if not caller.may(flag):
            raise Forbidden(flag, f"A token cannot hold '{flag}', which you do not.")
    return tuple(dict.fromkeys(wanted))
