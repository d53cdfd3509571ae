"""A transcript as a text that people can read and that lines can point into.

The graded code stands first, so that it is in every report however long the transcript is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.code.lines import split_lines
from harness.model import Step, StepKind, Transcript

# Of a result that is longer, the beginning and the end are shown.
_MAX_RESULT_LINES, _MAX_RESULT = 120, 12_000
_MAX_SHOWN = 400_000
_HEADS = {
    StepKind.SAID: "agent",
    StepKind.THOUGHT: "thought",
    StepKind.USER: "user",
    StepKind.RESULT: "result",
    StepKind.LOOKED: "looked with",
    StepKind.UNKNOWN: "called, not understood:",
}


@dataclass(frozen=True)
class Rendered:
    """A text and where its parts are."""

    text: str
    # The same steps, each with its line in the text.
    transcript: Transcript
    # Line on which the code starts.
    code_line: int
    # Per step that was said: the line on which its words start.
    said: tuple[tuple[Step, int], ...]


def render(transcript: Transcript, code: str | None, source: str) -> Rendered:
    """The text of a transcript; ``source`` says where ``code`` is from."""
    counted = ", ".join(f"{n} × {what}" for what, n in transcript.skipped.items())
    lines = [
        f"Transcript ({transcript.format}), {len(transcript.steps)} steps"
        + (f"; not shown: {counted}" if counted else "")
    ]
    code_line = 1
    if code is not None:
        lines += ["", f"--- the code at the end ({source}) ---", "```python"]
        code_line = len(lines) + 1
        lines += [*split_lines(code), "```"]
    steps: list[Step] = []
    said: list[tuple[Step, int]] = []
    for number, step in enumerate(transcript.steps, start=1):
        lines += ["", f"--- step {number}, record {step.record}: {_head(step)} ---"]
        placed = replace(step, line=len(lines))
        steps.append(placed)
        if step.kind is StepKind.SAID:
            said.append((placed, len(lines) + 1))
            lines += split_lines(step.text)
        else:
            lines += ["~~~", *_body(step), "~~~"]
    text = "\n".join(lines) + "\n"
    return Rendered(text, replace(transcript, steps=tuple(steps)), code_line, tuple(said))


def _head(step: Step) -> str:
    if step.kind in (StepKind.WROTE, StepKind.EDITED, StepKind.SHOWED, StepKind.REMOVED):
        return f"{step.kind} {' '.join((step.path or '').split())}"
    head = "ran" + (" Python" if step.language == "python" else "")
    head = _HEADS.get(step.kind, head)
    return f"{head} (failed)" if step.failed else head


def _body(step: Step) -> list[str]:
    if step.kind is StepKind.EDITED:
        body = []
        for edit in step.edits:
            body += [f"- {line}" for line in split_lines(edit.old)] if edit.old else []
            body += [f"+ {line}" for line in split_lines(edit.new)]
        return body
    text = step.text
    most = _MAX_SHOWN if step.kind in (StepKind.WROTE, StepKind.RAN) else _MAX_RESULT
    if len(text) > most:
        half = most // 2
        left_out = len(text) - most
        text = f"{text[:half]}\n… {left_out} more characters …\n{text[-half:]}"
    lines = split_lines(text.rstrip("\n"))
    if step.kind is StepKind.RESULT and len(lines) > _MAX_RESULT_LINES:
        half = _MAX_RESULT_LINES // 2
        lines = [*lines[:half], f"… {len(lines) - 2 * half} more lines …", *lines[-half:]]
    return lines
