"""The public doors that foreign input comes through; each takes one round of hostile input and looks at the outcome.

A door returns how many inputs it gave. `RushesError` is an answer; anything else that is raised is a finding.
"""

from __future__ import annotations

import contextlib
import csv
import http.server
import io
import json
import os
import shutil
import threading
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from core import backup, importing, inference, loop, registry, settings, tasks, vocabulary
from core.backup import keys
from core.errors import RushesError
from core.inference import METADATA_KEY
from core.settings import BackupSettings
from core.training import audit, jobs, meta, progress, record, request
from core.versions import FACTORY_FOLDER
from core.visible import is_safe
from core.workspace import Workspace
from tests.benchmarks.safety import template
from tests.benchmarks.safety.mutation import (
    NUMBERS,
    PATHS,
    STEERING,
    changed,
    document,
    dumped,
    encoded,
    junk,
    spoilt,
)

LINES = 20  # hostile lines a round of a journal
JOURNALS = {"corrections.jsonl": "scenes", "samples.jsonl": "speech", "annotations.jsonl": "ratings"}
COMMANDS = (("models", "list", "-t", "ratings"), ("jobs", "list"), ("review", "list", "-t", "ratings"), ("config",),
            ("dataset", "stats", "-t", "scenes"), ("backup", "list"), ("automation", "status"),
            ("models", "show", "v1", "-t", "ratings"), ("rebuild",), ("automation", "queue"))  # fmt: skip


class FoundError(Exception):
    """Something a door promises does not hold."""


@dataclass
class Bench:
    """What the doors share: a good workspace to copy, a folder to work in, an ONNX file to dress."""

    folder: Path
    good: Path
    backups: Path
    _models: dict[str, Any] = field(default_factory=dict[str, Any])
    _number: int = 0

    @staticmethod
    def make(folder: Path) -> Bench:
        good = template.make(folder / "good")
        space = loop.open_workspace(good)
        backup.now(space, [str(folder / "backups")])
        space.close()
        return Bench(folder, good, folder / "backups")

    @contextlib.contextmanager
    def copy(self) -> Generator[Path]:
        """A workspace of its own; model files are shared, because nothing may write to them."""
        self._number += 1
        root = self.folder / f"w{self._number}"
        shutil.copytree(self.good, root, copy_function=_link_or_copy)
        try:
            yield root
        finally:
            shutil.rmtree(root)

    def model(self, task: str) -> Any:
        import onnx

        if task not in self._models:
            self._models[task] = onnx.load_model(FACTORY_FOLDER / f"{task}.onnx")
        return self._models[task]


def _link_or_copy(source: str, target: str) -> str:
    if source.endswith(".onnx"):
        os.link(source, target)
        return target
    return shutil.copy2(source, target)


@contextlib.contextmanager
def _opened(root: Path) -> Generator[Workspace]:
    space = loop.open_workspace(root)
    try:
        yield space
    finally:
        space.close()


def journals(rng: Random, bench: Bench) -> int:
    """Hostile lines between good ones, in any of the four; the good ones must be read, and more can be written."""
    name = rng.choice([*JOURNALS, "events.jsonl"])
    with bench.copy() as root:
        path = root / "training_data" / name
        good = path.read_bytes().splitlines()
        hostile = [_line(rng, good) for _ in range(LINES)]
        mixed: list[bytes] = [line.replace(b"\n", b" ") for line in hostile]
        for line in good:
            mixed.insert(rng.randrange(len(mixed) + 1), line)
        path.write_bytes(b"\n".join(mixed) + rng.choice((b"", b"\n", b'\n{"torn": ')))
        if rng.random() < 0.3:
            (root / "rushes.db").unlink()
        with _opened(root) as space:
            if name in JOURNALS:
                _neighbours(space, JOURNALS[name], hostile)
            _look(space)
            if name in JOURNALS:
                _answer_more(space, JOURNALS[name])
    return LINES


