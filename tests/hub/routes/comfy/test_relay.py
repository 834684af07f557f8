"""What of a direct call goes on to a ComfyUI server, and what of its answer comes back."""

import pytest

from hub.errors import HubError
from hub.routes.comfy.relay import homeward, is_foreign, is_prompt, onward, target


def test_nothing_that_tells_who_our_user_is_goes_on() -> None:
    given = [
        (b"host", b"hub"),
        (b"cookie", b"session=secret"),
        (b"authorization", b"Bearer token"),
        (b"x-session-id", b"secret"),
        (b"origin", b"http://hub"),
        (b"referer", b"http://hub/page"),
        (b"x-forwarded-for", b"10.0.0.1"),
        (b"sec-fetch-site", b"same-origin"),
        (b"connection", b"keep-alive"),
        (b"content-type", b"application/json"),
        (b"accept", b"*/*"),
    ]
    assert onward(given, {"Authorization": "Basic abc"}) == [
        (b"content-type", b"application/json"),
        (b"accept", b"*/*"),
        (b"Authorization", b"Basic abc"),
    ]


def test_the_answer_sets_no_cookies_of_ours_and_opens_nothing_to_other_sites() -> None:
    given = [
        (b"Content-Type", b"text/html"),
        (b"Set-Cookie", b"session=other"),
        (b"Access-Control-Allow-Origin", b"*"),
        (b"Transfer-Encoding", b"chunked"),
        (b"Cache-Control", b"max-age=9"),
    ]
    assert homeward(given, fresh=False) == [(b"content-type", b"text/html"), (b"cache-control", b"max-age=9")]
    assert homeward(given, fresh=True) == [(b"content-type", b"text/html"), (b"cache-control", b"no-store")]


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (b"/login", [(b"location", b"/ComfyBackendDirect/login")]),
        (b"//elsewhere/x", []),
        (b"http://elsewhere/x", []),
    ],
)
def test_a_redirect_stays_below_the_mount(place: bytes, told: list[tuple[bytes, bytes]]) -> None:
    assert homeward([(b"Location", place)], fresh=False) == told


@pytest.mark.parametrize(
    ("raw", "query", "wanted"),
    [
        (b"/ComfyBackendDirect/", b"", "/"),
        (b"/comfybackenddirect/api/userdata/a%2Fb.json", b"", "/api/userdata/a%2Fb.json"),
        (b"/under/ComfyBackendDirect/view", b"filename=x.png", "/view?filename=x.png"),
        (b"/ComfyBackendDirect//evil", b"", "/evil"),
    ],
)
def test_the_address_is_kept_as_it_was_spelled(raw: bytes, query: bytes, wanted: str) -> None:
    assert target(raw, query) == wanted


def test_what_starts_a_generation() -> None:
    assert is_prompt("/prompt", "POST") and is_prompt("/api/prompt/?x=1", "POST")
    assert not is_prompt("/prompt", "GET") and not is_prompt("/queue", "POST")


@pytest.mark.parametrize(
    "path",
    [
        "/%70rompt",
        "/%2570rompt",
        "//prompt",
        "/api//prompt",
        "/PROMPT",
        "/prompt%2f",
        "/prompt%3Fx",
        "/prompt;x",
    ],
)
def test_another_spelling_starts_one_too(path: str) -> None:
    assert is_prompt(path, "POST")


@pytest.mark.parametrize(
    "raw",
    [
        b"/ComfyBackendDirect/../admin",
        b"/ComfyBackendDirect/x/../prompt",
        b"/ComfyBackendDirect/x/%2e%2e/prompt",
        b"/ComfyBackendDirect/x/..%2Fprompt",
        b"/ComfyBackendDirect/x/%252e%252e/prompt",
        b"/ComfyBackendDirect/x/..%5cprompt",
        b"/ComfyBackendDirect/./prompt",
        b"/ComfyBackendDirect/..",
    ],
)
def test_no_address_steps_aside_from_the_server(raw: bytes) -> None:
    with pytest.raises(HubError):
        target(raw, b"")


@pytest.mark.parametrize(
    ("origin", "site", "refused"),
    [
        (False, None, False),
        (False, b"same-origin", False),
        (False, b"none", False),
        (False, b"same-site", True),
        (False, b"cross-site", True),
        (True, b"same-origin", True),
        (True, None, True),
    ],
)
def test_only_our_own_page_and_who_types_the_address_may_call(
    origin: bool, site: bytes | None, refused: bool
) -> None:
    """A page on another port of this host is `same-site`: its <img> would carry our cookie and no Origin,
    and nodes of ComfyUI's have reads that change things."""
    assert is_foreign("no" if origin else None, site) is refused
