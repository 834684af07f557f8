"""Whose request it is: what proxies say, who is believed, and what is never this machine's own caller."""

import pytest

from hub.settings import BadSettings, Network
from hub.wire.arrival import Arrival, Proxies
from hub.wire.door import Door
from tests.hub.running import RunningHub

ONE = Network(proxies=("10.0.0.1",))
MANY = Network(proxies=("10.0.0.0/8", "fd00::/8", "127.0.0.1"))


def arrive(network: Network, peer: str, scheme: str = "http", host: str = "inner", **headers: str) -> Arrival:
    pairs = [(b"host", host.encode())]
    pairs += [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Proxies(network).arrival(peer, scheme, pairs)


class TestNobodyIsBelieved:
    def test_a_bare_request(self) -> None:
        assert arrive(Network(), "127.0.0.1") == Arrival("127.0.0.1", "http", b"inner", True)

    def test_a_claimed_address_changes_nothing_but_the_text(self) -> None:
        found = arrive(
            Network(),
            "9.9.9.9",
            x_forwarded_for="127.0.0.1, 1.2.3.4",
            x_forwarded_proto="https",
            x_forwarded_host="evil",
        )
        assert found == Arrival("9.9.9.9", "http", b"inner", False, ("127.0.0.1", "1.2.3.4"))

    def test_a_stranger_is_not_believed_while_others_are(self) -> None:
        found = arrive(ONE, "10.0.0.2", x_forwarded_for="127.0.0.1", x_forwarded_proto="https")
        assert (found.client, found.scheme) == ("10.0.0.2", "http")

    def test_two_hosts_are_none(self) -> None:
        assert Proxies(Network()).arrival("1.1.1.1", "http", [(b"host", b"a"), (b"host", b"b")]).host is None


class TestABelievedProxy:
    def test_tells_client_scheme_and_host(self) -> None:
        found = arrive(
            ONE,
            "10.0.0.1",
            "ws",
            x_forwarded_for="1.2.3.4",
            x_forwarded_proto="https",
            x_forwarded_host="hub.example",
        )
        assert found == Arrival("1.2.3.4", "wss", b"hub.example", False)

    def test_what_the_client_wrote_left_of_itself_is_not_believed(self) -> None:
        found = arrive(ONE, "10.0.0.1", x_forwarded_for="127.0.0.1, 6.6.6.6")
        assert (found.client, found.vias) == ("6.6.6.6", ("127.0.0.1",))

    def test_several_lines_are_one_list(self) -> None:
        pairs = [(b"host", b"h"), (b"x-forwarded-for", b"127.0.0.1"), (b"x-forwarded-for", b"6.6.6.6")]
        assert Proxies(ONE).arrival("10.0.0.1", "http", pairs).client == "6.6.6.6"

    def test_a_row_of_proxies_is_walked_to_the_first_stranger(self) -> None:
        found = arrive(
            MANY,
            "127.0.0.1",
            x_forwarded_for="5.5.5.5, 7.7.7.7, 10.1.1.1, 10.2.2.2",
            x_forwarded_proto="https, https, http",
        )
        assert (found.client, found.scheme, found.vias) == ("7.7.7.7", "https", ("5.5.5.5",))

    @pytest.mark.parametrize(
        ("entry", "client"),
        [
            ("1.2.3.4:5678", "1.2.3.4"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"),
            ("::ffff:1.2.3.4", "1.2.3.4"),
            ("unknown", "10.0.0.1"),
            ("_hidden", "10.0.0.1"),
            ("", "10.0.0.1"),
            ("x" * 5000, "10.0.0.1"),
        ],
    )
    def test_an_entry(self, entry: str, client: str) -> None:
        assert arrive(ONE, "10.0.0.1", x_forwarded_for=entry).client == client

    def test_the_other_kind_of_header_is_never_believed(self) -> None:
        found = arrive(ONE, "10.0.0.1", forwarded="for=127.0.0.1;proto=https", x_forwarded_for="1.2.3.4")
        assert (found.client, found.scheme) == ("1.2.3.4", "http")
        chosen = Network(proxies=("10.0.0.1",), proxy_header="forwarded")
        found = arrive(
            chosen,
            "10.0.0.1",
            forwarded='for="[2001:db8::7]:99";proto=https;host=hub.example',
            x_forwarded_for="127.0.0.1",
        )
        assert found == Arrival("2001:db8::7", "https", b"hub.example", False)

    def test_a_range_of_addresses(self) -> None:
        assert arrive(MANY, "10.200.3.4", x_forwarded_for="1.2.3.4").client == "1.2.3.4"
        assert arrive(MANY, "fd00::9", x_forwarded_for="1.2.3.4").client == "1.2.3.4"
        assert arrive(MANY, "::ffff:10.0.0.9", x_forwarded_for="1.2.3.4").client == "1.2.3.4"
        assert arrive(MANY, "11.0.0.1", x_forwarded_for="1.2.3.4").client == "11.0.0.1"

    @pytest.mark.parametrize("entry", ["proxy.example", "10.0.0.0/40", "*"])
    def test_a_proxy_that_is_no_address_is_refused_with_its_setting(self, entry: str) -> None:
        with pytest.raises(BadSettings, match=r"network\.proxies"):
            Proxies(Network(proxies=(entry,)))


class TestLoopback:
    """A local reverse proxy must not make everybody the owner."""

    @pytest.mark.parametrize(
        "name",
        [
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-host",
            "x-forwarded-port",
            "x-forwarded-prefix",
            "x-forwarded-server",
            "forwarded",
            "via",
            "x-real-ip",
            "x-client-ip",
            "cf-connecting-ip",
            "cf-ray",
            "true-client-ip",
            "fly-client-ip",
            "x-original-forwarded-for",
        ],
    )
    def test_any_forwarding_header_makes_it_no_local_caller(self, name: str) -> None:
        found = Proxies(Network()).arrival("127.0.0.1", "http", [(b"host", b"h"), (name.encode(), b"")])
        assert not Door({"hub.arrival": found, "headers": []}).is_loopback

    def test_a_believed_proxy_on_this_machine_is_no_local_caller_either(self) -> None:
        for headers in ({}, {"x_forwarded_for": "127.0.0.1"}, {"x_forwarded_for": "::1"}):
            found = arrive(MANY, "127.0.0.1", **headers)
            assert not Door({"hub.arrival": found, "headers": []}).is_loopback

    def test_a_direct_one_is(self) -> None:
        assert Door({"hub.arrival": arrive(ONE, "127.0.0.1"), "headers": []}).is_loopback
        assert Door({"hub.arrival": arrive(ONE, "::1"), "headers": []}).is_loopback
        assert not Door({"headers": []}).is_loopback


@pytest.mark.hub_settings("network.proxies=127.0.0.1")
async def test_behind_a_proxy_that_is_named(hub: RunningHub) -> None:
    """The hub sees the client everywhere, and nobody is let in for coming from this machine."""
    stranger = await hub.post("/API/GetNewSession", {"a": 1})
    assert stranger.json()["error"] == "Invalid or unauthorized."
    outside = {"x-forwarded-for": "203.0.113.9", "x-forwarded-host": "evil.example"}
    assert (await hub.post("/API/GetNewSession", {"a": 1}, **outside)).status_code == 421


async def test_a_proxy_that_is_not_named_is_told_of_once(
    hub: RunningHub, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        await hub.http.get("/hub/v1/health", headers={"x-forwarded-for": "1.2.3.4"})
    told = [record.getMessage() for record in caplog.records if "network.proxies" in record.getMessage()]
    assert len(told) == 1 and "Requests come from 127.0.0.1" in told[0]
