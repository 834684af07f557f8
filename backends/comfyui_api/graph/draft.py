"""A graph while its features are laid down one after the other."""

import hashlib
from dataclasses import dataclass, field

from msgspec import Struct

from backends.comfyui_api.graph.outcome import Pass, Upload
from backends.comfyui_api.graph.sheet import FileName, Link, Sheet
from backends.comfyui_api.server_info import ServerInfo
from backends.contract import Work

Size = tuple[int, int]


class Kit(Struct, frozen=True):
    """What one pass draws with. `cell` is the pixels of a step in size its latents allow, `latents` the
    class of its empty start."""

    model: Link
    clip: Link
    vae: Link
    family: str
    cell: int = 8
    latents: str = "EmptyLatentImage"


class Texts(Struct, frozen=True):
    """The prompts as a sampler takes them."""

    positive: Link
    negative: Link


@dataclass(slots=True)
class Draft:
    """The state features hand on. `size` is the (width, height) in pixels that is drawn, which latents allow;
    `latent` or `image` hold what has been drawn so far, of `size`.

    `start_at` is the step the first pass begins with, `end_at` the one it ends before (None: its last).
    """

    work: Work
    server: ServerInfo
    sheet: Sheet
    folder: str
    size: Size = (0, 0)
    kit: Kit = field(init=False)
    texts: Texts = field(init=False)
    latent: Link = field(init=False)
    image: Link | None = None
    original: Link | None = None
    mask: Link | None = None
    start_at: int = 0
    end_at: int | None = None
    noise: bool = True
    leftover: bool = False
    output: str = ""
    by_socket: bool = False
    uploads: dict[str, Upload] = field(default_factory=dict)
    passes: list[Pass] = field(default_factory=list)

    def upload(self, what: str, data: bytes) -> FileName:
        """The name of a picture that will be uploaded; the same bytes get the same name again."""
        name = f"{what}-{hashlib.sha256(data).hexdigest()[:16]}{_ending(data)}"
        found = self.uploads.setdefault(name, Upload(name, self.folder, data))
        return FileName(found.path)

    def draws(self, node: str, steps: int) -> None:
        """Note a node that draws."""
        self.passes.append(Pass(node, steps))


def _ending(data: bytes) -> str:
    if data.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    return ".webp" if data[8:12] == b"WEBP" else ".png"
