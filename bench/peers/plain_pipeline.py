"""The diffusers call alone: the stock pipeline with the starter model, asked over a line of text each.

`python -m bench.peers.plain_pipeline PORT`: a connection sends "STEPS CFG SEED PROMPT" lines; each is
answered with the seconds the call took, once it is done.
"""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

WEIGHTS = Path(__file__).resolve().parents[2] / "backends" / "diffusers_local" / "starter" / "weights"


def load() -> Any:
    """The stock pipeline on this machine's processor."""
    import torch
    from diffusers import StableDiffusionPipeline

    import backends.diffusers_local.starter.autoencoder  # noqa: F401  # its class is named in the model's index

    pipeline: Any = StableDiffusionPipeline.from_pretrained(
        WEIGHTS, dtype=torch.float32, local_files_only=True, safety_checker=None
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline: Any, line: str) -> float:
    """One call; returns its seconds."""
    import torch

    steps, cfg, seed, prompt = line.strip().split(" ", 3)
    began = time.perf_counter()
    pipeline(
        prompt,
        negative_prompt="",
        num_inference_steps=int(steps),
        guidance_scale=float(cfg),
        width=256,
        height=256,
        generator=torch.Generator().manual_seed(int(seed)),
    )
    return time.perf_counter() - began


async def main(port: int) -> None:
    """Serve until ended."""
    pipeline = load()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(f"{draw(pipeline, line.decode()):.6f}\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
