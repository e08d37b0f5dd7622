"""Trains the factory lip reader: python -m core.factory.train_speech --data GRID_TRAIN --cache FOLDER [--drawn N].

Words and letters per frame (known from the alignment files) are learnt beside the characters by CTC: CTC alone stays on
a plateau for hours on 600 clips. Stops and goes on from its last epoch when started again with the same cache folder.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from core.demo import faces, words
from core.files import private_dir, write_atomic
from core.media.clip import DecodeSpec
from core.media.decode import read_clip
from core.tasks.base import Answer
from core.tasks.learner import Recipe
from core.tasks.speech import augment, decode, language, mouth, text
from core.tasks.speech.learner import RECIPE, SpeechLearner
from core.tasks.speech.network import LipReader
from core.tasks.speech.task import TASK
from core.training.calibration import fit_temperature
from core.training.export import save_version

RIM = 1.25  # crops are kept with a rim, so that shifting them shows real skin
FPS = 25.0
VALIDATION = 20  # every 20th clip chooses the checkpoint
SILENCE = "sil"
LETTERS = len(text.ALPHABET) + 1  # the CTC blank, which as a letter per frame means silence, and the characters
DATA = (
    "570 clips of speaker s1 of the GRID audiovisual sentence corpus (Cooke, Barker, Cunningham, Shao 2006) and drawn "
    "talking faces of core.demo saying GRID's sentences and common English words"
)
LICENCE = "GRID: CC BY 4.0 (zenodo.org/records/3625687), M. Cooke, J. Barker, S. Cunningham, X. Shao"
# What drawn faces say beside GRID's sentences, so that letters are learnt in many neighbourhoods.
COMMON = """
able about above across act add after air all along also always and animal answer any apple area arm around ask away
baby back ball bank base bed been before begin behind best better big bird black boat body book both bottom box boy
bread bring brother build bus but buy call came camera can car care carry case cat catch chair change check child city
class clean clear climb clock coat cold colour come cook cool corner could count country cover cross cup cut dance
dark day deep did dinner do dog door down draw dream dress drink drive drop dry each ear early earth east easy eat
edge egg else end enough even evening ever eye face fall family far farm fast father feel feet few field fight find
fine finger fire fish floor fly follow food foot for forest form found friend from front full game garden gave get
girl give glass go gold good great ground group grow had hair half hand happy hard has hat have he head hear heart
heavy help her here high hill him his hold home horse hot hour house how hundred idea if inside island it job join
jump just keep kind king kitchen knife know lady lake land large last late laugh lead learn leave left leg less letter
light like line list little live long look lost love low lunch made make man many map market may me mean meat meet
milk minute money month moon more morning most mother mountain mouth much music name near neck need never new next
night north nose note number ocean of off often old once only or orange other our out over page paint paper park part
party pass pay people person piece plan plant pocket point pull push put quick quiet rain ran reach read ready rest
rich ride right river road rock room round run sad said salt same sand saw say school sea seat second see seem sell
send shall she ship shoe shop short should shoulder show side sing sister sit sky sleep slow small snow so some song
sound south speak spring stand star start stay step stone stood store story street strong sugar summer sun sure table
take talk tall teach tell ten than thank that them then there they thing think those time to today together told too
top touch town train travel tree true try turn under until up use very village visit voyage wait walk wall want warm
wash water way we wear week well went were west what wheel when where which while who why will wind window winter wish
woman wood word work world would write wrong yard year yellow yes you young
"""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A clip to learn from: crops (T, 40, 80), its sentence, and a word per frame ("sil" between; "" unknown)."""

    name: str
    crops: NDArray[np.uint8]
    sentence: str
    per_frame: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One phase of training.

    Attributes:
        epochs: length of the learning rate's cycle.
        until: the epoch after which the phase ends, at most `epochs`.
        peak: highest learning rate.
        ctc: weight of the character loss beside that of the words.
        extra: how many drawn clips join each epoch, another choice every time.
    """

    phase: str
    epochs: int
    until: int
    peak: float
    ctc: float
    extra: int = 0
    batch: int = 8
    seed: int = 7


# The first phase ends while its learning rate is still high; the second brings it down over both kinds of clips.
WORDS = Plan("words", epochs=80, until=30, peak=1.5e-3, ctc=0.5)
MIXED = Plan("mixed", epochs=28, until=28, peak=1.2e-3, ctc=1.0, extra=450)
# A second, shorter cycle over both: a warm restart from the average weights.
POLISH = Plan("polish", epochs=16, until=16, peak=8e-4, ctc=1.0, extra=300)


class Trainer:
    """The network, its running average, its optimiser, and the folder that survives a stop."""

    def __init__(self, sets: Sequence[Sequence[Spoken]], plan: Plan, folder: Path, vocabulary: Sequence[str]) -> None:
        self.plan = plan
        self.folder = folder
        self.vocabulary = list(vocabulary)
        self.train = [[clip for index, clip in enumerate(clips) if index % VALIDATION] for clips in sets]
        self.held = [[clip for index, clip in enumerate(clips) if index % VALIDATION == 0] for clips in sets]
        self.net, self.mean = (LipReader(LETTERS, len(self.vocabulary) + LETTERS) for _ in range(2))
        self.mean.load_state_dict(self.net.state_dict())
        decayed = [p for p in self.net.parameters() if p.ndim > 1]
        others = [p for p in self.net.parameters() if p.ndim <= 1]
        groups = [{"params": decayed, "weight_decay": 0.03}, {"params": others, "weight_decay": 0.0}]
        self.optimiser = torch.optim.AdamW(groups, lr=plan.peak, betas=(0.9, 0.98))
        self.steps = math.ceil((len(self.train[0]) + plan.extra) / plan.batch)
        self.epoch = 0
        self.best: tuple[float, ...] = (math.inf, math.inf)

    def run(self) -> None:
        """Train to the plan's last epoch, keeping a checkpoint after each."""
        while self.epoch < self.plan.until:
            started = time.monotonic()
            loss = self._one_epoch()
            self.epoch += 1
            heard = [evaluate(self.mean, clips) for clips in self.held]
            self._keep(tuple(sum(one[name] for one in heard) / len(heard) for name in ("wer", "loss")))
            held = ", ".join(f"WER {one['wer']:.3f} loss {one['loss']:.3f}" for one in heard)
            seconds = time.monotonic() - started
            print(f"{self.plan.phase} {self.epoch}/{self.plan.until} {loss:.3f} held out: {held}; {seconds:.0f} s")

    def _one_epoch(self) -> float:
        rng = np.random.default_rng([self.plan.seed, self.epoch])
        torch.manual_seed(self.plan.seed * 1000 + self.epoch)
        self.net.train()
        total = 0.0
        clips = list(self.train[0])
        for more in self.train[1:]:
            clips += [more[index] for index in rng.permutation(len(more))[: self.plan.extra]]
        for number, batch in enumerate(_batches(clips, self.plan.batch, rng)):
            step = self.epoch * self.steps + number
            for group in self.optimiser.param_groups:
                group["lr"] = self.plan.peak * one_cycle(step / (self.plan.epochs * self.steps))
            loss = self._loss(batch, rng)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
            self.optimiser.step()
            self._average(min(0.998, (1 + step) / (10 + step)))
            total += float(loss.detach())
        return total / self.steps

    def _loss(self, batch: Sequence[Spoken], rng: np.random.Generator) -> Tensor:
        crops, lengths, spoken = _varied_batch(batch, rng, {word: i for i, word in enumerate(self.vocabulary)})
        with torch.autocast("cpu", dtype=torch.bfloat16):
            states = self.net.states(crops, lengths)
        states = states.float()
        loss = self.plan.ctc * ctc_loss(self.net.characters(states, lengths), lengths, [c.sentence for c in batch])
        heads = cast("nn.Linear", self.net.aid)(states).flatten(0, 1).split([len(self.vocabulary), LETTERS], dim=1)
        for scores, truth, weight in zip(heads, spoken, (1.0, 0.5), strict=True):
            known = (truth >= 0).sum().clamp(min=1)
            each = functional.cross_entropy(
                scores, truth.flatten(), ignore_index=-1, label_smoothing=0.1, reduction="sum"
            )
            loss = loss + weight * each / known
        return loss

    @torch.no_grad()
    def _average(self, keep: float) -> None:
        for mean, now in zip(self.mean.parameters(), self.net.parameters(), strict=True):
            mean.lerp_(now, 1.0 - keep)
        for mean, now in zip(self.mean.buffers(), self.net.buffers(), strict=True):
            mean.copy_(now)

    def _keep(self, heard: tuple[float, ...]) -> None:
        if heard < self.best:
            self.best = heard
            write_atomic(self.folder / "best.safetensors", save(_tensors(self.mean)))
        state = {f"net.{k}": v for k, v in _tensors(self.net).items()}
        state |= {f"mean.{k}": v for k, v in _tensors(self.mean).items()}
        for index, slot in self.optimiser.state_dict()["state"].items():
            state |= {f"opt.{index}.{k}": v.clone().contiguous() for k, v in slot.items()}
        note = {"epoch": self.epoch, "best": self.best, "phase": self.plan.phase, "vocabulary": self.vocabulary}
        write_atomic(self.folder / "last.safetensors", save(state, metadata={"note": json.dumps(note)}))

    def resume(self) -> bool:
        """Go on from this phase's last epoch; False when it has none."""
        path = self.folder / "last.safetensors"
        if not path.exists():
            return False
        note = _note(path)
        state = load_file(path)
        self.net.load_state_dict({k[4:]: v for k, v in state.items() if k.startswith("net.")})
        self.mean.load_state_dict({k[5:]: v for k, v in state.items() if k.startswith("mean.")})
        whole = self.optimiser.state_dict()
        slots: dict[int, dict[str, Tensor]] = {}
        for name, value in state.items():
            if name.startswith("opt."):
                _, index, key = name.split(".", 2)
                slots.setdefault(int(index), {})[key] = value
        whole["state"] = slots
        self.optimiser.load_state_dict(whole)
        self.epoch, self.best = int(note["epoch"]), tuple(float(value) for value in note["best"])
        return True

    def start_from(self, earlier: Path) -> None:
        """Begin with the average weights of an earlier phase's last epoch."""
        state = load_file(earlier / "last.safetensors")
        kept = {name[5:]: value for name, value in state.items() if name.startswith("mean.")}
        self.net.load_state_dict(kept)
        self.mean.load_state_dict(kept)