def _line(rng: Random, good: list[bytes]) -> bytes:
    how = rng.random()
    source = rng.choice(good)
    if how < 0.7:
        line = json.loads(source)
        # A changed line that still names a good sample would be a later word on it, which counts.
        line |= {"sample": "other", "id": "other", "batch": f"b{rng.random()}"} if rng.random() < 0.9 else {}
        return encoded(dumped(changed(rng, line)))
    if how < 0.8:
        return spoilt(rng, source.replace(b'"sample": "', b'"sample": "x'))
    return document(rng, {"framePath": "x.jpg", "rating": 0.5})


def _neighbours(space: Workspace, task: str, hostile: list[bytes]) -> None:
    spoken = b"\n".join(hostile)
    batch = template.BATCH.encode()
    there = {item.sample.id for item in space.store.answered(task)}
    for sample in template.samples(task):
        # A line that claims to be of the same action has a say in whether that is complete.
        if sample.id not in there and sample.id.encode() not in spoken and batch not in spoken:
            raise FoundError(f"the good line of {sample.id} is not read")


def _answer_more(space: Workspace, task: str) -> None:
    from core.store.records import Sample

    fresh = Sample(id="fresh", task=task, group="g", media="training_data/videos/f.avi")
    loop.correct(space, [(fresh, template.VALUES[task])], picked_by="own", trigger=False)
    if "fresh" not in {item.sample.id for item in space.store.answered(task)}:
        raise FoundError("a new answer is not there")


def _look(space: Workspace) -> None:
    """What the screens and commands read."""
    from core.automation import gate, publishing
    from core.backup import history
    from core.review import queue, triage
    from core.snapshot import capture, models, review
    from core.snapshot import training as trainings
    from core.snapshot.insights import gate as insights

    for task in tasks.names():
        _answered(space.store.statistics, task)
        for row in space.store.samples(task):
            space.store.predictions(row.sample.id)
        for look in (capture.take, models.take, insights.take, trainings.take):
            _answered(look, space, task)
        _answered(review.statistics, space, task)
        _answered(triage.states, space, task)
        _answered(partial(queue.queue, limit=20), space, task)
    _answered(gate.status, space)
    _answered(publishing.entries, space)
    _answered(history.status, space)
    space.store.problems()


