"""A server's refusals in words: every recorded one, and none of the server's own."""

import json
from pathlib import Path

import msgspec
import pytest

from backends.comfyui_api.complaints import broken_words, dropped_outputs, refusal_of

RECORDED = json.loads((Path(__file__).parents[2] / "comfy" / "recorded" / "refusals.json").read_text())
REFUSED = [one for one in RECORDED if one["status"] >= 400]


@pytest.mark.parametrize("one", REFUSED, ids=[one["case"] for one in REFUSED])
def test_every_recorded_refusal_is_a_sentence_without_the_servers_own_words(one: dict[str, object]) -> None:
    answer = one["answer"]
    body = answer.encode() if isinstance(answer, str) else msgspec.json.encode(answer)
    reason = refusal_of(int(str(one["status"])), body).reason
    assert reason.startswith(("The ComfyUI server", "The workflow"))
    assert reason.endswith(".")
    assert ";" in reason  # what happened; what to do
    for secret in ("/comfyui", "mini-sd15", "Traceback", "execution.py", "KeyError"):
        assert secret not in reason


def body(kind: str, node: str, **info: object) -> bytes:
    error = {"type": kind, "message": "m", "details": "d", "extra_info": info}
    return msgspec.json.encode(
        {
            "error": {"type": "prompt_outputs_failed_validation"},
            "node_errors": {"4": {"errors": [error], "class_type": node, "dependent_outputs": ["9"]}},
        }
    )


def test_a_missing_model_may_be_tried_elsewhere_and_makes_the_lists_stale() -> None:
    refusal = refusal_of(400, body("value_not_in_list", "LoraLoader", input_name="lora_name"))
    assert refusal.stale
    assert refusal.retry
    assert "LoRA" in refusal.reason


def test_a_bound_names_the_node_and_its_input() -> None:
    refusal = refusal_of(400, body("value_bigger_than_max", "KSampler", input_name="steps"))
    assert "steps" in refusal.reason
    assert "KSampler" in refusal.reason
    assert not refusal.retry


def test_too_large_a_body_says_so() -> None:
    assert "smaller" in refusal_of(413, b"").reason


@pytest.mark.parametrize("answer", [b"", b"not json", b"[]", b'{"error": 5}', b'{"node_errors": []}'])
def test_what_cannot_be_read_is_a_sentence_too(answer: bytes) -> None:
    refusal = refusal_of(500, answer)
    assert refusal.retry
    assert "500" in refusal.reason


def test_outputs_dropped_from_an_accepted_prompt_are_found() -> None:
    accepted = {
        "prompt_id": "p",
        "number": 1,
        "node_errors": {"3": {"errors": [], "dependent_outputs": ["9"]}},
    }
    assert dropped_outputs(msgspec.json.encode(accepted)) == {"3", "9"}
    assert dropped_outputs(b'{"prompt_id": "p", "number": 1, "node_errors": {}}') == frozenset()
    assert dropped_outputs(b"?") == frozenset()


def test_an_error_keeps_plain_words_and_drops_paths_and_markup() -> None:
    kept, _ = broken_words("KSampler", "RuntimeError", "shape mismatch at step 3.\nmore")
    assert "shape mismatch at step 3" in kept
    assert "more" not in kept
    for message in ("no '/srv/x'", "C:\\models", "<script>", "x" * 300):
        told, _ = broken_words("K<b>", "a.b.Error", message)
        assert message not in told
        assert "<" not in told
