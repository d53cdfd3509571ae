"""A softmax regression over named features and word vectors, small enough to ship fitted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.checks.text.feature import Feature, Point

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.floating]
Bag = Collection[Feature]

# Features seen less often say nothing about other passages.
_FEWEST = 3
_ROUNDS = 120


@dataclass(frozen=True, eq=False)
class Space:
    """The features that count, with their weight by rarity."""

    place: dict[Feature, int]
    rarity: Floats

    @classmethod
    def of(cls, bags: Sequence[Bag]) -> Space:
        """Every feature that is seen often enough."""
        seen = Counter(feature for bag in bags for feature in bag)
        kept = sorted(feature for feature, count in seen.items() if count >= _FEWEST)
        rarity = [math.log((1 + len(bags)) / (1 + seen[feature])) + 1 for feature in kept]
        places = {feature: place for place, feature in enumerate(kept)}
        return cls(places, np.array(rarity, np.float32))

    def row(self, bag: Bag) -> dict[int, float]:
        """Places and values of one passage, each kind of feature of equal length."""
        kinds: dict[str, list[int]] = {}
        for feature in bag:
            place = self.place.get(feature)
            if place is not None:
                kinds.setdefault(feature[0], []).append(place)
        values: dict[int, float] = {}
        for places in kinds.values():
            length = math.sqrt(sum(float(self.rarity[place]) ** 2 for place in places))
            values |= {place: float(self.rarity[place]) / length for place in places}
        return dict(sorted(values.items()))

    def matrix(self, bags: Iterable[Bag]) -> csr_array:
        """One row for each passage."""
        from scipy.sparse import csr_array

        data: list[float] = []
        columns: list[int] = []
        ends = [0]
        for bag in bags:
            row = self.row(bag)
            columns += row
            data += row.values()
            ends.append(len(columns))
        shape = (len(ends) - 1, len(self.place))
        return csr_array((np.array(data, np.float32), columns, ends), shape=shape)


@dataclass(frozen=True, eq=False)
class Scores:
    """A linear model: one column of weights for each class, the vector's rows last."""

    weights: Floats
    bias: Floats

    def shares(self, row: dict[int, float], point: Point) -> Floats:
        """The probability of each class."""
        named = np.array(list(row.values()), np.float32) @ self.weights[list(row)]
        scores = self.bias + named + point @ self.weights[-len(point) :]
        powers = np.exp(scores - scores.max())
        return np.asarray(powers / powers.sum())


def softmax_regression(
    rows: csr_array, points: Floats, classes: Sequence[int], penalty: float
) -> Scores:
    """Multinomial logistic regression with an L2 penalty, minimised by L-BFGS."""
    from scipy.optimize import minimize
    from scipy.sparse import csr_array, hstack

    examples = hstack([rows, csr_array(points.astype(np.float32))]).tocsr()
    turned = examples.T.tocsr()
    wanted = np.eye(max(classes) + 1, dtype=np.float32)[list(classes)]
    (count, width), kinds = examples.shape, wanted.shape[1]

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, bias = flat[: width * kinds].reshape(width, kinds), flat[width * kinds :]
        scores = examples @ weights.astype(np.float32) + bias.astype(np.float32)
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        off = (np.exp(logs) - wanted) / count
        slope = turned @ off + penalty * weights
        value = -(wanted * logs).sum() / count + penalty / 2 * (weights**2).sum()
        return float(value), np.concatenate([slope.ravel(), off.sum(axis=0)]).astype(float)

    start = np.zeros(width * kinds + kinds)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _ROUNDS}).x
    weights = found[: width * kinds].reshape(width, kinds)
    return Scores(weights.astype(np.float32), found[width * kinds :].astype(np.float32))
