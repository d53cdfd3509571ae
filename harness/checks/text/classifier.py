"""Reads a passage with two models fitted to labelled examples.

Phrases find what somebody thought of; the models generalise. One tells the stance (the excuse is
made, answered, neither), the other which excuse is made, if any; an excuse counts as made where
both agree. The fitted weights ship with the package in ``examples/fitted.npz``; after a change
to the examples or the features write them anew:

    python -m harness.checks.text.classifier

An excuse that the examples do not know is left to the phrases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import yaml

from harness.checks.text.feature import features, point
from harness.checks.text.linear import Scores, Space, softmax_regression
from harness.checks.text.phrase import Span
from harness.checks.text.reading import Reading, Stance
from harness.checks.text.sentence import Sentence
from harness.checks.text.voice import Voice, reported, voice
from harness.model import Trap

__all__ = ["Example", "Model", "examples", "load", "read_by_examples", "save", "train", "trained"]

_LABELS = ("fell", "resisted", "none")
# Topic of passages that have none of the excuses' topics.
NO_TRAP = "*"
# Set on the examples, each voice read by models fitted to the voices unlike it.
_MAKES, _ANSWERS, _ABOUT = 0.44, 0.6, 0.3
# Fewer words say too little by themselves.
_FEWEST_WORDS = 4
_PENALTY = 1e-5
# Every frame would drown the sentences that were written one by one.
_FRAME_STEP = 4
_FITTED = "fitted.npz"


@dataclass(frozen=True)
class Example:
    """A labelled sentence or short passage."""

    text: str
    # Id of the rationalization it is about, ``*`` for none in particular.
    trap: str
    # ``fell``, ``resisted`` or ``none``.
    label: str
    # Whose voice it is written in; ``frame`` where it is put together from parts.
    author: str
    # Other excuses that it makes as well.
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Opinion:
    """What the models make of a passage."""

    # Probability of each label.
    stances: dict[str, float]
    # How likely each excuse is the one that is made, by both models.
    made: dict[str, float]
    # Share of each excuse in what the passage is about.
    about: dict[str, float]


@dataclass(frozen=True, eq=False)
class Model:
    """Both models; the classes of ``excuse`` are the topics, then the labels that make none."""

    space: Space
    stance: Scores
    excuse: Scores
    topics: tuple[str, ...]

    def opinion(self, text: str) -> Opinion:
        """What the models make of a passage."""
        row, place = self.space.row(features(text)), point(text)
        stances = self.stance.shares(row, place)
        excuses = self.excuse.shares(row, place)[: len(self.topics)]
        return Opinion(
            dict(zip(_LABELS, stances.tolist(), strict=True)),
            dict(zip(self.topics, np.sqrt(stances[0] * excuses).tolist(), strict=True)),
            dict(zip(self.topics, (excuses / excuses.sum()).tolist(), strict=True)),
        )


@cache
def examples() -> tuple[Example, ...]:
    """What the models are fitted to: passages written one by one, and frames filled in."""
    folder = files("harness.checks.text") / "examples"
    lines = (folder / "sentences.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    written = [Example(r["text"], r["trap"], r["label"], r["author"]) for r in rows]
    frames = yaml.safe_load((folder / "frames.yaml").read_text(encoding="utf-8"))
    return (*written, *_filled(frames))


def _filled(frames: dict[str, dict[str, list[str]]]) -> Iterator[Example]:
    """Reasons put into frames, spread evenly over both."""
    for label in _LABELS:
        for trap, reasons in frames["reasons"].items():
            for row, reason in enumerate(reasons):
                for column, frame in enumerate(frames["frames"][label]):
                    if (row * 7 + column * 3) % _FRAME_STEP == 0:
                        upper = reason[0].upper() + reason[1:]
                        text = frame.replace("{r}", reason).replace("{R}", upper)
                        yield Example(text, trap, label, "frame")


def train(rows: Sequence[Example]) -> Model:
    """Both models from labelled examples."""
    texts = [spoken(row.text) for row in rows]
    bags = [features(text) for text in texts]
    points = np.array([point(text) for text in texts])
    space = Space.of(bags)
    matrix = space.matrix(bags)
    topics = tuple(sorted({row.trap for row in rows if row.label == "fell"}))
    classes = (*topics, *_LABELS[1:])
    return Model(
        space,
        softmax_regression(matrix, points, [_LABELS.index(row.label) for row in rows], _PENALTY),
        softmax_regression(
            matrix,
            points,
            [classes.index(row.trap if row.label == "fell" else row.label) for row in rows],
            _PENALTY,
        ),
        topics,
    )


def spoken(text: str) -> str:
    """The words of an example; of one that is a block of code its comments."""
    if "```" not in text:
        return text
    return " ".join(
        part for _, hash_, part in (s.partition("#") for s in text.split("\n")) if hash_
    )


def save(model: Model, path: Path) -> None:
    """Write the fitted weights, in half precision."""
    np.savez_compressed(
        path,
        features=np.array("\n".join("\t".join(feature) for feature in model.space.place)),
        rarity=model.space.rarity,
        stance=model.stance.weights.astype(np.float16),
        stance_bias=model.stance.bias,
        excuse=model.excuse.weights.astype(np.float16),
        excuse_bias=model.excuse.bias,
        topics=np.array("\n".join(model.topics)),
    )


def load(path: Path) -> Model:
    """The models that ``save`` wrote."""
    with np.load(path) as data:
        names = [tuple(line.split("\t")) for line in str(data["features"]).split("\n")]
        return Model(
            Space({name: place for place, name in enumerate(names)}, data["rarity"]),
            Scores(data["stance"].astype(np.float32), data["stance_bias"]),
            Scores(data["excuse"].astype(np.float32), data["excuse_bias"]),
            tuple(str(data["topics"]).split("\n")),
        )


@cache
def trained() -> Model:
    """The models that ship with the package."""
    return load(Path(str(files("harness.checks.text") / "examples")) / _FITTED)


@lru_cache(maxsize=1024)
def _opinion(model: Model, text: str) -> Opinion:
    return model.opinion(text)


def read_by_examples(
    sentence: Sentence, following: Sentence | None, trap: Trap, model: Model | None = None
) -> Reading | None:
    """The stance that the examples give a sentence, alone and with the one that follows it."""
    model = model or trained()
    if trap.id not in model.topics or len(sentence.words) < _FEWEST_WORDS:
        return None
    views = [_opinion(model, sentence.text)]
    if following is not None and sentence.precedes(following):
        views.append(_opinion(model, f"{sentence.text} {following.text}"))
    span = Span(0, len(sentence.words) - 1)
    answered = max(
        (view.stances["resisted"] for view in views if view.about[trap.id] >= _ABOUT), default=0.0
    )
    # Geometric: what one view takes for nothing at all is not made by the other alone.
    made = float(np.prod([view.made[trap.id] for view in views])) ** (1 / len(views))
    # What comes next may turn an excuse into one that is answered.
    if made >= _MAKES and views[-1].stances["resisted"] < _ANSWERS:
        match voice(sentence, span, following):
            case Voice.OWN:
                return None if reported(sentence) else Reading(Stance.MAKES, span, made)
            case Voice.DENIED:
                return Reading(Stance.ANSWERS, span, made)
            case Voice.MENTIONED:
                return None
    return Reading(Stance.ANSWERS, span, answered) if answered >= _ANSWERS else None


def main() -> None:
    """Fit the models to every example and write the file that ships with the package."""
    path = Path(__file__).parent / "examples" / _FITTED
    save(train(examples()), path)
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
