"""Vectors of samples and posts: embeddings."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.errors import WrongUseError
from tui.commands.common import FAILED, AsJson, InWorkspace, counted, emit, say, workspace

if TYPE_CHECKING:
    from core.embeddings.store import EmbeddingsStore
    from core.workspace import Workspace

app = typer.Typer()
embeddings_app = typer.Typer(help="Vectors: what is alike.", no_args_is_help=True)
app.add_typer(embeddings_app, name="embeddings")

TYPES = "clip_visual, text_caption, text_trend, brand_style or audio_feature."
OfType = Annotated[str, typer.Option("--type", help=TYPES)]
AnyType = Annotated[str | None, typer.Option("--type", help=f"Only these: {TYPES}")]
Encoder = Annotated[str | None, typer.Option("--encoder", help="What made the vectors; needed where several did.")]
Backend = Annotated[str | None, typer.Option("--backend", help="faiss or pgvector; embeddings.backend by default.")]
Task = Annotated[str | None, typer.Option("--task", "-t", help="scenes, speech or ratings.")]


@contextmanager
def _opened(where: Path | None, backend: str | None) -> Generator[tuple[Workspace, EmbeddingsStore]]:
    from core.embeddings.store import open_store

    if backend not in (None, "faiss", "pgvector"):
        raise WrongUseError(f"there is no backend {backend!r}", do="Use faiss or pgvector.")
    with workspace(where) as space, open_store(space, backend) as store:
        yield space, store


@embeddings_app.command("import")
def embeddings_import(
    file: Annotated[Path, typer.Argument(help="npz (ids, vectors), jsonl, csv, or npy with --ids.")],
    kind: OfType = "clip_visual",
    encoder: Annotated[str, typer.Option("--encoder", help="What made them; never mixed with others.")] = "imported",
    ids: Annotated[Path | None, typer.Option("--ids", help="The ids of a .npy file's rows.")] = None,
    backend: Backend = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Take in vectors that other programs made; the file is kept, bad rows are named, good ones taken."""
    from core.embeddings import importing
    from core.embeddings.types import type_of

    with _opened(where, backend) as (space, store):
        found = importing.run(space, store, file, type_of(kind), encoder, ids)
        line = f"{found.new} new, {found.updated} replaced, of {found.rows} rows ({found.dimension} numbers each)"
        emit(found.to_json(), as_json, [line])
        for row, reason in found.errors[:20]:
            say(f"! row {row}: {reason}")
        if len(found.errors) > 20:
            say(f"! and {len(found.errors) - 20} more")
    if found.errors:
        raise typer.Exit(FAILED)


