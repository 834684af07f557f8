"""Two questions of `launch.py check` that other programs answer: is there a secret in the files, and has one
of the pinned packages a known hole?

    python -m hub.setup.audit secrets|packages|known [FOLDER]

Found means exit code 1. What could not be asked, because the answer lies elsewhere and cannot be reached,
ends with NOT_ASKED: that is neither good nor bad, and a machine without internet can still be checked.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hub.setup.checks import NOT_ASKED

KNOWN = "secrets.baseline"
"""The file in .ci that names what looks like a secret and is none, by its hash."""
ADVISORIES = "HUB_ADVISORIES"
"""Environment variable with another address of the advisories' service, in OSV's protocol."""

_SKIPPED = re.compile(r"(^|/)(package-lock\.json|.*\.(png|jpg|ico|woff2?|safetensors|spm|gz|npz|baseline))$")
_MADE_UP = frozenset(
    ("Secret Keyword", "Basic Auth Credentials", "Hex High Entropy String", "Base64 High Entropy String")
)
"""Kinds that tests are full of: passwords of nobody. Keys with the form of a service's count there too."""
_UNREACHED = re.compile(
    r"requests\.exceptions\.|ServiceError|ConnectionError|Timeout|NameResolution|ProxyError|\b(429|5\d\d)\b"
)
_SCAN = (sys.executable, "-m", "detect_secrets", "-c", "1", "scan")
_SECONDS_FOR_AN_ANSWER = "10"


def find_secrets(root: Path) -> int:
    """Look through every file that git would ship. Writes what it finds; returns the exit code."""
    files = _files(root)
    if files is None:
        print("Not asked: this folder is no git checkout, so which files belong to it is not known.")
        return NOT_ASKED
    told = _run((*_SCAN, *files), root)
    try:
        found = set(_places(json.loads(told.stdout)))
    except (ValueError, KeyError, TypeError):
        print(f"detect-secrets did not answer:\n{told.stderr[-2000:]}")
        return 1
    baseline = root / ".ci" / KNOWN
    known = set(_places(json.loads(baseline.read_text("utf-8")))) if baseline.is_file() else set()
    lines = {place: line for place, line in _lines(json.loads(told.stdout))}
    for file, kind, digest in sorted(found - known):
        print(f"{file}:{lines[file, kind, digest]}: looks like a secret ({kind})")
    if found - known:
        print(
            "Take it out, and change it wherever it is used: it must count as told. What is none is made "
            f"known by `python -m hub.setup.audit known`, which writes .ci/{KNOWN} anew."
        )
    return 1 if found - known else 0


def note_known(root: Path) -> int:
    """Take all that looks like a secret now for none, after somebody has looked at it."""
    told = _run((*_SCAN, *(_files(root) or ())), root)
    found = json.loads(told.stdout)
    counted = {place for place, _ in _lines(found)}
    kept = {
        file: [
            one for one in findings if (file.replace("\\", "/"), one["type"], one["hashed_secret"]) in counted
        ]
        for file, findings in found["results"].items()
    }
    scan = {"results": {file: findings for file, findings in kept.items() if findings}}
    (root / ".ci" / KNOWN).write_text(json.dumps(scan, indent=1) + "\n", "utf-8")
    return 0


def audit_packages(root: Path) -> int:
    """Ask for advisories about every pinned package. Writes them; returns the exit code."""
    elsewhere = os.environ.get(ADVISORIES)
    words = [
        "-r",
        "requirements.lock",
        "--no-deps",
        "--disable-pip",
        "--progress-spinner",
        "off",
        "-f",
        "json",
    ]
    service = ["-s", "osv", *(("--osv-url", elsewhere) if elsewhere else ())]
    told = _run(
        (sys.executable, "-m", "pip_audit", *words, *service, "--timeout", _SECONDS_FOR_AN_ANSWER), root
    )
    try:
        packages: list[dict[str, Any]] = json.loads(told.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (told.stderr.strip().splitlines() or ["no answer"])[-1]
        if _UNREACHED.search(last):
            print(f"Not asked: the advisories' service cannot be reached ({last[:200]}).")
            return NOT_ASKED
        print(f"pip-audit did not answer:\n{told.stderr[-2000:]}")
        return 1
    bad = [(package, hole) for package in packages for hole in package.get("vulns", ())]
    for package, hole in bad:
        mended = ", ".join(hole.get("fix_versions", ())) or "no version yet"
        print(f"{package['name']}=={package['version']}: {hole['id']}, mended in {mended}")
    for package in packages:
        if "skip_reason" in package:
            print(f"{package['name']} was passed over: {package['skip_reason']}")
    return 1 if bad else 0


def _files(root: Path) -> list[str] | None:
    """Names below the root of what git keeps or would take up; None outside a checkout."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    try:
        told = _run(command, root)
    except OSError:
        return None
    if told.returncode:
        return None
    names = sorted(set(filter(None, told.stdout.split("\0"))))
    return [name for name in names if not _SKIPPED.search(name) and (root / name).is_file()]


def _run(words: Sequence[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)


def _places(scan: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """(file, kind, hash) of each finding; lines move and say nothing."""
    yield from (place for place, _ in _lines(scan))


def _lines(scan: dict[str, Any]) -> Iterator[tuple[tuple[str, str, str], int]]:
    for name, findings in scan["results"].items():
        file = name.replace("\\", "/")
        for one in findings:
            if not (file.startswith("tests/") and one["type"] in _MADE_UP):
                yield (file, one["type"], one["hashed_secret"]), one["line_number"]


QUESTIONS = {"secrets": find_secrets, "known": note_known, "packages": audit_packages}

if __name__ == "__main__":
    sys.exit(QUESTIONS[sys.argv[1]](Path(sys.argv[2] if len(sys.argv) > 2 else ".").resolve()))
