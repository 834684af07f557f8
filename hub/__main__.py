"""`python -m hub <command>`: serve the hub, write the API pages."""

import argparse
import asyncio
import errno
import gc
import logging
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path

from hub.backups import is_pending, settle
from hub.logs import Scrubbed
from hub.ownership import FolderTaken, own_folder
from hub.settings import BadSettings, Settings, load
from hub.shell.words import add_words

BAD_SETTINGS = 2
CANNOT_LISTEN = 3
CANNOT_START = 4
INTERRUPTED = 130
COLLECT = (10_000, 20, 50)
"""New objects before the youngest are looked through, then how many such rounds make an older one."""
LOG_BYTES = 5 * 2**20
DOCS = Path(__file__).parent.parent / "docs" / "api"


class LogFile(RotatingFileHandler):
    """The log's file. A line that a full disk does not take is lost, and nothing else with it: a page of
    complaints for each would bury on the terminal what matters."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Let the line go when it is the disk; anything else is complained about as always."""
        if not isinstance(sys.exception(), OSError):
            super().handleError(record)


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; return the exit code."""
    given = _parser().parse_args(words)
    code: int = given.run(given)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m hub", description="Generation Hub.")
    commands = parser.add_subparsers(required=True, metavar="command")
    serve = commands.add_parser("serve", help="serve the hub")
    serve.add_argument("--host", help="address to listen on")
    serve.add_argument("--port", help="port to listen on; 0: any free one")
    serve.add_argument("--base-path", metavar="PATH", help="path below which a proxy shows the hub")
    serve.add_argument("--tls-cert", metavar="FILE", help="PEM file of a certificate: speak https")
    serve.add_argument("--tls-key", metavar="FILE", help="PEM file of its key, when that is another file")
    serve.add_argument(
        "--data-dir", type=Path, default=Path("data"), metavar="DIR", help="folder of all state"
    )
    serve.add_argument("--no-browser", action="store_true", help="accepted for symmetry with launch.py")
    serve.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), help="least level logged"
    )
    serve.set_defaults(run=_serve)
    add_words(commands)
    docs = commands.add_parser("docs", help="write docs/api from the declared routes")
    docs.add_argument("--out", type=Path, default=DOCS, metavar="DIR", help="where to (default: docs/api)")
    docs.set_defaults(run=_docs)
    return parser


def _serve(given: argparse.Namespace) -> int:
    asked = {
        "network.host": given.host,
        "network.port": given.port,
        "network.base_path": given.base_path,
        "network.tls_cert": given.tls_cert and str(Path(given.tls_cert).expanduser().absolute()),
        "network.tls_key": given.tls_key and str(Path(given.tls_key).expanduser().absolute()),
        "log.level": given.log_level,
    }
    _finish_restore(given.data_dir.expanduser().absolute())
    try:
        settings = load(given.data_dir, {key: value for key, value in asked.items() if value is not None})
    except BadSettings as wrong:
        return _fail(BAD_SETTINGS, str(wrong))
    _start_log(settings)
    return _run(settings)


def _finish_restore(data: Path) -> None:
    """Carry a restore that was cut short to its end before the settings are read: they are part of it."""
    if is_pending(data):
        with suppress(FolderTaken), own_folder(data):
            settle(data)


def _start_log(settings: Settings) -> None:
    """Tell the terminal and, bounded, a file; a folder that cannot be written costs the file only."""
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    trouble: OSError | None = None
    try:
        settings.folders.logs.mkdir(parents=True, exist_ok=True)
        file = settings.folders.logs / "hub.log"
        handlers.append(LogFile(file, maxBytes=LOG_BYTES, backupCount=3, encoding="utf-8"))
    except OSError as wrong:
        trouble = wrong
    for handler in handlers:
        handler.setFormatter(Scrubbed("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    logging.basicConfig(level=settings.log.level.upper(), handlers=handlers)
    # Each call of another server would be a line, with its whole address: who reads the log may be nobody
    # who may see the engines, and the hub's own lines would drown.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    if trouble is not None:
        logging.getLogger("hub").warning("no log file is written: %s", trouble)


def _docs(given: argparse.Namespace) -> int:
    from hub.wire.discover import find_modules, find_routes
    from hub.wire.docs import save_pages

    count = save_pages(find_routes(find_modules()), given.out)
    sys.stdout.write(f"{count} pages in {given.out}\n")
    return 0


def _run(settings: Settings) -> int:
    # Imported late: a wrong setting is told within a moment, before the whole application is read.
    from hub.app import build
    from hub.wire.server import listen, make_server
    from hub.wire.tls import tls_context

    network = settings.network
    try:
        app = build(settings)
        tls_context(network)
    except BadSettings as wrong:
        return _fail(BAD_SETTINGS, str(wrong))
    try:
        sockets = listen(network.host, network.port)
    except OSError as trouble:
        taken = trouble.errno == errno.EADDRINUSE
        why = "is taken by another program" if taken else f"cannot be used ({trouble})"
        return _fail(
            CANNOT_LISTEN, f"{network.host} port {network.port} {why}. Choose another with --port or --host."
        )
    server = make_server(app, network, settings.log.level, app.board.farewell)
    app.board.ending.use(server.end)
    port = sockets[0].getsockname()[1]
    place = f"[{network.host}]" if ":" in network.host else network.host
    scheme = "https" if network.tls_cert else "http"

    async def run() -> None:
        # The rooms open before the server and close after it: a start that fails is told in one sentence.
        async with app.lifespan():
            _calm_collector()
            logging.getLogger("hub").info("Listening on %s://%s:%d%s/", scheme, place, port, app.place.base)
            await server.serve(sockets)

    try:
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(run())
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as trouble:
        return _fail(CANNOT_START, _sentence(trouble))
    return app.board.ending.code


def _calm_collector() -> None:
    """Keep Python's cycle collector from stopping everybody: it need not look at what was loaded for good.

    As it comes it took 7 % of a busy hub's time and now and then 0.14 s in one piece.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)


def _sentence(trouble: BaseException) -> str:
    """What stopped the start: the sentence of a refusal made for people, else also where it happened."""
    while isinstance(trouble, BaseExceptionGroup):
        trouble = trouble.exceptions[0]
    if type(trouble).__module__.startswith(("hub.", "backends.")):
        return str(trouble)
    return "".join(traceback.format_exception(trouble))


def _fail(code: int, text: str) -> int:
    sys.stderr.write(f"{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
