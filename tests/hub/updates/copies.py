"""A repository to follow, a copy that follows it, and whoever writes into it: three folders on this disk."""

import os
import subprocess
from pathlib import Path

ALONE = {
    **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.org",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.org",
}


def git(folder: Path, *words: str) -> str:
    """What git answers in a folder; nobody's own configuration counts."""
    done = subprocess.run(["git", *words], cwd=folder, env=ALONE, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Copies:
    """`writer` pushes into `remote` (bare), which `copy` was cloned from. `files` is what there is at first,
    by default one file.
    """

    def __init__(self, folder: Path, writer: Path | None = None) -> None:
        self.remote, self.copy = folder / "remote.git", folder / "copy"
        self.writer = writer or folder / "writer"
        if writer is None:
            self.writer.mkdir(parents=True)
            (self.writer / "README.md").write_text("first\n")
        git(self.writer, "init", "--quiet", "--initial-branch=main")
        git(self.writer, "add", "--all")
        git(self.writer, "commit", "--quiet", "--message", "First")
        git(folder, "clone", "--quiet", "--bare", str(self.writer), str(self.remote))
        git(self.writer, "remote", "add", "origin", str(self.remote))
        git(folder, "clone", "--quiet", str(self.remote), str(self.copy))

    def publish(self, name: str, text: str, title: str) -> None:
        """One more commit for whoever follows."""
        (self.writer / name).write_text(text)
        git(self.writer, "add", "--all")
        git(self.writer, "commit", "--quiet", "--message", title)
        git(self.writer, "push", "--quiet", "origin", "main")
