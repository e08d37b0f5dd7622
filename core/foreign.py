"""Somebody else's ONNX file becomes a version: what it is fed and what it says is agreed once and frozen into a copy.

Supported: files that take our features (`Task.inputs`) under any names, and single-picture models (N, 3, H, W) for
tasks that look at pictures. Everything is checked before a number is given; see `core.adapters` for the run time.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from core import adapters, graphs, inference, tasks, vocabulary
from core import trial as isolated
from core.adapters import Adapter, Mapped
from core.errors import ModelError, WrongUseError
from core.files import replacing, sha256_file, write_atomic
from core.inference import METADATA_KEY, Predictor, fingerprint
from core.tasks.base import Array, ModelSpec, Task
from core.versions import IMPORTED, Card, claim_number, model_path, to_json
from core.workspace import Workspace

MOST_MB = 1024  # a single ONNX file cannot pass 2 GB; what answers in a terminal is far smaller
NORMS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "unit": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
MAPPINGS: dict[str, tuple[Mapped, ...]] = {
    "score": ("identity", "sigmoid", "1+4x", "x/5", "good"),
    "label": ("softmax", "probabilities"),
    "text": ("softmax",),
}
OUTPUTS = {"score": "score", "label": "logits", "text": "logits"}
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml", "com.microsoft"})
TYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int64)": "int64"}


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the user says about the file; what is left open is read off the file.

    Attributes:
        labels: list file: labels for labels, the output's signs for texts; see `core.vocabulary`.
        adapter: "features" or "image".
        inputs: our feature's name -> its input's name.
        output: its output's name, where it has several.
        mapping: what the raw output means, one of `MAPPINGS` for the task's kind.
        size: height and width of the picture, where the file does not say.
        norm: "imagenet" (mean and deviation of ImageNet) or "unit" (0..1).
        name: what its maker calls it; the file's name by default.
    """

    labels: Path | None = None
    adapter: Literal["features", "image"] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    output: str | None = None
    mapping: str | None = None
    size: tuple[int, int] | None = None
    norm: str = "imagenet"
    name: str | None = None


def import_model(space: Workspace, path: Path, task: str, agreed: Agreement | None = None) -> Card:
    """Take a foreign ONNX file in as the task's next version; it answers only once it is deployed.

    Raises:
        ModelError: the file cannot be used; nothing is kept.
        WrongUseError: what was said about it does not fit it.
    """
    space.require_writable()
    owner, said = tasks.get(task), agreed or Agreement()
    content = _read(path)
    model = _parsed(content, path)
    found = isolated.run("core.foreign", _request(path, owner, said), path)
    spec = ModelSpec.model_validate(found["spec"])
    notes = _notes(space, owner, spec, found["spans"])
    facts = {"name": said.name or path.stem, "notes": notes, "data": f"imported from {path.name}"}
    return _keep(space, spec, model, {"source": hashlib.sha256(content).hexdigest()}, facts)


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > MOST_MB << 20:
            raise ModelError(f"has {size >> 20} MB, at most {MOST_MB} MB are taken", where=path)
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot be read ({error.strerror})", where=path) from None


def _parsed(content: bytes, path: Path) -> Any:
    """The file as a protobuf, refused where it needs anything beside itself."""
    model = graphs.parsed(content, path)
    if not model.graph.node:
        raise ModelError("is not an ONNX model: it has no operators", where=path)
    local = {function.domain for function in model.functions}
    for node in graphs.nodes(model):
        if node.domain not in DOMAINS | local:
            reason = f"needs the custom operator {node.domain}.{node.op_type}, which ONNX Runtime does not have"
            raise ModelError(reason, where=path, do="Export it with standard operators.")
    graphs.refuse_outside(model, path)
    return model


def trial(request: dict[str, Any]) -> dict[str, Any]:
    """In a process of its own (`core.trial`): what a file is fed and says, agreed and tried.

    Returns:
        Its spec, and the lowest and the highest number of each of its outputs on a plain input.

    Raises:
        ModelError: the file cannot be used.
        WrongUseError: what was said about it does not fit it.
    """
    path, owner, said = Path(request["path"]), tasks.get(request["task"]), _said(request)
    session = inference.open_session(_read(path), path, 1)
    known = session.get_modelmeta().custom_metadata_map
    if METADATA_KEY in known and said.labels is None:
        spec = inference.read_spec(known, path)  # a version of ours from elsewhere
        if spec.task != owner.name:
            raise ModelError(f"is a model for {spec.task}, not for {owner.name}", where=path)
    else:
        spec = _spec(owner, session, said, path)
    outputs = _try(owner, spec, session, path)
    spans = {name: [float(values.min()), float(values.max())] for name, values in outputs.items()}
    return {"spec": spec.model_dump(mode="json"), "spans": spans}


def _request(path: Path, owner: Task, said: Agreement) -> dict[str, Any]:
    agreed = asdict(replace(said, inputs=dict(said.inputs)))
    labels = None if said.labels is None else str(said.labels.absolute())
    return {"path": str(path.absolute()), "task": owner.name, "agreed": agreed | {"labels": labels}}


