"""Degrades a folder of given photographs and writes down how much: pictures with a known score, from real ones."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.demo import paint
from core.demo.degrade import degrade, draw_damage, quality
from core.errors import MediaError, RushesError, WrongUseError
from core.files import write_atomic
from core.media.clip import IMAGE_SUFFIXES, DecodeSpec, Image
from core.media.decode import read_clip
from core.media.encode import write_image

COLUMNS = ("file", "score", "group", "source", "amounts", "original")
_MAX_SIDE = 640  # pixels; larger photographs are scaled down first
Progress = Callable[[int, int], None]  # done, total


@dataclass(frozen=True, slots=True)
class Degraded:
    """What was written: the manifest, its rows, and one sentence for each photograph that could not be used."""

    manifest: Path
    rows: int
    problems: tuple[str, ...]


def degrade_folder(
    source: Path, out: Path, per_image: int = 3, seed: int = 0, progress: Progress | None = None
) -> Degraded:
    """Writes `per_image` damaged copies of every photograph under `out`, and `out/manifest.csv`.

    The score is `quality` of the damage (1 = untouched). The group is the photograph's theme when `source` has a
    manifest.csv with the columns file and theme, else its file name without a trailing _<number>.

    Args:
        source: a folder of photographs, or one that has them in images/.

    Raises:
        WrongUseError: when `source` holds no photograph or `per_image` is below 1.
    """
    if per_image < 1:
        raise WrongUseError("must be at least 1", where="copies per photograph")
    photos = _photos(source)
    themes = _themes(source / "manifest.csv")
    rows: list[tuple[str, str, str, str, str, str]] = []
    problems: list[str] = []
    for number, photo in enumerate(photos):
        name = photo.relative_to(source).as_posix()
        try:
            image = _read(photo)
        except MediaError as error:
            problems.append(error.sentence())
            continue
        group = themes.get(name, re.sub(r"_\d+$", "", photo.stem))
        for copy in range(per_image):
            rng = paint.rng_of(seed, number, copy, 43)
            kind, amounts = draw_damage(rng)
            # The number keeps a.png and a.jpg of one folder apart.
            file = f"images/{number:04d}_{photo.stem}_{copy + 1}.jpg"
            damaged = degrade(image, kind, amounts, int(rng.integers(1 << 31)))
            write_image(out / file, damaged, quality=95)
            score = f"{quality(kind, amounts):.4f}"
            source_kind = kind if any(amounts) else "untouched"
            rows.append((file, score, group, source_kind, "+".join(f"{a:g}" for a in amounts), name))
        if progress is not None:
            progress(number + 1, len(photos))
    manifest = out / "manifest.csv"
    write_table(manifest, COLUMNS, rows)
    return Degraded(manifest, len(rows), tuple(problems))


def write_table(path: Path, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """A CSV file, replaced whole."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text.getvalue())


def _photos(source: Path) -> list[Path]:
    folder = source / "images" if (source / "images").is_dir() else source
    if not folder.is_dir():
        raise WrongUseError("is not a folder", where=source, do="Name a folder of photographs.")
    photos = sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
    if not photos:
        endings = " ".join(sorted(IMAGE_SUFFIXES))
        raise WrongUseError("holds no photograph", where=folder, do=f"Name a folder with files ending in {endings}.")
    return photos


def _read(photo: Path) -> Image:
    return read_clip(photo, DecodeSpec(max_side=_MAX_SIDE, still=True)).frames[0]


def _themes(manifest: Path) -> dict[str, str]:
    """File -> theme, empty where there is no manifest with both columns."""
    if not manifest.is_file():
        return {}
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream)
            if not {"file", "theme"} <= set(reader.fieldnames or ()):
                return {}
            return {row["file"]: row["theme"] for row in reader if row["theme"]}
    except (UnicodeDecodeError, csv.Error) as error:
        raise RushesError("is not a readable CSV file", where=manifest, do="Mend it or take it away.") from error
