"""Signing in, registering and changing a password, each with its limit of tries."""

import logging

from hub.accounts.attempts import Attempts, network_of
from hub.accounts.caller import Caller
from hub.accounts.clock import Clock, now_ms
from hub.accounts.guesses import bare
from hub.accounts.passwords import LONGEST, SHORTEST, Passwords
from hub.accounts.sessions import Sessions
from hub.accounts.tokens import SIGN_IN, Tokens
from hub.accounts.users import Users, clean_name, may_be_taken
from hub.errors import BadInput, HubError
from hub.settings import Accounts as AccountSettings

TRIES_PER_ADDRESS = 5
TRIES_PER_NAME = 15
TRIES_PER_CHANGE = 5
HERE = "this machine"
"""What the tries of direct callers on this machine are counted by: a proxy on it has the same address."""
FRESH_MS = 600_000
"""How long after signing in an account without a password may be deleted by its user."""
_log = logging.getLogger(__name__)


class Refused(HubError):
    """A sign-in or registration that did not happen: SwarmUI's clients read `error_id` and no sentence, so
    the sentence for people is in `detail`."""

    def __init__(self, error_id: str, detail: str, **extra: int) -> None:
        super().__init__("", error_id=error_id, detail=detail, **extra)


class SignIn:
    """The ways from a name and a password to a token."""

    def __init__(
        self,
        settings: AccountSettings,
        users: Users,
        tokens: Tokens,
        sessions: Sessions,
        passwords: Passwords,
        *,
        clock: Clock = now_ms,
    ) -> None:
        self._settings = settings
        self._users = users
        self._tokens = tokens
        self._sessions = sessions
        self._passwords = passwords
        self._clock = clock
        self._by_address = Attempts(TRIES_PER_ADDRESS)
        self._by_name = Attempts(TRIES_PER_NAME)
        self._changes = Attempts(TRIES_PER_CHANGE)

    async def login(
        self,
        username: str,
        password: str,
        *,
        peer: str,
        address: str = "",
        user_agent: str = "",
        is_loopback: bool = False,
    ) -> str:
        """The text of a new token. Raises Refused: invalid_login or ratelimit.

        `peer` is the bare address that tries are counted by; a direct caller on this machine (`is_loopback`)
        has a count of its own, and what others tried with a name does not count against it.
        An unknown name, a wrong password and an account without one are the same to the caller, in time too.
        """
        name = clean_name(username)
        self._ration(peer, name, is_loopback)
        row = self._users.get(name) if name else None
        kept = row.password if row is not None else ""
        if (
            not await self._passwords.matches(name, password[: LONGEST * 2], kept)
            or len(password) > LONGEST * 2
        ):
            raise Refused("invalid_login", "No account has this name and password. Check both and try again.")
        if (now := self._users.get(name)) is None or now.password != kept:
            raise Refused("invalid_login", "The account was changed at this moment. Try again.")
        _log.info("user %s signed in from %s", name, address)
        return await self._tokens.sign_in(name, address=address, user_agent=user_agent)

    async def register(self, username: str, password: str, *, peer: str, is_loopback: bool) -> None:
        """A new account. Raises Refused: invalid_input, ratelimit, username_exists or registration_failed.

        Open only where the setting says so; the exception is the first account with a password, which
        somebody on this very machine may make and which becomes the owner: without it the hub could never
        be shared.
        """
        name = clean_name(username)
        self._ration(peer, name, is_loopback)
        first = is_loopback and not await self._users.has_password_owner()
        if not (first or self._settings.allow_registration):
            raise Refused(
                "registration_failed",
                "Registration is closed here (setting accounts.allow_registration). "
                "Ask the owner for an account.",
            )
        if not name or not SHORTEST <= len(password) <= LONGEST:
            raise Refused(
                "invalid_input",
                f"A name has 3 to 100 letters, digits or _, a password {SHORTEST} to {LONGEST} characters.",
            )
        if not may_be_taken(name):
            raise Refused(
                "username_exists", "This name is reserved, or does not begin with a letter. Choose another."
            )
        hashed = await self._passwords.hash(name, password)
        role = "owner" if first else self._settings.new_user_role
        if not await self._users.add(name, password=hashed, roles=(role,)):
            raise Refused("username_exists", "Somebody has this name already. Choose another.")
        _log.info("user %s registered as %s", name, role)

    async def register_known(
        self, username: str, identity: tuple[str, str], role: str, *, peer: str, is_loopback: bool
    ) -> str:
        """A new account without a password for whom an OpenID issuer knows (its address, the subject); its
        name. Raises Refused: invalid_input, ratelimit or username_exists."""
        name = clean_name(username)
        self._ration(peer, name, is_loopback)
        if not name:
            raise Refused("invalid_input", "A name has 3 to 100 letters, digits or _.")
        if not may_be_taken(name):
            raise Refused(
                "username_exists", "This name is reserved, or does not begin with a letter. Choose another."
            )
        if not await self._users.add(name, roles=(role,), identity=identity):
            raise Refused("username_exists", "Somebody has this name already. Choose another.")
        _log.info("user %s registered as %s by way of %s", name, role, identity[0])
        return name

    async def change_password(self, caller: Caller, old: str, new: str) -> None:
        """Replace the caller's password and end every other way in: their other tokens and sessions.

        Raises BadInput or HubError with SwarmUI's sentences.
        """
        if not SHORTEST <= len(new) <= LONGEST:
            raise BadInput(
                f"New password must be at least {SHORTEST} characters long."
                if len(new) < SHORTEST
                else f"New password must be at most {LONGEST} characters long.",
                field="newPassword",
                limit=[SHORTEST, LONGEST],
            )
        if self._tokens.is_partial(caller.token):
            raise HubError(
                "A token with only some of your permissions cannot change your password, which opens all of "
                "them. Sign in, then change it.",
                permission="*",
            )
        if not self._changes.take(caller.user, self._clock()):
            raise HubError(
                "Rate-limit hit, you're trying to change password too quickly. "
                "Wait a minute before trying again.",
                limit=TRIES_PER_CHANGE,
                retry_after=self._changes.wait(caller.user, self._clock()),
            )
        row = self._users.get(caller.user)
        kept = row.password if row is not None else ""
        if kept and not await self._passwords.matches(caller.user, old[: LONGEST * 2], kept):
            raise BadInput("Incorrect old password. Refused.", field="oldPassword")
        await self._users.set_password(caller.user, await self._passwords.hash(caller.user, new))
        await self._tokens.revoke_all(caller.user, but=caller.token)
        await self._sessions.end_others(caller)
        _log.info("user %s changed the password", caller.user)

    async def confirm_deletion(self, caller: Caller, password: str) -> None:
        """Make sure that it is really the user who wants the account gone: by its password, or where it has
        none by having just signed in. Raises BadInput or HubError."""
        if self._tokens.is_partial(caller.token):
            raise HubError("A token with only some of your permissions cannot delete the account.")
        if not self._changes.take(caller.user, self._clock()):
            raise HubError("Too many tries. Wait a minute before trying again.", limit=TRIES_PER_CHANGE)
        row = self._users.get(caller.user)
        if row is not None and row.password:
            if not await self._passwords.matches(caller.user, password[: LONGEST * 2], row.password):
                raise BadInput("This is not the account's password. Nothing was deleted.", field="password")
            return
        token = self._tokens.get(caller.token)
        fresh = token is not None and self._clock() - token.created <= FRESH_MS
        if token is None or token.user != caller.user or token.reason != SIGN_IN or not fresh:
            raise HubError(
                "Sign in once more, then delete the account within ten minutes: it has no password to "
                "confirm it with.",
                field="password",
            )

    def _ration(self, peer: str, name: str, is_loopback: bool) -> None:
        """Raises Refused when there were too many tries: from one network, or of one name.

        The latter holds neither on this machine nor where the name is signed in already: no stranger locks
        anybody out.
        """
        now = self._clock()
        place = HERE if is_loopback else network_of(peer)
        seconds = self._by_address.wait(place, now)
        if not seconds:
            self._by_address.take(place, now)
            if is_loopback or not name or self._by_name.take(name, now) or self._is_known(name, place):
                return
            seconds = self._by_name.wait(name, now)
        raise Refused(
            "ratelimit",
            f"Too many tries within a minute. Wait {seconds} seconds and try again.",
            retry_after=seconds,
        )

    def _is_known(self, name: str, network: str) -> bool:
        return any(network_of(bare(row.address)) == network for row in self._tokens.of_user(name))
