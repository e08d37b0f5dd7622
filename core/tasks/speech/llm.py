"""The optional second opinion: a local language model, asked over HTTP to mend words the lips were misread in.

Speaks the OpenAI-compatible /chat/completions, which Ollama, llama.cpp and others serve. Sends text, never pictures.
Nothing here raises: a model that is away or talks nonsense is a state with its reason, and the raw text stands.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from core import untrusted

LlmState = Literal["off", "waiting", "failed", "done"]

ANSWER_BYTES = 1 << 20  # more than that is no sentence
MOST_EXAMPLES = 12
PROMPT = (
    "You mend transcripts of lip reading. The reader confuses words that look alike on the lips. "
    "Replace only words that look misread so that the sentence makes sense; add no words and leave none out "
    "unless the examples show it. Use normal capitals and end with a full stop, question mark or exclamation mark. "
    "Answer with the sentence alone: no quotes, no explanation."
)


@dataclass(frozen=True, slots=True)
class LlmParams:
    """Which model to ask, and how.

    Attributes:
        base_url: up to and including /v1.
        api_key: sent as a bearer token when given.
        timeout_s: for connecting and for each read, seconds.
    """

    base_url: str = "http://127.0.0.1:11434/v1"
    model: str = "qwen3:4b"
    api_key: str | None = None
    timeout_s: float = 20.0
    temperature: float = 0.0


@dataclass(frozen=True, slots=True)
class LlmResult:
    """What came of asking: `text` only when done, `error` only when failed."""

    state: LlmState
    text: str | None = None
    error: str | None = None


OFF = LlmResult("off")
WAITING = LlmResult("waiting")


def correct_text(raw: str, examples: Sequence[tuple[str, str]], params: LlmParams | None) -> LlmResult:
    """Ask for a mended text; blocks for up to the time-out, so call it from a thread.

    Args:
        raw: what the lip reader said.
        examples: (raw, truth) pairs of past corrections of the training side, the newest last; the last 12 are sent.
        params: None = off.
    """
    import httpx  # 0.3 s to import, and most people leave this off

    if params is None:
        return OFF
    if not raw.strip():
        return LlmResult("failed", error="there is no text to mend")
    try:
        answer = _post(request(raw, examples, params), params)
    except httpx.TimeoutException:
        return LlmResult("failed", error=f"{params.base_url} gave no answer within {params.timeout_s:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        return LlmResult("failed", error=f"{params.base_url} cannot be asked: {problem or type(problem).__name__}")
    except ValueError as problem:
        return LlmResult("failed", error=f"{params.base_url} {problem}")
    mended = _sentence(answer)
    if not mended or len(mended) > 3 * len(raw) + 80:
        return LlmResult("failed", error=f"{params.model} answered with something that is not a transcript")
    return LlmResult("done", text=mended)


def request(raw: str, examples: Sequence[tuple[str, str]], params: LlmParams) -> dict[str, Any]:
    """The body of the question: instructions, past corrections as turns of the talk, then the text."""
    turns = [{"role": "system", "content": PROMPT}]
    for said, truth in list(examples)[-MOST_EXAMPLES:]:
        turns += [{"role": "user", "content": said.upper()}, {"role": "assistant", "content": truth}]
    turns.append({"role": "user", "content": raw.upper()})
    return {"model": params.model, "messages": turns, "temperature": params.temperature, "stream": False}


def _post(body: dict[str, Any], params: LlmParams) -> str:
    import httpx

    headers = {"Authorization": f"Bearer {params.api_key}"} if params.api_key else {}
    url = params.base_url.rstrip("/") + "/chat/completions"
    # A proxy from the environment must not see what is meant for this machine.
    with (
        httpx.Client(timeout=params.timeout_s, trust_env=not _here(url)) as client,
        client.stream("POST", url, json=body, headers=headers) as response,
    ):
        if response.status_code != 200:
            raise ValueError(f"answered with status {response.status_code}")
        content, until = b"", time.monotonic() + 3 * params.timeout_s
        for block in response.iter_bytes():
            content += block
            if time.monotonic() > until:  # each read may take the time-out; a trickle must not go on for ever
                raise ValueError("answers too slowly")
            if len(content) > ANSWER_BYTES:
                raise ValueError("answered with more than 1 MB")
    return _content(content)


def _content(body: bytes) -> str:
    try:
        answer = untrusted.loads(body)["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError):
        answer = None
    if not isinstance(answer, str):
        raise ValueError("answered in a form that is not a chat completion")
    return answer


def _sentence(answer: str) -> str:
    """The sentence alone: thinking aloud, quotes and line breaks go."""
    answer = re.sub(r"<think>.*?(</think>|$)", " ", answer, flags=re.DOTALL)
    answer = " ".join("".join(char if char.isprintable() else " " for char in answer).split())
    return answer.strip("\"'`\u201c\u201d ").strip()


def _here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
