"""How a network is trained, as people write it. Without torch, so that what is asked for is checked at once."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Recipe(BaseModel):
    """How a network is trained, `[recipe.TASK]` in the settings; kept with the run and on the version's card."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    backbone: Literal["mobilenet_v3_small", "resnet18"] = Field(
        default="mobilenet_v3_small", description="Network that looks at pictures (scenes, ratings)."
    )
    weights: Literal["factory", "imagenet", "random"] = Field(
        default="factory", description="Where the first training starts; imagenet is downloaded once."
    )
    target: Literal["regression", "binary"] = Field(
        default="regression", description="Ratings: learn the score itself, or only whether it is good."
    )
    epochs: int = Field(default=30, ge=1, le=1000, description="Most times each clip is looked at.")
    refine: int = Field(
        default=0, ge=0, le=1000, description="Epochs where a version of yours is the start; 0 = as many as `epochs`."
    )
    passes: int = Field(
        default=0, ge=0, description="Most clips looked at, all epochs together: many clips get fewer epochs; 0 = any."
    )
    batch_size: int = Field(default=16, ge=1, le=1024, description="Clips per step.")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="Largest step size of the one-cycle schedule.")
    weight_decay: float = Field(default=0.05, ge=0, le=1, description="AdamW's pull of the weights towards zero.")
    patience: int = Field(default=8, ge=1, description="Epochs without a better validation before stopping early.")
    freeze: bool = Field(default=True, description="Keep the lower layers as they are and cache what they say.")
    augment: bool = Field(default=True, description="Vary clips in training; off switches off the next three too.")
    crop: float = Field(
        default=0.1, ge=0, le=0.5, description="Largest part of a side cut away; pictures of an unfrozen backbone only."
    )
    flip: bool = Field(default=True, description="Mirror half of the pictures of an unfrozen backbone.")
    jitter: float = Field(
        default=0.1, ge=0, le=1, description="Largest change of brightness, contrast, colour; unfrozen backbone only."
    )
    class_weights: bool = Field(default=True, description="Scenes: let rare labels count more.")
    amp: bool = Field(default=True, description="Mixed precision on a GPU; a CPU always counts in float32.")
    channels_last: bool = Field(default=True, description="Memory layout in which convolutions are faster.")
    seed: int = Field(default=7, ge=0, description="Decides every random choice.")
    threads: int = Field(default=0, ge=0, le=256, description="CPU threads; 0 = as [train] threads says.")
    vocabulary: tuple[str, ...] = Field(
        default=(), max_length=4000, description="Speech: words of yours the lexicon must have."
    )

    def planned(self, clips: int, *, own: bool) -> int:
        """Epochs for so many clips; `own`: the start is a version that learnt from this user before."""
        epochs = min(self.refine or self.epochs, self.epochs) if own else self.epochs
        return min(epochs, max(1, self.passes // max(clips, 1))) if self.passes else epochs


def complaint(error: ValidationError) -> str:
    """A sentence about the first wrong field of a recipe."""
    first = error.errors()[0]
    name = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return f"{name}: there is no such field; there are {', '.join(Recipe.model_fields)}"
    return f"{name}: {first['msg'].lower()}"
