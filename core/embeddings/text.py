"""Texts as vectors: hashed words and pieces of words. Nothing is learnt, so equal texts are equal everywhere, always.

fastembed's sentence model is used only where it is installed and its model lies on this machine already.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from core.embeddings.types import Vector, VectorError

HASHED = "text-ngrams/1"
SENTENCES = "fastembed-bge-small-en/1"
MODEL = "BAAI/bge-small-en-v1.5"
SIZE = 512
PIECES = (3, 4, 5)  # letters
WORD, PAIR, PIECE = 1.0, 0.7, 0.35  # weight: a shared word says more than a shared piece of one
_WORDS = re.compile(r"\w+")


def hashed(text: str) -> Vector:
    """(512,) float32: signed feature hashing (Weinberger 2009) of words, word pairs and pieces of 3 to 5 letters.

    Each feature adds weight * (1 + log(count)) at the place and with the sign that its CRC-32 says. Upper and lower
    case, and ways to write the same sign, make no difference.

    Raises:
        VectorError: there is no letter or digit in it.
    """
    found = np.zeros(SIZE, np.float32)
    for (weight, feature), count in Counter(_features(text)).items():
        code = zlib.crc32(feature.encode("utf-8", "replace"))
        found[code % SIZE] += (1.0 if code & 0x80000000 else -1.0) * weight * (1 + np.log(count))
    if not found.any():
        raise VectorError("the text has no words", where=text[:40])
    return found


def _features(text: str) -> Iterator[tuple[float, str]]:
    words = _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())[:5000]
    for word in words:
        yield WORD, f"w {word}"
        marked = f"<{word[:60]}>"
        for size in PIECES:
            for start in range(len(marked) - size + 1):
                yield PIECE, f"c {marked[start : start + size]}"
    for pair in pairwise(words):
        yield PAIR, f"p {' '.join(pair)}"


def sentence(text: str) -> Vector:
    """(384,) float32 from fastembed's model; never downloads it.

    Raises:
        VectorError: fastembed or its model is not on this machine.
    """
    try:
        from fastembed import TextEmbedding  # pyright: ignore[reportMissingImports]  # optional

        model = TextEmbedding(MODEL, local_files_only=True)
    except ImportError:
        raise VectorError("fastembed is not installed", do=f"Use {HASHED}, or install fastembed.") from None
    except (ValueError, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise VectorError(
            f"fastembed's model is not on this machine ({reason})", where=MODEL, do=f"Use {HASHED}."
        ) from None
    return np.asarray(next(iter(model.embed([text]))), dtype=np.float32)


def encode(text: str, encoder_id: str = HASHED) -> Vector:
    """A text's vector by one of the encoders above.

    Raises:
        VectorError: no such encoder, or it cannot work.
    """
    if encoder_id == HASHED:
        return hashed(text)
    if encoder_id == SENTENCES:
        return sentence(text)
    raise VectorError(f"{encoder_id!r} encodes no texts here", do=f"Use {HASHED} or {SENTENCES}.")
