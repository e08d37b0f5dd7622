"""Scenes: a label for 1 to 30 seconds of video and its sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from core.errors import MediaError, RushesError
from core.media.clip import Clip, DecodeSpec
from core.store.records import Value
from core.tasks.base import Answer, Array, Features, ModelSpec, Task, float32
from core.tasks.scenes import audio, looks, metrics, motion
from core.tasks.scenes.journal import CODEC

LABELS = ("action", "dialogue", "suspense", "atmosphere", "transition")
SHORTEST_S = 0.9  # a scene of one second may lose a frame at either end
LONGEST_S = 30.5
MEASURED = (*motion.NAMES, *looks.NAMES, *audio.NAMES)


class Scenes(Task):
    """See DESIGN 6. Clips are looked at in one size and frame rate, so that neither can give a label away."""

    name = "scenes"
    kind = "label"
    medium = "clip"
    decode_spec = DecodeSpec(max_side=256, fps=12.5, sound=True)
    features_version = "scene/1"
    decoder_version = "softmax/1"
    primary = "accuracy"
    higher_is_better = True
    learner = "core.tasks.scenes.learner:ScenesLearner"
    codec = CODEC
    cuts_scenes = True

    def gate(self, clip: Clip) -> str | None:
        """1 to 30 seconds of moving pictures."""
        if len(clip.times) < 2:
            return "is a still, scenes need moving pictures"
        if clip.duration < SHORTEST_S:
            return f"is too short ({clip.duration:.1f} s, at least 1 s is needed)"
        if clip.duration > LONGEST_S:
            return f"is too long ({clip.duration:.0f} s, at most 30 s); cut it into scenes first"
        return None

    def extract(self, clip: Clip) -> Features:
        """`frames` (8, 3, 112, 112) uint8, `measured` (D,) float32 (NaN: no sound), `has_sound` (1,) uint8."""
        reason = self.gate(clip)
        if reason:
            raise MediaError(reason)
        parts = (motion.measure(clip.frames, clip.times), looks.measure(clip.frames), audio.measure(clip.sound))
        return {
            "frames": looks.sample(clip.frames),
            "measured": float32(np.concatenate(parts)),
            "has_sound": np.array([clip.sound is not None], dtype=np.uint8),
        }

    def inputs(self, features: Sequence[Features]) -> dict[str, Array]:
        """`frames` (B, 8, 3, 112, 112) uint8 and `measured` (B, D) float32.

        Whether there is a sound track says more about the recorder than about the scene: the network does not see it.
        """
        return {
            "frames": np.stack([one["frames"] for one in features]),
            "measured": float32([one["measured"] for one in features]),
        }

    def journal_extra(self, clip: Clip, features: Features) -> dict[str, Any]:
        """Seed 000's audioFeatures; nothing where there is no sound."""
        del features
        heard = audio.audio_features(clip.sound)
        return {"audioFeatures": heard} if heard else {}

    def decode(self, outputs: Mapping[str, Array], spec: ModelSpec) -> list[Answer]:
        """The likeliest label of `logits` (B, C), with softmax probabilities at the version's temperature."""
        return [_answer(row.astype(np.float64), spec) for row in outputs["logits"]]

    def default_spec(self) -> ModelSpec:
        """The five default labels."""
        return ModelSpec(
            task=self.name, features=self.features_version, decoder=self.decoder_version, labels=LABELS, params={}
        )

    def parse(self, text: str, spec: ModelSpec) -> Value:
        """One of the model's labels, whatever its case; an unmistakable beginning is enough."""
        typed = " ".join(text.strip().split()).casefold()
        exact = [label for label in spec.labels if label.casefold() == typed]
        begun = [label for label in spec.labels if typed and label.casefold().startswith(typed)]
        if exact or len(begun) == 1:
            return (exact or begun)[0]
        raise RushesError(f"{text.strip()!r} is not a label", do=f"Labels are {', '.join(spec.labels)}.")

    def equal(self, left: Value, right: Value) -> bool:
        """The same label."""
        return left == right

    def score(self, truths: Sequence[Value], answers: Sequence[Answer]) -> dict[str, float]:
        """Accuracy, macro F1 and, where answers carry probabilities, the Brier score."""
        pairs = [(str(t), a) for t, a in zip(truths, answers, strict=True) if a.value is not None]
        true, found = [t for t, _ in pairs], [str(a.value) for _, a in pairs]
        result = {"accuracy": metrics.accuracy(true, found), "macro_f1": metrics.macro_f1(true, found)}
        chances = [a.raw.get("probabilities") for _, a in pairs]
        if all(chances):
            result["brier"] = metrics.brier(true, [chance for chance in chances if chance])
        return result

    def loss_of(self, truth: Value, answer: Answer) -> float:
        """0 right, 1 wrong."""
        return 0.0 if answer.value == truth else 1.0

    def golden(self, spec: ModelSpec) -> dict[str, Array]:
        """Two seeded clips of grey blocks with made-up measures, the second without sound."""
        rng = np.random.default_rng(3 + len(spec.labels))
        side = looks.SIDE // 8
        blocks = rng.integers(0, 256, (2, looks.SAMPLED, 3, side, side), dtype=np.uint8)
        measured = rng.normal(0.0, 1.0, (2, len(MEASURED))).round(3)
        measured[1, -len(audio.NAMES) :] = np.nan
        return {"frames": blocks.repeat(8, axis=3).repeat(8, axis=4), "measured": float32(measured)}


def _answer(logits: Array, spec: ModelSpec) -> Answer:
    scaled = logits / (spec.temperature or 1.0)
    shares = np.exp(scaled - scaled.max())
    shares /= shares.sum()
    order = np.argsort(-shares, kind="stable")
    ranked = [(spec.labels[index], float(shares[index])) for index in order]
    return Answer(
        value=ranked[0][0],
        confidence=ranked[0][1],
        raw={
            "log_scores": [float(v) for v in logits],
            "probabilities": {label: float(p) for label, p in zip(spec.labels, shares, strict=True)},
        },
        runner_ups=tuple(ranked[1:]),
    )


TASK = Scenes()
