"""A real nginx with the configuration of docs/proxy.md, in a folder of its own, on free ports."""

import os
import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tests.browser.hub_process import ROOT

START_SECONDS = 60.0
_PLACES = os.pathsep.join(("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/nginx/sbin"))


def find_nginx() -> str | None:
    """Where nginx is: HUB_TEST_NGINX, else the PATH and where systems keep it; None when there is none."""
    named = os.environ.get("HUB_TEST_NGINX")
    return named or shutil.which("nginx") or shutil.which("nginx", path=_PLACES)


def documented() -> tuple[str, str]:
    """The two pieces of configuration that docs/proxy.md tells people to copy: for `http`, for `server`."""
    text = (ROOT / "docs" / "proxy.md").read_text("utf-8")
    first, second = re.findall(r"```nginx\n(.*?)```", text, re.DOTALL)
    return first, second


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for trial in sockets:
            trial.bind(("127.0.0.1", 0))
        return [trial.getsockname()[1] for trial in sockets]
    finally:
        for trial in sockets:
            trial.close()


class Nginx:
    """One nginx before the hub on `hub`: at the port `keeping` it leaves the base path on, at `stripping` it
    takes it off."""

    def __init__(self, program: str, folder: Path, hub: int) -> None:
        self._program = program
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.keeping, self.stripping = free_ports(2)
        for name in ("logs", "body", "proxy"):
            (folder / name).mkdir(parents=True)
        (folder / "nginx.conf").write_text(self._configuration(hub), "utf-8")

    def _configuration(self, hub: int) -> str:
        for_http, for_server = documented()
        kept = for_server.replace("http://127.0.0.1:7801;", f"http://127.0.0.1:{hub};")
        stripped = for_server.replace("http://127.0.0.1:7801;", f"http://127.0.0.1:{hub}/;")
        servers = [
            f"server {{ listen 127.0.0.1:{port}; {inside} }}"
            for port, inside in ((self.keeping, kept), (self.stripping, stripped))
        ]
        return "\n".join(
            [
                "daemon off; worker_processes 1; pid nginx.pid; error_log logs/error.log;",
                "events { worker_connections 256; }",
                "http {",
                "access_log off; client_body_temp_path body; proxy_temp_path proxy;",
                "fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;",
                for_http,
                *servers,
                "}",
            ]
        )

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        words = [self._program, "-p", str(self._folder), "-c", "nginx.conf", "-e", "logs/error.log"]
        self._process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self._process.poll() is not None:
                assert self._process.stderr is not None
                raise AssertionError(f"nginx ended: {self._process.stderr.read().decode(errors='replace')}")
            try:
                socket.create_connection(("127.0.0.1", self.stripping), timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("nginx takes no connections")

    def stop(self) -> None:
        """End it, and nothing else."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)
            if self._process.stderr is not None:
                self._process.stderr.close()
