"""Which words are spoken and how the mouth moves for them: phonemes, durations, coarticulation.

Drawing the mouth is left to `core.demo.mouth`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import RushesError

FPS = 25.0  # frames per second of every speech clip

# The six numbers of a mouth: jaw opening 0..1, spread -1..1, rounding 0..1, lower lip under the upper teeth 0..1,
# tongue seen 0..1, teeth close together 0..1.
SHAPE_SIZE = 6
Shape = tuple[float, float, float, float, float, float]
REST: Shape = (0.03, 0.0, 0.0, 0.0, 0.0, 0.0)

Grammar = tuple[tuple[str, ...], ...]  # one row per place in the sentence, any word of the row

# The sentences of the GRID corpus: command, colour, preposition, letter, digit, adverb (51 words).
GRID_GRAMMAR: Grammar = (
    ("bin", "lay", "place", "set"),
    ("blue", "green", "red", "white"),
    ("at", "by", "in", "with"),
    tuple("abcdefghijklmnopqrstuvxyz"),
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("again", "now", "please", "soon"),
)
# What the demo's user says to an editing program (25 words, two of them GRID's).
USER_GRAMMAR: Grammar = (
    ("open", "close", "save", "play", "stop", "share", "move", "watch"),
    ("the", "my", "every", "this"),
    ("clip", "film", "rushes", "photo", "scene", "voice", "shot"),
    ("again", "please", "later", "first", "tomorrow", "twice"),
)

_SHAPES: dict[str, Shape] = {
    "P": (0.00, -0.05, 0.10, 0.0, 0.0, 0.0),
    "F": (0.12, 0.10, 0.00, 1.0, 0.0, 0.2),
    "TH": (0.22, 0.10, 0.00, 0.0, 1.0, 0.3),
    "T": (0.20, 0.25, 0.00, 0.0, 0.4, 0.5),
    "S": (0.15, 0.45, 0.00, 0.0, 0.0, 1.0),
    "L": (0.34, 0.10, 0.00, 0.0, 0.9, 0.2),
    "K": (0.30, 0.10, 0.00, 0.0, 0.0, 0.1),
    "Y": (0.18, 0.65, 0.00, 0.0, 0.0, 0.5),
    "R": (0.22, -0.30, 0.45, 0.0, 0.0, 0.3),
    "W": (0.12, -0.95, 1.00, 0.0, 0.0, 0.0),
    "SH": (0.26, -0.45, 0.75, 0.0, 0.0, 0.9),
    "IY": (0.22, 0.95, 0.00, 0.0, 0.0, 0.5),
    "IH": (0.30, 0.60, 0.00, 0.0, 0.0, 0.4),
    "EH": (0.50, 0.45, 0.00, 0.0, 0.0, 0.2),
    "AE": (0.70, 0.55, 0.00, 0.0, 0.2, 0.1),
    "AA": (1.00, 0.05, 0.00, 0.0, 0.2, 0.0),
    "AO": (0.75, -0.45, 0.65, 0.0, 0.0, 0.0),
    "AH": (0.52, 0.00, 0.00, 0.0, 0.0, 0.1),
    "ER": (0.34, -0.25, 0.40, 0.0, 0.0, 0.2),
    "UH": (0.28, -0.60, 0.65, 0.0, 0.0, 0.0),
    "UW": (0.18, -0.90, 1.00, 0.0, 0.0, 0.0),
}
# Sounds that look alike share a shape; what tells b from p on a face is, if anything, the length.
_LIKE: dict[str, str] = {
    "B": "P", "M": "P", "V": "F", "DH": "TH", "D": "T", "N": "T", "Z": "S", "G": "K", "NG": "K", "HH": "K",
    "CH": "SH", "JH": "SH", "ZH": "SH",
}  # fmt: skip
_GLIDES: dict[str, tuple[str, str]] = {
    "AY": ("AA", "IY"), "AW": ("AA", "UW"), "EY": ("EH", "IY"), "OW": ("AO", "UW"), "OY": ("AO", "IY"),
}  # fmt: skip
_VOWELS = frozenset({"IY", "IH", "EH", "AE", "AA", "AO", "AH", "ER", "UH", "UW"})
_VOICED = frozenset({"B", "V", "DH", "D", "Z", "G", "JH", "ZH", "M", "N", "NG"})
# Seconds, before the speaker's rate; a closed lip is short but always reached.
_VOWEL_S, _GLIDE_S, _CONSONANT_S, _VOICED_S = 0.125, 0.095, 0.080, 0.096
_WORD_S = 0.23  # a spoken word is never shorter (letters and digits are said with care)
_FIRM = {"P": 4.0, "F": 3.0, "TH": 2.0, "W": 2.0, "SH": 1.8, "S": 1.4, "UW": 1.6, "L": 1.4}

_SPOKEN: dict[str, str] = {
    "bin": "B IH N", "lay": "L EY", "place": "P L EY S", "set": "S EH T",
    "blue": "B L UW", "green": "G R IY N", "red": "R EH D", "white": "W AY T",
    "at": "AE T", "by": "B AY", "in": "IH N", "with": "W IH DH",
    "a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH", "i": "AY",
    "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY", "q": "K Y UW",
    "r": "AA R", "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "w": "D AH B L Y UW", "x": "EH K S",
    "y": "W AY", "z": "Z EH D",
    "zero": "Z IH R OW", "one": "W AH N", "two": "T UW", "three": "TH R IY", "four": "F AO R", "five": "F AY V",
    "six": "S IH K S", "seven": "S EH V AH N", "eight": "EY T", "nine": "N AY N",
    "again": "AH G EH N", "now": "N AW", "please": "P L IY Z", "soon": "S UW N",
    "open": "OW P AH N", "close": "K L OW Z", "save": "S EY V", "play": "P L EY", "stop": "S T AA P",
    "share": "SH EH R", "move": "M UW V", "watch": "W AA CH",
    "the": "DH AH", "my": "M AY", "every": "EH V R IY", "this": "DH IH S",
    "clip": "K L IH P", "film": "F IH L M", "rushes": "R AH SH IH Z", "photo": "F OW T OW", "scene": "S IY N",
    "voice": "V OY S", "shot": "SH AA T",
    "later": "L EY T ER", "first": "F ER S T", "tomorrow": "T AH M AO R OW", "twice": "T W AY S",
}  # fmt: skip
# Spelling to sound for words outside the table: longest match first; crude, but the same every time.
_SPELLING: tuple[tuple[str, str], ...] = (
    ("tion", "SH AH N"), ("igh", "AY"), ("sh", "SH"), ("ch", "CH"), ("th", "TH"), ("ph", "F"), ("wh", "W"),
    ("ck", "K"), ("ng", "NG"), ("qu", "K W"), ("ee", "IY"), ("ea", "IY"), ("oo", "UW"), ("ou", "AW"), ("ow", "OW"),
    ("ai", "EY"), ("ay", "EY"), ("oi", "OY"), ("oy", "OY"), ("er", "ER"), ("or", "AO R"), ("ar", "AA R"),
    ("a", "AE"), ("b", "B"), ("c", "K"), ("d", "D"), ("e", "EH"), ("f", "F"), ("g", "G"), ("h", "HH"), ("i", "IH"),
    ("j", "JH"), ("k", "K"), ("l", "L"), ("m", "M"), ("n", "N"), ("o", "AO"), ("p", "P"), ("q", "K"), ("r", "R"),
    ("s", "S"), ("t", "T"), ("u", "AH"), ("v", "V"), ("w", "W"), ("x", "K S"), ("y", "IY"), ("z", "Z"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class MouthTrack:
    """How one sentence moves the mouth.

    Attributes:
        shapes: (T, 6) float32, one mouth per frame at 25 frames per second.
        words: (first frame, frame after the last, word), in order; what no word covers is silence.
    """

    shapes: NDArray[np.float32]
    words: tuple[tuple[int, int, str], ...]


def vocabulary(grammar: Grammar) -> tuple[str, ...]:
    """All words of a grammar, each once, in the grammar's order."""
    return tuple(dict.fromkeys(word for place in grammar for word in place))


