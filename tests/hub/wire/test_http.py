"""A POST from its framing to its answer, over real HTTP (swarm-api §1.1 to §1.4)."""

import asyncio
import json
from typing import Annotated, Any

import pytest
from msgspec import Meta, Struct

from hub.accounts import Caller
from hub.errors import BadInput
from hub.wire import Body, Door, api, own
from tests.hub.running import RunningHub

FLAG = "fundamental_generate_tab_access"


class EchoIn(Struct):
    text: str
    count: int = 7
    share: float = 0.5
    flag: bool = False
    names: list[str] = []
    maybe: str | None = None
    small: Annotated[int, Meta(ge=1, le=20)] = 3
    short: Annotated[str, Meta(max_length=5)] = ""


@api("TestEcho", permission=FLAG)
async def echo(caller: Caller, given: EchoIn) -> dict[str, Any]:
    """Give back what was bound."""
    return {name: getattr(given, name) for name in given.__struct_fields__} | {"user": caller.user}


class WholeIn(Struct):
    title: str
    raw: Body


@api("TestWhole", permission=FLAG)
async def whole(given: WholeIn) -> dict[str, Any]:
    """Give back the whole body."""
    return {"title": given.title, "raw": given.raw}


class BodyIn(Struct):
    wanted: Body


@api("TestBody", permission=FLAG)
async def body_of(given: BodyIn) -> dict[str, Any]:
    """Give back the whole body and nothing else."""
    return given.wanted


@api("TestBreaks", permission=FLAG)
async def breaks() -> dict[str, Any]:
    """Break."""
    raise ZeroDivisionError("secret detail")


@api("TestRefuses", permission=FLAG)
async def refuses() -> dict[str, Any]:
    """Refuse in the handler."""
    raise BadInput("That is too much.", field="amount", limit=5)


@api("TestNothing", permission=FLAG)
async def nothing() -> None:
    """Give nothing back."""


@api("TestGuarded", permission="manage_users")
async def guarded() -> dict[str, Any]:
    """Only for those who manage users."""
    return {"success": True}


@api("TestSocket", permission=FLAG, socket=True)
async def socket_only() -> dict[str, Any]:
    """A socket route."""
    return {"success": True}


@api("TestCookie", permission=None)
async def cookie(door: Door) -> dict[str, Any]:
    """Set a cookie and tell what came."""
    door.set_cookie("swarm_token", "abc", max_age=60)
    return {"address": door.address, "loopback": door.is_loopback, "cookies": door.cookies}


class QueryIn(Struct):
    limit: int = 10
    starred: bool = False


@own("/test/query", permission=FLAG, method="GET")
async def query(caller: Caller, given: QueryIn) -> dict[str, Any]:
    """Read from the query."""
    return {"limit": given.limit, "starred": given.starred, "user": caller.user}


HUB_ROUTES = (echo, whole, body_of, breaks, refuses, nothing, guarded, socket_only, cookie, query)
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def hub(shared_hub: RunningHub) -> RunningHub:
    """One hub for all these tests: none of them changes it."""
    return shared_hub


