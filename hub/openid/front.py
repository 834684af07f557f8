"""The front of the room: which issuers there are, setting out to one, coming back, and registering."""

from collections.abc import Callable, Mapping

from msgspec import Struct

from hub.accounts import Accounts, Attempts, Box, LostKey, Refused, network_of, now_ms
from hub.errors import BadInput
from hub.openid.calls import Issuer
from hub.openid.proof import Person, UnknownKey, check
from hub.openid.ways import (
    NotSignedIn,
    SignedIn,
    StillUnknown,
    Waiting,
    Way,
    hash_of,
    is_of_browser,
    new_word,
    safe_return,
)
from hub.outside import Outside, Rule, read_place
from hub.settings import OpenIDIssuer, Settings

SETTING_OUT = 30
"""How often a minute one network may set out."""
COOKIE = "hub_openid_"
FLOW_SECONDS = 600
"""How long the cookie of a way lasts, as the way itself."""
SEALED = "sealed:"
"""Before a client secret that was encrypted when it was set over the API."""


class Provider(Struct, frozen=True):
    """An issuer as the sign-in page shows it: its `id` in addresses, the words on its button."""

    id: str
    button: str


class Departure(Struct, frozen=True):
    """Where to send a browser, and the cookie that it shall come back with."""

    address: str
    cookie: str
    value: str


class Unregistered(Struct, frozen=True):
    """Somebody unknown who may register, by the word `key`."""

    key: str
    who: StillUnknown


def flow_cookie(state: str) -> str:
    """The name of the cookie that a browser set out with."""
    return COOKIE + "".join(letter for letter in state[:16] if letter in "0123456789abcdef")


