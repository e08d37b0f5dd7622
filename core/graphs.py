"""Looking through an ONNX file's parts, subgraphs and functions included, before anything runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.errors import ModelError


def parsed(content: bytes, path: Path) -> Any:
    """The file as a protobuf.

    Raises:
        ModelError: it is none.
    """
    import onnx  # 200 ms, only here
    from google.protobuf.message import DecodeError

    try:
        return onnx.ModelProto.FromString(content)
    except DecodeError:
        raise ModelError("is not an ONNX model", where=path) from None


def nodes(model: Any) -> Iterator[Any]:
    """All operators."""
    for part in _parts(model):
        yield from part.node


def refuse_outside(model: Any, path: Path) -> None:
    """Refuse a file that keeps weights elsewhere, wherever that is: a version is one file.

    Raises:
        ModelError: it does.
    """
    if outside := next((tensor for tensor in _tensors(model) if tensor.data_location == tensor.EXTERNAL), None):
        raise ModelError(
            f"keeps its weights in another file ({outside.name})",
            where=path,
            do="Save it as one file: onnx.save(model, path) with save_as_external_data=False.",
        )


def _parts(model: Any) -> Iterator[Any]:
    left: list[Any] = [model.graph, *model.functions]
    while left:
        part = left.pop()
        yield part
        for node in part.node:
            for attribute in node.attribute:
                left += [attribute.g, *attribute.graphs] if attribute.HasField("g") else list(attribute.graphs)


def _tensors(model: Any) -> Iterator[Any]:
    for part in _parts(model):
        yield from getattr(part, "initializer", ())  # functions have none
        for sparse in getattr(part, "sparse_initializer", ()):
            yield from (sparse.values, sparse.indices)
        for node in part.node:
            for attribute in node.attribute:
                yield from (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors)
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)
