"""Who is calling: users, roles, sessions, tokens, sign-in, and what each user keeps with the hub."""

from hub.accounts.attempts import Attempts, network_of
from hub.accounts.box import Box, LostKey
from hub.accounts.caller import Caller, Limits
from hub.accounts.clock import now_ms
from hub.accounts.governing import Governing
from hub.accounts.granting import allowed_token
from hub.accounts.guesses import Guesses
from hub.accounts.keepsakes import LINKS, PARAM_EDITS, STARS, Keepsakes
from hub.accounts.leaving import Leaving, Place
from hub.accounts.preferences import Preferences
from hub.accounts.presets import Draft, Preset, PresetFailed, Presets
from hub.accounts.references import References
from hub.accounts.roles import Roles
from hub.accounts.sessions import Sessions
from hub.accounts.sign_in import Refused, SignIn
from hub.accounts.tokens import COOKIE, COOKIE_SECONDS, SIGN_IN, Tokens
from hub.accounts.upstream_keys import UpstreamKeys
from hub.accounts.users import LOCAL, Users, clean_name
from hub.accounts.whole import Accounts, Identity
from hub.accounts.word_lists import WordLists, Writing

__all__ = [
    "COOKIE",
    "COOKIE_SECONDS",
    "LINKS",
    "LOCAL",
    "PARAM_EDITS",
    "SIGN_IN",
    "STARS",
    "Accounts",
    "Attempts",
    "Box",
    "Caller",
    "Draft",
    "Governing",
    "Guesses",
    "Identity",
    "Keepsakes",
    "Leaving",
    "Limits",
    "LostKey",
    "Place",
    "Preferences",
    "Preset",
    "PresetFailed",
    "Presets",
    "References",
    "Refused",
    "Roles",
    "Sessions",
    "SignIn",
    "Tokens",
    "UpstreamKeys",
    "Users",
    "WordLists",
    "Writing",
    "allowed_token",
    "clean_name",
    "network_of",
    "now_ms",
]
