"""Every setting with its text: built-in default < data/settings.toml < environment (`HUB_…`) < command line.

A bad value is refused at start with its key and the layer it came from. `HUB_NETWORK_PORT=7900` sets
`network.port`; lists are written with commas. Adding a setting is one field here; the docs and the
settings page read the description.
"""

import os
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from hub.sections import AT_ONCE, Amount, EngineLine, Port, Positive
from hub.sections import Google as Google
from hub.sections import Log as Log
from hub.sections import OpenIDIssuer as OpenIDIssuer
from hub.sections import Updates as Updates
from hub.sections import Webhooks as Webhooks

FILE = "settings.toml"
"""Name of the settings file inside the data folder."""


class BadSettings(Exception):
    """A setting that cannot be used; the text names the key, the layer and what would be accepted."""


class Network(Struct, frozen=True):
    """Where and how the hub listens."""

    host: Annotated[
        str, Meta(description="Address to listen on; beyond loopback an owner account is needed.")
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="Port to listen on; 0 lets the system pick one.")] = 7801
    hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Names under which browsers may reach the hub besides IP addresses and localhost.",
            extra=AT_ONCE,
        ),
    ] = ()
    allow_origins: Annotated[
        tuple[str, ...],
        Meta(
            description="Origins of other pages that may call the hub from a browser, like https://my.page."
        ),
    ] = ()
    external_url: Annotated[
        str, Meta(description="The hub's address as seen from outside, behind a proxy; its name is let in.")
    ] = ""
    max_request_mib: Annotated[
        Positive, Meta(description="Largest request body and largest websocket frame, in MiB.")
    ] = 200
    max_header_kib: Annotated[Positive, Meta(description="Largest sum of a request's headers, in KiB.")] = (
        1024
    )
    max_headers: Annotated[Positive, Meta(description="Most headers a request may have.")] = 200
    base_path: Annotated[
        str,
        Meta(
            description="Path below which a proxy shows the hub, like /hub; empty: it has a name of its own."
        ),
    ] = ""
    tls_cert: Annotated[
        str, Meta(description="PEM file of a certificate and its chain: the hub then speaks https and wss.")
    ] = ""
    tls_key: Annotated[
        str, Meta(description="PEM file of the certificate's key; empty: it is in the same file.")
    ] = ""
    hsts_seconds: Annotated[
        int,
        Meta(ge=0, description="Seconds for which browsers over https are told to use nothing else; 0: not."),
    ] = 0
    proxies: Annotated[
        tuple[str, ...],
        Meta(
            description="Addresses of proxies, or ranges like 10.0.0.0/8, that are believed about who calls, "
            "by which scheme and to which host."
        ),
    ] = ()
    proxy_header: Annotated[
        Literal["x-forwarded", "forwarded"],
        Meta(
            description="Which headers those proxies write: X-Forwarded-For, -Proto and -Host, or Forwarded "
            "(RFC 7239). The others pass a proxy as callers wrote them and are never believed."
        ),
    ] = "x-forwarded"
    first_frame_seconds: Annotated[
        Amount, Meta(description="Seconds a new websocket has to send its first frame.", extra=AT_ONCE)
    ] = 60.0
    patience_seconds: Annotated[
        Amount,
        Meta(
            description="Seconds a connection has to send a request's headers, or the next part of its body."
        ),
    ] = 30.0
    ping_seconds: Annotated[
        Amount, Meta(description="Seconds between keep-alive pings on a websocket; unanswered, it is closed.")
    ] = 20.0
    outbox_mib: Annotated[
        Positive,
        Meta(
            description="MiB of results a slow websocket may have waiting before it is closed.", extra=AT_ONCE
        ),
    ] = 64
    stop_seconds: Annotated[
        Positive, Meta(description="Seconds open requests get to finish at shutdown.")
    ] = 5
    control_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds within which whoever controls this hub must call AdminTakeControl again, "
            "else it stops; 0: nobody must.",
            extra=AT_ONCE,
        ),
    ] = 0.0

    def resolved(self, data: Path) -> "Network":
        """The same with the files' paths absolute; relative ones lie below the data folder."""
        cert, key = (
            str(data / Path(file).expanduser()) if file else "" for file in (self.tls_cert, self.tls_key)
        )
        return msgspec.structs.replace(self, tls_cert=cert, tls_key=key)


