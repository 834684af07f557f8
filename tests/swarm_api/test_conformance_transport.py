"""The outer layer as swarm-api §1 and §14 describe it: addresses, framing, kinds, ids of refusals, pages."""

import io
import json
from typing import Any

import pytest
from PIL import Image

from hub.accounts.users import may_be_taken
from tests.hub.running import RunningHub

pytestmark = pytest.mark.asyncio(loop_scope="module")
JSON = {"content-type": "application/json"}


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub for all of them."""
    return shared_hub


class TestAddresses:
    @pytest.mark.parametrize("path", ["/API/GetNewSession", "/api/getnewsession", "/aPi/GETNEWSESSION"])
    async def test_prefix_and_name_in_any_letter_case(self, hub: RunningHub, path: str) -> None:
        answer = await hub.post(path, {})
        assert answer.status_code == 200
        session = answer.json()["session_id"]
        assert len(session) == 40 and session == session.upper()
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-length"] == str(len(answer.content))

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
    async def test_any_other_method_is_sent_to_the_error_page(self, hub: RunningHub, method: str) -> None:
        answer = await hub.http.request(method, "/API/GetCurrentStatus")
        assert (answer.status_code, answer.headers["location"]) == (302, "/Error/NoGetAPI")

    @pytest.mark.parametrize("name", ["404", "BasicAPI", "Internal", "NoGetAPI", "Permissions"])
    async def test_error_pages(self, hub: RunningHub, name: str) -> None:
        answer = await hub.http.get(f"/Error/{name}")
        assert answer.headers["content-type"].startswith("text/html")

    async def test_unknown_paths_go_to_404(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/nowhere/at/all")
        assert (answer.status_code, answer.headers["location"]) == (302, "/Error/404")

    async def test_the_placeholder_that_lists_name_is_a_jpeg(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/imgs/model_placeholder.jpg")
        assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert picture.format == "JPEG" and picture.size == (256, 256)


class TestFraming:
    @pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.api+json"])
    async def test_json_types(self, hub: RunningHub, kind: str) -> None:
        answer = await hub.http.post("/API/GetNewSession", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        ("content", "headers", "text"),
        [
            (b"{}", {}, "Wrong content type"),
            (b"{}", {"content-type": "text/plain"}, "Wrong content type"),
            (b"", JSON, "bad content length"),
            (b"null", JSON, "null input"),
            (b"[]", JSON, "null input"),
            (b"{oops", JSON, "null input"),
            (b'{"a":NaN}', JSON, "null input"),
            (b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", JSON, "null input"),
            (b'{"a":"\\ud800"}', JSON, "null input"),
            (b'{"a":"\xff"}', JSON, "null input"),
        ],
    )
    async def test_bad_framing(
        self, hub: RunningHub, content: bytes, headers: dict[str, str], text: str
    ) -> None:
        answer = await hub.http.post("/API/GetCurrentStatus", content=content, headers=headers)
        assert answer.status_code == 400
        assert answer.json()["error_id"] == "basic_api" and answer.json()["error"].startswith(text)
        assert answer.json()["field"]

    async def test_a_body_of_unknown_length(self, hub: RunningHub) -> None:
        async def parts() -> Any:
            yield b"{}"

        answer = await hub.http.post("/API/GetNewSession", content=parts(), headers=JSON)
        assert answer.json()["error"].startswith("bad content length")


class TestRefusals:
    async def test_ids_and_statuses_over_http(self, hub: RunningHub) -> None:
        for name, body, status, error_id, text in (
            ("GetCurrentStatus", {}, 400, "basic_api", "missing session id"),
            ("GetCurrentStatus", {"session_id": "F" * 40}, 401, "invalid_session_id", "Invalid session ID."),
            ("GetCurrentStatus", {"session_id": 5}, 401, "invalid_session_id", "Invalid session ID."),
            ("Nothing", {"session_id": hub.session}, 400, "bad_route", "Unknown API route"),
            ("Nothing", {}, 400, "basic_api", "missing session id"),
            (
                "GenerateText2ImageWS",
                {"session_id": hub.session, "images": 1},
                400,
                "bad_request_method",
                "API route needs websocket, request is HTTP",
            ),
        ):
            answer = await hub.post(f"/API/{name}", body)
            assert answer.status_code == status, name
            assert answer.json()["error_id"] == error_id
            assert answer.json()["error"].startswith(text)

    async def test_a_missing_permission_is_400(self, hub: RunningHub) -> None:
        guest = await hub.session_as("guest")
        answer = await hub.post("/API/InterruptAll", {"session_id": guest})
        assert answer.status_code == 400 and answer.json()["error_id"] == "bad_permissions"
        assert answer.json()["permission"] == "basic_image_generation"

    async def test_errors_of_a_route_are_200(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetLanguage", {"session_id": hub.session, "language": "xx"})
        assert answer.status_code == 200 and answer.json()["error"] == "No such language."

    async def test_over_a_socket_they_are_one_frame_and_a_normal_close(self, hub: RunningHub) -> None:
        for name, frame, error_id in (
            ("GetCurrentStatus", {"session_id": hub.session}, "bad_request_method"),
            ("NothingWS", {"session_id": hub.session}, "bad_route"),
            ("GenerateText2ImageWS", {"session_id": "F" * 40, "images": 1}, "invalid_session_id"),
            ("GenerateText2ImageWS", {"images": 1}, "basic_api"),
            ("GenerateText2ImageWS", [], "basic_api"),
        ):
            async with hub.socket(f"/api/{name.lower()}") as socket:
                await socket.send(json.dumps(frame))
                frames = [json.loads(text) async for text in socket]
            assert [answer["error_id"] for answer in frames] == [error_id]
            assert socket.close_code == 1000

    async def test_the_session_may_come_in_a_header(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetCurrentStatus", {}, **{"X-Session-ID": hub.session})
        assert set(answer.json()) == {"status", "backend_status", "supported_features"}

    async def test_naming_a_user_in_a_header_changes_nothing(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetNewSession", {}, **{"X-SWARM-USER_ID": "mallory"})
        assert answer.json()["user_id"] == "local"

    async def test_a_bad_token_gets_no_session(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/GetNewSession", {}, Authorization="Bearer nonsense")
        assert answer.status_code == 200
        assert answer.json()["error"] == "Invalid or unauthorized." and "error_id" not in answer.json()


class TestLooseValues:
    async def test_texts_of_values(self, hub: RunningHub) -> None:
        for depth in (2, "2", 2.0):
            assert "folders" in await hub.call("ListImages", path=None, depth=depth)
        for switch in (True, "true", "True", "FALSE"):
            assert (await hub.call("InterruptAll", other_sessions=switch)) == {"success": True}
        wrongs: tuple[Any, ...] = (1, "yes", None, [])
        for wrong in wrongs:
            answer = await hub.call("InterruptAll", other_sessions=wrong)
            assert answer["field"] == "other_sessions" and answer["error"].endswith("must be type 'Boolean'")

    async def test_documented_nesting_is_taken_too(self, hub: RunningHub) -> None:
        for key in ("raw", "rawData", "rawInput", "raw_inp"):
            assert (await hub.call("SetParamEdits", **{key: {"edits": {"from": key}}})) == {"success": True}
            assert (await hub.call("ListT2IParams"))["param_edits"] == {"from": key}

    async def test_success_is_a_text_only_where_documented(self, hub: RunningHub) -> None:
        made = await hub.post("/API/RegisterBasic", {"username": "first", "password": "long enough"})
        assert made.json() == {"success": "true"} and "set-cookie" not in made.headers
        login = await hub.post("/API/Login", {"username": "first", "password": "long enough"})
        assert login.json() == {"success": "true"}
        cookie = login.headers["set-cookie"]
        assert cookie.startswith("swarm_token=") and "HttpOnly" in cookie and "SameSite=Lax" in cookie

    async def test_reserved_names(self) -> None:
        names = (
            "shared local admin owner moderator user users poweruser guest guests registered login account "
            "system root role roles tracked permission permissions 1st _x"
        )
        assert [name for name in names.split() if may_be_taken(name)] == []
