"""The full counts of the promises in docs/safety.md; by hand, because they take their time.

python -m tests.benchmarks.safety [--kills 1000] [--fuzz 10000] [--files 5000] [--seed 1] [--json]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from typing import Any

from tests.benchmarks.safety import backups, fuzz, kills


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run what was asked for; 0 of something leaves it out, and its figures are null."""
    asked = _asked(arguments)
    found: dict[str, Any] = dict.fromkeys(
        ("kills", "lost", "unreadable", "fuzzed", "tracebacks", "hangs", "incremental_ratio", "full_vs_restic")
    )
    if asked.kills:
        found |= kills.run(asked.kills, asked.seed)
    if asked.fuzz:
        found |= fuzz.run(asked.fuzz, asked.seed)
    if asked.files:
        found |= backups.run(asked.files)
    print(json.dumps(found) if asked.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return found


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.benchmarks.safety", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--fuzz", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
