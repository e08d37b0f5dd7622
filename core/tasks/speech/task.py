"""Speech: reads a sentence from a talking face, without sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np

from core.errors import RushesError
from core.media.clip import Clip, DecodeSpec
from core.media.resample import steady
from core.store.codec import Codec
from core.store.records import Value
from core.tasks.base import Answer, Array, Features, ModelSpec, Task
from core.tasks.speech import decode, mouth, text
from core.tasks.speech.journal import CODEC
from core.tasks.speech.journal import TASK as NAME
from core.tasks.speech.language import Language

FPS = 25.0  # what the network was trained at
SHORTEST, LONGEST = 0.5, 30.0  # seconds
LONGEST_TEXT = 500  # characters


class Speech(Task):
    """Mouth crops in, a sentence out."""

    name: ClassVar[str] = NAME
    kind: ClassVar[Literal["label", "text", "score"]] = "text"
    medium: ClassVar[Literal["clip", "image"]] = "clip"
    decode_spec: ClassVar[DecodeSpec] = DecodeSpec(max_side=720, fps=FPS, mouth=True)
    features_version: ClassVar[str] = "mouth/1"
    decoder_version: ClassVar[str] = "beam/1"
    primary: ClassVar[str] = "wer"
    higher_is_better: ClassVar[bool] = False
    learner: ClassVar[str] = "core.tasks.speech.learner:SpeechLearner"
    codec: ClassVar[Codec] = CODEC
    keeps_face: ClassVar[bool] = True

    def __init__(self) -> None:
        empty: dict[str, Any] = {}
        self._language = (empty, Language.of(empty))

    def gate(self, clip: Clip) -> str | None:
        """Half a second to 30 seconds of moving picture."""
        if len(clip.times) < 2:
            return "is a still picture"
        if clip.duration < SHORTEST:
            return f"is too short ({clip.duration:.1f} s; at least {SHORTEST:g} s)"
        if clip.duration > LONGEST + 0.1:
            return f"is too long ({clip.duration:.0f} s; at most {LONGEST:.0f} s)"
        return None

    def extract(self, clip: Clip) -> Features:
        """{"crops": (T, 32, 64) uint8}, 25 a second.

        Raises:
            MediaError: no face was found, or in too few frames.
        """
        frames, track = clip.frames, clip.mouth
        if abs(clip.fps - FPS) > 0.5:
            shown = steady(clip.times, FPS)
            frames, track = frames[shown], None if track is None else track[shown]
        return {"crops": mouth.crops(frames, FPS, track=track)}

    def inputs(self, features: Sequence[Features]) -> dict[str, Array]:
        """crops (B, 1, T, 32, 64) float32, zero after a clip's end; lengths (B,) int64."""
        clips = [mouth.pictures(one["crops"]) for one in features]
        lengths = np.array([len(clip) for clip in clips], dtype=np.int64)
        crops = np.zeros((len(clips), 1, int(lengths.max()), mouth.HEIGHT, mouth.WIDTH), np.float32)
        for row, clip in enumerate(clips):
            crops[row, 0, : len(clip)] = clip
        return {"crops": crops, "lengths": lengths}

    def decode(self, outputs: Mapping[str, Array], spec: ModelSpec) -> list[Answer]:
        """Lower-case texts with the probability among the best texts found; None where the network gave no numbers.

        `raw` has "text" (what the lips alone said: the greedy text), "n_best" (texts) and "log_scores" (theirs).
        """
        language = self._language_of(spec)
        return [self._answer(logits, language, spec.temperature or 1.0) for logits in outputs["logits"]]

    def _answer(self, logits: Array, language: Language, temperature: float) -> Answer:
        if not np.isfinite(logits).all():
            return Answer(None, None, {"error": "the network gave no usable numbers"})
        found = decode.beam_search(logits, language)
        sure = decode.confidences(found, temperature)
        raw = {
            "text": decode.greedy(logits),
            "n_best": [one.text for one in found],
            "log_scores": [round(one.score, 4) for one in found],
        }
        others = tuple((one.text, chance) for one, chance in zip(found[1:], sure[1:], strict=True))
        return Answer(found[0].text, sure[0], raw, others)

    def _language_of(self, spec: ModelSpec) -> Language:
        # Building the letter tree of 4000 words takes 20 ms; a version's params never change.
        params, language = self._language
        if params is not spec.params:
            language = Language.of(spec.params)
            self._language = (spec.params, language)
        return language

    def default_spec(self) -> ModelSpec:
        """No lexicon: any characters in any order."""
        return ModelSpec(
            task=self.name,
            features=self.features_version,
            decoder=self.decoder_version,
            params={"alphabet": text.ALPHABET},
        )

    def parse(self, text: str, spec: ModelSpec) -> Value:  # noqa: ARG002 - every version reads every text
        """The sentence as typed, capitals and punctuation included, on one line."""
        return _sentence(text)

    def equal(self, left: Value, right: Value) -> bool:
        """Equal words; capitals, punctuation and spaces do not count."""
        return text.equal(str(left), str(right))

    def score(self, truths: Sequence[Value], answers: Sequence[Answer]) -> dict[str, float]:
        """wer and cer (0 = right, can exceed 1), exact (share of whole sentences)."""
        said = [str(truth) for truth in truths]
        read = ["" if answer.value is None else str(answer.value) for answer in answers]
        return {
            "wer": text.word_error_rate(said, read),
            "cer": text.character_error_rate(said, read),
            "exact": text.exact_rate(said, read),
        }

    def loss_of(self, truth: Value, answer: Answer) -> float:
        """Word errors per word of the truth."""
        read = "" if answer.value is None else str(answer.value)
        return text.word_errors(str(truth), read) / max(1, len(text.words(str(truth))))

    def golden(self, spec: ModelSpec) -> dict[str, Array]:  # noqa: ARG002 - the same for every version
        """Two moving patterns of 24 and 17 frames."""
        rng = np.random.default_rng(3)
        down, across = np.mgrid[0 : mouth.HEIGHT, 0 : mouth.WIDTH]
        clips: list[Features] = []
        for count in (24, 17):
            phase = np.cumsum(rng.uniform(0.1, 0.6, count))[:, None, None]
            waves = np.sin(down / 5 + phase) * np.cos(across / 9 - phase)
            clips.append({"crops": (127 + 90 * waves + rng.normal(0, 8, waves.shape)).clip(0, 255).astype(np.uint8)})
        return self.inputs(clips)


def _sentence(typed: str) -> str:
    if any(not char.isprintable() and not char.isspace() for char in typed):
        raise RushesError("holds signs that cannot be printed", where="the text", do="Type plain words.")
    sentence = " ".join(typed.split())
    if not text.words(sentence):
        raise RushesError("holds no words", where="the text", do="Type what was said.")
    if len(sentence) > LONGEST_TEXT:
        raise RushesError(f"is {len(sentence)} characters long", where="the text", do=f"{LONGEST_TEXT} are allowed.")
    return sentence


TASK = Speech()
