"""From the command line to the thing asked for."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hub.setup.browsers import find_browser
from hub.setup.checks import run_checks
from hub.setup.environment import ensure
from hub.setup.installer import python_of
from hub.setup.options import Bench, Manage, RunTests, Serve, parse
from hub.setup.page import ensure_page
from hub.setup.ports import CannotListen
from hub.setup.renewal import begin_anew, carried_place, own_code
from hub.setup.serving import RESTART, describe_exit, serve, settle, wait_for
from hub.setup.terminal import Terminal, run_watched
from hub.setup.trouble import SetupProblem

ROOT = Path(__file__).resolve().parents[2]


def main(words: Sequence[str]) -> int:
    """Do what the command line asks; returns the exit code. A set-up problem is told without a traceback."""
    command = parse(words, ROOT)
    terminal = Terminal()
    try:
        if isinstance(command, Serve):
            return _serve(command, terminal)
        if isinstance(command, Manage):
            return _manage(ensure(ROOT, ("run",), terminal), command)
        python = ensure(ROOT, ("run", "develop"), terminal)
        if isinstance(command, RunTests):
            return _test(python, command, terminal)
        if isinstance(command, Bench):
            return _bench(python, command)
        return run_checks(ROOT, python, terminal)
    except (SetupProblem, CannotListen) as problem:
        terminal.say(str(problem))
        return 1
    except OSError as trouble:
        terminal.say(f"A file or program could not be used: {trouble}. Mend that, then run it again.")
        return 1
    except KeyboardInterrupt:
        terminal.say("Stopped.")
        return 130


def _serve(options: Serve, terminal: Terminal) -> int:
    if carried_place(os.environ) is None:  # a taken port is told before minutes of set-up
        settle(options, os.environ, None, lambda text: None)
    ourselves = own_code(ROOT)
    settled = carried_place(os.environ)
    while True:
        python = _environment(terminal, again=settled is not None)
        problem = ensure_page(ROOT, terminal)
        if settled is not None:
            options = replace(options, browser=False)  # the page is open already
        settled = settle(options, os.environ, settled, terminal.say)
        code = serve(python, ROOT, options, problem, terminal, settled)
        if code != RESTART:
            break
        terminal.say("The server asked to be started again.")
        if own_code(ROOT) != ourselves:
            begin_anew(settled)
    told = describe_exit(code)
    if told:
        terminal.say(told)
    return code


def _environment(terminal: Terminal, *, again: bool) -> Path:
    """Bring the environment up to date. A hub that was running shall not stay away because an update's
    packages cannot be had: then the environment that is there has to do."""
    try:
        return ensure(ROOT, ("run",), terminal)
    except SetupProblem as problem:
        python = python_of(ROOT / ".venv")
        if not again or not python.exists():
            raise
        terminal.say(f"{problem}\nThe server is started with the packages that are installed.")
        return python


def _test(python: Path, command: RunTests, terminal: Terminal) -> int:
    ensure_page(ROOT, terminal)  # a test that needs the page says so itself when it is missing
    if find_browser() is None:
        install: list[str | Path] = [python, "-m", "playwright", "install", "chromium"]
        code, _ = run_watched(install, what="Fetching a browser for the browser tests", terminal=terminal)
        if code:
            terminal.say(
                "No browser could be had: the browser tests will be skipped. Install Chromium to run them."
            )
    return wait_for(
        subprocess.Popen([str(python), "-m", "pytest", *command.words], cwd=ROOT), in_own_group=False
    )


def _manage(python: Path, command: Manage) -> int:
    """In the folder where it was asked for: files are named from there."""
    found = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    words = [str(python), "-m", "hub", *command.words]
    return wait_for(subprocess.Popen(words, env=dict(os.environ, PYTHONPATH=found)), in_own_group=False)


def _bench(python: Path, command: Bench) -> int:
    words = [*command.names, *(("--json", str(command.json)) if command.json else ())]
    return wait_for(subprocess.Popen([str(python), "-m", "bench", *words], cwd=ROOT), in_own_group=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
