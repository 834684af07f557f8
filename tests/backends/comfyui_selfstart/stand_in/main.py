"""Stands where ComfyUI's main.py would: takes its command line, prints as it does, serves the fake server.

Beyond ComfyUI's own words: `--fail` ends at the start, `--die SECONDS` later, `--stubborn` ignores a polite
end, `--company` starts a process of its own and prints its number.
"""

import argparse
import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[4]))

from tests.comfy.server import Settings
from tests.comfy.serving import Comfy


def read_line() -> argparse.Namespace:
    """The command line."""
    words = argparse.ArgumentParser()
    words.add_argument("--listen", default="127.0.0.1")
    words.add_argument("--port", type=int, required=True)
    words.add_argument("--preview-method", default="none")
    words.add_argument("--disable-auto-launch", action="store_true")
    words.add_argument("--front-end-version")
    words.add_argument("--api-key")
    words.add_argument("--fail", action="store_true")
    words.add_argument("--die", type=float)
    words.add_argument("--stubborn", action="store_true")
    words.add_argument("--company", action="store_true")
    return words.parse_args()


async def serve(given: argparse.Namespace) -> None:
    """Until the end."""
    comfy = Comfy(Settings(preview_method=given.preview_method), given.port)
    await comfy.start()
    print(f"To see the GUI go to: {comfy.url}")
    if given.die is not None:
        await asyncio.sleep(given.die)
        print("Fatal Python error: out of luck")
        os._exit(3)
    await asyncio.Event().wait()


def main() -> None:
    """Say what there is to say, then serve."""
    given = read_line()
    print("\x1b[32m** ComfyUI startup time\x1b[0m")
    print(f"cards={os.environ.get('CUDA_VISIBLE_DEVICES', '-')} path={os.environ.get('PYTHONPATH', '-')}")
    print(f"pid={os.getpid()} folder={Path.cwd().name} listen={given.listen}")
    if given.api_key:
        print(f"using the key {given.api_key}")
    if given.fail:
        sys.exit("ModuleNotFoundError: No module named 'torch'")
    if given.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if given.company:
        company = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        print(f"company={company.pid}")
    print("loading:  10%\rloading:  50%\rloading: 100%")
    asyncio.run(serve(given))


main()
