"""Makes hostile input from good input: a seeded `Random` decides everything, so a finding can be made again."""

from __future__ import annotations

import json
from random import Random
from typing import Any

STEERING = ("\x1b[31mred\x1b[0m", "\x1b]52;c;Zm9v\x07", "\x9b2J", "\u202egnp.exe", "bell\x07",
            "[red]markup[/red]", "[/]",
            "two\nlines", "tab\tulator", "nul\0", "\ud800", "\U000e0041", "\u2066left", "{{ 7 * 7 }}",
            "<script>alert(1)</script>", "%s%n", "' OR 1=1 --", "a" * 5000)  # fmt: skip
PATHS = ("../../../../etc/passwd", "/etc/passwd", "/dev/zero", "..", ".", "", "training_data/../../x", "\0", "~root/x",
         "file:///etc/passwd", "C:\\x", "a/" * 500, "//x", "x" * 300, "models/ratings/../../../up")  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63, -(2**63) - 1, 10**40, 10**400, 0.1, -0.0, 1e308, 5e-324, float("nan"),
           float("inf"), float("-inf"), 1e18, 253402300800, -62135596801)  # fmt: skip


def junk(rng: Random, depth: int = 3) -> Any:
    """Any JSON value, mostly an unkind one."""
    kind = rng.randrange(9 if depth else 6)
    if kind == 0:
        return rng.choice(NUMBERS)
    if kind == 1:
        return rng.choice(STEERING)
    if kind == 2:
        return rng.choice(PATHS)
    if kind == 3:
        return rng.choice((None, True, False, "", [], {}))
    if kind == 4:
        return "".join(chr(rng.choice((rng.randrange(32), rng.randrange(0x20, 0x7F), rng.randrange(0x80, 0x3000))))
                       for _ in range(rng.randrange(12)))  # fmt: skip
    if kind == 5:
        return rng.uniform(-2, 2)
    if kind == 6:
        return [junk(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind == 7:
        return {str(junk(rng, 0))[:30]: junk(rng, depth - 1) for _ in range(rng.randrange(4))}
    deep: Any = 1
    for _ in range(rng.choice((5, 90, 150, 900))):
        deep = [deep] if rng.random() < 0.5 else {"a": deep}
    return deep


def changed(rng: Random, good: Any) -> Any:
    """The value with something in it exchanged, taken away or added; at random depth."""
    if isinstance(good, dict) and good and rng.random() < 0.9:
        name = rng.choice(list(good))
        how = rng.random()
        if how < 0.15:
            return {key: value for key, value in good.items() if key != name}
        if how < 0.25:
            return good | {str(junk(rng, 0))[:40]: junk(rng)}
        return good | {name: changed(rng, good[name]) if rng.random() < 0.5 else junk(rng)}
    if isinstance(good, list) and good and rng.random() < 0.8:
        at = rng.randrange(len(good))
        return [*good[:at], changed(rng, good[at]), *good[at + rng.randrange(2) :]]
    return junk(rng)


def dumped(value: Any) -> str:
    """The value as JSON text that spells what JSON should not hold (NaN, huge numbers, lone surrogates)."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "[" * 1200 + "]" * 1200


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def spoilt(rng: Random, good: bytes) -> bytes:
    """The bytes with some of them flipped, cut out, doubled, or replaced."""
    data = bytearray(good)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        if not data:
            break
        at = rng.randrange(len(data))
        span = rng.choice((1, 1, 4, 30, 300))
        how = rng.randrange(5)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            del data[at : at + span]
        elif how == 2:
            data[at:at] = data[at : at + span]
        elif how == 3:
            data[at : at + span] = rng.randbytes(span)
        else:
            data[at:at] = rng.choice((b"\0", b"\xff\xfe", b"\x1b[2J", b"[[[[", b'{"a":', b"NaN", b"1e999", b"\r",
                                      b"\\u0000", b"-", b'"', b"9" * 30))  # fmt: skip
    return bytes(data)


def document(rng: Random, good: Any) -> bytes:
    """A JSON document: changed in meaning, in bytes, or random."""
    how = rng.random()
    if how < 0.7:
        return encoded(dumped(changed(rng, good)))
    if how < 0.9:
        return spoilt(rng, encoded(dumped(good)))
    return rng.choice((b"", b"null", b"[]", b"{}", b"\0" * 50, b"[" * 100_000, b'"' + b"x" * 1_000_000,
                       rng.randbytes(200), b"\xef\xbb\xbf{}", b"1" * 10_000))  # fmt: skip


def hostile_line(rng: Random, good: list[bytes]) -> bytes:
    """A line for a journal with these good lines: one of them changed or spoilt, or another document."""
    how = rng.random()
    source = rng.choice(good)
    if how < 0.7:
        line = json.loads(source)
        # A changed line that still names a good sample would be a later word on it, which counts.
        line |= {"sample": "other", "id": "other", "batch": f"b{rng.random()}"} if rng.random() < 0.9 else {}
        return encoded(dumped(changed(rng, line)))
    if how < 0.8:
        return spoilt(rng, source.replace(b'"sample": "', b'"sample": "x'))
    return document(rng, {"framePath": "x.jpg", "rating": 0.5})
