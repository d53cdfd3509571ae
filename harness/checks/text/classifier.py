"""Reads a sentence with two models trained on labelled examples.

Phrases find what somebody thought of; the models generalise. One tells the stance (the excuse is
made, answered, neither), one the topic (which excuse). Both are trained from the files in
``examples/`` at first use, in about a second, and kept in memory; nothing is downloaded.
An excuse that the examples do not know is left to the phrases.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

import yaml

from harness.checks.text.feature import stance_features, topic_features
from harness.checks.text.linear import Scores, naive_bayes, softmax_regression
from harness.checks.text.phrase import Span
from harness.checks.text.reading import Reading, Stance
from harness.checks.text.sentence import Sentence
from harness.checks.text.voice import Voice, voice
from harness.model import Trap

__all__ = ["Example", "Model", "examples", "read_by_examples", "train"]

_LABELS = ("fell", "resisted", "none")
# Topic of sentences that have none of the excuses' topics.
NO_TRAP = "*"
# Set on the development sentences, each author read by a model trained on the others.
_MAKES, _ANSWERS = 0.75, 0.7
# How much likelier than no topic, and how close to the likeliest, a topic must be (in logs).
_CLEAR, _CLOSE = 3.0, 2.0
# Fewer words say too little by themselves.
_FEWEST_WORDS = 4
# Every frame would drown the sentences that were written one by one.
_FRAME_STEP = 4


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


@dataclass(frozen=True, eq=False)
class Model:
    """Both models and the topics in the order of their classes."""

    stance: Scores
    topic: Scores
    topics: tuple[str, ...]

    def stances(self, text: str) -> dict[str, float]:
        """Probability of each label."""
        return dict(zip(_LABELS, self.stance.shares(stance_features(text)).tolist(), strict=True))

    def about(self, text: str) -> frozenset[str]:
        """The excuses it may be about: clearly likelier than none, close to the likeliest."""
        scores = dict(zip(self.topics, self.topic.of(topic_features(text)).tolist(), strict=True))
        none = scores.pop(NO_TRAP)
        enough = max(none + _CLEAR, max(scores.values()) - _CLOSE)
        return frozenset(topic for topic, score in scores.items() if score >= enough)


@cache
def examples() -> tuple[Example, ...]:
    """What the models are trained on: sentences written one by one, and frames filled in."""
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
    topics = tuple(sorted({row.trap for row in rows}))
    return Model(
        softmax_regression(
            [stance_features(text) for text in texts],
            [_LABELS.index(row.label) for row in rows],
            penalty=1e-4,
        ),
        naive_bayes(
            [topic_features(text) for text in texts],
            [topics.index(row.trap) for row in rows],
            smoothing=0.1,
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


@cache
def trained() -> Model:
    """The models from every example there is."""
    return train(examples())


@lru_cache(maxsize=4096)
def _opinion(model: Model, text: str) -> tuple[dict[str, float], frozenset[str]]:
    return model.stances(text), model.about(text)


def read_by_examples(
    sentence: Sentence, following: Sentence | None, trap: Trap, model: Model | None = None
) -> Reading | None:
    """The stance that the examples give a sentence, if its topic is the trap's."""
    model = model or trained()
    if trap.id not in model.topics or len(sentence.words) < _FEWEST_WORDS:
        return None
    stances, topics = _opinion(model, sentence.text)
    if trap.id not in topics:
        return None
    span = Span(0, len(sentence.words) - 1)
    if stances["resisted"] >= _ANSWERS:
        return Reading(Stance.ANSWERS, span, stances["resisted"])
    if stances["fell"] >= _MAKES:
        match voice(sentence, span, following):
            case Voice.OWN:
                return Reading(Stance.MAKES, span, stances["fell"])
            case Voice.DENIED:
                return Reading(Stance.ANSWERS, span, stances["fell"])
            case Voice.MENTIONED:
                return None
    return None
