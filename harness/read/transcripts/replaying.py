"""The files that a transcript's steps leave behind, and what was run on which state of them."""

from __future__ import annotations

import posixpath
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.code.lines import LineIndex
from harness.model import Edit, Step, StepKind, Transcript
from harness.read.transcripts import shell

# Files kept, characters per file and of all of them, and times that something is written; more is
# not something an answer to a request needs.
_MAX_FILES, _MAX_CHARACTERS, _MAX_TOTAL, _MAX_WRITES = 100, 100_000, 1_000_000, 5_000
# States of the files that are remembered: the first changes and the last runs; a transcript has
# tens of both.
MAX_CHANGES, MAX_RUNS = 400, 100


@dataclass(frozen=True)
class FileChange:
    """One change of a Python file."""

    # Index of the step.
    step: int
    path: str
    # The files after it.
    files: Mapping[str, str]


@dataclass(frozen=True)
class ScriptRun:
    """One start of Python or pytest."""

    # Index of the step.
    step: int
    started: shell.PythonRun
    # The files as they were then.
    files: Mapping[str, str]
    # How many changes came before it.
    changes: int


@dataclass(frozen=True)
class Replay:
    """What came of a transcript."""

    # Final Python files by path, in the order in which they were last written.
    files: Mapping[str, str]
    # The first ``MAX_CHANGES`` of them.
    changes: tuple[FileChange, ...]
    # The last ``MAX_RUNS`` of them.
    runs: tuple[ScriptRun, ...]
    # Changes that could not be followed, as (index of the step, what it was, path or empty).
    lost: tuple[tuple[int, str, str], ...]


@dataclass
class _Player:
    files: dict[str, str] = field(default_factory=dict)
    changes: list[FileChange] = field(default_factory=list)
    runs: deque[ScriptRun] = field(default_factory=lambda: deque(maxlen=MAX_RUNS))
    # How often something was written.
    written: int = 0
    lost: list[tuple[int, str, str]] = field(default_factory=list)

    def play(self, index: int, step: Step) -> None:
        match step.kind:
            case StepKind.WROTE if not step.failed:
                self.write(index, step.path or "", step.text)
            case StepKind.EDITED if not step.failed:
                self.edit(index, step)
            case StepKind.RAN if step.language == "python":
                self.run(index, shell.PythonRun("inline", step.text, ()))
            case StepKind.RAN:
                for action in shell.read(step.text):
                    self.act(index, action)

    def act(self, index: int, action: shell.Written | shell.Changed | shell.PythonRun) -> None:
        match action:
            case shell.Written(path=path, content=content, appends=appends):
                known = self.find(path) if appends else None
                self.write(index, known or path, self.files.get(known or "", "") + content)
            case shell.Changed(words=words, paths=paths):
                known_paths = [p for p in map(self.find, paths) if p]
                for path in known_paths or ([""] if not paths else []):
                    self.lost.append((index, words, path))
            case shell.PythonRun():
                self.run(index, action)

    def run(self, index: int, started: shell.PythonRun) -> None:
        self.runs.append(ScriptRun(index, started, dict(self.files), self.written))

    def find(self, path: str) -> str | None:
        return find(self.files, path)

    def write(self, index: int, path: str, content: str) -> None:
        path = posixpath.normpath(path)
        if not path.endswith(".py"):
            return
        total = sum(map(len, self.files.values())) - len(self.files.get(path, "")) + len(content)
        if (
            len(content) > _MAX_CHARACTERS
            or total > _MAX_TOTAL
            or self.written >= _MAX_WRITES
            or (path not in self.files and len(self.files) >= _MAX_FILES)
        ):
            self.lost.append((index, "a file beyond what is kept", path))
            return
        known = self.find(path) or path
        # The last one written stands last.
        self.files.pop(known, None)
        self.files[known] = content
        self.written += 1
        if len(self.changes) < MAX_CHANGES:
            self.changes.append(FileChange(index, known, dict(self.files)))

    def edit(self, index: int, step: Step) -> None:
        path = self.find(step.path or "")
        if path is None:
            if (step.path or "").endswith(".py"):
                self.lost.append((index, "an edit of a file that was not seen", step.path or ""))
            return
        content: str | None = self.files[path]
        for edit in step.edits[:_MAX_WRITES]:
            if content is not None and len(content) <= _MAX_CHARACTERS:
                content = _edited(content, edit)
        if content is None:
            self.lost.append((index, "an edit whose old text is not in the file", path))
        else:
            self.write(index, path, content)


def replay(transcript: Transcript) -> Replay:
    """Play the steps on an empty folder; only Python files are kept."""
    player = _Player()
    for index, step in enumerate(transcript.steps):
        player.play(index, step)
    return Replay(player.files, tuple(player.changes), tuple(player.runs), tuple(player.lost))


def find(files: Mapping[str, str], path: str) -> str | None:
    """The file that ``path`` means: itself, or the last one whose path ends or starts like it."""
    path = posixpath.normpath(path)
    if path in files:
        return path
    near: Iterator[str] = (
        known
        for known in reversed(list(files))
        if known.endswith("/" + path.lstrip("./")) or path.endswith("/" + known)
    )
    return next(near, None)


def _edited(content: str, edit: Edit) -> str | None:
    if edit.after_line is not None:
        at = LineIndex(content).start(max(0, edit.after_line) + 1)
        before = content[:at] + "\n" * (at > 0 and content[at - 1] not in "\r\n")
        return before + edit.new + "\n" * (not edit.new.endswith("\n")) + content[at:]
    if not edit.old:
        # An edit of an empty file writes it.
        return edit.new if not content else None
    if edit.old not in content:
        return None
    return content.replace(edit.old, edit.new, -1 if edit.everywhere else 1)
