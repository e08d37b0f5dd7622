"""A version as a model folder that MLflow loads (its onnx flavour), written without MLflow.

The folder's format: https://mlflow.org/docs/latest/ml/model/#storage-format
"""

from __future__ import annotations

import datetime as dt
import json
import platform
import shutil
import uuid
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from core import inference, registry
from core.exporting import folder
from core.exporting.folder import Exported
from core.tasks.base import ModelSpec
from core.versions import Card, card, model_path, require
from core.workspace import Workspace

MODEL = "model.onnx"
FOLLOWS = "2.20.0"  # the MLflow whose format this is; later ones read it
DTYPES = {"tensor(float)": "float32", "tensor(uint8)": "uint8", "tensor(int64)": "int64", "tensor(double)": "float64"}


def export(space: Workspace, version: str, to: Path, *, task: str) -> Exported:
    """MLmodel, model.onnx, conda.yaml, python_env.yaml and requirements.txt.

    MLflow feeds the network itself: what goes in are the features of `metadata`, not clips.

    Raises:
        WrongUseError: there is no such version, or something else is at that place.
        ModelError: its file cannot be used.
    """
    owner = registry.check_task(task)
    require(space, owner, version)
    known, path = card(space, owner, version), model_path(space, owner, version)
    predictor = registry.prove(space, owner, version)
    with folder.building(to, "mlflow", {"version": f"{owner}/{version}"}) as made:
        shutil.copyfile(path, made / MODEL)
        needed = [f"{name}=={installed(name)}" for name in ("numpy", "onnx", "onnxruntime")]
        python = platform.python_version()
        (made / "requirements.txt").write_text("".join(f"{one}\n" for one in ("mlflow", *needed)))
        tools = "".join(f"- {name}\n" for name in ("pip", "setuptools", "wheel"))
        env = f"python: {python}\nbuild_dependencies:\n{tools}dependencies:\n- -r requirements.txt\n"
        (made / "python_env.yaml").write_text(env)
        (made / "conda.yaml").write_text(_conda(python, needed))
        size = (made / MODEL).stat().st_size
        (made / "MLmodel").write_text(_mlmodel(known, predictor.session, python, size))
        whole = folder.size_of(made)
    return Exported("mlflow", str(to.expanduser().absolute()), {"versions": 1, "version": version}, whole, False)


def _conda(python: str, needed: list[str]) -> str:
    packages = "".join(f"  - {one}\n" for one in ("mlflow", *needed))
    return f"channels:\n- conda-forge\ndependencies:\n- python={python}\n- pip\n- pip:\n{packages}name: mlflow-env\n"


def _mlmodel(known: Card, session: Any, python: str, size: int) -> str:
    made = dt.datetime.fromtimestamp(known.created_at, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    name = f"{known.task}/{known.version}/{known.sha256.get('onnx', '')}"
    inputs, outputs = _schema(session.get_inputs()), _schema(session.get_outputs())
    return f"""artifact_path: {known.task}
flavors:
  onnx:
    code: null
    data: {MODEL}
    onnx_session_options: null
    onnx_version: {installed("onnx")}
    providers:
    - CPUExecutionProvider
  python_function:
    data: {MODEL}
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
    loader_module: mlflow.onnx
    python_version: {python}
metadata: {json.dumps(_metadata(known.version, known.spec))}
mlflow_version: {FOLLOWS}
model_size_bytes: {size}
model_uuid: {uuid.uuid5(uuid.NAMESPACE_URL, name).hex}
signature:
  inputs: {_quoted(inputs)}
  outputs: {_quoted(outputs)}
  params: null
utc_time_created: '{made}'
"""


def _metadata(version: str, spec: ModelSpec) -> dict[str, Any]:
    """What a caller needs to feed the network and to read its output; a JSON object is YAML too."""
    return {
        "program": folder.program(),
        "task": spec.task,
        "version": version,
        "features": spec.features,
        "decoder": spec.decoder,
        "labels": list(spec.labels),
        "temperature": spec.temperature,
        "in_file": f"all of it: the ONNX file's metadata, {inference.METADATA_KEY}",
    }


def _schema(values: Any) -> list[dict[str, Any]]:
    return [
        {
            "name": value.name,
            "type": "tensor",
            "tensor-spec": {
                "dtype": DTYPES.get(value.type, "object"),
                "shape": [dim if isinstance(dim, int) else -1 for dim in value.shape],
            },
        }
        for value in values
    ]


def _quoted(value: Any) -> str:
    """JSON as a single-quoted YAML text, the form MLflow writes."""
    return "'" + json.dumps(value).replace("'", "''") + "'"
