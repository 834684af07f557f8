#!/usr/bin/env python3
"""The one door of Generation Hub: sets up what is missing, then serves, tests, benches or checks.

This file is written so that any Python back to 2.7 can read it: an old one gets a clear sentence instead
of a syntax error. Everything that needs a newer Python is in hub/setup, standard library only as well.
"""

import os
import subprocess
import sys

NEEDED = (3, 11)
NEWER_NAMES = ("python3.14", "python3.13", "python3.12", "python3.11")


def find_newer(path):
    """Return a Python that is new enough and starts, found on `path` (text like $PATH), or None."""
    for name in NEWER_NAMES:
        for folder in path.split(os.pathsep):
            found = os.path.join(folder, name)  # noqa: PTH118 - pathlib is not in the Pythons meant here
            if folder and os.access(found, os.X_OK) and _starts(found):
                return found
    return None


def _starts(python):
    """Tell whether a program runs: version managers leave commands on the PATH that only complain."""
    with open(os.devnull, "w") as silence:  # noqa: PTH123
        return subprocess.call([python, "-c", ""], stdout=silence, stderr=silence) == 0


def refuse_old(version, newer):
    """Return what to tell a Python that is too old, or None when `version` (a tuple) is new enough."""
    if tuple(version[:2]) >= NEEDED:
        return None
    told = "Generation Hub needs Python %d.%d or newer; this is Python %s.\n" % (
        NEEDED[0],
        NEEDED[1],
        ".".join(str(part) for part in version[:3]),
    )
    if newer:
        return told + "There is a newer one here. Start it with:  " + newer + " launch.py"
    return (
        told + "Get it from https://www.python.org/downloads/ or from your system's packages"
        " (Debian, Ubuntu: apt install python3.11 python3.11-venv; macOS: brew install python@3.12;"
        " Windows: winget install Python.Python.3.12), then start launch.py with it."
    )


def start():
    """Check this Python, then hand over to hub.setup; returns the exit code."""
    if refuse_old(sys.version_info, None):
        sys.stderr.write(refuse_old(sys.version_info, find_newer(os.environ.get("PATH", ""))) + "\n")
        return 2
    from hub.setup import main

    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(start())
