"""What went wrong while setting up, in sentences a person can act on."""

import re
from collections.abc import Sequence


class SetupProblem(Exception):
    """Setting up cannot go on; the text says what failed and what to do next, and is all that is printed."""


LINE = 240
_ERROR = r"\b(error|err!|could not|failed)\b"
_NOISE = r" ?\(Retry\(.*?\)\)|<[\w.]+ object at 0x\w+>: |\S*HTTPS?Connection\([^)]*\): "
AGAIN = "Run the same command again: what is already installed is kept."

# First match wins, so the precise ones stand before the general ones.
_CAUSES: tuple[tuple[str, str], ...] = (
    (r"No space left on device|disk full", "The disk is full. Free about 4 GB, then run it again."),
    (
        r"ensurepip is not available|No module named '?(venv|ensurepip)",
        "This Python comes without its venv module. On Debian and Ubuntu install it with: "
        "apt install python3-venv (or the package of this Python's version), then run it again.",
    ),
    (
        r"ProxyError|Tunnel connection failed|Cannot connect to proxy",
        "The proxy refused the connection. Check the HTTPS_PROXY environment variable, then run it again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|UNABLE_TO_GET_ISSUER_CERT|SELF_SIGNED_CERT",
        "The server's certificate was not accepted. Behind a company proxy, name its certificate to pip "
        "(PIP_CERT) or npm (NODE_EXTRA_CA_CERTS), then run it again.",
    ),
    (
        r"Name or service not known|name resolution|getaddrinfo failed|ENOTFOUND|EAI_AGAIN"
        r"|Connection refused|ECONNREFUSED|NewConnectionError|ConnectionError|timed out|ETIMEDOUT"
        r"|Network is unreachable|ReadTimeout|Max retries exceeded|dns error|error sending request",
        "The package server cannot be reached. Check the internet connection; behind a proxy set "
        "HTTPS_PROXY; for an own package server set PIP_INDEX_URL (npm: npm_config_registry). " + AGAIN,
    ),
    (
        r"No matching distribution|Could not find a version|No solution found|ETARGET|E404",
        "The package source has no build for this computer. Use a 64-bit Python 3.11 to 3.14, or name "
        "another source with PIP_EXTRA_INDEX_URL, then run it again.",
    ),
    (
        r"Permission denied|EACCES|Access is denied",
        "A folder cannot be written. Start the hub as the user who owns its folder.",
    ),
)


def explain(what: str, output: Sequence[str], *, keep: int = 4) -> str:
    """Say that `what` failed, quote the telling lines of its `output`, and say what to do next."""
    lines = [re.sub(_NOISE, "", line).strip()[:LINE] for line in output if line.strip()]
    text = "\n".join(output)
    mark, advice = next((known for known in _CAUSES if re.search(known[0], text, re.I)), (_ERROR, AGAIN))
    telling = [line for line in lines if re.search(mark, line, re.I)]
    quoted = list(dict.fromkeys(telling or lines))[-keep:]
    return "\n".join([f"{what} failed.", *(f"    {line}" for line in quoted), advice])
