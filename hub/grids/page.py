"""The page of a grid: one file that needs nothing but the pictures beside it, opened from a disk or the hub.

What differs from grid to grid is text in a block of data; script and style are always the same, so that a
browser can be told to run these and nothing else (Content Security Policy Level 3, hashes).
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path
from typing import Any

import msgspec

from hub.grids.axes import Axis

FOLDER = "Grids"
"""Where grids lie below a user's outputs."""

PAGE = "index.html"
_BESIDE = Path(__file__).parent
_SCRIPT = (_BESIDE / "page.js").read_text("utf-8")
_STYLE = (_BESIDE / "page.css").read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)}; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""What a browser may do with a grid's page that the hub serves: run our script, show our pictures."""


def is_page(path: str) -> bool:
    """Whether a path below a user's outputs is a grid's page."""
    return path.startswith(f"{FOLDER}/") and path.endswith(f"/{PAGE}")


def page(
    title: str,
    axes: Sequence[Axis],
    ending: str,
    endings: Mapping[str, str],
    metadata: Mapping[str, str],
) -> str:
    """The page. A cell's picture is its keys joined by `/`, with its ending of `endings`, else `ending`;
    `metadata` are texts by the same path."""
    data = {
        "axes": [_axis(axis) for axis in axes],
        "ending": ending,
        "endings": dict(endings),
        "metadata": dict(metadata),
    }
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
<form id="controls" aria-label="What the grid shows"></form>
<div class="field" tabindex="0" role="region" aria-label="Images"><table id="table"></table></div>
<dialog id="large" aria-label="Image">
<div class="bar"><button type="button" class="before">Previous</button>
<button type="button" class="after">Next</button>
<button type="button" class="close">Close</button> <strong class="words"></strong></div>
<img class="picture" alt=""><pre class="about"></pre>
</dialog>
<noscript>This page arranges its images by a script. Without one, look into the folders beside it.</noscript>
</main>
<script type="application/json" id="grid">{_quoted(data)}</script>
<script>{_SCRIPT}</script>
</body>
</html>
"""


def _axis(axis: Axis) -> dict[str, Any]:
    values = [{"key": value.key, "title": value.title} for value in axis.values]
    return {"title": axis.title, "values": values}


def _quoted(data: Any) -> str:
    """JSON that cannot end the block it stands in."""
    return msgspec.json.encode(data).decode().replace("<", "\\u003c")
