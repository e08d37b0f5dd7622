"""Images named by an address, fetched once into `cache/images/`.

Nothing leaves the machine unless the user says so: a manifest the user passes is the user's word, and only what it
names is asked for. What comes back is kept when it decodes as an image, never shown or run.
"""

from __future__ import annotations

import hashlib
import re
import ssl
import time
from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urljoin, urlsplit, urlunsplit

from core.errors import MediaError
from core.files import replacing
from core.log import logger
from core.workspace import Workspace

if TYPE_CHECKING:
    import httpx

SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
MEGABYTE = 1_000_000
SUFFIXES = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp", b"BM": ".bmp"}


def is_address(text: str) -> bool:
    """Whether a manifest's cell is an address (of any scheme) rather than a path."""
    return re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None


def name_of(url: str) -> str:
    """The last part of an address's path, as a file would be called."""
    parts = _split(url)
    return (Path(unquote(parts.path)).name if parts else "") or "image"


def shown(url: str) -> str:
    """An address as logs and messages may show it: no user, password, query (tokens) or fragment."""
    parts = _split(url)
    if parts is None:
        return "(a damaged address)"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def without_user(url: str) -> str:
    """An address as journals and manifests keep it: no user and password."""
    parts = _split(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])) if parts else url


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url)
    except ValueError:  # for instance a bracket that is not closed
        return None


def fetch(space: Workspace, url: str) -> Path:
    """The image behind an address, from the cache or the network; at most `dataset.max_image_mb`.

    Raises:
        MediaError: it cannot be reached, is refused, too large, too slow, or no image. Nothing is kept then.
    """
    stem = space.cache / "images" / hashlib.sha256(url.encode()).hexdigest()
    for suffix in SUFFIXES.values():
        if (known := stem.with_name(stem.name + suffix)).exists():
            return known
    try:
        return _fetched(space, url, stem)
    except MediaError as error:
        logger.warning("%s: %s", shown(url), error.what)
        raise
    except OSError as error:
        raise MediaError(f"cannot be kept ({error.strerror})", where=shown(url)) from None


def _fetched(space: Workspace, url: str, stem: Path) -> Path:
    from core.media.images import read_image

    data = _download(url, space.settings.dataset.max_image_mb, space.settings.dataset.fetch_timeout_s)
    suffix = next((suffix for start, suffix in SUFFIXES.items() if data.startswith(start)), None)
    if suffix is None:
        raise MediaError("is not an image", where=shown(url))
    target = stem.with_name(stem.name + suffix)
    with replacing(target) as temporary:
        temporary.write_bytes(data)
        try:
            read_image(temporary)
        except MediaError as error:
            raise MediaError(error.what, where=shown(url)) from None
    return target


def _download(url: str, max_mb: float, timeout_s: float) -> bytes:
    deadline = time.monotonic() + timeout_s
    try:
        return _bytes(url, int(max_mb * MEGABYTE), timeout_s, deadline)
    except SlowError:
        raise MediaError(f"took longer than {timeout_s:g} s", where=shown(url)) from None
    except TooLargeError:
        raise MediaError(f"is larger than {max_mb:g} MB", where=shown(url)) from None


class SlowError(Exception):
    """The time is over."""


class TooLargeError(Exception):
    """More bytes came than may."""


def _bytes(url: str, most: int, timeout_s: float, deadline: float) -> bytes:
    import httpx  # 110 ms

    # Redirects are followed here, so that every step's scheme is seen; without compression bytes are what they weigh.
    headers = {"accept": "image/*", "accept-encoding": "identity"}
    try:
        with httpx.Client(verify=_certificates(), timeout=timeout_s, headers=headers) as client:
            return _follow(client, url, most, deadline)
    except httpx.TimeoutException:
        raise SlowError from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise MediaError(f"cannot be reached ({type(error).__name__})", where=shown(url)) from None


@cache
def _certificates() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()  # 30 ms, too much for every image


def _follow(client: httpx.Client, url: str, most: int, deadline: float) -> bytes:
    current = url
    for _ in range(MOST_REDIRECTS + 1):
        _require_scheme(current, url)
        with _answer(client, current, deadline) as response:
            if response.has_redirect_location:
                current = urljoin(current, response.headers["location"])
                continue
            if response.status_code != 200:
                raise MediaError(f"cannot be fetched (HTTP {response.status_code})", where=shown(url))
            return _body(response, most, deadline)
    raise MediaError("redirects too often", where=shown(url))


@contextmanager
def _answer(client: httpx.Client, url: str, deadline: float) -> Generator[httpx.Response]:
    left = deadline - time.monotonic()
    if left <= 0:
        raise SlowError
    with client.stream("GET", url, timeout=left) as response:
        yield response


def _require_scheme(url: str, asked: str) -> None:
    parts = _split(url)
    if parts is None or parts.scheme.lower() not in SCHEMES:
        what = "is not an http or https address" if url == asked else "redirects to something that is not http or https"
        raise MediaError(what, where=shown(asked))
    if not parts.hostname:
        raise MediaError("names no host", where=shown(asked))


def _body(response: httpx.Response, most: int, deadline: float) -> bytes:
    claimed = response.headers.get("content-length", "")
    if claimed.isdigit() and int(claimed) > most:
        raise TooLargeError
    data = bytearray()
    for block in response.iter_raw():
        data += block
        if len(data) > most:
            raise TooLargeError
        if time.monotonic() > deadline:
            raise SlowError
    return bytes(data)
