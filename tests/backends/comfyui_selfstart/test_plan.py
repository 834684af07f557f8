"""From settings to a command line: what is added, what is found, and every refusal by the setting's name."""

import sys
from pathlib import Path
from typing import Any

import pytest

from backends.comfyui_selfstart.engine import ENGINE
from backends.comfyui_selfstart.plan import plan
from backends.comfyui_selfstart.settings import SelfStartSettings
from backends.contract import Misconfigured
from backends.engine_settings import RefusedSetting, fields_of, read_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a main.py and a Python environment beside it."""
    (tmp_path / "main.py").write_text("")
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\n")
    python.chmod(0o755)
    return tmp_path


def settings(home: Path, **given: Any) -> SelfStartSettings:
    """Settings for the main.py in this folder."""
    return SelfStartSettings(**{"start_script": str(home / "main.py"), **given})


def test_the_whole_command_line(home: Path) -> None:
    made = plan(settings(home, extra_args="--lowvram --reserve-vram '1.5'"), {})
    python, script = str(home / "venv" / "bin" / "python"), str(home / "main.py")
    assert made.at(8200) == (
        *(python, script, "--listen", "127.0.0.1", "--disable-auto-launch"),
        *("--preview-method", "latent2rgb", "--lowvram", "--reserve-vram", "1.5", "--port", "8200"),
    )
    assert made.folder == home


def test_nothing_is_added_when_nothing_shall_be(home: Path) -> None:
    made = plan(settings(home, disable_internal_args=True, frontend_version="Latest"), {})
    assert made.at(1)[2:] == ("--port", "1")


def test_previews_and_the_page_are_asked_for_only_when_wanted(home: Path) -> None:
    made = plan(settings(home, enable_previews=False, frontend_version="Legacy"), {})
    assert "--preview-method" not in made.command
    assert made.command[-2:] == ("--front-end-version", "Comfy-Org/ComfyUI_legacy_frontend@latest")


def test_the_environment_is_its_own(home: Path) -> None:
    around = {"PATH": "/bin", "HUB_SECRET_KEY": "x", "PYTHONPATH": "/ours", "HOME": "/h"}
    made = plan(settings(home, gpu_id="1,2"), around)
    assert made.environment == {
        "PATH": "/bin",
        "HOME": "/h",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:replace",
        "CUDA_VISIBLE_DEVICES": "1,2",
        "HIP_VISIBLE_DEVICES": "1,2",
    }
    assert "CUDA_VISIBLE_DEVICES" not in plan(settings(home, gpu_id=" "), {}).environment


def test_python_is_found_beside_the_script_or_given(home: Path) -> None:
    assert plan(settings(home, python=sys.executable), {}).command[0] == sys.executable
    inner = home / "ComfyUI"
    inner.mkdir()
    (inner / "main.py").write_text("")
    assert plan(settings(inner), {}).command[0] == str(home / "venv" / "bin" / "python")


def test_a_folder_stands_for_its_main_and_a_shell_script_for_itself(home: Path) -> None:
    assert plan(SelfStartSettings(start_script=str(home)), {}).command[1] == str(home / "main.py")
    script = home / "run.sh"
    script.write_text("#!/bin/sh\n")
    assert plan(SelfStartSettings(start_script=str(script)), {}).command[:2] == ("/bin/sh", str(script))
    script.chmod(0o755)
    assert plan(SelfStartSettings(start_script=str(script)), {}).command[0] == str(script)


def test_secrets_of_the_command_line_are_known(home: Path) -> None:
    made = plan(settings(home, extra_args="--api-key abc --auth-token=def --lowvram"), {})
    assert made.secrets == ("abc", "def")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"start_script": ""}, "StartScript is empty"),
        ({"start_script": "ComfyUI/main.py"}, "StartScript must be a whole path"),
        ({"start_script": "/nowhere/main.py"}, "StartScript: there is no file"),
        ({"start_script": "/dev/null"}, "StartScript: there is no file"),
        ({"start_script": "/x\0y"}, "StartScript"),
        ({"python": "python3"}, "Python: .* give its whole path"),
        ({"python": "/nowhere/python"}, "Python: .* give its whole path"),
        ({"extra_args": "--port 8188"}, "ExtraArgs: leave out --port"),
        ({"extra_args": "--tls-keyfile=x"}, "ExtraArgs: leave out --tls-keyfile"),
        ({"extra_args": "--lowvram 'x"}, "ExtraArgs: a quote"),
        ({"gpu_id": "first"}, "GPU_ID: 'first'"),
        ({"gpu_id": "0; rm"}, "GPU_ID:"),
    ],
)
def test_what_cannot_work_is_refused_by_name(home: Path, given: dict[str, Any], named: str) -> None:
    with pytest.raises(Misconfigured, match=named) as told:
        plan(settings(home, **given), {})
    assert "nowhere" not in str(told.value)


def test_other_files_do_not_start(home: Path) -> None:
    (home / "notes.txt").write_text("")
    (home / "run.bat").write_text("")
    with pytest.raises(Misconfigured, match="is none of"):
        plan(SelfStartSettings(start_script=str(home / "notes.txt")), {})
    with pytest.raises(Misconfigured, match="does not run on this system"):
        plan(SelfStartSettings(start_script=str(home / "run.bat")), {}, windows=False)
    (home / "run.sh").write_text("")
    with pytest.raises(Misconfigured, match="Python: only a"):
        plan(SelfStartSettings(start_script=str(home / "run.sh"), python=sys.executable), {})


def test_the_settings_have_swarms_names_and_refuse_what_is_not_built() -> None:
    names = {field.name for field in fields_of(ENGINE)}
    assert names >= {
        *("StartScript", "ExtraArgs", "DisableInternalArgs", "AutoUpdate", "UpdateManagedNodes"),
        *("FrontendVersion", "EnablePreviews", "GPU_ID", "OverQueue", "AutoRestart"),
    }
    assert read_settings(ENGINE, {"GPU_ID": "1", "AutoUpdate": "false"}).gpu_id == "1"
    with pytest.raises(RefusedSetting, match="AutoUpdate"):
        read_settings(ENGINE, {"AutoUpdate": "aggressive"})