def _answered(look: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(RushesError):
        look(*arguments)


FILES: Mapping[str, tuple[str, Any]] = {
    "active": ("models/ratings/active.json", {"champion": "v1", "challenger": None, "previous": ["factory"],
                                              "speakers": {"a": "v1"}, "speakers_previous": {"a": ["v1"]}}),
    "audit": ("models/training-audit.jsonl", template.AUDIT),
    "meta": ("models/training_meta.json", {"currentVersion": "v1", "tasks": {"ratings": {"systemRating": 1}}}),
    "progress": (f"jobs/{template.JOB}/progress.jsonl", template.PROGRESS),
    "run": (f"jobs/{template.JOB}/run.json", template.RUN),
    "evidence": (f"jobs/{template.JOB}/evidence.json", {"champion": "v1", "pairs": [{"sample": "s"}]}),
    "report": (f"jobs/{template.JOB}/report.json", {"task": "ratings", "version": "v1", "n": 1, "intervals": {}}),
    "history": ("backups/history.jsonl", {"at": 1.0, "id": "1", "size": 1, "destinations": [{"where": "x"}]}),
    "hashes": ("cache/backup/hashes.json", {"rushes.toml": [1, 2, 3, 4, "0" * 64, []]}),
    "threads": ("cache/threads.json", {"ratings/v1/4328256": 1}),
    "number": ("models/ratings/last_number", 1),
}  # fmt: skip


def files(rng: Random, bench: Bench) -> int:
    """All single files of a workspace spoilt at once, some of them; everything that reads them is asked."""
    given = 0
    with bench.copy() as root:
        for name, (path, good) in FILES.items():
            if rng.random() < 0.6:
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                before = target.read_bytes() if target.exists() and path.endswith("l") else b""
                target.write_bytes(before + document(rng, good) + (b"\n" if name in ("audit", "progress") else b""))
                given += 1
        if rng.random() < 0.5:
            given += 1
            card = root / "models/ratings/model_v1.json"
            card.write_bytes(document(rng, json.loads(card.read_bytes())))
        if rng.random() < 0.4:
            given += 1
            path = root / f"jobs/{template.JOB}/manifest_full.csv"
            path.write_bytes(spoilt(rng, path.read_bytes()))
        with _opened(root) as space:
            _records(space)
            _look(space)
        if rng.random() < 0.2:
            command(rng, root)
    return max(given, 1)


def _records(space: Workspace) -> None:
    for look in (record.restore_jobs, record.restore_runs, jobs.every, meta.write_meta):
        _answered(look, space)
    _answered(audit.statistics, audit.history(space))
    progress.last(space.jobs / template.JOB)
    for job in jobs.every(space):
        job.to_json()
        _answered(jobs.progress_lines, space, job.job_id)
    registry.cards(space, "ratings")
    active = registry.pointer(space, "ratings")
    _answered(registry.serving_spec, space, "ratings", "a")
    for version in active.line("a"):
        _answered(registry.card, space, "ratings", version)
    assert request.Request()


def manifests(rng: Random, bench: Bench) -> int:
    """A CSV manifest of hostile cells and one good row, which is taken wherever the header still says how."""
    with bench.copy() as root:
        (root / "good.png").write_bytes(_png())
        rows: list[list[str]] = [["good.png", "0.5", "g", "1", "2020-01-01"]]
        for _ in range(10):
            row = ["good.png", "0.5", "g", "1", "2020-01-01"]
            row[rng.randrange(len(row))] = rng.choice((*STEERING, *PATHS, *map(str, NUMBERS), str(junk(rng, 1))))
            rows.insert(rng.randrange(len(rows) + 1), row)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["file", "score", "group", "rating_count", "captured_at"])
        writer.writerows(rows)
        raw = encoded(text.getvalue())
        whole = rng.random() < 0.7 and b"\xed" not in raw
        path = root / "m.csv"
        path.write_bytes(raw if whole else spoilt(rng, raw))
        with _opened(root) as space:
            before = space.store.count_answered("ratings")
            try:
                taken = importing.run(space, path, "ratings")
            except RushesError:
                if whole:
                    raise FoundError("a good row among bad ones was refused with them") from None
            else:
                kept = space.store.count_answered("ratings")
                if whole and (not taken.imported or kept <= before):
                    raise FoundError("a good row among bad ones was not taken")
    return 10


def imports(rng: Random, bench: Bench) -> int:
    """A journal of one of the seeds' systems, and lists of labels."""
    with bench.copy() as root:
        name, task = rng.choice(list(JOURNALS.items()))
        good = (root / "training_data" / name).read_bytes().splitlines()
        bad = [_line(rng, good).replace(b"\n", b" ") for _ in range(10)]
        path = root / f"theirs{rng.choice(('.jsonl', '.ndjson'))}"
        path.write_bytes(b"\n".join([*bad, *good]))
        listed = root / f"labels{rng.choice(('.txt', '.csv', '.json'))}"
        listed.write_bytes(document(rng, rng.choice((["a", "b"], {"a": 0, "b": 1}, {"labels": ["a"]}))))
        with _opened(root) as space:
            _answered(importing.run, space, path, task)
            _answered(lambda: vocabulary.columns(vocabulary.read_list(listed), "abc"))
            _look(space)
    return 11


def metadata(rng: Random, bench: Bench) -> int:
    """An ONNX file that runs, with hostile metadata; then one of hostile bytes. What loads must answer or refuse."""
    import numpy as np

    task = rng.choice(("ratings", "scenes"))
    model = bench.model(task)
    spec = json.loads(next(prop.value for prop in model.metadata_props if prop.key == METADATA_KEY))
    path = bench.folder / "m.onnx"
    dressed = type(model)()
    dressed.CopyFrom(model)
    text = document(rng, spec).decode("utf-8", "replace")
    if rng.random() < 0.3:
        text = json.dumps(spec | _spec_wish(rng))
    for prop in dressed.metadata_props:
        if prop.key == METADATA_KEY:
            prop.value = text
    path.write_bytes(dressed.SerializeToString())
    with contextlib.suppress(RushesError):
        predictor = inference.load(path, threads=1)
        outputs = predictor.outputs(predictor.task.golden(predictor.spec))
        with np.errstate(all="ignore"):
            predictor.decoded(outputs)
    path.write_bytes(spoilt(rng, dressed.SerializeToString()[:3000]))
    with contextlib.suppress(RushesError):
        inference.load(path, threads=1)
    return 2


