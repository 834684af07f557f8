"""The certificate the hub speaks https with, checked before anything listens."""

import ssl
from pathlib import Path

from hub.settings import BadSettings, Network


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
