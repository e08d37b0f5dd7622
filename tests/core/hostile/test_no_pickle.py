"""Nothing is ever unpickled, evaluated or given to a shell: neither in the code nor while it runs."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import core
import tui

FORBIDDEN = frozenset(
    {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "shelve", "marshal", "joblib", "jsonpickle"}
)
BUILTINS = frozenset({"eval", "exec", "compile", "__import__"})
# What unpickles, or runs what a text says, unless it is told not to: name -> the argument that must stand there.
NEEDS = {
    "np.load": ("allow_pickle", False),
    "numpy.load": ("allow_pickle", False),
    "torch.load": ("weights_only", True),
}
NEVER = frozenset({"yaml.load", "yaml.unsafe_load", "yaml.full_load", "os.system", "os.popen", "pandas.read_pickle",
                   "torch.hub.load", "torch.package.PackageImporter"})  # fmt: skip
FILES = sorted(path for package in (core, tui) for path in Path(str(package.__file__)).parent.rglob("*.py"))


def faults(tree: ast.AST) -> Iterator[str]:
    """Line and name of what may not be there."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
            yield from (f"{node.lineno}: import {name}" for name in names if name.partition(".")[0] in FORBIDDEN)
        elif isinstance(node, ast.Call):
            name, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            argument = NEEDS.get(name)
            if name in BUILTINS | NEVER or (argument and given.get(argument[0]) != str(argument[1])):
                yield f"{node.lineno}: {name}"
            if given.get("shell", "False") != "False":
                yield f"{node.lineno}: shell"
            if given.get("allow_pickle", "False") != "False":
                yield f"{node.lineno}: allow_pickle"


def test_no_line_of_the_program_unpickles_or_evaluates():
    found = {str(path): list(faults(ast.parse(path.read_text()))) for path in FILES}
    assert {path: lines for path, lines in found.items() if lines} == {}
    assert len(FILES) > 200


@pytest.mark.parametrize("line", ["import pickle", "from joblib import load", "eval(x)", "np.load(x)", "torch.load(x)",
                                  "torch.load(x, weights_only=False)", "subprocess.run(x, shell=True)", "yaml.load(x)",
                                  "np.load(x, allow_pickle=True)", "os.system(x)"])  # fmt: skip
def test_the_look_at_the_code_sees_each_of_them(line: str):
    assert list(faults(ast.parse(line)))


def test_nothing_is_unpickled_while_a_workspace_is_used(tmp_path: Path):
    """Python tells of every unpickled class; opening, predicting, importing, backing up and restoring name none."""
    code = """
import sys
from pathlib import Path
seen = []
def hook(event, given):
    evaluated = event == "exec" and getattr(given[0], "co_filename", "") == "<string>"
    if evaluated or event in ("pickle.find_class", "os.system"):
        frame = sys._getframe(1)
        names = []
        while frame is not None:
            names.append(frame.f_code.co_filename)
            frame = frame.f_back
        if any("/core/" in name or "/tui/" in name for name in names[:3]):
            seen.append((event, str(given)[:200]))
root = Path(sys.argv[1])
sys.addaudithook(hook)
from core import backup, features, loop, registry, tasks
from core.settings import BackupSettings
from PIL import Image
Image.effect_noise((256, 256), 90).convert("RGB").save(root / "a.png")
space = loop.open_workspace(root / "w")
served = registry.serving(space, "ratings").predictor
(sample,) = loop.capture(space, [root / "a.png"], "ratings")
loop.predict(space, served, [sample])
features.of_sample(space, tasks.get("ratings"), sample)
loop.correct(space, [(sample, 0.5)], trigger=False)
made = backup.now(space, [str(root / "kept")])
(vault,) = backup.vaults(BackupSettings(), [str(root / "kept")])
backup.restore(vault, made.id, root / "again")
space.store.rebuild()
space.close()
print(seen)
"""
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.strip() == "[]"


def test_a_pickle_in_the_place_of_anything_is_only_damage(tmp_path: Path):
    """A file that would run a command if it were ever unpickled lies where the program reads arrays and models."""
    import pickle

    from core import loop, registry
    from core.arrays import load_npz
    from core.errors import ModelError

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (Path(tmp_path / "ran"),))  # type: ignore[return-value]

    space = loop.open_workspace(tmp_path / "w")
    places = [space.cache / "features" / "x.npz", space.models / "ratings" / "model_v1.onnx"]
    for place in places:
        place.parent.mkdir(parents=True)
        place.write_bytes(pickle.dumps(Bomb()))
    assert load_npz(places[0]) is None
    with pytest.raises(ModelError):
        registry.load_version(space, "ratings", "v1")
    assert not (tmp_path / "ran").exists()
    space.close()
