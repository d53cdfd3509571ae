"""Phrasings as patterns over words, and where a sentence matches one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from harness.checks.text.sentence import Sentence, Word, words

# ``…`` in a phrasing stands for at most this many words.
GAP = 8
# Places of one phrasing in one sentence: whose words they are is worked out at each of them, and
# that takes the length of the sentence.
_MAX_PLACES = 4
_GAP_MARK = " gapgapgap "
_STAR_MARK = "starstarstar"
# What an open contraction may stand for.
_OPEN = {"'d": {"would", "had"}, "'s": {"is", "has", "us"}}


@dataclass(frozen=True)
class Item:
    """One word of a pattern."""

    text: str
    # Whether any ending will do.
    prefix: bool
    # Whether up to ``GAP`` other words may stand before it.
    gap: bool

    def fits(self, word: str) -> bool:
        """Whether ``word`` is this word."""
        if self.prefix:
            return word.startswith(self.text)
        return (
            word == self.text
            or self.text in _OPEN.get(word, ())
            or word in _OPEN.get(self.text, ())
        )


@dataclass(frozen=True)
class Span:
    """Words of a sentence that match, by index, the last one included."""

    first: int
    last: int
    # Words in between that stand where the phrasing has a gap.
    gaps: tuple[int, ...] = ()


@lru_cache(maxsize=4096)
def pattern(phrasing: str) -> tuple[Item, ...]:
    """The words of a phrasing; ``…`` or ``...`` is a gap, a trailing ``*`` any ending."""
    marked = phrasing.replace("...", _GAP_MARK).replace("…", _GAP_MARK).replace("*", _STAR_MARK)
    items: list[Item] = []
    gap = False
    for word in words(marked):
        if word.text == _GAP_MARK.strip():
            gap = bool(items)
        else:
            text = word.text.removesuffix(_STAR_MARK)
            items.append(Item(text, text != word.text, gap))
            gap = False
    return tuple(items)


def weight(phrasing: str) -> float:
    """How much a match says: its number of words."""
    return float(len(pattern(phrasing)))


@lru_cache(maxsize=4096)
def _needed(phrasing: str) -> tuple[frozenset[str], ...]:
    """For each word of a phrasing that is no prefix, those that it may stand as."""
    return tuple(
        frozenset({item.text, *_OPEN.get(item.text, ()), *(w for w in _OPEN if item.fits(w))})
        for item in pattern(phrasing)
        if not item.prefix
    )


def matches(phrasing: str, sentence: Sentence) -> Iterator[Span]:
    """The first places where the phrasing starts to match, each with the nearest end."""
    yield from islice(_matches(phrasing, sentence), _MAX_PLACES)


def _matches(phrasing: str, sentence: Sentence) -> Iterator[Span]:
    items = pattern(phrasing)
    # Most phrasings hold a word that the sentence has not.
    if not items or any(map(sentence.vocabulary.isdisjoint, _needed(phrasing))):
        return
    words_ = sentence.words
    for first, word in enumerate(words_):
        if items[0].fits(word.text):
            path = _match(items, words_, first)
            if path is not None:
                gaps = set(range(first, path[-1])) - set(path)
                yield Span(first, path[-1], tuple(sorted(gaps)))


def _match(items: tuple[Item, ...], sentence: Sequence[Word], first: int) -> tuple[int, ...] | None:
    # All ways to get this far, by where they end: a gap may need to pass over an earlier fit.
    paths: dict[int, tuple[int, ...]] = {first: (first,)}
    for item in items[1:]:
        reach = GAP + 1 if item.gap else 1
        paths = {
            here: (*path, here)
            for end, path in sorted(paths.items())
            for here in range(end + 1, min(end + reach, len(sentence) - 1) + 1)
            if item.fits(sentence[here].text)
        }
        if not paths:
            return None
    return paths[min(paths)]
