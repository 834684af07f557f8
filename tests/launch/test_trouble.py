"""What is said when a step of the set-up fails."""

import pytest

from hub.setup.trouble import explain

CASES = {
    "refused": ("NewConnectionError: [Errno 111] Connection refused", "PIP_INDEX_URL"),
    "no name": ("ERROR: getaddrinfo failed: Name or service not known", "internet connection"),
    "npm offline": ("npm error code ENOTFOUND", "npm_config_registry"),
    "proxy": (
        "ERROR: ProxyError('Cannot connect to proxy.', OSError('Tunnel connection failed: 403'))",
        "HTTPS_PROXY",
    ),
    "certificate": ("SSLError(SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED)", "PIP_CERT"),
    "disk": ("ERROR: Could not install packages: [Errno 28] No space left on device", "Free about 4 GB"),
    "no build": ("ERROR: No matching distribution found for torch==2.13.0", "PIP_EXTRA_INDEX_URL"),
    "no venv": ("The virtual environment was not created because ensurepip is not available", "python3-venv"),
    "rights": ("ERROR: [Errno 13] Permission denied: '/opt/hub/.venv'", "owns its folder"),
    "unknown": ("ERROR: something new", "Run the same command again"),
}


@pytest.mark.parametrize("case", CASES)
def test_every_cause_gets_its_advice(case: str) -> None:
    line, advice = CASES[case]
    told = explain("Installing torch", ["Collecting torch", line])
    assert told.startswith("Installing torch failed.")
    assert line in told
    assert advice in told


def test_the_telling_lines_are_quoted_not_the_noise() -> None:
    told = explain("Installing", [*(f"Collecting thing{number}" for number in range(50)), "ERROR: it broke"])
    assert "it broke" in told
    assert "thing" not in told


def test_without_a_telling_line_the_last_ones_are_quoted() -> None:
    told = explain("Building", [f"line {number}" for number in range(20)])
    assert "line 19" in told
    assert "line 2\n" not in told
