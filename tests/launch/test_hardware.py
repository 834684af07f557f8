"""Which build of torch is looked for, and whether an index is asked at all."""

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest

from hub.setup import hardware
from hub.setup.hardware import CPU_INDEX, CUDA_INDEX, answers, torch_indexes, warning


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A web server that knows /here and answers 404 elsewhere."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200 if self.path == "/here" else 404)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_an_index_counts_when_it_answers_with_success(server: str) -> None:
    assert answers(server + "/here")
    assert not answers(server + "/gone")


def test_one_that_stays_silent_costs_no_more_than_the_limit() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        # Without its limit it would never come back.
        assert not answers(f"http://127.0.0.1:{silent.getsockname()[1]}/", within_s=0.3)


@pytest.mark.parametrize(
    ("accelerator", "platform", "index"),
    [
        ("cpu", "linux", CPU_INDEX),
        ("cuda", "linux", None),
        ("cuda", "win32", CUDA_INDEX),
        ("cpu", "win32", None),
        ("cpu", "darwin", None),
        ("mps", "darwin", None),
        ("rocm", "linux", None),
    ],
)
def test_only_where_pypi_has_the_wrong_build_another_index_is_asked(
    accelerator: str, platform: str, index: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUB_TORCH_INDEX", raising=False)
    asked: list[str] = []

    def answer(url: str) -> bool:
        asked.append(url)
        return True

    monkeypatch.setattr(hardware, "answers", answer)
    assert torch_indexes(accelerator, platform) == ((index,) if index else ())
    assert len(asked) == (1 if index else 0)


def test_an_index_that_does_not_answer_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUB_TORCH_INDEX", raising=False)
    monkeypatch.setattr(hardware, "answers", lambda url: False)
    assert torch_indexes("cpu", "linux") == ()
    assert "several GB" in str(warning("cpu", "linux"))


def test_a_person_may_name_the_index_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TORCH_INDEX", "https://mirror.example/rocm")
    assert torch_indexes("rocm", "linux") == ("https://mirror.example/rocm",)
    monkeypatch.setenv("HUB_TORCH_INDEX", "")
    assert torch_indexes("cpu", "linux") == ()


@pytest.mark.parametrize(
    ("accelerator", "platform", "word"),
    [("rocm", "linux", "HUB_TORCH_INDEX"), ("cuda", "linux", None), ("cpu", "win32", None)],
)
def test_what_is_said_before(accelerator: str, platform: str, word: str | None) -> None:
    told = warning(accelerator, platform)
    assert (word in told) if word and told else told is None