def _said(request: dict[str, Any]) -> Agreement:
    agreed = dict(request["agreed"])
    labels, size = agreed.pop("labels"), agreed.pop("size")
    return Agreement(**agreed, labels=None if labels is None else Path(labels), size=None if size is None else (*size,))


def _spec(owner: Task, session: Any, said: Agreement, path: Path) -> ModelSpec:
    spec = owner.default_spec()
    labels, columns, width = _meaning(owner, spec, said)
    golden = owner.golden(spec)
    theirs = session.get_inputs()
    if not theirs or not session.get_outputs():
        raise ModelError("has no input or no output", where=path)
    adapter = said.adapter or ("image" if _looks_like_picture(theirs) else "features")
    fed = _picture(owner, golden, theirs, said, path) if adapter == "image" else _features(golden, theirs, said, path)
    mapping = _mapping(owner, said)
    agreed = Adapter(
        kind=adapter,
        output=_output(session, said, path),
        ours=OUTPUTS[owner.kind],
        mapping=mapping,
        width=width,
        columns=columns,
        **fed,
    )
    params = {**spec.params, adapters.PARAM: agreed.model_dump(mode="json")}
    if owner.kind == "score":
        params["target"] = "binary" if mapping == "good" else "regression"
    return spec.model_copy(update={"labels": labels, "params": params})


def _meaning(owner: Task, spec: ModelSpec, said: Agreement) -> tuple[tuple[str, ...], Any, int]:
    """Labels, for texts the columns of our signs, and how many values the output has."""
    if owner.kind == "score":
        if said.labels:
            raise WrongUseError(f"{owner.name} are scores and have no labels", where="--labels")
        return (), (), 1
    if said.labels is None:
        what = "labels" if owner.kind == "label" else "signs (its alphabet, with <blank>)"
        raise WrongUseError(f"the list of the model's {what} is missing", do="Give it with --labels FILE.")
    found = vocabulary.read_list(said.labels, keep_spaces=owner.kind == "text")
    if owner.kind == "label":
        return found, (), len(found)
    return (), vocabulary.columns(found, spec.params["alphabet"]), len(found)


def _looks_like_picture(theirs: Any) -> bool:
    shape = theirs[0].shape
    return len(theirs) == 1 and theirs[0].type == "tensor(float)" and len(shape) == 4 and shape[1] == 3


def _picture(owner: Task, golden: dict[str, Array], theirs: Any, said: Agreement, path: Path) -> dict[str, Any]:
    ours = [name for name, value in golden.items() if value.dtype == np.uint8 and value.shape[-3:-2] == (3,)]
    if not ours:
        raise WrongUseError(f"{owner.name} has no whole picture to give", do="Use --adapter features.")
    if len(theirs) != 1 or theirs[0].type != "tensor(float)" or len(theirs[0].shape) != 4:
        raise ModelError(f"takes {_described(theirs)}, one float picture (N, 3, H, W) is needed", where=path)
    batch, channels, height, width = theirs[0].shape
    if isinstance(channels, int) and channels != 3:
        raise ModelError(f"takes {channels} channels, 3 are needed (N, 3, H, W)", where=path)
    declared = (height, width) if isinstance(height, int) and isinstance(width, int) else None
    size = said.size or declared
    if size is None:
        raise WrongUseError("the model takes pictures of any size", do="Say which with --size, for instance 224.")
    if declared and size != declared:
        raise WrongUseError(f"the model takes {height} x {width} pixels, not {size[0]} x {size[1]}", where="--size")
    if said.norm not in NORMS:
        raise WrongUseError(f"{said.norm!r} is not known", where="--norm", do=f"Use {' or '.join(NORMS)}.")
    mean, std = NORMS[said.norm]
    fed = {"inputs": {theirs[0].name: ours[0]}, "size": size, "mean": mean, "std": std}
    return fed | {"one_by_one": _one_by_one(batch, path)}


def _features(golden: dict[str, Array], theirs: Any, said: Agreement, path: Path) -> dict[str, Any]:
    pairs = {their_name: ours for ours, their_name in said.inputs.items()}
    names = {value.name for value in theirs}
    for their_name, ours in pairs.items():
        if ours not in golden or their_name not in names:
            raise WrongUseError(
                f"{ours}={their_name}: there is no such pair of inputs", where="--input", do=_choices(golden, theirs)
            )
    pairs |= {name: name for name in golden if name in names and name not in pairs and name not in pairs.values()}
    left = [name for name in golden if name not in pairs.values()]
    for value in theirs:
        if value.name not in pairs:
            if not left:
                raise ModelError(
                    f"takes {_described(theirs)}: more than we have", where=path, do=_choices(golden, theirs)
                )
            pairs[value.name] = left.pop(0)
    single = [_one_by_one(value.shape[0] if value.shape else None, path) for value in theirs]
    for value in theirs:
        _refuse_shape(value, pairs[value.name], golden[pairs[value.name]], path)
    return {"inputs": pairs, "one_by_one": any(single)}


