"""Addresses, headers and refusals of another hub."""

import pytest

from backends.contract import Misconfigured
from backends.engine_settings import RefusedSetting, read_settings
from backends.swarmswarmbackend.engine import ENGINE, SwarmSettings
from backends.swarmswarmbackend.sentences import LONGEST, UNTOLD, failed, is_interrupt, sentence
from backends.swarmswarmbackend.server import Server, refusal_of


@pytest.mark.parametrize(
    ("given", "address", "socket"),
    [
        ("http://10.0.0.7:7801", "http://10.0.0.7:7801/", "ws://10.0.0.7:7801/API/"),
        (" 10.0.0.7:7801/ ", "http://10.0.0.7:7801/", "ws://10.0.0.7:7801/API/"),
        ("https://a.example/hub/Text2Image", "https://a.example/hub/", "wss://a.example/hub/API/"),
        ("http://[::1]:7801/Text2Image/", "http://[::1]:7801/", "ws://[::1]:7801/API/"),
    ],
)
def test_addresses(given: str, address: str, socket: str) -> None:
    server = Server(SwarmSettings(address=given))
    assert (server.address, server.socket_address) == (address, socket)


@pytest.mark.parametrize("given", ["", "  ", "ftp://a", "http://", "http://a:99999", "http://[::1"])
def test_what_is_no_address(given: str) -> None:
    with pytest.raises(Misconfigured, match="Address"):
        Server(SwarmSettings(address=given))


@pytest.mark.parametrize("given", ["http://me:hush@hub.example", "me:hush@hub.example:7801"])
def test_an_address_holds_no_login_since_addresses_are_listed(given: str) -> None:
    with pytest.raises(RefusedSetting, match="AuthorizationHeader") as refused:
        read_settings(ENGINE, {"Address": given})
    assert "hush" not in str(refused.value)


def test_headers() -> None:
    settings = SwarmSettings(
        address="a", authorization_header=" Bearer abc ", other_headers="Cookie: swarm_token=x\n\nX-A:b:c"
    )
    assert Server(settings).headers == {
        "Cookie": "swarm_token=x",
        "X-A": "b:c",
        "Authorization": "Bearer abc",
    }


@pytest.mark.parametrize("lines", ["no colon", ": value", "X-A: é", "X-A: a\x7fb"])
def test_what_is_no_header(lines: str) -> None:
    with pytest.raises(Misconfigured, match="OtherHeaders"):
        Server(SwarmSettings(address="a", other_headers=lines))


def test_refusals_keep_what_they_are_about() -> None:
    refusal = refusal_of({"error": "Too many steps", "field": "steps", "limit": {"max": 50}, "more": 1})
    assert str(refusal) == "Too many steps." and refusal.about == {"field": "steps", "limit": {"max": 50}}
    assert refusal_of({"error_id": "invalid_session_id"}).error_id == "invalid_session_id"


def test_sentences_pass() -> None:
    assert sentence(" The pencil broke. ") == "The pencil broke."
    assert sentence("width/height must fit, like 512/512") == "width/height must fit, like 512/512."
    assert len(sentence("a" * 1000)) == LONGEST + 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):\n  File",
        "System.NullReferenceException: Object reference\n   at Swarm.Main()",
        "Cannot read /elsewhere/models/a.safetensors",
        "Cannot read C:\\Users\\ann\\a.safetensors",
        "<html><body>502</body></html>",
    ],
)
def test_insides_do_not(text: str) -> None:
    assert sentence(text) == UNTOLD


def test_what_it_says_of_its_engines_is_not_taken_for_ours() -> None:
    assert failed("No backends available!") == "The other hub says: No backends available!"
    assert failed("Too many steps.") == "Too many steps."
    assert "param_controlnet" in failed("You lack permissions", "param_controlnet")
    assert is_interrupt("Generation session interrupted.") and not is_interrupt("The pencil broke.")
