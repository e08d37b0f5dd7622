"""What stands between our features and somebody else's ONNX file: names, pictures of another size, another scale.

An adapter travels in the spec's `params["adapter"]`; `core.foreign` makes it, `core.inference` applies it.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import Timer
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import ModelError

Array = NDArray[Any]
Mapped = Literal["identity", "sigmoid", "1+4x", "x/5", "good", "softmax", "probabilities"]
PARAM = "adapter"
# What 1 - softmax rounding leaves of a character the file does not know; beam search never follows it.
UNKNOWN_SIGN = -1e4
LONGEST_S = 60.0  # that a batch may take an imported file
SMALLEST = 1e-7  # probabilities are made into log scores; zero has none


class Adapter(BaseModel):
    """How a foreign file is fed and read.

    Attributes:
        kind: "features" gives it our features under its names; "image" one picture as (N, 3, H, W) float32.
        inputs: its input's name -> the name of our feature.
        output: its output's name; `ours` is what our decoding calls it.
        width: how many values the output has per sample (for speech: per sample and moment).
        size: height and width of the picture, pixels; only for "image".
        mean, std: subtracted and divided by per channel (RGB), after the picture was brought to 0..1.
        mapping: what the raw output means; see `core.foreign.MAPPINGS`.
        columns: for speech: per sign of our alphabet (blank first) the columns of its output; [] = it has none.
        one_by_one: the file takes one sample at a time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["features", "image"]
    inputs: dict[str, str]
    output: str
    ours: str
    width: int
    size: tuple[int, int] | None = None
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    mapping: Mapped = "identity"
    columns: tuple[tuple[int, ...], ...] = ()
    one_by_one: bool = False

    def run(self, session: Any, ours: Mapping[str, Array]) -> dict[str, Array]:
        """Our outputs for a batch of our inputs.

        Raises:
            ModelError: the file refuses the input, or its output is not what was agreed.
        """
        fed = self._fed(ours)
        count = len(next(iter(fed.values())))
        parts = [slice(i, i + 1) for i in range(count)] if self.one_by_one else [slice(None)]
        try:
            with _bounded() as options:
                found = [
                    session.run([self.output], {name: value[part] for name, value in fed.items()}, options)[0]
                    for part in parts
                ]
        except Exception as error:  # onnxruntime raises a family without a common public base
            raise ModelError(f"the imported model cannot answer this input ({type(error).__name__})") from None
        return {self.ours: self._read(np.concatenate([np.asarray(part) for part in found]), count)}

    def _fed(self, ours: Mapping[str, Array]) -> dict[str, Array]:
        if self.kind == "features":
            return {theirs: ours[name] for theirs, name in self.inputs.items()}
        return {theirs: self._pictures(ours[name]) for theirs, name in self.inputs.items()}

    def _pictures(self, ours: Array) -> NDArray[np.float32]:
        """(B, 3, H, W) float32 from pictures (B, 3, h, w), or from the middle ones of clips (B, T, 3, h, w), uint8."""
        import cv2

        height, width = self.size or ours.shape[-2:]
        still = ours[:, ours.shape[1] // 2] if ours.ndim == 5 else ours
        drawn = [cv2.resize(one.transpose(1, 2, 0), (width, height), interpolation=cv2.INTER_LINEAR) for one in still]
        unit = np.stack(drawn).astype(np.float32).transpose(0, 3, 1, 2) / 255
        mean, std = (np.array(values, dtype=np.float32)[:, None, None] for values in (self.mean, self.std))
        return np.ascontiguousarray((unit - mean) / std, dtype=np.float32)

    def _read(self, raw: Array, count: int) -> Array:
        values = raw.astype(np.float32) if raw.dtype.kind in "fiu" and len(raw) == count else None
        if values is not None and not self.columns:
            values = values.reshape(count, -1)
        if values is None or values.shape[-1] != self.width or (self.columns and values.ndim != 3):
            wanted = f"({count}, time, {self.width})" if self.columns else f"({count}, {self.width})"
            raise ModelError(f"the imported model's output {self.output} is {raw.shape}, {wanted} was agreed")
        return _signs(values, self.columns) if self.columns else mapped(values, self.mapping)


@contextmanager
def _bounded() -> Generator[Any]:
    """Options under which a run ends, with an error, when its time is over: a loop in a file may go on for ever."""
    import onnxruntime

    options = onnxruntime.RunOptions()
    clock = Timer(LONGEST_S, setattr, (options, "terminate", True))
    clock.daemon = True
    clock.start()
    try:
        yield options
    finally:
        clock.cancel()


def mapped(raw: NDArray[np.float32], mapping: Mapped) -> NDArray[np.float32]:
    """Raw outputs as our decoding reads them: scores on 0..1, a logit of "good", or a row of logits."""
    if mapping == "sigmoid":
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(raw, -60, 60))), dtype=np.float32)
    if mapping == "1+4x":
        return np.asarray((1.0 + 4.0 * raw) / 5.0, dtype=np.float32)
    if mapping == "x/5":
        return np.asarray(raw / 5.0, dtype=np.float32)
    if mapping == "probabilities":
        return np.log(np.clip(raw, SMALLEST, 1.0))
    return raw


def _signs(values: NDArray[np.float32], columns: tuple[tuple[int, ...], ...]) -> NDArray[np.float32]:
    """(B, T, our signs): capitals and small letters of theirs are one sign of ours, so their chances add up."""
    found = np.full((*values.shape[:2], len(columns)), UNKNOWN_SIGN, dtype=np.float32)
    for ours, theirs in enumerate(columns):
        if theirs:
            found[..., ours] = np.logaddexp.reduce(values[..., list(theirs)], axis=-1)
    return found


def of(params: Mapping[str, Any]) -> Adapter | None:
    """The adapter in a spec's params; None for a file of ours.

    Raises:
        ModelError: it is not one this program knows.
    """
    if PARAM not in params:
        return None
    try:
        return Adapter.model_validate(params[PARAM])
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"has an unknown adapter ({first['loc']}: {first['msg']})", do="Update Rushes.") from None
