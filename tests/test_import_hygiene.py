"""What a fresh process loads: the terminal nothing heavy, the core nothing of the terminal."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch", "torchvision", "boto3", "faiss", "cv2", "av", "sklearn", "librosa", "onnx", "onnxruntime", "numpy",
    "scipy", "sqlite_utils", "pydantic", "pydantic_settings", "httpx",
}  # fmt: skip


def loaded_by(code: str) -> set[str]:
    """The top-level packages a fresh process has loaded after running `code`."""
    script = f"import sys\n{code}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    ended = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


def modules(package: str) -> list[str]:
    found = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / package).rglob("*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in found)


def test_the_terminal_loads_nothing_heavy() -> None:
    assert loaded_by("import tui.app") & HEAVY == set()


def test_a_snapshot_loads_nothing_heavy() -> None:
    assert loaded_by("import core.snapshot") & HEAVY == set()


def test_no_core_module_loads_textual_or_the_terminal() -> None:
    # Each module in one process: a module that loads Textual is found by the state of sys.modules after it.
    code = "import importlib\n" + "\n".join(
        f"importlib.import_module({name!r}); assert 'textual' not in sys.modules and 'tui' not in sys.modules, {name!r}"
        for name in modules("core")
        if not name.endswith("__main__")
    )
    assert loaded_by(code) & {"textual", "tui"} == set()


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, at its top or inside a function."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(("package", "forbidden"), [("core", "tui"), ("core", "textual")])
def test_the_layers_hold_also_inside_functions(package: str, forbidden: str) -> None:
    for path in (ROOT / package).rglob("*.py"):
        wrong = [name for name in imports(path) if name == forbidden or name.startswith(f"{forbidden}.")]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"


def test_the_terminal_never_imports_the_store() -> None:
    for path in (ROOT / "tui").rglob("*.py"):
        wrong = [name for name in imports(path) if name.startswith("core.store")]
        assert not wrong, f"{path.relative_to(ROOT)} imports {wrong}"
