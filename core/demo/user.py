"""The drawn user: whose face, words, labels and scale differ from the factory's by rules fixed here.

Makes the clips of that user and of the factory as real files, each with what its owner would answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from core.demo import paint, stage
from core.demo.degrade import degrade, draw_damage, parts, quality
from core.demo.faces import draw_sentence
from core.demo.frames import draw_picture
from core.demo.scenes import LABELS, Scene, scene_parameters
from core.demo.speaker import Speaker, speaker_of_user
from core.demo.words import FPS, GRID_GRAMMAR, USER_GRAMMAR, make_sentence
from core.errors import RushesError
from core.files import private_dir
from core.media.encode import write_image, write_video

TASKS = ("speech", "scenes", "ratings")
Owner = Literal["factory", "user"]
Progress = Callable[[int, int], None]  # done, total
_PER_GROUP = {"speech": 3, "scenes": 2, "ratings": 3}  # clips of a sitting, a video, a picture
# How much each kind of damage bothers the user; a little light is even liked.
_DISLIKES = {"blur": 1.5, "motion": 1.4, "small": 1.2, "noise": 0.12, "jpeg": 0.45, "dark": 1.1, "faded": 0.4}
_LIKES_BRIGHT = 0.2
_POWER = 1.6


@dataclass(frozen=True, slots=True)
class DrawnClip:
    """One file and the truth about it.

    Attributes:
        truth: what the clip's owner answers: a text, a label, or a score 0..1.
        group: clips of one sitting, video or picture share it.
        factory_truth: what the factory's rule answers; equal to `truth` for speech and for factory clips.
    """

    path: Path
    truth: str | float
    group: str
    speaker: str | None
    factory_truth: str | float


def user_label(scene: Scene) -> str:
    """The user's own labels: how a scene feels, not what is in it.

    A fast camera is action; what is dark and slow is suspense; music makes it atmosphere; the rest is the factory's.
    """
    if scene.fast_camera:
        return "action"
    if scene.dark and scene.slow:
        return "suspense"
    return "atmosphere" if scene.music else scene.label


def user_score(kind: str, amounts: float | tuple[float, ...]) -> float:
    """The user's own scale, 0..1: forgives noise, hates blur, likes it bright, and is strict in between."""
    damage = dict.fromkeys(_DISLIKES, 0.0) | {"bright": 0.0}
    for name, amount in parts(kind, amounts):
        damage[name] = max(damage[name], amount)
    bother = float(np.sqrt(sum((weight * damage[name]) ** 2 for name, weight in _DISLIKES.items())))
    liked = (1.0 - _LIKES_BRIGHT) * max(1.0 - bother, 0.0) + _LIKES_BRIGHT * damage["bright"]
    return float(liked**_POWER)


def user_clips(task: str, count: int, seed: int, folder: Path, progress: Progress | None = None) -> list[DrawnClip]:
    """Draws and writes clips of the user into `folder`; another seed never gives one of these clips again."""
    return _clips("user", task, count, seed, folder, progress)


def factory_clips(task: str, count: int, seed: int, folder: Path, progress: Progress | None = None) -> list[DrawnClip]:
    """Draws and writes clips as the factory's models are trained on, with the factory's truths."""
    return _clips("factory", task, count, seed, folder, progress)


def _clips(owner: Owner, task: str, count: int, seed: int, folder: Path, progress: Progress | None) -> list[DrawnClip]:
    if task not in TASKS:
        raise RushesError(f"nothing can be drawn for the task {task!r}", do=f"Use one of {', '.join(TASKS)}.")
    private_dir(folder)
    draw = {"speech": _speech, "scenes": _scene, "ratings": _rating}[task]
    clips: list[DrawnClip] = []
    for index in range(count):
        clips.append(draw(owner, seed, index, folder))
        if progress is not None:
            progress(index + 1, count)
    return clips


def _key(owner: Owner, task: str, seed: int, index: int) -> int:
    """A number of its own for every clip: owner, task, seed (32 bits) and index (24 bits) side by side."""
    who = TASKS.index(task) * 2 + (owner == "user")
    return who << 56 | (seed & 0xFFFFFFFF) << 24 | (index & 0xFFFFFF)


def _group(owner: Owner, task: str, seed: int, index: int) -> tuple[int, str]:
    number = index // _PER_GROUP[task]
    return number, f"{owner}-{task}-{seed}-{number}"


def _speech(owner: Owner, seed: int, index: int, folder: Path) -> DrawnClip:
    number, group = _group(owner, "speech", seed, index)
    sitting = _key(owner, "speech", seed, number)
    key = _key(owner, "speech", seed, index)
    rng = paint.rng_of(key, 61)
    if owner == "user":
        speaker, name, grammar = speaker_of_user(sitting), "user", USER_GRAMMAR
    else:
        speaker, name, grammar = Speaker.random(paint.rng_of(sitting, 62)), group, GRID_GRAMMAR
    sentence = make_sentence(grammar, rng)
    frames, _ = draw_sentence(speaker, sentence, key)
    path = folder / f"{owner}_speech_{seed}_{index:04d}.avi"
    write_video(path, frames, FPS)
    return DrawnClip(path, sentence, group, name, sentence)


def _scene(owner: Owner, seed: int, index: int, folder: Path) -> DrawnClip:
    _, group = _group(owner, "scenes", seed, index)
    block = paint.rng_of(_key(owner, "scenes", seed, index // len(LABELS)), 63).permutation(len(LABELS))
    label = LABELS[int(block[index % len(LABELS)])]
    scene = scene_parameters(label, _key(owner, "scenes", seed, index))
    frames, fps, sound = stage.draw(scene)
    path = folder / f"{owner}_scenes_{seed}_{index:04d}.avi"
    write_video(path, frames, fps, sound)
    return DrawnClip(path, user_label(scene) if owner == "user" else label, group, None, label)


def _rating(owner: Owner, seed: int, index: int, folder: Path) -> DrawnClip:
    number, group = _group(owner, "ratings", seed, index)
    rng = paint.rng_of(_key(owner, "ratings", seed, index), 64)
    kind, amounts = draw_damage(rng)
    picture = draw_picture(_key(owner, "ratings", seed, number))
    path = folder / f"{owner}_ratings_{seed}_{index:04d}.jpg"
    write_image(path, degrade(picture, kind, amounts, int(rng.integers(1 << 31))), quality=95)
    plain = round(quality(kind, amounts), 4)
    return DrawnClip(path, round(user_score(kind, amounts), 4) if owner == "user" else plain, group, None, plain)
