"""Text from outside as it may reach a terminal, a log or a page: what would steer those is written out instead.

Every place that shows foreign text (labels, names, errors, metadata) goes through here and nowhere else.
"""

from __future__ import annotations

import re

# Controls (C0, DEL, C1: U+009B alone begins a sequence), signs without a width that turn the reading order or hide,
# line and paragraph separators, halves of surrogate pairs, and tags. Joiners stay: scripts and emoji need them.
_STEERING = (
    "\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f"
)
_UNSAFE = re.compile(f"[{_STEERING}]")
PICTURES = 0x2400  # Unicode's own pictures of the controls: U+241B is a small ESC


def visible(text: object, keep: str = "") -> str:
    r"""The text with everything that steers written out as in a Python string: `\x1b`, `\u202e`.

    Args:
        keep: signs that stay as they are, such as a newline where lines are ours.
    """
    return _UNSAFE.sub(lambda found: _escape(found[0], keep), str(text))


def is_safe(text: str) -> bool:
    """Whether nothing in the text steers; costs a look in C."""
    return text.isprintable() or _UNSAFE.search(text) is None


def drawn(text: str) -> str:
    """The text with one cell for each sign that steers, for grids whose columns must not move."""
    return _UNSAFE.sub(lambda found: _picture(found[0]), text)


def json_safe(document: str) -> str:
    r"""A JSON document that means the same and steers nothing: such signs in its texts become `\uXXXX`."""
    return _UNSAFE.sub(lambda found: _unit(found[0]), document)


def _escape(sign: str, keep: str) -> str:
    return sign if sign in keep else repr(sign)[1:-1]


def _picture(sign: str) -> str:
    code = ord(sign)
    if code < 0x20:
        return chr(PICTURES + code)
    return "\u2421" if code == 0x7F else "\ufffd"


def _unit(sign: str) -> str:
    if sign in "\n\r\t":  # between the parts of an indented document; inside texts JSON escapes them itself
        return sign
    code = ord(sign)
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
