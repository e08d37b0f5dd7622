"""The screens in a browser, in a real headless Chromium where there is one; the door in front of them everywhere."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A running `rushes web` on a new workspace, and the address it printed."""
    command = [sys.executable, "-m", "tui.cli", "web", "--workspace", str(tmp_path / "ws")]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield server.stdout.readline().strip()
    server.terminate()
    assert server.wait(60) == 0


async def status(url: str, **headers: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers, allow_redirects=False) as answer:
        return answer.status


async def test_without_the_token_from_another_page_or_under_another_name_nothing_opens(address: str) -> None:
    found = urlsplit(address)
    origin = f"{found.scheme}://{found.netloc}"
    assert await status(f"{origin}/") == 403
    assert await status(f"{origin}/ws") == 403
    assert await status(f"{origin}/?token=wrong") == 403
    assert await status(address, Origin="http://elsewhere.example") == 403
    assert await status(address, Host=f"elsewhere.example:{found.port}") == 403
    assert await status(address) == 302
    cookie = f"rushes={found.query.removeprefix('token=')}"
    assert await status(f"{origin}/", Cookie=cookie) == 200


class Page:
    """One tab, driven by the browser's own protocol."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.asked: list[str] = []
        self.number = 0

    async def call(self, method: str, **params: Any) -> Any:
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": params})
        while True:
            message = json.loads((await self.socket.receive()).data)
            if message.get("method") == "Network.requestWillBeSent":
                self.asked.append(message["params"]["request"]["url"])
            if message.get("method") == "Network.webSocketCreated":
                self.asked.append(message["params"]["url"])
            if message.get("id") == self.number:
                return message.get("result", message)

    async def until(self, expression: str) -> None:
        for _ in range(600):
            found = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
            if found["result"].get("value"):
                return
            await asyncio.sleep(0.1)
        pytest.fail(f"never true in the page: {expression}")


@asynccontextmanager
async def tab(profile: Path) -> AsyncGenerator[Page]:
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"]
    browser = await asyncio.create_subprocess_exec(
        CHROMIUM, *flags, f"--user-data-dir={profile}", "about:blank",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert browser.stderr is not None
        line = b""
        while b"DevTools listening" not in line:
            line = await asyncio.wait_for(browser.stderr.readline(), 60)
            assert line, "the browser ended"
        port = urlsplit(line.split()[-1].decode()).port
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                (target,) = [one for one in await answer.json() if one["type"] == "page"]
            async with session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        browser.kill()
        await browser.wait()


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
async def test_in_a_browser_the_screens_draw_take_keys_and_ask_no_other_host(address: str, tmp_path: Path) -> None:
    async with tab(tmp_path / "profile") as page:
        await page.call("Network.enable")
        await page.call("Page.enable")
        await page.call("Page.navigate", url=address)
        await page.until("document.body.classList.contains('-first-byte')")
        await page.until("document.querySelector('.xterm') !== null")
        await page.until(
            "(document.querySelector('.xterm-helper-textarea').focus(), document.activeElement.tagName == 'TEXTAREA')"
        )
        key = {"key": "q", "code": "KeyQ", "windowsVirtualKeyCode": 81}
        await page.call("Input.dispatchKeyEvent", type="keyDown", text="q", **key)
        await page.call("Input.dispatchKeyEvent", type="keyUp", **key)
        await page.until("document.body.classList.contains('-closed')")
        hosts = {urlsplit(url).netloc for url in page.asked if not url.startswith(("data:", "blob:", "about:"))}
    assert hosts == {urlsplit(address).netloc}