def one_cycle(share: float) -> float:
    """Learning rate as a share of its peak: up over the first tenth, down along a cosine to 1/500."""
    if share < 0.1:
        return 0.04 + 0.96 * share / 0.1
    return 0.002 + 0.998 * 0.5 * (1 + math.cos(math.pi * (share - 0.1) / 0.9))


def ctc_loss(logits: Tensor, lengths: Tensor, sentences: Sequence[str]) -> Tensor:
    """Mean CTC loss per character of the sentences in the network's own spelling."""
    targets = [[text.ALPHABET.index(char) + 1 for char in text.spelled(sentence)] for sentence in sentences]
    flat = torch.tensor([char for target in targets for char in target])
    sizes = torch.tensor([len(target) for target in targets])
    scores = logits.float().log_softmax(2).transpose(0, 1)
    return functional.ctc_loss(scores, flat, lengths, sizes, zero_infinity=True)


@torch.no_grad()
def evaluate(net: LipReader, clips: Sequence[Spoken]) -> dict[str, float]:
    """Greedy WER and CTC loss on clips as they are."""
    net.eval()
    guesses: list[str] = []
    loss = 0.0
    for clip in clips:
        crops = torch.from_numpy(mouth.pictures(clip.crops))[None, None]
        lengths = torch.tensor([crops.shape[2]])
        logits = net(crops, lengths)[0]
        loss += float(ctc_loss(logits, lengths, [clip.sentence]))
        guesses.append(decode.greedy(logits[0].numpy()))
    truths = [clip.sentence for clip in clips]
    return {"wer": text.word_error_rate(truths, guesses), "loss": loss / max(1, len(clips))}


