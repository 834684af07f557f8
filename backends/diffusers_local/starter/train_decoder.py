"""Trains the decoder from latents to full-size pictures, on scenes drawn as it goes.

    python -m backends.diffusers_local.starter.train_decoder RUN_FOLDER [--minutes 15] [--duty 1.0]

Needs no denoiser: the latent space is fixed. Goes on from `decoder.pt` in the run folder when there is one.
`--duty` 0.25 rests three quarters of the time, for a machine that has other work. A file `decoder.json` there
({"minutes": n, "duty": share}) overrides the command line while it runs.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from backends.diffusers_local.starter.autoencoder import StarterAutoencoder
from backends.diffusers_local.starter.latents import LatentSpace, as_floats, fit_space, load_space
from backends.diffusers_local.starter.scenes import KINDS, choose_scene, draw_scene

BATCH = 16
CROP = 5
"""Cells to a side of the piece of a picture that is trained on; plain ground teaches nothing."""
RATE = 2e-3
NOISE = 0.12


def piece(rng: random.Random, whole: bool) -> np.ndarray:
    """A picture (256, 256, 3) as floats, or a piece of CROP cells about one of its shapes."""
    scene = choose_scene(rng, rng.choices(KINDS, (3, 3, 2, 3))[0], training=True)
    picture = np.asarray(draw_scene(scene, 32, 3))
    if whole:
        return picture
    aim = rng.choice(scene.items) if scene.items else None
    corner = []
    for at in (aim.y, aim.x) if aim else (rng.random(), rng.random()):
        corner.append(max(0, min(8 - CROP, round(at * 8 - CROP / 2 + rng.uniform(-1.5, 1.5)))) * 32)
    return picture[corner[0] : corner[0] + CROP * 32, corner[1] : corner[1] + CROP * 32]


def draw_batch(rng: random.Random, space: LatentSpace) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents, a little disturbed, and the pictures (n, 3, 32h, 32w) they stand for."""
    whole = rng.random() < 0.2
    full = (
        np.stack([piece(rng, whole) for _ in range(BATCH // 2 if whole else BATCH)]).astype(np.float32)
        / 127.5
        - 1
    )
    n, high, wide, _ = full.shape
    small = full.reshape(n, high // 4, 4, wide // 4, 4, 3).mean((2, 4))
    latents = torch.from_numpy(space.encode(small))
    level = torch.rand(n, 1, 1, 1) * NOISE
    return latents + level * torch.randn_like(latents), torch.from_numpy(full).permute(0, 3, 1, 2)


def difference(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """The loss: absolute and squared error, and the error of the steps between neighbouring pixels."""
    loss = functional.l1_loss(made, true) + 2 * functional.mse_loss(made, true)
    for axis in (2, 3):
        loss = loss + 0.5 * functional.l1_loss(made.diff(dim=axis), true.diff(dim=axis))
    return loss


def quality(model: StarterAutoencoder, space: LatentSpace) -> float:
    """Peak signal to noise ratio in dB over held-out pictures, clean latents."""
    rng = random.Random(99)
    scenes = [choose_scene(rng, kind, training=False) for kind in KINDS * 6]
    full = as_floats([draw_scene(scene, 32, 3) for scene in scenes])
    small = full.reshape(len(full), 64, 4, 64, 4, 3).mean((2, 4))
    with torch.no_grad():
        made = model.decoder(torch.from_numpy(space.encode(small))).clamp(-1, 1).permute(0, 2, 3, 1).numpy()
    return float(10 * np.log10(4 / np.mean((made - full) ** 2)))


def load_decoder(folder: Path) -> tuple[StarterAutoencoder, float]:
    """The autoencoder of a run, its encoder set to the run's latent space, and the minutes trained so far."""
    torch.manual_seed(5)
    model, minutes = StarterAutoencoder(), 0.0
    if (folder / "decoder.pt").exists():
        state = torch.load(folder / "decoder.pt", weights_only=True)
        model.decoder.load_state_dict(state["decoder"])
        minutes = state["minutes"]
    space = load_space(folder / "latents.npz")
    with torch.no_grad():
        model.encoder.weight.copy_(torch.from_numpy(space.into).view(-1, 3, 8, 8))
        model.encoder.bias.copy_(torch.from_numpy(-space.into @ space.mean))
    return model, minutes


class DecoderTraining:
    """The decoder, its optimiser and the running average of its weights."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.steps = folder, 0
        self.space = load_space(folder / "latents.npz")
        self.model, self.spent = load_decoder(folder)
        self.model.decoder.to(memory_format=torch.channels_last)
        self.weights = list(self.model.decoder.parameters())
        self.average = [weight.detach().clone() for weight in self.weights]
        self.optimiser = torch.optim.AdamW(
            self.weights, lr=RATE, betas=(0.9, 0.99), weight_decay=1e-3, fused=True
        )
        self.rng = random.Random(int(self.spent * 60) + 3)

    def save(self) -> None:
        """Write the running average and the minutes spent, whole or not at all."""
        decoder = dict(zip(self.model.decoder.state_dict(), self.average, strict=True))
        part = self.folder / "decoder.part"
        torch.save({"decoder": decoder, "minutes": self.spent}, part)
        part.replace(self.folder / "decoder.pt")

    def step(self, minutes: float) -> float:
        """One step on a fresh batch; the rate falls over the second half of `minutes`. Returns the loss."""
        latents, true = draw_batch(self.rng, self.space)
        with torch.autocast("cpu", torch.bfloat16):
            made = self.model.decoder(latents)
        loss = difference(made.float(), true)
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        left = 2 * (1 - self.spent / minutes)
        self.optimiser.param_groups[0]["lr"] = RATE * min(1.0, self.steps / 100 + 0.01, left + 0.01)
        self.optimiser.step()
        kept = min(0.998, 1 - 10 / (self.steps + 10))
        torch._foreach_lerp_(self.average, [weight.detach() for weight in self.weights], 1 - kept)
        self.steps += 1
        return float(loss)

    def report(self, loss: float) -> None:
        """Save, and print how good the saved decoder is."""
        self.save()
        shown, _ = load_decoder(self.folder)
        reached = quality(shown, self.space)
        print(f"{self.spent:.1f} min, {self.steps} steps, loss {loss:.4f}, {reached:.2f} dB", flush=True)


def train(folder: Path, minutes: float, duty: float) -> None:
    """Train until `minutes` of working time are spent (all calls together), resting as `duty` says."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "latents.npz").exists():
        fit_space().save(folder / "latents.npz")
    run, plan = DecoderTraining(folder), folder / "decoder.json"
    losses: list[float] = []
    while run.spent < minutes:
        begun = time.monotonic()
        losses.append(run.step(minutes))
        if len(losses) == 200:
            run.report(sum(losses) / len(losses))
            losses = []
        worked = time.monotonic() - begun
        run.spent += worked / 60
        asked = json.loads(plan.read_text()) if plan.exists() else {}
        minutes, duty = asked.get("minutes", minutes), asked.get("duty", duty)
        time.sleep(worked * (1 / duty - 1))
    run.save()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description="Train the starter model's decoder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--duty", type=float, default=1.0)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    train(asked.folder, asked.minutes, asked.duty)


if __name__ == "__main__":
    main()