class OpenID:
    """Everything about signing in elsewhere. `agent` is how the hub names itself."""

    def __init__(
        self, settings: Settings, accounts: Accounts, agent: str, clock: Callable[[], int] = now_ms
    ) -> None:
        self._settings = settings
        self._accounts = accounts
        self._clock = clock
        self._box = Box(settings.folders.keys / "settings.key")
        self._chosen = {
            name: section
            for name, section in (("openid", settings.openid), ("google", settings.google))
            if section.issuer and section.client_id
        }
        self._outside = {name: _outside(section, name, agent) for name, section in self._chosen.items()}
        self._issuers = {
            name: Issuer(section.issuer, self._outside[name]) for name, section in self._chosen.items()
        }
        self._ways: Waiting[Way] = Waiting()
        self._unknown: Waiting[StillUnknown] = Waiting()
        self._rate = Attempts(SETTING_OUT)

    async def close(self) -> None:
        """Let go of all connections."""
        for outside in self._outside.values():
            await outside.close()

    def seal(self, secret: str) -> str:
        """A secret as it may stand in the settings file."""
        return SEALED + self._box.close(secret) if secret else ""

    def providers(self) -> list[Provider]:
        """The issuers that people may sign in with."""
        return [Provider(name, section.button) for name, section in self._chosen.items()]

    async def set_out(self, name: str, *, back: str, redirect: str, peer: str) -> Departure:
        """The way to an issuer for one browser; `redirect` is our address that it is sent back to. Raises
        NotSignedIn."""
        section = self._section(name)
        now = self._clock()
        if not self._rate.take(network_of(peer), now):
            raise NotSignedIn("Too many tries within a minute. Wait a minute and try again.", status=429)
        issuer = self._issuers[name]
        document = await issuer.document(now)
        cookie = new_word()
        way = Way(name, new_word(), new_word(), hash_of(cookie), safe_return(back), redirect)
        state = self._ways.put(way, now)
        async with issuer.client(section.client_id, "", redirect) as client:
            address, _ = client.create_authorization_url(
                document["authorization_endpoint"], state=state, nonce=way.nonce, code_verifier=way.verifier
            )
        return Departure(address, flow_cookie(state), cookie)

    async def come_back(
        self,
        name: str,
        query: Mapping[str, str],
        cookies: Mapping[str, str],
        *,
        address: str,
        user_agent: str,
    ) -> SignedIn | Unregistered:
        """Who an issuer has sent back. Raises NotSignedIn."""
        section = self._section(name)
        state = query.get("state", "")
        way = self._ways.take(state, self._clock())
        if (
            way is None
            or way.provider != name
            or not is_of_browser(way.browser, cookies.get(flow_cookie(state), ""))
        ):
            raise NotSignedIn(
                "This sign-in was not begun in this browser, took longer than ten minutes, or was used "
                "already. Begin again."
            )
        person = await self._person(name, section, way, query)
        self._demand_domain(section, person)
        user = await self._account(person)
        if user is not None:
            token = await self._accounts.tokens.sign_in(user, address=address, user_agent=user_agent)
            return SignedIn(user, token, way.back)
        if not section.register_unknown:
            raise NotSignedIn(
                "Nobody here has this account. Ask the owner of this hub to enter your e-mail address, "
                "or for an account.",
                status=403,
            )
        unknown = StillUnknown(name, person.issuer, person.subject, person.email, way.browser)
        return Unregistered(self._unknown.put(unknown, self._clock(), state), unknown)

    async def register(
        self,
        username: str,
        key: str,
        kind: str,
        cookies: Mapping[str, str],
        *,
        peer: str,
        is_loopback: bool,
        address: str,
        user_agent: str,
    ) -> str:
        """A new account for somebody whom an issuer has just sent back, under a name of their choice; the
        text of its first token. Raises Refused."""
        unknown = self._unknown.look(key, self._clock())
        section = self._chosen.get(kind.lower())
        cookie = cookies.get(flow_cookie(key), "")
        mine = (
            unknown is not None
            and unknown.provider == kind.lower()
            and is_of_browser(unknown.browser, cookie)
        )
        if unknown is None or section is None or not section.register_unknown or not mine:
            raise Refused(
                "registration_failed", "Sign in with your account elsewhere once more, then register."
            )
        role = section.role or self._settings.accounts.new_user_role
        user = await self._accounts.sign_in.register_known(
            username, (unknown.issuer, unknown.subject), role, peer=peer, is_loopback=is_loopback
        )
        self._unknown.take(key, self._clock())
        return await self._accounts.tokens.sign_in(user, address=address, user_agent=user_agent)

    # ---- inner -------------------------------------------------------------------------------------------

    def _section(self, name: str) -> OpenIDIssuer:
        section = self._chosen.get(name)
        if section is None:
            raise NotSignedIn("Nobody signs in that way here.", status=404)
        return section

    async def _person(self, name: str, section: OpenIDIssuer, way: Way, query: Mapping[str, str]) -> Person:
        if said := query.get("error"):
            words = query.get("error_description") or said
            raise NotSignedIn(f"The issuer did not sign you in: {words[:200]}.", status=403)
        issuer, now = self._issuers[name], self._clock()
        document = await issuer.document(now)
        if query.get("iss", document["issuer"]) != document["issuer"] or not query.get("code"):
            raise NotSignedIn("What came back is not the issuer's answer. Begin again.")
        client = issuer.client(section.client_id, self._secret(section), way.redirect)
        token = await issuer.exchange(client, query["code"], way.verifier)
        for again in (False, True):
            try:
                return check(
                    token,
                    await issuer.keys(now, again=again),
                    issuer=document["issuer"],
                    client=section.client_id,
                    nonce=way.nonce,
                    allowed=issuer.algorithms(),
                    now=self._clock() // 1000,
                )
            except UnknownKey:
                continue
        raise NotSignedIn("The sign-in cannot be believed: it is signed with a key the issuer does not show.")

    def _demand_domain(self, section: OpenIDIssuer, person: Person) -> None:
        domain = person.email.rpartition("@")[2]
        if section.allowed_domains and domain not in {each.lower() for each in section.allowed_domains}:
            raise NotSignedIn(
                "Only verified e-mail addresses of certain domains may sign in here, and yours is of none of "
                "them.",
                status=403,
            )

    async def _account(self, person: Person) -> str | None:
        """The account that was linked with this person, else the one an administrator gave their verified
        address to, which is linked now."""
        users = self._accounts.users
        user = users.identified(person.issuer, person.subject)
        if user is not None or not person.email:
            return user
        found = users.with_oauth_email(person.email)
        if len(found) != 1:
            return None
        if users.is_linked(found[0], person.issuer):
            raise NotSignedIn(
                "Somebody else with this e-mail address signed in to that account before. Ask an "
                "administrator to enter the address once more.",
                status=403,
            )
        if not await users.link(found[0], person.issuer, person.subject):
            raise NotSignedIn("The account was changed at this moment. Begin again.")
        return found[0]

    def _secret(self, section: OpenIDIssuer) -> str:
        if not section.client_secret.startswith(SEALED):
            return section.client_secret
        try:
            return self._box.open(section.client_secret.removeprefix(SEALED))
        except LostKey:
            raise NotSignedIn(
                "The client secret cannot be read any more: its key file was replaced. "
                "Tell the owner of this hub.",
                status=500,
            ) from None


def _outside(section: OpenIDIssuer, name: str, agent: str) -> Outside:
    """Calls to the issuer's own host, and to those the settings name besides."""
    try:
        host = read_place(section.issuer, field=f"{name}.issuer").host
    except BadInput:
        host = ""
    return Outside(Rule((host, *section.hosts), private=section.private_addresses, section=name), agent)