def make_sentence(grammar: Grammar, rng: np.random.Generator) -> str:
    """One sentence of the grammar, each place filled at random."""
    return " ".join(place[int(rng.integers(len(place)))] for place in grammar)


def phonemes(word: str) -> tuple[str, ...]:
    """The sounds of a word: from the table, else from its spelling.

    Raises:
        RushesError: when the word has no letter a-z.
    """
    known = _SPOKEN.get(word.lower())
    sounds = known.split() if known else _spelled(word.lower())
    if not sounds:
        raise RushesError("cannot be spoken", where=repr(word), do="Use words of the letters a to z.")
    return tuple(sounds)


def _spelled(word: str) -> list[str]:
    sounds: list[str] = []
    at = 0
    while at < len(word):
        match = next((pair for pair in _SPELLING if word.startswith(pair[0], at)), None)
        if match is not None:
            sounds.extend(match[1].split())
        at += len(match[0]) if match else 1
    return sounds


def _segments(word: str) -> list[tuple[str, float]]:
    """(shape name, seconds) for each target the mouth passes through in this word."""
    parts: list[tuple[str, float]] = []
    for sound in phonemes(word):
        if sound in _GLIDES:
            parts.extend((half, _GLIDE_S) for half in _GLIDES[sound])
        elif sound in _VOWELS:
            parts.append((sound, _VOWEL_S))
        else:
            parts.append((_LIKE.get(sound, sound), _VOICED_S if sound in _VOICED else _CONSONANT_S))
    stretch = max(1.0, _WORD_S / sum(seconds for _, seconds in parts))
    return [(name, seconds * stretch) for name, seconds in parts]


