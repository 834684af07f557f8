"""What the history says about pictures, as swarm-api §2.2, §5.3 and §7 have it."""

import base64
import io
import json

import pytest
from PIL import Image

from tests.hub.running import RunningHub
from tests.swarm_api.sketching import SETTINGS, SMALL

pytestmark = pytest.mark.asyncio(loop_scope="module")
HUB_SETTINGS = SETTINGS


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub for all of them."""
    return shared_hub


def red(width: int, height: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


async def test_an_added_picture_tells_nothing_that_was_not_given(hub: RunningHub) -> None:
    answer = await hub.call("AddImageToHistory", image=red(40, 30), prompt="painted", steps=7, seed=3)
    (added,) = answer["images"]
    assert set(added) == {"image", "batch_index", "request_id", "metadata"} and added["batch_index"] == "0"
    params = json.loads(added["metadata"])["sui_image_params"]
    assert (params["prompt"], params["steps"], params["seed"]) == ("painted", 7, 3)
    assert not {"width", "height", "cfgscale", "sampler", "scheduler"} & set(params)


async def test_names_beyond_ascii_are_escaped_inside_and_kept_outside(hub: RunningHub) -> None:
    answer = await hub.call("GenerateText2Image", **{**SMALL, "prompt": "größe 日本 red"})
    (address,) = answer["images"]
    assert address.startswith("View/local/") and "größe 日本 red" in address
    data = (await hub.http.get("/" + address)).content
    assert b"tEXtparameters\0{" in data and data.isascii() is False
    with Image.open(io.BytesIO(data)) as picture:
        text = picture.info["parameters"]
    assert text.isascii() and json.loads(text)["sui_image_params"]["prompt"] == "größe 日本 red"
    files = (await hub.call("ListImages", path="raw", depth=3))["files"]
    listed = {f"View/local/raw/{file['src']}": file["metadata"] for file in files}
    assert listed[address] == text


async def test_parts_of_a_file_and_small_versions(hub: RunningHub) -> None:
    (address,) = (await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"}))["images"]
    whole = await hub.http.get("/" + address)
    assert whole.headers["cache-control"] == "private, max-age=30"
    part = await hub.http.get("/" + address, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, whole.content[2:6])
    assert part.headers["content-range"] == f"bytes 2-5/{len(whole.content)}"
    for query in ("preview=true", "preview=true&noanim=true"):
        small = await hub.http.get(f"/{address}?{query}")
        assert small.headers["content-type"] == "image/jpeg"


@pytest.mark.parametrize(
    ("path", "status", "error_id"),
    [
        ("/View/local/nothing.png", 404, "file_not_found"),
        ("/View/Local/a.png", 400, "invalid_user"),
        ("/View/local/%2e%2e/%2e%2e/hub.sqlite", 400, "bad_path"),
        ("/View/local/.hidden", 400, "bad_path"),
        ("/Output/nothing.png", 404, "file_not_found"),
    ],
)
async def test_refusals_of_files(hub: RunningHub, path: str, status: int, error_id: str) -> None:
    answer = await hub.http.get(path)
    assert (answer.status_code, answer.json()["error_id"]) == (status, error_id)


async def test_another_users_files_need_the_flag(hub: RunningHub) -> None:
    (address,) = (await hub.call("GenerateText2Image", **{**SMALL, "prompt": "red"}))["images"]
    stranger = await hub.session_as("user")
    answer = await hub.http.get("/" + address, headers={"X-Session-ID": stranger})
    assert (answer.status_code, answer.json()["error_id"]) == (400, "unauthorized")
