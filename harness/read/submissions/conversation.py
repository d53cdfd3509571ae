"""A recorded conversation as a submission: which code it ends with, and what the agent said."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.code.lines import line_index
from harness.model import Passage, StepKind, TestFile, Transcript
from harness.printable import printable
from harness.read.submissions.asked import Asked
from harness.read.submissions.endstate import FOLDER
from harness.read.submissions.reply import (
    MAX_LINES,
    Reply,
    parse_problem,
    passages,
    shows_code,
    take_apart,
)
from harness.read.submissions.syntax import Block, inspect
from harness.read.submissions.turns import answers_of, last_code, tests_of, turns
from harness.read.transcripts import (
    Lost,
    Replay,
    at_home,
    bundle,
    clash,
    find,
    gathered,
    read,
    render,
    replay,
    with_end,
)
from harness.read.transcripts.rendering import Rendered

_TEST = re.compile(r"(?:.*/)?(?:test_[^/]*|[^/]*_tests?|conftest|__init__)\.py$")


@dataclass(frozen=True)
class Conversation:
    """A transcript taken apart."""

    text: str
    reply: Reply
    transcript: Transcript
    # The tests that it ran or left, each as a file that stands alone.
    tests: tuple[TestFile, ...] = ()
    # Why nobody can tell what its code was at the end; ``None`` where it is known.
    unread: str | None = None
    # Whether it holds no code and no file.
    empty_handed: bool = False


@dataclass(frozen=True)
class _Found:
    """The code at the end of a transcript."""

    code: str | None
    # Where it is from; without code, why there is none.
    source: str
    # The files that it is made of.
    files: frozenset[str] = frozenset()
    # A name that stands for different things in two of them; empty where there is none.
    clash: str = ""


def take_down(
    raw: bytes,
    names: Sequence[str],
    where: str,
    path: Path | None,
    told: Transcript | None = None,
    left: Mapping[str, str] | None = None,
) -> Conversation:
    """Read a transcript and find the code that defines ``names`` at its end.

    ``told`` is the transcript where it is read already; ``left`` are the files as they were found
    at the end, by path, where somebody kept them.
    Raises ``SubmissionError`` for what is not a transcript.
    """
    transcript = read(raw, where, path) if told is None else told
    if left:
        transcript = with_end(transcript, left)
    played = replay(transcript)
    found = _final_code(transcript, played, names)
    rendered = render(transcript, found.code, found.source)
    code = found.code
    tests: tuple[TestFile, ...] = ()
    problem = parse_problem(code, rendered.code_line) if code is not None else found.source
    if code is not None and problem is None:
        tests = gathered(played, transcript.steps, code, tuple(names), found.files)
        if transcript.is_talk:
            tests = tests_of(answers_of(transcript), code, names)
    prose = tuple(_prose(rendered))
    reply = Reply(code, rendered.code_line, prose, problem)
    unread = None
    lost = _lost(transcript, played, found)
    folder = (path or Path("transcript")).with_suffix("") / FOLDER
    if found.clash:
        several = ", ".join(map(printable, sorted(found.files)))
        unread = (
            f"{where}: {printable(found.clash)} is not the same in all of {several}, and what is "
            f"graded is one text; put the code as one file into {printable(str(folder))}/"
        )
    if lost is not None:
        about = f" {lost.path}" if lost.path else " files"
        unread = (
            f"{where}: step {lost.step + 1} ({printable(lost.what)}) may have changed{about} in a "
            f"way that cannot be followed, expected steps that show what files hold; put the "
            f"files as they were left into {printable(str(folder))}/"
        )
    empty = code is None and not played.files and not shows_code(said(transcript))
    return Conversation(rendered.text, reply, rendered.transcript, tests, unread, empty)


def _lost(transcript: Transcript, played: Replay, found: _Found) -> Lost | None:
    """The step that is to blame where nobody can tell what the code was at the end."""
    for path in found.files:
        if path in played.unsure:
            return played.unsure[path]
    if found.code is None:
        if played.lost:
            return played.lost[-1]
        for index in played.unknown:
            name = " ".join(transcript.steps[index].text.split())[:60]
            return Lost(index, f"a call of {name}, which is not understood", "")
    return None


def _prose(rendered: Rendered) -> Iterator[Passage]:
    """What the agent said, up to the first message that makes it longer than a reply may be."""
    room = MAX_LINES
    numbers = turns(rendered.transcript)
    several = bool(numbers) and numbers[-1] > 1
    for number, (step, line) in zip(numbers, rendered.said, strict=True):
        room -= len(line_index(step.text))
        if room < 0:
            return
        for passage in passages(step.text):
            yield Passage(passage.text, passage.line + line - 1, number if several else None)


def said(transcript: Transcript) -> str:
    """All words of the agent, message after message."""
    return "\n\n".join(s.text for s in transcript.steps if s.kind is StepKind.SAID)


def _final_code(transcript: Transcript, played: Replay, names: Sequence[str]) -> _Found:
    """The code at the end: a file, several files, or a code block in what was said."""
    asked, files = frozenset(names), played.files
    read_files = {path: inspect(content) for path, content in files.items()}
    whole = [p for p, b in read_files.items() if (asked <= b.defines if asked else b.has_backward)]
    if whole:
        # What was tried on a copy is no other answer, unless it is handed over by its path.
        last = _last_words(transcript)
        if not any(path in last for path in whole if path not in at_home(whole)):
            whole = at_home(whole) or whole
        answers = _answers(transcript, played, whole)
        return _bundled(played, names, _best(answers, read_files))
    parts = [p for p, block in read_files.items() if asked & block.defines and not _TEST.match(p)]
    if parts and asked <= frozenset().union(*(read_files[p].defines for p in parts)):
        # One file per Function, perhaps: a last file that imports them all stands for them.
        imports = "\n".join(f"from {_module(p)} import *" for p in parts)
        return _bundled(played, names, "", imports, ", ".join(parts))
    answers = answers_of(transcript)
    reply = last_code(answers, names) if len(answers) > 1 else take_apart(said(transcript), names)
    if reply.code is not None and (reply.problem is None or not parts):
        return _Found(reply.code, "the last complete code block")
    if parts:
        return _bundled(played, names, _best(parts, read_files))
    looked = [p for p, text in played.shown.items() if asked and asked <= inspect(text).defines]
    if looked and played.unknown:
        # Written by something that is not understood, and read afterwards.
        path = looked[-1]
        belongs = _belongs(played.shown, names)
        return _Found(bundle(played.shown, played.shown[path], belongs), path)
    wanted = ", ".join(names) or "a function"
    wrote = f"wrote {', '.join(files)}, but none of it" if files else "wrote no Python file, and"
    return _Found(
        None, f"{wrote} defines {wanted}" if files else f"{wrote} shows no code for {wanted}"
    )


def _bundled(
    played: Replay, names: Sequence[str], path: str, code: str | None = None, source: str = ""
) -> _Found:
    """The file at ``path``, or ``code`` that imports files, with what it imports in it."""
    known: dict[str, str | None] = {}
    text = played.files[path] if code is None else code
    text = bundle(played.files, text, _belongs(played.files, names), (path,) if path else (), known)
    used = {one for one, inside in known.items() if inside is not None}
    parts = frozenset({path, *used} - {""})
    return _Found(text, source or path, parts, clash([played.files[one] for one in sorted(parts)]))


def _answers(transcript: Transcript, played: Replay, whole: Sequence[str]) -> Sequence[str]:
    """Of several files that define everything, the one that is handed over, where that shows.

    It is the one that the last words name, or else the one that the last good run was about: an
    agent may write a broken copy to see whether its check notices.
    """
    several = [path for path in whole if not _TEST.match(path)]
    if len(several) < 2:
        return whole
    last = _last_words(transcript)
    named = [path for path in several if _is_word(posixpath.basename(path), last)]
    if len(named) == 1:
        return named
    for run in reversed(played.runs):
        path = find(run.files, run.started.paths[0]) if run.started.mode == "script" else None
        code = run.started.code if path is None else run.files[path]
        about = [p for p in several if p == path or _is_word(_stem(p), " ".join(_imports(code)))]
        if "ok" in run.marks and len(about) == 1:
            return about
    return whole


def _last_words(transcript: Transcript) -> str:
    return next((s.text for s in reversed(transcript.steps) if s.kind is StepKind.SAID), "")


def _is_word(word: str, text: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(word)}(?![\w-])", text) is not None


def _stem(path: str) -> str:
    return posixpath.basename(path).removesuffix(".py")


def _imports(code: str) -> list[str]:
    return re.findall(r"^\s*(?:from|import)\s+[^\n#]*", code, re.M)


def _best(paths: Sequence[str], blocks: Mapping[str, Block]) -> str:
    """The last written one of those that hold the most telling code."""
    return max(
        enumerate(paths),
        key=lambda item: (not _TEST.match(item[1]), blocks[item[1]].has_backward, item[0]),
    )[1]


def _belongs(files: Mapping[str, str], names: Sequence[str]) -> Callable[[str], bool]:
    """Whether a file is part of the answer, by its path.

    A stand-in for a provided module stays an import, so that the real one is used. Where nobody
    says what is provided, a file without a backward may be one.
    """
    if isinstance(names, Asked):
        return lambda path: _stem(path) not in names.provided
    return lambda path: inspect(files[path]).has_backward


def _module(path: str) -> str:
    return path.removesuffix(".py").strip("/").replace("/", ".").lstrip(".")
