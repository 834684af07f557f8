"""No text, whatever it holds, hangs the hub or breaks it: each is filled or refused, in little time."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.errors import BadInput
from hub.params.tags.known import TAGS
from tests.hub.params.tags.conftest import Make

WORDS = st.sampled_from(
    ["<", ">", "[", "]", ":", ",", "|", "||", "-", "1", "2", "0.5", "a", " ", "\n", "self", "colour", "pet",
     "warm", "x", "not=", "é", "(", ")", "BREAK", "style", "steps", "true", "false", "{value}",
     *(f"<{name}:" for name in TAGS), *(f"<{name}[" for name in TAGS), *(f"<{name}>" for name in TAGS)]
)  # fmt: skip
TEXTS = st.lists(WORDS, max_size=60).map("".join) | st.text(max_size=200)


@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, negative=TEXTS, seed=st.integers(0, 2**32 - 1))
def test_filled_or_refused(make: Make, text: str, negative: str, seed: int) -> None:
    texts = {"prompt": text.replace("\0", ""), "negativeprompt": negative.replace("\0", "")}
    begun = time.process_time()
    try:
        filled = make(seed).run(texts)
    except BadInput as refused:
        assert refused.text.startswith("Invalid value for parameter ")
    else:
        assert make(seed).run(texts) == filled
    assert time.process_time() - begun < 30  # processor seconds: what is quadratic takes minutes


@pytest.mark.parametrize(
    "text",
    [
        "<" * 100_000,
        "<a:" * 33_000,
        "<>" * 50_000,
        "><" * 50_000,
        "<lora:" * 16_000,
        "<random:" * 12_000 + ">" * 12_000,
        "<random:a," * 5_000 + ">" * 5_000,
        "<random" + " " * 90_000 + ">",
        "<random[" + "1" * 90_000 + "]:a>",
        "<random:" + "a," * 45_000 + ">",
        "<random[1000]:" + "a," * 45_000 + ">",
        "<repeat[1000]:<random[1000]:" + "a," * 30_000 + ">>",
        "<repeat[1000]:" * 6_000 + ">" * 6_000,
        "<setmacro[m,false]:<macro:m><macro:m>><macro:m>",
        "<setmacro[m,false]:" + "<macro:m>" * 9_000 + "><macro:m>",
        "<setvar[a,false]:" + "x" * 50_000 + ">" + "<var:a>" * 5_000,
        "<wildcard:self>" * 5_000,
        "<alternate:" + "(," * 40_000 + ">",
        "<comment:" * 10_000 + ">" * 10_000,
    ],
)
def test_a_hundred_kilobytes_of_malice_take_little_time(make: Make, text: str) -> None:
    begun = time.process_time()
    try:
        make().run({"prompt": text})
    except BadInput:
        pass
    assert time.process_time() - begun < 30  # processor seconds: what is quadratic takes minutes
