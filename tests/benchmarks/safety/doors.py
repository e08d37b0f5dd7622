"""The public doors that foreign input comes through; each takes one round of hostile input and looks at the outcome.

A door returns how many inputs it gave. `RushesError` is an answer; anything else that is raised is a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from tests.benchmarks.safety.bench import Bench
from tests.benchmarks.safety.foreign_doors import (
    answers,
    backups,
    configuration,
    imports,
    manifests,
    metadata,
    secrets,
)
from tests.benchmarks.safety.workspace_doors import commands, files, journals

Door = Callable[[Random, Bench], int]
# With the share of all inputs that each gets.
DOORS: Mapping[Door, float] = {
    journals: 0.30, files: 0.12, manifests: 0.08, imports: 0.10, metadata: 0.05, configuration: 0.12, backups: 0.05,
    secrets: 0.03, answers: 0.05, commands: 0.10,
}  # fmt: skip