class TestFraming:
    async def test_wrong_content_type(self, hub: RunningHub) -> None:
        answer = await hub.http.post(
            "/API/TestEcho", content=b'{"a":1}', headers={"content-type": "text/plain"}
        )
        assert answer.status_code == 400
        assert answer.json()["error_id"] == "basic_api"
        assert answer.json()["error"] == "Wrong content type"

    @pytest.mark.parametrize(
        "kind", ["application/json; charset=utf-8", "application/vnd.x+json", "Application/JSON"]
    )
    async def test_json_content_types_are_taken(self, hub: RunningHub, kind: str) -> None:
        body = json.dumps({"session_id": hub.session, "text": "x"}).encode()
        answer = await hub.http.post("/API/TestEcho", content=body, headers={"content-type": kind})
        assert answer.status_code == 200, answer.text

    async def test_chunked_body_without_length(self, hub: RunningHub) -> None:
        async def parts() -> Any:
            yield b'{"text":'
            yield b'"x"}'

        answer = await hub.http.post(
            "/API/TestEcho", content=parts(), headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400
        assert answer.json()["error"] == "bad content length"

    async def test_empty_body(self, hub: RunningHub) -> None:
        answer = await hub.http.post(
            "/API/TestEcho", content=b"", headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json()["error"]) == (400, "bad content length")

    @pytest.mark.parametrize(
        "text",
        [
            "{",
            "nul",
            '{"a":NaN}',
            '{"a":1}}',
            "\x00",
            '{"a":"\ud800"}'.encode("utf-8", "surrogatepass"),
            "[" * 100_000,
        ],
    )
    async def test_bad_json(self, hub: RunningHub, text: str | bytes) -> None:
        answer = await hub.http.post(
            "/API/TestEcho", content=text, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 400
        assert answer.json()["error_id"] == "basic_api"
        assert answer.json()["error"].startswith("null input")

    @pytest.mark.parametrize("text", ["null", "[]", "3", '"x"'])
    async def test_json_that_is_no_object(self, hub: RunningHub, text: str) -> None:
        answer = await hub.http.post(
            "/API/TestEcho", content=text, headers={"content-type": "application/json"}
        )
        assert (answer.status_code, answer.json()["error_id"]) == (400, "basic_api")

    async def test_answer_headers(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestEcho", {"session_id": hub.session, "text": "x"})
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["content-length"]) == len(answer.content)

    async def test_large_answers_are_packed_for_who_takes_it(self, hub: RunningHub) -> None:
        body = {"session_id": hub.session, "text": "x" * 500_000}
        packed = await hub.post("/API/TestEcho", body, **{"accept-encoding": "gzip"})
        plain = await hub.post("/API/TestEcho", body, **{"accept-encoding": "identity"})
        assert packed.headers["content-encoding"] == "gzip"
        assert int(packed.headers["content-length"]) < 10_000
        assert "content-encoding" not in plain.headers
        assert packed.json() == plain.json()

    async def test_head_is_get_without_a_body(self, hub: RunningHub) -> None:
        answer = await hub.http.head("/hub/v1/health")
        assert (answer.status_code, answer.content) == (200, b"")
        assert int(answer.headers["content-length"]) > 10

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
    async def test_other_methods_are_redirected(self, hub: RunningHub, method: str) -> None:
        answer = await hub.http.request(method, "/API/TestEcho")
        assert (answer.status_code, answer.headers["location"]) == (302, "/Error/NoGetAPI")


class TestSession:
    async def test_missing(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestEcho", {"text": "x"})
        assert answer.status_code == 400
        assert answer.json()["error"] == "missing session id"

    @pytest.mark.parametrize("session", ["", "0" * 40, "x" * 100_000, 5, True, ["a"], {"a": 1}, "ÿ😀"])
    async def test_unknown(self, hub: RunningHub, session: object) -> None:
        answer = await hub.post("/API/TestEcho", {"session_id": session, "text": "x"})
        assert answer.status_code == 401
        assert answer.json() == {
            "error": "Invalid session ID. You may need to refresh the page.",
            "error_id": "invalid_session_id",
        }

    async def test_header_when_the_key_is_absent(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestEcho", {"text": "x"}, **{"X-Session-ID": hub.session})
        assert answer.json()["user"] == "local"

    async def test_the_key_wins_over_the_header(self, hub: RunningHub) -> None:
        body = {"session_id": "0" * 40, "text": "x"}
        answer = await hub.post("/API/TestEcho", body, **{"X-Session-ID": hub.session})
        assert answer.status_code == 401

    @pytest.mark.parametrize("path", ["/api/testecho", "/API/TESTECHO", "/aPi/TestEcho"])
    async def test_letter_case_of_prefix_and_name(self, hub: RunningHub, path: str) -> None:
        answer = await hub.post(path, {"session_id": hub.session, "text": "x"})
        assert answer.json()["text"] == "x"

    async def test_unknown_name_comes_after_the_session_check(self, hub: RunningHub) -> None:
        assert (await hub.post("/API/NoSuch", {})).json()["error"] == "missing session id"
        assert (await hub.post("/API/NoSuch", {"session_id": "x"})).status_code == 401
        answer = await hub.post("/API/NoSuch", {"session_id": hub.session})
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "Unknown API route", "error_id": "bad_route"},
        )

    async def test_socket_route_over_http(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestSocket", {"session_id": hub.session})
        assert answer.status_code == 400
        assert answer.json() == {
            "error": "API route needs websocket, request is HTTP",
            "error_id": "bad_request_method",
        }

    async def test_missing_flag_is_named(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestGuarded", {"session_id": await hub.session_as("user")})
        assert answer.status_code == 400
        assert answer.json() == {
            "error": "You lack permissions for this route.",
            "error_id": "bad_permissions",
            "permission": "manage_users",
        }

    async def test_flag_held(self, hub: RunningHub) -> None:
        assert await hub.call("TestGuarded") == {"success": True}


class TestHandlers:
    async def test_uncaught_exception_tells_nothing_inside(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestBreaks", {"session_id": hub.session})
        assert (answer.status_code, answer.json()["error_id"]) == (400, "internal_error")
        assert answer.json()["error"] == "An internal error occurred"
        assert "secret" not in answer.text

    async def test_refusal_is_answered_with_200(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestRefuses", {"session_id": hub.session})
        assert (answer.status_code, answer.json()) == (
            200,
            {"error": "That is too much.", "field": "amount", "limit": 5},
        )

    async def test_no_result(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestNothing", {"session_id": hub.session})
        assert (answer.status_code, answer.json()) == (
            400,
            {"error": "API call did not return any output", "error_id": "no_result"},
        )

    async def test_cookies_and_address(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestCookie", {"a": 1}, cookie='{"odd"; swarm_token="t.x"; b=2')
        assert answer.json()["cookies"]["swarm_token"] == "t.x"
        assert answer.json()["loopback"] is True
        set_cookie = answer.headers["set-cookie"]
        assert set_cookie == "swarm_token=abc; Path=/; Max-Age=60; SameSite=Lax; HttpOnly"

    async def test_forwarded_calls_are_not_loopback(self, hub: RunningHub) -> None:
        answer = await hub.post("/API/TestCookie", {"a": 1}, **{"x-forwarded-for": "1.2.3.4, 5.6.7.8"})
        assert answer.json()["loopback"] is False
        assert answer.json()["address"] == "127.0.0.1 (via 1.2.3.4) (via 5.6.7.8)"


class TestOwnReads:
    async def test_query_is_bound(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/hub/v1/test/query?limit=3&starred=true")
        assert answer.json() == {"limit": 3, "starred": True, "user": "local"}

    async def test_bad_query(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/hub/v1/test/query?limit=three")
        assert answer.json()["field"] == "limit"

    async def test_dead_session_header(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/hub/v1/test/query", headers={"X-Session-ID": "nope"})
        assert answer.status_code == 401

    async def test_wrong_bearer(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/hub/v1/test/query", headers={"Authorization": "Bearer nope"})
        assert answer.status_code == 401

    async def test_forwarded_stranger(self, hub: RunningHub) -> None:
        answer = await hub.http.get("/hub/v1/test/query", headers={"X-Forwarded-For": "9.9.9.9"})
        assert answer.status_code == 401

    async def test_unknown_path(self, hub: RunningHub) -> None:
        assert (await hub.http.get("/hub/v1/nothing/here")).json()["error_id"] == "bad_route"

    async def test_other_methods(self, hub: RunningHub) -> None:
        for method, path in (
            ("PUT", "/health"),
            ("POST", "/health"),
            ("GET", "/jobs/cancel"),
            ("DELETE", "/jobs"),
        ):
            answer = await hub.http.request(method, f"/hub/v1{path}")
            assert (answer.status_code, answer.json()["error_id"]) == (405, "bad_request_method")
            assert method not in answer.headers["allow"]

    async def test_letter_case_and_trailing_slash(self, hub: RunningHub) -> None:
        assert (await hub.http.get("/Hub/V1/Health/")).json()["status"] == "ok"

    async def test_health_needs_nothing(self, hub: RunningHub) -> None:
        assert (await hub.http.get("/hub/v1/health")).json()["status"] == "ok"


class TestBinding:
    async def test_defaults(self, hub: RunningHub) -> None:
        answer = await hub.call("TestEcho", text="x")
        assert answer["count"] == 7
        assert answer["names"] == []
        assert answer["maybe"] is None

    async def test_missing_parameter(self, hub: RunningHub) -> None:
        assert await hub.call("TestEcho", Text="x") == {
            "error": "Missing required parameter 'text'",
            "field": "text",
        }

    @pytest.mark.parametrize(
        ("value", "bound"), [("a", "a"), (3, "3"), (20.0, "20"), (1.5, "1.5"), (None, ""), (True, "True")]
    )
    async def test_text_from_anything(self, hub: RunningHub, value: object, bound: str) -> None:
        assert (await hub.call("TestEcho", text=value))["text"] == bound

    @pytest.mark.parametrize("value", [3, "3", 3.0, " 3 ", "+3"])
    async def test_whole_numbers(self, hub: RunningHub, value: object) -> None:
        assert (await hub.call("TestEcho", text="", count=value))["count"] == 3

    @pytest.mark.parametrize("value", ["three", 1.5, "1.5", None, True, [], {}, 2**31, 1e300, "9" * 5000])
    async def test_no_whole_number(self, hub: RunningHub, value: object) -> None:
        answer = await hub.call("TestEcho", text="", count=value)
        assert answer["error"].startswith("Invalid value '")
        assert answer["error"].endswith("' for parameter 'count', must be type 'Int32'")
        assert len(answer["error"]) < 300
        assert (answer["field"], answer["limit"]) == ("count", "Int32")

    @pytest.mark.parametrize(
        ("value", "bound"), [(True, True), ("true", True), ("True", True), ("FALSE", False)]
    )
    async def test_booleans(self, hub: RunningHub, value: object, bound: bool) -> None:
        assert (await hub.call("TestEcho", text="", flag=value))["flag"] is bound

    @pytest.mark.parametrize("value", [1, 0, "1", "yes", None, []])
    async def test_no_boolean(self, hub: RunningHub, value: object) -> None:
        answer = await hub.call("TestEcho", text="", flag=value)
        assert "must be type 'Boolean'" in answer["error"]

    @pytest.mark.parametrize("value", ["nan", "inf", "x", True, None, "1e999"])
    async def test_no_number(self, hub: RunningHub, value: object) -> None:
        assert "must be type 'Double'" in (await hub.call("TestEcho", text="", share=value))["error"]

    async def test_lists(self, hub: RunningHub) -> None:
        assert (await hub.call("TestEcho", text="", names=["a", 1]))["names"] == ["a", "1"]
        assert "must be type 'String[]'" in (await hub.call("TestEcho", text="", names="a"))["error"]

    async def test_null_for_an_optional_one(self, hub: RunningHub) -> None:
        assert (await hub.call("TestEcho", text="", maybe=None))["maybe"] is None

    async def test_limits_are_named(self, hub: RunningHub) -> None:
        answer = await hub.call("TestEcho", text="", small=21)
        assert (answer["field"], answer["limit"]) == ("small", {"min": 1, "max": 20})
        answer = await hub.call("TestEcho", text="", short="123456")
        assert (answer["field"], answer["limit"]) == ("short", 5)

    async def test_whole_body(self, hub: RunningHub) -> None:
        assert await hub.call("TestBody", LoRA=["a"], x=1) == {"LoRA": ["a"], "x": 1}

    @pytest.mark.parametrize("key", ["rawData", "rawInput", "raw_inp", "raw"])
    async def test_documented_nesting_is_undone(self, hub: RunningHub, key: str) -> None:
        nested = {"param_map": {"steps": 3}, "x": "inner"}
        answer = await hub.call("TestBody", **{key: nested}, x="outer")
        assert answer == {"param_map": {"steps": 3}, "x": "outer"}

    async def test_scalars_are_found_in_the_nesting_too(self, hub: RunningHub) -> None:
        assert (await hub.call("TestWhole", rawInput={"title": "deep"}))["title"] == "deep"


class TestManyAtOnce:
    async def test_calls_do_not_mix(self, hub: RunningHub) -> None:
        answers = await asyncio.gather(*(hub.call("TestEcho", text=f"t{n}") for n in range(50)))
        assert [answer["text"] for answer in answers] == [f"t{n}" for n in range(50)]

    async def test_not_http_at_all(self, hub: RunningHub) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(b"\x16\x03\x01 hello\r\n\r\n")
        assert b"400" in await asyncio.wait_for(reader.read(200), 60)
        writer.close()
        assert (await hub.http.get("/hub/v1/health")).status_code == 200

    async def test_a_second_host_header_is_refused(self, hub: RunningHub) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n")
        assert b" 421 " in (await asyncio.wait_for(reader.read(200), 60))[:30]
        writer.close()
