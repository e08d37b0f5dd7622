"""Who speaks: the looks, the light and the camera of one drawn face, and the range the factory's faces come from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.demo import paint
from core.demo.mouth import Lips
from core.demo.paint import Colour, pick

_SKINS: tuple[Colour, ...] = (
    (236, 196, 172), (224, 178, 148), (205, 158, 124), (181, 132, 98), (148, 104, 76), (118, 82, 60),
)  # fmt: skip
_HAIRS: tuple[Colour, ...] = ((42, 30, 24), (78, 52, 34), (120, 84, 50), (186, 148, 92), (128, 122, 118), (140, 62, 36))


@dataclass(frozen=True, slots=True)
class Speaker:
    """Everything that makes one drawn face and its sitting: looks, light, camera.

    Lengths are pixels of a 320x240 frame. `mouth_y` counts from the middle of the face downwards; `light` is where
    the light comes from (x right, y down, both -1..1); `noise` is the sensor's standard deviation in grey levels.
    """

    skin: Colour
    hair: Colour
    lips: Lips
    face_width: float = 50.0
    face_height: float = 66.0
    jaw: float = 0.25  # how much narrower the face gets towards the chin
    eye_gap: float = 21.0
    eye_size: float = 8.5
    brow: float = 3.0
    nose_width: float = 9.0
    mouth_x: float = 0.0
    mouth_y: float = 34.0
    haircut: int = 0  # 0 short, 1 long, 2 shaven
    beard: float = 0.0
    glasses: bool = False
    iris: Colour = (80.0, 55.0, 35.0)
    shirt: Colour = (60.0, 80.0, 120.0)
    wall: Colour = (150.0, 155.0, 160.0)
    light: tuple[float, float] = (-0.4, -0.5)
    contrast: float = 0.3  # how much darker the side away from the light is
    brightness: float = 1.0
    warmth: float = 0.0  # red up and blue down by this share
    flicker: float = 0.03  # how much the light changes within a clip
    noise: float = 4.0
    blur: float = 0.4
    motion: float = 1.0  # head movement: 1 = about 3 pixels and 1.5 degrees
    size: float = 1.0
    energy: float = 1.0  # how far the mouth is moved
    rate: float = 1.0  # how fast it speaks
    texture: int = 0  # seeds freckles, hair strands and the wall

    @staticmethod
    def random(rng: np.random.Generator) -> Speaker:
        """A speaker of the factory's range."""
        shade = int(rng.integers(len(_SKINS)))
        skin = _SKINS[shade]
        hair = _HAIRS[int(rng.integers(len(_HAIRS) if shade < 4 else 3))]
        tone = np.asarray(skin) * pick(rng, 0.93, 1.05)
        red = tone * np.array([0.86, 0.58, 0.60]) + np.array([pick(rng, -8, 12), pick(rng, -6, 14), pick(rng, -4, 16)])
        lips = Lips(
            colour=_rgb(red), width=pick(rng, 18.5, 23.0), upper=pick(rng, 3.6, 5.4), lower=pick(rng, 5.0, 7.4),
            opening=pick(rng, 14.0, 18.0), bow=pick(rng, 0.2, 0.5), crooked=pick(rng, -0.5, 0.5),
            teeth=_rgb(np.array([228.0, 222.0, 205.0]) * pick(rng, 0.9, 1.04)),
        )  # fmt: skip
        return Speaker(
            skin=_rgb(tone), hair=hair, lips=lips,
            face_width=pick(rng, 46.0, 53.0), face_height=pick(rng, 62.0, 69.0), jaw=pick(rng, 0.15, 0.36),
            eye_gap=pick(rng, 19.5, 22.5), eye_size=pick(rng, 7.6, 9.4), brow=pick(rng, 2.4, 4.2),
            nose_width=pick(rng, 7.5, 10.5), mouth_x=pick(rng, -1.5, 1.5), mouth_y=pick(rng, 32.0, 36.0),
            haircut=int(rng.integers(3)), iris=_rgb(rng.uniform((50, 45, 30), (110, 120, 140))),
            shirt=_rgb(rng.uniform(30, 220, 3)), wall=_rgb(pick(rng, 60, 200) + rng.uniform(-25, 25, 3)),
            light=(pick(rng, -0.8, 0.8), pick(rng, -0.8, 0.1)), contrast=pick(rng, 0.12, 0.38),
            brightness=pick(rng, 0.82, 1.1), warmth=pick(rng, -0.06, 0.06), flicker=pick(rng, 0.0, 0.05),
            noise=pick(rng, 1.0, 6.0), blur=pick(rng, 0.2, 0.8), motion=pick(rng, 0.4, 1.4), size=pick(rng, 0.94, 1.06),
            energy=pick(rng, 0.85, 1.12), rate=pick(rng, 0.9, 1.12), texture=int(rng.integers(1 << 31)),
        )  # fmt: skip


def _rgb(values: NDArray[np.float64]) -> Colour:
    red, green, blue = (float(part) for part in np.clip(values, 0, 255))
    return red, green, blue


def speaker_of_user(seed: int) -> Speaker:
    """The demo's user: always the same face, outside of the factory's range; the seed is the sitting.

    The rule: a bearded face with glasses, longer and with a lower, wider, thinner and crooked mouth than any factory
    speaker has, lit from below by a screen. A sitting changes light, clothes, wall, distance and noise only.
    """
    rng = paint.rng_of(0x05E2, seed)
    lips = Lips(colour=(142.0, 84.0, 78.0), width=25.5, upper=3.0, lower=4.6, opening=15.0, bow=0.15, crooked=1.4)
    face = Speaker(
        skin=(196.0, 146.0, 116.0), hair=(58.0, 42.0, 34.0), lips=lips, face_width=54.0, face_height=71.0, jaw=0.12,
        eye_gap=23.0, eye_size=8.4, brow=4.6, nose_width=11.5, mouth_x=2.0, mouth_y=41.0, beard=0.5,
        glasses=True, iris=(70.0, 90.0, 70.0), energy=0.95, rate=1.0, texture=0x5EED,
    )  # fmt: skip
    return replace(
        face,
        shirt=_rgb(rng.uniform(30, 220, 3)),
        wall=_rgb(pick(rng, 60, 190) + rng.uniform(-25, 25, 3)),
        light=(pick(rng, -0.5, 0.5), pick(rng, 0.35, 0.7)),
        contrast=pick(rng, 0.15, 0.32),
        brightness=pick(rng, 0.8, 1.05),
        warmth=pick(rng, -0.12, -0.04),
        flicker=pick(rng, 0.0, 0.05),
        noise=pick(rng, 2.0, 6.5),
        blur=pick(rng, 0.3, 0.8),
        motion=pick(rng, 0.5, 1.3),
        size=pick(rng, 0.95, 1.05),
    )
