"""Small real ONNX files made with onnx.helper: what somebody else's models look like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from core import tasks

Dims = Sequence[int | str]


def write(
    path: Path, nodes: Any, inputs: Mapping[str, tuple[int, Dims]], output: tuple[str, Dims], tables: Any
) -> Path:
    """A model file of a few nodes; `tables` are its weights by name."""
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info(name, kind, list(dims)) for name, (kind, dims) in inputs.items()],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, list(output[1]))],
        [numpy_helper.from_array(value, name) for name, value in tables.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save_model(model, path)
    return path


def brightness(path: Path, *, batch: int | str = "N", outputs: int = 1, side: int | str = 64) -> Path:
    """A picture model: mean brightness after normalisation, times fixed weights."""
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "weights"], ["answer"]),
    ]
    weights = np.linspace(1 / 3, outputs / 3, 3 * outputs, dtype=np.float32).reshape(3, outputs)
    weights = np.full((3, 1), 1 / 3, dtype=np.float32) if outputs == 1 else weights
    inputs = {"picture": (TensorProto.FLOAT, (batch, 3, side, side))}
    return write(path, nodes, inputs, ("answer", (batch, outputs)), {"weights": weights})


def measured_scenes(path: Path, classes: int, frames: str = "frames", measured: str = "measured") -> Path:
    """A model on our own features: the measured numbers, NaN made 0, through one matrix; frames are looked at too."""
    width = len(tasks.get("scenes").golden(tasks.get("scenes").default_spec())["measured"][0])
    nodes = [
        helper.make_node("IsNaN", [measured], ["missing"]),
        helper.make_node("Where", ["missing", "zero", measured], ["clean"]),
        helper.make_node("Cast", [frames], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["light"], axes=[1, 2, 3, 4], keepdims=0),
        helper.make_node("Unsqueeze", ["light", "axis"], ["column"]),
        helper.make_node("MatMul", ["clean", "weights"], ["raw"]),
        helper.make_node("Add", ["raw", "column"], ["logits"]),
    ]
    rng = np.random.default_rng(1)
    tables = {"weights": rng.normal(0, 0.01, (width, classes)).astype(np.float32),
              "zero": np.zeros((), np.float32), "axis": np.array([1])}  # fmt: skip
    inputs = {
        frames: (TensorProto.UINT8, ("N", 8, 3, 112, 112)),
        measured: (TensorProto.FLOAT, ("N", width)),
    }
    return write(path, nodes, inputs, ("logits", ("N", classes)), tables)


def speller(path: Path, signs: int) -> Path:
    """A lip reader that looks at nothing: the crops' mean per frame against a fixed table of signs."""
    nodes = [
        helper.make_node("ReduceMean", ["video"], ["mean"], axes=[1, 3, 4], keepdims=0),
        helper.make_node("Unsqueeze", ["mean", "axis"], ["column"]),
        helper.make_node("MatMul", ["column", "weights"], ["flat"]),
        helper.make_node("Add", ["flat", "bias"], ["scores"]),
    ]
    bias = np.zeros(signs, np.float32)
    bias[signs - 1] = 9.0
    tables = {"weights": np.zeros((1, signs), np.float32), "bias": bias, "axis": np.array([2])}
    inputs = {"video": (TensorProto.FLOAT, ("N", 1, "T", 32, 64))}
    return write(path, nodes, inputs, ("scores", ("N", "T", signs)), tables)


def listed(path: Path, entries: Sequence[str]) -> Path:
    path.write_text("\n".join(entries) + "\n")
    return path
