"""Starts the server, waits until it answers, opens the browser, passes signals on."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
import webbrowser
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from hub.setup.browsers import has_display
from hub.setup.options import Serve
from hub.setup.ports import any_free, is_free, next_free, page_address
from hub.setup.terminal import Terminal
from hub.setup.trouble import SetupProblem

RESTART = 42
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 7801
HEALTHY_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Place:
    """Where to listen. `chosen` tells that a person named the port, so that no other may be taken."""

    host: str
    port: int
    chosen: bool


def wanted_place(options: Serve, env: Mapping[str, str]) -> Place:
    """Return where to listen: command line, else environment, else settings.toml, else the default."""
    settings = _network_settings(options.data_dir / "settings.toml")
    host = options.host or env.get("HUB_NETWORK_HOST") or settings.get("host") or DEFAULT_HOST
    if options.port is not None:
        return Place(str(host), options.port, True)
    port = env.get("HUB_NETWORK_PORT") or settings.get("port")
    if port is None:
        return Place(str(host), DEFAULT_PORT, False)
    try:
        return Place(str(host), int(str(port)), True)
    except ValueError:
        raise SetupProblem(f"The port in the settings, {port!r}, is not a number.") from None


def page_of(options: Serve, env: Mapping[str, str], place: Place, port: int) -> str:
    """Return the page's address: https where there is a certificate, below the base path where there is
    one."""
    settings = _network_settings(options.data_dir / "settings.toml")
    cert = options.tls_cert or env.get("HUB_NETWORK_TLS_CERT") or settings.get("tls_cert")
    base = options.base_path or env.get("HUB_NETWORK_BASE_PATH") or settings.get("base_path") or ""
    return page_address(place.host, port, "https" if cert else "http", str(base))


def _network_settings(path: Path) -> dict[str, object]:
    """Return the [network] table of a settings file; the server itself reports a broken one."""
    try:
        found = tomllib.loads(path.read_text("utf-8")).get("network", {})
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def settle_port(place: Place, say: Callable[[str], None]) -> int:
    """Return the port to listen on: the next free one when the default is taken. Raises SetupProblem."""
    if place.port == 0:
        return any_free(place.host)
    if is_free(place.host, place.port):
        return place.port
    near = next_free(place.host, place.port)
    if near is None:
        raise SetupProblem(
            f"Port {place.port} and the fifty after it are taken. Name a free one with --port."
        )
    if place.chosen:
        raise SetupProblem(
            f"Port {place.port} is taken by another program (perhaps a hub that already runs). "
            f"The next free one is {near}: start with --port {near}."
        )
    say(f"Port {place.port} is taken by another program; using {near}.")
    return near


@dataclass(frozen=True)
class Settled:
    """Where a server listens that was wanted at a place. One that is started again stays there, for the open
    pages, unless another place is wanted by then.
    """

    place: Place
    port: int


def settle(
    options: Serve, env: Mapping[str, str], before: Settled | None, say: Callable[[str], None]
) -> Settled:
    """Return where to listen; `before` is where the server was that asked to be started again."""
    place = wanted_place(options, env)
    if before is not None and before.place == place and is_free(place.host, before.port):
        return before
    return Settled(place, settle_port(place, say))


def serve(
    python: Path,
    root: Path,
    options: Serve,
    problem: str | None,
    terminal: Terminal,
    settled: Settled | None = None,
) -> int:
    """Run the server until it ends; return its exit code (128 + n when signal n ended it)."""
    settled = settled or settle(options, os.environ, None, terminal.say)
    place, port = settled.place, settled.port
    address = page_of(options, os.environ, place, port)
    terminal.say(f"Starting on {address}   (Ctrl+C stops it)")
    words = ["-m", "hub", "serve"]
    # What the server reads from the settings by itself is not told: it would count as fixed from here.
    if options.host:
        words += ["--host", options.host]
    if options.port is not None or port != place.port:
        words += ["--port", str(port)]
    words += ["--data-dir", str(options.data_dir)]
    for word, value in (
        ("--base-path", options.base_path),
        ("--tls-cert", options.tls_cert),
        ("--tls-key", options.tls_key),
    ):
        if value:
            words += [word, str(value)]
    if options.log_level:
        words += ["--log-level", options.log_level]
    env = dict(os.environ, HUB_PAGE_PROBLEM=problem or "", HUB_RESTARTS="launch.py", PYTHONUNBUFFERED="1")
    # In a group of its own, so that Ctrl+C reaches the server once, from here: a second one would cut its
    # clean stop short. (Windows sends Ctrl+C to both by itself.)
    child = subprocess.Popen([str(python), *words], cwd=root, env=env, start_new_session=os.name != "nt")
    opens = options.browser and has_display(os.environ)
    threading.Thread(target=_greet, args=(child, address, opens, terminal), daemon=True).start()
    return wait_for(child, in_own_group=os.name != "nt")


def wait_for(child: "subprocess.Popen[bytes]", *, in_own_group: bool) -> int:
    """Pass this process's signals on to `child` until it ends; return the exit code a shell would show.

    A child in this process's own group has its Ctrl+C from the terminal already. It is a run of tests or
    benches, which takes down what it started only when interrupted: so a request to end interrupts it.
    """

    def forward(number: int, frame: FrameType | None) -> None:
        if child.poll() is not None or os.name == "nt" or (number == signal.SIGINT and not in_own_group):
            return
        child.send_signal(signal.SIGTERM if in_own_group and number != signal.SIGINT else signal.SIGINT)

    names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    before = {number: signal.signal(number, forward) for number in numbers}
    try:
        while True:
            try:
                code = child.wait(timeout=1.0)
            except subprocess.TimeoutExpired:
                continue
            return 128 - code if code < 0 else code
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if child.poll() is None:
            child.terminate()


def is_healthy(address: str) -> bool:
    """Tell whether a hub answers at `address` (asked directly, never through a proxy).

    Whose certificate it is does not matter here: it is made for a name, and this computer is asked.
    """
    unproven = ssl.create_default_context()
    unproven.check_hostname, unproven.verify_mode = False, ssl.CERT_NONE
    direct = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unproven)
    )
    try:
        with direct.open(address + "hub/v1/health", timeout=2.0) as answer:
            return bool(answer.status == 200 and json.load(answer).get("status") == "ok")
    except (OSError, ValueError, AttributeError):
        return False


def _greet(child: "subprocess.Popen[bytes]", address: str, opens: bool, terminal: Terminal) -> None:
    """Wait until the server answers, then say so and open the browser."""
    began = time.monotonic()
    while child.poll() is None:
        if is_healthy(address):
            terminal.say(f"Ready after {time.monotonic() - began:.1f} s: open {address}")
            if opens:
                webbrowser.open(address)
            return
        if time.monotonic() - began > HEALTHY_WITHIN_S:
            terminal.say(
                f"The server has not answered within {HEALTHY_WITHIN_S:.0f} s; it may still be starting."
            )
            return
        time.sleep(_LOOK_EVERY_S)


def describe_exit(code: int) -> str | None:
    """Return a sentence for an exit code a person would wonder about, or None."""
    if code in (0, RESTART, 128 + signal.SIGINT, 128 + signal.SIGTERM):
        return None
    if sys.platform.startswith("linux") and code == 128 + signal.SIGKILL:
        return "The server was killed (signal 9). When memory ran out, the system does that."
    return f"The server ended with exit code {code}; the lines above say why."