@embeddings_app.command("store")
def embeddings_store(
    task: Task = None,
    kind: AnyType = None,
    every: Annotated[bool, typer.Option("--all", help="Answered samples too, not only those that wait.")] = False,
    key: Annotated[str | None, typer.Option("--key", help="With --text: what the text is of.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Store this text's vector.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="Store a brand's style: the mean of --like.")] = None,
    like: Annotated[list[str] | None, typer.Option("--like", help="A sample of the style; several times.")] = None,
    encoder: Encoder = None,
    backend: Backend = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Make the vectors that samples lack; stop it at any time, the next run goes on."""
    with _opened(where, backend) as (space, store):
        if text is not None:
            emit(_store_text(store, kind, key, text, encoder), as_json)
        elif name is not None:
            from core.embeddings.brand import brand
            from core.review.answers import find

            style = brand(space, store, name, [find(space, one) for one in like or []])
            made = {"name": name, "encoder_id": style.encoder_id, "samples": style.metadata["samples"]}
            emit(made, as_json, [f"{name}: the mean of {len(made['samples'])} samples"])
        else:
            _encode(space, store, task, kind, every, as_json)


def _store_text(
    store: EmbeddingsStore, kind: str | None, key: str | None, words: str, encoder: str | None
) -> dict[str, Any]:
    from core.embeddings import text
    from core.embeddings.types import Embedding, type_of

    if key is None:
        raise WrongUseError("--text needs --key", do="Say what the text is of: a content_id, or any name.")
    of, maker = type_of(kind or "text_caption"), encoder or text.HASHED
    store.store_now(Embedding(of, key, text.encode(words, maker), maker))
    return {"key": key, "type": of.value, "encoder_id": maker}


def _encode(
    space: Workspace, store: EmbeddingsStore, task: str | None, kind: str | None, every: bool, as_json: bool
) -> None:
    from core import tasks
    from core.embeddings import encoding
    from core.embeddings.types import type_of

    payload: dict[str, dict[str, Any]] = {}
    lines: list[str] = []
    for each in [tasks.get(task).name] if task else encoding.tasks_with_samples(space):
        samples = encoding.samples_of(space, each, unanswered=not every)
        wanted = [type_of(kind)] if kind else list(encoding.modalities(each))
        for one in wanted:
            with counted(f"{each} {one.value}") as step:
                found = encoding.encode(space, store, each, one, samples, progress=step)
            payload.setdefault(each, {})[one.value] = found.to_json()
            without = f", {len(found.errors)} can have none" if found.errors else ""
            lines.append(f"{each} {one.value}: {found.made} made, {found.remaining} remain{without}")
    emit(payload, as_json, lines or ["no samples yet"])


@embeddings_app.command("search")
def embeddings_search(
    kind: OfType = "clip_visual",
    like: Annotated[str | None, typer.Option("--like", help="A sample, or any key that has a vector.")] = None,
    count: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    text: Annotated[str | None, typer.Option("--text", help="Find texts like this one.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help="Find what looks like this clip or picture.")] = None,
    filters: Annotated[list[str] | None, typer.Option("--filter", help="key=value in the metadata.")] = None,
    unanswered: Annotated[bool, typer.Option("--unanswered", help="Only samples that wait for an answer.")] = False,
    joined: Annotated[bool, typer.Option("--joined", help="By look, sound and words together; needs --like.")] = False,
    task: Task = None,
    encoder: Encoder = None,
    backend: Backend = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """The nearest by cosine: like a sample, a text, a file. Vectors a sample lacks are made first."""
    if sum(one is not None for one in (like, text, file)) != 1:
        raise WrongUseError("say what to look for", do="Give one of --like, --text and --file.")
    from core.embeddings import asking
    from core.embeddings.filters import typed
    from core.embeddings.types import type_of

    with _opened(where, backend) as (space, store):
        asked = asking.Asked(type_of(kind), like, text, file, count, typed(filters or []), unanswered, task, encoder)
        if joined:
            found, weights = asking.together(space, store, asked)
            payload = {"weights": weights, "results": [one.to_json() for one in found]}
            lines = [f"{one.score:+.3f}  {one.key}{_parts(one.to_json())}" for one in found]
            emit(payload, as_json, [f"weights: {_pairs(weights)}", *lines])
            return
        results = asking.nearest(space, store, asked)
        lines = [f"{one.score:+.3f}  {one.key}  {one.encoder_id}" for one in results]
        emit([one.to_json() for one in results], as_json, lines or ["nothing is like it"])


def _pairs(weights: dict[str, float]) -> str:
    return ", ".join(f"{name} {weight:g}" for name, weight in weights.items())


def _parts(found: dict[str, Any]) -> str:
    missing = f"; has no {', '.join(found['missing'])}" if found["missing"] else ""
    return f"  ({', '.join(f'{name} {score:.2f}' for name, score in found['parts'].items())}{missing})"


@embeddings_app.command("delete")
def embeddings_delete(
    keys: Annotated[list[str], typer.Argument(help="Sample ids, content ids or other keys, in full.")],
    kind: OfType,
    encoder: Encoder = None,
    backend: Backend = None,
    as_json: AsJson = False,
    where: InWorkspace = None,
) -> None:
    """Remove vectors by key."""
    from core.embeddings.types import type_of

    with _opened(where, backend) as (_, store):
        gone = store.delete_now(type_of(kind), keys, encoder)
        emit({"deleted": gone}, as_json, [f"{gone} vectors deleted"])
    if not gone:
        raise typer.Exit(FAILED)


@embeddings_app.command("rebuild")
def embeddings_rebuild(
    kind: AnyType = None, backend: Backend = None, as_json: AsJson = False, where: InWorkspace = None
) -> None:
    """Make the search caches anew from the vectors that are kept."""
    from core.embeddings.types import type_of

    with _opened(where, backend) as (_, store):
        count = store.backend.rebuild(type_of(kind) if kind else None)
        emit({"vectors": count}, as_json, [f"{count} vectors can be searched"])


@embeddings_app.command("list")
def embeddings_list(backend: Backend = None, as_json: AsJson = False, where: InWorkspace = None) -> None:
    """Which vectors there are: type, encoder, numbers each, count."""
    with _opened(where, backend) as (_, store):
        found = store.backend.collections()
        payload = [
            {"type": one.type.value, "encoder_id": one.encoder_id, "dimension": one.dimension, "count": one.held}
            for one in found
        ]
        lines = [f"{one.type.value:14} {one.encoder_id:28} {one.dimension:5} x {one.held}" for one in found]
        emit(payload, as_json, lines or ["no vectors yet"])
