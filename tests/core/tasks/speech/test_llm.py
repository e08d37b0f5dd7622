"""The language model beside the lips, against a real server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from core.tasks.speech.llm import LlmParams, correct_text


@dataclass
class Served:
    """What the server answers and what it was asked."""

    params: LlmParams
    reply: bytes = b""
    status: int = 200
    hold: threading.Event | None = None
    asked: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    keys: list[str | None] = field(default_factory=list[str | None])

    def say(self, content: object) -> None:
        self.reply = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()


@pytest.fixture
def served() -> Iterator[Served]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            state.keys.append(self.headers.get("Authorization"))
            body = self.rfile.read(int(self.headers["Content-Length"]))
            state.asked.append({"path": self.path, **json.loads(body)})
            if state.hold is not None:
                state.hold.wait(60)
            self.send_response(state.status)
            self.send_header("Content-Length", str(len(state.reply)))
            self.end_headers()
            self.wfile.write(state.reply)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server names it so
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Served(LlmParams(base_url=f"http://127.0.0.1:{server.server_port}/v1", timeout_s=60.0))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield state
    if state.hold is not None:
        state.hold.set()
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_mended_text_comes_back_without_the_models_thinking_and_quotes(served: Served) -> None:
    served.say('<think>read or red?\nread.</think>\n"I have read many books."')
    result = correct_text("i have red many books", [], served.params)
    assert (result.state, result.text, result.error) == ("done", "I have read many books.", None)


def test_past_corrections_are_sent_as_examples_the_newest_last(served: Served) -> None:
    served.say("Bin blue.")
    pairs = [(f"raw {number}", f"Truth {number}.") for number in range(20)]
    correct_text("pin blue", pairs, replace(served.params, api_key="k"))
    asked = served.asked[0]
    assert asked["path"] == "/v1/chat/completions"
    assert [turn["role"] for turn in asked["messages"]] == ["system", *["user", "assistant"] * 12, "user"]
    assert [turn["content"] for turn in asked["messages"]][-3:] == ["RAW 19", "Truth 19.", "PIN BLUE"]
    assert served.keys == ["Bearer k"]


def test_a_proxy_from_the_environment_never_sees_what_stays_on_this_machine(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    served.say("Bin blue.")
    assert correct_text("pin blue", [], served.params).state == "done"


def test_off_asks_nobody() -> None:
    assert correct_text("bin blue", [], None).state == "off"


@pytest.mark.parametrize(
    ("status", "reply", "why"),
    [
        (500, b"{}", "status 500"),
        (302, b"", "status 302"),
        (200, b"<html>", "not a chat completion"),
        (200, b'{"choices": []}', "not a chat completion"),
        (200, b'{"choices": [{"message": {"content": null}}]}', "not a chat completion"),
        (200, b'{"choices": [{"message": {"content": "<think>hm"}}]}', "not a transcript"),
        (200, json.dumps({"choices": [{"message": {"content": "Sure! " * 100}}]}).encode(), "not a transcript"),
        (200, b"x" * ((1 << 20) + 1), "more than 1 MB"),
    ],
)
def test_nonsense_is_a_failure_with_its_reason(served: Served, status: int, reply: bytes, why: str) -> None:
    served.status, served.reply = status, reply
    result = correct_text("bin blue", [], served.params)
    assert result.state == "failed"
    assert result.text is None
    assert why in (result.error or "")


def test_a_model_that_is_away_or_too_slow_is_a_failure_with_its_reason(served: Served) -> None:
    away = correct_text("bin blue", [], LlmParams(base_url="http://127.0.0.1:9/v1"))
    assert away.state == "failed"
    assert "http://127.0.0.1:9/v1 cannot be asked" in (away.error or "")
    served.hold = threading.Event()
    slow = correct_text("bin blue", [], replace(served.params, timeout_s=0.2))
    assert "no answer within 0.2 s" in (slow.error or "")
    assert correct_text("bin", [], LlmParams(base_url="not a url")).state == "failed"