def speak(sentence: str, rng: np.random.Generator, rate: float = 1.0) -> MouthTrack:
    """The mouth's track for a sentence, with 0.2 to 0.4 s of silence at both ends.

    Targets are blended by dominance (Cohen and Massaro 1993): each pulls with exp(-(distance / reach)^2), so a
    short vowel between closed lips is not fully opened while the closure itself is always reached.

    Args:
        rate: above 1 speaks faster.
    """
    words = sentence.split()
    if not words:
        raise RushesError("has no words", where="the sentence", do="Give at least one word.")
    centres: list[float] = []
    lengths: list[float] = []
    targets: list[Shape] = []
    firmness: list[float] = []
    spans: list[tuple[float, float, str]] = []
    now = float(rng.uniform(0.2, 0.4))
    for word in words:
        start = now
        for name, seconds in _segments(word):
            length = seconds / rate * float(rng.uniform(0.88, 1.14))
            centres.append(now + length / 2)
            lengths.append(length)
            targets.append(_SHAPES[name])
            firmness.append(_FIRM.get(name, 1.0))
            now += length
        spans.append((start, now, word))
        now += float(rng.uniform(0.0, 0.05))  # words run into each other
    total = now + float(rng.uniform(0.2, 0.4))
    count = max(round(total * FPS), 1)
    track = _blend(np.arange(count) / FPS, centres, lengths, targets, firmness, spans[0][0], spans[-1][1])
    timings = tuple((round(a * FPS), max(round(b * FPS), round(a * FPS) + 1), word) for a, b, word in spans)
    return MouthTrack(track, timings)


def _blend(
    times: NDArray[np.float64],
    centres: Sequence[float],
    lengths: Sequence[float],
    targets: Sequence[Shape],
    firmness: Sequence[float],
    first: float,
    last: float,
) -> NDArray[np.float32]:
    distance = (times[:, None] - np.asarray(centres)) / (0.62 * np.asarray(lengths))
    pull = np.asarray(firmness) * np.exp(-(distance**2))  # (T, N)
    # Silence pulls with a constant weak force inside the sentence and fully outside of it.
    outside = np.maximum(np.maximum(first - times, times - last), 0.0)
    rest = 0.02 + 1.5 * (1.0 - np.exp(-((outside / 0.06) ** 2)))
    mixed = pull @ np.asarray(targets) + rest[:, None] * np.asarray(REST)
    return np.asarray(mixed / (pull.sum(axis=1) + rest)[:, None], dtype=np.float32)
