"""Trains the denoiser and its text encoder from scratch on scenes drawn as it goes.

    python -m backends.diffusers_local.starter.train_denoiser RUN_FOLDER [--samples 1200000]

The run folder keeps one checkpoint; calling the command again goes on from it. A file `plan.json` there
({"samples": n, "decay": share, "rate": r}) is read again every 100 steps, so that a run can be made longer or
brought to its end while it goes. One thread: two that compete are many times slower.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from diffusers.models.attention_processor import AttnProcessor

from backends.diffusers_local.starter.captions import caption
from backends.diffusers_local.starter.latents import LatentSpace, as_floats, fit_space, load_space
from backends.diffusers_local.starter.networks import build_scheduler, build_text_encoder, build_unet
from backends.diffusers_local.starter.scenes import KINDS, choose_scene, draw_scene
from backends.diffusers_local.starter.vocabulary import encode_for_training

BATCH = 64
SAMPLES = 1_310_000
EMPTY_PROMPTS = 0.1
UNKNOWN_WORDS = 0.03
SHARES = (
    (0, (76, 8, 7, 9)),
    (240_000, (68, 11, 11, 10)),
    (500_000, (62, 13, 14, 11)),
    (700_000, (50, 21, 15, 14)),
    (1_090_000, (50, 21, 15, 14)),
    (1_100_000, (66, 15, 10, 9)),
)
"""Samples seen -> weights of the scene kinds there: shapes and places must be bound first."""
OMIT_FROM, OMIT_ALL = 520_000, 800_000
"""Between these, captions go from naming nearly all to leaving much open, which is noise to learn by."""
FRAMES_FROM = 650_000
"""Samples seen before wide and tall pictures come: places are learnt from the square's rim."""
HIGH_NOISE = 0.75
"""Below 1, high noise is trained more often than low: there the words decide."""
KEPT = 0.999
"""Share of the running average that stays at each step."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How long to train: `samples` in all, the last `decay` share of them with a falling rate."""

    samples: int = SAMPLES
    decay: float = 0.4
    rate: float = 1.3e-3

    def rate_at(self, seen: int) -> float:
        """The learning rate after `seen` samples."""
        left = max(0.0, (self.samples - seen) / (self.samples * self.decay))
        return self.rate * min(1.0, seen / 20_000 + 0.01, left + 0.01)


def read_plan(folder: Path, samples: int) -> Plan:
    """The plan of a run: its plan.json over the samples asked for on the command line."""
    path = folder / "plan.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    return Plan(**{"samples": samples, **stored})


def choose_frame(rng: random.Random, seen: int) -> str:
    """The frame of the next batch: square at first, later now and then wide or tall."""
    if rng.random() >= (0.0 if seen < FRAMES_FROM else 0.1):
        return "square"
    return rng.choice(("wide", "tall"))


def shares_at(seen: int) -> list[float]:
    """The weights of the scene kinds after `seen` samples, between two entries of SHARES in proportion."""
    for (start, before), (end, after) in pairwise(SHARES):
        if seen < end:
            part = (seen - start) / (end - start)
            return [one + (other - one) * part for one, other in zip(before, after, strict=True)]
    return list(SHARES[-1][1])


