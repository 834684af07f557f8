"""A fake ComfyUI server in a process of its own: `python -m tests.comfy --port 8188 --step 0.05`."""

import argparse
import asyncio

from tests.comfy.server import Settings
from tests.comfy.serving import Comfy


async def main() -> None:
    """Serve until the process is ended; its address is told when no port was given."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--port", type=int, default=0)
    asked.add_argument(
        "--step", type=float, default=Settings.step_seconds, help="seconds of a sampler's step"
    )
    asked.add_argument("--version", default=Settings.version)
    given = asked.parse_args()
    comfy = Comfy(Settings(version=given.version, step_seconds=given.step), given.port)
    await comfy.start()
    if not given.port:
        print(comfy.url, flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
