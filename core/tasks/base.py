"""What a task declares (DESIGN 6). The light half: NumPy and OpenCV, never torch.

A task is one folder under `core/tasks`; `core.tasks.get(name)` finds it. Its torch half is a `Learner`
(`core.tasks.learner`), named here as "module:attribute" and imported by the training process only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from core.media.clip import Clip, DecodeSpec
from core.store.codec import Codec
from core.store.records import Value

Array = NDArray[Any]
Features = dict[str, Array]


class ModelSpec(BaseModel):
    """All that is frozen into a version beside its weights; travels in the ONNX file's metadata.

    `params` holds what only the task understands (for speech: alphabet, lexicon, n-gram; for ratings: target).
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    task: str
    version: str = "untrained"
    features: str  # feature function and its version, for instance "mouth/1"
    decoder: str  # decoding function and its version, for instance "softmax/1"
    labels: tuple[str, ...] = ()
    scale: tuple[float, float] = (0.0, 1.0)
    threshold: float = 0.8  # on 0..1: a rating at or above is "good"
    temperature: float | None = None  # None: not calibrated
    calibration_n: int = 0
    params: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Answer:
    """What decoding makes of a model's output for one sample; the fields mean the same as in `Prediction`."""

    value: Value | None
    confidence: float | None
    raw: dict[str, Any] = field(default_factory=dict[str, Any])
    runner_ups: tuple[tuple[Value, float], ...] = ()


class Task(ABC):
    """One thing a model can learn."""

    name: ClassVar[str]
    kind: ClassVar[Literal["label", "text", "score"]]  # picks card, editor and keys
    medium: ClassVar[Literal["clip", "image"]]
    decode_spec: ClassVar[DecodeSpec]
    features_version: ClassVar[str]
    decoder_version: ClassVar[str]
    primary: ClassVar[str]  # the metric that decides
    higher_is_better: ClassVar[bool]
    slices: ClassVar[tuple[str, ...]] = ("source", "region", "speaker", "phase")
    learner: ClassVar[str]  # "module:attribute"
    codec: ClassVar[Codec]
    keeps_face: ClassVar[bool] = False  # consent is needed before its clips are kept
    cuts_scenes: ClassVar[bool] = False  # long videos are cut into scenes

    @abstractmethod
    def gate(self, clip: Clip) -> str | None:
        """Why this clip cannot be judged (one clause), or None when it can."""

    @abstractmethod
    def extract(self, clip: Clip) -> Features:
        """The features of one clip, without a batch dimension; deterministic, cacheable as .npz.

        Raises:
            MediaError: when the clip has nothing to measure (for speech: no face found).
        """

    @abstractmethod
    def inputs(self, features: Sequence[Features]) -> dict[str, Array]:
        """A batch for the ONNX session: padded and stacked, names as the network's inputs."""

    @abstractmethod
    def decode(self, outputs: Mapping[str, Array], spec: ModelSpec) -> list[Answer]:
        """Answers for a batch of raw network outputs (same names and shapes in torch and ONNX)."""

    @abstractmethod
    def default_spec(self) -> ModelSpec:
        """The spec of a model nobody has trained: the default labels, alphabet and scale."""

    @abstractmethod
    def parse(self, text: str, spec: ModelSpec) -> Value:
        """A user's typed answer as a value.

        Raises:
            RushesError: when it is not one: what is wrong with it and what is allowed.
        """

    @abstractmethod
    def equal(self, left: Value, right: Value) -> bool:
        """Whether two values mean the same answer."""

    @abstractmethod
    def score(self, truths: Sequence[Value], answers: Sequence[Answer]) -> dict[str, float]:
        """All metrics of the task over answers with a value; equal lengths, at least one pair."""

    @abstractmethod
    def loss_of(self, truth: Value, answer: Answer) -> float:
        """How wrong one answer is (0 = right), for paired comparisons: 0/1, word errors, absolute error."""

    @abstractmethod
    def golden(self, spec: ModelSpec) -> dict[str, Array]:
        """A fixed, seeded batch of two inputs; a version proves itself by its output on it."""

    def journal_extra(self, clip: Clip, features: Features) -> dict[str, Any]:
        """Measured things the task's journal wants beside a correction (seed 000's audioFeatures)."""
        del clip, features
        return {}

    def show(self, value: Value) -> str:
        """A value as the screen prints it."""
        return str(value)


def float32(values: Any) -> NDArray[np.float32]:
    """A float32 copy, C-contiguous."""
    return np.ascontiguousarray(values, dtype=np.float32)