def _batches(clips: Sequence[Spoken], size: int, rng: np.random.Generator) -> Iterator[list[Spoken]]:
    order = rng.permutation(len(clips))
    for start in range(0, len(order), size):
        yield [clips[index] for index in order[start : start + size]]


def _varied_batch(
    batch: Sequence[Spoken], rng: np.random.Generator, numbers: Mapping[str, int]
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Crops (B, 1, T, 32, 64), lengths (B,), word and letter numbers per frame (B, T), -1 where unknown."""
    made = [augment.varied(clip.crops, rng) for clip in batch]
    longest = max(len(ticks) for _, ticks in made)
    crops = np.zeros((len(batch), 1, longest, mouth.HEIGHT, mouth.WIDTH), np.float32)
    spoken = np.full((2, len(batch), longest), -1, np.int64)
    for row, (clip, (cut, ticks)) in enumerate(zip(batch, made, strict=True)):
        crops[row, 0, : len(cut)] = mouth.pictures(cut)
        spoken[0, row, : len(ticks)] = [numbers.get(clip.per_frame[tick], -1) for tick in ticks]
        spoken[1, row, : len(ticks)] = np.array(letters_per_frame(clip.per_frame))[ticks]
    lengths = torch.tensor([len(ticks) for _, ticks in made])
    return torch.from_numpy(crops), lengths, (torch.from_numpy(spoken[0]), torch.from_numpy(spoken[1]))


@cache
def letters_per_frame(per_frame: tuple[str, ...]) -> tuple[int, ...]:
    """Letter numbers, each word's letters spread evenly over its frames; 0 in silence, -1 where unknown."""
    numbers: list[int] = []
    for word, run in groupby(per_frame):
        count = len(list(run))
        letters = text.spelled(word)
        if word == SILENCE:
            numbers += [0] * count
        else:
            spread = [letters[tick * len(letters) // count] for tick in range(count)] if letters else []
            numbers += [text.ALPHABET.index(letter) + 1 for letter in spread] or [-1] * count
    return tuple(numbers)


def _tensors(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone().contiguous() for name, value in net.state_dict().items()}


def _note(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return json.loads(file.metadata()["note"])


def corpus(folder: Path, cache: Path, only: str | None = None) -> list[Spoken]:
    """The clips of a folder in GRID's layout (manifest.csv, align/), their crops cached as .npz.

    Args:
        only: take this speaker only.
    """
    private_dir(cache)
    with (folder / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if only is None or row["speaker"] == only]
    return [_clip(folder, row, cache) for row in rows]


def _clip(folder: Path, row: Mapping[str, str], cache: Path) -> Spoken:
    stem = Path(row["file"]).stem
    kept = cache / f"{folder.name}__{row['speaker']}__{stem}.npz"
    if not kept.exists():
        frames = read_clip(folder / row["file"], DecodeSpec(max_side=720, fps=FPS)).frames
        partial = kept.with_name(f".{os.getpid()}.npz")
        np.savez(partial, crops=mouth.crops(frames, spread=RIM))
        partial.replace(kept)
    with np.load(kept, allow_pickle=False) as stored:
        crops = stored["crops"]
    align = folder / (row.get("align") or f"align/{stem}.align")
    return Spoken(stem, crops, row["text"], words_per_frame(align, len(crops)))


def drawn(count: int, cache: Path, first: int = 0) -> list[Spoken]:
    """Clips of drawn faces, seeded by their number: a third says GRID's sentences, the rest common English words.

    The demo's user is not among the speakers, nor are the demo's sentences among what they say.
    """
    private_dir(cache)
    return [_drawn_clip(number, cache) for number in range(first, first + count)]


def _drawn_clip(number: int, cache: Path) -> Spoken:
    kept = cache / f"drawn__{number}.npz"
    if not kept.exists():
        rng = np.random.default_rng([number, 11])
        sentence = words.make_sentence(words.GRID_GRAMMAR, rng) if number % 3 == 0 else _common_sentence(rng)
        frames, timings = faces.draw_sentence(faces.Speaker.random(rng), sentence, number)
        per_frame = [SILENCE] * len(frames)
        for start, end, word in timings:
            per_frame[start:end] = [word] * (min(end, len(frames)) - start)
        partial = kept.with_name(f".{os.getpid()}.npz")
        np.savez(partial, crops=mouth.crops(frames, spread=RIM), sentence=sentence, per_frame=np.array(per_frame))
        partial.replace(kept)
    with np.load(kept, allow_pickle=False) as stored:
        return Spoken(kept.stem, stored["crops"], str(stored["sentence"]), tuple(map(str, stored["per_frame"])))


def _common_sentence(rng: np.random.Generator) -> str:
    listed = COMMON.split()
    return " ".join(listed[int(index)] for index in rng.integers(len(listed), size=int(rng.integers(3, 6))))


def words_per_frame(align: Path, count: int) -> tuple[str, ...]:
    """A word per frame from lines "start end word", 1000 units = one frame; unknown frames are ""."""
    if not align.exists():
        return ("",) * count
    per_frame = [SILENCE] * count
    for line in align.read_text().splitlines():
        start, end, word = line.split()
        for frame in range(round(int(start) / 1000), min(count, round(int(end) / 1000))):
            per_frame[frame] = SILENCE if word == "sp" else word
    return tuple(per_frame)


def factory_language(clips: Sequence[Spoken]) -> dict[str, Any]:
    """The factory's lexicon: the sentences learnt from, and the common words once each, in no order."""
    counts = language.counted([clip.sentence for clip in clips])
    for word in COMMON.split():
        counts[word] += 1.0
    return language.frozen(counts)


def answers(learner: SpeechLearner, clips: Sequence[Spoken]) -> list[Answer]:
    """What the network and its lexicon say of clips as they are."""
    found: list[Answer] = []
    learner.module.eval()
    for clip in clips:
        pictures = mouth.pictures(clip.crops)[None, None]
        with torch.no_grad():
            logits = learner.module(torch.from_numpy(pictures), torch.tensor([len(clip.crops)]))
        found += TASK.decode(learner.numpy_outputs(logits), learner.final_spec())
    return found


def write_version(
    weights: Mapping[str, Tensor], trainer: Trainer, tests: Mapping[str, Sequence[Spoken]], epochs: int
) -> None:
    """Write speech.onnx, .safetensors and .json into this folder; `tests` give the card its numbers, the first leads.

    Temperature is fitted on the validation clips, which chose the checkpoint but were not learnt from.
    """
    recipe = Recipe.model_validate(RECIPE)
    spec = TASK.default_spec()
    params = {**spec.params, "language": factory_language(trainer.train[0])}
    spec = spec.model_copy(update={"version": "factory", "params": params})
    learner, random = SpeechLearner(spec, recipe), SpeechLearner(spec, recipe)
    learner.adopt({name: value for name, value in weights.items() if not name.startswith("aid.")}, spec)
    held = [clip for clips in trainer.held for clip in clips]
    judged = answers(learner, held)
    right = [TASK.equal(clip.sentence, str(answer.value)) for clip, answer in zip(held, judged, strict=True)]
    temperature = fit_temperature(judged, right)
    spec = spec.model_copy(update={"temperature": temperature, "calibration_n": len(held) if temperature else 0})
    metrics: dict[str, float] = {}
    for name, clips in tests.items():
        metrics |= {f"{name}_{key}": value for key, value in _scores(learner, clips).items()}
    first, clips = next(iter(tests.items()))
    facts: dict[str, Any] = {
        "metrics": {key: round(value, 4) for key, value in metrics.items()},
        "held_out": {
            "n": len(clips), "metric": "wer", "value": round(metrics[f"{first}_wer"], 4),
            "baseline": "random weights", "baseline_value": round(_scores(random, clips)["wer"], 4),
        },
        "data": DATA,
        "licence": LICENCE,
        "learnt": {"clips": sum(map(len, trainer.train)), "epochs": epochs},
        "half": True,
    }  # fmt: skip
    card = save_version(learner, spec, Path(__file__).parent, TASK.name, facts)
    print(json.dumps({"metrics": card.metrics, "held_out": card.held_out, "temperature": temperature}, indent=1))


def _scores(learner: SpeechLearner, clips: Sequence[Spoken]) -> dict[str, float]:
    judged, truths = answers(learner, clips), [clip.sentence for clip in clips]
    greedy = text.word_error_rate(truths, [str(answer.raw["text"]) for answer in judged])
    return {**TASK.score(truths, judged), "greedy_wer": greedy, "n": len(clips)}


def main() -> None:
    """Train all phases, or what is left of them."""
    wish = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    wish.add_argument("--data", type=Path, required=True, help="folder in GRID's layout to learn from")
    wish.add_argument(
        "--test",
        type=Path,
        help="folder in GRID's layout never learnt from; then the version is written",
    )
    wish.add_argument("--cache", type=Path, required=True, help="folder for crops and checkpoints")
    wish.add_argument("--words", type=int, default=WORDS.until, help="epochs of the first phase")
    wish.add_argument("--mixed", type=int, default=MIXED.epochs, help="epochs of the second phase")
    wish.add_argument("--polish", type=int, default=POLISH.epochs, help="epochs of the third phase")
    wish.add_argument("--drawn", type=int, default=1500, help="drawn clips to choose from in the later phases")
    wish.add_argument("--threads", type=int, default=1)
    given = wish.parse_args()
    torch.set_num_threads(given.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(WORDS.seed)
    crops = given.cache / "crops"
    clips = corpus(given.data, crops)
    vocabulary = [SILENCE, *sorted({word for clip in clips for word in clip.per_frame} - {SILENCE, ""})]
    folder = private_dir(given.cache / WORDS.phase)
    trainer = Trainer([clips], replace(WORDS, until=given.words), folder, vocabulary)
    trainer.resume()
    trainer.run()
    learnt = trainer.epoch
    for later, epochs in ((MIXED, given.mixed), (POLISH, given.polish)):
        if not epochs:
            continue
        plan, earlier = replace(later, epochs=epochs, until=epochs), trainer.folder
        folder = private_dir(given.cache / plan.phase)
        trainer = Trainer([clips, drawn(given.drawn, crops)], plan, folder, vocabulary)
        if not trainer.resume():
            trainer.start_from(earlier)
        trainer.run()
        learnt += trainer.epoch
    if given.test:
        tests = {"grid": corpus(given.test, crops, only="s1"), "drawn": drawn(60, crops, given.drawn)}
        write_version(load_file(trainer.folder / "best.safetensors"), trainer, tests, learnt)


if __name__ == "__main__":
    main()
