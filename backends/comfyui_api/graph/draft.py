"""A graph while its features are laid down one after the other."""

from dataclasses import dataclass, field

from msgspec import Struct

from backends.comfyui_api.graph.outcome import Pass, Upload, digest
from backends.comfyui_api.graph.sheet import FileName, Link, Sheet
from backends.comfyui_api.server_info import ServerInfo
from backends.contract import Work

Size = tuple[int, int]
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""

_SIDES = ("left", "top", "right", "bottom")


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
    """The state features hand on. `size` is the (width, height) in pixels that is drawn, which latents allow.
    `image` is what has been drawn so far as a picture; while it is None, `latent` is it.

    `original` is the initial picture, `mask` what of it is redrawn, both of the first pass's size. Of a
    mask only `box` may be drawn, larger than it is; `cut` says that what is drawn is that part. `shown` are
    the picture and the mask that a model made for filling holes is shown beside its prompts. The first pass
    begins with the step `start_at` and draws in `cell`s of so many pixels. `drawn_alike`: what draws is the
    work's own model, or one of its kind.
    """

    work: Work
    server: ServerInfo
    sheet: Sheet
    folder: str
    size: Size = (0, 0)
    cell: int = 8
    kit: Kit = field(init=False)
    latent: Link = field(init=False)
    image: Link | None = None
    original: Link | None = None
    mask: Link | None = None
    box: Box | None = None
    cut: bool = False
    shown: tuple[Link, Link] | None = None
    start_at: int = 0
    output: str = ""
    by_socket: bool = False
    drawn_alike: bool = True
    uploads: dict[str, Upload] = field(default_factory=dict)
    passes: list[Pass] = field(default_factory=list)

    @property
    def borders(self) -> Box:
        """Pixels at each side that are drawn around the initial picture."""
        left, top, right, bottom = (int(self.work.extra.get(f"outpaint{side}", 0)) for side in _SIDES)
        return left, top, right, bottom

    def inner(self) -> Size:
        """The (width, height) that the initial picture gets of what is drawn."""
        left, top, right, bottom = self.borders
        return self.size[0] - left - right, self.size[1] - top - bottom

    def upload(self, what: str, data: bytes) -> FileName:
        """The name of a picture that will be uploaded; the same bytes get the same name again."""
        name = f"{what}-{digest(data)}{ending(data)}"
        found = self.uploads.setdefault(name, Upload(name, self.folder, data))
        return FileName(found.path)

    def draws(self, node: str, steps: int) -> None:
        """Note a node that draws."""
        self.passes.append(Pass(node, steps))


def ending(data: bytes) -> str:
    """The ending of an encoded picture's file name."""
    if data.startswith(b"\xff\xd8\xff"):
        return ".jpg"
    return ".webp" if data[8:12] == b"WEBP" else ".png"
