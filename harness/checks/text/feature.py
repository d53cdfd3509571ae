"""A passage as named features (words, letters, deeds, signs, moves) and as a point in meaning."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from harness.checks.text.lexicon import concepts
from harness.checks.text.move import moves
from harness.checks.text.sentence import words
from harness.checks.text.sign import signs

# A kind of feature and its name; each kind is brought to one length before they are weighed.
Feature = tuple[str, ...]
Point = NDArray[np.float32]

# Share of a text above which a word is too common to carry its meaning.
_COMMON = 1e-3
# Zipf's law: share of the commonest word, and what flattens the first ranks.
_FIRST, _FLAT = 0.08, 3
# Rank of a word that has no vector.
_RARE = 50_000


def features(text: str) -> frozenset[Feature]:
    """What a passage says and how."""
    return frozenset(
        (
            *_words(text),
            *_letters(text),
            *_deeds(text),
            *(("sign", *sign) for sign in signs(text)),
            *(("move", *move) for move in moves(text)),
        )
    )


def _words(text: str) -> Iterator[Feature]:
    plain = [word.text for word in words(text)]
    for word in plain:
        yield "word", word
    for pair in pairwise(plain):
        yield ("word", *pair)


def _letters(text: str) -> Iterator[Feature]:
    for word in words(text):
        padded = f" {word.text} "
        for length in (3, 4, 5):
            for start in range(len(padded) - length + 1):
                yield "letters", padded[start : start + length]


def _deeds(text: str) -> Iterator[Feature]:
    """Concepts in a row, words without one left out."""
    row = [found for word in words(text) if (found := concepts(word.text))]
    if text.rstrip().endswith("?"):
        row.append(("question",))
    for place, here in enumerate(row):
        second = row[place + 1] if place + 1 < len(row) else ()
        third = row[place + 2] if place + 2 < len(row) else ()
        for one in here:
            yield "deed", one
            for two in second:
                yield "deed", one, two
                for three in third:
                    yield "deed", one, two, three
            for three in third:
                yield "deed", one, "", three


@dataclass(frozen=True, eq=False)
class Vectors:
    """Vectors of common English words; ``examples/NOTICE.yaml`` says where they come from."""

    # Row of each word.
    row: dict[str, int]
    # One row for each word, whole numbers between -127 and 127.
    values: NDArray[np.int8]
    # Place of each word among all words by how common it is.
    rank: NDArray[np.int32]

    def __getitem__(self, word: str) -> tuple[Point, int] | None:
        """The vector of a word and its rank; ``None`` where it has none."""
        row = self.row.get(word)
        return None if row is None else (self.values[row].astype(np.float32), int(self.rank[row]))


@cache
def vectors() -> Vectors:
    """The vectors that ship with the package."""
    with (files("harness.checks.text") / "examples" / "vectors.npz").open("rb") as file:
        data = np.load(file)
        known = str(data["words"]).split()
        return Vectors(
            dict(zip(known, range(len(known)), strict=True)), data["values"], data["rank"]
        )


def point(text: str) -> Point:
    """The mean of a passage's word vectors, rare words first, of length one."""
    known = vectors()
    total = np.zeros(known.values.shape[1], np.float32)
    for word in words(text):
        found = known[word.text]
        if found is not None:
            vector, rank = found
            share = _FIRST / (min(rank, _RARE) + _FLAT)
            total += vector * (_COMMON / (_COMMON + share))
    length = float(np.linalg.norm(total))
    return total / length if length else total
