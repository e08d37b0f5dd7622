"""Doors of what comes from elsewhere: data sets, models, settings, backups, keys, what a language model says."""

from __future__ import annotations

import contextlib
import csv
import http.server
import io
import json
import os
import shutil
import threading
from random import Random
from typing import Any

from core import backup, importing, inference, settings, vocabulary
from core.backup import keys
from core.errors import RushesError
from core.inference import METADATA_KEY
from core.settings import BackupSettings
from core.visible import is_safe
from tests.benchmarks.safety import template
from tests.benchmarks.safety.bench import Bench, FoundError, answered, look, opened
from tests.benchmarks.safety.mutation import (
    NUMBERS,
    PATHS,
    STEERING,
    changed,
    document,
    dumped,
    encoded,
    hostile_line,
    junk,
    spoilt,
)


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
        with opened(root) as space:
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


def _png() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 90, 20)).save(out, "PNG")
    return out.getvalue()


def imports(rng: Random, bench: Bench) -> int:
    """A journal of one of the seeds' systems, and lists of labels."""
    with bench.copy() as root:
        name, task = rng.choice(list(template.JOURNALS.items()))
        good = (root / "training_data" / name).read_bytes().splitlines()
        bad = [hostile_line(rng, good).replace(b"\n", b" ") for _ in range(10)]
        path = root / f"theirs{rng.choice(('.jsonl', '.ndjson'))}"
        path.write_bytes(b"\n".join([*bad, *good]))
        listed = root / f"labels{rng.choice(('.txt', '.csv', '.json'))}"
        listed.write_bytes(document(rng, rng.choice((["a", "b"], {"a": 0, "b": 1}, {"labels": ["a"]}))))
        with opened(root) as space:
            answered(importing.run, space, path, task)
            answered(lambda: vocabulary.columns(vocabulary.read_list(listed), "abc"))
            look(space)
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
        answered(settings.load, root)
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
                answered(backup.restore, vault, name, into)
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
    answered(keys.load, text)
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