def _spec_wish(rng: Random) -> dict[str, Any]:
    return rng.choice((
        {"labels": [str(number) for number in range(100_000)]}, {"labels": []}, {"labels": ["a", "a"]},
        {"scale": [5, 0]}, {"scale": [0, 0]},
        {"temperature": 0}, {"temperature": -1e-300}, {"threshold": 7}, {"params": {"adapter": {}}},
        {"params": {"target": "binary"}}, {"params": {"spread": "x"}}, {"params": {"spread": -1}}, {"features": "x/9"},
        {"params": {}}, {"task": "../x"}, {"version": "../../v1"}, {"labels": ["\x1b[31m", "[red]"]},
        {"params": {"calibration": [[0, 1]]}}, {"params": {"isotonic": "x"}}, {"calibration_n": -1},
    ))  # fmt: skip


def configuration(rng: Random, bench: Bench) -> int:
    """rushes.toml and the environment."""
    root = bench.folder / "settings"
    root.mkdir(exist_ok=True)
    names = [row.name for row in settings.describe(settings.load(None))]
    lines: list[str] = []
    for name in rng.sample(names, 4):
        section, _, key = name.partition(".")
        value = rng.choice((*map(str, NUMBERS), dumped(junk(rng, 1)), '"x"', "[1, 2]", "{a = 1}", "1979-05-27", "''"))
        lines.append(f"[{section}]\n{key or 'x'} = {value}")
    raw = encoded("\n".join(lines))
    how = rng.random()
    if how < 0.3:
        raw = spoilt(rng, raw)
    elif how < 0.4:
        raw = rng.choice(
            (b"a = " + b"[" * 5000, b"a." * 3000 + b"b = 1", b"\xff\xfe", b"x" * 2_000_000, b"a = " + b"9" * 9000)
        )
    (root / "rushes.toml").write_bytes(raw)
    name = f"RUSHES_{rng.choice(names).replace('.', '__').upper()}"
    os.environ[name] = rng.choice((*map(str, NUMBERS), "x", "[", "{}", '{"a": [', "\x1b[31m", "true", "[" * 2000))
    try:
        _answered(settings.load, root)
    finally:
        del os.environ[name]
    return 2


def backups(rng: Random, bench: Bench) -> int:
    """A destination whose label, indexes, manifests or packs were changed; a restore writes inside or not at all."""
    from core.backup.formats import Manifest, decode

    place = bench.folder / "spoilt"
    shutil.copytree(bench.backups, place)
    into = bench.folder / "restored" / "here"
    try:
        target = rng.choice([path for path in sorted(place.rglob("*")) if path.is_file()])
        raw = target.read_bytes()
        if target.parent.name != "packs" and rng.random() < 0.7:
            known = json.loads(raw)
            if "files" in known and rng.random() < 0.7:
                rng.choice(known["files"])["path"] = rng.choice(PATHS)
            raw = encoded(dumped(changed(rng, known) if rng.random() < 0.6 else known))
            with contextlib.suppress(ValueError, RushesError):  # a changed one may be sealed anew by whoever changed it
                raw = decode(Manifest, raw, "x").sealed().model_dump_json().encode()
        else:
            raw = spoilt(rng, raw)
        target.chmod(0o600)
        target.write_bytes(raw)
        with contextlib.suppress(RushesError):
            (vault,) = backup.vaults(BackupSettings(), [str(place)])
            for name in vault.backups():
                _answered(backup.restore, vault, name, into)
        strangers = [path for path in into.parent.iterdir() if path.name != "here"] if into.parent.exists() else []
        if strangers:
            raise FoundError(f"a restore left {strangers[0].name}")
    finally:
        shutil.rmtree(place)
        shutil.rmtree(into.parent, ignore_errors=True)
    return 1


