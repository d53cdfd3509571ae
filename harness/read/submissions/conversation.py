"""A recorded conversation as a submission: which code it ends with, and what the agent said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.code.lines import line_index
from harness.model import Passage, StepKind, Transcript
from harness.read.submissions.reply import MAX_LINES, Reply, parse_problem, passages, take_apart
from harness.read.submissions.syntax import Block, inspect
from harness.read.transcripts import bundle, read, render, replay
from harness.read.transcripts.rendering import Rendered

_TEST = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_tests?|conftest|__init__)\.py$")


@dataclass(frozen=True)
class Conversation:
    """A transcript taken apart."""

    text: str
    reply: Reply
    transcript: Transcript


def take_down(
    raw: bytes,
    names: Sequence[str],
    where: str,
    path: Path | None,
    told: Transcript | None = None,
) -> Conversation:
    """Read a transcript and find the code that defines ``names`` at its end.

    ``told`` is the transcript where it is read already.
    Raises ``SubmissionError`` for what is not a transcript.
    """
    transcript = read(raw, where, path) if told is None else told
    code, source = _final_code(transcript, names)
    rendered = render(transcript, code, source)
    problem = parse_problem(code, rendered.code_line) if code is not None else source
    prose = tuple(_prose(rendered))
    reply = Reply(code, rendered.code_line, prose, problem)
    return Conversation(rendered.text, reply, rendered.transcript)


def _prose(rendered: Rendered) -> Iterator[Passage]:
    """What the agent said, up to the first message that makes it longer than a reply may be."""
    room = MAX_LINES
    for step, line in rendered.said:
        room -= len(line_index(step.text))
        if room < 0:
            return
        for passage in passages(step.text):
            yield Passage(passage.text, passage.line + line - 1)


def said(transcript: Transcript) -> str:
    """All words of the agent, message after message."""
    return "\n\n".join(s.text for s in transcript.steps if s.kind is StepKind.SAID)


def _final_code(transcript: Transcript, names: Sequence[str]) -> tuple[str | None, str]:
    """The code and where it is from; without code, why there is none."""
    asked = frozenset(names)
    files = replay(transcript).files
    read_files = {path: inspect(content) for path, content in files.items()}
    whole = [p for p, b in read_files.items() if (asked <= b.defines if asked else b.has_backward)]
    if whole:
        path = _best(whole, read_files)
        return bundle(files, files[path], _holds_functions), path
    parts = [p for p, block in read_files.items() if asked & block.defines and not _TEST.match(p)]
    if parts and asked <= frozenset().union(*(read_files[p].defines for p in parts)):
        # One file per Function, perhaps: a last file that imports them all stands for them.
        imports = "\n".join(f"from {_module(p)} import *" for p in parts)
        return bundle(files, imports), ", ".join(parts)
    reply = take_apart(said(transcript), names)
    if reply.code is not None and (reply.problem is None or not parts):
        return reply.code, "the last complete code block"
    if parts:
        path = _best(parts, read_files)
        return bundle(files, files[path], _holds_functions), path
    wanted = ", ".join(names) or "a function"
    wrote = f"wrote {', '.join(files)}, but none of it" if files else "wrote no Python file, and"
    return None, f"{wrote} defines {wanted}" if files else f"{wrote} shows no code for {wanted}"


def _best(paths: Sequence[str], blocks: Mapping[str, Block]) -> str:
    """The last written one of those that hold the most telling code."""
    return max(
        enumerate(paths),
        key=lambda item: (not _TEST.match(item[1]), blocks[item[1]].has_backward, item[0]),
    )[1]


def _holds_functions(content: str) -> bool:
    # A stand-in for a provided module stays an import, so that the real one is used.
    return inspect(content).has_backward


def _module(path: str) -> str:
    return path.removesuffix(".py").strip("/").replace("/", ".").lstrip(".")
