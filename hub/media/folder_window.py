"""Showing a folder in the file manager of the machine the hub runs on."""

import asyncio
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

_PATIENCE_S = 3.0  # after which a file manager that still runs has opened its window


class NoFileManager(Exception):
    """No window can be opened here; the text says why."""


def command_for(
    folder: Path, platform: str, environment: Mapping[str, str], found: Callable[[str], str | None]
) -> list[str]:
    """The command that shows `folder` on this platform. Raises NoFileManager. Pure."""
    if platform == "win32":
        return ["explorer.exe", str(folder)]
    if platform == "darwin":
        return ["/usr/bin/open", str(folder)]
    if not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise NoFileManager("it runs without a desktop, so there is no window it could open")
    program = found("xdg-open") or found("gio")
    if program is None:
        raise NoFileManager("neither xdg-open nor gio is installed there")
    return [program, "open", str(folder)] if Path(program).name == "gio" else [program, str(folder)]


async def show_folder(folder: Path) -> None:
    """Open a window that shows `folder`. Raises NoFileManager, also when the program says it failed."""
    command = command_for(folder, sys.platform, os.environ, shutil.which)
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise NoFileManager(f"{command[0]} could not be started ({error.strerror})") from error
    try:
        code = await asyncio.wait_for(process.wait(), _PATIENCE_S)
    except TimeoutError:
        return
    if code != 0 and sys.platform != "win32":  # the Explorer answers 1 when all is well
        raise NoFileManager(f"{Path(command[0]).name} ended with code {code}")