class Accounts(Struct, frozen=True):
    """Who may come in."""

    required: Annotated[bool, Meta(description="Whether people must sign in.", extra=AT_ONCE)] = False
    localhost_bypass: Annotated[
        bool,
        Meta(
            description="Whether a direct caller on this machine is its owner without signing in, even when "
            "accounts are required or an owner account exists.",
            extra=AT_ONCE,
        ),
    ] = False
    session_days: Annotated[Positive, Meta(description="Days without use after which a session ends.")] = 31
    session_most_days: Annotated[
        Positive, Meta(description="Days after which a session ends, however much it is used.")
    ] = 90
    allow_registration: Annotated[
        bool, Meta(description="Whether visitors may register an account.", extra=AT_ONCE)
    ] = False
    new_user_role: Annotated[str, Meta(description="Role of a newly registered user.", extra=AT_ONCE)] = (
        "user"
    )


class Folders(Struct, frozen=True):
    """Where everything lies; every path is absolute once loaded. Relative ones are taken from the data
    folder."""

    data: Annotated[Path, Meta(description="The data folder: database, outputs, models, logs and keys.")] = (
        Path("data")
    )
    models: Annotated[
        tuple[Path, ...], Meta(description="Model folders, each with Stable-Diffusion, LoRA, VAE, … inside.")
    ] = (Path("models"),)
    outputs: Annotated[Path, Meta(description="Finished pictures, one folder for each user.")] = Path(
        "outputs"
    )
    engines: Annotated[
        tuple[Path, ...],
        Meta(description="Extra folders of engines, each engine a folder with an engine.py."),
    ] = ()
    batches: Annotated[
        tuple[Path, ...],
        Meta(
            description="Folders beyond users' own outputs whose pictures may be run through image "
            "batches, by roles with that right."
        ),
    ] = ()
    checkers: Annotated[
        tuple[Path, ...],
        Meta(description="Extra folders of checkers of contents, a Python file each (docs/safety.md)."),
    ] = ()

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / "hub.sqlite3"

    @property
    def keys(self) -> Path:
        """Secrets, readable by the owner of the process only."""
        return self.data / "keys"

    @property
    def logs(self) -> Path:
        """Log files."""
        return self.data / "logs"

    @property
    def wildcards(self) -> Path:
        """Wildcard files."""
        return self.data / "wildcards"

    @property
    def workflows(self) -> Path:
        """Stored workflows of ComfyUI's."""
        return self.data / "workflows"

    def resolved(self) -> "Folders":
        """The same with every path absolute; relative ones lie below the data folder."""
        data = self.data.expanduser().absolute()
        return Folders(
            data=data,
            models=tuple(data / path.expanduser() for path in self.models),
            outputs=data / self.outputs.expanduser(),
            engines=tuple(data / path.expanduser() for path in self.engines),
            batches=tuple(data / path.expanduser() for path in self.batches),
            checkers=tuple(data / path.expanduser() for path in self.checkers),
        )


class Engines(Struct, frozen=True):
    """The engines of this hub."""

    types: Annotated[
        tuple[EngineLine, ...],
        Meta(
            description="Engines that a fresh data folder starts with, by their types; behind a type its "
            "settings, like `diffusers_local device=cuda:1 offload=parts`. Later the API edits them."
        ),
    ] = ("diffusers_local",)
    locked: Annotated[
        bool,
        Meta(
            description="Whether nobody can add, change, restart or remove engines over the API.",
            extra=AT_ONCE,
        ),
    ] = False
    start_at_boot: Annotated[
        bool,
        Meta(
            description="Whether the engines of this machine start together with the hub, not with the first "
            "picture; those elsewhere are always called at the start."
        ),
    ] = True
    threads: Annotated[
        int, Meta(ge=0, description="CPU threads of a local engine; 0: as many as fit the machine.")
    ] = 0
    downloads: Annotated[
        bool, Meta(description="Whether an engine's libraries may fetch files from the internet.")
    ] = False
    stuck_seconds: Annotated[
        float,
        Meta(
            ge=0,
            description="Seconds an engine may tell nothing of an image that it is drawing; then the image "
            "is taken away from it and drawn elsewhere, once. Where steps take long it has ten times the "
            "longest of them. 0: for ever.",
            extra=AT_ONCE,
        ),
    ] = 600.0
    default_model: Annotated[
        str, Meta(description="Model of a request that names none; empty: the starter.", extra=AT_ONCE)
    ] = ""


