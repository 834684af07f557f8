"""A whole grid as one picture, with the values of its axes written at its edges; for a thread."""

from collections.abc import Callable, Sequence
from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

from hub.errors import BadInput
from hub.grids.axes import Axis, Value

MOST_AXES = 3
MOST_SIDE = 16_000
"""Pixels of a side; JPEG and WebP end near it."""

MOST_PIXELS = 80_000_000
_MOST_PIXELS_OF_ONE = 64_000_000
_FORMATS = ("PNG", "JPEG", "WEBP")
_KINDS = {"PNG": "PNG", "JPG": "JPEG", "WEBP": "WEBP", "WEBP_LOSSLESS": "WEBP"}
_INK, _PAPER, _MISSING = (0, 0, 0), (255, 255, 255), (225, 225, 225)
_NOBODY = Value("", "")


def check_axes(axes: Sequence[Axis]) -> None:
    """Refuse more axes than a picture can show. Raises BadInput."""
    if len(axes) > MOST_AXES:
        raise BadInput(
            f"A grid as one image shows at most {MOST_AXES} axes and this one has {len(axes)}; choose the "
            "output type Web Page.",
            field="outputType",
            limit=MOST_AXES,
        )


def draw_grid(
    axes: Sequence[Axis], read: Callable[[str], bytes | None], kind: str, quality: int
) -> tuple[bytes, int, int]:
    """The file of `kind` (as in GenRequest.format), its width and height in pixels.

    The first axis goes across, the second down, the third in blocks of the second. `read` gives the picture
    at a cell's path, None where there is none. Raises OSError or ValueError for one that cannot be decoded.
    """
    shown = [[value for value in axis.values if not value.skip] for axis in axes]
    columns, rows, blocks = (shown[place] if place < len(shown) else [_NOBODY] for place in range(3))
    lines = [(block, row) for block in blocks for row in rows]
    found = {
        (x, y): read(_path(column, row, block))
        for x, column in enumerate(columns)
        for y, (block, row) in enumerate(lines)
    }
    size = _size([data for data in found.values() if data is not None], len(columns), len(lines))
    whole = _Sheet(size, len(columns), len(lines), labelled=len(axes) > 1)
    for x, column in enumerate(columns):
        whole.head(x, column.title)
    for y, (block, row) in enumerate(lines):
        whole.side(y, " / ".join(value.title for value in (block, row) if value is not _NOBODY))
    for (x, y), data in found.items():
        whole.put(x, y, data)
    return whole.encoded(kind, quality), whole.image.width, whole.image.height


def _path(*values: Value) -> str:
    return "/".join(value.key for value in values if value is not _NOBODY)


def _size(pictures: Sequence[bytes], columns: int, lines: int) -> tuple[int, int]:
    """Width and height of each cell: the largest picture's, made smaller where the whole were too large."""
    width = height = 1
    for data in pictures:
        with Image.open(BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > _MOST_PIXELS_OF_ONE:
                raise ValueError(f"{opened.width}x{opened.height} pixels are too many for a grid")
            width, height = max(width, opened.width), max(height, opened.height)
    pixels = (MOST_PIXELS / (width * height * columns * lines)) ** 0.5
    shrink = min(1.0, pixels, MOST_SIDE / (width * (columns + 1)), MOST_SIDE / (height * (lines + 1)))
    return max(1, int(width * shrink)), max(1, int(height * shrink))


class _Sheet:
    """The paper: cells of one size, a line of words above them and a column of words beside."""

    def __init__(self, cell: tuple[int, int], columns: int, lines: int, *, labelled: bool) -> None:
        self._cell = cell
        letters = max(11, min(48, cell[1] // 14))
        self._font = ImageFont.load_default(letters)
        self._top = letters * 3
        self._left = min(cell[0], letters * 12) if labelled else 0
        self.image = Image.new("RGB", (self._left + cell[0] * columns, self._top + cell[1] * lines), _PAPER)
        self._pen = ImageDraw.Draw(self.image)

    def head(self, x: int, text: str) -> None:
        """Write above a column."""
        left = self._left + x * self._cell[0]
        self._write(text, left, 0, self._cell[0], self._top)

    def side(self, y: int, text: str) -> None:
        """Write beside a line."""
        self._write(text, 0, self._top + y * self._cell[1], self._left, self._cell[1])

    def put(self, x: int, y: int, data: bytes | None) -> None:
        """Lay a picture into its cell, grey where there is none."""
        left, top = self._left + x * self._cell[0], self._top + y * self._cell[1]
        if data is None:
            self._pen.rectangle((left, top, left + self._cell[0] - 1, top + self._cell[1] - 1), _MISSING)
            return
        with Image.open(BytesIO(data), formats=_FORMATS) as opened:
            picture = opened.convert("RGB")
        if picture.width > self._cell[0] or picture.height > self._cell[1]:
            picture.thumbnail(self._cell, Image.Resampling.LANCZOS)
        across, down = (self._cell[0] - picture.width) // 2, (self._cell[1] - picture.height) // 2
        self.image.paste(picture, (left + across, top + down))

    def encoded(self, kind: str, quality: int) -> bytes:
        """The file."""
        kept = BytesIO()
        options = {"lossless": True} if kind == "WEBP_LOSSLESS" else {"quality": max(1, min(100, quality))}
        self.image.save(kept, _KINDS[kind], **({} if kind == "PNG" else options))
        return kept.getvalue()

    def _write(self, text: str, left: int, top: int, width: int, height: int) -> None:
        """Words in the middle of a box, broken into lines and cut where they do not fit."""
        if width <= 0:
            return
        room = max(1, int(height // (self._font_height * 1.2)))
        lines = self._broken(text, width - 4)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"{lines[room - 1][:-1]}…"]
        self._pen.multiline_text(
            (left + width / 2, top + height / 2),
            "\n".join(lines),
            fill=_INK,
            font=self._font,
            anchor="mm",
            align="center",
        )

    @property
    def _font_height(self) -> float:
        return float(self._font.getbbox("Åg")[3])

    def _broken(self, text: str, width: int) -> list[str]:
        lines = [""]
        for letter in text[:500].replace("\n", " "):
            if lines[-1] and self._pen.textlength(lines[-1] + letter, font=self._font) > width:
                lines.append("")
            lines[-1] += letter
        return lines
