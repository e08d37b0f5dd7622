"""From a trained network to a version on disk: ONNX, weights, card; checked against torch before it counts."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import save as to_safetensors
from torch import Tensor

from core import inference, registry, tasks
from core.errors import ModelError
from core.files import replacing, sha256_file, write_atomic
from core.inference import METADATA_KEY, Predictor, fingerprint
from core.registry import Card
from core.tasks.base import Array, ModelSpec
from core.tasks.learner import Learner
from core.training import skeleton

# Largest difference between torch and ONNX Runtime that rounding explains; 1e-6 is usual.
TOLERANCE = 1e-3


def save_version(
    learner: Learner, spec: ModelSpec, folder: Path, stem: str, facts: dict[str, Any], *, cache: Path | None = None
) -> Card:
    """Write `<stem>.onnx`, `<stem>.safetensors`, `<stem>.json`; the ONNX file last, so that it marks a whole version.

    Args:
        spec: what the outputs mean, with version and temperature.
        facts: the rest of the card: metrics, held_out, data, base, job_id, notes...; `half` stores weights as float16.
        cache: folder for traced graphs (`core.training.skeleton`); a later export of such a network is faster.

    Raises:
        ModelError: the exported file does not answer like torch.
    """
    half = bool(facts.pop("half", False))
    golden = tasks.get(spec.task).golden(spec)
    learner.settle_down()
    learner.module.eval()
    weights = to_safetensors({name: _plain(value, half) for name, value in learner.module.state_dict().items()})
    kept = cache / skeleton.name_of(learner, golden) if cache else None
    model = folder / f"{stem}.onnx"
    with replacing(model) as temporary:
        outputs = _exported(learner, spec, golden, temporary, kept)
        known = Card(
            task=spec.task,
            version=spec.version,
            created_at=time.time(),
            spec=spec,
            golden=fingerprint(outputs),
            sha256={"onnx": sha256_file(temporary)},
            **facts,
        )
        write_atomic(folder / f"{stem}.safetensors", weights)
        write_atomic(folder / f"{stem}.json", registry.to_json(known))
    return known


def _exported(
    learner: Learner, spec: ModelSpec, golden: dict[str, Array], path: Path, kept: Path | None
) -> dict[str, Array]:
    """Write the ONNX file and return its checked outputs; a kept graph that answers wrongly is traced anew."""
    known = bool(kept and kept.exists())
    path.write_bytes(onnx_bytes(learner, spec, golden, kept))
    try:
        return _check(learner, inference.load(path, task=spec.task, threads=1), golden)
    except ModelError:
        if not known or kept is None:
            raise
        kept.unlink()
        return _exported(learner, spec, golden, path, kept)


def _plain(value: Tensor, half: bool) -> Tensor:
    plain = value.detach().cpu().contiguous()
    return plain.half() if half and plain.dtype == torch.float32 else plain


def onnx_bytes(learner: Learner, spec: ModelSpec, golden: dict[str, Array], kept: Path | None = None) -> bytes:
    """The network as one self-contained ONNX file with the spec in its metadata.

    Args:
        kept: file of the traced graph: read where it fits, else written.
    """
    traced = skeleton.read(kept, learner) if kept else None
    if traced is None:
        traced = skeleton.traced(learner, golden)
        strip_traces(traced)
        if kept:
            skeleton.keep(kept, traced, learner)
    model = skeleton.optimised(traced)
    strip_traces(model)
    onnx.helper.set_model_props(model, {METADATA_KEY: spec.model_dump_json()})
    _require_dynamic(model, learner)
    buffer = io.BytesIO()
    onnx.save_model(model, buffer)
    return buffer.getvalue()


def strip_traces(model: Any) -> None:
    """Remove the stack traces torch leaves on every node: they name folders of this machine and are 15 % of a file."""
    model.doc_string = model.graph.doc_string = ""
    del model.graph.metadata_props[:]
    inner = [model.graph, *model.functions]
    for part in inner:
        for node in part.node:
            node.doc_string = ""
            del node.metadata_props[:]
        for value in part.value_info:
            value.doc_string = ""
            del value.metadata_props[:]
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        value.doc_string = ""
        del value.metadata_props[:]


def _require_dynamic(model: Any, learner: Learner) -> None:
    # An example batch of one is frozen in without an error; the file then fails at run time.
    dims = {value.name: value.type.tensor_type.shape.dim for value in model.graph.input}
    for name, wanted in learner.dynamic_shapes().items():
        for index in wanted:
            if not dims[name][index].dim_param:
                raise ModelError(f"export froze dimension {index} of {name}")


def _check(learner: Learner, predictor: Predictor, golden: dict[str, Array]) -> dict[str, Array]:
    ours = predictor.outputs(golden)
    with torch.no_grad():
        theirs = learner.module(**{name: torch.from_numpy(golden[name]) for name in learner.input_names})
    for name, tensor in zip(learner.output_names, theirs, strict=True):
        gap = float(np.max(np.abs(ours[name] - tensor.numpy())))
        if not gap <= TOLERANCE:
            raise ModelError(f"the exported model answers differently than torch ({name} by {gap:.2g})")
    return ours
