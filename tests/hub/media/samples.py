"""Requests and works for tests of what is saved."""

from datetime import datetime
from typing import Any

from backends.contract import ModelRef, Work
from hub.media.pattern import Occasion
from hub.params.request import GenRequest

WHEN = datetime(2026, 2, 3, 14, 5, 6, 7000)


def request(**more: Any) -> GenRequest:
    values: dict[str, Any] = {
        "images": 1,
        "model": ModelRef("folder/my model.safetensors", "/nowhere"),
        "model_hash": "0xab",
        "prompt": "a cat",
        "negative_prompt": "dog",
        "width": 64,
        "height": 32,
        "steps": 4,
        "cfg_scale": 7.5,
        "sampler": "euler",
        "scheduler": "normal",
        "seed": 11,
        "given": {"prompt": "a cat", "images": 1, "seed": 11, "cfgscale": 7.5},
    }
    return GenRequest(**{**values, **more})


def work(**more: Any) -> Work:
    values: dict[str, Any] = {
        "id": "j:0",
        "user": "local",
        "session": "S",
        "model": ModelRef("folder/my model.safetensors", "/nowhere"),
        "prompt": "a cat",
        "negative_prompt": "dog",
        "width": 64,
        "height": 32,
        "steps": 4,
        "cfg_scale": 7.5,
        "seed": 11,
    }
    return Work(**{**values, **more})


def occasion(**more: Any) -> Occasion:
    values: dict[str, Any] = {"time": WHEN, "count": 3, "batch": 2, "user": "local"}
    return Occasion(**{**values, **more})