def _refuse_shape(value: Any, ours: str, array: Array, path: Path) -> None:
    fixed = list(zip(value.shape, array.shape, strict=False))[1:]
    fits = len(value.shape) == array.ndim and all(not isinstance(dim, int) or dim == size for dim, size in fixed)
    if not fits or TYPES.get(value.type) != str(array.dtype):
        given = f"{array.dtype} {('N', *array.shape[1:])}"
        raise ModelError(
            f"input {value.name} wants {_described([value])}, our {ours} is {given}",
            where=path,
            do="Pair them with --input ours=theirs, or see --adapter image.",
        )


def _one_by_one(batch: Any, path: Path) -> bool:
    if isinstance(batch, int) and batch > 1:
        raise ModelError(
            f"takes exactly {batch} samples at a time", where=path, do="Export it with a batch of 1 or any."
        )
    return isinstance(batch, int)


def _described(theirs: Any) -> str:
    return " and ".join(f"{one.name} {one.type} ({', '.join(str(dim) for dim in one.shape)})" for one in theirs)


def _choices(golden: dict[str, Array], theirs: Any) -> str:
    return f"Ours: {', '.join(golden)}; theirs: {', '.join(value.name for value in theirs)}."


def _output(session: Any, said: Agreement, path: Path) -> str:
    names = [value.name for value in session.get_outputs()]
    if said.output and said.output not in names:
        raise WrongUseError(f"there is no output {said.output!r}", where="--output", do=f"It has {', '.join(names)}.")
    if not said.output and len(names) > 1:
        raise WrongUseError(f"{path.name} has {len(names)} outputs", do=f"Choose with --output: {', '.join(names)}.")
    return said.output or names[0]


def _mapping(owner: Task, said: Agreement) -> Mapped:
    allowed = MAPPINGS[owner.kind]
    if said.mapping is None:
        return allowed[0]
    if said.mapping not in allowed:
        what = f"{said.mapping!r} is no way to read {owner.name}"
        raise WrongUseError(what, where="--mapping", do=f"Use {', '.join(allowed)}.")
    return next(name for name in allowed if name == said.mapping)


def _try(owner: Task, spec: ModelSpec, session: Any, path: Path) -> dict[str, Array]:
    """Our outputs on the golden input.

    Raises:
        ModelError: there are none, or they are no numbers.
    """
    predictor = Predictor(owner, spec, session, path, 1, adapters.of(spec.params))
    try:
        outputs = predictor.outputs(owner.golden(spec))
    except ModelError as error:
        raise ModelError(error.what, where=path, do=error.do) from None
    if not all(np.isfinite(values).all() for values in outputs.values()):
        raise ModelError("gives no usable numbers on a plain input", where=path)
    predictor.decoded(outputs)
    return outputs


def _notes(space: Workspace, owner: Task, spec: ModelSpec, spans: dict[str, list[float]]) -> tuple[str, ...]:
    notes = ["imported: not measured on your answers yet; see rushes evaluate and rushes models compare"]
    defined = [event["labels"] for event in space.store.events("labels") if event.get("task") == owner.name]
    if owner.kind == "label" and defined and (strange := sorted(set(spec.labels) ^ set(defined[-1]))):
        notes.append(f"its labels are not this workspace's: {', '.join(strange)}")
    if owner.kind == "score" and spec.params["target"] == "regression":
        low, high = spans["score"]
        if low < -0.25 or high > 1.25:
            notes.append(f"scores of {low:.2f} to {high:.2f} on a plain input are off 0..1; is --mapping right?")
    return tuple(notes)


def _keep(space: Workspace, spec: ModelSpec, model: Any, hashes: dict[str, str], facts: dict[str, Any]) -> Card:
    """Write card and file, the file last, so that it marks a whole version."""
    version = f"v{claim_number(space, spec.task)}"
    spec = spec.model_copy(update={"version": version})
    others = [(prop.key, prop.value) for prop in model.metadata_props if prop.key != METADATA_KEY]
    del model.metadata_props[:]
    for key, value in (*others, (METADATA_KEY, spec.model_dump_json())):
        model.metadata_props.add(key=key, value=value)
    with replacing(model_path(space, spec.task, version)) as temporary:
        temporary.write_bytes(model.SerializeToString())
        predictor = inference.load(temporary, task=spec.task, threads=1)
        golden = fingerprint(predictor.outputs(predictor.task.golden(spec)))
        known = Card(
            task=spec.task,
            version=version,
            created_at=time.time(),
            spec=spec,
            golden=golden,
            sha256={"onnx": sha256_file(temporary), **hashes},
            base=IMPORTED,
            **facts,
        )
        write_atomic(model_path(space, spec.task, version, ".json"), to_json(known))
    return known


if __name__ == "__main__":
    isolated.serve(trial)
