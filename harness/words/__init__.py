"""Excuses: which of a scenario's a reply makes its own, which it answers.

Phrasings find what their author thought of, fitted weights find some of the rest. Both make
mistakes, which ``benchmarks/excuses.py`` measures, so each finding carries its words and line.
The reader of sentences is a parameter; any function that is a ``SentenceReader`` will do.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.code.lines import LineIndex
from harness.model import Scenario, Submission, Trap, TrapFinding, TrapState
from harness.words.phrase import Span
from harness.words.reader import SentenceReader, read_by_both, says
from harness.words.sentence import Sentence, in_context, sentences

__all__ = ["Sentence", "find_traps", "in_context", "quote_of", "says", "sentences"]

# A longer sentence is quoted by the part that matters.
_MAX_QUOTE = 320


def find_traps(
    submission: Submission, scenario: Scenario, read: SentenceReader = read_by_both
) -> tuple[TrapFinding, ...]:
    """One finding per trap of the scenario, in their order.

    Searched are the reply's prose and the comments and docstrings of its code; never the
    request or the skill. An excuse that is made outweighs any number of answers.
    """
    said = sentences(submission)
    return tuple(_judge(trap, said, read) for trap in scenario.traps)


def _judge(trap: Trap, said: Sequence[Sentence], read: SentenceReader) -> TrapFinding:
    readings = [
        (reading, sentence)
        for sentence, following in in_context(said)
        if (reading := read(sentence, following, trap)) is not None
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
