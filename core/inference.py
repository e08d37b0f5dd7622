"""Running a model file: one immutable predictor per version, warm, with what is frozen into the file.

A lone ONNX file is enough: labels, features, decoding and calibration travel in its metadata.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from core import adapters, calibration, graphs, tasks, untrusted
from core.adapters import Adapter
from core.errors import ModelError
from core.files import write_atomic
from core.tasks.base import Answer, Array, Features, ModelSpec, Task

METADATA_KEY = "rushes"
# What reading numbers by somebody's description of them can raise.
MISFITS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
# Two threads must beat one by this factor, else the second core is better left to the screen.
WORTH_A_THREAD = 1.25


@dataclass(frozen=True, slots=True)
class Predictor:
    """A loaded version: session, decoder, calibration. Swapped by reference, never changed."""

    task: Task
    spec: ModelSpec
    session: Any  # onnxruntime.InferenceSession, which has no usable type stubs
    path: Path
    threads: int
    adapter: Adapter | None = None  # for a file that is not of our making

    @property
    def version(self) -> str:
        return self.spec.version

    def outputs(self, inputs: dict[str, Array]) -> dict[str, Array]:
        """Raw network outputs for a batch, by name."""
        if self.adapter:
            return self.adapter.run(self.session, inputs)
        names = [output.name for output in self.session.get_outputs()]
        return dict(zip(names, self.session.run(names, inputs), strict=True))

    def answer(self, features: Sequence[Features]) -> list[Answer]:
        """Decoded answers for a batch of features."""
        return self.decoded(self.outputs(self.task.inputs(features)))

    def decoded(self, outputs: dict[str, Array]) -> list[Answer]:
        """Answers from raw outputs, as the file's metadata says they are to be read.

        Raises:
            ModelError: the file's outputs are not what its metadata says.
        """
        try:
            return [calibration.applied(self.spec, one) for one in self.task.decode(outputs, self.spec)]
        except MISFITS as error:
            what = f"gives other outputs than its metadata says ({type(error).__name__})"
            raise ModelError(what, where=self.path, do="Use another version.") from None


def load(path: Path, *, task: str | None = None, threads: int = 0, timings: Path | None = None) -> Predictor:
    """Load a version from its ONNX file.

    Args:
        task: refuse a file of another task.
        threads: 0 lets a self-test choose between one and two.
        timings: file where the self-test's result is remembered.

    Raises:
        ModelError: the file is missing, damaged, foreign, or names features or decoding this program does not have.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror})", where=path) from None
    session = open_session(content, path, threads or 1)
    spec = read_spec(session.get_modelmeta().custom_metadata_map, path)
    if task and spec.task != task:
        raise ModelError(f"is a model for {spec.task}, not for {task}", where=path)
    owner = tasks.get(spec.task)
    for ours, theirs in ((owner.features_version, spec.features), (owner.decoder_version, spec.decoder)):
        if ours != theirs:
            raise ModelError(f"needs {theirs}, this program has {ours}", where=path, do="Update Rushes.")
    predictor = Predictor(owner, spec, session, path, threads or 1, adapters.of(spec.params))
    if not threads and (os.cpu_count() or 1) > 1:
        return _choose_threads(predictor, content, timings)
    return predictor


def read_spec(metadata: dict[str, str], path: Path) -> ModelSpec:
    """The spec in an ONNX file's metadata.

    Raises:
        ModelError: there is none, or it is not valid.
    """
    if METADATA_KEY not in metadata:
        raise ModelError("is an ONNX file without Rushes' metadata", where=path, do="Import it as a foreign model.")
    try:
        return ModelSpec.model_validate_json(metadata[METADATA_KEY])
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelError(f"has wrong metadata ({first['loc']}: {first['msg']})", where=path) from None


def open_session(content: bytes, path: Path, threads: int) -> Any:
    """An ONNX Runtime session on the CPU.

    Raises:
        ModelError: the bytes are no model it can run.
    """
    import onnxruntime  # 130 ms, only where a model really runs

    if b"location" in content:  # what names another file has this word in it; a look costs a millisecond
        graphs.refuse_outside(graphs.parsed(content, path), path)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises a family without a common public base
        reason = type(error).__name__
        raise ModelError(f"is damaged or not an ONNX model ({reason})", where=path, do="Use another version.") from None


def _choose_threads(predictor: Predictor, content: bytes, timings: Path | None) -> Predictor:
    known: dict[str, int] = {}
    key = f"{predictor.spec.task}/{predictor.version}/{len(content)}"
    if timings:
        known = untrusted.table(timings)
    if known.get(key) == 1:
        return predictor
    pair = replace(predictor, session=open_session(content, predictor.path, 2), threads=2)
    if key not in known:
        golden = predictor.task.golden(predictor.spec)
        known[key] = 2 if _best_ms(predictor, golden) > WORTH_A_THREAD * _best_ms(pair, golden) else 1
        if timings:
            with suppress(OSError):  # where it cannot be remembered it is tried again next time
                write_atomic(timings, json.dumps(known))
    return pair if known[key] == 2 else predictor


def _best_ms(predictor: Predictor, inputs: dict[str, Array], tries: int = 3) -> float:
    predictor.outputs(inputs)  # the first run allocates
    best = float("inf")
    for _ in range(tries):
        start = time.perf_counter()
        predictor.outputs(inputs)
        best = min(best, time.perf_counter() - start)
    return best * 1000


def fingerprint(outputs: dict[str, Array]) -> dict[str, Any]:
    """A small proof of a model's output on its golden input: shape and up to 64 evenly spaced values per output."""
    proof: dict[str, Any] = {}
    for name, values in outputs.items():
        flat = np.asarray(values, dtype=np.float64).ravel()
        picked = flat[np.linspace(0, flat.size - 1, min(64, flat.size)).astype(int)]
        proof[name] = {"shape": list(values.shape), "values": [round(float(value), 6) for value in picked]}
    return proof


def matches(proof: dict[str, Any], outputs: dict[str, Array], tolerance: float = 2e-3) -> bool:
    """Whether outputs agree with a fingerprint taken earlier, perhaps on another machine."""
    ours = fingerprint(outputs)
    return ours.keys() == proof.keys() and all(
        ours[name]["shape"] == proof[name]["shape"]
        and np.allclose(ours[name]["values"], proof[name]["values"], atol=tolerance, rtol=tolerance)
        for name in ours
    )
