"""Templates of what the server's webhooks send."""

import json

import pytest

from hub.webhooks.template import Picture, body_of, fill

TAGS = {"prompt": 'a "quoted"\nline, ünï', "seed": "5", "image": "https://a.example/View/x.png"}


def test_tags_are_escaped_and_uncut() -> None:
    long = "x" * 5000
    text = fill('{"a": "%prompt%", "b": %seed%, "c": "%long%"}', {**TAGS, "long": long}.get)
    assert json.loads(text) == {"a": TAGS["prompt"], "b": 5, "c": long}


def test_what_a_tag_says_is_not_filled_again() -> None:
    assert fill('"%prompt%"', {"prompt": "%seed%", "seed": "5"}.get) == '"%seed%"'


@pytest.mark.parametrize("template", ["", "  \n"])
def test_nothing_is_an_empty_object(template: str) -> None:
    assert fill(template, TAGS.get) == "{}"


def test_unknown_tags_and_percents_stay() -> None:
    assert fill('"%odd% 100% of 5 %"', TAGS.get) == '"%odd% 100% of 5 %"'


def test_plain() -> None:
    body = body_of('{"i": "%image%"}', TAGS.get, Picture(b"png", "png"), "b")
    assert (body.data, body.kind) == (b'{"i": "https://a.example/View/x.png"}', "application/json")


def test_a_form_with_the_picture() -> None:
    body = body_of('[discord_image]{"content": "%seed%"}', TAGS.get, Picture(b"\x89PNG", "png"), "bound")
    assert body.kind == "multipart/form-data; boundary=bound"
    assert body.data == (
        b'--bound\r\nContent-Disposition: form-data; name="payload_json"\r\n'
        b'Content-Type: application/json\r\n\r\n{"content": "5"}\r\n'
        b'--bound\r\nContent-Disposition: form-data; name="file"; filename="image.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG\r\n--bound--\r\n"
    )


def test_a_form_without_a_picture() -> None:
    body = body_of("[discord_image]", TAGS.get, None, "bound")
    assert b'name="file"' not in body.data
    assert b"{}" in body.data
