"""What a client sends as a picture: judged by its header, kept as a picture and never as a page.

Every way in gets every bomb: parameters that are pictures, history, presets, models, wildcards, batches.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from hub.catalog import Catalog
from hub.params import Registry
from hub.settings import Settings
from hub.wire.discover import find_modules, find_routes
from tests.hub.catalog.conftest import write_safetensors
from tests.hub.running import RunningHub
from tests.swarm_api.bombs import BOMBS, HTML, POLYGLOTS, SVG, as_url, small
from tests.swarm_api.sketching import SETTINGS, SMALL

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS
resource = pytest.importorskip("resource", reason="memory is measured the Unix way")
MOST_MEMORY_KIB = 300_000
Answer = Any


async def _to_history(hub: RunningHub, url: str) -> Answer:
    return await hub.call("AddImageToHistory", image=url, prompt="x")


async def _to_preset(hub: RunningHub, url: str) -> Answer:
    return await hub.call(
        "AddNewPreset", title="bomb", description="", param_map={}, preview_image=url, is_edit=False
    )


async def _to_model(hub: RunningHub, url: str) -> Answer:
    edit = {"title": "", "author": "", "type": "", "description": "", "standard_width": 0}
    more = {"standard_height": 0, "usage_hint": "", "date": "", "license": "", "trigger_phrase": ""}
    return await hub.call(
        "EditModelMetadata", model="picked", **edit, **more, prediction_type="", tags="", preview_image=url
    )


async def _to_wildcard(hub: RunningHub, url: str) -> Answer:
    return await hub.call("EditWildcard", card="bomb", options="a", preview_image=url)


def _as_parameter(param: str) -> Callable[[RunningHub, str], Awaitable[Answer]]:
    async def send(hub: RunningHub, url: str) -> Answer:
        return await hub.call("GenerateText2Image", **{**SMALL, "prompt": "x", param: url})

    return send


WAYS: dict[str, Callable[[RunningHub, str], Awaitable[Answer]]] = {
    "AddImageToHistory.image": _to_history,
    "AddNewPreset.preview_image": _to_preset,
    "EditModelMetadata.preview_image": _to_model,
    "EditWildcard.preview_image": _to_wildcard,
    **{
        f"GenerateText2Image.{p.id}": _as_parameter(p.id)
        for p in Registry().params.values()
        if p.type == "image"
    },
}
NO_PICTURE = {"ImageBatchRun.init_image", "AdminEditRole.max_images_at_once"}
"""Fields with the word in their name that are switches or numbers."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(shared_hub: RunningHub) -> RunningHub:
    settings: Settings = shared_hub.app.board.settings
    write_safetensors(settings.folders.models[0] / "Stable-Diffusion" / "picked.safetensors")
    await shared_hub.room(Catalog).refresh()
    return shared_hub


async def test_every_field_for_a_picture_is_tried() -> None:
    named = {
        f"{route.name}.{field}"
        for route in find_routes(find_modules())
        for field in route.given.__struct_fields__
        if "image" in field and not field.endswith(("_metadata", "images", "Images"))
    }
    assert named - NO_PICTURE <= WAYS.keys()


@pytest.mark.parametrize("way", WAYS)
async def test_bombs_and_strangers_are_refused_by_their_header(hub: RunningHub, way: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, data in BOMBS.items():
        if not data and way != "AddImageToHistory.image":
            continue  # nothing at all is no picture there, and no fault
        for kind in ("png", "jpeg", "svg+xml"):
            answer = await WAYS[way](hub, as_url(data, kind))
            assert "internal_error" not in str(answer.get("error_id")), (name, answer)
            assert answer.get("error") or answer.get("preset_fail"), (name, kind, answer)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MOST_MEMORY_KIB, f"{way} took {grown} KiB"


@pytest.mark.parametrize("name", POLYGLOTS)
async def test_two_things_at_once_stay_a_picture(hub: RunningHub, name: str) -> None:
    kind, data = POLYGLOTS[name]
    answer = await _to_history(hub, as_url(data, kind))
    shown = await hub.http.get("/" + answer["images"][0]["image"])
    assert shown.headers["content-type"] == f"image/{kind}"
    check_inert(dict(shown.headers))


def check_inert(headers: dict[str, str]) -> None:
    """No browser makes a page of ours out of it."""
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"


ACTIVE = (
    "svg",
    "svgz",
    "html",
    "htm",
    "HTML",
    "xhtml",
    "xht",
    "shtml",
    "xml",
    "xsl",
    "js",
    "mjs",
    "rdf",
    "mathml",
)
OTHERS = (
    "mht",
    "mhtml",
    "pdf",
    "swf",
    "hta",
    "css",
    "txt",
    "json",
    "md",
    "wasm",
    "exe",
    "png.html",
    "unknown",
    "",
)


@pytest.mark.parametrize("ending", [*ACTIVE, *OTHERS])
async def test_a_file_that_could_run_is_a_download_and_has_no_rights(hub: RunningHub, ending: str) -> None:
    """However it came into the folder: by hand, or written by a program."""
    folder: Path = hub.app.board.settings.folders.outputs / "local" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"active.{ending}").write_bytes(HTML + SVG)
    for address in (f"/View/local/raw/active.{ending}", f"/Output/raw/active.{ending}"):
        shown = await hub.http.get(address)
        assert shown.status_code == 200
        check_inert(dict(shown.headers))
        if ending in ACTIVE or ending.endswith("html"):
            assert shown.headers["content-disposition"].startswith("attachment"), ending


async def test_a_page_in_a_grids_folder_runs_only_our_script(hub: RunningHub) -> None:
    folder: Path = hub.app.board.settings.folders.outputs / "local" / "Grids" / "mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_bytes(HTML)
    shown = await hub.http.get("/View/local/Grids/mine/index.html")
    policy = shown.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "'unsafe-inline'" not in policy and "script-src 'sha256-" in policy
    assert shown.headers["x-content-type-options"] == "nosniff"


async def test_a_kept_name_is_our_own(hub: RunningHub) -> None:
    """ASVS 5.3.2: the name of a file comes from the hub's pattern, whatever a request says."""
    answer = await hub.call(
        "AddImageToHistory",
        image=as_url(small("PNG")),
        prompt="../../<script>\0 x.html",
        outpathformat="../../[prompt].html",
    )
    path = answer["images"][0]["image"]
    assert path.startswith("View/local/") and path.endswith(".png")
    assert ".." not in path and "<" not in path
    kept = hub.app.board.settings.folders.outputs / path.removeprefix("View/")
    assert kept.is_file()
