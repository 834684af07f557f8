"""launch.py read by a Python that is too old."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import launch

ROOT = Path(launch.__file__).parent
# Everything of these is younger than Python 2.7 or 3.4, which must still be able to read the file.
YOUNG = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Match, ast.AsyncFunctionDef, ast.Starred)
OLD_PYTHONS = [
    *(
        found
        for name in ("python2.7", "python3.6", "python3.8", "python3.10")
        if (found := shutil.which(name))
    ),
    *map(str, sorted(Path.home().glob(".pyenv/versions/[23].[0-9].*/bin/python"))),
    *map(str, sorted(Path.home().glob(".pyenv/versions/3.10.*/bin/python"))),
]


class TestRefuse:
    def test_new_enough_is_let_in(self) -> None:
        assert launch.refuse_old((3, 11, 0), None) is None
        assert launch.refuse_old(sys.version_info, None) is None
        assert launch.refuse_old((4, 0, 0), None) is None

    @pytest.mark.parametrize("version", [(2, 7, 18), (3, 8, 18), (3, 10, 13)])
    def test_old_is_told_both_versions_and_where_to_get_one(self, version: tuple[int, ...]) -> None:
        told = launch.refuse_old(version, None)
        assert "3.11 or newer" in told
        assert ".".join(map(str, version)) in told
        assert "python.org/downloads" in told
        assert "apt install" in told

    def test_a_newer_one_on_this_computer_is_named(self) -> None:
        assert "/opt/python3.12 launch.py" in launch.refuse_old((3, 9, 1), "/opt/python3.12")

    def test_a_command_that_does_not_start_is_not_offered(self, tmp_path: Path) -> None:
        for name, code in (("python3.13", 127), ("python3.11", 0)):
            command = tmp_path / name
            command.write_text(f"#!/bin/sh\nexit {code}\n")
            command.chmod(0o755)
        assert launch.find_newer(str(tmp_path)) == str(tmp_path / "python3.11")
        assert launch.find_newer("") is None


class TestSyntax:
    def test_an_old_python_can_read_every_line(self) -> None:
        tree = ast.parse((ROOT / "launch.py").read_text("utf-8"))
        young = [node for node in ast.walk(tree) if isinstance(node, YOUNG)]
        annotated = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
            and (
                node.returns
                or node.args.kwonlyargs
                or any(argument.annotation for argument in node.args.args)
            )
        ]
        assert not young
        assert not annotated

    @pytest.mark.parametrize("python", OLD_PYTHONS or [""])
    def test_a_real_old_python_prints_the_message(self, python: str) -> None:
        if not python or subprocess.run([python, "-c", ""], check=False, capture_output=True).returncode:
            pytest.skip("no old Python on this computer")
        ran = subprocess.run([python, ROOT / "launch.py"], check=False, capture_output=True, text=True)
        assert ran.returncode == 2
        assert "needs Python 3.11 or newer" in ran.stderr
        assert "Traceback" not in ran.stderr
        assert "SyntaxError" not in ran.stderr
