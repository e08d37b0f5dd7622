"""python -m tests.benchmarks.insights [--json] [--only vectors,metrics,learning,posting]: medians, and what was asked.

Each part runs in a process of its own, so that one's caches and threads do not help or hinder another.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

# Part -> its rows, and what was asked of each on two cores: at most, or with ">" at least.
PARTS: dict[str, dict[str, str]] = {
    "vectors": {
        "search_10k_ms": "1.5", "search_10k_vs_faiss": "1.3", "search_100k_vs_faiss": "1.3",
        "filtered_10k_ms": "30", "store_ms": "1", "batch_per_s": ">20000", "pgvector_search_ms": "",
    },
    "metrics": {"metrics_write_ms": "2", "import_rows_per_s": ">30000"},
    "learning": {"daily_1m_s": "6", "snapshot_s": "3"},
    "posting": {"virality_ms": "10"},
}  # fmt: skip


def measured(part: str) -> dict[str, float | None]:
    """The part's rows; None for a row that it did not give. Its messages go to standard error."""
    command = [sys.executable, "-m", f"tests.benchmarks.insights.{part}", "--json"]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    found: dict[str, float | None] = {}
    if ran.returncode == 0:
        found = json.loads(ran.stdout)
    else:
        print(f"! {part} ended with {ran.returncode}", file=sys.stderr)
    return {row: found.get(row) for row in PARTS[part]}


def line(row: str, value: float | None, asked: str) -> str:
    """A row for people, with what was asked."""
    if value is None:
        return f"{row:22} not measured"
    least = asked.startswith(">")
    if not asked:
        return f"{row:22} {value:>12,.3f}"
    bar = float(asked.removeprefix(">"))
    held = value >= bar if least else value <= bar
    return f"{row:22} {value:>12,.3f}  {'>=' if least else '<='} {bar:,g}  {'ok' if held else 'MISSED'}"


def main() -> None:
    """Measure the wanted parts, one after the other; exit code 1 when one gave no number."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between")
    wanted = parser.parse_args()
    parts = [part.strip() for part in wanted.only.split(",")]
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    found: dict[str, float | None] = {}
    for part in parts:
        rows = measured(part)
        found |= rows
        if not wanted.json:
            for row, value in rows.items():
                print(line(row, value, PARTS[part][row]), flush=True)
    if wanted.json:
        print(json.dumps(found))
    if None in found.values():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