def draw_batch(rng: random.Random, space: LatentSpace, seen: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents (BATCH, channels, h, w) and token numbers (BATCH, MAX_TOKENS) of freshly drawn scenes."""
    frame = choose_frame(rng, seen)
    scenes = [choose_scene(rng, kind, frame) for kind in rng.choices(KINDS, shares_at(seen), k=BATCH)]
    omit = min(1.0, max(0.2, (seen - OMIT_FROM) / (OMIT_ALL - OMIT_FROM)))
    texts = []
    for scene in scenes:
        text = "" if rng.random() < EMPTY_PROMPTS * omit else caption(scene, rng, omit)
        texts.append(f"? {text} zzz" if text and rng.random() < UNKNOWN_WORDS else text)
    small = as_floats([draw_scene(scene, 8, 4) for scene in scenes])
    return torch.from_numpy(space.encode(small)), torch.tensor([encode_for_training(text) for text in texts])


class Training:
    """Networks, optimiser and running average of one run, and their checkpoint."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seen = folder, 0
        torch.manual_seed(seed)
        self.rng = random.Random(seed)
        self.unet, self.text = build_unet(), build_text_encoder()
        self.unet.set_attn_processor(AttnProcessor())  # backward of the fused attention is slow in bf16
        torch.nn.init.normal_(self.text.get_input_embeddings().weight, std=0.3)  # smaller binds words later
        self.weights = [*self.unet.parameters(), *self.text.parameters()]
        self.average = [weight.detach().clone() for weight in self.weights]
        self.optimiser = torch.optim.AdamW(
            self.weights, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.01, fused=True
        )
        left = build_scheduler().alphas_cumprod
        self.signal, self.noise = left.sqrt(), (1 - left).sqrt()
        if (folder / "checkpoint.pt").exists():
            self.resume()

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        state: dict[str, Any] = {
            "seen": self.seen,
            "unet": self.unet.state_dict(),
            "text": self.text.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "random": self.rng.getstate(),
            "torch": torch.get_rng_state(),
        }
        part = self.folder / "checkpoint.part"
        torch.save(state, part)
        part.replace(self.folder / "checkpoint.pt")

    def resume(self) -> None:
        """Go on where the checkpoint stopped."""
        state = torch.load(self.folder / "checkpoint.pt", weights_only=True)
        self.unet.load_state_dict(state["unet"])
        self.text.load_state_dict(state["text"])
        self.average, self.seen = state["average"], state["seen"]
        self.optimiser.load_state_dict(state["optimiser"])
        self.rng.setstate(state["random"])
        torch.set_rng_state(state["torch"])

    def step(self, latents: torch.Tensor, tokens: torch.Tensor, rate: float) -> float:
        """One step of v-prediction on a batch; returns its mean squared error."""
        n = len(latents)
        times = (1000 * ((torch.arange(n) + torch.rand(n)) / n) ** HIGH_NOISE).long().clamp(max=999)
        times = times[torch.randperm(n)]
        clear, noise = self.signal[times].view(-1, 1, 1, 1), self.noise[times].view(-1, 1, 1, 1)
        drawn = torch.randn_like(latents)
        with torch.autocast("cpu", torch.bfloat16):
            told = self.text(tokens).last_hidden_state
            guess = self.unet(clear * latents + noise * drawn, times, told).sample
        loss = torch.nn.functional.mse_loss(guess.float(), clear * drawn - noise * latents)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.seen += n
        kept = min(KEPT, 1 - 64 * 10 / (self.seen + 640))
        torch._foreach_lerp_(self.average, [weight.detach() for weight in self.weights], 1 - kept)
        return loss.item()


def train(folder: Path, samples: int, seed: int = 1) -> None:
    """Train until the plan is done or the process is asked to end; saves every three minutes."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "latents.npz").exists():
        fit_space().save(folder / "latents.npz")
    space = load_space(folder / "latents.npz")
    run = Training(folder, seed)
    plan, losses = read_plan(folder, samples), []
    saved = told = time.monotonic()
    ended: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda got, _frame: ended.append(got))
    while run.seen < plan.samples and not ended:
        losses.append(run.step(*draw_batch(run.rng, space, run.seen), plan.rate_at(run.seen)))
        if len(losses) == 100:
            now = time.monotonic()
            speed = 100 * BATCH / (now - told)
            print(f"{run.seen} samples, loss {sum(losses) / 100:.4f}, {speed:.0f}/s", flush=True)
            plan, losses, told = read_plan(folder, samples), [], now
        if time.monotonic() - saved > 180:
            run.save()
            saved = time.monotonic()
    run.save()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the starter model's denoiser.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=SAMPLES)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    train(asked.folder, asked.samples, asked.seed)


if __name__ == "__main__":
    main()
