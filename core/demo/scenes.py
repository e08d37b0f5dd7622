"""What happens in a drawn scene: five kinds, each with its own odds for light, camera, things, faces and sound.

The kinds overlap on purpose (dark talk, silent chases, music over anything), so that no rule sorts all of them.
Drawing is left to `core.demo.stage`, sound to `core.demo.sounds`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.demo import paint
from core.demo.paint import pick
from core.errors import RushesError
from core.media.clip import Frames, Sound

LABELS = ("action", "dialogue", "suspense", "atmosphere", "transition")
_SIZES = ((160, 120), (176, 144), (200, 112), (240, 136))


@dataclass(frozen=True, slots=True)
class Scene:
    """All that is drawn, so that a rule over it can say what the scene is.

    Attributes:
        label: the kind it was drawn as: the factory's truth.
        darkness: 0 = daylight, 1 = nothing to be seen; never between 0.4 and 0.55.
        camera: still, push, pan, drift (slow), or shake, whip (fast).
        camera_speed: slow cameras frame widths per second, fast ones strength, 0..1.
        speed: how fast things move, frame widths per second.
        cut: none, or how the second half takes over: wipe, fade, black, dissolve, whip.
        cut_s: the middle of that, seconds.
        sound: none, beats, babble, drone, air, whoosh; music may lie over it.
    """

    label: str
    seed: int
    size: tuple[int, int]
    fps: float
    seconds: float
    place: str
    darkness: float
    camera: str
    camera_speed: float
    things: int
    speed: float
    faces: int
    clouds: bool
    cut: str
    cut_s: float
    sound: str
    music: bool
    loudness: float
    noise: float
    tint: tuple[float, float, float]

    @property
    def dark(self) -> bool:
        return self.darkness > 0.5

    @property
    def fast_camera(self) -> bool:
        return self.camera in ("shake", "whip")

    @property
    def slow(self) -> bool:
        return self.speed < 0.5 and not self.fast_camera


@dataclass(frozen=True, slots=True)
class _Odds:
    dark: float
    cameras: dict[str, float]
    things: tuple[int, int]
    speed: tuple[float, float]
    faces: tuple[float, float, float]  # odds of 0, 1, 2
    clouds: float
    cuts: dict[str, float]
    sounds: dict[str, float]
    music: float
    loudness: tuple[float, float]
    places: tuple[str, ...]


_NO_CUT = {"none": 1.0}
_ODDS: dict[str, _Odds] = {
    "action": _Odds(
        dark=0.25, cameras={"shake": 0.55, "pan": 0.25, "still": 0.20}, things=(3, 8), speed=(0.8, 2.2),
        faces=(0.92, 0.08, 0.0), clouds=0.0, cuts=_NO_CUT,
        sounds={"beats": 0.75, "none": 0.12, "air": 0.13}, music=0.25, loudness=(0.5, 0.95),
        places=("town", "landscape", "texture", "table"),
    ),
    "dialogue": _Odds(
        dark=0.30, cameras={"still": 0.55, "push": 0.15, "drift": 0.18, "shake": 0.12}, things=(0, 1),
        speed=(0.05, 0.3), faces=(0.0, 0.5, 0.5), clouds=0.0, cuts=_NO_CUT,
        sounds={"babble": 0.8, "none": 0.12, "air": 0.08}, music=0.30, loudness=(0.25, 0.7),
        places=("room", "room", "town", "landscape"),
    ),
    "suspense": _Odds(
        dark=0.80, cameras={"push": 0.6, "drift": 0.18, "still": 0.08, "shake": 0.14}, things=(0, 2),
        speed=(0.03, 0.25), faces=(0.85, 0.15, 0.0), clouds=0.1, cuts=_NO_CUT,
        sounds={"drone": 0.75, "none": 0.12, "air": 0.13}, music=0.15, loudness=(0.1, 0.6),
        places=("town", "room", "landscape", "table"),
    ),
    "atmosphere": _Odds(
        dark=0.40, cameras={"drift": 0.45, "pan": 0.25, "still": 0.15, "shake": 0.15}, things=(0, 4),
        speed=(0.03, 0.25), faces=(1.0, 0.0, 0.0), clouds=0.75, cuts=_NO_CUT,
        sounds={"air": 0.7, "none": 0.15, "drone": 0.15}, music=0.25, loudness=(0.08, 0.45),
        places=("landscape", "landscape", "texture", "town"),
    ),
    "transition": _Odds(
        dark=0.30, cameras={"still": 0.4, "drift": 0.25, "whip": 0.35}, things=(0, 3), speed=(0.05, 0.45),
        faces=(0.85, 0.15, 0.0), clouds=0.1, cuts={"wipe": 0.3, "fade": 0.3, "black": 0.25, "dissolve": 0.15},
        sounds={"whoosh": 0.65, "none": 0.2, "air": 0.15}, music=0.2, loudness=(0.2, 0.8),
        places=("town", "landscape", "texture", "table", "room"),
    ),
}  # fmt: skip


def scene_parameters(label: str, seed: int) -> Scene:
    """What a scene of this kind will show; the same label and seed always give the same scene.

    Raises:
        RushesError: for a label that cannot be drawn.
    """
    odds = _ODDS.get(label)
    if odds is None:
        raise RushesError(f"no scene of kind {label!r} can be drawn", do=f"Use one of {', '.join(LABELS)}.")
    rng = paint.rng_of(seed, LABELS.index(label), 51)
    camera = _chosen(rng, odds.cameras)
    fast = camera in ("shake", "whip")
    seconds = pick(rng, 2.0, 4.0)
    return Scene(
        label=label,
        seed=seed,
        size=_SIZES[int(rng.integers(len(_SIZES)))],
        fps=float(rng.choice([12.0, 15.0, 20.0, 25.0] if odds.faces[0] > 0.5 else [12.0, 15.0])),
        seconds=seconds,
        place=odds.places[int(rng.integers(len(odds.places)))],
        darkness=pick(rng, 0.55, 0.8) if rng.random() < odds.dark else pick(rng, 0.0, 0.4),
        camera=camera,
        camera_speed=pick(rng, 0.5, 1.0) if fast else pick(rng, 0.02, 0.12),
        things=int(rng.integers(odds.things[0], odds.things[1])),
        speed=pick(rng, *odds.speed),
        faces=int(rng.choice(3, p=odds.faces)),
        clouds=bool(rng.random() < odds.clouds),
        cut="whip" if camera == "whip" else _chosen(rng, odds.cuts),
        cut_s=seconds * pick(rng, 0.35, 0.65),
        sound=_chosen(rng, odds.sounds),
        music=bool(rng.random() < odds.music),
        loudness=pick(rng, *odds.loudness),
        noise=pick(rng, 0.5, 7.0),
        tint=(pick(rng, 0.85, 1.1), pick(rng, 0.9, 1.06), pick(rng, 0.85, 1.15)),
    )


def _chosen(rng: np.random.Generator, odds: dict[str, float]) -> str:
    names = tuple(odds)
    return names[int(rng.choice(len(names), p=np.fromiter(odds.values(), np.float64)))]


def draw_scene(label: str, seed: int) -> tuple[Frames, float, Sound | None]:
    """A clip of 2 to 4 s of one kind: frames, frames per second, and its sound (None: a silent one)."""
    from core.demo import stage  # stage needs Scene

    return stage.draw(scene_parameters(label, seed))
