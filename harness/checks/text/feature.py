"""A sentence as named features: its words, their letters, what they do, the turns they make."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from harness.checks.text.lexicon import concepts
from harness.checks.text.sentence import words
from harness.checks.text.sign import signs

# A kind of feature and its name; each kind is brought to one length before they are weighed.
Feature = tuple[str, ...]


@lru_cache(maxsize=4096)
def topic_features(text: str) -> frozenset[Feature]:
    """What a text is about."""
    return frozenset(_letters(text)) | frozenset(_words(text))


@lru_cache(maxsize=4096)
def stance_features(text: str) -> frozenset[Feature]:
    """What a text does with what it is about."""
    turns = (("sign", *sign) for sign in signs(text))
    return topic_features(text) | frozenset(_deeds(text)) | frozenset(turns)


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
