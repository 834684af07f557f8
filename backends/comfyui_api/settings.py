"""The settings of one ComfyUI server that somebody else runs, under the names that SwarmUI gave them."""

from collections.abc import Mapping
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from backends.contract import Misconfigured


class ComfyApiSettings(Struct, frozen=True, rename="pascal"):
    """Settings of one ComfyUI server (swarm-api §9)."""

    address: Annotated[
        str,
        Meta(
            title="Address",
            description="Where the ComfyUI server answers, like http://127.0.0.1:8188. Whoever reaches that "
            "address can do anything there: keep it off open networks.",
            extra={"placeholder": "http://127.0.0.1:8188"},
        ),
    ] = ""
    allow_idle: Annotated[
        bool,
        Meta(
            title="Allow Idle",
            description="Whether it is fine that nobody answers there: the engine then shows as idle instead "
            "of errored until the server is up.",
        ),
    ] = False
    over_queue: Annotated[
        int,
        Meta(
            title="Over Queue",
            description="How many pictures wait in the server's own queue beside the one it draws, so that "
            "it never stands still between two.",
            ge=0,
            le=32,
        ),
    ] = 1
    enable_frontend_dev: Annotated[
        bool,
        Meta(
            title="Enable Frontend Dev",
            description="Whether ComfyUI's own page, seen through this hub, is always fetched anew: for "
            "people who change that page.",
        ),
    ] = False
    extra_headers: Annotated[
        str,
        Meta(
            title="Extra Headers",
            description="Headers sent with every request and with the websocket's, one `Name: value` a line: "
            "what a proxy before the server asks for, like Authorization: Bearer abc.",
            extra={"secret": True, "placeholder": "Authorization: Bearer …"},
        ),
    ] = ""
    previews: Annotated[
        Literal["auto", "latent2rgb", "taesd", "none"],
        Meta(
            title="Previews",
            description="How the server makes previews: auto leaves it the quick way, taesd is finer and "
            "needs a decoder there, none makes no previews.",
        ),
    ] = "auto"

    def __post_init__(self) -> None:
        # Refused before it is kept: addresses are listed and stored as they are, only headers are secret.
        if "@" in self.address.rpartition("://")[2].partition("/")[0]:
            raise ValueError(
                "write Address without a user name and password, and put them into ExtraHeaders, "
                "as `Authorization: Basic …`"
            )


def address_of(settings: ComfyApiSettings) -> str:
    """The server's address without a closing `/`. Raises Misconfigured."""
    given = settings.address.strip()
    if not given:
        raise Misconfigured("The setting 'Address' is empty: give the address of the ComfyUI server.")
    if "://" not in given:
        given = f"http://{given}"
    wrong = Misconfigured(
        "The setting 'Address' must be a plain address like http://127.0.0.1:8188; correct it."
    )
    try:
        url = urlsplit(given)
        url.port  # noqa: B018  read, so that a port that is none is found here
    except ValueError:
        raise wrong from None
    plain = url.hostname and given.isascii() and given.isprintable() and " " not in given
    if url.scheme not in ("http", "https") or not plain or url.query or url.fragment:
        raise wrong
    return given.rstrip("/")


def headers_of(settings: ComfyApiSettings) -> Mapping[str, str]:
    """The extra headers by name. Raises Misconfigured, without repeating what may be secret."""
    headers: dict[str, str] = {}
    for number, line in enumerate(settings.extra_headers.splitlines(), start=1):
        if not line.strip():
            continue
        name, mark, value = line.partition(":")
        name, value = name.strip(), value.strip()
        proper = name.isascii() and name.replace("-", "").replace("_", "").isalnum()
        if not mark or not proper or not value.isprintable():
            raise Misconfigured(
                f"Line {number} of the setting 'ExtraHeaders' is no header: write `Name: value`."
            )
        headers[name] = value
    return headers
