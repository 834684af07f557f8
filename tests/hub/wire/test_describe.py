"""The generated description and pages agree with the declared routes."""

from pathlib import Path

from msgspec import UNSET, Struct, UnsetType

from hub.wire import Body, api, own
from hub.wire.describe import input_fields, kind_of, openapi, output_fields
from hub.wire.discover import find_modules, find_routes
from hub.wire.docs import write_pages
from hub.wire.route import routes_of

DOCS = Path(__file__).parents[3] / "docs" / "api"
ROUTES = find_routes(find_modules())


class TalkIn(Struct):
    text: str
    rest: Body
    count: int = 3


class TalkOut(Struct):
    success: bool
    note: str | UnsetType = UNSET


@api("TestTalkWS", permission="fundamental", socket=True)
async def talk(given: TalkIn) -> TalkOut:
    """Talk.

    At length.
    """
    return TalkOut(True)


class ReadIn(Struct):
    limit: int = 10


@own("/test/read", permission=None, method="GET")
async def read(given: ReadIn) -> dict[str, int]:
    """Read."""
    return {}


class TestPages:
    def test_docs_are_what_the_code_declares(self) -> None:
        pages = write_pages(ROUTES)
        stale = [name for name, text in pages.items() if _kept(name) != text]
        gone = [path.name for path in DOCS.glob("*.md") if path.name not in pages]
        assert not stale + gone, f"run `python -m hub docs`: {', '.join(stale + gone)} differ from the code"

    def test_every_route_stands_on_a_page(self) -> None:
        text = "".join(write_pages(ROUTES).values())
        assert [route.path for route in ROUTES if f"`{route.path}`" not in text] == []

    def test_every_setting_is_listed(self) -> None:
        text = write_pages(ROUTES)["settings.md"]
        assert "`network.max_request_mib` | integer | `200`" in text
        assert "`folders.models` | array of path" in text

    def test_every_family_says_what_it_is(self) -> None:
        pages = write_pages(ROUTES)
        silent = [name for name, text in pages.items() if text.split("\n\n")[2].startswith("##")]
        assert not silent, "the folder's __init__.py needs a docstring"


class TestOpenapi:
    def test_all_routes_are_in_it(self) -> None:
        found = openapi(ROUTES, "1")
        assert {route.path for route in ROUTES} == set(found["paths"])

    def test_a_socket(self) -> None:
        operation = openapi(routes_of(talk), "1")["paths"]["/API/TestTalkWS"]["get"]
        frame = operation["x-websocket"]["firstFrame"]
        assert frame["required"] == ["text"]
        assert set(frame["properties"]) == {"session_id", "text", "count"}
        assert (operation["summary"], operation["description"]) == ("Talk.", "At length.")
        assert operation["x-permission"] == "fundamental"
        assert "101" in operation["responses"]

    def test_a_read_takes_its_input_from_the_query(self) -> None:
        operation = openapi(routes_of(read), "1")["paths"]["/hub/v1/test/read"]["get"]
        assert [(part["name"], part["in"]) for part in operation["parameters"]] == [("limit", "query")]
        assert operation["security"] == []

    def test_every_reference_is_defined(self) -> None:
        found = openapi(ROUTES, "1")
        names = {*found["components"]["schemas"], *found["components"]["responses"]}

        def references(part: object) -> set[str]:
            if isinstance(part, dict):
                here = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
                return here.union(*(references(value) for value in part.values()))
            return set().union(*(references(value) for value in part)) if isinstance(part, list) else set()

        assert references(found) <= names


class TestFields:
    def test_input(self) -> None:
        text, rest, count = input_fields(routes_of(talk)[0])
        assert (text.kind, text.required, text.default) == ("string", True, "")
        assert rest.whole_body
        assert (count.kind, count.default) == ("integer", "3")

    def test_output_with_a_field_that_may_be_absent(self) -> None:
        _, note = output_fields(routes_of(talk)[0])
        assert (note.kind, note.required, note.default) == ("string", False, "")

    def test_kinds(self) -> None:
        assert kind_of(dict[str, list[str]]) == "object of array of string"
        assert kind_of(list[TalkOut]) == "array of object TalkOut"
        assert kind_of(str | None) == "string"


def _kept(name: str) -> str:
    path = DOCS / name
    return path.read_text("utf-8") if path.exists() else ""
