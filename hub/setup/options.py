"""The words on launch.py's command line, as values."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

MANAGED = {
    "user": "accounts: add, password, role, list (each has --help)",
    "token": "tokens for programs: create, revoke, list",
    "backup": "write a backup, while the hub runs or not",
    "restore": "go back to a backup; the hub must not run",
}
COMMANDS = ("serve", *MANAGED, "test", "bench", "check")
_ON_EVERY_PROCESSOR = ("-n", "auto", "--maxprocesses", "8", "--dist", "worksteal")
LOG_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True)
class Serve:
    """Serve the hub. `host`, `port` and the last three are None where the settings decide."""

    host: str | None
    port: int | None
    data_dir: Path
    browser: bool
    log_level: str | None
    base_path: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None


@dataclass(frozen=True)
class RunTests:
    """Run pytest with these arguments."""

    arguments: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """What pytest is told: the whole suite runs on every processor, what somebody picks out as they say.

        A test alone on one processor starts at once and can be watched and stopped in a debugger.
        """
        whole = all(word == "--long" for word in self.arguments)
        return (*_ON_EVERY_PROCESSOR, *self.arguments) if whole else self.arguments


@dataclass(frozen=True)
class Bench:
    """Run the named benches, or all; write the figures to `json` when given."""

    names: tuple[str, ...]
    json: Path | None


@dataclass(frozen=True)
class Manage:
    """Accounts, tokens, backups: the words go to `python -m hub`, with the data folder."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """Check format, lint, types and house rules."""


def port_number(text: str) -> int:
    """Read a port: 0 (any free one) to 65535."""
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; ports are 0 (any free one) to 65535")
    return port


def parse(words: Sequence[str], root: Path) -> Serve | Manage | RunTests | Bench | Check:
    """Read the command line; `root` is the folder of launch.py. Wrong words end it with a message."""
    if words and words[0] == "test":  # everything behind it belongs to pytest, --help included
        return RunTests(tuple(words[1:]))
    if words and words[0] in MANAGED:  # those words belong to the hub itself
        named = any(word.partition("=")[0] == "--data-dir" for word in words)
        complete = words[0] in ("backup", "restore") or len(words) > 1
        asks = {"-h", "--help"} & {*words}
        place = ("--data-dir", str(root / "data")) if complete and not (named or asks) else ()
        return Manage((*words, *place))
    if not words or (words[0].startswith("-") and words[0] not in ("-h", "--help")):
        words = ["serve", *words]
    given = _parser().parse_args(words)
    if given.command == "bench":
        return Bench(tuple(given.names), given.json.resolve() if given.json else None)
    if given.command == "check":
        return Check()
    data_dir = given.data_dir.expanduser().resolve() if given.data_dir else root / "data"
    files = [file.expanduser().absolute() if file else None for file in (given.tls_cert, given.tls_key)]
    return Serve(
        given.host, given.port, data_dir, not given.no_browser, given.log_level, given.base_path, *files
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="launch.py",
        description="Sets up what is missing, then serves the hub (or tests, benches, checks it).",
        epilog="Without a command it serves: `launch.py --port 8000` is `launch.py serve --port 8000`.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="{" + ",".join(COMMANDS) + "}")
    serve = commands.add_parser("serve", help="serve the hub and open the browser (default)")
    serve.add_argument("--host", help="address to listen on (default 127.0.0.1: this computer only)")
    serve.add_argument(
        "--port", type=port_number, help="port (default 7801, or the next free one); 0: any free one"
    )
    serve.add_argument(
        "--base-path", metavar="PATH", help="path below which a proxy shows the hub, like /hub"
    )
    serve.add_argument(
        "--tls-cert", type=Path, metavar="FILE", help="PEM file of a certificate: the hub speaks https"
    )
    serve.add_argument(
        "--tls-key", type=Path, metavar="FILE", help="PEM file of its key, when that is another file"
    )
    serve.add_argument("--data-dir", type=Path, metavar="DIR", help="folder of all state (default: data)")
    serve.add_argument("--no-browser", action="store_true", help="do not open the browser")
    serve.add_argument("--log-level", choices=LOG_LEVELS, help="how much the server tells (default info)")
    for name, text in MANAGED.items():
        commands.add_parser(name, help=text)
    commands.add_parser("test", help="run the tests; further words go to pytest (--long: the long ones too)")
    bench = commands.add_parser("bench", help="run the benches and print their ratios against the limits")
    bench.add_argument("names", nargs="*", metavar="name", help="benches to run (default: all)")
    bench.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to this file")
    commands.add_parser("check", help="format, lint, types, house rules, page checks")
    return parser
