"""Draws clips or degrades photographs by hand.

    python -m core.demo draw speech|scenes|ratings --out DIR [--count N] [--seed S] [--owner factory|user]
    python -m core.demo degrade --from DIR --out DIR [--per-image N] [--seed S]

Both write a manifest.csv that `rushes import` reads. Exit code 1 when something could not be used, 2 for wrong use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from core.errors import RushesError, WrongUseError


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m core.demo", description=__doc__.splitlines()[0] if __doc__ else None
    )
    commands = parser.add_subparsers(dest="command", required=True)
    draw = commands.add_parser("draw", help="draw clips with known truths")
    draw.add_argument("task", choices=("speech", "scenes", "ratings"))
    draw.add_argument("--out", type=Path, required=True, help="folder for the clips and manifest.csv")
    draw.add_argument("--count", type=int, default=20, help="how many clips")
    draw.add_argument("--seed", type=int, default=0, help="another seed never draws the same clip")
    draw.add_argument("--owner", choices=("factory", "user"), default="factory", help="whose clips and truths")
    spoil = commands.add_parser("degrade", help="degrade photographs by known amounts")
    spoil.add_argument("--from", dest="source", type=Path, required=True, help="folder of photographs, or of images/")
    spoil.add_argument("--out", type=Path, required=True, help="folder for the copies and manifest.csv")
    spoil.add_argument("--per-image", type=int, default=3, help="copies per photograph")
    spoil.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    try:
        return _draw(options) if options.command == "draw" else _degrade(options)
    except WrongUseError as error:
        print(error.sentence(), file=sys.stderr)
        return 2
    except RushesError as error:
        print(error.sentence(), file=sys.stderr)
        return 1


def _draw(options: argparse.Namespace) -> int:
    from core.demo.photos import write_table
    from core.demo.user import DrawnClip, factory_clips, user_clips

    if options.count < 1:
        raise WrongUseError("must be at least 1", where="--count")
    make = user_clips if options.owner == "user" else factory_clips
    clips: list[DrawnClip] = make(options.task, options.count, options.seed, options.out, _show)
    answer = {"speech": "text", "scenes": "label", "ratings": "score"}[options.task]
    rows: list[tuple[str, ...]] = [
        (clip.path.name, str(clip.truth), clip.group, clip.speaker or "", str(clip.factory_truth)) for clip in clips
    ]
    manifest: Path = options.out / "manifest.csv"
    write_table(manifest, ("file", answer, "group", "speaker", f"factory_{answer}"), rows)
    print(f"{len(rows)} clips, {manifest}")
    return 0


def _degrade(options: argparse.Namespace) -> int:
    from core.demo.photos import degrade_folder

    done = degrade_folder(options.source, options.out, options.per_image, options.seed, _show)
    for problem in done.problems:
        print(problem, file=sys.stderr)
    print(f"{done.rows} pictures, {done.manifest}")
    return 1 if done.problems else 0


def _show(done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
