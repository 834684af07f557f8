"""Who is calling: users, roles, sessions, tokens, sign-in."""

from hub.accounts.caller import Caller, Limits
from hub.accounts.sessions import Sessions
from hub.accounts.sign_in import Refused, SignIn
from hub.accounts.tokens import COOKIE, COOKIE_SECONDS, Tokens
from hub.accounts.users import LOCAL, Users, clean_name
from hub.accounts.whole import Accounts, Identity

__all__ = [
    "COOKIE",
    "COOKIE_SECONDS",
    "LOCAL",
    "Accounts",
    "Caller",
    "Identity",
    "Limits",
    "Refused",
    "Sessions",
    "SignIn",
    "Tokens",
    "Users",
    "clean_name",
]