class Limits(Struct, frozen=True):
    """What a single request may ask at most."""

    prompt_kib: Annotated[Positive, Meta(description="Longest prompt, in KiB of UTF-8.", extra=AT_ONCE)] = 100
    image_megapixels: Annotated[
        Amount, Meta(description="Largest picture sent along with a request.", extra=AT_ONCE)
    ] = 64.0
    output_megapixels: Annotated[
        Amount, Meta(description="Largest picture a request may ask for.", extra=AT_ONCE)
    ] = 64.0
    images: Annotated[Positive, Meta(description="Most pictures in one request.", extra=AT_ONCE)] = 10000
    loras: Annotated[
        Positive, Meta(description="Most LoRAs and most embeddings in one request.", extra=AT_ONCE)
    ] = 32
    waiting_images: Annotated[
        Positive, Meta(description="Most pictures of one user that may wait in line.", extra=AT_ONCE)
    ] = 20000


class Outputs(Struct, frozen=True):
    """How finished pictures are kept."""

    append_user: Annotated[bool, Meta(description="Whether each user has a folder of their own.")] = True


class Models(Struct, frozen=True):
    """How the facts about models are kept."""

    metadata: Annotated[
        Literal["beside", "file"],
        Meta(
            description="Where edited facts about a model go: a small file beside it, or the header of the "
            "model file itself, which is then written anew.",
            extra=AT_ONCE,
        ),
    ] = "beside"


class Downloads(Struct, frozen=True):
    """Models that users let the hub fetch."""

    hosts: Annotated[
        tuple[str, ...],
        Meta(
            description="Hosts models may be downloaded from, each with all names below it; * allows every "
            "one.",
            extra=AT_ONCE,
        ),
    ] = ("huggingface.co", "civitai.com")
    delivery_hosts: Annotated[
        tuple[str, ...],
        Meta(description="Hosts that those may send us on to; never called first.", extra=AT_ONCE),
    ] = ("hf.co", "cloudflarestorage.com", "backblazeb2.com")
    private_addresses: Annotated[
        bool,
        Meta(
            description="Whether downloads may come from this machine and its network, and by plain http.",
            extra=AT_ONCE,
        ),
    ] = False
    huggingface: Annotated[str, Meta(description="Address of Hugging Face, or of a mirror of it.")] = (
        "https://huggingface.co"
    )
    civitai: Annotated[str, Meta(description="Address of Civitai, or of a mirror of it.")] = (
        "https://civitai.com"
    )
    at_once: Annotated[Positive, Meta(description="Downloads that run at the same time; others wait.")] = 3
    leave_free_gib: Annotated[
        float, Meta(ge=0, description="GiB of disk that a download must leave free.", extra=AT_ONCE)
    ] = 2.0


class Safety(Struct, frozen=True):
    """What of users' requests and results is checked, and what becomes of it (docs/safety.md)."""

    check: Annotated[
        Literal["off", "roles", "everyone"],
        Meta(
            description="Whose requests and results are checked: nobody's, those of users all of whose roles "
            "have the switch check_content, or everyone's, the owner's too.",
            extra=AT_ONCE,
        ),
    ] = "off"
    checkers: Annotated[
        tuple[str, ...], Meta(description="Which look: words, classifier, or others of folders.checkers.")
    ] = ("words",)
    words: Annotated[
        tuple[str, ...],
        Meta(description="Words that prompts must not have (checker words).", extra=AT_ONCE),
    ] = ()
    classifier: Annotated[
        str,
        Meta(description="Folder of an image classifier for transformers, as safetensors."),
    ] = ""
    labels: Annotated[
        tuple[str, ...], Meta(description="Labels of that classifier that are withheld.", extra=AT_ONCE)
    ] = ("nsfw",)
    threshold: Annotated[
        float, Meta(ge=0, le=1, description="How sure of one it has to be, 0 to 1.", extra=AT_ONCE)
    ] = 0.5
    withheld: Annotated[
        Literal["nothing", "blurred"],
        Meta(description="What is kept of a result that is withheld.", extra=AT_ONCE),
    ] = "nothing"


