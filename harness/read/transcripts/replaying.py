"""The files that a transcript's steps leave behind, and what was run on which state of them.

Each state of a file is kept by a number. What a later step shows of a file (a tool that reads it,
``cat``, the original text in an edit) is what it held since its last change, so that a change that
could not be followed is known after all, also for runs that lie between.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache

from harness.code.lines import split_lines
from harness.code.parsing import Unreadable, parse
from harness.model import Edit, Ending, Step, StepKind, Transcript
from harness.read.transcripts import shell
from harness.read.transcripts.editing import edited, patches, substituted

# Files kept, characters per file and of all of them, and times that something is written; more is
# not something an answer to a request needs.
_MAX_FILES, _MAX_CHARACTERS, _MAX_TOTAL, _MAX_WRITES = 100, 100_000, 1_000_000, 5_000
# States of the files that are remembered: the first changes and the last runs; a transcript has
# tens of both.
MAX_CHANGES, MAX_RUNS = 400, 100
# Characters and parts of all commands that are taken apart, and parts that are gone through to
# work out what became of one.
_MAX_COMMANDS, _MAX_PARTS, _MAX_FATES = 1_000_000, 30_000, 60_000
# Of an output that shows a file, and of a call that is not understood, so much is read.
_MAX_SHOWN, _MAX_WORDS = 400_000, 4_000
# Characters that are parsed to compare what is shown with what is known.
_MAX_PARSED = 500_000
# Characters that go through ``sed``.
_MAX_SUBSTITUTED = 1_000_000
_SCRATCH = re.compile(r"(?:/private)?(?:/var)?/tmp/|/dev/shm/")
_SCRIPTS = (".sh", ".bash")
# Signs that an output is not all of it.
_CUT = re.compile(
    r"truncated|omitted|elided|more lines|lines? (?:hidden|skipped)|too (?:long|large)", re.I
)
# Names of tools that write, and of those that only look.
_WRITES = re.compile(r"edit|writ|patch|apply|replace|insert|creat|delet|append|save|modif", re.I)
_LOOKS = re.compile(r"read|get|list|search|view|show|fetch|query|find|look|diagnos|think", re.I)
# Python that changes files by itself, and the names of Python files in it.
_PYTHON_WRITES = re.compile(
    r"\.write_(?:text|bytes)\(|\bopen\([^)\n]*,\s*(?:mode\s*=\s*)?[\"'](?:[wax]|r\+)|"
    r"\bshutil\.|\bos\.(?:rename|replace|remove)\(|\.unlink\(|\bfileinput\b"
)
_PY_NAME = re.compile(r"[\"']([\w./-]*\w\.py)[\"']")


@dataclass(frozen=True)
class Lost:
    """A change that could not be followed."""

    # Index of the step.
    step: int
    what: str
    # Empty where it may be any file.
    path: str


@dataclass(frozen=True)
class FileChange:
    """One change of a Python file."""

    # Index of the step.
    step: int
    path: str
    # What it held then, as far as that is known.
    content: str


@dataclass(frozen=True)
class ScriptRun:
    """One start of Python or of a test runner."""

    # Index of the step.
    step: int
    started: shell.PythonRun
    # The files as they were then, also those that were only shown.
    files: Mapping[str, str]
    # Those of them whose content is not known to the letter.
    unsure: frozenset[str]
    # How many changes came before it.
    changes: int
    # What may have become of it: ``not`` (begun), ``ok``, ``fail``, ``started``.
    marks: frozenset[shell.Mark]
    # Lines of its command, which show nothing where they are printed.
    own_lines: frozenset[str]
    # The code of other runs of the same command, which may print the same.
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Replay:
    """What came of a transcript."""

    # Final Python files by path, in the order in which they were last written.
    files: Mapping[str, str]
    # Those whose content is not known to the letter, with the reason.
    unsure: Mapping[str, Lost]
    # Files that were shown, and that no step is known to have changed.
    shown: Mapping[str, str]
    # The first ``MAX_CHANGES`` of them.
    changes: tuple[FileChange, ...]
    # The last ``MAX_RUNS`` of them.
    runs: tuple[ScriptRun, ...]
    # Changes that could not be followed.
    lost: tuple[Lost, ...]
    # Indices of steps that are not understood.
    unknown: tuple[int, ...]


@dataclass
class _State:
    """What a file held from one change to the next."""

    content: str
    # Why that is a guess; ``None`` where it is known.
    lost: Lost | None = None


@dataclass
class _Player:
    states: list[_State] = field(default_factory=list)
    # Path -> number of its state.
    files: dict[str, int] = field(default_factory=dict)
    shown: dict[str, int] = field(default_factory=dict)
    scripts: dict[str, str] = field(default_factory=dict)
    # Step, path and state of each change.
    changes: list[tuple[int, str, int]] = field(default_factory=list)
    runs: deque[tuple[ScriptRun, dict[str, int]]] = field(
        default_factory=lambda: deque(maxlen=MAX_RUNS)
    )
    lost: list[Lost] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    # How often something was written, and what commands have cost.
    written: int = 0
    commands: int = 0
    parts: int = 0
    fates: int = 0
    parsed: int = 0
    substituted: int = 0
    # Why Python is not what it was; empty where it is.
    forged: str = ""

    def play(self, index: int, step: Step) -> None:
        match step.kind:
            case StepKind.UNKNOWN if not step.failed:
                self.guess(index, step)
            case StepKind.SHOWED if not step.failed:
                self.show(step.path or "", step.text)
            case StepKind.RAN:
                self.ran(index, step)
            case StepKind.WROTE if not step.failed:
                self.write(index, step.path or "", step.text)
            case StepKind.EDITED if not step.failed:
                self.edit(index, step)
            case StepKind.REMOVED if not step.failed:
                if step.moved_to:
                    self.copy(index, shell.Copied(step.path or "", step.moved_to, moves=True))
                else:
                    self.remove(step.path or "")

    # ---- commands

    def ran(self, index: int, step: Step) -> None:
        passed = step.status == 0 if step.status is not None else None
        if passed is None and step.failed is not None:
            passed = not step.failed
        # Where a shell found nothing to run, it did all the rest.
        refused = step.ending is Ending.REFUSED
        begun = not refused or re.search(r"not found\W*$", step.output or "") is not None
        passed = None if refused else passed
        if step.language == "python":
            started = shell.PythonRun("inline", step.text, ())
            marks: frozenset[shell.Mark] = frozenset(("ok", "fail"))
            if passed is not None:
                marks = frozenset(("ok",) if passed else ("fail",))
            self.run(index, started, marks, frozenset())
            return
        room = _MAX_COMMANDS - self.commands if self.parts < _MAX_PARTS else 0
        self.commands += len(step.text)
        command = shell.read(step.text, self.script, room, list(self.files))
        self.parts += command.size
        for part, action in command.actions:
            self.fates += command.size
            marks = frozenset(("not", "ok", "fail"))
            if self.fates < _MAX_FATES:
                marks = command.became(part, passed)
            if marks == {"not"}:
                continue
            if isinstance(action, shell.PythonRun):
                self.run(index, action, marks, command.own_lines)
            elif marks != {"fail"} and begun:
                surely = marks == {"ok"} or (passed is None and "ok" in marks)
                self.act(index, action, surely)
        if command.shows and step.output is not None and passed is not False:
            self.show_output(command.shows, step.output)

    def script(self, path: str) -> str | None:
        """The shell script at ``path``, as it was last written."""
        known = find(self.scripts, path)
        return None if known is None else self.scripts[known]

    def act(self, index: int, action: shell.Action, surely: bool) -> None:
        """Change the files; of what may not have been done, the result is a guess."""
        lost = None if surely else Lost(index, "a command that may not have come so far", "")
        match action:
            case shell.Written(path=path, content=content, appends=appends, sure=sure):
                if not sure:
                    lost = Lost(index, "a file with text that the shell put in", path)
                known = self.find(path) if appends else None
                before = self.states[self.files[known]] if known else _State("")
                self.write(index, known or path, before.content + content, lost or before.lost)
            case shell.Joined(sources=sources, path=path, appends=appends):
                self.join(index, [*([path] if appends else []), *sources], path, lost)
            case shell.Copied():
                self.copy(index, action, lost)
            case shell.Removed(path=path) if surely:
                self.remove(path)
            case shell.Substituted(paths=paths, words=words):
                for path in paths:
                    state = self.known(path)
                    made = None
                    self.substituted += len(state.content) if state else 0
                    if state is not None and self.substituted <= _MAX_SUBSTITUTED:
                        made = substituted(state.content, action.expressions, action.extended)
                    if made is None or state is None:
                        self.lose(index, words, path)
                    else:
                        self.write(index, path, made, lost or state.lost)
            case shell.Patched(text=text, words=words):
                self.patch(index, text, words, lost)
            case shell.Changed(words=words, paths=paths):
                for path in paths or list(self.files):
                    self.lose(index, words, path)
                if not paths:
                    self.lost.append(Lost(index, words, ""))
            case shell.Forged(words=words):
                self.forged = words

    def run(
        self,
        index: int,
        started: shell.PythonRun,
        marks: frozenset[shell.Mark],
        own_lines: frozenset[str],
    ) -> None:
        if self.forged and not started.void:
            void = f"what Python is was changed before (`{self.forged}`)"
            started = replace(started, void=void)
        run = ScriptRun(index, started, {}, frozenset(), self.written, marks, own_lines)
        self.runs.append((run, {**self.shown, **self.files}))
        code = started.code
        if started.mode == "script":
            path = self.find(started.paths[0])
            code = self.states[self.files[path]].content if path else ""
        if _PYTHON_WRITES.search(code):
            for name in dict.fromkeys(_PY_NAME.findall(code)[:20]):
                if started.mode != "script" or self.find(name) != self.find(started.paths[0]):
                    self.lose(index, "Python that writes files itself", name)

    # ---- files

    def find(self, path: str) -> str | None:
        return find(self.files, path)

    def known(self, path: str) -> _State | None:
        """What a file holds, also one that was only shown."""
        for files in (self.files, self.shown):
            found = find(files, path)
            if found is not None:
                return self.states[files[found]]
        return None

    def write(self, index: int, path: str, content: str, lost: Lost | None = None) -> None:
        path = posixpath.normpath(path)
        if shell.PYTHON_ITSELF.match(path):
            self.forged = f"{path} was written"
        if path.endswith(_SCRIPTS) and len(self.scripts) < _MAX_FILES and lost is None:
            self.scripts[path] = content[:_MAX_CHARACTERS]
        if not path.endswith(".py"):
            return
        known = same(self.files, path) or path
        before = self.states[self.files[known]].content if known in self.files else ""
        total = sum(len(self.states[n].content) for n in self.files.values())
        if (
            len(content) > _MAX_CHARACTERS
            or total - len(before) + len(content) > _MAX_TOTAL
            or self.written >= _MAX_WRITES
            or (known not in self.files and len(self.files) >= _MAX_FILES)
        ):
            self.lost.append(Lost(index, "a file beyond what is kept", path))
            if known in self.files:
                # What it holds from now on is something else.
                self.files[known] = len(self.states)
                self.states.append(_State(before, self.lost[-1]))
            return
        if lost is not None and not lost.path:
            lost = Lost(lost.step, lost.what, known)
        if lost is not None and lost not in self.lost[-1:]:
            self.lost.append(lost)
        # The last one written stands last.
        self.files.pop(known, None)
        self.files[known] = len(self.states)
        self.states.append(_State(content, lost))
        self.written += 1
        if len(self.changes) < MAX_CHANGES:
            self.changes.append((index, known, self.files[known]))

    def lose(self, index: int, what: str, path: str) -> None:
        """A file was changed, and nobody knows how."""
        path = posixpath.normpath(path)
        if not path.endswith(".py"):
            return
        state = self.known(path)
        lost = Lost(index, what, self.find(path) or path)
        self.lost.append(lost)
        self.write(index, self.find(path) or path, state.content if state else "", lost)

    def remove(self, path: str) -> None:
        path = posixpath.normpath(path)
        found = same(self.files, path)
        for known in [found] if found else list(self.files):
            if known == found or fnmatchcase(known, path) or known.startswith(path + "/"):
                del self.files[known]

    def copy(self, index: int, action: shell.Copied, lost: Lost | None = None) -> None:
        source, goal = posixpath.normpath(action.source), posixpath.normpath(action.path)
        state = self.known(source)
        if state is not None:
            self.write(index, goal, state.content, lost or state.lost)
        elif goal.endswith(".py"):
            self.lose(index, f"a copy of {source}, which was not seen", goal)
        for known in [path for path in self.files if path.startswith(source + "/")]:
            inside = self.states[self.files[known]]
            self.write(index, goal + known[len(source) :], inside.content, lost or inside.lost)
        if action.moves and lost is None:
            self.remove(source)

    def join(self, index: int, sources: list[str], path: str, lost: Lost | None) -> None:
        states = [self.known(source) for source in sources]
        text = "".join(state.content for state in states if state)
        if None in states:
            lost = Lost(index, "a file made of files that were not seen", path)
            self.lost.append(lost)
        known = [state.lost for state in states if state and state.lost]
        self.write(index, path, text, lost or (known[0] if known else None))

    def patch(self, index: int, diff: str, words: str, lost: Lost | None) -> None:
        for one in patches(diff):
            state = self.known(one.old) if one.old else _State("")
            content = state.content if state else None
            for edit in one.edits:
                content = None if content is None else edited(content, edit)
            if one.new is None:
                self.remove(one.old or "")
            elif content is None or state is None:
                self.lose(index, words, one.new)
            else:
                self.write(index, one.new, content, lost or state.lost)

    def edit(self, index: int, step: Step) -> None:
        path = step.path or ""
        if step.before is not None:
            self.show(path, step.before)
        state = self.known(path)
        new = [edit.new for edit in step.edits]
        if state is None and len(new) == 1 and step.edits[0] == Edit("", new[0]):
            state = _State("")
        if state is None:
            self.lose(index, "an edit of a file that was not seen", path)
            return
        content: str | None = state.content
        for edit in step.edits[:_MAX_WRITES]:
            if content is not None and len(content) <= _MAX_CHARACTERS:
                content = edited(content, edit)
        goal = step.moved_to or path
        if step.moved_to:
            self.remove(path)
        if content is None:
            self.lose(index, "an edit whose old text is not in the file", goal)
        else:
            self.write(index, same(self.files, goal) or goal, content, state.lost)

    # ---- what is seen of them

    def show(self, path: str, content: str) -> None:
        """The whole text of a file, as it has been since its last change."""
        path = posixpath.normpath(path)
        if not path.endswith(".py") or len(content) > _MAX_CHARACTERS:
            return
        known = self.find(path)
        if known is None:
            if len(self.shown) < _MAX_FILES:
                self.shown[path] = len(self.states)
                self.states.append(_State(content))
            return
        state = self.states[self.files[known]]
        if state.lost is not None or not self.alike(state.content, content):
            state.content, state.lost = content, None

    def alike(self, one: str, other: str) -> bool:
        """Whether two texts are the same code."""
        if one.strip() == other.strip():
            return True
        first, second = self.tree(one), self.tree(other)
        return first is not None and first == second

    def tree(self, code: str) -> str | None:
        """The code without its layout; ``None`` where it is none, or there is too much of it."""
        self.parsed += len(code)
        return _tree(code) if self.parsed <= _MAX_PARSED else None

    def show_output(self, path: str, output: str) -> None:
        """The text of a file, where an output is nothing else."""
        numbered, path = path.startswith("#"), path.removeprefix("#")
        if not path.endswith(".py") or len(output) > _MAX_SHOWN:
            return
        lines = split_lines(output.strip("\n"))
        if numbered:
            lines = [re.sub(r"^\s*\d+\t", "", line) for line in lines]
        text = "\n".join(lines) + "\n"
        if text.strip() and not _CUT.search(text) and self.tree(text) is not None:
            self.show(path, text)

    def guess(self, index: int, step: Step) -> None:
        """A call that is not understood: the files that it may have changed."""
        self.unknown.append(index)
        name = step.text.split(maxsplit=1)[0] if step.text.strip() else ""
        if _LOOKS.search(name) and not _WRITES.search(name):
            return
        words = f"{step.text}\n{step.output or ''}"[:_MAX_WORDS]
        named = [path for path in self.files if posixpath.basename(path) in words]
        if step.path:
            named = [step.path]
        if not named and _WRITES.search(name):
            named = list(self.files)
        what = f"a call of {' '.join(step.text.split())[:60]}, which is not understood"
        for path in named:
            self.lose(index, what, path)

    def finish(self) -> Replay:
        contents = {path: self.states[n].content for path, n in self.files.items()}
        unsure = {path: lost for path, n in self.files.items() if (lost := self.states[n].lost)}
        return Replay(
            contents,
            unsure,
            {path: self.states[n].content for path, n in self.shown.items()},
            tuple(FileChange(i, path, self.states[n].content) for i, path, n in self.changes),
            tuple(_beside([self.resolved(run, files) for run, files in self.runs])),
            tuple(self.lost),
            tuple(self.unknown),
        )

    def resolved(self, run: ScriptRun, files: Mapping[str, int]) -> ScriptRun:
        contents = {path: self.states[n].content for path, n in files.items()}
        unsure = frozenset(path for path, n in files.items() if self.states[n].lost)
        return replace(run, files=contents, unsure=unsure)


def _beside(runs: Sequence[ScriptRun]) -> Iterator[ScriptRun]:
    """The runs, each with the code of the others of its command."""
    by_step: dict[int, list[str]] = {}
    for run in runs:
        by_step.setdefault(run.step, []).append(_code(run))
    for run in runs:
        others = list(by_step[run.step])
        others.remove(_code(run))
        yield replace(run, beside=tuple(others))


def _code(run: ScriptRun) -> str:
    path = find(run.files, run.started.paths[0]) if run.started.mode == "script" else None
    return run.started.code if path is None else run.files[path]


def replay(transcript: Transcript) -> Replay:
    """Play the steps on an empty folder; only Python files are kept."""
    player = _Player()
    for index, step in enumerate(transcript.steps):
        player.play(index, step)
    return player.finish()


def with_end(transcript: Transcript, left: Mapping[str, str]) -> Transcript:
    """The transcript, and behind it what somebody found in the files at the end, by path."""
    played = replay(transcript)
    last = transcript.steps[-1].record if transcript.steps else 1
    steps = list(transcript.steps)
    for path, content in left.items():
        known = find(played.files, path)
        kind = StepKind.WROTE if known is None else StepKind.SHOWED
        steps.append(Step(kind, last, content, known or path))
    for path in played.files:
        if find(left, path) is None:
            steps.append(Step(StepKind.REMOVED, last, path=path))
    return replace(transcript, steps=tuple(steps))


def find(files: Mapping[str, object], path: str) -> str | None:
    """The file that ``path`` means: itself, or the last one whose path ends or starts like it.

    One among temporary files, where an agent keeps what it tries, comes after all others.
    """
    path = posixpath.normpath(path)
    if path in files:
        return path
    near = [
        known
        for known in reversed(list(files))
        if known.endswith("/" + path.lstrip("./")) or path.endswith("/" + known)
    ]
    return next(iter(at_home(near) or near), None)


def at_home(paths: Sequence[str]) -> list[str]:
    """Those of them that are not among temporary files."""
    return [path for path in paths if not _SCRATCH.match(path)]


def same(files: Mapping[str, object], path: str) -> str | None:
    """The file at ``path``, where one of the two is given from the root and the other is not."""
    if path in files:
        return path
    for known in reversed(list(files)):
        if known.startswith("/") is not path.startswith("/"):
            longer, shorter = (known, path) if known.startswith("/") else (path, known)
            if longer.endswith("/" + shorter.removeprefix("./")):
                return known
    return None


@lru_cache(maxsize=64)
def _tree(code: str) -> str | None:
    try:
        return ast.dump(parse(code))
    except Unreadable:
        return None
