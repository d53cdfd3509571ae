"""A linear model of passages: do they make an excuse or answer one, and which excuse is it?

It weighs words, pairs of words and runs of letters. The weights in ``weights.npz`` are fitted to
labelled examples by ``training/excuses.py``; here they are only applied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import as_file, files
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.words.sentence import words

Floats = NDArray[np.floating]

# What a passage may do with an excuse. The first columns of the weights are these; then come the
# excuses that may be made, in the order of ``topics``, and the labels that make none.
LABELS = ("fell", "resisted", "none")


def _words(text: str) -> set[str]:
    """Its words and the pairs of words that stand side by side."""
    plain = [word.text for word in words(text)]
    return {*plain, *map(" ".join, pairwise(plain))}


def _letters(text: str) -> set[str]:
    """Three to five letters in a row of each word; a space is the edge of a word."""
    padded = {f" {word.text} " for word in words(text)}
    return {
        word[start : start + length]
        for word in padded
        for length in (3, 4, 5)
        for start in range(len(word) - length + 1)
    }


# The kinds of features, by name. Those of one kind are brought to length one together.
KINDS: Mapping[str, Callable[[str], set[str]]] = {"words": _words, "letters": _letters}


class Shares(NamedTuple):
    """What a passage does, in shares of one."""

    # How likely it makes an excuse, answers one, does neither.
    stances: Mapping[str, float]
    # How likely each excuse is the one that is made.
    made: Mapping[str, float]
    # Share of each excuse in what the passage is about.
    about: Mapping[str, float]


class Vocabulary:
    """Features, each a kind with a name, that have a row of weights.

    They lie in one sorted array. In a dictionary each that is found would be written to, for its
    references are counted, and a page that is written to is shared with no other process.
    """

    def __init__(self, features: Sequence[tuple[str, str]]) -> None:
        names = np.array([_in_bytes(*feature) for feature in features])
        self._order = np.argsort(names)
        self._names = names[self._order]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Every feature, in the order of its row."""
        for name in self._names[np.argsort(self._order)]:
            kind, _, word = name.decode().partition("\t")
            yield kind, word

    def rows(self, kind: str, names: Iterable[str]) -> NDArray[np.intp]:
        """The rows of those ``names`` that are known, in ascending order."""
        asked = [_in_bytes(kind, name) for name in names]
        # A longer one would have all names copied to its length.
        asked = [name for name in asked if len(name) <= self._names.itemsize]
        wanted = np.array(asked, self._names.dtype)
        places = np.minimum(np.searchsorted(self._names, wanted), len(self._names) - 1)
        return np.sort(self._order[places[self._names[places] == wanted]])


def _in_bytes(kind: str, name: str) -> bytes:
    return f"{kind}\t{name}".encode()


@dataclass(frozen=True, eq=False)
class Weights:
    """Logistic regressions over the same features, side by side.

    Two are of passages, multinomial; one is of whole replies: do they make any excuse?
    """

    topics: tuple[str, ...]
    # Which row of the arrays below is of which feature.
    vocabulary: Vocabulary
    # How much more a rare feature counts: float32 of shape (features,).
    rarity: Floats
    # Float32 of shape (features, labels + topics + 2 + 1).
    weights: Floats
    # Float32 of shape (labels + topics + 2 + 1,).
    bias: Floats
    # Log odds of an excuse in a whole reply: a constant, and how much these count: its sentence
    # alone, that sentence's being about it, those of the whole reply. Float32 of shape (4,).
    tone: Floats
    # An excuse that is made with this probability counts as made.
    makes: float


# Every trap asks about the same sentences.
@lru_cache(maxsize=1024)
def shares(weights: Weights, text: str) -> Shares:
    """What both regressions of passages make of one."""
    scores = _scores(weights, text)[:-1]
    stances, excuses = _softmax(scores[: len(LABELS)]), _softmax(scores[len(LABELS) :])
    excuses = excuses[: len(weights.topics)]
    # Geometric mean: an excuse is made where both regressions say so.
    made = np.sqrt(stances[0] * excuses)
    return Shares(
        dict(zip(LABELS, stances.tolist(), strict=True)),
        dict(zip(weights.topics, made.tolist(), strict=True)),
        dict(zip(weights.topics, (excuses / excuses.sum()).tolist(), strict=True)),
    )


def tone(weights: Weights, reply: str) -> float:
    """What a whole reply adds to the log odds of each excuse that it may make."""
    return float(weights.tone[3]) * gives_in(weights, reply)


def gives_in(weights: Weights, reply: str) -> float:
    """Log odds that a reply makes any excuse, by all its words together."""
    return float(_scores(weights, reply)[-1])


def _scores(weights: Weights, text: str) -> Floats:
    scores = weights.bias
    for kind, features in KINDS.items():
        rows = weights.vocabulary.rows(kind, features(text))
        length = float(np.linalg.norm(weights.rarity[rows])) or 1.0
        scores = scores + weights.rarity[rows] / length @ weights.weights[rows]
    return scores


def makes(weights: Weights, alone: float, about: float, tone: float) -> float:
    """Probability that an excuse is made, by its sentence ``alone`` and as the reply sounds."""
    odds = weights.tone[:3] @ np.array([1.0, log_odds(alone), log_odds(about)])
    return 1 / (1 + math.exp(-(tone + float(odds))))


def log_odds(share: float) -> float:
    """Log odds of a share, kept within what half precision can tell from certainty."""
    share = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(share / (1 - share))


def _softmax(scores: Floats) -> Floats:
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum())


def load(path: Path) -> Weights:
    """The weights that ``training/excuses.py`` wrote."""
    with np.load(path) as data:
        features = [line.partition("\t") for line in str(data["rows"]).split("\n")]
        return Weights(
            tuple(str(data["topics"]).split("\n")),
            Vocabulary([(kind, name) for kind, _, name in features]),
            data["rarity"],
            data["weights"].astype(np.float32),
            data["bias"],
            data["tone"],
            float(data["makes"]),
        )


@cache
def shipped() -> Weights:
    """The weights that ship with the package."""
    with as_file(files(__package__) / "weights.npz") as path:
        return load(path)