class Settings(Struct, frozen=True):
    """The whole tree; see each section."""

    network: Network = Network()
    accounts: Accounts = Accounts()
    openid: OpenIDIssuer = OpenIDIssuer()
    google: Google = Google()
    folders: Folders = Folders()
    engines: Engines = Engines()
    limits: Limits = Limits()
    outputs: Outputs = Outputs()
    models: Models = Models()
    downloads: Downloads = Downloads()
    webhooks: Webhooks = Webhooks()
    safety: Safety = Safety()
    log: Log = Log()
    updates: Updates = Updates()


def load(data_dir: Path | str, overrides: Mapping[str, str] | None = None) -> Settings:
    """Read all layers; `overrides` are dotted keys from the command line.

    Raises BadSettings naming the key, where it came from, and what is wrong.
    """
    folder = Path(data_dir).expanduser().absolute()
    values: dict[str, dict[str, Any]] = {section: {} for section in Settings.__struct_fields__}
    for source, key, value in _layers(folder, overrides or {}):
        section, _, name = key.partition(".")
        values[section][name] = read_value(source, key, value)
    values["folders"]["data"] = folder
    sections = {name: _SECTIONS[name](**values[name]) for name in values}
    sections["folders"] = sections["folders"].resolved()
    sections["network"] = sections["network"].resolved(folder)
    if sections["safety"].classifier:
        classifier = str(folder / Path(sections["safety"].classifier).expanduser())
        sections["safety"] = msgspec.structs.replace(sections["safety"], classifier=classifier)
    return Settings(**sections)


_SECTIONS: dict[str, Any] = {part.name: part.type for part in msgspec.structs.fields(Settings)}


def fields_of(section: str) -> dict[str, Any]:
    """The declared type of each setting of a section, by name."""
    return typing.get_type_hints(_SECTIONS[section], include_extras=True)


def _layers(folder: Path, overrides: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """(where it came from, dotted key, raw value), weakest first."""
    file = folder / FILE
    if file.is_file():
        yield from _read_file(file)
    for word, value in os.environ.items():
        key = _key_of(word)
        if key is not None:
            yield f"environment {word}", key, value
    for key, value in overrides.items():
        yield "command line", key, value


def _read_file(file: Path) -> Iterator[tuple[str, str, Any]]:
    try:
        tree = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise BadSettings(f"{file}: {wrong}") from wrong
    for section, part in tree.items():
        if not isinstance(part, dict):
            raise BadSettings(f"{file}: {section} must be a section like [network]")
        for name, value in part.items():
            yield str(file), f"{section}.{name}", value


def _key_of(word: str) -> str | None:
    """`HUB_NETWORK_PORT` -> `network.port`; None for variables that name no section."""
    head, _, rest = word.partition("_")
    section, _, name = rest.lower().partition("_")
    return f"{section}.{name}" if head == "HUB" and section in _SECTIONS and name else None


def read_value(source: str, key: str, value: Any) -> Any:
    """A raw value in the type of its dotted key. Raises BadSettings naming `source`, the key, the fault."""
    section, _, name = key.partition(".")
    kind = fields_of(section).get(name) if section in _SECTIONS else None
    if kind is None or key == "folders.data":
        raise BadSettings(f"{source}: there is no setting {key}")
    if isinstance(value, str) and "tuple" in str(kind):
        value = [part.strip() for part in value.split(",") if part.strip()]
    try:
        return msgspec.convert(value, kind, strict=False, dec_hook=_read_path)
    except msgspec.ValidationError as wrong:
        raise BadSettings(f"{source}: {key} = {value!r} cannot be used: {wrong}") from wrong


def _read_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise msgspec.ValidationError(f"Expected a path, got {value!r}")
