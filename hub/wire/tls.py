"""The certificate the hub speaks https with: checked before anything listens, read again when renewed."""

import logging
import ssl
from pathlib import Path

from hub.settings import BadSettings, Network

_log = logging.getLogger("hub.wire")
Files = tuple[tuple[int, int, int], ...]


class _Locked(Exception):
    """The key asks for a password."""


def tls_context(network: Network) -> ssl.SSLContext | None:
    """What https is spoken with, None without a certificate. Raises BadSettings, naming the file and what is
    wrong with it."""
    if not network.tls_cert:
        if network.tls_key:
            raise BadSettings("network.tls_key names a key, but network.tls_cert names no certificate to it.")
        return None
    for name, file in (("tls_cert", network.tls_cert), ("tls_key", network.tls_key)):
        if file:
            _demand_readable(name, Path(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(network.tls_cert, network.tls_key or None, _no_password)
    except _Locked:
        raise BadSettings(
            f"The key {network.tls_key or network.tls_cert} (network.tls_key) is locked with a password, and "
            "nobody is there to type it. Store it without one, readable by the hub's account only: "
            "openssl pkey -in locked.pem -out key.pem"
        ) from None
    except ssl.SSLError as wrong:
        raise BadSettings(_sentence(network, wrong)) from wrong
    return context


def renewing_context(network: Network) -> ssl.SSLContext | None:
    """As tls_context; what it accepts always shows the files' certificate as it is now. New files that cannot
    be used leave the one before in force, with a warning in the log."""
    context = tls_context(network)
    if context is not None:
        context.sni_callback = _Renewed(network, context).choose
    return context


class _Renewed:
    """Chooses the certificate at every handshake. A renewed one is a context of its own, made whole before it
    is shown: certificate and key are two files, and one is written before the other."""

    def __init__(self, network: Network, context: ssl.SSLContext) -> None:
        self._network = network
        self._context = context
        self._seen = self._files()

    def choose(self, shown: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """OpenSSL calls this once a client has said hello, whether it names a server or not."""
        found = self._files()
        if found and found != self._seen:
            self._seen = found
            self._read()
        if self._context is not context:
            shown.context = self._context

    def _read(self) -> None:
        try:
            self._context = tls_context(self._network) or self._context
        except BadSettings as wrong:
            _log.warning("The certificate before stays in force. %s", wrong)
        else:
            _log.info("The certificate %s was renewed and is shown from now on.", self._network.tls_cert)

    def _files(self) -> Files:
        """What tells one state of the files from another; nothing while one of them is away."""
        named = filter(None, (self._network.tls_cert, self._network.tls_key))
        try:
            found = [Path(name).stat() for name in named]
        except OSError:
            return ()
        return tuple((one.st_ino, one.st_mtime_ns, one.st_size) for one in found)


def _demand_readable(name: str, file: Path) -> None:
    try:
        with file.open("rb") as opened:
            opened.read(1)
    except OSError as trouble:
        raise BadSettings(
            f"The file {file} (network.{name}) cannot be read: {trouble.strerror or trouble}."
        ) from trouble


def _no_password() -> str:
    raise _Locked


def _sentence(network: Network, wrong: ssl.SSLError) -> str:
    if wrong.reason == "KEY_VALUES_MISMATCH":
        return (
            f"The key {network.tls_key or network.tls_cert} (network.tls_key) does not belong to the "
            f"certificate {network.tls_cert} (network.tls_cert)."
        )
    if network.tls_key:
        return (
            f"The certificate {network.tls_cert} (network.tls_cert) and its key {network.tls_key} "
            f"(network.tls_key) cannot be used: {wrong.reason or wrong}. Both have to be PEM files."
        )
    return (
        f"The file {network.tls_cert} (network.tls_cert) cannot be used: {wrong.reason or wrong}. It has to "
        "be a PEM file with the certificate and its key, or name the key's file as network.tls_key."
    )
