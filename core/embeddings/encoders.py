"""What the frozen factory networks see and hear, as vectors: of cached features, so that nothing is decoded twice.

Never the serving model: that one learns, and what it says today could not be compared with what it said last week. A
network of the factory that changes makes another encoder: its version here goes up with it, as a test demands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from core import tasks
from core.embeddings.types import Vector
from core.errors import ModelError
from core.inference import open_session
from core.tasks.base import Array, Features
from core.tasks.scenes import audio

VISUAL = {"scenes": "factory-scenes/1", "speech": "factory-speech/1", "ratings": "factory-ratings/1"}
SOUND = "factory-sound/1"
# Of the length of the whole: what the network measures tells clips apart better than what its backbone pools, both
# together best (nearest neighbour of the same label, 60 clips and 145 photos: 0.77 and 0.61; measures alone 0.75 and
# 0.62; backbone alone 0.58 and 0.39).
BACKBONE = 0.3
EMPTY_PICTURES = 12
BLOCKS = (2, 3, 4, 6, 8, 12)  # coloured blocks a side, blurred into one another


@dataclass(frozen=True, slots=True)
class _Network:
    """A factory network that also gives what it thinks on the way.

    Attributes:
        pooled: name of what the backbone pooled, (N, D); for speech of the reader's states, (N, T, D).
        measured: name of the measures as the network standardises them, (N, M); empty for speech.
        middle: (D,) what the backbone says of pictures that show nothing.
    """

    session: Any
    pooled: str
    measured: str
    middle: Vector


def visual(task: str, found: Sequence[Features]) -> Vector:
    """(N, D) float32, one row per sample's features.

    scenes, ratings: the measures the factory's network is given, standardised as it does, and beside them what its
    backbone pools, less what it says of pictures that show nothing. speech: the mean of the lip reader's states.

    Raises:
        ModelError: the factory's file cannot be used.
    """
    network = _network(task)
    rows = [_one(task, network, one) for one in found]
    return np.stack(rows) if rows else np.empty((0, 1), np.float32)


def sound(found: Sequence[Features]) -> list[Vector | None]:
    """Each clip's sound: the seed's four audio features and the others, standardised as the factory's network does.

    None where a clip has no sound (not the same as silence), or where everything is as usual.
    """
    network, count = _network("scenes"), len(audio.NAMES)
    rows: list[Vector | None] = []
    for one in found:
        heard = one.get("measured")
        if heard is None or len(heard) < count or np.isnan(heard[-count:]).all():
            rows.append(None)
            continue
        (measured,) = network.session.run([network.measured], tasks.get("scenes").inputs([one]))
        row = np.asarray(measured[0, -count:], dtype=np.float32)
        rows.append(row if row.any() else None)
    return rows


def _one(task: str, network: _Network, one: Features) -> Vector:
    inputs = tasks.get(task).inputs([one])
    if not network.measured:
        (states,) = network.session.run([network.pooled], inputs)
        return np.asarray(states[0, : int(inputs["lengths"][0])].mean(axis=0), dtype=np.float32)
    pooled, measured = network.session.run([network.pooled, network.measured], inputs)
    if task == "scenes":
        measured = measured[:, : -len(audio.NAMES)]  # the sound has vectors of its own
    looks, shown = _unit(measured[0]), _unit(pooled[0] - network.middle)
    return np.concatenate([looks, BACKBONE * shown]).astype(np.float32)


def _unit(row: Array) -> Array:
    length = float(np.linalg.norm(row))
    return row / length if length > 0 else row


@lru_cache(maxsize=3)
def _network(task: str) -> _Network:
    """The factory's ONNX file with two more outputs; the rest of the graph behind them is not run."""
    import onnx  # 180 ms

    source = files("core.factory") / f"{task}.onnx"
    model = onnx.load_from_string(source.read_bytes())
    pooled, measured = _states(model) if task == "speech" else _looks(model)
    for name in (pooled, measured):
        if name:
            model.graph.output.append(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))

    session = open_session(model.SerializeToString(), Path(str(source)), 1)
    middle = np.zeros(1, np.float32) if not measured else _middle(session, pooled)
    return _Network(session, pooled, measured, middle)


def _looks(model: Any) -> tuple[str, str]:
    """Names of what the expert is given: the backbone's answer, and the measures once they are standardised."""
    nodes = list(model.graph.node)
    pooled = [node.input[0] for node in nodes if "expert.look.0.weight" in node.input]
    reads = [node.input[0] for node in nodes if "expert.read.0.weight" in node.input]
    if len(pooled) != 1 or len(reads) != 1:
        raise ModelError("the factory's network is built otherwise than its encoder expects")
    return pooled[0], reads[0]


def _states(model: Any) -> tuple[str, str]:
    """Name of what the lip reader's head is given."""
    made = {name: node for node in model.graph.node for name in node.output}
    heads = [node for node in model.graph.node if "head.bias" in node.input]
    if len(heads) != 1:
        raise ModelError("the factory's network is built otherwise than its encoder expects")
    head = heads[0] if heads[0].op_type == "Gemm" else made[heads[0].input[0]]
    return head.input[0], ""


def _middle(session: Any, pooled: str) -> Vector:
    """Mean answer of the backbone to coloured blocks: on all pictures it has a large part in common."""
    import cv2

    rng = np.random.default_rng(7)
    answers: list[Array] = []
    shapes = {one.name: one.shape[1:] for one in session.get_inputs()}
    for place in range(EMPTY_PICTURES):
        inputs: dict[str, Array] = {}
        for name, shape in shapes.items():
            if name == "measured":
                inputs[name] = np.zeros((1, *shape), np.float32)
                continue
            few = BLOCKS[place % len(BLOCKS)]
            blocks = rng.integers(0, 256, (few, few, 3), dtype=np.uint8)
            picture = np.moveaxis(cv2.resize(blocks, (shape[-1], shape[-2]), interpolation=cv2.INTER_CUBIC), 2, 0)
            inputs[name] = np.ascontiguousarray(np.broadcast_to(picture, (1, *shape)))
        (answer,) = session.run([pooled], inputs)
        answers.append(answer[0])
    return np.asarray(np.mean(answers, axis=0), dtype=np.float32)
