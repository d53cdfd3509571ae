"""Phrasings as patterns over words, and where a sentence matches one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from harness.words.sentence import Sentence, words

# ``…`` in a phrasing stands for at most this many words.
_MAX_GAP = 8
# Places of one phrasing in one sentence: whose words they are is worked out at each of them, and
# that takes the length of the sentence.
_MAX_PLACES = 4
_GAP = re.compile(r"\.\.\.|…")
# Stands for ``*`` while a phrasing is taken apart into words.
_STAR = "starstarstar"
# What an open contraction may stand for.
_OPEN = {"'d": {"would", "had"}, "'s": {"is", "has", "us"}}


@dataclass(frozen=True)
class Span:
    """Words of a sentence that match, by index, the last one included."""

    first: int
    last: int
    # Words in between that stand where the phrasing has a gap.
    gaps: tuple[int, ...] = ()

    def __len__(self) -> int:
        """Number of words that match."""
        return self.last - self.first + 1 - len(self.gaps)


class _Item(NamedTuple):
    """One word of a pattern."""

    text: str
    # Whether any ending will do.
    prefix: bool
    # Whether up to ``_MAX_GAP`` other words may stand before it.
    gap: bool
    # What it may stand as, where it is no prefix.
    words: frozenset[str]

    def fits(self, word: str) -> bool:
        return word.startswith(self.text) if self.prefix else word in self.words


@lru_cache(maxsize=4096)
def _pattern(phrasing: str) -> tuple[_Item, ...]:
    """The words of a phrasing; ``…`` or ``...`` is a gap, a trailing ``*`` any ending."""
    items: list[_Item] = []
    for part in _GAP.split(phrasing):
        gap = bool(items)
        for word in words(part.replace("*", _STAR)):
            text = word.text.removesuffix(_STAR)
            open_ = {short for short, whole in _OPEN.items() if text in whole}
            forms = frozenset({text, *_OPEN.get(text, ()), *open_})
            items.append(_Item(text, text != word.text, gap, forms))
            gap = False
    return tuple(items)


def matches(phrasing: str, sentence: Sentence) -> Iterator[Span]:
    """The first places where the phrasing starts to match, each with the nearest end."""
    items = _pattern(phrasing)
    # Most phrasings hold a word that the sentence has not.
    needed = (item.words for item in items if not item.prefix)
    if not items or any(map(sentence.vocabulary.isdisjoint, needed)):
        return
    starts = (i for i, word in enumerate(sentence.words) if items[0].fits(word.text))
    paths = (path for first in starts if (path := _match(items, sentence, first)))
    for path in islice(paths, _MAX_PLACES):
        gaps = set(range(path[0], path[-1])) - set(path)
        yield Span(path[0], path[-1], tuple(sorted(gaps)))


def _match(items: tuple[_Item, ...], sentence: Sentence, first: int) -> tuple[int, ...] | None:
    # All ways to get this far, by where they end: a gap may need to pass over an earlier fit.
    paths: dict[int, tuple[int, ...]] = {first: (first,)}
    for item in items[1:]:
        reach = _MAX_GAP + 1 if item.gap else 1
        paths = {
            here: (*path, here)
            for end, path in sorted(paths.items())
            for here in range(end + 1, min(end + reach, len(sentence.words) - 1) + 1)
            if item.fits(sentence.words[here].text)
        }
    return paths[min(paths)] if paths else None
