"""What a reader of whole replies is shown of a submission: the agent's own words, all else blank.

What is blank keeps its line breaks, so that a line of what is shown is that line of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.code.lines import LineIndex, line_index
from harness.model import StepKind, Submission
from harness.words.sentence import HIDDEN

_OWN_STEPS = (StepKind.WROTE, StepKind.EDITED, StepKind.RAN)


def shown(submission: Submission) -> str:
    """The text without comments that no reader of Markdown sees.

    Of a transcript only the code, what the agent said and what it did: neither the request nor the
    skill, and no results of tools.
    """
    text = submission.text
    if submission.transcript is not None:
        kept = "".join(_blank(text[a:b]) + text[b:c] for a, b, c in _own(submission, text))
        text = kept + _blank(text[len(kept) :])
    lines = line_index(text)
    for passage in submission.prose:
        start = lines.start(passage.line)
        end = min(len(text), start + len(passage.text))
        for hidden in HIDDEN.finditer(text, start, end):
            text = text[: hidden.start()] + _blank(hidden[0]) + text[hidden.end() :]
    return text


def _own(submission: Submission, text: str) -> Iterator[tuple[int, int, int]]:
    """End of what was kept before, then start and end of each part that is the agent's own."""
    lines = line_index(text)
    parts = [(p.line, p.line + len(LineIndex(p.text))) for p in submission.prose]
    if submission.code is not None:
        first = submission.code_line
        parts.append((first, first + len(LineIndex(submission.code))))
    steps = submission.transcript.steps if submission.transcript else ()
    ends = [step.line for step in steps[1:]] + [len(lines) + 1]
    parts += [
        (step.line, end) for step, end in zip(steps, ends, strict=False) if step.kind in _OWN_STEPS
    ]
    done = 0
    for first, end in sorted(parts):
        start, stop = max(done, lines.start(first)), lines.start(min(end, len(lines) + 1))
        if stop > start:
            yield done, start, stop
            done = stop


def _blank(text: str) -> str:
    return re.sub(r"[^\r\n]", " ", text)
