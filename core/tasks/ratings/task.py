"""Ratings: a score for an image or frame, stored as 0..1 and shown on the user's scale."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from core.errors import MediaError, RushesError
from core.media.clip import Clip, DecodeSpec
from core.store.records import Value
from core.tasks.base import Answer, Array, Features, ModelSpec, Task, float32
from core.tasks.ratings import measures, metrics, views
from core.tasks.ratings.journal import CODEC

TOLERANCE = 0.1  # of 0..1, half a point of 5: two scores closer than this say the same
SPREAD = 0.25  # standard deviation of the error of a model nobody has measured yet
MIN_SIDE = 32  # pixels: below this there is nothing to measure
WORDS = {"good": 1.0, "not good": 0.0, "bad": 0.0}


class Ratings(Task):
    """See DESIGN 6. `spec.params` holds `target` ("regression" or "binary") and `spread` (`confidence`)."""

    name = "ratings"
    kind = "score"
    medium = "image"
    decode_spec = DecodeSpec(max_side=1600, still=True)
    features_version = "quality/1"
    decoder_version = "score/1"
    primary = "spearman"
    higher_is_better = True
    learner = "core.tasks.ratings.learner:RatingsLearner"
    codec = CODEC

    def gate(self, clip: Clip) -> str | None:
        """Anything with at least 32 x 32 pixels can be judged."""
        height, width = clip.frames.shape[1:3]
        if min(height, width) < MIN_SIDE:
            return f"is too small ({width} x {height} pixels, at least {MIN_SIDE} x {MIN_SIDE} are needed)"
        return None

    def extract(self, clip: Clip) -> Features:
        """`image` (3, 128, 128) and `pieces` (2, 3, 128, 128) uint8, `measured` (D,) float32."""
        reason = self.gate(clip)
        if reason:
            raise MediaError(reason)
        image = clip.frames[len(clip.frames) // 2]
        return {"image": views.whole(image), "pieces": views.pieces(image), "measured": measures.measure(image)}

    def inputs(self, features: Sequence[Features]) -> dict[str, Array]:
        """`image` (B, 3, 128, 128) and `pieces` (B, 2, 3, 128, 128) uint8, `measured` (B, D) float32."""
        return {
            "image": np.stack([one["image"] for one in features]),
            "pieces": np.stack([one["pieces"] for one in features]),
            "measured": float32([one["measured"] for one in features]),
        }

    def decode(self, outputs: Mapping[str, Array], spec: ModelSpec) -> list[Answer]:
        """Scores from `score` (B, 1): already on 0..1 for regression, a logit of "good" for binary."""
        raw = [float(v) for v in outputs["score"][:, 0]]
        if spec.params.get("target", "regression") == "binary":
            return [_good(logit, spec) for logit in raw]
        spread = float(spec.params.get("spread", SPREAD))
        return [_score(value, spread) for value in raw]

    def default_spec(self) -> ModelSpec:
        """Regression on the scale 0..1; good from 0.8."""
        return ModelSpec(
            task=self.name,
            features=self.features_version,
            decoder=self.decoder_version,
            params={"target": "regression", "spread": SPREAD},
        )

    def parse(self, text: str, spec: ModelSpec) -> Value:
        """A number on the model's scale, or "good" / "not good" (the ends of the scale), as 0..1."""
        low, high = spec.scale
        allowed = f"Scores go from {low:g} to {high:g}."
        typed = " ".join(text.strip().lower().split())
        if typed in WORDS:
            return WORDS[typed]
        try:
            number = float(typed.replace(",", "."))
        except ValueError:
            raise RushesError(f"{text.strip()!r} is not a score", do=allowed) from None
        if not low <= number <= high:  # also refuses NaN
            raise RushesError(f"the score {typed} is outside the scale", do=allowed)
        return (number - low) / (high - low)

    def equal(self, left: Value, right: Value) -> bool:
        """Within 0.1 of each other on 0..1."""
        return abs(float(left) - float(right)) <= TOLERANCE + 1e-9

    def score(self, truths: Sequence[Value], answers: Sequence[Answer]) -> dict[str, float]:
        """Spearman, MAE, RMSE, bucket calibration error and, where good and not good both occur, AUC."""
        pairs = [(float(t), float(a.value)) for t, a in zip(truths, answers, strict=True) if a.value is not None]
        table = np.array(pairs, dtype=np.float64).reshape(-1, 2)
        return metrics.all_metrics(table[:, 0], table[:, 1])

    def loss_of(self, truth: Value, answer: Answer) -> float:
        """Absolute error; 1.0, the largest there is, for no answer."""
        return 1.0 if answer.value is None else abs(float(truth) - float(answer.value))

    def golden(self, spec: ModelSpec) -> dict[str, Array]:
        """Two seeded pictures of grey blocks with made-up measures; no library draws them, so they never change."""
        rng = np.random.default_rng(2 + len(spec.labels))
        side = views.SIDE
        blocks = rng.integers(0, 256, (2, 1 + views.PIECES, 3, side // 8, side // 8), dtype=np.uint8)
        pictures = blocks.repeat(8, axis=3).repeat(8, axis=4)
        measured = rng.normal(0.0, 1.0, (2, len(measures.NAMES))).round(3)
        return {"image": pictures[:, 0].copy(), "pieces": pictures[:, 1:].copy(), "measured": float32(measured)}

    def show(self, value: Value) -> str:
        """The score on 0..1 with two decimals; `on_scale` gives the user's."""
        return f"{float(value):.2f}"


def on_scale(value: float, spec: ModelSpec) -> float:
    """A stored score (0..1) on the scale the user rates on."""
    low, high = spec.scale
    return low + value * (high - low)


def confidence(value: float, spread: float) -> float:
    """Chance that the truth is within 0.1 of a score, if errors are normal with this standard deviation.

    Truths outside 0..1 do not exist, so the distribution is cut off there.
    """

    def below(x: float) -> float:
        return 0.5 * (1.0 + math.erf((x - value) / (max(spread, 1e-3) * math.sqrt(2.0))))

    inside = below(1.0) - below(0.0)
    near = below(min(value + TOLERANCE, 1.0)) - below(max(value - TOLERANCE, 0.0))
    return min(near / inside, 1.0)


def _score(raw: float, spread: float) -> Answer:
    value = min(max(raw, 0.0), 1.0)
    return Answer(value=value, confidence=confidence(value, spread), raw={"score": raw})


def _good(logit: float, spec: ModelSpec) -> Answer:
    """Stretches the chance of "good" so that one half falls on the threshold; order and `>= threshold` are kept."""
    chance = 1.0 / (1.0 + math.exp(-max(min(logit / (spec.temperature or 1.0), 60.0), -60.0)))
    bar = spec.threshold
    value = bar * chance * 2.0 if chance < 0.5 else bar + (1.0 - bar) * (chance * 2.0 - 1.0)
    return Answer(value=value, confidence=max(chance, 1.0 - chance), raw={"score": logit, "good": chance})


TASK = Ratings()
