"""Chat histories of aider: Markdown, in which signs at the beginning of a line tell who speaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from harness.model import Edit, Step, StepKind
from harness.read.transcripts.draft import Draft
from harness.read.transcripts.formats import Recorded
from harness.read.transcripts.outcome import Fate
from harness.read.transcripts.parsed import clean
from harness.read.transcripts.patch import END, hunks, replacements

_STARTED = re.compile(rb"^# aider chat started at ", re.M)
_FENCE = re.compile(r"(`{3,})\s*(\S*)\s*$")
_APPLIED = re.compile(r"Applied edit to (.+)")
_RUNNING = re.compile(r"Running (.+)")
_MODEL = re.compile(r"(?:Main model|Model): (\S+)")
# Lines of aider itself, which end what a command has printed.
_ITSELF = re.compile(
    r"Attempt to fix|Applied edit|Tokens: |Commit |Add(?:ed)? .* to the chat|Running |Run shell|"
    r"Fix lint|Use /help|Git repo|Repo-map|Main model|Weak model|Aider v|Only \d reflections|"
    r"Can't initialize|The LLM did not conform|Allow |Create new file|Restored previous"
)
_RAN = "I ran this command:"
_GOT = "And got this output:"


@dataclass
class _Turn:
    """Lines of one speaker: ``user``, ``aider`` or ``agent``."""

    who: str
    line: int
    lines: list[str] = field(default_factory=list)


class Aider:
    """See ``Format``."""

    name = "aider"

    def matches(self, head: bytes, path: Path | None) -> bool:
        """See ``Format``."""
        return head[:1] not in b"{[" and _STARTED.search(head[: 1 << 16]) is not None

    def read(self, raw: bytes, path: Path | None) -> Iterator[Recorded]:
        """See ``Format``."""
        draft = Draft()
        known: set[str] = set()
        # Edits of the last reply, which aider says next whether it made.
        waiting: list[Step] = []
        command: str | None = None
        for turn in _turns(clean(raw.decode(errors="replace"))):
            if turn.who == "aider":
                for line in turn.lines:
                    if applied := _APPLIED.match(line):
                        _make(draft, waiting, applied[1].strip(), known)
                    if found := _MODEL.match(line):
                        draft.model = draft.model or found[1]
                command = _run(draft, turn, command)
                continue
            _unanswered(draft, command, turn.line)
            command = None
            if turn.who == "user":
                _give_up(draft, waiting)
                _asked(draft, turn)
            else:
                _give_up(draft, waiting)
                waiting = _reply(draft, turn)
        _give_up(draft, waiting)
        _unanswered(draft, command, 0)
        yield Recorded(draft.finish(self.name), draft.model)


def _turns(text: str) -> Iterator[_Turn]:
    turn = _Turn("agent", 1)
    fence = ""
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip()
        who, words = "agent", line
        found = _FENCE.match(line)
        if turn.who == "agent" and fence:
            # Code may begin with the same signs.
            fence = "" if found and found[1] == fence and not found[2] else fence
        elif line.startswith("#### ") or line == "####":
            who, words = "user", line[5:]
        elif line.startswith("> ") or line == ">":
            who, words = "aider", line[2:]
        elif line.startswith("# aider chat started at "):
            who, words = "aider", ""
        elif found:
            fence = found[1]
        if not line and turn.who != "agent":
            # A blank line between two of aider's own says nothing.
            continue
        if who != turn.who:
            yield turn
            turn = _Turn(who, number)
        turn.lines.append(words)
    yield turn


def _reply(draft: Draft, turn: _Turn) -> list[Step]:
    """The words of a reply; returns the edits that it proposes."""
    edits: list[Step] = []
    words: list[str] = []
    block: list[str] | None = None
    fence = path = ""
    for line in turn.lines:
        found = _FENCE.match(line)
        if block is None and found:
            fence, block = found[1], [line]
            path = words[-1].strip().strip("*`:# ") if words else ""
        elif block is None:
            words.append(line)
        elif found and found[1] == fence and not found[2]:
            proposed = list(_edits(path, block[1:], turn.line))
            edits += proposed
            words = words[:-1] if proposed and words[-1:] else words
            words += [] if proposed else [*block, line]
            block = None
        else:
            block.append(line)
    words += block or []
    draft.words(StepKind.SAID, "\n".join(words).strip("\n"), turn.line)
    return edits


def _edits(path: str, body: list[str], record: int) -> Iterator[Step]:
    text = "\n".join(body)
    if found := replacements(text):
        for edit in found:
            yield Step(StepKind.EDITED, record, path=path, edits=(edit,))
    elif len(body) > 1 and body[0].startswith("--- ") and body[1].startswith("+++ "):
        to = body[1][4:].strip().removeprefix("b/")
        yield Step(StepKind.EDITED, record, path=to, edits=tuple(hunks(body)))
    elif re.fullmatch(r"[\w./-]+\.\w+", path):
        yield Step(StepKind.WROTE, record, text + "\n", path)


def _make(draft: Draft, waiting: list[Step], path: str, known: set[str]) -> None:
    for step in [step for step in waiting if step.path == path]:
        waiting.remove(step)
        edit = step.edits[0] if step.edits else Edit("", "")
        if step.kind is StepKind.EDITED and len(step.edits) == 1 and not edit.old:
            new = path not in known
            wrote = Step(StepKind.WROTE, step.record, edit.new, path)
            step = wrote if new else replace(step, edits=(replace(edit, after_line=END),))
        known.add(path)
        draft.steps.append(replace(step, failed=False))


def _give_up(draft: Draft, waiting: list[Step]) -> None:
    """What aider did not say that it made was not made."""
    shown = [step for step in waiting if step.kind is StepKind.EDITED]
    draft.steps += [replace(step, failed=True) for step in shown]
    for step in waiting:
        if step.kind is StepKind.WROTE:
            # A block of code under the name of a file that is no edit.
            words = f"{step.path}\n```\n{step.text}```"
            draft.words(StepKind.SAID, words, step.record)
    waiting.clear()


def _run(draft: Draft, turn: _Turn, command: str | None) -> str | None:
    """Commands that aider ran; returns one whose output may still come."""
    output: list[str] = []
    for line in [*turn.lines, ""]:
        running = _RUNNING.match(line)
        if command is not None and output and (_ITSELF.match(line) or not line):
            draft.result(command, "\n".join(output), Fate(), turn.line)
            command, output = None, []
        if running:
            _unanswered(draft, command, turn.line)
            command = f"run {len(draft.steps)}"
            draft.call("bash", {"command": running[1].strip()}, command, turn.line)
        elif command is not None and not _ITSELF.match(line) and (line or output):
            output.append(line)
    return command


def _unanswered(draft: Draft, command: str | None, line: int) -> None:
    """A command that printed nothing."""
    if command is not None and draft.is_open(command):
        draft.result(command, "", Fate(), line)


def _asked(draft: Draft, turn: _Turn) -> None:
    text = "\n".join(turn.lines)
    if text.startswith(_RAN) and _GOT in text:
        ran, _, got = text.removeprefix(_RAN).partition(_GOT)
        draft.call("bash", {"command": ran.strip()}, None, turn.line)
        draft.result(None, got.strip("\n"), Fate(), turn.line)
    elif text.startswith(("/run ", "/test ")):
        draft.skip("command of the user")
    else:
        draft.message("user", text, turn.line)


AIDER = Aider()
