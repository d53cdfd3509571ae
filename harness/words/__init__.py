"""Excuses: which of a scenario's a reply makes its own, which it answers.

Phrasings find what their author thought of, fitted weights find some of the rest. Both make
mistakes, which ``benchmarks/excuses.py`` measures, so each finding carries its words and line.
Whoever reads a whole reply is a ``Reader``: those here read sentence by sentence and need no
network, and ``judge`` holds one that asks a language model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from harness.code.lines import LineIndex
from harness.model import Opinion, ReadBy, Scenario, Submission, Trap, TrapFinding, TrapState
from harness.words.phrase import Span
from harness.words.rates import DEFAULT
from harness.words.reader import (
    SentenceReader,
    read_by_both,
    read_by_phrases,
    read_by_weights,
    says,
    tone_of,
)
from harness.words.sentence import Sentence, in_context, sentences

__all__ = [
    "READERS",
    "Reader",
    "Sentence",
    "WordsRead",
    "find_traps",
    "in_context",
    "quote_of",
    "read_words",
    "says",
    "sentences",
]

# Readers that need no network, by name.
READERS: Final[Mapping[str, SentenceReader]] = {
    DEFAULT: read_by_both,
    "phrases": read_by_phrases,
    "examples": read_by_weights,
}

# A longer sentence is quoted by the part that matters.
_MAX_QUOTE = 320


@dataclass(frozen=True)
class WordsRead:
    """What was read in the words of one reply."""

    # One per trap of the scenario, in their order.
    traps: tuple[TrapFinding, ...]
    by: ReadBy
    # By expected line; ``None`` where the reader does not read for expected behaviour.
    opinions: Mapping[str, Opinion] | None = None


Reader = Callable[[Submission, Scenario], WordsRead]


def read_words(submission: Submission, scenario: Scenario, reader: str = DEFAULT) -> WordsRead:
    """What one of ``READERS`` reads in a reply."""
    return WordsRead(find_traps(submission, scenario, READERS[reader]), ReadBy(reader))


def find_traps(
    submission: Submission, scenario: Scenario, read: SentenceReader = read_by_both
) -> tuple[TrapFinding, ...]:
    """One finding per trap of the scenario, in their order.

    Searched are the reply's prose and the comments and docstrings of its code; never the
    request or the skill. An excuse that is made outweighs any number of answers.
    """
    said = sentences(submission)
    tone = tone_of(said)
    return tuple(_judge(trap, said, read, tone) for trap in scenario.traps)


def _judge(trap: Trap, said: Sequence[Sentence], read: SentenceReader, tone: float) -> TrapFinding:
    readings = [
        (reading, sentence)
        for sentence, following in in_context(said)
        if (reading := read(sentence, following, trap, tone)) is not None
    ]
    for state in (TrapState.MADE, TrapState.ANSWERED):
        found = [pair for pair in readings if pair[0].state is state]
        if found:
            # The first of the most telling ones; three words in common say little.
            reading, sentence = max(found, key=lambda pair: pair[0].weight)
            return TrapFinding(trap.id, state, *quote_of(sentence, reading.span))
    return TrapFinding(trap.id, TrapState.SILENT)


def quote_of(sentence: Sentence, span: Span) -> tuple[str, int]:
    """The sentence, or the part of a long one around ``span``, and the line it starts on."""
    if len(sentence.text) <= _MAX_QUOTE:
        return sentence.text, sentence.line
    start, end = sentence.words[span.first].start, sentence.words[span.last].end
    room = max(0, _MAX_QUOTE - (end - start)) // 2
    left = sentence.text.rfind(" ", 0, max(0, start - room)) + 1
    right = sentence.text.find(" ", min(len(sentence.text), end + room))
    quote = sentence.text[left : right if right >= 0 else len(sentence.text)]
    return quote, sentence.line + LineIndex(sentence.text).line(left) - 1
