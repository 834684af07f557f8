"""From the settings to a command line, with every path looked at before anything is started."""

import os
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from backends.comfyui_selfstart.settings import SelfStartSettings
from backends.contract import Misconfigured

_SCRIPTS = (".py", ".sh", ".bat", ".cmd")
_ENVIRONMENTS = ("venv", ".venv", "python_embeded", "python_embedded")
# Ours, or what would make ComfyUI load our libraries in place of its own.
_NOT_HANDED_ON = frozenset(
    {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__"}
)
_OURS = "HUB_"
_CARDS = re.compile(r"-1|\d{1,3}(,\d{1,3})*|(GPU|MIG)-[\w-]{1,60}")
_SECRET = re.compile(r"--[\w-]*(key|token|password|secret|auth)[\w-]*", re.IGNORECASE)
_TAKEN = {
    "--port": "the hub chooses a free one",
    "--tls-keyfile": "the hub speaks to it on this machine only, without TLS",
    "--tls-certfile": "the hub speaks to it on this machine only, without TLS",
    "--quick-test-for-ci": "with it ComfyUI ends at once",
}
_FRONTENDS = {
    "Latest": "Comfy-Org/ComfyUI_frontend@latest",
    "Legacy": "Comfy-Org/ComfyUI_legacy_frontend@latest",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is started: `command` without its port, in `folder`, with exactly this `environment`.

    `secrets` are words of the command line that must not be shown.
    """

    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    secrets: tuple[str, ...] = ()

    def at(self, port: int) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.command, "--port", str(port))


def plan(settings: SelfStartSettings, around: Mapping[str, str], *, windows: bool = os.name == "nt") -> Plan:
    """How to start; `around` is the hub's own environment. Raises Misconfigured naming the setting, but no
    folder of this machine: why an engine does not work is told to every user.
    """
    script = _script(settings.start_script)
    extra = _extra(settings.extra_args)
    words = [*_runner(script, settings.python, windows=windows), *_internal(settings), *extra]
    secrets = tuple(
        value.partition("=")[2] if "=" in value else following
        for value, following in zip(extra, [*extra[1:], ""], strict=False)
        if _SECRET.match(value)
    )
    return Plan(
        command=tuple(words),
        folder=script.parent,
        environment=_environment(settings, around),
        secrets=tuple(secret for secret in secrets if secret),
    )


def _script(given: str) -> Path:
    if not given.strip():
        raise Misconfigured("StartScript is empty: give the whole path of ComfyUI's main.py.")
    path = Path(given.strip()).expanduser()
    if not path.is_absolute():
        raise Misconfigured("StartScript must be a whole path, from the root of the disk on.")
    try:
        if path.is_dir():
            path = path / "main.py"
        if not path.is_file():
            raise Misconfigured(
                f"StartScript: there is no file {path.name!r} in that place; correct the path."
            )
    except (OSError, ValueError) as error:
        raise Misconfigured("StartScript cannot be looked at; correct the path.") from error
    if path.suffix.lower() not in _SCRIPTS:
        raise Misconfigured(f"StartScript: {path.name!r} is none of {', '.join(_SCRIPTS)}.")
    return path


def _runner(script: Path, python: str, *, windows: bool) -> list[str]:
    """The program that runs the script, and the script."""
    kind = script.suffix.lower()
    if kind == ".py":
        return [str(_python(script, python, windows=windows)), str(script)]
    if python.strip():
        raise Misconfigured(
            "Python: only a .py script runs in it; leave it empty or name main.py as StartScript."
        )
    if (kind == ".sh") == windows:
        raise Misconfigured(f"StartScript: {script.name!r} does not run on this system; name main.py itself.")
    if kind == ".sh":
        return ["/bin/sh", str(script)] if not os.access(script, os.X_OK) else [str(script)]
    return ["cmd", "/c", str(script)]


def _python(script: Path, given: str, *, windows: bool) -> Path:
    if given.strip():
        path = Path(given.strip()).expanduser()
        if not path.is_absolute() or not path.is_file() or not os.access(path, os.X_OK):
            raise Misconfigured(
                "Python: there is no program that can be run in that place; give its whole path."
            )
        return path
    for path in _beside(script, windows=windows):
        if path.is_file():
            return path
    found = shutil.which("python3") or shutil.which("python")
    if found is None:
        raise Misconfigured(
            f"Python: none was found beside {script.name!r} nor in the system; give its whole path."
        )
    return Path(found)


def _beside(script: Path, *, windows: bool) -> Iterator[Path]:
    """Where installations of ComfyUI keep their Python: beside main.py, or one folder up (portable)."""
    for home in (script.parent, script.parent.parent):
        for name in _ENVIRONMENTS:
            if windows:
                yield home / name / "Scripts" / "python.exe"
                yield home / name / "python.exe"
            else:
                yield home / name / "bin" / "python"


def _internal(settings: SelfStartSettings) -> list[str]:
    if settings.disable_internal_args:
        return []
    words = ["--listen", "127.0.0.1", "--disable-auto-launch"]
    if settings.enable_previews:  # for servers too old to be asked with each prompt
        words += ["--preview-method", "latent2rgb"]
    if (frontend := _FRONTENDS.get(settings.frontend_version)) is not None:
        words += ["--front-end-version", frontend]
    return words


def _extra(given: str) -> list[str]:
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise Misconfigured("ExtraArgs: a quote is not closed.") from error
    for word in words:
        if (why := _TAKEN.get(word.partition("=")[0])) is not None:
            raise Misconfigured(f"ExtraArgs: leave out {word.partition('=')[0]}; {why}.")
        if "\0" in word:
            raise Misconfigured("ExtraArgs: a word holds a character that no command line can.")
    return words


def _environment(settings: SelfStartSettings, around: Mapping[str, str]) -> dict[str, str]:
    cards = settings.gpu_id.strip()
    if cards and not _CARDS.fullmatch(cards):
        raise Misconfigured(f"GPU_ID: {cards[:40]!r} is no number of a card, nor several like 0,1.")
    kept = {
        name: value
        for name, value in around.items()
        if name not in _NOT_HANDED_ON and not name.startswith(_OURS)
    }
    own = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8:replace"}
    if cards:
        own |= {"CUDA_VISIBLE_DEVICES": cards, "HIP_VISIBLE_DEVICES": cards}
    return kept | own
