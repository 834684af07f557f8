"""https and wss of the hub's own: real handshakes, cookies and HSTS; bad files told in a sentence."""

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from websockets.typing import Origin

from hub.settings import BadSettings, Network, load
from hub.wire import Door, api
from hub.wire.tls import tls_context
from tests.hub.running import running
from tests.hub.wire.certificates import certificate


@api("TestSigned", permission=None)
async def signed(door: Door) -> dict[str, str]:
    """Set a cookie; tell the address."""
    door.set_cookie("swarm_token", "abc", max_age=60)
    return {"address": door.external("/x")}


@pytest.mark.parametrize("hsts", ["0", "86400"])
async def test_https_and_wss(tmp_path: Path, hsts: str) -> None:
    from hub.wire.route import routes_of

    cert, key = certificate(tmp_path)
    chosen = {"network.tls_cert": str(cert), "network.tls_key": str(key), "network.hsts_seconds": hsts}
    trust = ssl.create_default_context(cafile=str(cert))
    async with running(tmp_path / "data", chosen, routes_of(signed)) as hub:
        base = f"https://127.0.0.1:{hub.port}"
        async with httpx.AsyncClient(base_url=base, verify=trust, trust_env=False, timeout=60) as http:
            answer = await http.post("/API/TestSigned", json={"a": 1})
            assert answer.json() == {"address": f"{base}/x"}
            assert answer.headers["set-cookie"].endswith("; Secure")
            told = answer.headers.get("strict-transport-security")
            assert told == (f"max-age={hsts}" if hsts != "0" else None)
            origin = {"origin": base, "cookie": "a=b"}
            assert "session_id" in (await http.post("/API/GetNewSession", json={}, headers=origin)).text
        address = f"wss://127.0.0.1:{hub.port}/API/GenerateText2ImageWS"
        async with websockets.connect(address, ssl=trust, proxy=None, origin=Origin(base)) as socket:
            await socket.send("{}")
            assert json.loads(await socket.recv())["error"] == "missing session id"
        with pytest.raises(httpx.TransportError):
            await hub.http.get("/hub/v1/health")


async def test_a_renewed_certificate_is_shown_to_whoever_connects_next(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    second, second_key = certificate(tmp_path, "second")
    old, new = (ssl.PEM_cert_to_DER_cert(file.read_text()) for file in (cert, second))
    settings = {"network.tls_cert": str(cert), "network.tls_key": str(key)}
    async with running(tmp_path / "data", settings) as hub:

        async def shown() -> bytes:
            anyone = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
            _, writer = await asyncio.open_connection("127.0.0.1", hub.port, ssl=anyone)
            found: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
            return found

        assert await shown() == old
        cert.write_bytes(second.read_bytes())
        assert await shown() == old  # its key has not come yet
        key.write_bytes(second_key.read_bytes())
        assert await shown() == new
        key.unlink()
        assert await shown() == new


def test_one_file_with_both(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    cert.write_bytes(cert.read_bytes() + key.read_bytes())
    context = tls_context(Network(tls_cert=str(cert)))
    assert context is not None and context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_none_is_http() -> None:
    assert tls_context(Network()) is None


def test_relative_files_lie_in_the_data_folder(tmp_path: Path) -> None:
    settings = load(tmp_path, {"network.tls_cert": "keys/hub.crt"})
    assert (settings.network.tls_cert, settings.network.tls_key) == (str(tmp_path / "keys/hub.crt"), "")


class TestBadFiles:
    def told(self, **network: Any) -> str:
        with pytest.raises(BadSettings) as refused:
            tls_context(Network(**network))
        return str(refused.value)

    def test_not_there(self, tmp_path: Path) -> None:
        told = self.told(tls_cert=str(tmp_path / "none.crt"))
        assert "none.crt (network.tls_cert) cannot be read: No such file" in told

    def test_a_key_alone(self) -> None:
        assert "network.tls_cert names no certificate" in self.told(tls_key="x")

    def test_no_pem(self, tmp_path: Path) -> None:
        (tmp_path / "odd").write_text("hello")
        assert "PEM" in self.told(tls_cert=str(tmp_path / "odd"))

    def test_a_certificate_without_its_key(self, tmp_path: Path) -> None:
        assert "network.tls_key" in self.told(tls_cert=str(certificate(tmp_path)[0]))

    def test_somebody_elses_key(self, tmp_path: Path) -> None:
        cert, _ = certificate(tmp_path, "one")
        _, key = certificate(tmp_path, "two")
        assert "does not belong to the certificate" in self.told(tls_cert=str(cert), tls_key=str(key))

    def test_a_locked_key(self, tmp_path: Path) -> None:
        cert, key = certificate(tmp_path, password=b"secret-words")
        told = self.told(tls_cert=str(cert), tls_key=str(key))
        assert "locked with a password" in told and "openssl" in told
