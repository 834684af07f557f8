"""Measures the starter model on held-out prompts and prints a table and JSON.

    python -m backends.diffusers_local.starter.evaluate [--prompts 300] [--steps 16] [--json FILE]

`--prompts` is the number of single-shape prompts: six tenths name everything, a fifth leaves out the
background, a fifth the colour. Half as many each of bare shapes, counts, pairs and landscapes come beside.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from PIL import Image

from backends.diffusers_local.starter.loading import WEIGHTS, load_starter
from backends.diffusers_local.starter.prompts import ISSUE, SORTS, Prompt, make_prompts
from backends.diffusers_local.starter.scenes import FRAMES
from backends.diffusers_local.starter.verdict import judge

SINGLE_SHARES: Mapping[str, float] = {"full": 0.6, "no background": 0.2, "no colour": 0.2}
BATCH = 8
Score = dict[str, float]


def draw(
    pipeline: StableDiffusionPipeline,
    prompts: list[Prompt],
    frame: str,
    steps: int,
    guidance: float,
    seed: int,
) -> Iterator[Image.Image]:
    """Pictures of prompts in their order; the n-th has the seed `seed` + n."""
    columns, rows = FRAMES[frame]
    for start in range(0, len(prompts), BATCH):
        texts = [prompt.text for prompt in prompts[start : start + BATCH]]
        seeds = [torch.Generator("cpu").manual_seed(seed + start + k) for k in range(len(texts))]
        yield from pipeline(
            texts,
            height=rows * 32,
            width=columns * 32,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=seeds,
        ).images


def score(prompts: list[Prompt], pictures: Iterator[Image.Image], failures: list[str]) -> Score:
    """Share of pictures that agree with all of their prompt ("all"), and with each thing asked for."""
    told: dict[str, list[bool]] = defaultdict(list)
    for prompt, picture in zip(prompts, pictures, strict=True):
        verdict = judge(picture, prompt)
        told["all"].append(all(verdict.values()))
        for fact, agrees in verdict.items():
            told[fact].append(agrees)
        if not told["all"][-1]:
            failures.append(
                f"{prompt.text}: {', '.join(fact for fact, agrees in verdict.items() if not agrees)}"
            )
    return {fact: sum(agreed) / len(agreed) for fact, agreed in told.items()} | {"prompts": len(prompts)}


def numbers_of(prompts: int) -> dict[str, int]:
    """How many prompts of each sort make up a measurement over that many single shapes."""
    return {sort: round(prompts * SINGLE_SHARES.get(sort, 0.5)) for sort in SORTS}


def evaluate(
    pipeline: StableDiffusionPipeline,
    prompts: int = 300,
    steps: int = 16,
    guidance: float = 3.0,
    frame: str = "square",
    seed: int = 1,
) -> dict[str, Any]:
    """Scores by sort; "single" sums up the held-out single shapes, "failures" lists what was missed."""
    scores: dict[str, Any] = {}
    failures: list[str] = []
    for sort, number in numbers_of(prompts).items():
        asked = make_prompts(sort, number, seed, frame)
        scores[sort] = score(asked, draw(pipeline, asked, frame, steps, guidance, 1000 * seed), failures)
    if frame == "square":
        asked = [prompt for prompt in ISSUE for _ in range(max(1, prompts // 60))]
        scores["examples"] = score(
            asked, draw(pipeline, asked, frame, steps, guidance, 1000 * seed), failures
        )
    totals = {sort: scores[sort]["prompts"] for sort in SINGLE_SHARES}
    held_out = sum(totals.values())
    agreed = sum(scores[sort]["all"] * number for sort, number in totals.items())
    scores["single"] = {"all": agreed / held_out, "prompts": held_out}
    return {"steps": steps, "guidance": guidance, "frame": frame, "scores": scores, "failures": failures}


def table(report: Mapping[str, Any]) -> str:
    """The scores of a report as lines of text, in per cent."""
    facts = (
        "all",
        "background",
        "colour",
        "shape",
        "position",
        "size",
        "number",
        "relation",
        "time",
        "terrain",
        "thing",
    )
    lines = [f"{'sort':<14}{'prompts':>8}" + "".join(f"{fact[:10]:>11}" for fact in facts)]
    for sort, got in report["scores"].items():
        cells = (f"{100 * got[fact]:>10.1f}%" if fact in got else " " * 11 for fact in facts)
        lines.append(f"{sort:<14}{got['prompts']:>8}" + "".join(cells))
    return "\n".join(lines)


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="Measure the starter model on held-out prompts.")
    parser.add_argument("--prompts", type=int, default=300)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--guidance", type=float, default=3.0)
    parser.add_argument("--frame", choices=list(FRAMES), default="square")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=WEIGHTS)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    begun = time.monotonic()
    pipeline = load_starter(StableDiffusionPipeline, asked.folder)
    report = evaluate(pipeline, asked.prompts, asked.steps, asked.guidance, asked.frame, asked.seed)
    report["seconds"] = round(time.monotonic() - begun, 1)
    print(table(report))
    print(json.dumps(report, indent=1))
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
