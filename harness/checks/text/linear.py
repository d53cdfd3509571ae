"""Two small models over named features, trained in a second from a few hundred examples.

A softmax regression for the stance, whose classes differ in how words stand together, and a
naive Bayes for the topic, whose classes differ in which words there are. Both are deterministic.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.checks.text.feature import Feature

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Bag = Collection[Feature]

# Features seen once say nothing about other sentences.
_FEWEST = 2
# Turns of argument carry over to new wordings better than words do.
_WEIGHT = {"sign": 2.0}


@dataclass(frozen=True)
class Space:
    """The features that count, with their weight by rarity."""

    place: dict[Feature, int]
    rarity: Floats

    @classmethod
    def of(cls, bags: Sequence[Bag]) -> Space:
        """Every feature of at least two examples."""
        seen = Counter(feature for bag in bags for feature in bag)
        kept = sorted(feature for feature, count in seen.items() if count >= _FEWEST)
        rarity = [math.log((1 + len(bags)) / (1 + seen[feature])) + 1 for feature in kept]
        return cls({feature: place for place, feature in enumerate(kept)}, np.array(rarity))

    def row(self, bag: Bag) -> dict[int, float]:
        """Places and values of one example, each kind of feature of equal length."""
        kinds: dict[str, list[int]] = {}
        for feature in bag:
            place = self.place.get(feature)
            if place is not None:
                kinds.setdefault(feature[0], []).append(place)
        values: dict[int, float] = {}
        for kind, places in kinds.items():
            length = math.sqrt(sum(float(self.rarity[place]) ** 2 for place in places))
            scale = _WEIGHT.get(kind, 1.0) / length
            values |= {place: float(self.rarity[place]) * scale for place in places}
        return values

    def matrix(self, bags: Iterable[Bag]) -> csr_array:
        """One row for each example."""
        from scipy.sparse import csr_array

        data: list[float] = []
        columns: list[int] = []
        ends = [0]
        for bag in bags:
            row = self.row(bag)
            columns += sorted(row)
            data += (row[place] for place in sorted(row))
            ends.append(len(columns))
        return csr_array((data, columns, ends), shape=(len(ends) - 1, len(self.place)))


@dataclass(frozen=True)
class Scores:
    """A linear model: one column of weights for each class."""

    space: Space
    weights: Floats
    bias: Floats

    def of(self, bag: Bag) -> Floats:
        """The score of each class; higher is likelier."""
        total = self.bias.copy()
        for place, value in sorted(self.space.row(bag).items()):
            total += value * self.weights[place]
        return total

    def shares(self, bag: Bag) -> Floats:
        """The scores as probabilities."""
        scores = self.of(bag)
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum())


def softmax_regression(bags: Sequence[Bag], classes: Sequence[int], *, penalty: float) -> Scores:
    """Multinomial logistic regression with an L2 penalty, minimised by L-BFGS."""
    from scipy.optimize import minimize

    space = Space.of(bags)
    examples = space.matrix(bags)
    wanted = np.eye(max(classes) + 1)[list(classes)]
    count, width, kinds = len(bags), len(space.place), wanted.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat[: width * kinds].reshape(width, kinds), flat[width * kinds :]
        scores = examples @ weights + bias
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        off = (np.exp(logs) - wanted) / count
        slope = examples.T @ off + penalty * weights
        value = -(wanted * logs).sum() / count + penalty / 2 * (weights**2).sum()
        return float(value), np.concatenate([slope.ravel(), off.sum(axis=0)])

    start = np.zeros(width * kinds + kinds)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 150}).x
    return Scores(space, found[: width * kinds].reshape(width, kinds), found[width * kinds :])


def naive_bayes(bags: Sequence[Bag], classes: Sequence[int], *, smoothing: float) -> Scores:
    """Multinomial naive Bayes over weighted features, every class as likely as the others."""
    space = Space.of(bags)
    wanted = np.eye(max(classes) + 1)[list(classes)]
    mass = space.matrix(bags).T @ wanted + smoothing
    logs = np.log(mass / mass.sum(axis=0))
    return Scores(space, logs - logs.mean(axis=1, keepdims=True), np.zeros(wanted.shape[1]))
