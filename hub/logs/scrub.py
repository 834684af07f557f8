"""Secrets taken out of a line before anybody keeps or reads it. Pure.

Lines are written with care, but they carry words of others: addresses with a password in them, headers of a
refused request, what a library puts into its complaint.
"""

import re
from collections.abc import Callable

GONE = "<secret>"
"""What stands where a secret stood."""

_NAMES = (
    r"(?:(?:password|passwd|passphrase|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?key"
    r"|token|session[_-]?id|signature|credential|authorization)|\bsig)"
)
_RULES: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    # a PEM block, over several lines
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), GONE),
    # user:password@ in an address
    (re.compile(r"(?<=://)[^/@\s'\"]+@"), f"{GONE}@"),
    # a chat service's webhook: its last part is the key
    (re.compile(r"(/api/webhooks/\d+/)[\w-]+"), rf"\1{GONE}"),
    (re.compile(r"(hooks\.slack\.com/services/)[\w/-]+"), rf"\1{GONE}"),
    # Authorization: Bearer …, and the like anywhere
    (re.compile(r"\b(bearer|basic)\s+[\w.~+/=-]{8,}", re.I), rf"\1 {GONE}"),
    # name=value, name: value, "name": "value"; what is masked already stays
    (
        re.compile(
            rf"(?P<name>{_NAMES}['\"]?\s*(?:=|:|=>)\s*)(?P<mark>['\"]?)(?!<secret>|bearer |basic )"
            r"(?P<value>[^\s'\",;&)}\]]{3,})",
            re.I,
        ),
        rf"\g<name>\g<mark>{GONE}",
    ),
    # our own: session ids (40 upper-case digits) and tokens (user.id.check)
    (re.compile(r"\b[0-9A-F]{40}\b"), GONE),
    (re.compile(r"\b[0-9a-f]{2,200}\.[0-9a-f]{32}\.[0-9a-f]{32}\b"), GONE),
    # keys of services, by the way they begin
    (re.compile(r"\b(?:sk|pk|rk)-[\w-]{16,}|\bhf_\w{16,}|\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}"), GONE),
    (re.compile(r"\bxox[abprs]-[\w-]{10,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), GONE),
)


def scrub(text: str) -> str:
    """The text without secrets: passwords and keys that are named as such, keys of known forms."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
