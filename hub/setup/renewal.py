"""An update may have changed the very code that starts the server: then this program begins anew as well."""

import hashlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hub.setup.serving import Place, Settled

CARRIED = "HUB_CARRIED_PLACE"
"""Environment variable in which this program tells its next self where the server listened."""


def own_code(root: Path) -> str:
    """Return a hash over everything that runs before and around the server."""
    digest = hashlib.sha256()
    for path in (root / "launch.py", *sorted((root / "hub" / "setup").glob("*.py"))):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()


def begin_anew(settled: Settled) -> None:
    """Run this program again from its files as they are now; it does not return.

    On Windows, where a program cannot be replaced by another, it returns and the code in memory goes on.
    """
    if os.name == "nt":
        return
    os.environ[CARRIED] = json.dumps(
        [settled.place.host, settled.place.port, settled.place.chosen, settled.port]
    )
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def carried_place(env: Mapping[str, str]) -> Settled | None:
    """Return where the server listened before this program began anew; None at its first start."""
    try:
        host, port, chosen, settled = json.loads(env.get(CARRIED, ""))
        return Settled(Place(str(host), int(port), bool(chosen)), int(settled))
    except (ValueError, TypeError):
        return None
