"""How the lip reader learns from a user's sentences: CTC on the recurrent half, held near where it started."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from core.errors import RushesError
from core.store.records import Value
from core.tasks.base import Features, ModelSpec
from core.tasks.learner import Batch, Item, Learner, Recipe
from core.tasks.memory import digest_of
from core.tasks.speech import augment, language, mouth, text
from core.tasks.speech.network import LipReader

# Tried on 50 sentences of a drawn speaker unlike the factory's. Patience is the whole run: WER stays near 1 for the
# first epochs of a new face and then falls at once. 3600 looks are 20 epochs of 180 clips, 9 of 420 (of 600 answered).
RECIPE: dict[str, Any] = {
    "epochs": 20, "refine": 3, "passes": 3600, "batch_size": 8, "learning_rate": 1.5e-3, "weight_decay": 0.0,
    "patience": 20, "freeze": True,
}  # fmt: skip
VIEWS = 4  # variations of a clip that the frozen front reads once: as it is, and three more
PULL = 2e-3  # strength of the pull towards the base weights (L2-SP, Li et al. 2018), per squared difference
BASE_SHARE = 0.1  # weight of an older version's words beside the user's own
LAYOUT = "front/2"  # how `encode` keeps a clip; part of the cache's key
HIDDEN_SHARE = 0.15  # of a clip's frames, hidden at most in training


class SpeechLearner(Learner):
    """The lip reader; `recipe.freeze` keeps its convolutions and learns the GRU layers and the head.

    Convolutions that nobody has trained (`recipe.weights` other than "factory") are never frozen.
    """

    input_names = ("crops", "lengths")
    output_names = ("logits",)

    def __init__(self, spec: ModelSpec, recipe: Recipe) -> None:
        super().__init__(spec, recipe)
        self.net = LipReader(len(text.ALPHABET) + 1)
        self.module = self.net
        self._anchor: dict[str, Tensor] = {}
        self._final = spec
        for word in recipe.vocabulary:
            if len(text.words(word)) != 1 or not text.spelled(word):
                raise RushesError(f"{word!r} is not one word of letters", where="vocabulary in [recipe.speech]")

    def adopt(self, weights: Mapping[str, Tensor], base: ModelSpec) -> list[str]:
        """Take over all layers that fit; the base's lexicon stays in the spec until `prepare` mixes in the user's."""
        own = self.module.state_dict()
        fitting = {
            name: value.to(own[name].dtype)
            for name, value in weights.items()
            if name in own and value.shape == own[name].shape
        }
        self.module.load_state_dict({**own, **fitting})
        if "language" in base.params and "language" not in self.spec.params:
            self.spec = self.spec.model_copy(
                update={"params": {**self.spec.params, "language": base.params["language"]}}
            )
        self._final = self.spec
        missing = sorted(set(own) - set(fitting))
        return [f"starts fresh: {', '.join(missing)}"] if missing else []

    def prepare(self, items: Sequence[Item]) -> None:
        """Lexicon and trigrams of the training side's sentences; the base's words keep a tenth of the weight.

        The user's vocabulary is in it as if each word had been said once.
        """
        own = language.counted([str(item.truth) for item in items])
        mixed = language.with_words(language.merged(own, self.spec.params, BASE_SHARE), self.recipe.vocabulary)
        params = {**self.spec.params, "language": language.frozen(mixed)}
        self._final = self.spec.model_copy(update={"params": params})
        for layer in self._frozen():
            layer.requires_grad_(False)
        if self.recipe.weights == "factory":
            self._anchor = {name: value.detach().clone() for name, value in self.module.named_parameters()}

    def final_spec(self) -> ModelSpec:
        """The spec with the lexicon `prepare` made."""
        return self._final

    def frozen_as(self) -> str | None:
        """The convolutions' weights and what decides the views, where they are frozen."""
        if not self.freezes:
            return None
        views = VIEWS if self.recipe.augment else 1
        about = {"features": self.spec.features, "views": views, "seed": self.recipe.seed, "layout": LAYOUT}
        return digest_of(self.spec.task, about, self.net.front)

    def encode(self, features: Features) -> dict[str, Tensor]:
        """Frozen: "front" (T, 256) float32 of the clip itself and "views" (V - 1, T, 256) float16 of its variations.

        Else "crops" (T, 32, 64).
        """
        crops = features["crops"]
        if not self.freezes:
            return {"crops": torch.from_numpy(crops)}
        rng = np.random.default_rng([self.recipe.seed, int(crops.astype(np.int64).sum())])
        views = [crops]
        if self.recipe.augment:
            views += [augment.moved(crops, rng) for _ in range(VIEWS - 1)]
        batch = torch.from_numpy(np.stack([mouth.pictures(view) for view in views]))[:, None]
        lengths = torch.full((len(views),), len(crops))
        with torch.no_grad():
            front = self.net.front.eval()(batch.to(self.device), lengths.to(self.device))
        # Variations need no more than three digits; half of the cache is saved.
        return {"front": front[0], "views": front[1:].half()}

    def collate(self, rows: Sequence[dict[str, Tensor]], *, train: bool, rng: np.random.Generator) -> Batch:
        """As `encode` says, with "lengths" (B,) int64; training varies the pace and hides frames."""
        vary = train and self.recipe.augment
        clips = [_front_of(row, vary, rng) if self.freezes else _crops_of(row, vary, rng) for row in rows]
        lengths = torch.tensor([len(clip) for clip in clips])
        padded = nn.utils.rnn.pad_sequence(clips, batch_first=True)
        if self.freezes:
            return {"front": padded, "lengths": lengths}
        return {"crops": padded[:, None], "lengths": lengths}

    def forward(self, batch: Batch) -> tuple[Tensor, ...]:
        """Logits (B, T, V)."""
        lengths = batch["lengths"]
        if self.module.training:
            for layer in self._frozen():
                layer.eval()  # running means of the convolutions stay as the base has them
        if not self.freezes:
            return self.net(batch["crops"], lengths)
        states = self.net.reader(batch["front"], lengths)
        return (self.net.characters(states, lengths),)

    def loss(self, outputs: tuple[Tensor, ...], batch: Batch, truths: Sequence[Value], weights: Tensor) -> Tensor:
        """CTC per character, weighted over the batch, and the pull towards the base; sentences without a letter the
        network knows count nothing."""
        spelled = [[text.ALPHABET.index(char) + 1 for char in text.spelled(str(truth))] for truth in truths]
        sizes = torch.tensor([len(one) for one in spelled])
        flat = torch.tensor([char for one in spelled for char in one], dtype=torch.long)
        chances = outputs[0].log_softmax(2).transpose(0, 1)
        each = functional.ctc_loss(
            chances.cpu(), flat, batch["lengths"].cpu(), sizes, reduction="none", zero_infinity=True
        )
        shares = weights.cpu() * (sizes > 0)
        learnt = (each / sizes.clamp(min=1) * shares).sum() / shares.sum().clamp(min=1e-9)
        return learnt + PULL * self._distance().cpu()

    def parameters(self) -> list[Tensor]:
        """All but the convolutions when those are frozen."""
        return [value for value in self.module.parameters() if value.requires_grad]

    def dynamic_shapes(self) -> dict[str, dict[int, str]]:
        """Batch and time of the crops, batch of the lengths."""
        return {"crops": {0: "batch", 2: "time"}, "lengths": {0: "batch"}}

    @property
    def freezes(self) -> bool:
        """Whether the convolutions stay as they are and their output is kept instead of the crops."""
        return self.recipe.freeze and self.recipe.weights == "factory"

    def _frozen(self) -> list[nn.Module]:
        return [self.net.front] if self.freezes else []

    def _distance(self) -> Tensor:
        total = torch.zeros((), device=self.device)
        for name, value in self.module.named_parameters():
            if value.requires_grad and name in self._anchor:
                total = total + (value - self._anchor[name]).square().sum()
        return total


def _front_of(row: dict[str, Tensor], vary: bool, rng: np.random.Generator) -> Tensor:
    if not vary:
        return row["front"]
    number = int(rng.integers(1 + len(row["views"])))
    view = row["views"][number - 1].float() if number else row["front"]
    view = view[torch.from_numpy(augment.paced(len(view), rng))]
    hidden = torch.from_numpy(rng.random(len(view)) < rng.uniform(0.0, HIDDEN_SHARE))
    return view.masked_fill(hidden[:, None], 0.0)


def _crops_of(row: dict[str, Tensor], vary: bool, rng: np.random.Generator) -> Tensor:
    crops = row["crops"].numpy()
    return torch.from_numpy(mouth.pictures(augment.varied(crops, rng)[0] if vary else crops))
