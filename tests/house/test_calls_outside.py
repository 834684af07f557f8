"""Every client that calls other machines says that it takes no proxy from the environment: such a proxy would
resolve names unchecked, and be shown what is sent."""

import ast
from collections.abc import Iterator

from tests.house.tree import Module, modules

CLIENTS = {
    "httpx.AsyncClient": ("trust_env", "False"),
    "httpx.Client": ("trust_env", "False"),
    "websockets.connect": ("proxy", "None"),
}
EXCEPT = {"backends.hosted.calls": "not near"}
"""A service for money, at an address an administrator wrote: a company's own proxy may stand before it."""
NOT_CHECKED = ("requests", "aiohttp", "urllib3")
"""Clients that this project does without."""
BY_THE_LAUNCHER = "hub.setup"
"""Runs before anything is installed, with what Python brings; asks only our own fixed addresses."""


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute | ast.Name):
            named = node.func
            before = (
                named.value.id
                if isinstance(named, ast.Attribute) and isinstance(named.value, ast.Name)
                else ""
            )
            yield f"{before}.{named.attr}" if isinstance(named, ast.Attribute) else named.id, node


def ours() -> Iterator[Module]:
    yield from (module for module in modules() if module.name.partition(".")[0] in ("hub", "backends"))


def test_no_proxy_of_the_environment_is_used() -> None:
    wrong = []
    for module in ours():
        for name, call in calls(module):
            if name not in CLIENTS:
                continue
            word, value = CLIENTS[name]
            given = {part.arg: ast.unparse(part.value) for part in call.keywords}
            if given.get(word) != EXCEPT.get(module.name, value):
                wrong.append(f"{module.where}:{call.lineno}: {name} without {word}={value}")
    assert not wrong, "\n".join(wrong)


def test_nobody_calls_out_past_these_clients() -> None:
    wrong = []
    for module in ours():
        named = {
            alias.name.partition(".")[0]
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        wrong += [f"{module.where} imports {name}" for name in NOT_CHECKED if name in named]
        if module.name.startswith(BY_THE_LAUNCHER):
            continue
        wrong += [
            f"{module.where}:{call.lineno}: {name}"
            for name, call in calls(module)
            if name.endswith(("urlopen", "httpx.get", "httpx.post", "httpx.request", "httpx.stream"))
        ]
    assert not wrong, "\n".join(wrong)