def secrets(rng: Random, bench: Bench) -> int:
    """A recovery key somebody typed or pasted."""
    del bench
    good = "AGE-SECRET-KEY-1" + "Q" * 58
    text = rng.choice((spoilt(rng, good.encode()).decode("utf-8", "replace"), *STEERING, "", good.lower(), good + "\n"))
    _answered(keys.load, text)
    return 1


class _Talker(http.server.BaseHTTPRequestHandler):
    body: bytes = b""
    status: int = 200

    def do_POST(self) -> None:
        with contextlib.suppress(OSError):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(self.status)
            self.send_header("content-length", str(len(self.body)))
            self.end_headers()
            self.wfile.write(self.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        del format, args


def answers(rng: Random, bench: Bench) -> int:
    """What a language model answers, whatever it is; nothing that steers a terminal comes through."""
    from core.tasks.speech import llm

    del bench
    count = 10
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Talker) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            params = llm.LlmParams(base_url=f"http://127.0.0.1:{server.server_port}/v1", timeout_s=5)
            for _ in range(count):
                said = rng.choice((*STEERING, "Bin blue at F two now."))
                good = {"choices": [{"message": {"role": "assistant", "content": said}}]}
                _Talker.body = document(rng, good) if rng.random() < 0.7 else encoded(dumped(good))
                _Talker.status = rng.choice((200, 200, 200, 204, 301, 404, 500, 999))
                found = llm.correct_text("bin blue at f two now", [], params)
                if found.text is not None and not is_safe(found.text):
                    raise FoundError("what the language model said steers a terminal")
        finally:
            server.shutdown()
            thread.join()
    return count


def command(rng: Random, root: Path) -> int:
    """A command on a spoilt workspace: a sentence and an exit code, never a traceback or a sign that steers."""
    from tui.cli import app
    from tui.commands.common import guarded

    wanted = rng.choice(COMMANDS)
    out, err = io.StringIO(), io.StringIO()
    arguments = [*wanted, "-w", str(root), *(["--json"] if rng.random() < 0.5 else [])]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = guarded(lambda: app(arguments, standalone_mode=False))
    said = out.getvalue() + err.getvalue()
    if code not in (0, 1, 2) or "Traceback" in said or "unexpected error" in said:
        raise FoundError(f"{' '.join(wanted)} ended with {code}: {err.getvalue()[-300:]}")
    if not all(is_safe(line) for line in said.splitlines()):
        raise FoundError(f"{' '.join(wanted)} printed a sign that steers the terminal")
    if "--json" in arguments and code == 0:
        json.loads(out.getvalue())
    return 1


def commands(rng: Random, bench: Bench) -> int:
    """Commands on a workspace whose journals and card hold hostile texts."""
    with bench.copy() as root:
        for name in JOURNALS:
            path = root / "training_data" / name
            good = path.read_bytes().splitlines()
            path.write_bytes(b"\n".join([*good, *(_line(rng, good).replace(b"\n", b" ") for _ in range(4))]) + b"\n")
        card = root / "models/ratings/model_v1.json"
        known = json.loads(card.read_bytes())
        known |= {"name": rng.choice(STEERING[:-8]), "notes": [rng.choice(STEERING[:6])], "base": "imported"}
        card.write_bytes(encoded(dumped(known)))
        return 12 + 1 + command(rng, root)


def _png() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 90, 20)).save(out, "PNG")
    return out.getvalue()


Door = Callable[[Random, Bench], int]
# With the share of all inputs that each gets.
DOORS: Mapping[Door, float] = {
    journals: 0.30, files: 0.12, manifests: 0.08, imports: 0.10, metadata: 0.05, configuration: 0.12, backups: 0.05,
    secrets: 0.03, answers: 0.05, commands: 0.10,
}  # fmt: skip
