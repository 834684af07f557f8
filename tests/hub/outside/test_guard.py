"""Which addresses are called: read strictly, allowed by name, checked once resolved."""

import pytest

from hub.errors import BadInput, HubError
from hub.outside import Rule, is_public, read_place

RULE = Rule(hosts=("huggingface.co", "Civitai.com"), onward=("hf.co",))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"],
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "3fff::1",
        "64:ff9b:1::7f00:1",
        "::ffff:0:127.0.0.1",
        "fe80::5efe:7f00:1",
        "2001:4860::5efe:7f00:1",
        "2001:4860::200:5efe:a9fe:a9fe",
        "192.88.99.1",
        "198.18.0.1",
        "100::1",
        "fd00:ec2::254",
        "no address",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Huggingface.CO/a/b", "https://huggingface.co/a/b"),
        ("https://huggingface.co./a", "https://huggingface.co/a"),
        ("https://huggingface.co:443", "https://huggingface.co/"),
        ("http://[::1]:8080/x?y=%20z", "http://[::1]:8080/x?y=%20z"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://host/a#part", "https://host/a"),
    ],
)
def test_read(text: str, url: str) -> None:
    assert read_place(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "huggingface.co",
        "ftp://host/a",
        "file:///etc/passwd",
        "https://user:pass@host/",
        "https://evil@huggingface.co/",
        "https://host\\@huggingface.co/",
        "https://ho st/",
        "https://host/a\r\nHost: other",
        "https://host:99999/",
        "https:///a",
        "https://" + "a" * 5000,
        "https://[::1/",
        "https://%31%32%37.0.0.1/",
    ],
)
def test_unreadable(text: str) -> None:
    with pytest.raises(BadInput) as refused:
        read_place(text)
    assert refused.value.extra["field"] == "url"


@pytest.mark.parametrize(
    ("url", "redirected", "allowed"),
    [
        ("https://huggingface.co/x", False, True),
        ("https://cdn.huggingface.co/x", False, True),
        ("https://civitai.com/x", False, True),
        ("https://huggingface.co.evil.example/x", False, False),
        ("https://evilhuggingface.co/x", False, False),
        ("https://cdn.hf.co/x", False, False),
        ("https://cdn.hf.co/x", True, True),
        ("http://huggingface.co/x", False, False),
        ("https://127.0.0.1/x", True, False),
    ],
)
def test_names(url: str, redirected: bool, allowed: bool) -> None:
    if allowed:
        RULE.check(read_place(url), redirected=redirected)
        return
    with pytest.raises(BadInput):
        RULE.check(read_place(url), redirected=redirected)


def test_every_host_by_a_star() -> None:
    Rule(hosts=("*",)).check(read_place("https://any.example/"), redirected=False)


def test_one_private_address_among_public_ones_is_refused() -> None:
    RULE.check_addresses("host", ["8.8.8.8", "1.1.1.1"])
    with pytest.raises(HubError, match=r"192\.168\.0\.9"):
        RULE.check_addresses("host", ["8.8.8.8", "192.168.0.9"])
    Rule(hosts=(), private=True).check_addresses("host", ["192.168.0.9"])
