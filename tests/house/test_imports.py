"""Who may import whom. A failure names the import and what to do instead; ARCHITECTURE.md has the reasons."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from tests.house.tree import ROOT, Import, Module, house, imports, modules, targets

STDLIB = sys.stdlib_module_names
OURS = frozenset({"hub", "backends", "permissions", "languages", "themes"})

# Room -> the other rooms of ours it may import. A room may always import itself.
# Not listed under `hub`: app, lifespan and __main__, which know every room.
ALLOWED: dict[str, frozenset[str]] = {
    room: frozenset(below.split())
    for room, below in {
        "permissions": "",
        "languages": "",
        "themes": "",
        "backends.contract": "",
        "hub.errors": "",
        "hub.sections": "",
        "hub.settings": "hub.errors hub.sections",
        "hub.setup": "",
        "hub.store": "hub.errors hub.settings",
        "hub.accounts": "hub.store hub.settings hub.errors permissions languages themes",
        "hub.catalog": "hub.accounts hub.store hub.settings hub.errors backends.contract",
        "hub.params": "hub.catalog hub.accounts hub.settings hub.errors permissions languages "
        "backends.contract",
        "hub.workflows": "hub.params hub.settings hub.errors",
        "hub.media": "hub.params hub.accounts hub.store hub.settings hub.errors backends.contract",
        "hub.safety": "hub.accounts hub.settings hub.errors backends backends.contract",
        "hub.jobs": "hub.safety hub.media hub.params hub.catalog hub.accounts hub.store hub.settings "
        "hub.errors permissions backends backends.contract",
        "hub.grids": "hub.jobs hub.media hub.params hub.accounts hub.settings hub.store hub.errors "
        "backends.contract",
        "hub.engines": "hub.accounts hub.store hub.settings hub.errors backends backends.contract",
        "hub.batches": "hub.jobs hub.media hub.params hub.accounts hub.settings hub.errors",
        "hub.logs": "",
        "hub.resources": "hub.jobs",
        "hub.updates": "hub.settings hub.errors",
        "hub.server_settings": "hub.settings hub.errors",
        "hub.outside": "hub.errors",
        "hub.downloads": "hub.outside hub.catalog hub.accounts hub.store hub.settings hub.errors",
        "hub.webhooks": "hub.outside hub.jobs hub.media hub.params hub.store hub.settings hub.errors",
        "hub.openid": "hub.outside hub.accounts hub.settings hub.errors",
        "hub.departures": "hub.webhooks hub.batches hub.grids hub.downloads hub.jobs hub.media hub.accounts "
        "hub.store hub.errors",
        "hub.backups": "hub.server_settings hub.store hub.settings hub.errors",
        "hub.shell": "hub.backups hub.accounts hub.store hub.settings hub.errors hub.ownership permissions",
        "hub.wire": "hub.accounts hub.errors hub.settings permissions",
    }.items()
}
# Files of plain values that cross rooms on every call: imported by their own name, so that needing a
# value does not load the room that makes it.
SEAMS = ("hub.accounts.caller", "hub.params.request", "hub.jobs.events")
# One module -> what it alone may reach although its room may not, and why.
EXCEPTIONS = {
    ("hub.wire.discover", "hub.routes"): "it scans the folder for route files, and calls none by name"
}
KNOW_ALL = ("hub.app", "hub.lifespan", "hub.upkeep", "hub.__main__", "hub.rooms")
ABOVE = ("hub.routes", "hub.dialects")

# Engine -> the other rooms of `backends` it is made of, and why.
MADE_OF = {
    "backends.stability_api": ("backends.hosted",),  # what services with a user's own key have in common
    "backends.openai_api": ("backends.hosted",),
    "backends.comfyui_selfstart": ("backends.comfyui_api",),  # starts what that one speaks to
}
# Library -> the only places that may import it.
ONLY_IN: dict[str, tuple[str, ...]] = {
    "torch": ("backends.diffusers_local",),
    "diffusers": ("backends.diffusers_local",),
    "transformers": ("backends.diffusers_local",),
    "accelerate": ("backends.diffusers_local",),
    "safetensors": ("backends.diffusers_local",),
    "ray": ("backends.ray_pool",),
    "litestar": ("hub.wire", "hub.routes", "hub.app", "hub.lifespan"),
    "uvicorn": ("hub.wire", "hub.app", "hub.lifespan", "hub.__main__"),
    "tortoise": ("hub.store",),
    "bcrypt": ("hub.accounts",),
    "authlib": ("hub.openid",),
    "joserfc": ("hub.openid",),
}
PURE = ("job.py", "order.py", "choose.py", "check.py", "parse.py", "spread.py")
NOT_PURE = frozenset({"asyncio", "time", "socket", "threading", "subprocess", "selectors", "select"})
IMPORT_NAMES = {
    "zipstream-ng": "zipstream",
    "pillow": "PIL",
    "tortoise-orm": "tortoise",
    "pytest-asyncio": "pytest_asyncio",
}


def room_of(name: str) -> str:
    """Return the room a module belongs to: hub.<room>, backends.contract, or the top-level package."""
    parts = name.split(".")
    if parts[0] == "hub" and len(parts) > 1:
        return ".".join(parts[:2])
    if parts[0] == "backends":
        return "backends.contract" if parts[1:2] == ["contract"] else "backends"
    return parts[0]


def reached(module: Module) -> Iterator[tuple[Import, str]]:
    for found in imports(module):
        for target in targets(found):
            yield found, target


def lies_in(name: str, places: tuple[str, ...]) -> bool:
    return any(name == place or name.startswith(place + ".") for place in places)


def test_rooms_import_only_the_rooms_below_them() -> None:
    wrong = []
    for module in house():
        room = room_of(module.name)
        if room not in ALLOWED:
            continue
        for found, target in reached(module):
            other = room_of(target)
            if (
                target.split(".")[0] in OURS
                and other != room
                and target != "hub"
                and other not in ALLOWED[room]
                and (module.name, target) not in EXCEPTIONS
            ):
                below = ", ".join(sorted(ALLOWED[room])) or "only the standard library and msgspec"
                wrong.append(f"{module.where}:{found.line}: {room} may not import {target}; it may: {below}")
    assert not wrong, "Move the code down, or pass the value in from above:\n" + "\n".join(wrong)


def test_backends_never_import_the_hub_and_engines_only_the_contract() -> None:
    wrong = []
    for module in house():
        if module.name.split(".")[0] != "backends":
            continue
        parts = module.name.split(".")
        engine = (
            ".".join(parts[:2])
            if (ROOT / "backends" / (parts[1:2] or [""])[0] / "engine.py").exists()
            else None
        )
        for found, target in reached(module):
            top = target.split(".")[0]
            if top in OURS and top != "backends":
                wrong.append(f"{module.where}:{found.line}: an engine knows nothing of {top}")
            elif (
                engine
                and top == "backends"
                and not lies_in(target, (engine, "backends.contract", *MADE_OF.get(engine, ())))
            ):
                wrong.append(
                    f"{module.where}:{found.line}: an engine imports backends.contract only, not {target}"
                )
    assert not wrong, "\n".join(wrong)


def test_leaves_need_nothing_but_msgspec() -> None:
    wrong = [
        f"{module.where}:{found.line}: {target}"
        for module in house()
        if room_of(module.name) in ("permissions", "languages", "themes", "backends.contract", "hub.errors")
        for found, target in reached(module)
        if target.split(".")[0] not in STDLIB | OURS | {"msgspec"}
    ]
    assert not wrong, "These rooms may import only the standard library and msgspec:\n" + "\n".join(wrong)


def test_the_launcher_needs_only_the_standard_library() -> None:
    wrong = [
        f"{module.where}:{found.line}: {target}"
        for module in house()
        if module.name == "launch" or room_of(module.name) == "hub.setup" or module.name == "hub"
        for found, target in reached(module)
        if target.split(".")[0] not in STDLIB and not lies_in(target, ("hub.setup",))
    ]
    assert not wrong, "launch.py runs before anything is installed; do not import:\n" + "\n".join(wrong)
    users = [
        f"{module.where}:{found.line}"
        for module in house()
        if room_of(module.name) != "hub.setup" and module.name != "launch"
        for found, target in reached(module)
        if lies_in(target, ("hub.setup",))
    ]
    assert not users, "Nothing in the service may need the launcher:\n" + "\n".join(users)


def test_libraries_stay_in_their_rooms() -> None:
    wrong = [
        f"{module.where}:{found.line}: {library} may be imported only in {', '.join(ONLY_IN[library])}"
        for module in house()
        for found, target in reached(module)
        if (library := target.split(".")[0]) in ONLY_IN and not lies_in(module.name, ONLY_IN[library])
    ]
    assert not wrong, "Ask that room for what you need:\n" + "\n".join(wrong)


def test_routes_and_dialects_never_import_each_other() -> None:
    wrong = []
    for module in house():
        if not lies_in(module.name, ABOVE):
            continue
        family = ".".join(module.name.split(".")[:3])
        for found, target in reached(module):
            if lies_in(target, ABOVE) and not lies_in(target, (family,)) and target not in ABOVE:
                wrong.append(f"{module.where}:{found.line}: {target}")
    assert not wrong, "Put what both need into a room below and call that:\n" + "\n".join(wrong)


def test_nothing_imports_upwards_to_routes_or_the_app() -> None:
    wrong = [
        f"{module.where}:{found.line}: {target}"
        for module in house()
        if not lies_in(module.name, KNOW_ALL + ABOVE)
        for found, target in reached(module)
        if lies_in(target, KNOW_ALL + ABOVE) and (module.name, target) not in EXCEPTIONS
    ]
    assert not wrong, "Rooms do not know who serves them:\n" + "\n".join(wrong)


def test_rooms_are_entered_by_their_front() -> None:
    wrong = []
    for module in house():
        room = room_of(module.name)
        if module.name in KNOW_ALL:  # they put the rooms together, inner parts included
            continue
        for found, target in reached(module):
            other = room_of(target)
            folder = ROOT.joinpath(*other.split("."))
            if target.split(".")[0] not in OURS or other == room or not folder.is_dir() or target == other:
                continue
            if other in ("hub", "backends") or target in SEAMS or lies_in(other, ABOVE):
                continue
            wrong.append(f"{module.where}:{found.line}: import from {other}, not from {target}")
    assert not wrong, (
        "Let the room's __init__.py name it in __all__, and import it from there:\n" + "\n".join(wrong)
    )


def test_pure_files_read_no_clock_and_wait_for_nothing() -> None:
    wrong = [
        f"{module.where}:{found.line}: {target}"
        for module in house()
        if module.path.name in PURE and module.name.split(".")[0] in ("hub", "permissions")
        for found, target in reached(module)
        if target.split(".")[0] in NOT_PURE
    ]
    assert not wrong, "State machines are pure: pass the time and the outcome in:\n" + "\n".join(wrong)


def test_no_circle_of_imports() -> None:
    graph: dict[str, set[str]] = {}
    known = {module.name for module in house()}
    for module in house():
        edges = {target for found, target in reached(module) if not found.only_types}
        graph[module.name] = {edge for edge in edges if edge in known and edge != module.name}
    circle = find_circle(graph)
    assert not circle, "Break this circle by moving what both need into a file below: " + " -> ".join(circle)


def find_circle(graph: dict[str, set[str]]) -> list[str]:
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for after in sorted(graph.get(name, ())):
            # A front imports its files; that a file lies in its front's folder is no circle.
            if after != name.rpartition(".")[0] and (found := walk(after, [*way, name])):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(graph) if (found := walk(name, []))), [])


def test_no_relative_imports() -> None:
    import ast

    wrong = [
        f"{module.where}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not wrong, "Write the whole name, `from hub.room import Thing`:\n" + "\n".join(wrong)


def test_every_library_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["local"], *extras["alone"]]
    for_tests = [*wanted, *extras["develop"]]

    def names(requirements: list[str]) -> set[str]:
        plain = [requirement.partition(";")[0].strip() for requirement in requirements]
        return {IMPORT_NAMES.get(name, name) for name in plain}

    wrong = []
    for module in modules():
        inside = module.name.split(".")[0] in ("tests", "bench")
        declared = names(for_tests if inside else wanted)
        for found, target in reached(module):
            top = target.split(".")[0]
            beside = {path.stem for path in module.path.parent.iterdir()} | {module.path.parent.name}
            if top not in STDLIB | OURS | {"tests", "bench", "launch"} | declared | (
                beside if inside else set()
            ):
                wrong.append(f"{module.where}:{found.line}: {top}")
    assert not wrong, "Add these to pyproject.toml and requirements.lock, or do without:\n" + "\n".join(wrong)


@pytest.mark.skipif(not (ROOT / "hub" / "app.py").exists(), reason="no app in this tree")
def test_the_hub_process_never_loads_torch() -> None:
    code = (
        "import sys, hub.app, hub.lifespan, hub.__main__\n"
        "sys.exit(','.join(sorted({'torch', 'diffusers', 'transformers', 'ray'} & set(sys.modules))) or 0)"
    )
    tried = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert tried.returncode == 0, f"Importing the hub loads or breaks on: {tried.stderr[-2000:]}"
