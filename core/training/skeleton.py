"""A network's ONNX graph: traced from torch once (4 s), kept without its weights, filled again after each training.

Tracing depends on the code, the shapes and the libraries only; their digest is the file's name. What is read from here
is never trusted: export compares every filled graph with torch.
"""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError

from core import tasks
from core.errors import ModelError
from core.files import write_atomic
from core.log import logger
from core.tasks.base import Array
from core.tasks.learner import Learner


def traced(learner: Learner, golden: dict[str, Array]) -> Any:
    """The graph as an onnx ModelProto, not optimised; weights keep the names of the state dict.

    Raises:
        ModelError: torch made none.
    """
    names = learner.input_names
    shapes = {name: dict.fromkeys(dims, torch.export.Dim.DYNAMIC) for name, dims in learner.dynamic_shapes().items()}
    with torch.no_grad():
        program = torch.onnx.export(
            learner.module,
            kwargs={name: torch.from_numpy(golden[name]) for name in names},
            dynamo=True,
            input_names=list(names),
            output_names=list(learner.output_names),
            dynamic_shapes={name: shapes.get(name, {}) for name in names},
            external_data=False,
            verbose=False,
            optimize=False,
        )
    if program is None:
        raise ModelError("torch made no ONNX program")
    return program.model_proto


def read(path: Path, learner: Learner) -> Any | None:
    """A kept graph with the learner's weights in it; None where there is none that fits."""
    try:
        model = onnx.load_model(path)
        weights = learner.module.state_dict()
        for tensor in model.graph.initializer:
            if not tensor.raw_data:
                value = weights[tensor.name].detach().cpu().contiguous().numpy()
                tensor.CopyFrom(onnx.numpy_helper.from_array(value, tensor.name))
    except (OSError, DecodeError, KeyError, ValueError):
        return None
    return model


def keep(path: Path, model: Any, learner: Learner) -> None:
    """Write a graph without the weights, if it can be written."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    weights = learner.module.state_dict()
    for tensor in bare.graph.initializer:
        if tensor.name in weights:
            tensor.ClearField("raw_data")
    try:
        write_atomic(path, bare.SerializeToString())
    except OSError as error:
        logger.warning("the traced network is not kept: %s", error)


def optimised(model: Any) -> Any:
    """What torch's exporter does after tracing: constants folded, batch norms fused; 0.5 s."""
    import onnx_ir
    from onnxscript import optimizer
    from onnxscript.rewriter import onnx_fusions

    graph = onnx_ir.from_proto(model)
    optimizer.optimize_ir(graph)
    onnx_fusions.fuse(graph)
    return onnx_ir.to_proto(graph)


def name_of(learner: Learner, golden: dict[str, Array]) -> str:
    """A file name that changes with anything tracing depends on."""
    about = {
        "libraries": [torch.__version__, onnx.__version__, _onnxscript()],
        "code": _code(),
        "task": learner.spec.task,
        "network": str(learner.module),
        "weights": {name: [*value.shape, str(value.dtype)] for name, value in learner.module.state_dict().items()},
        "inputs": {name: [*golden[name].shape, str(golden[name].dtype)] for name in learner.input_names},
        "outputs": learner.output_names,
        "dynamic": learner.dynamic_shapes(),
    }
    return sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:24] + ".onnx"


def _onnxscript() -> str:
    from importlib.metadata import version

    return version("onnxscript")


@cache
def _code() -> str:
    """sha256 of all code a network may be made of."""
    digest = sha256()
    for path in sorted(Path(tasks.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
